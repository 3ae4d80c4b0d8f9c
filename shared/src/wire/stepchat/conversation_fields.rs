//! Field types of conversations and messages, in all the spellings clients send (reference/stepchat.md §5).

use super::Text;
use crate::ids::{ConversationId, MessageId, UserId};
use crate::stepchat::{Attachments, Payload, Refusal};
use crate::wire::node::Node;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;

macro_rules! schema {
    ($name:ident, $($schema:tt)+) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($($schema)+)
            }
        }
    };
}

/// A reference to a conversation. What cannot be an id refers to none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConversationRef(pub Option<ConversationId>);

impl<'de> Deserialize<'de> for ConversationRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        Ok(Self(node.as_text().and_then(|text| ConversationId::parse(text.trim()))))
    }
}

schema!(ConversationRef, { "type": ["string", "integer"], "description": "The id of a conversation." });

/// Who writes: a user, or -1 for the admin whose token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SenderRef {
    /// The admin whose token it is.
    Caller,
    /// A user; what cannot be an id refers to nobody.
    User(Option<UserId>),
}

impl<'de> Deserialize<'de> for SenderRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        Ok(match node.as_text().map(str::trim) {
            Some("-1") => Self::Caller,
            text => Self::User(text.and_then(UserId::parse)),
        })
    }
}

schema!(SenderRef, { "type": ["string", "integer"], "description": "The id of a user, or -1 for the calling admin." });

/// Files of a message: `[["name", "url"]]` as JSON, as JSON text or in PHP's brackets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttachmentsField(Option<Node>);

impl AttachmentsField {
    /// The files.
    pub fn read(&self) -> Result<Attachments, Refusal> {
        let files = match &self.0 {
            None => Vec::new(),
            Some(Node::List(files)) => files.iter().map(file).collect::<Result<Vec<_>, _>>()?,
            Some(_) => return Err(Refusal::InvalidAttachments),
        };
        Attachments::new(&files)
    }
}

/// One file: texts, the name and the address first.
fn file(node: &Node) -> Result<Vec<String>, Refusal> {
    let Node::List(parts) = node else {
        return Err(Refusal::InvalidAttachments);
    };
    let parts = parts.iter().map(|part| part.as_text().map(str::to_owned)).collect::<Option<Vec<_>>>();
    parts.filter(|parts| parts.len() >= 2).ok_or(Refusal::InvalidAttachments)
}

impl<'de> Deserialize<'de> for AttachmentsField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(unfolded(Node::deserialize(deserializer)?)))
    }
}

schema!(AttachmentsField, { "type": ["array", "string"], "description": "Files: [[\"name\", \"url\"]], as JSON or as JSON text." });

/// Data of a message: any JSON, as JSON or as JSON text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PayloadField(Option<Node>);

impl PayloadField {
    /// The data as text.
    pub fn read(&self) -> Result<Payload, Refusal> {
        match &self.0 {
            None => Ok(Payload::default()),
            Some(Node::Text(_)) => Err(Refusal::InvalidPayload),
            Some(node) => Payload::new(json(node).to_string()),
        }
    }
}

/// A node as JSON. A number that is no integer is kept as text, with its own digits.
fn json(node: &Node) -> serde_json::Value {
    match node {
        Node::Null => serde_json::Value::Null,
        Node::Bool(on) => (*on).into(),
        Node::Number(digits) => digits.parse::<i64>().map_or_else(|_| digits.clone().into(), Into::into),
        Node::Text(text) => text.clone().into(),
        Node::List(items) => items.iter().map(json).collect(),
        Node::Map(entries) => entries.iter().map(|(key, value)| (key.clone(), json(value))).collect(),
    }
}

impl<'de> Deserialize<'de> for PayloadField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(unfolded(Node::deserialize(deserializer)?)))
    }
}

schema!(PayloadField, { "type": ["object", "array", "string"], "description": "Any JSON, as JSON or as JSON text." });

/// JSON text read as JSON; text that is none stays text, which the field refuses; blank and `false` are nothing.
fn unfolded(node: Node) -> Option<Node> {
    match node {
        Node::Null | Node::Bool(false) => None,
        Node::Text(text) if matches!(text.trim(), "" | "false") => None,
        Node::Text(text) => Some(crate::wire::json::parse(&text).unwrap_or(Node::Text(text))),
        other => Some(other),
    }
}

