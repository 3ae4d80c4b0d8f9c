//! `delete-users`: deletes several users, all of them or none; ids that do not exist are no error (page "delete-users";
//! decisions D19, D36).

use shared::auth::stepchat::Admin;
use shared::families::stepchat::{Access, Stepchat};
use shared::limits::MAX_DELETED_USERS;
use shared::prelude::*;
use shared::stepchat::{Refusal, UserType};
use shared::store::stepchat::people::People;
use shared::store::stepchat::{counters, people, purges, removals, users};
use shared::wire::stepchat::{Answer, Error, UserRefs};

/// The method.
#[derive(Debug)]
pub struct DeleteUsers;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The users: at most 1,000.
    user_ids: UserRefs,
}

/// Refuses the bot and the last admin, before anything is deleted.
async fn check(ctx: &Ctx, people: &People) -> Result<(), Error> {
    let number = |kind| people.values().filter(|user| user.user_type == kind).count();
    if number(UserType::Bot) > 0 {
        return Err(Refusal::CannotDeleteUser.into());
    }
    let admins = number(UserType::Admin);
    if admins > 0 {
        let counts = counters::count(ctx.store()).await?;
        let all = counts.get(&UserType::Admin).copied().unwrap_or_default();
        if u64::try_from(admins).unwrap_or(u64::MAX) >= all {
            return Err(Refusal::CannotDeleteUser.into());
        }
    }
    Ok(())
}

impl Method for DeleteUsers {
    type Family = Stepchat;
    const NAME: &'static str = "delete-users";
    const SUMMARY: &'static str = "Deletes users.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Write;
    const GRANTS: Grants = &[
        people::FIND,
        counters::COUNT,
        removals::PROMISE,
        removals::PERFORM,
        users::LOAD,
        users::DELETE,
        purges::PURGE,
    ];
    type Caller = Admin;
    type Request = Request;
    type Response = Answer<bool>;

    async fn call(ctx: &Ctx, caller: &Admin, request: Request) -> Result<Answer<bool>, Error> {
        let (answer, ids) = (Answer::new(true), request.user_ids.required("user_ids")?);
        if ids.len() > MAX_DELETED_USERS {
            return Err(Refusal::TooManyUsers.into());
        }
        if ids.contains(&caller.id()) {
            return Err(Refusal::CannotDeleteUser.into());
        }
        let people = people::find(ctx.store(), ids.iter().copied().collect()).await?;
        if people.is_empty() {
            return Ok(answer);
        }
        check(ctx, &people).await?;
        let removal = removals::users(people.into_keys().collect(), ctx.now());
        ctx.commit(removal.promise()?, &answer).await?;
        // The removal is promised: what is not done now, `background/jobs` does.
        let _ = removal.perform(ctx.store(), ctx.now(), ctx.inline_until()).await;
        Ok(answer)
    }
}
