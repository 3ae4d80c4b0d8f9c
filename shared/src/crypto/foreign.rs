//! Password hashes made by other systems, as imports contain them: bcrypt (PHP's `password_hash`, Support Board),
//! argon2, WordPress. They are stored unchanged, and logins are checked against them, if their cost is within the
//! limits below; the first right login replaces them by one of our own.

use crate::store::auth::PasswordHash;
use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{Error as PhcError, PasswordVerifier};
use argon2::{Argon2, Params};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use ring::hmac;
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// The largest cost of a bcrypt hash: half a second of a processor. PHP's default is 10, and 12 from 8.4 on.
const MAX_BCRYPT_COST: u32 = 13;
/// The most memory of an argon2 hash, in KiB: PHP's default.
const MAX_ARGON2_MEMORY_KIB: u32 = 64 * 1024;
/// The most work of an argon2 hash, in KiB times passes: twice PHP's default.
const MAX_ARGON2_WORK: u64 = 2 * 4 * 64 * 1024;
/// The binary logarithm of the most rounds of a WordPress hash: WordPress itself uses 13.
const MAX_PHPASS_ROUNDS_LOG2: usize = 20;
/// The key with which `WordPress` signs a password before bcrypt, which takes no more than 72 bytes.
const WORDPRESS_KEY: &[u8] = b"wp-sha384";
/// The digits of a portable phpass hash, by their values.
const PHPASS_DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PHPASS_SALT_CHARS: usize = 8;

/// Why a hash cannot be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unusable {
    /// None of the known forms.
    #[error("the password hash is of an unknown kind; known are bcrypt ($2y$), argon2 and WordPress ($P$, $wp$2y$)")]
    Unknown,
    /// A known form, but incomplete or malformed.
    #[error("the password hash is incomplete or has wrong characters")]
    Broken,
    /// It would take too long to check at each login.
    #[error("the password hash costs too much to check: bcrypt up to 13, argon2 up to 64 MiB and 8 passes")]
    TooExpensive,
}

/// The kinds of hash, each with the part of its text that the check needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind<'a> {
    Bcrypt(&'a str),
    /// bcrypt over a signed password, from `WordPress` 6.8 on.
    WordPress(&'a str),
    /// The portable hashes of phpass, which `WordPress` made before.
    Phpass(&'a str),
    Argon2(&'a str),
}

impl<'a> Kind<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let bcrypt = |text: &str| ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix));
        if bcrypt(text) {
            return Some(Self::Bcrypt(text));
        }
        if let Some(rest) = text.strip_prefix("$wp").filter(|rest| bcrypt(rest)) {
            return Some(Self::WordPress(rest));
        }
        if let Some(rest) = text.strip_prefix("$P$") {
            return Some(Self::Phpass(rest));
        }
        text.starts_with("$argon2").then_some(Self::Argon2(text))
    }
}

/// The hash of another system, if logins can be checked against it.
pub fn password_hash(text: &str) -> Result<PasswordHash, Unusable> {
    match Kind::of(text).ok_or(Unusable::Unknown)? {
        Kind::Bcrypt(hash) | Kind::WordPress(hash) => {
            let parts: bcrypt::HashParts = hash.parse().map_err(|_| Unusable::Broken)?;
            if parts.get_cost() > MAX_BCRYPT_COST {
                return Err(Unusable::TooExpensive);
            }
        }
        Kind::Phpass(rest) => {
            Phpass::parse(rest)?;
        }
        Kind::Argon2(hash) => {
            let hash = Phc::new(hash).map_err(|_| Unusable::Broken)?;
            if hash.salt.is_none() || hash.hash.is_none() {
                return Err(Unusable::Broken);
            }
            let params = Params::try_from(&hash).map_err(|_| Unusable::Broken)?;
            let work = u64::from(params.m_cost()).saturating_mul(u64::from(params.t_cost()));
            if params.m_cost() > MAX_ARGON2_MEMORY_KIB || work > MAX_ARGON2_WORK {
                return Err(Unusable::TooExpensive);
            }
        }
    }
    Ok(PasswordHash(text.to_owned()))
}

/// Whether this is the password of that hash. It blocks its thread for as long as the hash takes, so it must not run on
/// the event loop.
pub(super) fn is_password(password: &[u8], hash: &str) -> Result<bool, String> {
    let broken = |error: &dyn std::fmt::Display| format!("a password hash: {error}");
    match Kind::of(hash).ok_or_else(|| broken(&Unusable::Unknown))? {
        Kind::Bcrypt(hash) => bcrypt::verify(password, hash).map_err(|error| broken(&error)),
        Kind::WordPress(hash) => {
            // As `wp_check_password` does.
            let signed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA384, WORDPRESS_KEY), trimmed(password));
            bcrypt::verify(STANDARD.encode(signed), hash).map_err(|error| broken(&error))
        }
        Kind::Phpass(rest) => Ok(Phpass::parse(rest).map_err(|error| broken(&error))?.is_of(password)),
        Kind::Argon2(hash) => match Argon2::default().verify_password(password, hash) {
            Ok(()) => Ok(true),
            Err(PhcError::PasswordInvalid) => Ok(false),
            Err(error) => Err(broken(&error)),
        },
    }
}

