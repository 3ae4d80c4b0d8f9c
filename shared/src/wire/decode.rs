//! [`Params`] into typed requests through serde: only declared fields are ever read, which is the defence against
//! mass assignment.

use super::node::Node;
use super::params::Params;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use std::fmt;

/// Why a request does not decode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// A required parameter is not there.
    Missing(&'static str),
    /// A parameter's value cannot be used; the name is the wire's, if known.
    Invalid {
        /// The parameter.
        field: Option<String>,
        /// What is wrong with it, for the log.
        reason: String,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(formatter, "missing {name}"),
            Self::Invalid { field, reason } => {
                write!(formatter, "invalid {}: {reason}", field.as_deref().unwrap_or("request"))
            }
        }
    }
}

impl std::error::Error for DecodeError {}

impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::Invalid { field: None, reason: reason.to_string() }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

/// Decodes a request from its parameters.
pub fn decode<T: DeserializeOwned>(params: &Params) -> Result<T, DecodeError> {
    T::deserialize(Request(params))
}

/// Decodes one value, for types that look inside a parameter.
pub fn decode_field<T: DeserializeOwned>(node: &Node) -> Result<T, DecodeError> {
    T::deserialize(node)
}

/// The parameters that a request reads, by their wire names; empty if it reads all there are.
#[must_use]
pub fn field_names<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // Decoding ends as soon as the names are known.
    let _ = T::deserialize(FieldNames(&mut names));
    names
}

struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, DecodeError> {
        Err(serde::de::Error::custom("only the names of the fields were asked for"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        *self.0 = names;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Request<'a>(&'a Params);

impl<'de> Deserializer<'de> for Request<'_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_map(Fields { rest: self.0.iter().collect::<Vec<_>>().into_iter(), current: None })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Hands out one parameter after another and names the one whose value fails.
struct Fields<'a> {
    rest: std::vec::IntoIter<(&'a str, &'a Node)>,
    current: Option<(&'a str, &'a Node)>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        self.current = self.rest.next();
        self.current.map(|(name, _)| seed.deserialize(name.into_deserializer())).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, DecodeError> {
        let (name, node) = self.current.unwrap_or(("", &Node::Null));
        seed.deserialize(node).map_err(|error| match error {
            DecodeError::Invalid { field: None, reason } => {
                DecodeError::Invalid { field: Some(name.to_owned()), reason }
            }
            named => named,
        })
    }
}

impl IntoDeserializer<'_, DecodeError> for &Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for &Node {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self {
            Node::Null => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Number(text) | Node::Text(text) => visitor.visit_str(text),
            Node::List(items) => visitor.visit_seq(SeqDeserializer::new(items.iter())),
            Node::Map(entries) => {
                visitor.visit_map(MapDeserializer::new(entries.iter().map(|(key, value)| (key.as_str(), value))))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self {
            // For other types a number is its digits; a node also keeps that it was not quoted.
            Node::Number(digits) if name == AS_IT_CAME => visitor.visit_bytes(digits.as_bytes()),
            _ if name == AS_IT_CAME => self.deserialize_any(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    /// Enums are read from words.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let word = self.as_text().ok_or_else(|| serde::de::Error::custom("not a word"))?;
        visitor.visit_enum(word.into_deserializer())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// The name of a newtype by which [`Node`] asks to be decoded as a node.
const AS_IT_CAME: &str = "$node";

/// A field's value as it came, for types that decode from a [`Node`].
impl<'de> serde::Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyNode;
        impl<'de> Visitor<'de> for AnyNode {
            type Value = Node;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }

            fn visit_none<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
                serde::Deserialize::deserialize(deserializer)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Bool(value))
            }

            fn visit_str<E>(self, text: &str) -> Result<Node, E> {
                Ok(Node::Text(text.to_owned()))
            }

            fn visit_bytes<E>(self, digits: &[u8]) -> Result<Node, E> {
                Ok(Node::Number(String::from_utf8_lossy(digits).into_owned()))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Node::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Node::Map(entries))
            }
        }
        deserializer.deserialize_newtype_struct(AS_IT_CAME, AnyNode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::params::Source;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Example {
        user_id: Node,
        #[serde(default)]
        extra: Option<Node>,
    }

    fn example(pairs: &[(&str, &str)]) -> Result<Example, DecodeError> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        decode(&Params::merge(vec![Source::Pairs(pairs)]).unwrap())
    }

    #[test]
    fn unknown_parameters_are_ignored_and_missing_ones_are_named() {
        let read = example(&[("user_id", "1"), ("password_hash", "x")]).unwrap();
        assert_eq!(read, Example { user_id: Node::Text("1".into()), extra: None });
        assert_eq!(example(&[("extra", "1")]), Err(DecodeError::Missing("user_id")));
    }

    #[test]
    fn a_request_tells_the_names_of_its_fields() {
        assert_eq!(field_names::<Example>(), ["user_id", "extra"]);
    }

    #[test]
    fn a_number_stays_a_number_at_any_depth() {
        let number = || Node::Number("1E+3".into());
        let node = Node::List(vec![number(), Node::Map(vec![("a".into(), number())]), Node::Text("1".into())]);
        assert_eq!(decode_field::<Node>(&node), Ok(node));
    }

    #[test]
    fn a_bad_value_is_reported_with_its_parameter() {
        #[derive(Debug, Deserialize)]
        struct Strict {
            #[allow(dead_code, reason = "only its decoding is of interest")]
            count: u8,
        }
        let pairs = vec![("count".to_owned(), "many".to_owned())];
        let error = decode::<Strict>(&Params::merge(vec![Source::Pairs(pairs)]).unwrap()).unwrap_err();
        assert!(matches!(error, DecodeError::Invalid { field: Some(field), .. } if field == "count"));
    }
}
