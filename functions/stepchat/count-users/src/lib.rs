//! `count-users`: users by type, as strings; `all` counts every type but the bot (page "count-users";
//! reference/stepchat.md §3.2).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::prelude::*;
use shared::stepchat::UserType;
use shared::store::stepchat::counters;
use shared::wire::stepchat::{Answer, Error};

/// The method.
#[derive(Debug)]
pub struct CountUsers;

/// It has no parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {}

/// Users by type.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Counts {
    /// Every type but the bot, agents and admins included.
    all: String,
    /// Leads.
    lead: String,
    /// Users.
    user: String,
    /// Visitors.
    visitor: String,
}

impl Method for CountUsers {
    type Family = Stepchat;
    const NAME: &'static str = "count-users";
    const SUMMARY: &'static str = "Counts users by type.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[counters::COUNT];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<Counts>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, _: Request) -> Result<Answer<Counts>, Error> {
        let counts = counters::count(ctx.store()).await?;
        let of = |kind: UserType| counts.get(&kind).copied().unwrap_or_default().to_string();
        Ok(Answer::new(Counts {
            all: counts.values().sum::<u64>().to_string(),
            lead: of(UserType::Lead),
            user: of(UserType::User),
            visitor: of(UserType::Visitor),
        }))
    }
}
