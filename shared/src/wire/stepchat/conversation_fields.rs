//! Field types of conversations and messages, in all the spellings clients send (reference/stepchat.md §5).

use super::fields::number;
use super::{Text, UserRef};
use crate::ids::{ConversationId, MessageId, UserId};
use crate::stepchat::{Attachments, ConversationStatus, Payload, Refusal};
use crate::wire::node::Node;
use crate::wire::spelling;
use serde::{Deserialize, Deserializer};

/// A reference to a conversation. What cannot be an id refers to none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConversationRef(pub Option<ConversationId>);

impl<'de> Deserialize<'de> for ConversationRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        Ok(Self(number(&node).and_then(ConversationId::new)))
    }
}

field_schema!(ConversationRef, Id, { "type": ["string", "integer"], "description": "The id of a conversation." });

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
            Some("-1" | "-1.0") => Self::Caller,
            _ => Self::User(number(&node).and_then(UserId::new)),
        })
    }
}

field_schema!(SenderRef, Sender, { "type": ["string", "integer"], "description": "The id of a user, or -1 for the calling admin." });

/// The agent or admin a conversation shall be assigned to. Nothing, `NULL`, `false`, 0 and -1 are how clients say that
/// nobody is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AgentRef(Option<UserRef>);

impl AgentRef {
    /// The agent, if one is named.
    pub fn read(self) -> Result<Option<UserId>, Refusal> {
        self.0.map(|agent| agent.0.ok_or(Refusal::AgentNotFound)).transpose()
    }
}

impl<'de> Deserialize<'de> for AgentRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        let nobody = spelling::is_not_given(&node)
            || node.as_text().map(str::trim).is_some_and(|text| text == "-1" || text.eq_ignore_ascii_case("null"));
        Ok(Self((!nobody).then(|| UserRef(number(&node).and_then(UserId::new)))))
    }
}

field_schema!(AgentRef, Agent, { "type": ["string", "integer"], "description": "The id of an agent or admin." });

/// The status a conversation shall have: 0 to 4.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusField(Text);

impl StatusField {
    /// The status, if one is named.
    pub fn read(&self) -> Result<Option<ConversationStatus>, Refusal> {
        let status = |text: &str| {
            let code = spelling::whole_number(text).and_then(|code| u8::try_from(code).ok());
            ConversationStatus::try_from(code.ok_or(Refusal::InvalidStatusCode)?)
        };
        self.0.unless_null().map(status).transpose()
    }

    /// Whether the status shall stay as it is.
    #[must_use]
    pub fn is_skip(&self) -> bool {
        self.0.non_blank() == Some("skip")
    }
}

impl<'de> Deserialize<'de> for StatusField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(Self)
    }
}

field_schema!(StatusField, Status, { "type": ["string", "integer"] });

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

/// One file: a list of texts that begins with its name and its address.
fn file(node: &Node) -> Result<Vec<String>, Refusal> {
    let Node::List(parts) = node else {
        return Err(Refusal::InvalidAttachments);
    };
    let parts = parts.iter().map(|part| part.as_text().map(str::to_owned)).collect::<Option<Vec<_>>>();
    parts.filter(|parts| parts.len() >= 2).ok_or(Refusal::InvalidAttachments)
}

impl<'de> Deserialize<'de> for AttachmentsField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(spelling::given(Node::deserialize(deserializer)?)))
    }
}

field_schema!(AttachmentsField, Attachments, { "type": ["array", "string"], "description": "Files: [[\"name\", \"url\"]], as JSON or as JSON text." });

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
        Ok(Self(spelling::given(Node::deserialize(deserializer)?)))
    }
}

field_schema!(PayloadField, Payload, { "type": ["object", "array", "string"], "description": "Any JSON, as JSON or as JSON text." });

/// Where a list that ended with `next_cursor` goes on: behind this message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageCursor(Text);

impl MessageCursor {
    /// The message after which the list goes on.
    pub fn read(&self) -> Result<Option<MessageId>, Refusal> {
        self.0.non_blank().map(|text| MessageId::parse(text).ok_or(Refusal::InvalidCursor)).transpose()
    }
}

impl<'de> Deserialize<'de> for MessageCursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(Self)
    }
}

field_schema!(MessageCursor, Cursor, { "type": "string", "description": "The next_cursor of the answer before." });

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
    fn minus_one_is_the_caller() {
        let sender = |text_of: &str| SenderRef::deserialize(&text(text_of)).unwrap();
        assert_eq!(sender("-1"), SenderRef::Caller);
        assert_eq!(sender("7"), SenderRef::User(UserId::new(7)));
        assert_eq!(sender("-2"), SenderRef::User(None));
    }
}
