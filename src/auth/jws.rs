//! Signed tokens (JWS, compact): RS256 and ES256.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use serde::Serialize;

use super::AuthError;

/// A private key and the algorithm that it signs with.
pub(super) enum SigningKey {
    /// RS256.
    Rsa(RsaKeyPair),
    /// ES256.
    Ec(EcdsaKeyPair),
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.algorithm())
    }
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

impl SigningKey {
    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
        }
    }

    /// The claims, signed.
    pub(super) fn sign(
        &self,
        kid: Option<&str>,
        claims: &impl Serialize,
    ) -> Result<SecretString, AuthError> {
        let header = Header {
            typ: "JWT",
            alg: self.algorithm(),
            kid,
        };
        let signed = format!("{}.{}", part(&header)?, part(claims)?);
        let signature = self.signature(signed.as_bytes())?;
        Ok(SecretString::from(format!(
            "{signed}.{}",
            URL_SAFE_NO_PAD.encode(signature)
        )))
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, AuthError> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| AuthError::Signing)?;
                Ok(signature)
            }
            Self::Ec(key) => {
                let signature = key.sign(&random, message).map_err(|_| AuthError::Signing)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

fn part(value: &impl Serialize) -> Result<String, AuthError> {
    let json = serde_json::to_vec(value).map_err(|_| AuthError::Signing)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// Seconds since 1970, as claims have them.
pub(super) fn epoch_seconds(time: std::time::SystemTime) -> u64 {
    let since = time.duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