/// The text as PHP's `trim` returns it.
fn trimmed(text: &[u8]) -> &[u8] {
    let blank = |byte: &u8| b" \t\n\r\0\x0b".contains(byte);
    let start = text.iter().position(|byte| !blank(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last.saturating_add(1));
    text.get(start..end).unwrap_or_default()
}

/// A portable hash of phpass: MD5 over the password again and again.
struct Phpass<'a> {
    rounds_log2: usize,
    salt: &'a [u8],
    digest: &'a [u8],
}

impl<'a> Phpass<'a> {
    /// Reads what follows `$P$`: a digit for the rounds, the salt, the digest.
    fn parse(text: &'a str) -> Result<Self, Unusable> {
        let (rounds, rest) = text.as_bytes().split_first().ok_or(Unusable::Broken)?;
        let (salt, digest) = rest.split_at_checked(PHPASS_SALT_CHARS).ok_or(Unusable::Broken)?;
        let value = |digit: &u8| PHPASS_DIGITS.iter().position(|known| known == digit);
        let rounds_log2 = value(rounds).ok_or(Unusable::Broken)?;
        // 16 bytes in digits of six bits.
        if digest.len() != 22 || !digest.iter().all(|digit| value(digit).is_some()) {
            return Err(Unusable::Broken);
        }
        if rounds_log2 > MAX_PHPASS_ROUNDS_LOG2 {
            return Err(Unusable::TooExpensive);
        }
        Ok(Self { rounds_log2, salt, digest })
    }

    fn is_of(&self, password: &[u8]) -> bool {
        let mut digest = Md5::new().chain_update(self.salt).chain_update(password).finalize();
        for _ in 0..(1_u32 << self.rounds_log2) {
            digest = Md5::new().chain_update(digest).chain_update(password).finalize();
        }
        digits(&digest).ct_eq(self.digest).into()
    }
}

/// Bytes in phpass's digits: three bytes are four digits, the lowest bits first.
fn digits(bytes: &[u8]) -> Vec<u8> {
    let groups = bytes.chunks(3).map(|group| {
        let value = group.iter().rev().fold(0_usize, |value, byte| (value << 8) | usize::from(*byte));
        (value, group.len().saturating_add(1))
    });
    groups
        .flat_map(|(value, count)| (0..count).map(move |place| (value >> (place * 6)) & 63))
        .filter_map(|digit| PHPASS_DIGITS.get(digit).copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by PHP 8.4 and WordPress 6.8; the end-to-end tests make others with real PHP.
    const MADE: [(&str, &str); 3] = [
        ("rasmuslerdorf", "$2y$10$.vGA1O9wmRjrwAVXD98HNOgsNpDczlqm3Jq7KnEd1rVAGv3Fykk1a"),
        ("test12345", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"),
        ("password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
    ];

    #[test]
    fn hashes_of_other_systems_know_their_password_and_no_other() {
        for (password, hash) in MADE {
            assert_eq!(password_hash(hash), Ok(PasswordHash(hash.to_owned())));
            assert_eq!(is_password(password.as_bytes(), hash), Ok(true), "{hash}");
            assert_eq!(is_password(b"another", hash), Ok(false), "{hash}");
        }
    }

    #[test]
    fn what_costs_too_much_or_is_no_hash_is_refused() {
        for (text, why) in [
            ("", Unusable::Unknown),
            ("5f4dcc3b5aa765d61d8327deb882cf99", Unusable::Unknown),
            ("$1$abc$def", Unusable::Unknown),
            ("$2y$10$short", Unusable::Broken),
            ("$P$Bshort", Unusable::Broken),
            ("$argon2id$v=19$m=65536", Unusable::Broken),
            ("$2y$14$.vGA1O9wmRjrwAVXD98HNOgsNpDczlqm3Jq7KnEd1rVAGv3Fykk1a", Unusable::TooExpensive),
            ("$P$zIQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", Unusable::TooExpensive),
            (
                "$argon2id$v=19$m=65537,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
                Unusable::TooExpensive,
            ),
            (
                "$argon2id$v=19$m=65536,t=9,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
                Unusable::TooExpensive,
            ),
        ] {
            assert_eq!(password_hash(text), Err(why), "{text}");
        }
    }
}
