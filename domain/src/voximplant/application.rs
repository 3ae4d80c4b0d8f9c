//! Applications: what users log in to.

use super::{AccountName, Refusal};
use crate::ids::ApplicationId;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// The short name of an application: `[a-z][a-z0-9-]{1,64}` (reference/voximplant.md §3.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApplicationName(String);

impl ApplicationName {
    /// A name for a new application.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let starts_with_letter = text.starts_with(|first: char| first.is_ascii_lowercase());
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if starts_with_letter && plain && (2..=65).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Refusal::InvalidApplicationName)
        }
    }

    /// Reads a reference to an existing application: its short name, or its full name in this account.
    #[must_use]
    pub fn from_reference(text: &str, account: &AccountName) -> Option<Self> {
        let (short, rest) = text.split_once('.').map_or((text, None), |(short, rest)| (short, Some(rest)));
        let ours = rest.is_none_or(|rest| rest == format!("{}.voximplant.com", account.as_str()));
        Self::parse(short).ok().filter(|_| ours)
    }

    /// The short name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The full name, `myapp1.<account_name>.voximplant.com`, as answers show it.
    #[must_use]
    pub fn full(&self, account: &AccountName) -> String {
        format!("{}.{}.voximplant.com", self.0, account.as_str())
    }
}

/// A stored application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// The id.
    pub id: ApplicationId,
    /// Short name, unique in the account.
    pub name: ApplicationName,
    /// Whether records are kept in secure storage; stored and shown, without effect.
    pub secure_record_storage: bool,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_documented_pattern() {
        let longest = format!("a{}", "0".repeat(64));
        for good in ["ab", "my-app1", longest.as_str()] {
            assert!(ApplicationName::parse(good).is_ok(), "{good}");
        }
        let too_long = format!("a{}", "0".repeat(65));
        for bad in ["", "a", "1a", "-ab", "Ab", "a_b", "a.b", "аб", too_long.as_str()] {
            assert_eq!(ApplicationName::parse(bad), Err(Refusal::InvalidApplicationName), "{bad}");
        }
    }

    #[test]
    fn a_full_name_refers_only_within_its_own_account() {
        let account = AccountName::parse("demo-account").unwrap();
        let name = ApplicationName::from_reference("myapp1.demo-account.voximplant.com", &account);
        assert_eq!(name, ApplicationName::from_reference("myapp1", &account));
        assert_eq!(ApplicationName::from_reference("myapp1.other.voximplant.com", &account), None);
    }
}
