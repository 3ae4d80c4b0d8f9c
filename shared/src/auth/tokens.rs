//! Users' tokens: derived, never stored, shown again whenever an answer needs them (reference/architecture.md §B.7).

use crate::config::TokenSecret;
use crate::ids::UserId;
use crate::store::StoreError;
use crate::text::hex;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// Bytes of a token: 20, shown as 40 hex digits like the original's.
const TOKEN_BYTES: usize = 20;

/// Derives the token of any user.
#[derive(Debug)]
pub struct Tokens(hmac::Key);

impl Tokens {
    /// From the deployment's secret.
    #[must_use]
    pub fn new(secret: &TokenSecret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.expose()))
    }

    /// The token of a user at this token version: 40 lower-case hex digits.
    #[must_use]
    pub fn of(&self, user: UserId, version: u32) -> String {
        let tag = hmac::sign(&self.0, format!("stepchat-user-token\0{user}\0{version}").as_bytes());
        hex(tag.as_ref().get(..TOKEN_BYTES).unwrap_or_default())
    }
}

impl Tokens {
    /// A keyed hash of a text that may hold secrets: the same text is known again, the text is not.
    #[must_use]
    pub fn fingerprint(&self, text: &str) -> String {
        hex(hmac::sign(&self.0, format!("payload-fingerprint\0{text}").as_bytes()).as_ref())
    }
}

/// A new random token: `bytes` random bytes in hex.
pub fn random_token(bytes: usize) -> Result<String, StoreError> {
    let mut random = vec![0; bytes];
    SystemRandom::new().fill(&mut random).map_err(|_| StoreError::Unavailable("no random bytes".into()))?;
    Ok(hex(&random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_40_hex_digits_and_follows_user_version_and_secret() {
        let tokens = |byte| Tokens::new(&TokenSecret::new(vec![byte; 32]).unwrap());
        let user = |id| UserId::new(id).unwrap();
        let token = tokens(1).of(user(7), 1);
        assert!(token.len() == 40 && token.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase()));
        assert_eq!(token, tokens(1).of(user(7), 1));
        for other in [tokens(1).of(user(8), 1), tokens(1).of(user(7), 2), tokens(2).of(user(7), 1)] {
            assert_ne!(token, other);
        }
    }
}
