//! Whose tokens are taken, and what for.

use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{ALL, Rig};
use crate::simulator::keys::{ACCESS_ID, EC_CLIENT, Keys, RSA_CLIENT};

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("after 1970").as_secs()
}

fn signed(keys: &Keys, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let algorithm = header["alg"].as_str().unwrap_or_default();
    let signature = match algorithm {
        "none" => Vec::new(),
        _ => keys.sign(algorithm, message.as_bytes()),
    };
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The value with these members put over its own; null takes one away.
fn with(mut value: Value, changes: &Value) -> Value {
    let members = value.as_object_mut().expect("an object");
    for (name, change) in changes.as_object().expect("an object") {
        match change {
            Value::Null => members.remove(name),
            change => members.insert(name.clone(), change.clone()),
        };
    }
    value
}

#[tokio::test]
async fn legacy_tokens_are_verified() {
    let rig = Rig::new("").await;
    let keys = &rig.simulator.tenant.keys;
    let other = Keys::generate().expect("keys");
    let aud = format!("{}/v1", rig.simulator.base_url());
    let header = json!({"typ": "JWT", "alg": "RS256"});
    let claims = json!({"sub": ACCESS_ID, "iat": now(), "exp": now() + 3300, "aud": aud});
    let none = json!({});
    for (name, keys, header_changes, changes, status) in [
        ("good", keys, &none, json!({}), 200),
        (
            "within the skew",
            keys,
            &none,
            json!({"iat": now() - 1000, "exp": now() - 30}),
            200,
        ),
        (
            "expired",
            keys,
            &none,
            json!({"iat": now() - 1000, "exp": now() - 90}),
            403,
        ),
        ("not yet", keys, &none, json!({"iat": now() + 90}), 403),
        ("too long", keys, &none, json!({"exp": now() + 3700}), 403),
        (
            "for ever",
            keys,
            &none,
            json!({"exp": u64::MAX, "iat": u64::MAX}),
            403,
        ),
        (
            "fractions",
            keys,
            &none,
            json!({"iat": now() as f64 + 0.5}),
            403,
        ),
        ("no iat", keys, &none, json!({"iat": null}), 403),
        (
            "aud without /v1",
            keys,
            &none,
            json!({"aud": rig.simulator.base_url()}),
            403,
        ),
        ("aud in a list", keys, &none, json!({"aud": [aud]}), 403),
        (
            "another key ID",
            keys,
            &none,
            json!({"sub": "somebody"}),
            403,
        ),
        ("another key", &other, &none, json!({}), 403),
        ("alg none", keys, &json!({"alg": "none"}), json!({}), 403),
        ("alg ES256", keys, &json!({"alg": "ES256"}), json!({}), 403),
        ("no typ", keys, &json!({"typ": null}), json!({}), 403),
    ] {
        let token = signed(
            keys,
            &with(header.clone(), header_changes),
            &with(claims.clone(), &changes),
        );
        let url = format!(
            "{}/v1/users/{}/methods",
            rig.simulator.base_url(),
            rig.users[0].id
        );
        let request = rig.client.patch(url).bearer_auth(token).body(ALL);
        let (got, answer) = Rig::answer(request).await;
        assert_eq!(got, status, "{name}");
        assert_eq!(
            answer["timestamp"].is_u64(),
            status == 403,
            "{name}: {answer}"
        );
    }
}

async fn ask(rig: &Rig, form: &[(&str, &str)]) -> (u16, Value) {
    let url = format!("{}/token", rig.simulator.issuer());
    Rig::answer(rig.client.post(url).form(form)).await
}

async fn sign_in(
    rig: &Rig,
    client: &str,
    header: &Value,
    claims: &Value,
    scope: &str,
) -> (u16, Value) {
    let assertion = signed(&rig.simulator.tenant.keys, header, claims);
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("client_assertion_type", kind),
        ("client_assertion", &assertion),
        ("scope", scope),
    ];
    ask(rig, &form).await
}

fn claims(rig: &Rig, client: &str) -> Value {
    let jti = uuid::Uuid::new_v4().to_string();
    let aud = format!("{}/token", rig.simulator.issuer());
    json!({"iss": client, "sub": client, "aud": aud, "jti": jti, "exp": now() + 300})
}

#[tokio::test]
async fn assertions_are_verified() {
    let rig = Rig::new("").await;
    let endpoint = format!("{}/token", rig.simulator.issuer());
    for (client, algorithm) in [(RSA_CLIENT, "RS256"), (EC_CLIENT, "ES256")] {
        let header = json!({"alg": algorithm, "typ": "JWT", "kid": client});
        let none = json!({});
        for (name, header_changes, changes, status) in [
            ("good", &none, json!({}), 200),
            ("with iat", &none, json!({"iat": now()}), 200),
            ("aud in a list", &none, json!({"aud": [endpoint]}), 200),
            (
                "aud is the issuer",
                &none,
                json!({"aud": rig.simulator.issuer()}),
                401,
            ),
            ("expired", &none, json!({"exp": now() - 1}), 401),
            ("for ever", &none, json!({"exp": u64::MAX}), 401),
            ("two hours", &none, json!({"exp": now() + 7200}), 401),
            ("no jti", &none, json!({"jti": null}), 401),
            ("another iss", &none, json!({"iss": "somebody"}), 401),
            ("no kid", &json!({"kid": null}), json!({}), 401),
            ("another kid", &json!({"kid": "k"}), json!({}), 401),
            ("alg none", &json!({"alg": "none"}), json!({}), 401),
        ] {
            let header = with(header.clone(), header_changes);
            let claims = with(claims(&rig, client), &changes);
            let (got, answer) = sign_in(&rig, client, &header, &claims, "").await;
            assert_eq!(got, status, "{client}, {name}: {answer}");
            assert_eq!(
                answer["error"] == "invalid_client",
                status == 401,
                "{answer}"
            );
        }
        let again = claims(&rig, client);
        assert_eq!(sign_in(&rig, client, &header, &again, "").await.0, 200);
        assert_eq!(
            sign_in(&rig, client, &header, &again, "").await.0,
            401,
            "replayed"
        );
    }
    let (status, answer) = ask(&rig, &[("grant_type", "password")]).await;
    assert_eq!(
        (status, &answer["error"]),
        (400, &json!("unsupported_grant_type"))
    );
}

