//! Named API tokens, which the operator mints in addition to the users' own tokens: their form and their scope
//! (decisions, "StepChat").

use crate::ids::UserId;
use crate::text::is_plain_name;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What every API token begins with, and no other token; scanners for leaked secrets can be set to find it.
const PREFIX: &str = "sbk";
/// Separates the parts of a token; no part contains it.
const SEPARATOR: char = '_';
/// Hex digits of the random part: 160 bits, as many as a user's own token has.
const SECRET_DIGITS: usize = 40;
/// Characters of a name.
const NAME_CHARS: usize = 40;

/// Which methods a token may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Methods that change nothing.
    Read,
    /// Every method.
    Write,
}

impl Scope {
    /// The scope as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// The scope this word stands for.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Read, Self::Write].into_iter().find(|scope| scope.as_str() == text)
    }
}

/// What a token is called: 1 to 40 lower-case letters, digits and hyphens, beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenName(String);

impl TokenName {
    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_plain_name(text, NAME_CHARS).then(|| Self(text.to_owned()))
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a token states before anything is proved: `sbk_<admin>_<name>_<40 hex digits>`.
///
/// With the admin's id, the token and the admin can be looked up at the same time. With the name, a person who finds a
/// leaked token knows which one to revoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenLabel {
    /// The admin on whose behalf it was minted.
    pub owner: UserId,
    /// Its name.
    pub name: TokenName,
}

impl TokenLabel {
    /// The token with this label and these random digits.
    #[must_use]
    pub fn token(&self, secret: &str) -> String {
        format!("{PREFIX}{SEPARATOR}{}{SEPARATOR}{}{SEPARATOR}{secret}", self.owner, self.name)
    }

    /// Whether a text begins like an API token.
    #[must_use]
    pub fn is_meant(token: &str) -> bool {
        token.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with(SEPARATOR))
    }

    /// The label of a token; `None` if the text has another form.
    #[must_use]
    pub fn of(token: &str) -> Option<Self> {
        let mut parts = token.split(SEPARATOR);
        let (Some(PREFIX), Some(owner), Some(name), Some(secret), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let digits = |secret: &str| secret.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if secret.len() != SECRET_DIGITS || !digits(secret) {
            return None;
        }
        Some(Self { owner: UserId::parse(owner)?, name: TokenName::parse(name)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn label(name: &str) -> TokenLabel {
        TokenLabel { owner: UserId::new(12).unwrap(), name: TokenName::parse(name).unwrap() }
    }

    #[test]
    fn a_token_shows_its_label_and_says_that_it_is_one() {
        let token = label("crm-2026").token(&"0a".repeat(20));
        assert_eq!(token, format!("sbk_12_crm-2026_{}", "0a".repeat(20)));
        assert_eq!(TokenLabel::of(&token), Some(label("crm-2026")));
        assert!(TokenLabel::is_meant(&token) && TokenLabel::is_meant("sbk_"));
        assert!(!TokenLabel::is_meant(&"0a".repeat(20)) && !TokenLabel::is_meant("sbk"));
    }

    #[test]
    fn what_differs_in_form_has_no_label() {
        let secret = "0a".repeat(20);
        for broken in [
            String::new(),
            secret.clone(),
            format!("sbk_12_crm_{}", "0A".repeat(20)),
            format!("sbk_12_crm_{}", "0a".repeat(21)),
            format!("sbk_12_crm_{}", "0g".repeat(20)),
            format!("sbk_12_crm_{secret}_"),
            format!("sbk_12__{secret}"),
            format!("sbk_0_crm_{secret}"),
            format!("sbk_+12_crm_{secret}"),
            format!("SBK_12_crm_{secret}"),
            format!("sbk_12_CRM_{secret}"),
        ] {
            assert_eq!(TokenLabel::of(&broken), None, "{broken}");
        }
    }

    #[test]
    fn names_are_short_and_plain() {
        for good in ["a", "7", "crm-2026", &"a".repeat(40)] {
            assert_eq!(TokenName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", "A", "a_b", "a b", "й", "a\0", &"a".repeat(41)] {
            assert_eq!(TokenName::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn scopes_have_words() {
        assert_eq!((Scope::parse("read"), Scope::parse("write")), (Some(Scope::Read), Some(Scope::Write)));
        assert_eq!((Scope::parse("READ"), Scope::parse("")), (None, None));
    }

    proptest! {
        #[test]
        fn every_label_is_read_back(owner in 1_u64..1_000_000, name in "[a-z0-9][a-z0-9-]{0,39}", secret in "[0-9a-f]{40}") {
            let label = TokenLabel { owner: UserId::new(owner).unwrap(), name: TokenName::parse(&name).unwrap() };
            prop_assert_eq!(TokenLabel::of(&label.token(&secret)), Some(label));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = TokenLabel::of(&text);
        }
    }
}
