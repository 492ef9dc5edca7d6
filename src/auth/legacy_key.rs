//! The legacy Administration API key: a JSON file with an ID, a private key and the service's URL.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use aws_lc_rs::signature::RsaKeyPair;
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    AuthError,
    jws::{SigningKey, epoch_seconds},
    key_file::read_secret,
};

/// A key with which tokens are made without a request.
#[derive(Debug)]
pub struct LegacyKey {
    access_id: String,
    admin_rest_api_url: String,
    key: SigningKey,
}

#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "accessID")]
    access_id: Option<String>,
    #[serde(rename = "accessKey")]
    access_key: Option<SecretString>,
    #[serde(rename = "adminRestApiUrl")]
    admin_rest_api_url: Option<String>,
    kty: Option<serde::de::IgnoredAny>,
    keys: Option<serde::de::IgnoredAny>,
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
}

impl LegacyKey {
    /// The service takes tokens of up to an hour; this leaves it some of its clock's freedom.
    pub(super) const LIFETIME: Duration = Duration::from_secs(55 * 60);

    /// Reads a key file as the console gives it out.
    ///
    /// # Errors
    /// [`AuthError`], naming the file and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, AuthError> {
        let text = read_secret(path)?;
        Self::parse(text.expose_secret()).map_err(|why| AuthError::Format {
            path: path.to_owned(),
            expected: "an Administration API key",
            why,
        })
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let file: KeyFile = serde_json::from_str(text)
            .map_err(|error| format!("not the JSON of a key file (line {})", error.line()))?;
        if file.access_key.is_none() && (file.kty.is_some() || file.keys.is_some()) {
            return Err(
                "it is a JWK, the key of an OAuth client; name it with --oauth-key-file".to_owned(),
            );
        }
        let missing = |name| format!("its member `{name}` is missing");
        let pem = file.access_key.ok_or_else(|| missing("accessKey"))?;
        Ok(Self {
            access_id: file.access_id.ok_or_else(|| missing("accessID"))?,
            admin_rest_api_url: file
                .admin_rest_api_url
                .ok_or_else(|| missing("adminRestApiUrl"))?,
            key: SigningKey::Rsa(rsa_key(pem.expose_secret())?),
        })
    }

    /// The service's URL, exactly as the file has it.
    #[must_use]
    pub fn admin_rest_api_url(&self) -> &str {
        &self.admin_rest_api_url
    }

    /// A token that is good from `now` on.
    pub(super) fn mint(&self, now: SystemTime) -> Result<SecretString, AuthError> {
        let iat = epoch_seconds(now);
        let claims = Claims {
            sub: &self.access_id,
            aud: &self.admin_rest_api_url,
            iat,
            exp: iat + Self::LIFETIME.as_secs(),
        };
        self.key.sign(None, &claims)
    }
}

fn rsa_key(pem: &str) -> Result<RsaKeyPair, String> {
    if pem.contains("ENCRYPTED") {
        return Err("its accessKey is encrypted; use the file as it was downloaded".to_owned());
    }
    let key = match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
        Ok(PrivateKeyDer::Pkcs1(der)) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        Ok(PrivateKeyDer::Pkcs8(der)) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        Ok(_) | Err(_) => return Err("its accessKey is no RSA private key in PEM".to_owned()),
    };
    key.map_err(|_| "its accessKey is no RSA key of 2048 to 8192 bits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::LegacyKey;

    #[test]
    fn each_flaw_is_named() {
        let pem = "-----BEGIN RSA PRIVATE KEY-----\\nAAAA\\n-----END RSA PRIVATE KEY-----";
        for (text, part) in [
            ("{", "not the JSON"),
            (r#"{"kty":"RSA"}"#, "--oauth-key-file"),
            (r#"{"keys":[]}"#, "--oauth-key-file"),
            ("{}", "`accessKey` is missing"),
            (r#"{"accessKey":"x"}"#, "`accessID` is missing"),
            (
                r#"{"accessKey":"x","accessID":"a"}"#,
                "`adminRestApiUrl` is missing",
            ),
            (
                r#"{"accessKey":"x","accessID":"a","adminRestApiUrl":"u"}"#,
                "no RSA private key in PEM",
            ),
            (
                &format!(r#"{{"accessKey":"{pem}","accessID":"a","adminRestApiUrl":"u"}}"#),
                "no RSA key of 2048",
            ),
            (
                r#"{"accessKey":"-----BEGIN ENCRYPTED PRIVATE KEY-----","accessID":"a","adminRestApiUrl":"u"}"#,
                "encrypted",
            ),
        ] {
            let why = LegacyKey::parse(text).expect_err(text);
            assert!(why.contains(part), "{text}: {why}");
        }
    }
}
