//! Accounts: the tenants.

use crate::ids::AccountId;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The short name of an account, the middle of its applications' full names: `[a-z][a-z0-9-]{2,49}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountName(String);

impl AccountName {
    /// Accepts lower-case letters, digits and hyphens, beginning with a letter, 3 to 50 characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let starts_with_letter = text.starts_with(|first: char| first.is_ascii_lowercase());
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        (starts_with_letter && plain && (3..=50).contains(&text.len())).then(|| Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A currency code: three capital letters, such as `USD` or `RUR`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Currency(String);

impl Currency {
    /// Three capital letters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())).then(|| Self(text.to_owned()))
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A stored account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The id.
    pub id: AccountId,
    /// Short name, unique in the deployment.
    pub name: AccountName,
    /// The owner's e-mail address, unique in the deployment (compared folded).
    pub email: String,
    /// The currency of every balance of this account.
    pub currency: Currency,
    /// The account whose keys may also manage this one.
    pub parent: Option<AccountId>,
    /// When the account was created.
    pub created: Timestamp,
}
