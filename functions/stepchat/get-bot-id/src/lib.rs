//! `get-bot-id`: the id of the bot as a number; makes the bot if there is none (page "get-bot-id"; decision D23).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::features::stepchat::new_bot;
use shared::prelude::*;
use shared::stepchat::{ImageUrl, Name};
use shared::store::stepchat::bot;
use shared::store::{Attempts, CommitError};
use shared::wire::stepchat::{Answer, Error};

/// The method.
#[derive(Debug)]
pub struct GetBotId;

/// It has no parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {}

impl Method for GetBotId {
    type Family = Stepchat;
    const NAME: &'static str = "get-bot-id";
    const SUMMARY: &'static str = "Returns the id of the bot.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Write;
    const TOKENS: bool = true;
    const GRANTS: Grants = &[bot::FIND, bot::CREATE];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<u64>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, _: Request) -> Result<Self::Response, Error> {
        let mut attempts = Attempts::default();
        loop {
            if let Some(id) = bot::find(ctx.store()).await? {
                return Ok(Answer::new(id.get()));
            }
            let (user, secrets) = new_bot(ctx, None::<Name>, None::<ImageUrl>).await?;
            let answer = Answer::new(user.id.get());
            match ctx.commit(bot::creation(&user, &secrets)?, &answer).await {
                // Another call has made the bot in between.
                Err(CommitError::Stale) => attempts.again().await?,
                done => return Ok(done.map(|()| answer)?),
            }
        }
    }
}
