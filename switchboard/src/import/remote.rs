//! The account that users come from: its own API, called as its official clients call it.

use crate::operator::Credentials;
use anyhow::{Context as _, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::clock::Clock;
use shared::ids::AccountId;
use std::path::Path;
use std::time::Duration;

/// How long a token is good for, as the official clients choose it.
const TOKEN_SECONDS: i64 = 64;
/// Bytes of an answer.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// How long one call may take.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Attempts at one call.
const ATTEMPTS: u32 = 5;
/// What the API answers when it is called too often (reference/voximplant.md §6).
const TOO_OFTEN: i64 = 340;

/// A Voximplant account, reached with a credentials file.
pub(super) struct Remote {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: String,
    credentials: Credentials,
    key: RsaKeyPair,
}

/// Why a call has no result.
enum Failure {
    /// It may work later.
    Passing(anyhow::Error),
    /// It will not.
    Lasting(anyhow::Error),
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
        let connector = HttpsConnectorBuilder::new().with_tls_config(trusting(ca)?).https_only().enable_http1().build();
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        endpoint.parse::<Uri>().with_context(|| format!("{endpoint} is no address"))?;
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector), endpoint, credentials, key })
    }

    /// The account.
    pub(super) fn account(&self) -> AccountId {
        self.credentials.account_id
    }

    /// Calls a method and reads its answer.
    pub(super) async fn call<A: DeserializeOwned>(&self, method: &str, fields: &[(&str, String)]) -> Result<A> {
        let mut attempt = 0_u32;
        loop {
            attempt = attempt.saturating_add(1);
            match self.attempt(method, fields).await {
                Ok(answer) => return serde_json::from_value(answer).with_context(|| format!("the answer of {method}")),
                Err(Failure::Passing(error)) if attempt < ATTEMPTS => {
                    eprintln!("{method}: {error:#}; trying again");
                    tokio::time::sleep(Duration::from_secs(1 << attempt)).await;
                }
                Err(Failure::Passing(error) | Failure::Lasting(error)) => return Err(error.context(method.to_owned())),
            }
        }
    }

    async fn attempt(&self, method: &str, fields: &[(&str, String)]) -> Result<Value, Failure> {
        let request = self.request(method, fields).map_err(Failure::Lasting)?;
        let answered = tokio::time::timeout(TIMEOUT, async {
            let answer = self.client.request(request).await.context("no answer")?;
            let (head, body) = answer.into_parts();
            let body =
                Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| anyhow!("half an answer: {error}"))?;
            anyhow::Ok((head.status, body.to_bytes()))
        });
        let answered = answered.await.map_err(|_| Failure::Passing(anyhow!("no answer in {} s", TIMEOUT.as_secs())))?;
        let (status, body) = answered.map_err(Failure::Passing)?;
        if status.is_server_error() {
            return Err(Failure::Passing(anyhow!("HTTP status {status}")));
        }
        let answer: Value = serde_json::from_slice(&body)
            .with_context(|| format!("HTTP status {status} and no JSON: is {} the right address?", self.endpoint))
            .map_err(Failure::Lasting)?;
        let Some(error) = answer.get("error") else { return Ok(answer) };
        let (code, said) = (error.get("code").and_then(Value::as_i64), error.get("msg").and_then(Value::as_str));
        let told = anyhow!("error {}: {}", code.unwrap_or_default(), said.unwrap_or_default());
        Err(if code == Some(TOO_OFTEN) { Failure::Passing(told) } else { Failure::Lasting(told) })
    }

    fn request(&self, method: &str, fields: &[(&str, String)]) -> Result<Request<Full<Bytes>>> {
        let encode =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let body = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&");
        Ok(Request::builder()
            .method(Method::POST)
            .uri(format!("{}/platform_api/{method}", self.endpoint))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token()?))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(body)))?)
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

fn trusting(ca: Option<&Path>) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            for certificate in
                CertificateDer::pem_file_iter(path).with_context(|| format!("cannot read {}", path.display()))?
            {
                roots.add(certificate.with_context(|| format!("{} is no certificate", path.display()))?)?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
