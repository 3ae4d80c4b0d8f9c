//! Primary keys, and the texts that order index entries.

use super::Attributes;
use crate::text::{hex, prefix};
use aws_sdk_dynamodb::types::AttributeValue;
use ring::digest::{SHA256, digest};

/// Bytes of a sort key, by `DynamoDB`.
pub(crate) const MAX_KEY_BYTES: usize = 1_024;
/// Bytes of a value inside a sort key.
const SORT_BYTES: usize = 900;

/// The primary key of an item. The `auth` table has no sort key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: Option<String>,
}

impl Key {
    /// A key of the tables with sort keys.
    #[must_use]
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: Some(sk.into()) }
    }

    /// A key of the `auth` table.
    #[must_use]
    pub fn single(pk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: None }
    }

    pub(crate) fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::from([("pk".to_owned(), AttributeValue::S(self.pk.clone()))]);
        if let Some(sk) = &self.sk {
            attributes.insert("sk".to_owned(), AttributeValue::S(sk.clone()));
        }
        attributes
    }
}

/// SHA-256 in hex: how secrets and over-long values become keys.
#[must_use]
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// A folded value as part of a key that is looked up by equality: long ones end in their hash.
#[must_use]
pub(crate) fn exact(folded: &str) -> String {
    if folded.len() <= SORT_BYTES {
        folded.to_owned()
    } else {
        format!("{}#{}", prefix(folded, SORT_BYTES), sha256_hex(folded.as_bytes()))
    }
}

/// A sort key: absent values first (as MySQL orders NULL), then by folded value, ties by id.
#[must_use]
pub(crate) fn sort_key(folded: Option<&str>, padded_id: &str) -> String {
    match folded {
        None => format!("0\0{padded_id}"),
        Some(value) => format!("1{}\0{padded_id}", prefix(value, SORT_BYTES)),
    }
}

/// What every [`sort_key`] of exactly this value begins with, and whether it was cut: a cut value must be compared
/// again after reading.
#[must_use]
pub(crate) fn sort_key_prefix(folded: &str) -> (String, bool) {
    if folded.len() <= SORT_BYTES {
        (format!("1{folded}\0"), false)
    } else {
        (format!("1{}", prefix(folded, SORT_BYTES)), true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_sorts_before_empty_before_text() {
        let [absent, empty, text] = [None, Some(""), Some("a")].map(|value| sort_key(value, "000000000001"));
        assert!(absent < empty && empty < text);
    }

    #[test]
    fn a_value_sorts_before_its_own_extensions() {
        assert!(sort_key(Some("an"), "000000000009") < sort_key(Some("ann"), "000000000001"));
    }

    #[test]
    fn long_values_that_differ_only_at_the_end_have_different_keys() {
        let long = "x".repeat(2_000);
        assert_ne!(exact(&format!("{long}a")), exact(&format!("{long}b")));
        assert!(exact(&long).len() < 1_024 && sort_key(Some(&long), "000000000001").len() < 1_024);
    }
}
