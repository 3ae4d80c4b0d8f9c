//! The RS256 tokens of Voximplant's clients (reference/voximplant.md §1.4).
//!
//! Parsed by hand because every failure has a code of its own; the signature is checked by ring, which is linked for
//! TLS anyway (docs/adr/0004).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use thiserror::Error;

/// Longest time between `iat` and `exp`, in seconds.
const MAX_LIFE: i64 = 3600;

/// Why a token proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JwtError {
    /// Not three base64url parts of JSON with the needed members: 447.
    #[error("malformed")]
    Malformed,
    /// An algorithm other than RS256: 100.
    #[error("the token is not signed with RS256.")]
    Algorithm,
    /// The signature is not this key's: 100.
    #[error("the signature does not belong to this key.")]
    Signature,
    /// `exp` − `iat` above an hour: 454.
    #[error("lives too long")]
    TooLong,
    /// `iat` in the future, by so many seconds: 455.
    #[error("issued {0} s in the future")]
    Future(i64),
    /// `exp` in the past, by so many seconds: 456.
    #[error("expired {0} s ago")]
    Expired(i64),
}

#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: String,
}

/// What a token claims.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Claims {
    /// The account; `None` (sent as 0, `"0"`, empty or not at all) is the key's own.
    #[serde(default, deserialize_with = "issuer")]
    pub iss: Option<u64>,
    /// Issued at, in seconds.
    #[serde(deserialize_with = "seconds")]
    pub iat: i64,
    /// Expires at, in seconds.
    #[serde(deserialize_with = "seconds")]
    pub exp: i64,
}

/// A number or a decimal string: the clients disagree (§1.4).
fn issuer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Issuer {
        Number(u64),
        Text(String),
        Null(()),
    }
    let number = match Issuer::deserialize(deserializer)? {
        Issuer::Number(number) => number,
        Issuer::Text(text) if text.is_empty() => 0,
        Issuer::Text(text) => text.parse().map_err(serde::de::Error::custom)?,
        Issuer::Null(()) => 0,
    };
    Ok((number != 0).then_some(number))
}

/// Seconds since the epoch; a fraction, which JWT allows, is dropped.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let whole = number.to_string();
    let whole = whole.split_once('.').map_or(whole.as_str(), |(whole, _)| whole);
    whole.parse().map_err(serde::de::Error::custom)
}

/// A token as presented: read, nothing proven yet.
#[derive(Debug, Clone)]
pub struct Presented<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    algorithm: String,
    /// Which key is said to have signed it.
    pub key_id: String,
    claims: Claims,
}

impl<'a> Presented<'a> {
    /// Splits and reads a compact token.
    pub fn parse(token: &'a str) -> Result<Self, JwtError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(JwtError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(JwtError::Malformed)?;
        if claims.contains('.') {
            return Err(JwtError::Malformed);
        }
        let header: Header = part(header)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| JwtError::Malformed)?;
        Ok(Self { signed, signature, algorithm: header.alg, key_id: header.kid, claims: part(claims)? })
    }

    /// The account that the token claims; nothing is proved yet.
    #[must_use]
    pub fn claimed_issuer(&self) -> Option<u64> {
        self.claims.iss
    }

    /// Proves the claims: algorithm, signature by this PKCS#1 public key, then the times, with `leeway` seconds of
    /// grace both ways. Times are checked last, so that only a holder of the key learns about our clock.
    pub fn prove(self, public_key: &[u8], now: i64, leeway: i64) -> Result<Claims, JwtError> {
        if self.algorithm != "RS256" {
            return Err(JwtError::Algorithm);
        }
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key)
            .verify(self.signed.as_bytes(), &self.signature)
            .map_err(|_| JwtError::Signature)?;
        let Claims { iat, exp, .. } = self.claims;
        if exp.saturating_sub(iat) > MAX_LIFE {
            return Err(JwtError::TooLong);
        }
        let (ahead, behind) = (iat.saturating_sub(now), now.saturating_sub(exp));
        if ahead > leeway {
            return Err(JwtError::Future(ahead));
        }
        if behind > leeway {
            return Err(JwtError::Expired(behind));
        }
        Ok(self.claims)
    }
}

fn part<T: DeserializeOwned>(text: &str) -> Result<T, JwtError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| JwtError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| JwtError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims), URL_SAFE_NO_PAD.encode("s"))
    }

    fn claims(text: &str) -> Result<Claims, JwtError> {
        Presented::parse(&token(r#"{"alg":"RS256","kid":"k"}"#, text)).map(|presented| presented.claims)
    }

    #[test]
    fn the_issuer_is_a_number_or_a_string_and_zero_is_nobody() {
        for (iss, expected) in
            [("1", Some(1)), ("\"1\"", Some(1)), ("0", None), ("\"0\"", None), ("\"\"", None), ("null", None)]
        {
            let read = claims(&format!("{{\"iss\":{iss},\"iat\":5,\"exp\":6}}")).unwrap();
            assert_eq!(read.iss, expected, "{iss}");
        }
        assert_eq!(claims(r#"{"iat":5.5,"exp":6}"#).unwrap(), Claims { iss: None, iat: 5, exp: 6 });
    }

    #[test]
    fn what_is_no_token_is_malformed() {
        for broken in ["", "a.b", "a.b.c", "a.b.c.d", "....", &token("{}", "{}"), &token(r#"{"alg":"RS256"}"#, "[]")] {
            assert_eq!(Presented::parse(broken).unwrap_err(), JwtError::Malformed, "{broken}");
        }
        assert_eq!(claims(r#"{"iss":"one","iat":5,"exp":6}"#), Err(JwtError::Malformed));
    }

    #[test]
    fn other_algorithms_are_refused_before_any_key_is_used() {
        for alg in ["none", "HS256", "RS384", "rs256"] {
            let token = token(&format!("{{\"alg\":\"{alg}\",\"kid\":\"k\"}}"), r#"{"iat":5,"exp":6}"#);
            assert_eq!(Presented::parse(&token).unwrap().prove(b"", 5, 0), Err(JwtError::Algorithm), "{alg}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[A-Za-z0-9_.-]{0,80}") {
            let _ = Presented::parse(&text);
        }
    }
}
