//! `get-agent`: an agent or admin with details; `false` for anybody else (page "get-agent"; reference/stepchat.md §3.1).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::features::stepchat::UserDetails;
use shared::prelude::*;
use shared::store::stepchat::users;
use shared::wire::stepchat::{Answer, Error, OrFalse, UserRef};

/// The method.
#[derive(Debug)]
pub struct GetAgent;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The agent or admin.
    agent_id: UserRef,
}

impl Method for GetAgent {
    type Family = Stepchat;
    const NAME: &'static str = "get-agent";
    const SUMMARY: &'static str = "Returns an agent or admin.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const TOKENS: bool = true;
    const GRANTS: Grants = &[users::LOAD];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<OrFalse<UserDetails>>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let Some(id) = request.agent_id.0 else { return Ok(Answer::new(OrFalse::Missing)) };
        let stored = users::load(ctx.store(), id).await?.filter(|stored| stored.user.user_type.is_staff());
        Ok(Answer::new(stored.map(|stored| UserDetails::with_extras(ctx, &stored)).into()))
    }
}
