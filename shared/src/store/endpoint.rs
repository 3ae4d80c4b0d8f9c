//! Where the database is, and with which credentials it is called.

use aws_sdk_dynamodb::config::Credentials;
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
    pub access_key_id: String,
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
