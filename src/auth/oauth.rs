//! The OAuth client: client credentials with a signed assertion (RFC 7523, `private_key_jwt`).

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use aws_lc_rs::{
    rsa::KeyPairComponents,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    AuthError, TokenReply, TokenRequest, is_one_word,
    jws::{SigningKey, epoch_seconds},
    key_file::read_secret,
};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ASSERTION_LIFETIME: Duration = Duration::from_secs(300);
/// Where the answer does not say how long the token lives.
const USUAL_LIFETIME: Duration = Duration::from_secs(3600);

/// A client's private key: RSA, or EC on P-256.
#[derive(Debug)]
pub struct OAuthKey {
    kid: Option<String>,
    key: SigningKey,
}

/// A client of the service's authorization server.
#[derive(Debug)]
pub struct OAuthClient {
    /// The issuer's URL, as the console shows it.
    pub issuer: String,
    /// The client's ID.
    pub client_id: String,
    /// The client's private key.
    pub key: OAuthKey,
}

/// The members of a private JWK that are used, RSA's and EC's.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<SecretString>,
    p: Option<SecretString>,
    q: Option<SecretString>,
    dp: Option<SecretString>,
    dq: Option<SecretString>,
    qi: Option<SecretString>,
    x: Option<String>,
    y: Option<String>,
    keys: Vec<Jwk>,
    #[serde(rename = "accessKey")]
    access_key: Option<serde::de::IgnoredAny>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: String,
    iat: u64,
    exp: u64,
}

impl OAuthKey {
    /// Reads a private JWK, or a set that holds one.
    ///
    /// # Errors
    /// [`AuthError`], naming the file and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, AuthError> {
        let text = read_secret(path)?;
        Self::parse(text.expose_secret()).map_err(|why| AuthError::Format {
            path: path.to_owned(),
            expected: "a private JWK",
            why,
        })
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut jwk: Jwk = serde_json::from_str(text)
            .map_err(|error| format!("not the JSON of a JWK (line {})", error.line()))?;
        match jwk.keys.len() {
            0 => {}
            1 => jwk = jwk.keys.remove(0),
            keys => return Err(format!("a set of {keys} keys; keep the one to sign with")),
        }
        let key = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => SigningKey::Rsa(rsa(&jwk)?),
            ("EC", Some("P-256")) => SigningKey::Ec(ec(&jwk)?),
            ("EC", crv) => {
                return Err(format!(
                    "curve {} is not supported, only P-256",
                    crv.unwrap_or("(none)")
                ));
            }
            ("", _) if jwk.access_key.is_some() => {
                return Err(
                    "it is a legacy Administration API key; name it with --api-key-file".to_owned(),
                );
            }
            ("", _) => return Err("its member `kty` is missing".to_owned()),
            (kty, _) => return Err(format!("key type {kty} is not supported, only RSA and EC")),
        };
        Ok(Self { kid: jwk.kid, key })
    }
}

fn rsa(jwk: &Jwk) -> Result<RsaKeyPair, String> {
    let (n, e) = (bytes("n", jwk.n.as_deref())?, bytes("e", jwk.e.as_deref())?);
    let components = KeyPairComponents {
        public_key: aws_lc_rs::rsa::PublicKeyComponents { n, e },
        d: secret("d", jwk.d.as_ref())?,
        p: secret("p", jwk.p.as_ref())?,
        q: secret("q", jwk.q.as_ref())?,
        dP: secret("dp", jwk.dp.as_ref())?,
        dQ: secret("dq", jwk.dq.as_ref())?,
        qInv: secret("qi", jwk.qi.as_ref())?,
    };
    RsaKeyPair::from_components(&components)
        .map_err(|error| format!("its RSA members do not fit together ({error})"))
}

fn ec(jwk: &Jwk) -> Result<EcdsaKeyPair, String> {
    let d = secret("d", jwk.d.as_ref())?;
    let mut public = vec![4];
    public.extend(bytes("x", jwk.x.as_deref())?);
    public.extend(bytes("y", jwk.y.as_deref())?);
    EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, &d, &public)
        .map_err(|error| format!("its EC members do not fit together ({error})"))
}

