//! Keys made for the tests, in every form in which keys come.

use std::sync::OnceLock;

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RsaKeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

use super::{LegacyKey, OAuthClient, OAuthKey};

/// PKCS#8 of one RSA key, made once.
pub(super) fn rsa_pkcs8() -> &'static [u8] {
    static KEY: OnceLock<Vec<u8>> = OnceLock::new();
    KEY.get_or_init(|| {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        key.as_der().expect("its form").as_ref().to_vec()
    })
}

/// PKCS#1 of the same key: what stands in the octet string at PKCS#8's end.
pub(super) fn rsa_pkcs1() -> &'static [u8] {
    const HEAD: usize = 26;
    &rsa_pkcs8()[HEAD..]
}

/// The same key as a private JWK.
pub(super) fn rsa_jwk() -> Value {
    let mut members = json!({"kty": "RSA", "kid": "rsa-1", "use": "sig", "alg": "RS256"});
    let (body, _) = split(rsa_pkcs1());
    let (_version, mut rest) = split(body);
    for name in ["n", "e", "d", "p", "q", "dp", "dq", "qi"] {
        let (integer, after) = split(rest);
        let unsigned = &integer[integer.iter().take_while(|byte| **byte == 0).count()..];
        members[name] = URL_SAFE_NO_PAD.encode(unsigned).into();
        rest = after;
    }
    members
}

/// One EC key on P-256 as a private JWK.
pub(super) fn ec_jwk() -> Value {
    let random = SystemRandom::new();
    let pkcs8 =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref())
        .expect("the key");
    let point = key.public_key().as_ref();
    let d =
        aws_lc_rs::encoding::AsBigEndian::<aws_lc_rs::encoding::EcPrivateKeyBin<'_>>::as_be_bytes(
            &key.private_key(),
        );
    json!({
        "kty": "EC", "crv": "P-256", "kid": "ec-1",
        "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
        "y": URL_SAFE_NO_PAD.encode(&point[33..]),
        "d": URL_SAFE_NO_PAD.encode(d.expect("its form").as_ref()),
    })
}

/// A client with an EC key.
pub(crate) fn ec_client() -> OAuthClient {
    client(&ec_jwk())
}

/// A client with this key, of an issuer whose URL ends in a slash.
pub(super) fn client(jwk: &Value) -> OAuthClient {
    OAuthClient {
        issuer: "https://t.auth.example/oauth/".to_owned(),
        client_id: "client-1".to_owned(),
        key: OAuthKey::parse(&jwk.to_string()).expect("a key"),
    }
}

/// A PEM block.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
}

/// The text of a legacy key file.
pub(super) fn legacy_text(url: &str, pem: &str) -> String {
    json!({
        "customerName": "Example", "accessID": "access-1", "accessKey": pem,
        "adminRestApiUrl": url, "description": "made for a test", "unheardOf": [1],
    })
    .to_string()
}

/// A legacy key for this URL.
pub(super) fn legacy(url: &str) -> LegacyKey {
    LegacyKey::parse(&legacy_text(url, &pem("RSA PRIVATE KEY", rsa_pkcs1()))).expect("a key")
}

/// The content of the DER element at the start, and what follows.
fn split(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, head) = match usize::from(der[1]) {
        short @ 0..=0x7f => (short, 2),
        long => {
            let bytes = &der[2..2 + (long & 0x7f)];
            let length = bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (length, 2 + bytes.len())
        }
    };
    (&der[head..head + length], &der[head + length..])
}
