//! `send-message`: writes a message into a conversation (reference/stepchat.md §5).

use shared::auth::stepchat::Admin;
use shared::families::stepchat::{Access, Stepchat};
use shared::ids::MessageId;
use shared::prelude::*;
use shared::stepchat::{Conversation, ConversationStatus, Message, MessageText, Refusal, User};
use shared::store::stepchat::{conversations, presence, typing, users};
use shared::store::{Attempts, CommitError, Sequence};
use shared::wire::stepchat::{
    Answer, AttachmentsField, ConversationRef, Error, PayloadField, SenderRef, StatusField, Text,
};

/// The method.
#[derive(Debug)]
pub struct SendMessage;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Who writes: a user, or -1 for the calling admin.
    user_id: SenderRef,
    /// The conversation.
    conversation_id: ConversationRef,
    /// The text.
    #[serde(default)]
    message: Text,
    /// Files.
    #[serde(default)]
    attachments: AttachmentsField,
    /// The conversation's status after it: 0 to 4, or `skip` to leave it. Default: 1 if staff writes, else 2.
    #[serde(default)]
    conversation_status_code: StatusField,
    /// Data.
    #[serde(default)]
    payload: PayloadField,
}

/// What became of the message.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Sent {
    /// Always `success`.
    status: &'static str,
    /// The message.
    id: MessageId,
    /// The message, under its documented name.
    #[serde(rename = "message-id")]
    message_id: MessageId,
    /// Whether the conversation waits in a queue: there are no queues here.
    queue: bool,
    /// Whether a human has taken over from the bot: nothing to take over here.
    human_takeover_active: bool,
    /// Notifications sent: none are here.
    notifications: Vec<String>,
    /// The text.
    message: String,
}

impl Sent {
    fn new(id: MessageId, message: &str) -> Self {
        Self {
            status: "success",
            id,
            message_id: id,
            queue: false,
            human_takeover_active: false,
            notifications: Vec::new(),
            message: message.to_owned(),
        }
    }
}

impl Request {
    /// The conversation's status after the message; `None` keeps it as it is.
    fn status(&self, from_staff: bool) -> Result<Option<ConversationStatus>, Refusal> {
        let code = &self.conversation_status_code;
        if code.is_skip() {
            return Ok(None);
        }
        Ok(Some(code.read()?.unwrap_or_else(|| ConversationStatus::after_message(from_staff))))
    }

    fn message(&self, ctx: &Ctx, id: MessageId, author: &User, place: &Conversation) -> Result<Message, Refusal> {
        Ok(Message {
            id,
            conversation: place.id,
            author: author.id,
            from_staff: author.user_type.is_staff(),
            text: MessageText::parse(self.message.as_str())?,
            creation_time: ctx.now(),
            attachments: self.attachments.read()?,
            payload: self.payload.read()?,
        })
    }
}

impl Method for SendMessage {
    type Family = Stepchat;
    const NAME: &'static str = "send-message";
    const SUMMARY: &'static str = "Writes a message.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Write;
    const GRANTS: Grants =
        &[users::FIND_PROFILE, conversations::FIND, typing::FIND, conversations::SEND, presence::TOUCH];
    type Caller = Admin;
    type Request = Request;
    type Response = Answer<Sent>;

    async fn call(ctx: &Ctx, caller: &Admin, request: Request) -> Result<Answer<Sent>, Error> {
        let store = ctx.store();
        let author = match request.user_id {
            SenderRef::Caller => caller.id(),
            SenderRef::User(user) => user.ok_or(Refusal::UserNotFound)?,
        };
        let place = request.conversation_id.0.ok_or(Refusal::ConversationNotFound)?;
        let mut attempts = Attempts::default();
        loop {
            let (author, place, typing, id) = try_join!(
                users::find_profile(store, author),
                conversations::find(store, place),
                typing::find(store, author),
                store.next_id(Sequence::Message, MessageId::new),
            )?;
            let author = author.ok_or(Refusal::UserNotFound)?;
            let place = place.ok_or(Refusal::ConversationNotFound)?;
            let message = request.message(ctx, id, &author, &place)?;
            let status = request.status(message.from_staff)?;
            let answer = Answer::new(Sent::new(id, message.text.as_str()));
            let txn = conversations::sending(&place, &message, &author, typing.as_ref(), status)?;
            // The author's activity is noted as by a heartbeat. If that fails, the message does not.
            let active = async {
                if author.id != place.user {
                    let _ = presence::touch(store, &author, ctx.now()).await;
                }
            };
            match join!(ctx.commit(txn, &answer), active).0 {
                Err(CommitError::Stale) => attempts.again().await?,
                done => return Ok(done.map(|()| answer)?),
            }
        }
    }
}
