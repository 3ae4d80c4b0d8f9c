//! Building the one `DynamoDB` client of a process, by hand: `aws-config` would bring SSO, IMDS and process
//! credentials that no function needs (reference/stack.md).

use super::gate::gated;
use super::meter::MeterInterceptor;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use futures_util::future::join;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;

/// Longest that a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(2);

/// The region that an emulator is told where nobody names one: each knows it.
pub const EMULATED_REGION: &str = "us-east-1";

/// Where the database is and who we are to it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// AWS region.
    pub region: String,
    /// Another address than AWS's own, such as a local emulator's.
    pub url: Option<String>,
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: SecretString,
    /// Session token: set in every Lambda function.
    pub session_token: Option<SecretString>,
    /// Certificate authorities in PEM, in place of Amazon's own: a proxy's, or a private endpoint's.
    pub authorities: Option<String>,
}

impl Endpoint {
    /// An emulator, which accepts any credentials.
    #[must_use]
    pub fn emulator(url: Option<String>) -> Self {
        Self {
            region: EMULATED_REGION.into(),
            url,
            access_key_id: "local".into(),
            secret_access_key: "local".into(),
            session_token: None,
            authorities: None,
        }
    }

    /// The address of the database.
    fn address(&self) -> String {
        let suffix = if self.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        self.url.clone().unwrap_or_else(|| format!("https://dynamodb.{}.{suffix}", self.region))
    }

    /// What requests are signed with.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        let token = self.session_token.as_ref().map(|token| token.expose_secret().to_owned());
        Credentials::new(&self.access_key_id, self.secret_access_key.expose_secret(), token, None, "switchboard")
    }
}

/// The authorities behind AWS's endpoints (Amazon Trust Services): these alone are loaded, as reading all that a system knows
/// takes longer than a handshake.
const AMAZON_ROOTS: &str = include_str!("amazon-roots.pem");

/// HTTP over rustls on ring, the only TLS stack here. One connector, made here and now: the crate's own client
/// makes one when a process starts and another, with all certificates, at its first request.
#[derive(Debug, Clone)]
pub struct Https(SharedHttpConnector);

impl Https {
    /// To AWS, or to what the endpoint names.
    #[must_use]
    pub fn to(endpoint: &Endpoint) -> Self {
        let authorities = endpoint.authorities.as_deref().unwrap_or(AMAZON_ROOTS);
        let trusted = TrustStore::empty().with_pem_certificate(authorities);
        let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT).build();
        let builder = Connector::builder().connector_settings(settings);
        let builder = builder.tls_provider(Provider::Rustls(CryptoMode::Ring));
        // What it is built of cannot be refused: the authorities were read when the settings were.
        let context = TlsContext::builder().with_trust_store(trusted).build().unwrap_or_default();
        Self(SharedHttpConnector::new(builder.tls_context(context).build()))
    }

    /// As clients of the SDK take it.
    #[must_use]
    pub fn client(&self) -> SharedHttpClient {
        let connector = self.0.clone();
        // Also where it is the file store's: nothing of it goes out before its caller is known.
        gated(http_client_fn(move |_, _| connector.clone()))
    }

    /// Opens two connections to the database, which the first call then finds, for the look for its caller and its own first
    /// read: the handshakes take place while the process starts, and not while a caller waits. What is answered does not
    /// matter, nor whether there is an answer.
    pub async fn open(&self, endpoint: &Endpoint) {
        let one = || async {
            if let Ok(request) = HttpRequest::get(endpoint.address()) {
                let _ = self.0.call(request).await;
            }
        };
        join(one(), one()).await;
    }
}

/// How many certificate authorities a text in PEM holds, if all of them can be used.
pub fn authorities(pem: &str) -> Result<usize, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() { Err("it holds no certificate".to_owned()) } else { Ok(roots.len()) }
}

/// A client over HTTPS.
#[must_use]
pub fn connect(endpoint: &Endpoint) -> Client {
    connect_with(endpoint, Https::to(endpoint).client())
}

/// A client over any transport: the embedded database and the simulator bring their own.
#[must_use]
pub fn connect_with(endpoint: &Endpoint, transport: impl Into<SharedHttpClient>) -> Client {
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(Duration::from_secs(5)).build();
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(endpoint.region.clone()))
        .credentials_provider(endpoint.credentials())
        .http_client(gated(transport.into()))
        .retry_config(RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(50)))
        .timeout_config(timeouts)
        .interceptor(MeterInterceptor);
    if let Some(url) = &endpoint.url {
        config = config.endpoint_url(url);
    }
    Client::from_conf(config.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amazons_authorities_can_be_read() {
        assert_eq!(authorities(AMAZON_ROOTS), Ok(5));
    }

    #[test]
    fn what_is_no_certificate_is_refused_and_not_met_at_the_first_call() {
        for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(authorities(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_address_follows_region_and_partition() {
        let of = |region: &str| Endpoint { region: region.into(), ..Endpoint::emulator(None) }.address();
        assert_eq!(of("eu-central-1"), "https://dynamodb.eu-central-1.amazonaws.com");
        assert_eq!(of("cn-north-1"), "https://dynamodb.cn-north-1.amazonaws.com.cn");
        assert_eq!(Endpoint::emulator(Some("http://127.0.0.1:1".into())).address(), "http://127.0.0.1:1");
    }
}
