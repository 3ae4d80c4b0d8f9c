//! `get-user`: one user by id; `false` if there is none (page "get-user"; reference/stepchat.md §3.1).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::features::stepchat::UserDetails;
use shared::prelude::*;
use shared::store::stepchat::users;
use shared::wire::stepchat::{Answer, Error, Flag, OrFalse, UserRef};

/// The method.
#[derive(Debug)]
pub struct GetUser;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The user.
    user_id: UserRef,
    /// Whether to add `details`, the list of extras.
    #[serde(default)]
    extra: Flag,
}

impl Method for GetUser {
    type Family = Stepchat;
    const NAME: &'static str = "get-user";
    const SUMMARY: &'static str = "Returns a user by id.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const TOKENS: bool = true;
    const GRANTS: Grants = &[users::FIND_PROFILE, users::LOAD];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<OrFalse<UserDetails>>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let Some(id) = request.user_id.0 else {
            return Ok(Answer::new(OrFalse::Missing));
        };
        let found = if request.extra.0 {
            users::load(ctx.store(), id).await?.map(|stored| UserDetails::with_extras(ctx, &stored))
        } else {
            users::find_profile(ctx.store(), id).await?.map(|user| UserDetails::profile(ctx, &user))
        };
        Ok(Answer::new(found.into()))
    }
}
