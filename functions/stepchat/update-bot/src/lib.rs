//! `update-bot`: name and picture of the bot; makes the bot if there is none (page "update-bot"; decision D20).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::features::stepchat::new_bot;
use shared::prelude::*;
use shared::stepchat::{Name, UserChange};
use shared::store::auth::TokenHash;
use shared::store::stepchat::bot;
use shared::store::stepchat::counters::LeadCounter;
use shared::store::stepchat::users::{self, Secrets};
use shared::store::{Attempts, CommitError};
use shared::wire::stepchat::{Answer, Error, PictureField, Text};

/// The method.
#[derive(Debug)]
pub struct UpdateBot;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The bot's name.
    #[serde(default)]
    #[schemars(length(max = Name::MAX_CHARS))]
    name: Text,
    /// The bot's picture; empty goes back to the default picture.
    #[serde(default)]
    profile_image: PictureField,
}

impl Method for UpdateBot {
    type Family = Stepchat;
    const NAME: &'static str = "update-bot";
    const SUMMARY: &'static str = "Changes the bot.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Write;
    const TOKENS: bool = true;
    const GRANTS: Grants = &[bot::FIND, bot::CREATE, users::LOAD];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<bool>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let name = request.name.non_blank().map(Name::parse).transpose()?;
        let image = request.profile_image.read(&ctx.config().stepchat.default_profile_image)?;
        let answer = Answer::new(true);
        let mut attempts = Attempts::default();
        loop {
            let stored = match bot::find(ctx.store()).await? {
                Some(id) => users::load(ctx.store(), id).await?,
                None => None,
            };
            let txn = if let Some(before) = stored {
                let change =
                    UserChange { first_name: name.clone(), profile_image: image.clone(), ..UserChange::default() };
                let after = change.apply(&before.user, ctx.now());
                let token = TokenHash::of(&ctx.tokens().of(after.id, after.token_version));
                let secrets = Secrets { password: None, token };
                users::replacement(&before, &after, &[], &secrets, false, &LeadCounter::unread())?
            } else {
                let (user, secrets) = new_bot(ctx, name.clone(), image.clone().flatten()).await?;
                bot::creation(&user, &secrets)?
            };
            match ctx.commit(txn, &answer).await {
                Err(CommitError::Stale) => attempts.again().await?,
                done => return Ok(done.map(|()| answer)?),
            }
        }
    }
}
