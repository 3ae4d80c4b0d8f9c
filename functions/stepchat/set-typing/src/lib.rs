//! `set-typing`: says where a user is typing; -1 says nowhere. Always `true` (page "set-typing"; decisions D28, D33).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::prelude::*;
use shared::store::stepchat::{typing, users};
use shared::store::{Attempts, CommitError};
use shared::wire::stepchat::{Answer, ConversationRef, Error, UserRef};

/// The method.
#[derive(Debug)]
pub struct SetTyping;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The user or agent.
    user_id: UserRef,
    /// The conversation; -1 when the user has stopped.
    conversation_id: ConversationRef,
}

impl Method for SetTyping {
    type Family = Stepchat;
    const NAME: &'static str = "set-typing";
    const SUMMARY: &'static str = "Says where a user is typing.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Write;
    const GRANTS: Grants = &[users::FIND_PROFILE, typing::FIND, typing::CHANGE];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<bool>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Answer<bool>, Error> {
        let (store, answer) = (ctx.store(), Answer::new(true));
        let Some(id) = request.user_id.0 else { return Ok(answer) };
        let until = ctx.now().plus_millis(ctx.config().stepchat.typing_seconds.saturating_mul(1000));
        let place = request.conversation_id.0.map(|conversation| (conversation, until));
        let mut attempts = Attempts::default();
        loop {
            let (user, before) = try_join!(users::find_profile(store, id), typing::find(store, id))?;
            // There is no such user, so there is nothing to remember.
            let Some(user) = user else { return Ok(answer) };
            match ctx.commit(typing::change(&user, before.as_ref(), place, ctx.now())?, &answer).await {
                Err(CommitError::Stale) => attempts.again().await?,
                done => return Ok(done.map(|()| answer)?),
            }
        }
    }
}
