//! `is-typing`: whether a user is typing in a conversation, or anywhere (page "is-typing"; decisions D27, D33).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::prelude::*;
use shared::store::stepchat::{typing, users};
use shared::wire::stepchat::{Answer, ConversationRef, Error, UserRef};

/// The method.
#[derive(Debug)]
pub struct IsTyping;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The user or agent.
    user_id: UserRef,
    /// The conversation. Default: anywhere.
    conversation_id: Option<ConversationRef>,
}

impl Method for IsTyping {
    type Family = Stepchat;
    const NAME: &'static str = "is-typing";
    const SUMMARY: &'static str = "Says whether a user is typing.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[users::FIND_PROFILE, typing::FIND];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<bool>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Answer<bool>, Error> {
        let Some(id) = request.user_id.0 else { return Ok(Answer::new(false)) };
        // The profile is read too, because a deleted user's typing may not be purged yet.
        let (user, typing) = try_join!(users::find_profile(ctx.store(), id), typing::find(ctx.store(), id))?;
        let place = user.and(typing).and_then(|typing| typing.at(ctx.now()));
        let here = |wanted: ConversationRef| wanted.0.is_some() && wanted.0 == place;
        Ok(Answer::new(request.conversation_id.map_or(place.is_some(), here)))
    }
}
