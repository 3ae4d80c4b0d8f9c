//! Calls of another service's API, with time limits. A call that may work later is repeated.

use anyhow::{Context as _, Result, anyhow, ensure};
use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::time::Duration;

/// The most bytes that an answer may have.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// How long one call may take.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Attempts at one call.
const ATTEMPTS: u32 = 6;

/// Why a call has no result.
pub(super) enum Failure {
    /// The call may work later.
    Transient(anyhow::Error),
    /// The call will not work later either.
    Permanent(anyhow::Error),
}

/// Refuses a text that is no web address, and an address to which others could read what is sent.
pub(super) fn check(address: &str) -> Result<()> {
    let uri: Uri =
        address.parse().with_context(|| format!("{address} is not a web address: write it as https://host/path"))?;
    let host = uri.host().with_context(|| format!("{address} is not a web address: write it as https://host/path"))?;
    let here = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
    ensure!(uri.scheme_str() == Some("https") || here, "{address}: say https://, since credentials are sent there");
    Ok(())
}

/// A client of another service.
pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Http {
    /// `ca` is a certificate authority to trust instead of the system's.
    pub(super) fn new(ca: Option<&Path>) -> Result<Self> {
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(trusting(ca)?).https_or_http().enable_http1().build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Failure> {
        let answered = tokio::time::timeout(TIMEOUT, async {
            let answer = self.client.request(request).await.context("no answer")?;
            let (head, body) = answer.into_parts();
            let body =
                Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| anyhow!("half an answer: {error}"))?;
            anyhow::Ok((head.status, body.to_bytes()))
        });
        let answered =
            answered.await.map_err(|_| Failure::Transient(anyhow!("no answer in {} s", TIMEOUT.as_secs())))?;
        let (status, body) = answered.map_err(Failure::Transient)?;
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Failure::Transient(anyhow!("HTTP status {status}")));
        }
        Ok((status, body))
    }
}

/// The fields of a call, as a form.
pub(super) fn form(fields: &[(&str, String)]) -> Full<Bytes> {
    let encode =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    Full::new(Bytes::from(pairs.collect::<Vec<_>>().join("&")))
}

/// Repeats a call until it works, fails for good or has been tried `ATTEMPTS` times. Each wait is twice as long.
pub(super) async fn with_retries<T>(what: &str, mut attempt: impl AsyncFnMut() -> Result<T, Failure>) -> Result<T> {
    let mut attempts = 0_u32;
    loop {
        attempts = attempts.saturating_add(1);
        match attempt().await {
            Ok(answer) => return Ok(answer),
            Err(Failure::Transient(error)) if attempts < ATTEMPTS => {
                eprintln!("{what}: {error:#}; trying again");
                tokio::time::sleep(Duration::from_secs(1 << attempts)).await;
            }
            Err(Failure::Transient(error) | Failure::Permanent(error)) => return Err(error.context(what.to_owned())),
        }
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
            ensure!(!roots.is_empty(), "{} holds no certificate: --ca wants a PEM file", path.display());
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
