//! `agents-online`: whether any agent or admin was active within the presence window (page "agents-online").

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::prelude::*;
use shared::store::stepchat::presence;
use shared::wire::stepchat::{Answer, Error};

/// The method.
#[derive(Debug)]
pub struct AgentsOnline;

/// It has no parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {}

impl Method for AgentsOnline {
    type Family = Stepchat;
    const NAME: &'static str = "agents-online";
    const SUMMARY: &'static str = "Checks whether any agent is online.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[presence::ANY_STAFF_ACTIVE];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<bool>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, _: Request) -> Result<Self::Response, Error> {
        Ok(Answer::new(presence::any_staff_active(ctx.store(), ctx.online_after(), ctx.now()).await?))
    }
}
