//! Signing as a verifier sees it, and that no secret shows.

use std::time::{Duration, SystemTime};

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    signature::{
        ECDSA_P256_SHA256_FIXED, KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair,
        UnparsedPublicKey,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{
    AuthError, Credentials, LegacyKey, OAuthClient, OAuthKey, ReadyToken, TokenReply, TokenSource,
    test_keys,
};

const NOW: u64 = 1_750_000_000;

fn now() -> SystemTime {
    // Half a second more, to see that claims are whole seconds.
    SystemTime::UNIX_EPOCH + Duration::from_millis(NOW * 1000 + 500)
}

/// Header, claims, signed text and signature.
fn taken_apart(token: &SecretString) -> (Value, Value, String, Vec<u8>) {
    let token = token.expose_secret();
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    let (header, claims) = signed.split_once('.').expect("two parts");
    let bytes = |part| {
        URL_SAFE_NO_PAD
            .decode(part)
            .expect("base64url without padding")
    };
    let json = |part| serde_json::from_slice(&bytes(part)).expect("JSON");
    (
        json(header),
        json(claims),
        signed.to_owned(),
        bytes(signature),
    )
}

fn rsa_verifies(signed: &str, signature: &[u8]) -> bool {
    let key = RsaKeyPair::from_pkcs8(test_keys::rsa_pkcs8()).expect("the key");
    let der: PublicKeyX509Der<'_> = key.public_key().as_der().expect("its form");
    let public =
        ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.as_ref()).expect("a public key");
    public.verify_sig(signed.as_bytes(), signature).is_ok()
}

fn ec_verifies(jwk: &Value, signed: &str, signature: &[u8]) -> bool {
    let mut point = vec![4];
    for name in ["x", "y"] {
        point.extend(
            URL_SAFE_NO_PAD
                .decode(jwk[name].as_str().expect("text"))
                .expect("base64url"),
        );
    }
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    signature.len() == 64 && public.verify(signed.as_bytes(), signature).is_ok()
}

#[test]
fn legacy_tokens_are_as_the_service_wants_them() {
    let pkcs1 = test_keys::pem("RSA PRIVATE KEY", test_keys::rsa_pkcs1());
    let pkcs8 = test_keys::pem("PRIVATE KEY", test_keys::rsa_pkcs8());
    for pem in [&pkcs1, &pkcs8, &pkcs1.replace('\n', "\r\n")] {
        // The audience is the file's URL to the letter.
        for url in [
            "https://x/restapi",
            "https://x/restapi/",
            "https://x/restapi/v1",
        ] {
            let key = LegacyKey::parse(&test_keys::legacy_text(url, pem)).expect("a key");
            assert_eq!(key.admin_rest_api_url(), url);
            let (header, claims, signed, signature) =
                taken_apart(&key.mint(now()).expect("a token"));
            assert_eq!(header, json!({"typ": "JWT", "alg": "RS256"}));
            let expected = json!({"sub": "access-1", "aud": url, "iat": NOW, "exp": NOW + 3300});
            assert_eq!(claims, expected);
            assert!(rsa_verifies(&signed, &signature));
        }
    }
}

fn assertion_of(client: &OAuthClient) -> SecretString {
    let request = client.request(now()).expect("a request");
    assert_eq!(request.url, "https://t.auth.example/oauth/token");
    let names: Vec<_> = request.form.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "grant_type",
            "client_id",
            "client_assertion_type",
            "client_assertion"
        ]
    );
    let value = |n: usize| request.form[n].1.expose_secret();
    assert_eq!(value(0), "client_credentials");
    assert_eq!(value(1), "client-1");
    assert_eq!(
        value(2),
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    request.form[3].1.clone()
}

#[test]
fn assertions_verify_and_name_client_and_endpoint() {
    let (rsa, ec) = (test_keys::rsa_jwk(), test_keys::ec_jwk());
    let mut without_kid = ec.clone();
    without_kid
        .as_object_mut()
        .expect("an object")
        .remove("kid");
    for (jwk, alg, kid) in [
        (rsa.clone(), "RS256", Some("rsa-1")),
        (ec.clone(), "ES256", Some("ec-1")),
        (json!({"keys": [ec]}), "ES256", Some("ec-1")),
        (without_kid, "ES256", None),
    ] {
        let (header, mut claims, signed, signature) =
            taken_apart(&assertion_of(&test_keys::client(&jwk)));
        let mut expected = json!({"typ": "JWT", "alg": alg});
        if let Some(kid) = kid {
            expected["kid"] = kid.into();
        }
        assert_eq!(header, expected);
        let jti = claims["jti"].take();
        assert!(
            uuid::Uuid::parse_str(jti.as_str().expect("text"))
                .is_ok_and(|id| id.get_version_num() == 4)
        );
        let expected = json!({
            "iss": "client-1", "sub": "client-1", "aud": "https://t.auth.example/oauth/token",
            "jti": null, "iat": NOW, "exp": NOW + 300,
        });
        assert_eq!(claims, expected);
        let jwk = jwk["keys"].get(0).unwrap_or(&jwk);
        let verifies = match alg {
            "RS256" => rsa_verifies(&signed, &signature),
            _ => ec_verifies(jwk, &signed, &signature),
        };
        assert!(verifies, "{alg}");
    }
}

