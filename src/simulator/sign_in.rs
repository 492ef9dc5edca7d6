//! Who may call: the token endpoint, and what a bearer token is worth.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{
    answer::Answer,
    keys::{ACCESS_ID, EC_CLIENT, Keys, RSA_CLIENT},
    scenario::{ExpiresIn, Scenario},
};

const CLOCK_SKEW: u64 = 60;
const LONGEST_LIFE: u64 = 3600;
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The tokens that were given out or seen.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    given: HashMap<String, Given>,
    seen: HashMap<String, u64>,
    assertions: HashSet<String>,
    revoked: HashSet<String>,
}

#[derive(Debug)]
struct Given {
    ends: Instant,
    /// `None`: all.
    scopes: Option<Vec<String>>,
}

/// A request to the token endpoint.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenForm {
    grant_type: String,
    client_id: String,
    client_assertion_type: String,
    client_assertion: String,
    scope: String,
}

#[derive(Serialize)]
struct TokenAnswer {
    access_token: String,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

#[derive(Serialize)]
struct TokenError<'a> {
    error: &'a str,
    error_description: &'a str,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: String,
    #[serde(default)]
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    iss: String,
    sub: String,
    aud: Audience,
    #[serde(default)]
    jti: String,
    iat: Option<u64>,
    exp: u64,
}

/// Who a token is meant for: one, or one of several (RFC 7519, 4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn includes(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::Several(several) => several.iter().any(|one| one == wanted),
        }
    }

    fn is_exactly(&self, wanted: &str) -> bool {
        matches!(self, Self::One(one) if one == wanted)
    }
}

/// The service's clock, in seconds since 1970.
fn now_s(scenario: &Scenario) -> u64 {
    let since = scenario.now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

/// A signed token, taken apart; `None` where it is none, or its signature is not by the tenant's key.
fn verified(keys: &Keys, token: &str) -> Option<(Header, Claims)> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let decode = |part| URL_SAFE_NO_PAD.decode(part).ok();
    let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
    let good = keys.verify(&header.alg, signed.as_bytes(), &decode(signature)?);
    let claims = serde_json::from_slice(&decode(claims)?).ok()?;
    good.then_some((header, claims))
}

impl Tokens {
    /// The answer of the token endpoint.
    pub(super) fn give(
        &mut self,
        keys: &Keys,
        endpoint: &str,
        scenario: &Scenario,
        form: &TokenForm,
    ) -> Answer {
        let refuse = |status, error, error_description| {
            let body = TokenError {
                error,
                error_description,
            };
            Answer::json(status, &body)
        };
        let bad_assertion = scenario.token.bad_assertion_status;
        if form.grant_type != "client_credentials" {
            return refuse(
                400,
                "unsupported_grant_type",
                "only client_credentials is supported",
            );
        }
        if form.client_assertion_type != ASSERTION_TYPE {
            return refuse(
                bad_assertion,
                "invalid_client",
                "client_assertion_type is missing or unknown",
            );
        }
        if let Err(why) = self.check_assertion(keys, endpoint, now_s(scenario), form) {
            return refuse(bad_assertion, "invalid_client", why);
        }
        let enabled = &scenario.token.scopes;
        let mut scopes: Vec<_> = form.scope.split_whitespace().map(str::to_owned).collect();
        if !scenario.token.scope_enabled || scopes.iter().any(|scope| !enabled.contains(scope)) {
            let status = scenario.token.bad_scope_status;
            return refuse(
                status,
                "invalid_scope",
                "a scope is not enabled for this client",
            );
        }
        if scopes.is_empty() {
            scopes.clone_from(enabled);
        }
        let scope = scenario.token.tells_scope.then(|| scopes.join(" "));
        let lifetime = scenario.token_lifetime();
        let access_token = format!("simulated-{}", uuid::Uuid::new_v4().simple());
        let ends = Instant::now() + lifetime;
        let given = Given {
            ends,
            scopes: Some(scopes),
        };
        self.given.insert(access_token.clone(), given);
        let seconds = lifetime.as_secs();
        let expires_in = match scenario.token.expires_in {
            ExpiresIn::Number => Some(seconds.into()),
            ExpiresIn::Text => Some(seconds.to_string().into()),
            ExpiresIn::Absent => None,
            ExpiresIn::Longer => Some(3600.into()),
        };
        let answer = TokenAnswer {
            access_token,
            token_type: "Bearer",
            expires_in,
            scope,
        };
        Answer::json(200, &answer)
    }

