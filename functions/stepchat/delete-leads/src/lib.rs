//! `delete-leads`: deletes every lead with its conversations and messages (page "delete-leads"; reference/stepchat.md
//! §3.4). Whoever becomes a lead after the call stays (decision E20).

use shared::auth::stepchat::Admin;
use shared::families::stepchat::{Access, Stepchat};
use shared::prelude::*;
use shared::store::stepchat::{purges, removals, users};
use shared::wire::stepchat::{Answer, Error};

/// The method.
#[derive(Debug)]
pub struct DeleteLeads;

/// It has no parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {}

impl Method for DeleteLeads {
    type Family = Stepchat;
    const NAME: &'static str = "delete-leads";
    const SUMMARY: &'static str = "Deletes all leads.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Write;
    const GRANTS: Grants = &[
        removals::LEADS,
        removals::PROMISE,
        removals::PERFORM,
        removals::PERFORM_LEADS,
        users::LOAD,
        users::DELETE,
        purges::PURGE,
    ];
    type Caller = Admin;
    type Request = Request;
    type Response = Answer<bool>;

    async fn call(ctx: &Ctx, _: &Admin, _: Request) -> Result<Answer<bool>, Error> {
        let answer = Answer::new(true);
        let removal = removals::leads(ctx.store(), ctx.now()).await?;
        ctx.commit(removal.promise()?, &answer).await?;
        // The removal is promised: what is not done now, `background/jobs` does.
        let _ = removal.perform(ctx.store(), ctx.now(), ctx.inline_until()).await;
        Ok(answer)
    }
}