fn secret(name: &str, value: Option<&SecretString>) -> Result<Vec<u8>, String> {
    bytes(name, value.map(SecretString::expose_secret))
}

fn bytes(name: &str, value: Option<&str>) -> Result<Vec<u8>, String> {
    let value = value.ok_or_else(|| match name {
        "d" => "it holds the public key only; its member `d` is missing".to_owned(),
        "p" | "q" | "dp" | "dq" | "qi" => {
            format!("its member `{name}` is missing; an RSA key needs all of p, q, dp, dq and qi")
        }
        _ => format!("its member `{name}` is missing"),
    })?;
    URL_SAFE_NO_PAD
        .decode(value.trim_end_matches('='))
        .map_err(|_| format!("its member `{name}` is not base64url"))
}

impl OAuthClient {
    /// The issuer's token endpoint, which is also what the assertion is meant for.
    #[must_use]
    pub fn token_endpoint(&self) -> String {
        format!("{}/token", self.issuer.trim_end_matches('/'))
    }

    /// A request for a token.
    pub(super) fn request(&self, now: SystemTime) -> Result<TokenRequest, AuthError> {
        let url = self.token_endpoint();
        let iat = epoch_seconds(now);
        let claims = Claims {
            iss: &self.client_id,
            sub: &self.client_id,
            aud: &url,
            jti: uuid::Uuid::new_v4().to_string(),
            iat,
            exp: iat + ASSERTION_LIFETIME.as_secs(),
        };
        let assertion = self.key.key.sign(self.key.kid.as_deref(), &claims)?;
        let form = vec![
            ("grant_type", SecretString::from("client_credentials")),
            ("client_id", SecretString::from(self.client_id.as_str())),
            ("client_assertion_type", SecretString::from(ASSERTION_TYPE)),
            ("client_assertion", assertion),
        ];
        Ok(TokenRequest { url, form })
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(String),
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    token_type: Option<String>,
    expires_in: Option<Seconds>,
    scope: Option<String>,
}

/// A token as the endpoint gave it out.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) secret: SecretString,
    pub(super) lifetime: Duration,
    /// What it is good for, where that was said (RFC 6749, section 5.1).
    pub(super) scope: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenError {
    error: Option<String>,
    error_description: Option<String>,
}

/// The token of an answer.
pub(super) fn read_answer(reply: &TokenReply) -> Result<Fetched, AuthError> {
    let unreadable =
        || AuthError::Unreachable("the token endpoint's answer holds no token".to_owned());
    match reply.status {
        200 => {
            let answer: TokenAnswer =
                serde_json::from_slice(&reply.body).map_err(|_| unreadable())?;
            if !is_one_word(answer.access_token.expose_secret()) {
                return Err(unreadable());
            }
            if let Some(kind) = answer.token_type.filter(|kind| is_bound(kind)) {
                let why = format!("the token endpoint gave a {kind} token, not a bearer token");
                return Err(AuthError::Unreachable(why));
            }
            let seconds = match answer.expires_in {
                Some(Seconds::Number(seconds)) => Some(seconds),
                Some(Seconds::Text(text)) => text.trim().parse().ok(),
                None => None,
            };
            // A life of nothing cannot be meant, and nothing could ever be sent on such a token.
            let lifetime = seconds.filter(|seconds| (1.0..=1e9).contains(seconds));
            Ok(Fetched {
                secret: answer.access_token,
                lifetime: lifetime.map_or(USUAL_LIFETIME, Duration::from_secs_f64),
                scope: answer.scope,
            })
        }
        400..=499 if reply.status != 429 => Err(AuthError::Refused(said(reply))),
        _ => Err(AuthError::Unreachable(said(reply))),
    }
}

/// Whether a token of this kind needs a proof beside it, and so is no bearer token.
fn is_bound(kind: &str) -> bool {
    ["DPoP", "PoP", "MAC"]
        .iter()
        .any(|bound| bound.eq_ignore_ascii_case(kind))
}

/// The token endpoint's own words, in one line.
fn said(reply: &TokenReply) -> String {
    let error: TokenError = serde_json::from_slice(&reply.body).unwrap_or_default();
    let words = [error.error, error.error_description];
    let words = words.into_iter().flatten().collect::<Vec<_>>().join(": ");
    match told(&words).as_str() {
        "" => format!("the token endpoint answered {}", reply.status),
        words => format!("the token endpoint answered {}, {words}", reply.status),
    }
}

/// Words of the service's, fit for a log line and a results field: one line of bounded length, without what may
/// be a token.
pub(crate) fn told(words: &str) -> String {
    const LONGEST: usize = 200;
    // Before the line is cut: a part of a token is too much, too.
    let words = without_tokens(words);
    let printable = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(LONGEST).collect()
}

/// The words without what may be a token or an assertion, should the service repeat it.
fn without_tokens(words: &str) -> String {
    const SHORTEST: usize = 64;
    let of_a_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let runs = words.split_inclusive(|c| !of_a_token(c)).map(|run| {
        let token = run.trim_end_matches(|c| !of_a_token(c));
        if token.len() < SHORTEST {
            run.to_owned()
        } else {
            format!("[token]{}", &run[token.len()..])
        }
    });
    runs.collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret;

    use super::{OAuthKey, read_answer};
    use crate::auth::{AuthError, TokenReply};

    fn reply(status: u16, body: &str) -> TokenReply {
        TokenReply {
            status,
            body: body.as_bytes().to_vec(),
            sent: tokio::time::Instant::now(),
        }
    }

    #[test]
    fn each_flaw_of_a_key_is_named() {
        for (text, part) in [
            ("", "not the JSON"),
            ("{}", "`kty` is missing"),
            (r#"{"kty":"oct"}"#, "key type oct"),
            (r#"{"kty":"EC","crv":"P-384"}"#, "P-384"),
            (
                r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#,
                "public key only",
            ),
            (
                r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}"#,
                "do not fit",
            ),
            (
                r#"{"kty":"RSA","n":"AA","e":"AA","d":"AA"}"#,
                "`p` is missing",
            ),
            (r#"{"kty":"RSA","n":"A!","e":"AA"}"#, "`n` is not base64url"),
            (r#"{"keys":[{"kty":"EC"},{"kty":"EC"}]}"#, "a set of 2 keys"),
        ] {
            let why = OAuthKey::parse(text).expect_err(text);
            assert!(why.contains(part), "{text}: {why}");
        }
    }

    #[test]
    fn lifetimes_in_every_form() {
        for (expires_in, seconds) in [
            (r#","expires_in":3"#, 3.0),
            (r#","expires_in":"120""#, 120.0),
            (r#","expires_in":null"#, 3600.0),
            (r#","expires_in":-5"#, 3600.0),
            (r#","expires_in":0"#, 3600.0),
            (r#","expires_in":"soon""#, 3600.0),
            (r#","expires_in":7,"token_type":"bearer""#, 7.0),
            (r#","expires_in":7,"token_type":"odd""#, 7.0),
            ("", 3600.0),
        ] {
            let body = format!(r#"{{"access_token":"t"{expires_in}}}"#);
            let fetched = read_answer(&reply(200, &body)).expect("a token");
            let (token, lifetime) = (fetched.secret, fetched.lifetime);
            assert_eq!(token.expose_secret(), "t");
            assert_eq!(lifetime, Duration::from_secs_f64(seconds), "{expires_in}");
        }
    }

    #[test]
    fn a_refusal_is_told_from_trouble() {
        for (status, body, refused) in [
            (
                401,
                r#"{"error":"invalid_client","error_description":"no"}"#,
                true,
            ),
            (403, "<html>", true),
            (400, "", true),
            (429, "", false),
            (503, "", false),
            (200, "{}", false),
            (200, r#"{"access_token":""}"#, false),
            (200, r#"{"access_token":"two words"}"#, false),
            (200, r#"{"access_token":"t","token_type":"dpop"}"#, false),
        ] {
            let error = read_answer(&reply(status, body)).expect_err(body);
            assert_eq!(matches!(error, AuthError::Refused(_)), refused, "{status}");
        }
    }
}
