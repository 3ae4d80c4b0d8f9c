//! `get-agents-ids`: ids of agents, and of admins unless left out, as numbers (page "get-agents-ids"; decision D24).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::ids::UserId;
use shared::prelude::*;
use shared::stepchat::UserType;
use shared::store::stepchat::lists;
use shared::wire::stepchat::{Answer, Error, Flag};

/// The method.
#[derive(Debug)]
pub struct GetAgentsIds;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Whether admins are included. Default: true.
    admins: Option<Flag>,
}

impl Method for GetAgentsIds {
    type Family = Stepchat;
    const NAME: &'static str = "get-agents-ids";
    const SUMMARY: &'static str = "Returns the ids of agents.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[lists::IDS];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<Vec<u64>>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let admins = request.admins.is_none_or(|admins| admins.0);
        let types: &[UserType] = if admins { &UserType::STAFF } else { &[UserType::Agent] };
        let ids = lists::ids_of(ctx.store(), types).await?;
        Ok(Answer::new(ids.into_iter().map(UserId::get).collect()))
    }
}
