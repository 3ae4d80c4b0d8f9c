//! `is-online`: whether the user was active within the presence window (page "is-online"; reference/stepchat.md §3.3).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::prelude::*;
use shared::store::stepchat::{presence, users};
use shared::wire::stepchat::{Answer, Error, UserRef};

/// The method.
#[derive(Debug)]
pub struct IsOnline;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The user.
    user_id: UserRef,
}

impl Method for IsOnline {
    type Family = Stepchat;
    const NAME: &'static str = "is-online";
    const SUMMARY: &'static str = "Checks whether a user is online.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[users::FIND_PROFILE];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<bool>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let Some(id) = request.user_id.0 else { return Ok(Answer::new(false)) };
        let user = users::find_profile(ctx.store(), id).await?;
        Ok(Answer::new(user.is_some_and(|user| presence::is_active(&user, ctx.online_after(), ctx.now()))))
    }
}