#[test]
fn no_assertion_is_like_another() {
    let client = test_keys::ec_client();
    let jti = |token| taken_apart(&token).1["jti"].clone();
    assert_ne!(jti(assertion_of(&client)), jti(assertion_of(&client)));
}

#[test]
fn an_rsa_key_needs_every_member() {
    for name in ["n", "e", "d", "p", "q", "dp", "dq", "qi"] {
        let mut jwk = test_keys::rsa_jwk();
        jwk.as_object_mut().expect("an object").remove(name);
        let why = OAuthKey::parse(&jwk.to_string()).expect_err(name);
        assert!(why.contains(&format!("`{name}` is missing")), "{why}");
        let crt = ["p", "q", "dp", "dq", "qi"].contains(&name);
        assert_eq!(why.contains("p, q, dp, dq and qi"), crt, "{why}");
    }
}

#[test]
fn a_key_of_the_other_kind_is_recognised() {
    let why = LegacyKey::parse(&test_keys::rsa_jwk().to_string()).expect_err("a JWK");
    assert!(
        why.contains("JWK") && why.contains("--oauth-key-file"),
        "{why}"
    );
    let why =
        OAuthKey::parse(&test_keys::legacy_text("https://x", "pem")).expect_err("a legacy key");
    assert!(why.contains("--api-key-file"), "{why}");
}

/// What must not show: a stretch from the middle of each private member.
fn secrets() -> Vec<String> {
    let jwk = test_keys::rsa_jwk();
    let members =
        ["d", "p", "q", "dp", "dq", "qi"].map(|name| jwk[name].as_str().expect("text").to_owned());
    let pem = test_keys::pem("K", test_keys::rsa_pkcs1());
    let middle = |text: &str| text[text.len() / 2..text.len() / 2 + 24].to_owned();
    members
        .iter()
        .chain([&pem])
        .map(|text| middle(text))
        .collect()
}

#[tokio::test]
async fn no_secret_shows_in_debug_output() {
    let ready = || ReadyToken::Given(SecretString::from("hush-hush"));
    let source = TokenSource::new(Credentials::Ready(ready()), |_| panic!("no request"));
    let token = source.current().await.expect("a token");
    let client = test_keys::client(&test_keys::rsa_jwk());
    let request = client.request(now()).expect("a request");
    let assertion = request.form[3].1.expose_secret().to_owned();
    let reply = TokenReply {
        status: 200,
        body: b"hush-hush".to_vec(),
        sent: tokio::time::Instant::now(),
    };
    let shown = format!(
        "{source:?} {token:?} {request:?} {reply:?} {:?} {:?} {:?}",
        Credentials::Legacy(test_keys::legacy("https://x")),
        Credentials::OAuth(client),
        Credentials::Ready(ready()),
    );
    let bytes = format!("{:?}", b"hush-hush")
        .trim_matches(['[', ']'])
        .to_owned();
    let more = ["hush-hush".to_owned(), assertion, bytes];
    for secret in secrets().iter().chain(&more) {
        assert!(!shown.contains(secret.as_str()), "{secret} shows");
    }
}

#[test]
fn no_secret_shows_in_errors() {
    let broken = |text: String| text.replacen('"', "", 1);
    let mut odd = test_keys::rsa_jwk();
    odd["q"] = odd["p"].clone();
    let mut nested = test_keys::rsa_jwk();
    nested["n"] = json!({"d": nested["d"]});
    let pem = test_keys::pem("RSA PRIVATE KEY", &test_keys::rsa_pkcs1()[..600]);
    let whole = test_keys::pem("RSA PRIVATE KEY", test_keys::rsa_pkcs1());
    let errors = [
        OAuthKey::parse(&broken(test_keys::rsa_jwk().to_string())).expect_err("broken"),
        OAuthKey::parse(&odd.to_string()).expect_err("odd"),
        OAuthKey::parse(&nested.to_string()).expect_err("nested"),
        OAuthKey::parse(&whole).expect_err("a bare PEM"),
        LegacyKey::parse(&test_keys::legacy_text("https://x", &pem)).expect_err("cut"),
        LegacyKey::parse(&broken(test_keys::legacy_text("https://x", &whole))).expect_err("broken"),
        LegacyKey::parse(&whole).expect_err("a bare PEM"),
    ];
    for (error, secret) in errors
        .iter()
        .flat_map(|error| secrets().into_iter().map(move |secret| (error, secret)))
    {
        assert!(!error.contains(&secret), "{error}");
    }
}

#[test]
fn a_jws_in_the_services_words_is_not_repeated() {
    let assertion = assertion_of(&test_keys::ec_client());
    let assertion = assertion.expose_secret();
    for words in [
        assertion.to_owned(),
        format!("bad assertion \"{assertion}\"!"),
        format!("jwt={assertion}"),
    ] {
        let body = json!({"error": "invalid_client", "error_description": words}).to_string();
        let reply = TokenReply {
            status: 400,
            body: body.into_bytes(),
            sent: tokio::time::Instant::now(),
        };
        let error = super::oauth::read_answer(&reply).expect_err("refused");
        assert!(matches!(error, AuthError::Refused(_)));
        for part in assertion.split('.') {
            assert!(!error.to_string().contains(&part[..16]), "{error}");
        }
    }
}
