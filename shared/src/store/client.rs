//! Building the one `DynamoDB` client of a process, by hand: `aws-config` would bring SSO, IMDS and process
//! credentials that no function needs (reference/stack.md).

use super::gate::gated;
use super::https::Https;
use super::meter::MeterInterceptor;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_dynamodb::{Client, Config};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;

/// How long opening a connection may take.
pub(super) const CONNECT: Duration = Duration::from_secs(2);

/// The region for an emulator if none is configured: every emulator knows it.
pub const EMULATED_REGION: &str = "us-east-1";

/// Where the database is, and with which credentials it is called.
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
    pub(super) fn address(&self) -> String {
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
    fn the_address_follows_region_and_partition() {
        let of = |region: &str| Endpoint { region: region.into(), ..Endpoint::emulator(None) }.address();
        assert_eq!(of("eu-central-1"), "https://dynamodb.eu-central-1.amazonaws.com");
        assert_eq!(of("cn-north-1"), "https://dynamodb.cn-north-1.amazonaws.com.cn");
        assert_eq!(Endpoint::emulator(Some("http://127.0.0.1:1".into())).address(), "http://127.0.0.1:1");
    }
}
