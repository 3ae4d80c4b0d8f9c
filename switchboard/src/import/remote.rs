//! The old account, from which users are imported. Its API is called as the official clients call it.

use super::http::{self, Failure, Http};
use crate::operator::Credentials;
use ::http::{Method, Request, header};
use anyhow::{Context as _, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http_body_util::Full;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::clock::Clock;
use shared::ids::AccountId;
use std::path::Path;

/// How long a token is valid: as long as in the official clients.
const TOKEN_SECONDS: i64 = 64;
/// What the API answers when it is called too often (reference/voximplant.md §6).
const TOO_OFTEN: i64 = 340;

/// A Voximplant account, reached with a credentials file.
pub(super) struct Remote {
    http: Http,
    endpoint: String,
    credentials: Credentials,
    key: RsaKeyPair,
}

impl Remote {
    /// The account of this credentials file. `ca` is a certificate authority to trust instead of the system's.
    pub(super) fn open(credentials: &Path, endpoint: &str, ca: Option<&Path>) -> Result<Self> {
        let text = std::fs::read_to_string(credentials)
            .with_context(|| format!("cannot read the credentials file {}", credentials.display()))?;
        let wrong = || format!("{} is no credentials file of a service account", credentials.display());
        let credentials: Credentials = serde_json::from_str(&text).with_context(wrong)?;
        let private = RsaPrivateKey::from_pkcs8_pem(&credentials.private_key).with_context(wrong)?;
        let key = RsaKeyPair::from_pkcs8(private.to_pkcs8_der()?.as_bytes());
        let key = key.map_err(|error| anyhow!("{}: {error}", wrong()))?;
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        http::check(&endpoint)?;
        Ok(Self { http: Http::new(ca)?, endpoint, credentials, key })
    }

    /// The account.
    pub(super) fn account(&self) -> AccountId {
        self.credentials.account_id
    }

    /// Calls a method and reads its answer.
    pub(super) async fn call<A: DeserializeOwned>(&self, method: &str, fields: &[(&str, String)]) -> Result<A> {
        let answer = http::with_retries(method, || self.attempt(method, fields)).await?;
        serde_json::from_value(answer).with_context(|| format!("the answer of {method}"))
    }

    async fn attempt(&self, method: &str, fields: &[(&str, String)]) -> Result<Value, Failure> {
        let request = self.request(method, fields).map_err(Failure::Permanent)?;
        let (status, body) = self.http.send(request).await?;
        let answer: Value = serde_json::from_slice(&body)
            .with_context(|| format!("HTTP status {status} and no JSON: is {} the right address?", self.endpoint))
            .map_err(Failure::Permanent)?;
        let Some(error) = answer.get("error") else { return Ok(answer) };
        let (code, said) = (error.get("code").and_then(Value::as_i64), error.get("msg").and_then(Value::as_str));
        let told = anyhow!("error {}: {}", code.unwrap_or_default(), said.unwrap_or_default());
        Err(if code == Some(TOO_OFTEN) { Failure::Transient(told) } else { Failure::Permanent(told) })
    }

    fn request(&self, method: &str, fields: &[(&str, String)]) -> Result<Request<Full<Bytes>>> {
        Ok(Request::builder()
            .method(Method::POST)
            .uri(format!("{}/platform_api/{method}", self.endpoint))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token()?))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(http::form(fields))?)
    }

    /// A token, signed as the official clients sign it (reference/voximplant.md §1).
    fn token(&self) -> Result<String> {
        let now = Clock::System.now().seconds();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(&json!({ "alg": "RS256", "kid": self.credentials.key_id, "typ": "JWT" }));
        let claims = part(&json!({
            "iss": self.credentials.account_id,
            "iat": now.saturating_sub(5),
            "exp": now.saturating_add(TOKEN_SECONDS),
        }));
        let signed = format!("{header}.{claims}");
        let mut signature = vec![0; self.key.public().modulus_len()];
        let done = self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature);
        if done.is_err() {
            bail!("the private key of the credentials file cannot sign");
        }
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
