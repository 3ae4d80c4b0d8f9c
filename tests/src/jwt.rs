//! Tokens as the clients make them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::RsaPrivateKey;
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::rand_core::OsRng;
use serde_json::{Value, json};
use std::sync::OnceLock;
use switchboard::operator::Credentials;

/// One private key for all tests of a process: making one takes a moment, and only its registrations differ.
pub fn private_key() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| RsaPrivateKey::new(&mut OsRng, 2048).unwrap())
}

/// A private key that no deployment knows.
pub fn stranger_key() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| RsaPrivateKey::new(&mut OsRng, 2048).unwrap())
}

/// A token for a key's own account, as the Python client makes it at `now`.
pub fn token(key: &Credentials, now: i64) -> String {
    sign(&json!({ "iss": key.account_id, "iat": now - 5, "exp": now + 24 }), &key.key_id, private_key())
}

/// A token with these claims.
pub fn sign(claims: &Value, key_id: &str, key: &RsaPrivateKey) -> String {
    sign_with(&json!({ "alg": "RS256", "kid": key_id, "typ": "JWT" }), claims, key)
}

/// A token with this header and these claims, signed with RS256 whatever the header says.
pub fn sign_with(header: &Value, claims: &Value, key: &RsaPrivateKey) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let pair = RsaKeyPair::from_pkcs8(key.to_pkcs8_der().unwrap().as_bytes()).unwrap();
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
