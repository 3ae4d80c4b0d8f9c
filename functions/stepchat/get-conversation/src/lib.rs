//! `get-conversation`: a conversation with its messages, oldest first; `false` if there is none (reference/stepchat.md
//! §5).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::features::stepchat::{ConversationDetails, ConversationRow, MessageRow};
use shared::prelude::*;
use shared::store::stepchat::{conversations, people};
use shared::wire::stepchat::{Answer, ConversationRef, Error, MessageCursor, OptionalUserRef, OrFalse};

/// The method.
#[derive(Debug)]
pub struct GetConversation;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The conversation.
    conversation_id: ConversationRef,
    /// Only if it is this user's. Default: whosever it is.
    #[serde(default)]
    user_id: OptionalUserRef,
    /// Continues after an answer that ended with `next_cursor`.
    #[serde(default)]
    cursor: MessageCursor,
}

impl Method for GetConversation {
    type Family = Stepchat;
    const NAME: &'static str = "get-conversation";
    const SUMMARY: &'static str = "Returns a conversation with its messages.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[conversations::FIND, conversations::MESSAGES_OF, people::FIND];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<OrFalse<ConversationRow>>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let (store, after) = (ctx.store(), request.cursor.read()?);
        let Some(id) = request.conversation_id.0 else {
            return Ok(Answer::new(OrFalse::Missing));
        };
        let (conversation, (messages, more)) =
            try_join!(conversations::find(store, id), conversations::messages(store, id, after))?;
        let wanted = request.user_id.0;
        let conversation = conversation.filter(|found| wanted.is_none_or(|user| user.0 == Some(found.user)));
        let Some(conversation) = conversation else {
            return Ok(Answer::new(OrFalse::Missing));
        };
        let authors = messages.iter().map(|message| message.author);
        let people = people::find(store, authors.chain([conversation.user]).collect()).await?;
        // A conversation without its user is being purged.
        let Some(user) = people.get(&conversation.user) else {
            return Ok(Answer::new(OrFalse::Missing));
        };
        // Messages of deleted users are being purged too.
        let rows = messages.iter().filter_map(|message| {
            let author = people.get(&message.author)?;
            Some((MessageRow::new(ctx, message, author), message.id.to_string()))
        });
        let taken = Answer::list(rows);
        let details = ConversationDetails::new(ctx, &conversation, user);
        let row = ConversationRow { messages: taken.response, details };
        // All messages that were read may fit, while more follow in the database.
        let rest = messages.last().filter(|_| more).map(|message| message.id.to_string());
        Ok(Answer::with_cursor(OrFalse::Found(row), taken.next_cursor.or(rest)))
    }
}
