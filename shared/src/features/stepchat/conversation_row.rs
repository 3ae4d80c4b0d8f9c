//! Conversations and messages as answers show them: ids and numbers as strings (reference/stepchat.md §5).

use crate::context::Ctx;
use crate::ids::MessageId;
use crate::stepchat::{Conversation, ImageUrl, Message, User};
use crate::store::stepchat::conversations::Latest;
use schemars::JsonSchema;
use serde::Serialize;

/// Who somebody is, beside a message or a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Person {
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Address of the picture.
    pub profile_image: String,
    /// visitor, lead, user, agent, admin or bot.
    pub user_type: String,
}

impl Person {
    fn new(ctx: &Ctx, user: &User) -> Self {
        let image = user.profile_image.as_ref().map(ImageUrl::as_str);
        Self {
            first_name: user.first_name.as_str().to_owned(),
            last_name: user.last_name.as_str().to_owned(),
            profile_image: image.unwrap_or(&ctx.config().stepchat.default_profile_image).to_owned(),
            user_type: user.user_type.to_string(),
        }
    }
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MessageRow {
    /// Id, as text.
    pub id: String,
    /// Who wrote it.
    pub user_id: String,
    /// The text.
    pub message: String,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub creation_time: String,
    /// Always `0`: no method marks messages as read.
    pub status_code: String,
    /// Files as JSON text, or empty.
    pub attachments: String,
    /// Data as JSON text, or empty.
    pub payload: String,
    /// The conversation.
    pub conversation_id: String,
    /// The author.
    #[serde(flatten)]
    pub author: Person,
}

impl MessageRow {
    /// The row of a message.
    #[must_use]
    pub fn new(ctx: &Ctx, message: &Message, author: &User) -> Self {
        Self {
            id: message.id.to_string(),
            user_id: message.author.to_string(),
            message: message.text.as_str().to_owned(),
            creation_time: message.creation_time.wire(),
            status_code: "0".into(),
            attachments: message.attachments.as_str().to_owned(),
            payload: message.payload.as_str().to_owned(),
            conversation_id: message.conversation.to_string(),
            author: Person::new(ctx, author),
        }
    }
}

/// A conversation and its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ConversationDetails {
    /// The user.
    pub user_id: String,
    /// Who that is.
    #[serde(flatten)]
    pub user: Person,
    /// Id, as text.
    pub id: String,
    /// Title.
    pub title: Option<String>,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub creation_time: String,
    /// The same under its documented name.
    pub conversation_time: String,
    /// 0 to 4, as text.
    pub conversation_status_code: String,
    /// Department number, as text.
    pub department: Option<String>,
    /// The agent it is assigned to.
    pub agent_id: Option<String>,
    /// Where it comes from.
    pub source: Option<String>,
    /// Free text.
    pub extra: Option<String>,
    /// Whether an agent has it open: nobody can say so here.
    pub busy: bool,
    /// Notes of agents: nobody can write any here.
    pub notes: Vec<String>,
}

impl ConversationDetails {
    /// The details of a conversation of this user.
    #[must_use]
    pub fn new(ctx: &Ctx, conversation: &Conversation, user: &User) -> Self {
        let time = conversation.creation_time.wire();
        Self {
            user_id: conversation.user.to_string(),
            user: Person::new(ctx, user),
            id: conversation.id.to_string(),
            title: conversation.title.as_ref().map(|title| title.as_str().to_owned()),
            creation_time: time.clone(),
            conversation_time: time,
            conversation_status_code: conversation.status.code().to_string(),
            department: conversation.department.map(|department| department.get().to_string()),
            agent_id: conversation.agent.map(|agent| agent.to_string()),
            source: conversation.source.as_ref().map(|source| source.as_str().to_owned()),
            extra: conversation.extra.as_ref().map(|extra| extra.as_str().to_owned()),
            busy: false,
            notes: Vec::new(),
        }
    }
}

/// A conversation: messages in their order, and details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ConversationRow {
    /// The messages.
    pub messages: Vec<MessageRow>,
    /// The conversation itself.
    pub details: ConversationDetails,
}

/// A conversation in a list: its newest message, and what is to know of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LatestRow {
    /// The newest message.
    #[serde(flatten)]
    pub message: MessageRow,
    /// 0 to 4, as text.
    pub conversation_status_code: String,
    /// Department number, as text.
    pub department: Option<String>,
    /// The agent it is assigned to.
    pub agent_id: Option<String>,
    /// Title.
    pub title: Option<String>,
    /// Where it comes from.
    pub source: Option<String>,
}

impl LatestRow {
    /// The row, and its place in the list.
    #[must_use]
    pub fn new(ctx: &Ctx, latest: &Latest) -> (Self, String) {
        let conversation = &latest.conversation;
        let row = Self {
            message: MessageRow::new(ctx, &latest.message, &latest.author),
            conversation_status_code: conversation.status.code().to_string(),
            department: conversation.department.map(|department| department.get().to_string()),
            agent_id: conversation.agent.map(|agent| agent.to_string()),
            title: conversation.title.as_ref().map(|title| title.as_str().to_owned()),
            source: conversation.source.as_ref().map(|source| source.as_str().to_owned()),
        };
        // The list is ordered by the newest message that each conversation stores.
        let place = conversation.last_message.map_or_else(String::new, |id: MessageId| id.to_string());
        (row, place)
    }
}
