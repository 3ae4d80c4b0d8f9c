//! `get-user-conversations`: the newest message of each conversation of a user, newest first (reference/stepchat.md §5).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::features::stepchat::LatestRow;
use shared::limits::MAX_ANSWER_BYTES;
use shared::prelude::*;
use shared::store::stepchat::conversations::{self, Whose};
use shared::store::stepchat::users;
use shared::wire::stepchat::{Answer, ConversationRef, Error, Flag, MessageCursor, UserRef};

/// Conversations whose newest messages are read together. A few of the longest messages fill an answer.
const CHUNK: usize = 100;

/// The method.
#[derive(Debug)]
pub struct GetUserConversations;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The user.
    user_id: UserRef,
    /// A conversation to leave out.
    #[serde(default)]
    exclude_id: ConversationRef,
    /// Whether to return the conversations that are assigned to the user, an agent, in place of the user's own.
    #[serde(default)]
    agent: Flag,
    /// The documented name of `agent`.
    #[serde(default)]
    agents: Flag,
    /// Continues after an answer that ended with `next_cursor`.
    #[serde(default)]
    cursor: MessageCursor,
}

impl Method for GetUserConversations {
    type Family = Stepchat;
    const NAME: &'static str = "get-user-conversations";
    const SUMMARY: &'static str = "Returns a user's conversations.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[users::FIND_PROFILE, conversations::LIST];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<Vec<LatestRow>>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let (store, after) = (ctx.store(), request.cursor.read()?);
        let Some(user) = request.user_id.0 else {
            return Ok(Answer::new(Vec::new()));
        };
        let whose = if request.agent.0 || request.agents.0 { Whose::Assigned } else { Whose::Own };
        let (user, mut all) = try_join!(users::find_profile(store, user), conversations::of(store, user, whose))?;
        // Conversations without their user are being purged.
        if user.is_none() {
            return Ok(Answer::new(Vec::new()));
        }
        all.retain(|one| Some(one.id) != request.exclude_id.0);
        all.retain(|one| after.is_none_or(|after| one.newest < after));
        let (mut rows, mut bytes) = (Vec::new(), 0_usize);
        for chunk in all.chunks(CHUNK) {
            for one in conversations::latest(store, chunk).await? {
                bytes = bytes.saturating_add(one.message.bytes());
                rows.push(LatestRow::new(ctx, &one));
            }
            if bytes > MAX_ANSWER_BYTES {
                break;
            }
        }
        // A row is longer than its message: if the loop ended early, the answer is full before the last row.
        Ok(Answer::list(rows))
    }
}