#[tokio::test]
async fn a_token_is_good_for_its_scopes_only() {
    let rig = Rig::new("").await;
    let header = json!({"alg": "ES256", "kid": EC_CLIENT});
    for (scope, unlock, lookup, events) in [
        ("", 200, 200, 200),
        ("rsa.user.read rsa.user.factor.manage", 200, 200, 403),
        ("rsa.user.read", 403, 200, 403),
        ("rsa.user.factor.manage", 200, 403, 403),
        ("rsa.audit.user", 403, 403, 200),
    ] {
        let (_, answer) = sign_in(&rig, EC_CLIENT, &header, &claims(&rig, EC_CLIENT), scope).await;
        let token = answer["access_token"].as_str().expect("a token");
        let base = rig.simulator.base_url();
        let url = format!("{base}/v1/users/{}/methods", rig.users[0].id);
        let (got, body) = Rig::answer(rig.client.patch(url).bearer_auth(token).body(ALL)).await;
        assert_eq!(
            (got, body["code"] == "403 FORBIDDEN"),
            (unlock, unlock == 403),
            "{scope}"
        );
        let request = rig
            .client
            .post(format!("{base}/v1/users/lookup"))
            .bearer_auth(token);
        let request = request.json(&json!({"email": rig.users[0].email}));
        assert_eq!(Rig::answer(request).await.0, lookup, "{scope}");
        let url = format!("{base}/v1/usereventlog/exportlogs");
        let request = rig.client.get(url).bearer_auth(token);
        assert_eq!(Rig::answer(request).await.0, events, "{scope}");
    }
    let (status, answer) = sign_in(
        &rig,
        EC_CLIENT,
        &header,
        &claims(&rig, EC_CLIENT),
        "rsa.nonsense",
    )
    .await;
    assert_eq!((status, &answer["error"]), (403, &json!("invalid_scope")));
}

#[tokio::test]
async fn expires_in_is_what_the_scenario_says() {
    for (expires_in, told) in [
        ("number", json!(7)),
        ("text", json!("7")),
        ("absent", Value::Null),
        ("longer", json!(3600)),
    ] {
        let rig = Rig::new(&format!(
            "[token]\nlifetime_s = 7\nexpires_in = \"{expires_in}\"\n"
        ))
        .await;
        let header = json!({"alg": "ES256", "kid": EC_CLIENT});
        let (_, answer) = sign_in(&rig, EC_CLIENT, &header, &claims(&rig, EC_CLIENT), "").await;
        assert_eq!(
            (&answer["expires_in"], &answer["token_type"]),
            (&told, &json!("Bearer"))
        );
    }
}

#[tokio::test]
async fn a_token_that_is_over_is_refused() {
    let rig = Rig::new("[token]\nlifetime_s = 0\nrefusal = 401\n").await;
    let header = json!({"alg": "ES256", "kid": EC_CLIENT});
    let (_, answer) = sign_in(&rig, EC_CLIENT, &header, &claims(&rig, EC_CLIENT), "").await;
    let url = format!(
        "{}/v1/users/{}/methods",
        rig.simulator.base_url(),
        rig.users[0].id
    );
    let token = answer["access_token"].as_str().expect("a token");
    let (status, body) = Rig::answer(rig.client.patch(url).bearer_auth(token).body(ALL)).await;
    assert_eq!((status, &body["error"]), (401, &json!("Unauthorized")));
}

#[tokio::test]
async fn the_clock_of_the_service_decides_on_tokens() {
    for (skew, status) in [(30, 200), (1800, 200), (3600, 403), (-30, 200), (-120, 403)] {
        let rig = Rig::new(&format!("clock_skew_s = {skew}")).await;
        let keys = &rig.simulator.tenant.keys;
        let aud = format!("{}/v1", rig.simulator.base_url());
        let header = json!({"typ": "JWT", "alg": "RS256"});
        let claims = json!({"sub": ACCESS_ID, "iat": now(), "exp": now() + 3300, "aud": aud});
        let base = rig.simulator.base_url();
        let url = format!("{base}/v1/users/{}/methods", rig.users[0].id);
        let request = rig.client.patch(url).body(ALL);
        let request = request.bearer_auth(signed(keys, &header, &claims));
        assert_eq!(Rig::answer(request).await.0, status, "{skew} s");
        let header = json!({"alg": "ES256", "kid": EC_CLIENT});
        let (got, _) = sign_in(&rig, EC_CLIENT, &header, &self::claims(&rig, EC_CLIENT), "").await;
        assert_eq!(got, if skew < 300 { 200 } else { 401 }, "{skew} s");
    }
}
