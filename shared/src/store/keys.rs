//! Primary keys, and the texts that order index entries.

use super::Attributes;
use crate::text::{collation_key, fold, hex, prefix};
use aws_sdk_dynamodb::types::AttributeValue;
use ring::digest::{SHA256, digest};

/// `DynamoDB`'s limit for a sort key, in bytes.
pub(crate) const MAX_KEY_BYTES: usize = 1_024;
/// How many bytes of a value a sort key may hold.
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

/// A folded value as part of a key that is looked up by equality: a long value is cut and ends in its hash.
#[must_use]
pub(crate) fn exact(folded: &str) -> String {
    if folded.len() <= SORT_BYTES {
        folded.to_owned()
    } else {
        format!("{}#{}", prefix(folded, SORT_BYTES), sha256_hex(folded.as_bytes()))
    }
}

/// A sort key: absent values first (as MySQL orders NULL), then by value, ties by id (decision E19).
#[must_use]
pub(crate) fn sort_key(value: Option<&str>, padded_id: &str) -> String {
    match value {
        None => format!("0\0{padded_id}"),
        Some(value) => format!("1{}\0{padded_id}", prefix(value, SORT_BYTES)),
    }
}

/// The sort key of a text, in the order in which people expect texts (decision E1): by its first 300 characters, then
/// by id.
#[must_use]
pub(crate) fn text_sort_key(text: Option<&str>, padded_id: &str) -> String {
    sort_key(text.map(|text| collation_key(&fold(text))).as_deref(), padded_id)
}

/// What the [`text_sort_key`] of every text that folds to `folded` begins with. If `folded` is so long that keys are
/// cut, keys of other texts may begin the same.
#[must_use]
pub(crate) fn text_sort_key_prefix(folded: &str) -> String {
    let key = collation_key(folded);
    if key.len() <= SORT_BYTES { format!("1{key}\0") } else { format!("1{}", prefix(&key, SORT_BYTES)) }
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
        assert!(text_sort_key(Some("an"), "000000000009") < text_sort_key(Some("ANN"), "000000000001"));
    }

    #[test]
    fn texts_are_found_by_what_their_keys_begin_with() {
        let long = "ж".repeat(400);
        for (text, folded) in [("Ёж", "еж"), ("", ""), (long.as_str(), long.as_str())] {
            let key = text_sort_key(Some(text), "000000000001");
            assert!(key.starts_with(&text_sort_key_prefix(folded)) && key.len() < MAX_KEY_BYTES, "{text}");
        }
        assert!(!text_sort_key(Some("ежа"), "000000000001").starts_with(&text_sort_key_prefix("еж")));
    }

    #[test]
    fn long_values_that_differ_only_at_the_end_have_different_keys() {
        let long = "x".repeat(2_000);
        assert_ne!(exact(&format!("{long}a")), exact(&format!("{long}b")));
        assert!(exact(&long).len() < 1_024 && sort_key(Some(&long), "000000000001").len() < 1_024);
    }
}
