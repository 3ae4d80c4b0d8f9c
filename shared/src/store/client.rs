//! Building the one `DynamoDB` client of a process, by hand: `aws-config` would bring SSO, IMDS and process
//! credentials that no function needs (reference/stack.md).

use super::endpoint::{CONNECT, Endpoint};
use super::gate::gated;
use super::https::Https;
use super::meter::MeterInterceptor;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, SharedHttpClient};
use aws_sdk_dynamodb::{Client, Config};
use std::time::Duration;

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