/// Users by id: JSON, JSON text, PHP's brackets, or ids between commas. What cannot be an id refers to nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserRefs(pub Vec<UserId>);

impl<'de> Deserialize<'de> for UserRefs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(node) = unfolded(Node::deserialize(deserializer)?) else {
            return Ok(Self::default());
        };
        let mut ids = match &node {
            Node::List(items) => items.iter().filter_map(|item| id(item.as_text()?)).collect(),
            Node::Map(entries) => entries.iter().filter_map(|(_, item)| id(item.as_text()?)).collect(),
            scalar => scalar.as_text().map_or_else(Vec::new, |text| text.split(',').filter_map(id).collect()),
        };
        ids.sort_unstable();
        ids.dedup();
        Ok(Self(ids))
    }
}

fn id(text: &str) -> Option<UserId> {
    UserId::parse(text.trim())
}

schema!(UserRefs, { "type": ["array", "string"], "description": "Ids of users: [1, 2], as JSON, as JSON text, in PHP brackets, or between commas." });

/// Where a list that ended with `next_cursor` goes on: behind this message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageCursor(Text);

impl MessageCursor {
    /// The message.
    pub fn read(&self) -> Result<Option<MessageId>, Refusal> {
        self.0.given().map(|text| MessageId::parse(text).ok_or(Refusal::InvalidCursor)).transpose()
    }
}

impl<'de> Deserialize<'de> for MessageCursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(Self)
    }
}

schema!(MessageCursor, { "type": "string", "description": "The next_cursor of the answer before." });

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Node {
        Node::Text(text.into())
    }

    #[test]
    fn attachments_are_pairs_in_any_spelling() {
        let read = |text_of: &str| AttachmentsField::deserialize(&text(text_of)).unwrap().read();
        assert_eq!(read(r#"[["a","b"]]"#).unwrap().as_str(), r#"[["a","b"]]"#);
        for nothing in ["", "[]", "false"] {
            assert_eq!(read(nothing).unwrap().as_str(), "", "{nothing}");
        }
        for bad in ["x", "5", r#"["a"]"#, r#"[["a"]]"#, r#"[["a",["b"]]]"#, r#"{"a":"b"}"#] {
            assert_eq!(read(bad), Err(Refusal::InvalidAttachments), "{bad}");
        }
    }

    #[test]
    fn payloads_are_json_whose_numbers_keep_their_digits() {
        let read = |text_of: &str| PayloadField::deserialize(&text(text_of)).unwrap().read();
        assert_eq!(read(r#"{"a":[1,true,null]}"#).unwrap().as_str(), r#"{"a":[1,true,null]}"#);
        assert_eq!(read("[0.10]").unwrap().as_str(), r#"["0.10"]"#);
        assert_eq!(read("").unwrap().as_str(), "");
        assert_eq!(read("{x"), Err(Refusal::InvalidPayload));
    }

    #[test]
    fn lists_of_users_come_in_four_spellings() {
        let ids = |node: &Node| UserRefs::deserialize(node).unwrap().0.into_iter().map(UserId::get).collect::<Vec<_>>();
        for spelled in ["[1,2]", "[\"2\",\"1\",\"1\"]", "1, 2", "2,x,1,-1"] {
            assert_eq!(ids(&text(spelled)), [1, 2], "{spelled}");
        }
        assert_eq!(ids(&Node::Map(vec![("5".into(), text("1")), ("7".into(), text("2"))])), [1, 2]);
        assert_eq!(ids(&Node::Number("7".into())), [7]);
        assert!(ids(&text("")).is_empty() && ids(&text("false")).is_empty());
    }

    #[test]
    fn minus_one_is_the_caller() {
        let sender = |text_of: &str| SenderRef::deserialize(&text(text_of)).unwrap();
        assert_eq!(sender("-1"), SenderRef::Caller);
        assert_eq!(sender("7"), SenderRef::User(UserId::new(7)));
        assert_eq!(sender("-2"), SenderRef::User(None));
    }
}
