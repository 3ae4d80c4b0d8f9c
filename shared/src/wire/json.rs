//! JSON into [`Node`]s without ever reading a number as a float.

use super::malformed::Malformed;
use super::node::{Fields, Node};
use crate::limits::{MAX_DEPTH, MAX_FIELDS, MAX_VALUES};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Reads one JSON text. A byte order mark before it is ignored (decision E2), in fields as in bodies.
pub(super) fn parse(text: &str) -> Result<Node, Malformed> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // This first pass refuses what is not JSON at all; after it, only the limits, NUL and half of a surrogate pair can
    // fail.
    let raw: &RawValue = serde_json::from_str(text).map_err(|_| Malformed::Json)?;
    let mut left = MAX_VALUES;
    let parsed = node(raw, MAX_DEPTH, &mut left)?;
    if parsed.has_nul() { Err(Malformed::Nul) } else { Ok(parsed) }
}

/// `left` is how many values the request may still have: reading each takes time before the caller is known.
fn node(raw: &RawValue, depth: usize, left: &mut usize) -> Result<Node, Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed::TooDeep)?;
    let text = raw.get();
    match text.bytes().next() {
        Some(b'{') => {
            let Entries(entries) = read(text)?;
            if entries.len() > MAX_FIELDS {
                return Err(Malformed::TooManyFields);
            }
            take(left, entries.len())?;
            let mut map = Fields::with_capacity(entries.len());
            for (key, value) in entries {
                // A repeated key: the last one wins, as in PHP and in every JSON library the clients use.
                map.set(&key, node(value, depth, left)?);
            }
            Ok(Node::Map(map.into_entries()))
        }
        Some(b'[') => {
            let values: Vec<&RawValue> = read(text)?;
            take(left, values.len())?;
            values.into_iter().map(|value| node(value, depth, left)).collect::<Result<_, _>>().map(Node::List)
        }
        Some(b'"') => read(text).map(Node::Text),
        Some(b't' | b'f') => read(text).map(Node::Bool),
        Some(b'n') => Ok(Node::Null),
        _ => Ok(Node::Number(text.to_owned())),
    }
}

fn take(left: &mut usize, values: usize) -> Result<(), Malformed> {
    *left = left.checked_sub(values).ok_or(Malformed::TooManyValues)?;
    Ok(())
}

/// Reads a text known to be JSON. It can only fail on half of a surrogate pair, which is no text.
fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Malformed> {
    serde_json::from_str(text).map_err(|_| Malformed::NotUtf8)
}

/// An object's entries in their order, repeated keys included.
struct Entries<'de>(Vec<(String, &'de RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        let parsed = parse(r#"{"amount": 0.10, "big": 123456789012345678901234567890, "e": 1E+3}"#).unwrap();
        let digits = |text: &str| Node::Number(text.into());
        assert_eq!(
            parsed,
            Node::Map(vec![
                ("amount".into(), digits("0.10")),
                ("big".into(), digits("123456789012345678901234567890")),
                ("e".into(), digits("1E+3")),
            ])
        );
    }

    #[test]
    fn the_last_of_a_repeated_key_wins_in_its_first_place() {
        let parsed = parse(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(
            parsed,
            Node::Map(vec![("a".into(), Node::Number("3".into())), ("b".into(), Node::Number("2".into()))])
        );
    }

    #[test]
    fn nesting_beyond_the_limit_is_refused() {
        let deep = format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert_eq!(parse(&deep), Err(Malformed::TooDeep));
        let deepest = format!("{}1{}", "[".repeat(MAX_DEPTH - 1), "]".repeat(MAX_DEPTH - 1));
        assert!(parse(&deepest).is_ok());
    }

    #[test]
    fn more_values_than_the_limit_are_refused_wherever_they_stand() {
        let list = |values: usize| format!("[{}]", vec!["0"; values].join(","));
        assert!(parse(&list(MAX_VALUES)).is_ok());
        assert_eq!(parse(&list(MAX_VALUES + 1)), Err(Malformed::TooManyValues));
        let halves = format!(r#"{{"a":{},"b":{}}}"#, list(MAX_VALUES / 2), list(MAX_VALUES / 2));
        assert_eq!(parse(&halves), Err(Malformed::TooManyValues), "the two fields count as well");
    }

    #[test]
    fn half_a_surrogate_pair_is_no_text() {
        for half in [r#""\ud83d""#, r#"{"a":"x\udc00y"}"#, r#"["\ud83dx"]"#] {
            assert_eq!(parse(half), Err(Malformed::NotUtf8), "{half}");
        }
        assert_eq!(parse(r#""\ud83d\ude00""#), Ok(Node::Text("😀".into())));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for broken in ["", "{", "{'a':1}", "[1,]", "nul", "01", "{\"a\":1}x"] {
            assert_eq!(parse(broken), Err(Malformed::Json), "{broken}");
        }
    }
}
