//! Items of conversations, messages and typing, and the pointers by which a user's conversations and messages are
//! found.

use super::items::partition;
use crate::ids::{ConversationId, MessageId, UserId};
use crate::stepchat::{
    Attachments, Conversation, ConversationStatus, Department, Message, MessageText, Payload, Source, Title,
};
use crate::store::Key;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// What the sort keys of a conversation's messages begin with.
pub(super) const MESSAGES: &str = "X#";
/// What the sort keys of those who are typing in a conversation begin with.
pub(super) const TYPING: &str = "T#";
/// What the sort keys of pointers to a user's own conversations begin with.
pub(super) const OWN: &str = "C#";
/// What the sort keys of pointers to conversations assigned to an agent begin with.
pub(super) const ASSIGNED: &str = "A#";
/// What the sort keys of pointers to messages in others' conversations begin with.
pub(super) const WRITTEN: &str = "X#";
/// The sort key of a conversation itself. Everything else in its partition comes after it.
pub(super) const MAIN: &str = "M";
/// The sort key of the item that says where a user is typing.
pub(super) const TYPES: &str = "T";

/// The partition of a conversation.
pub(super) fn conversation_partition(id: ConversationId) -> String {
    format!("C#{}", id.padded())
}

pub(super) fn conversation_key(id: ConversationId) -> Key {
    Key::new(conversation_partition(id), MAIN)
}

pub(super) fn message_key(conversation: ConversationId, id: MessageId) -> Key {
    Key::new(conversation_partition(conversation), message_sort(id))
}

pub(super) fn message_sort(id: MessageId) -> String {
    format!("{MESSAGES}{}", id.padded())
}

pub(super) fn typist_key(conversation: ConversationId, id: UserId) -> Key {
    Key::new(conversation_partition(conversation), format!("{TYPING}{}", id.padded()))
}

pub(super) fn typing_key(id: UserId) -> Key {
    Key::new(partition(id), TYPES)
}

pub(super) fn own_key(owner: UserId, id: ConversationId) -> Key {
    Key::new(partition(owner), format!("{OWN}{}", id.padded()))
}

pub(super) fn assigned_key(agent: UserId, id: ConversationId) -> Key {
    Key::new(partition(agent), format!("{ASSIGNED}{}", id.padded()))
}

/// How many partitions hold the pointers to what a responder has written: each message writes a pointer, and one
/// partition takes 500 of them a second.
const WRITTEN_SHARDS: u64 = 8;

fn written_partition(author: UserId, shard: u64) -> String {
    format!("{WRITTEN}{}#{shard}", author.padded())
}

/// The partitions of the pointers to what a responder has written, besides the user's own partition.
pub(super) fn written_partitions(author: UserId) -> impl Iterator<Item = String> {
    (0..WRITTEN_SHARDS).map(move |shard| written_partition(author, shard))
}

/// The key of the pointer to a message in somebody else's conversation: in the author's partition or, for a responder,
/// in one of several.
pub(super) fn written_key(author: UserId, by_responder: bool, conversation: ConversationId, id: MessageId) -> Key {
    let pk = if by_responder {
        written_partition(author, conversation.get().checked_rem(WRITTEN_SHARDS).unwrap_or_default())
    } else {
        partition(author)
    };
    Key::new(pk, format!("{WRITTEN}{}#{}", conversation.padded(), id.padded()))
}

/// A conversation. Attribute names keep clear of `DynamoDB`'s reserved words, because updates name them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ConversationItem {
    pk: String,
    sk: String,
    cid: ConversationId,
    uid: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    heading: Option<Title>,
    created: Timestamp,
    st: ConversationStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    department: Option<Department>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    assigned: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Source>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Title>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_message: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_agent: Option<UserId>,
    #[serde(rename = "v")]
    version: i64,
}

impl ConversationItem {
    pub(super) fn new(conversation: &Conversation) -> Self {
        Self {
            pk: conversation_partition(conversation.id),
            sk: MAIN.into(),
            cid: conversation.id,
            uid: conversation.user,
            heading: conversation.title.clone(),
            created: conversation.creation_time,
            st: conversation.status,
            department: conversation.department,
            assigned: conversation.agent,
            origin: conversation.source.clone(),
            note: conversation.extra.clone(),
            last_message: conversation.last_message,
            last_agent: conversation.last_agent,
            version: conversation.version,
        }
    }

    pub(super) fn into_conversation(self) -> Conversation {
        Conversation {
            id: self.cid,
            user: self.uid,
            title: self.heading,
            creation_time: self.created,
            status: self.st,
            department: self.department,
            agent: self.assigned,
            source: self.origin,
            extra: self.note,
            last_message: self.last_message,
            last_agent: self.last_agent,
            version: self.version,
        }
    }
}

/// A message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct MessageItem {
    pk: String,
    sk: String,
    cid: ConversationId,
    mid: MessageId,
    uid: UserId,
    staff: bool,
    /// Whether its author was a responder: this decides where the pointer to it is.
    #[serde(rename = "wr", default, skip_serializing_if = "std::ops::Not::not")]
    by_responder: bool,
    body: MessageText,
    created: Timestamp,
    files: Attachments,
    payload: Payload,
}

impl MessageItem {
    pub(super) fn new(message: &Message, by_responder: bool) -> Self {
        Self {
            pk: conversation_partition(message.conversation),
            sk: message_sort(message.id),
            cid: message.conversation,
            mid: message.id,
            uid: message.author,
            staff: message.from_staff,
            by_responder,
            body: message.text.clone(),
            created: message.creation_time,
            files: message.attachments.clone(),
            payload: message.payload.clone(),
        }
    }

    /// The key of the pointer to it, if it is in somebody else's conversation.
    pub(super) fn written_key(&self) -> Key {
        written_key(self.uid, self.by_responder, self.cid, self.mid)
    }

    pub(super) fn author(&self) -> UserId {
        self.uid
    }

    pub(super) fn into_message(self) -> Message {
        Message {
            id: self.mid,
            conversation: self.cid,
            author: self.uid,
            from_staff: self.staff,
            text: self.body,
            creation_time: self.created,
            attachments: self.files,
            payload: self.payload,
        }
    }
}

/// A pointer from a user to a conversation or message: hardly more than the ids of its key, as numbers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PointerItem {
    pk: String,
    sk: String,
    pub(super) cid: ConversationId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mid: Option<MessageId>,
    /// The newest message of a user's own conversation, or of an assigned one: lists of conversations are in this
    /// order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) newest: Option<MessageId>,
}

impl PointerItem {
    pub(super) fn new(key: Key, cid: ConversationId, mid: Option<MessageId>) -> Self {
        Self { pk: key.pk, sk: key.sk.unwrap_or_default(), cid, mid, newest: None }
    }
}

/// Somebody typing: once in the user's partition, once in the conversation's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TypingItem {
    pk: String,
    sk: String,
    pub(super) uid: UserId,
    pub(super) cid: ConversationId,
    pub(super) staff: bool,
    /// The moment at which typing ends: readers compare it, and time to live only removes the item later.
    pub(super) until: Timestamp,
    /// Seconds since the epoch, for the table's time to live.
    expires: i64,
}

impl TypingItem {
    pub(super) fn new(key: Key, uid: UserId, cid: ConversationId, staff: bool, until: Timestamp) -> Self {
        let Key { pk, sk } = key;
        Self { pk, sk: sk.unwrap_or_default(), uid, cid, staff, until, expires: until.seconds().saturating_add(1) }
    }
}
