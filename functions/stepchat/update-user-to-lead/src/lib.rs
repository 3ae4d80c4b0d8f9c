//! `update-user-to-lead`: makes a visitor or user a lead (page "update-user-to-lead"; decision D29). Staff and the bot stay what
//! they are.

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::prelude::*;
use shared::stepchat::{Refusal, UserChange, UserType};
use shared::store::auth::TokenHash;
use shared::store::stepchat::counters::{self, LeadCounter};
use shared::store::stepchat::users::{self, Secrets};
use shared::store::{Attempts, CommitError};
use shared::wire::stepchat::{Answer, Error, UserRef};

/// The method.
#[derive(Debug)]
pub struct UpdateUserToLead;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The user.
    user_id: UserRef,
}

impl Method for UpdateUserToLead {
    type Family = Stepchat;
    const NAME: &'static str = "update-user-to-lead";
    const SUMMARY: &'static str = "Makes a user a lead.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Write;
    const TOKENS: bool = true;
    const GRANTS: Grants = &[users::LOAD, users::CHANGE_TYPE, counters::READ_LEADS];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<bool>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let id = request.user_id.0.ok_or(Refusal::UserNotFound)?;
        let change = UserChange { user_type: Some(UserType::Lead), ..UserChange::default() };
        let answer = Answer::new(true);
        let mut attempts = Attempts::default();
        loop {
            let before = users::load(ctx.store(), id).await?.ok_or(Refusal::UserNotFound)?;
            if before.user.user_type.is_staff() || before.user.user_type == UserType::Bot {
                return Err(Refusal::InvalidUserType.into());
            }
            let after = change.apply(&before.user, ctx.now());
            let secrets = Secrets { password: None, token: TokenHash::of(&ctx.tokens().of(id, after.token_version)) };
            let unique_phone = ctx.config().stepchat.unique_phone;
            let leads = LeadCounter::read_for(ctx.store(), Some(before.user.user_type), after.user_type).await?;
            let txn = users::replacement(&before, &after, &[], &secrets, unique_phone, &leads)?;
            match ctx.commit(txn, &answer).await {
                Err(CommitError::Stale) => attempts.again().await?,
                done => return Ok(done.map(|()| answer)?),
            }
        }
    }
}
