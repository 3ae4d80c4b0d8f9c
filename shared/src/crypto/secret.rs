//! A text that must not be printed or logged.

use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use subtle::ConstantTimeEq as _;

/// A secret on its way through the program: it can be used but not printed, and its memory is overwritten when it is
/// dropped.
#[derive(Debug, Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether `other` is this secret. The time of the comparison tells nothing but the length.
    #[must_use]
    pub fn equals(&self, other: &str) -> bool {
        self.expose().as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.equals(other.expose())
    }
}

impl Eq for Secret {}

/// Shortest acceptable token secret, in bytes.
pub const SECRET_BYTES: usize = 32;

/// A secret from which users' tokens, or fingerprints of payloads, are derived. There is no default: without those it
/// needs nothing starts.
#[derive(Debug, Clone)]
pub struct TokenSecret(SecretSlice<u8>);

impl TokenSecret {
    /// At least 32 bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() >= SECRET_BYTES).then(|| Self(bytes.into()))
    }

    /// One that nobody knows and nobody will know again: for a process that needs none.
    pub(crate) fn random() -> Option<Self> {
        let mut bytes = vec![0; SECRET_BYTES];
        SystemRandom::new().fill(&mut bytes).ok()?;
        Self::new(bytes)
    }

    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl PartialEq for TokenSecret {
    fn eq(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

impl Eq for TokenSecret {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let printed = format!("{:?}", Secret::new("abc"));
        assert!(printed.contains("REDACTED") && !printed.contains("abc"), "{printed}");
    }

    #[test]
    fn a_secret_equals_itself_and_nothing_else() {
        let secret = Secret::new("abc");
        assert!(secret.equals("abc"));
        assert!(!secret.equals("abd") && !secret.equals("ab") && !secret.equals(""));
    }
}
