//! Journal entries: what moved, and the chain that makes tampering visible.

use super::Money;
use crate::ids::{AccountId, PhoneUserId};
use crate::text::hex;
use crate::timestamp::Timestamp;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who can hold money. All balances together are zero at every instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// Everything outside the ledger: where credited money comes from.
    World,
    /// The account itself.
    Account(AccountId),
    /// A user with a balance of its own.
    User(PhoneUserId),
    /// Money in transit within the entry's operation, for transfers too large for one transaction.
    Suspense,
}

/// One movement: `amount` (positive) leaves `from` and reaches `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// The payer.
    pub from: Party,
    /// The receiver.
    pub to: Party,
    /// The amount, in ten-thousandths of the account's currency.
    pub units: i64,
    /// What the account's statement shows.
    pub description: String,
    /// What the user's statement shows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user_description: String,
}

impl Posting {
    /// A movement of `amount`, if it is positive and can be held.
    #[must_use]
    pub fn new(from: Party, to: Party, amount: Money, description: &str) -> Option<Self> {
        let units = amount.units().filter(|_| amount.is_positive())?;
        Some(Self { from, to, units, description: description.to_owned(), user_description: String::new() })
    }

    /// The same movement with a text of its own on the user's statement.
    #[must_use]
    pub fn with_user_description(self, description: &str) -> Self {
        Self { user_description: description.to_owned(), ..self }
    }

    /// How many statement lines this movement has: one for the account, and one for the user if there is one. A
    /// movement through suspense is shown only where a user is at its other end.
    #[must_use]
    pub fn lines(&self) -> u64 {
        match self.user() {
            Some(_) => 2,
            None if [self.from, self.to].contains(&Party::Suspense) => 0,
            None => 1,
        }
    }

    /// The user at one end of the movement, if there is one.
    #[must_use]
    pub fn user(&self) -> Option<PhoneUserId> {
        [self.from, self.to].into_iter().find_map(|party| match party {
            Party::User(user) => Some(user),
            Party::World | Party::Account(_) | Party::Suspense => None,
        })
    }
}

/// The SHA-256 that links an entry to the one before it, in hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryHash(String);

impl EntryHash {
    /// What the first entry of an account links to.
    #[must_use]
    pub fn genesis() -> Self {
        Self("0".repeat(64))
    }
}

impl fmt::Display for EntryHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One line of an account's journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// The account whose journal this is.
    pub account: AccountId,
    /// 1, 2, 3 … without gaps.
    pub number: u64,
    /// When the money moved.
    pub at: Timestamp,
    /// The movements of money.
    pub postings: Vec<Posting>,
    /// The rate by which the amounts were converted, if they were asked for in another currency (decision D7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// The account's balance afterwards, in ten-thousandths.
    pub balance_units: i64,
    /// The hash of the entry before.
    pub previous: EntryHash,
}

impl JournalEntry {
    /// How many statement lines this entry has.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.postings.iter().map(Posting::lines).sum()
    }

    /// The hash of this entry, over all of its fields in order.
    ///
    /// # Errors
    /// Only if an entry could not be written as JSON, which its types rule out.
    pub fn hash(&self) -> Result<EntryHash, serde_json::Error> {
        let bytes = serde_json::to_vec(self)?;
        let digest = digest(&SHA256, &bytes);
        Ok(EntryHash(hex(digest.as_ref())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(units: i64) -> JournalEntry {
        let account = AccountId::new(1).unwrap();
        let posting = Posting::new(Party::World, Party::Account(account), Money::from_units(units), "test").unwrap();
        JournalEntry {
            account,
            number: 1,
            at: Timestamp::from_millis(0),
            postings: vec![posting],
            rate: None,
            balance_units: units,
            previous: EntryHash::genesis(),
        }
    }

    #[test]
    fn every_field_changes_the_hash() {
        let first = entry(100);
        let second = JournalEntry { balance_units: 101, ..first.clone() };
        assert_ne!(first.hash().unwrap(), second.hash().unwrap());
        assert_eq!(first.hash().unwrap(), entry(100).hash().unwrap());
    }

    #[test]
    fn nothing_and_less_than_nothing_cannot_be_posted() {
        for units in [0, -1] {
            let account = Party::Account(AccountId::new(1).unwrap());
            assert_eq!(Posting::new(Party::World, account, Money::from_units(units), ""), None);
        }
    }
}
