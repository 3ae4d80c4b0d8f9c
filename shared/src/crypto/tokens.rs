//! Users' tokens: derived, never stored, shown again whenever an answer needs them (reference/architecture.md §B.7).
//! And the random ones: shown once, stored as hashes.

use super::TokenSecret;
use crate::ids::UserId;
use crate::stepchat::TokenLabel;
use crate::store::{StoreError, meter};
use crate::text::hex;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// Bytes of a token: 20, shown as 40 hex digits like the original's.
const TOKEN_BYTES: usize = 20;
/// Characters of a user's own token.
pub const OWN_TOKEN_CHARS: usize = TOKEN_BYTES * 2;

/// Derives the token of any user, and fingerprints of payloads.
#[derive(Debug)]
pub struct Tokens {
    users: hmac::Key,
    payloads: hmac::Key,
}

impl Tokens {
    /// Made from the deployment's two secrets: for the users' tokens and for the fingerprints.
    #[must_use]
    pub fn new(users: &TokenSecret, payloads: &TokenSecret) -> Self {
        let key = |secret: &TokenSecret| hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        Self { users: key(users), payloads: key(payloads) }
    }

    /// The token of a user at this token version: 40 lower-case hex digits.
    #[must_use]
    pub fn of(&self, user: UserId, version: u32) -> String {
        meter::token_derived();
        let tag = hmac::sign(&self.users, format!("stepchat-user-token\0{user}\0{version}").as_bytes());
        hex(tag.as_ref().get(..TOKEN_BYTES).unwrap_or_default())
    }
}

impl Tokens {
    /// A keyed hash that stands for an address or an account in the keys of a table, so that the table reveals neither.
    #[must_use]
    pub fn pseudonym(&self, text: &str) -> String {
        meter::token_derived();
        hex(hmac::sign(&self.users, format!("pseudonym\0{text}").as_bytes()).as_ref())
    }

    /// A keyed hash of a text that may hold secrets: it shows whether two texts are equal, but not what they are.
    #[must_use]
    pub fn fingerprint(&self, text: &str) -> String {
        hex(hmac::sign(&self.payloads, format!("payload-fingerprint\0{text}").as_bytes()).as_ref())
    }
}

/// A new random token: `bytes` random bytes in hex.
pub fn random_token(bytes: usize) -> Result<String, StoreError> {
    random_bytes(bytes).map(|random| hex(&random))
}

/// That many random bytes.
pub fn random_bytes(bytes: usize) -> Result<Vec<u8>, StoreError> {
    let mut random = vec![0; bytes];
    SystemRandom::new().fill(&mut random).map_err(|_| StoreError::Unavailable("no random bytes".into()))?;
    Ok(random)
}

/// A new API token with this label. It exists only in the answer.
pub fn new_api_token(label: &TokenLabel) -> Result<String, StoreError> {
    Ok(label.token(&random_token(TOKEN_BYTES)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_40_hex_digits_and_follows_user_version_and_secret() {
        let secret = |byte| TokenSecret::new(vec![byte; 32]).unwrap();
        let tokens = |byte| Tokens::new(&secret(byte), &secret(9));
        let user = |id| UserId::new(id).unwrap();
        let token = tokens(1).of(user(7), 1);
        assert!(token.len() == 40 && token.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase()));
        assert_eq!(token, tokens(1).of(user(7), 1));
        for other in [tokens(1).of(user(8), 1), tokens(1).of(user(7), 2), tokens(2).of(user(7), 1)] {
            assert_ne!(token, other);
        }
    }

    #[test]
    fn api_tokens_of_one_label_differ_and_can_be_read() {
        let label =
            TokenLabel { owner: UserId::new(7).unwrap(), name: crate::stepchat::TokenName::parse("a").unwrap() };
        let (first, second) = (new_api_token(&label).unwrap(), new_api_token(&label).unwrap());
        assert_ne!(first, second);
        assert_eq!((TokenLabel::of(&first), TokenLabel::of(&second)), (Some(label.clone()), Some(label)));
    }
}
