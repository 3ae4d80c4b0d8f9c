//! Conversations and their messages, and the rules of writing in them. Source: `reference/stepchat.md` §2, §5.

use super::{Department, Refusal};
use crate::ids::{ConversationId, MessageId, UserId};
use crate::limits::MAX_MESSAGE_BYTES;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// What a conversation waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum ConversationStatus {
    /// Nothing: it is live and read.
    Live,
    /// The user's answer.
    WaitingForUser,
    /// An agent's answer.
    WaitingForAgent,
    /// Nothing: it is in the archive.
    Archived,
    /// Nothing: it is in the trash.
    Trashed,
}

impl ConversationStatus {
    const ALL: [Self; 5] = [Self::Live, Self::WaitingForUser, Self::WaitingForAgent, Self::Archived, Self::Trashed];

    /// The wire code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Live => 0,
            Self::WaitingForUser => 1,
            Self::WaitingForAgent => 2,
            Self::Archived => 3,
            Self::Trashed => 4,
        }
    }

    /// The status of a conversation after a new message, unless the call sets another.
    #[must_use]
    pub const fn after_message(from_staff: bool) -> Self {
        if from_staff { Self::WaitingForUser } else { Self::WaitingForAgent }
    }
}

impl TryFrom<u8> for ConversationStatus {
    type Error = Refusal;

    fn try_from(code: u8) -> Result<Self, Refusal> {
        Self::ALL.into_iter().find(|status| status.code() == code).ok_or(Refusal::InvalidStatusCode)
    }
}

impl From<ConversationStatus> for u8 {
    fn from(status: ConversationStatus) -> Self {
        status.code()
    }
}

/// A conversation's title or free text: up to 191 characters. Callers leave empty texts out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Title(String);

impl Title {
    /// The largest number of characters.
    pub const MAX_CHARS: usize = 191;

    /// Trims; too long is refused rather than cut.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.trim();
        if text.chars().count() > Self::MAX_CHARS { Err(Refusal::TitleTooLong) } else { Ok(Self(text.to_owned())) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a conversation comes from, such as `wa`: two letters or digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Source(String);

impl Source {
    /// Trims and checks.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.trim();
        let fits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits { Ok(Self(text.to_owned())) } else { Err(Refusal::InvalidSource) }
    }

    /// The two characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The id.
    pub id: ConversationId,
    /// Whose conversation it is.
    pub user: UserId,
    /// Title.
    pub title: Option<Title>,
    /// When it was started.
    pub creation_time: Timestamp,
    /// What it waits for.
    pub status: ConversationStatus,
    /// Department.
    pub department: Option<Department>,
    /// The agent or admin it is assigned to.
    pub agent: Option<UserId>,
    /// Where it comes from.
    pub source: Option<Source>,
    /// Free text of the integration.
    pub extra: Option<Title>,
    /// Its newest message.
    pub last_message: Option<MessageId>,
    /// Who of the staff wrote last.
    pub last_agent: Option<UserId>,
    /// Rises with every change.
    pub version: i64,
}

/// The text of a message: up to 65,535 bytes, possibly empty, unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageText(String);

impl MessageText {
    /// Too long is refused rather than cut.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        bounded(text.to_owned(), Refusal::MessageTooLong).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Files that go with a message, each as `[name, url]`: kept as the JSON text that clients read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attachments(String);

impl Attachments {
    /// The list as JSON text; an empty list is an empty text.
    pub fn new(files: &[Vec<String>]) -> Result<Self, Refusal> {
        if files.is_empty() {
            return Ok(Self::default());
        }
        let text = serde_json::to_string(files).map_err(|_| Refusal::InvalidAttachments)?;
        bounded(text, Refusal::InvalidAttachments).map(Self)
    }

    /// The JSON text, or nothing.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Data of the integration, sent with a message: any JSON, kept as text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Payload(String);

impl Payload {
    /// Text that is already known to be JSON, or nothing.
    pub fn new(json: String) -> Result<Self, Refusal> {
        bounded(json, Refusal::InvalidPayload).map(Self)
    }

    /// The JSON text, or nothing.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn bounded(text: String, refusal: Refusal) -> Result<String, Refusal> {
    if text.len() > MAX_MESSAGE_BYTES { Err(refusal) } else { Ok(text) }
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The id: later messages have larger ones.
    pub id: MessageId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Who wrote it.
    pub author: UserId,
    /// Whether the author was an agent or admin when writing.
    pub from_staff: bool,
    /// The text.
    pub text: MessageText,
    /// When it was written.
    pub creation_time: Timestamp,
    /// Files.
    pub attachments: Attachments,
    /// Data.
    pub payload: Payload,
}

impl Message {
    /// Bytes of the message's texts; every row of the message is larger.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let texts = [self.text.as_str(), self.attachments.as_str(), self.payload.as_str()];
        texts.iter().map(|text| text.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_status_codes_and_no_others_are_read() {
        for code in 0..=4_u8 {
            assert_eq!(ConversationStatus::try_from(code).map(ConversationStatus::code), Ok(code));
        }
        assert_eq!(ConversationStatus::try_from(5), Err(Refusal::InvalidStatusCode));
    }

    #[test]
    fn sources_are_two_characters() {
        assert_eq!(Source::parse(" wa ").unwrap().as_str(), "wa");
        for bad in ["", "w", "wab", "ж", "w!"] {
            assert_eq!(Source::parse(bad), Err(Refusal::InvalidSource), "{bad}");
        }
    }

    #[test]
    fn texts_are_kept_whole_or_refused() {
        let longest = "x".repeat(MAX_MESSAGE_BYTES);
        assert_eq!(MessageText::parse(&longest).unwrap().as_str(), longest);
        assert_eq!(MessageText::parse(&format!("{longest}x")), Err(Refusal::MessageTooLong));
        assert_eq!(Title::parse(&"я".repeat(192)), Err(Refusal::TitleTooLong));
        assert_eq!(Payload::new("x".repeat(MAX_MESSAGE_BYTES + 1)), Err(Refusal::InvalidPayload));
    }

    #[test]
    fn no_attachments_are_no_text() {
        assert_eq!(Attachments::new(&[]).unwrap().as_str(), "");
        let file = vec!["a.png".to_owned(), "https://example.com/a.png".to_owned()];
        assert_eq!(Attachments::new(&[file]).unwrap().as_str(), r#"[["a.png","https://example.com/a.png"]]"#);
    }
}