    fn check_assertion(
        &mut self,
        keys: &Keys,
        endpoint: &str,
        now: u64,
        form: &TokenForm,
    ) -> Result<(), &'static str> {
        let (header, claims) =
            verified(keys, &form.client_assertion).ok_or("the assertion's signature is wrong")?;
        let client = match header.alg.as_str() {
            "ES256" => EC_CLIENT,
            _ => RSA_CLIENT,
        };
        if header.kid.as_deref() != Some(client) {
            return Err("the assertion's kid is unknown");
        }
        if claims.iss != client
            || claims.sub != client
            || (!form.client_id.is_empty() && form.client_id != client)
        {
            return Err("iss, sub and client_id must be the client's ID");
        }
        if !claims.aud.includes(endpoint) {
            return Err("the assertion's aud is not the token endpoint");
        }
        let not_yet = claims.iat.is_some_and(|iat| iat > now + CLOCK_SKEW);
        if claims.exp <= now || claims.exp > now + LONGEST_LIFE + CLOCK_SKEW || not_yet {
            return Err("the assertion has expired or is not yet valid");
        }
        if claims.jti.is_empty() || !self.assertions.insert(claims.jti) {
            return Err("the assertion was used before, or has no jti");
        }
        Ok(())
    }

    /// Whether a bearer token is good; if so, its number.
    pub(super) fn check(
        &mut self,
        keys: &Keys,
        audience: &str,
        scenario: &Scenario,
        token: &str,
    ) -> Option<u64> {
        if self.revoked.contains(token) {
            return None;
        }
        let good = match self.given.get(token) {
            Some(given) => Instant::now() < given.ends,
            None => legacy_is_good(keys, audience, scenario, token),
        };
        let next = self.seen.len() as u64 + 1;
        good.then(|| *self.seen.entry(token.to_owned()).or_insert(next))
    }

    /// Whether a good token is good for this, too. A legacy key's role covers all calls.
    pub(super) fn covers(&self, token: &str, scope: &str) -> bool {
        let scopes = self
            .given
            .get(token)
            .and_then(|given| given.scopes.as_ref());
        scopes.is_none_or(|scopes| scopes.iter().any(|one| one == scope))
    }

    /// From now on this token is not good.
    pub(super) fn revoke(&mut self, token: &str) {
        self.revoked.insert(token.to_owned());
    }

    /// A good token for whoever is given it in a file.
    pub(super) fn ready(&mut self, lifetime: Duration) -> String {
        let token = format!("simulated-{}", uuid::Uuid::new_v4().simple());
        let ends = Instant::now() + lifetime;
        self.given
            .insert(token.clone(), Given { ends, scopes: None });
        token
    }
}

fn legacy_is_good(keys: &Keys, audience: &str, scenario: &Scenario, token: &str) -> bool {
    let Some((header, claims)) = verified(keys, token) else {
        return false;
    };
    let now = now_s(scenario);
    let Some(iat) = claims.iat else {
        return false;
    };
    let lifetime = scenario.token_lifetime().as_secs();
    header.alg == "RS256"
        && header.typ == "JWT"
        && claims.sub == ACCESS_ID
        && (claims.aud.is_exactly(audience) || scenario.token.lenient_audience)
        && iat <= now + CLOCK_SKEW
        && now < claims.exp.saturating_add(CLOCK_SKEW)
        && now <= iat.saturating_add(lifetime)
        && claims.exp.saturating_sub(iat) <= LONGEST_LIFE + CLOCK_SKEW
}
