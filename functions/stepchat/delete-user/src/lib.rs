//! `delete-user`: removes a user everywhere at once; `true` also for an id that does not exist (page "delete-user";
//! decisions D12, D19).

use shared::auth::stepchat::Admin;
use shared::families::stepchat::{Access, Stepchat};
use shared::prelude::*;
use shared::stepchat::{Refusal, UserType};
use shared::store::stepchat::{purges, users};
use shared::store::{Attempts, CommitError};
use shared::wire::stepchat::{Answer, Error, UserRef};

/// The method.
#[derive(Debug)]
pub struct DeleteUser;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The user.
    user_id: UserRef,
}

impl Method for DeleteUser {
    type Family = Stepchat;
    const NAME: &'static str = "delete-user";
    const SUMMARY: &'static str = "Deletes a user.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Write;
    const GRANTS: Grants = &[users::LOAD, users::DELETE, purges::PURGE];
    type Caller = Admin;
    type Request = Request;
    type Response = Answer<bool>;

    async fn call(ctx: &Ctx, caller: &Admin, request: Request) -> Result<Answer<bool>, Error> {
        let answer = Answer::new(true);
        let Some(id) = request.user_id.0 else { return Ok(answer) };
        if id == caller.id() {
            return Err(Refusal::CannotDeleteUser.into());
        }
        let mut attempts = Attempts::default();
        loop {
            let Some(stored) = users::load(ctx.store(), id).await? else {
                return Ok(answer);
            };
            if stored.user.user_type == UserType::Bot {
                return Err(Refusal::CannotDeleteUser.into());
            }
            match ctx.commit(users::deletion(&stored, ctx.now())?, &answer).await {
                Err(CommitError::Stale) => attempts.again().await?,
                done => break done?,
            }
        }
        // The user is deleted, and the purge of its other items promised. If it fails here, `background/jobs` does it.
        let _ = Box::pin(purges::purge(ctx.store(), id, ctx.now(), ctx.inline_until())).await;
        Ok(answer)
    }
}
