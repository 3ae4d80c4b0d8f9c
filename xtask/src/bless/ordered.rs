//! JSON whose members keep their order: an answer is written down as it was sent.

use ::tests::cases::{self, Kept};
use anyhow::Result;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Value};
use std::fmt;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ordered {
    Members(Vec<(String, Ordered)>),
    Items(Vec<Ordered>),
    /// Neither a list nor an object.
    Plain(Value),
}

impl Ordered {
    /// This answer as it is to be written down. A placeholder in `expected` (`$any`, `$time`, `$token`, a kept value) stays
    /// where the answer still fits it. Elsewhere, a moment or a token that is not as expected becomes `$time` or `$token`.
    pub(super) fn like(self, expected: Option<&Value>, kept: &Kept) -> Self {
        if let Some(Value::String(text)) = expected
            && text.starts_with('$')
            && cases::is_answered(&Value::String(text.clone()), &self.value(), kept)
        {
            return Self::Plain(Value::String(text.clone()));
        }
        match self {
            Self::Members(members) => {
                let below = |name: &str| expected.and_then(|expected| expected.get(name));
                let members = members.into_iter().map(|(name, value)| {
                    let value = value.like(below(&name), kept);
                    (name, value)
                });
                Self::Members(members.collect())
            }
            Self::Items(items) => {
                let below = |index: usize| expected.and_then(|expected| expected.get(index));
                let items = items.into_iter().enumerate().map(|(index, value)| value.like(below(index), kept));
                Self::Items(items.collect())
            }
            Self::Plain(value) if expected == Some(&value) => Self::Plain(value),
            Self::Plain(value) => {
                let unwritten = ["$time", "$token"].map(|name| Value::String(name.to_owned()));
                let unwritten = unwritten.into_iter().find(|name| cases::is_answered(name, &value, kept));
                Self::Plain(unwritten.unwrap_or(value))
            }
        }
    }

    /// The same without its order.
    fn value(&self) -> Value {
        match self {
            Self::Members(members) => {
                Value::Object(members.iter().map(|(name, value)| (name.clone(), value.value())).collect::<Map<_, _>>())
            }
            Self::Items(items) => items.iter().map(Self::value).collect(),
            Self::Plain(value) => value.clone(),
        }
    }

    /// As a text whose lines, but for the first, are indented by so many blanks more.
    pub(super) fn pretty(&self, indent: usize) -> Result<String> {
        let mut text = Vec::new();
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut text, PrettyFormatter::new()))?;
        Ok(String::from_utf8(text)?.replace('\n', &format!("\n{:indent$}", "")))
    }
}

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Members(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Self::Items(items) => items.serialize(serializer),
            Self::Plain(value) => value.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Ordered;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("any JSON")
            }

            fn visit_unit<E>(self) -> Result<Ordered, E> {
                Ok(Ordered::Plain(Value::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Ordered, E> {
                Ok(Ordered::Plain(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Ordered, E> {
                Ok(Ordered::Plain(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Ordered, E> {
                Ok(Ordered::Plain(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Ordered, E> {
                Ok(Ordered::Plain(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Ordered, E> {
                Ok(Ordered::Plain(value.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Ordered, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = items.next_element()? {
                    all.push(item);
                }
                Ok(Ordered::Items(all))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Ordered, A::Error> {
                let mut all = Vec::new();
                while let Some(member) = members.next_entry()? {
                    all.push(member);
                }
                Ok(Ordered::Members(all))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn like(text: &str, expected: &Value) -> String {
        let kept = Kept::from([("id".to_owned(), json!(7))]);
        let answer: Ordered = serde_json::from_str(text).unwrap();
        serde_json::to_string(&answer.like(Some(expected), &kept)).unwrap()
    }

    #[test]
    fn members_keep_their_order_and_what_cannot_be_written_down_its_sign() {
        let expected = json!({ "id": "$id", "other": "$id", "any": "$any", "list": ["$any"] });
        let answer = r#"{"other":"8","id":"7","any":[1],"list":["a","b"],"z":1.5,"a":null}"#;
        assert_eq!(
            like(answer, &expected),
            r#"{"other":"8","id":"$id","any":"$any","list":["$any","b"],"z":1.5,"a":null}"#
        );
    }

    #[test]
    fn a_new_moment_and_a_new_token_are_not_written_down() {
        let token = "0123456789abcdef0123456789abcdef01234567";
        let answer = format!(r#"{{"at":"2026-01-31 12:00:00","token":"{token}","name":"x"}}"#);
        assert_eq!(like(&answer, &json!({})), r#"{"at":"$time","token":"$token","name":"x"}"#);
        let expected = json!({ "at": "2026-01-31 12:00:00" });
        assert_eq!(like(&answer, &expected), r#"{"at":"2026-01-31 12:00:00","token":"$token","name":"x"}"#);
    }

    #[test]
    fn a_text_stands_where_it_belongs() {
        let answer: Ordered = serde_json::from_str(r#"{"a":[1]}"#).unwrap();
        assert_eq!(answer.pretty(4).unwrap(), "{\n      \"a\": [\n        1\n      ]\n    }");
    }
}
