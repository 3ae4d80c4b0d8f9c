//! Building the one `DynamoDB` client of a process, by hand: `aws-config` would bring SSO, IMDS and process
//! credentials that no function needs (reference/stack.md).

use super::meter::MeterInterceptor;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector, http_client_fn};
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
    pub secret_access_key: String,
    /// Session token: set in every Lambda function.
    pub session_token: Option<String>,
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
        }
    }

    /// What requests are signed with.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        let token = self.session_token.clone();
        Credentials::new(&self.access_key_id, &self.secret_access_key, token, None, "switchboard")
    }
}

/// HTTP over rustls on ring, the only TLS stack here. One connector, made here and now: the crate's own client
/// makes one when a process starts and another, with all certificates, at its first request.
#[must_use]
pub fn https() -> SharedHttpClient {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT).build();
    let builder = Connector::builder().connector_settings(settings);
    let connector = SharedHttpConnector::new(builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).build());
    http_client_fn(move |_, _| connector.clone())
}

/// A client over HTTPS.
#[must_use]
pub fn connect(endpoint: &Endpoint) -> Client {
    connect_with(endpoint, https())
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
        .http_client(transport.into())
        .retry_config(RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(50)))
        .timeout_config(timeouts)
        .interceptor(MeterInterceptor);
    if let Some(url) = &endpoint.url {
        config = config.endpoint_url(url);
    }
    Client::from_conf(config.build())
}
