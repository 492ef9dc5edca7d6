//! The tenant's key pairs, and the files in which an administrator would receive them.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, Pkcs8V1Der},
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
        RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey,
    },
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;

/// Files and names with which this tenant can be used.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// A legacy Administration API key.
    pub api_key_file: PathBuf,
    /// A private RSA JWK, for [`Self::rsa_client_id`].
    pub rsa_key_file: PathBuf,
    /// A private EC JWK, for [`Self::ec_client_id`].
    pub ec_key_file: PathBuf,
    /// A ready bearer token.
    pub token_file: PathBuf,
    /// The client that signs with the RSA key.
    pub rsa_client_id: String,
    /// The client that signs with the EC key.
    pub ec_client_id: String,
}

pub(super) const ACCESS_ID: &str = "5c1e0c9e-9a52-4b6e-8d3a-000000000001";
pub(super) const RSA_CLIENT: &str = "bulk-unlock-rsa";
pub(super) const EC_CLIENT: &str = "bulk-unlock-ec";

/// The key pairs. One RSA key serves as legacy key and as client key.
#[derive(Debug)]
pub(super) struct Keys {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

impl Keys {
    pub(super) fn generate() -> io::Result<Self> {
        Ok(Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).map_err(io::Error::other)?,
            ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .map_err(io::Error::other)?,
        })
    }

    /// Whether the signature is by the key for this algorithm.
    pub(super) fn verify(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        let verified = match algorithm {
            "RS256" => {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.rsa.public_key().as_ref())
                    .verify(message, signature)
            }
            "ES256" => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.ec.public_key().as_ref())
                    .verify(message, signature)
            }
            _ => return false,
        };
        verified.is_ok()
    }

    fn pkcs1(&self) -> io::Result<Vec<u8>> {
        let pkcs8: Pkcs8V1Der<'_> = self.rsa.as_der().map_err(io::Error::other)?;
        // PrivateKeyInfo: version, algorithm, and the PKCS#1 key in an octet string.
        let fields = der_fields(der_fields(pkcs8.as_ref())?[0])?;
        Ok(fields[2].to_vec())
    }

    pub(super) fn legacy_key_file(&self, base_url: &str) -> io::Result<String> {
        let body = STANDARD.encode(self.pkcs1()?);
        let lines: Vec<_> = body
            .as_bytes()
            .chunks(64)
            .map(String::from_utf8_lossy)
            .collect();
        let pem = format!(
            "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n",
            lines.join("\n")
        );
        Ok(pretty(&json!({
            "customerName": "Simulated Company",
            "accessID": ACCESS_ID,
            "accessKey": pem,
            "adminRestApiUrl": format!("{base_url}/v1"),
            "description": "made by the simulator; good for nothing else",
        })))
    }

    pub(super) fn rsa_jwk(&self) -> io::Result<String> {
        let pkcs1 = self.pkcs1()?;
        let fields = der_fields(der_fields(&pkcs1)?[0])?;
        let number = |position: usize| {
            let bytes: &[u8] = fields[position];
            let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
            URL_SAFE_NO_PAD.encode(&bytes[start..])
        };
        Ok(pretty(&json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": RSA_CLIENT,
            "n": number(1), "e": number(2), "d": number(3), "p": number(4), "q": number(5),
            "dp": number(6), "dq": number(7), "qi": number(8),
        })))
    }

    pub(super) fn ec_jwk(&self) -> io::Result<String> {
        let private: EcPrivateKeyBin<'_> = self
            .ec
            .private_key()
            .as_be_bytes()
            .map_err(io::Error::other)?;
        let (x, y) = self.ec.public_key().as_ref()[1..].split_at(32);
        Ok(pretty(&json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": EC_CLIENT,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
            "d": URL_SAFE_NO_PAD.encode(private.as_ref()),
        })))
    }

    /// A signature by the key for this algorithm.
    #[cfg(test)]
    pub(super) fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = aws_lc_rs::rand::SystemRandom::new();
        if algorithm == "ES256" {
            let signature = self.ec.sign(&random, message).expect("a signature");
            return signature.as_ref().to_vec();
        }
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        let padding = &aws_lc_rs::signature::RSA_PKCS1_SHA256;
        self.rsa
            .sign(padding, &random, message, &mut signature)
            .expect("a signature");
        signature
    }
}

/// A new file that only its owner can read.
pub(super) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    // The mode above is that of a new file only.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    file.write_all(text.as_bytes())
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

/// The contents of a run of DER values, one after the other.
fn der_fields(mut bytes: &[u8]) -> io::Result<Vec<&[u8]>> {
    let mut fields = Vec::new();
    while let [_tag, length, rest @ ..] = bytes {
        let (length, rest) = match *length {
            short @ 0..0x80 => (usize::from(short), rest),
            long => {
                let (octets, rest) = rest
                    .split_at_checked(usize::from(long & 0x7f))
                    .ok_or(io::ErrorKind::InvalidData)?;
                let length = octets
                    .iter()
                    .fold(0, |length, octet| length << 8 | usize::from(*octet));
                (length, rest)
            }
        };
        let (content, rest) = rest
            .split_at_checked(length)
            .ok_or(io::ErrorKind::InvalidData)?;
        fields.push(content);
        bytes = rest;
    }
    Ok(fields)
}
