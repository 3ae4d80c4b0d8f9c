//! `DelUser`: users go, with their names, passwords, skills and queues (page "`DelUser`"; reference/voximplant.md §2.2,
//! decision D10).
//!
//! A list is deleted whole or not at all: one user that does not exist, or is of another application than the given one,
//! refuses the call. `all` is everybody who is there now, of one application or of the account. What one transaction cannot
//! hold is promised in one, and finished by this call or by `background/jobs`.

use shared::auth::voximplant::Tenant;
use shared::families::voximplant::{Access, Voximplant};
use shared::features::voximplant::{ApplicationRef, Selection, USERS, one_application, promised};
use shared::ids::{AccountId, PhoneUserId};
use shared::prelude::*;
use shared::store::voximplant::deferred::{self, DeferredKind, DeferredWork};
use shared::store::voximplant::users::{self, Stored};
use shared::store::voximplant::{applications, changes};
use shared::store::{Attempts, CommitError, Txn, ledger};
use shared::voximplant::{Parameter, Refusal, Role};
use shared::wire::voximplant::{Done, Error, IdList, Ids, SemicolonList, Text};

const UNKNOWN: Refusal = Refusal::Invalid(Parameter("user_id"));

/// The method.
#[derive(Debug)]
pub struct DelUser;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Only users of this application. Required with `user_name`.
    application_id: Option<Ids>,
    /// The short or full name of the application. Can be used instead of `application_id`.
    application_name: Option<Text>,
    /// Up to 1,000 users separated by semicolons, or `all`.
    user_id: Option<IdList>,
    /// Up to 1,000 user names separated by semicolons. Can be used instead of `user_id`.
    user_name: Option<SemicolonList<Text>>,
}

impl Request {
    fn check(self) -> Result<(Option<ApplicationRef>, Selection<PhoneUserId>), Refusal> {
        let users = USERS.required(self.user_id, self.user_name, PhoneUserId::new)?;
        let application = one_application(self.application_id, self.application_name)?;
        if application.is_none() && matches!(users, Selection::Names(_)) {
            return Err(Refusal::Missing("application_id"));
        }
        Ok((application, users))
    }
}

impl Method for DelUser {
    type Family = Voximplant;
    const NAME: &'static str = "DelUser";
    const SUMMARY: &'static str = "Deletes the specified user(s).";
    const ACCESS: Access = Access::Roles(&[Role::Owner, Role::Admin, Role::UserManager]);
    const EFFECT: Effect = Effect::Write;
    const GRANTS: Grants = &[
        ApplicationRef::RESOLVE,
        applications::LIST,
        users::FIND_ALL,
        users::IDS,
        changes::REMOVE,
        ledger::RETURN,
        deferred::PROMISE,
        deferred::EVERYONE,
    ];
    type Caller = Tenant;
    type Request = Request;
    type Response = Done;

    async fn call(ctx: &Ctx, caller: &Tenant, request: Request) -> Result<Done, Error> {
        let (application, selection) = request.check()?;
        let (store, account) = (ctx.store(), caller.account());
        let application = match application {
            Some(application) => Some(application.resolve(store, account).await?),
            None => None,
        };
        if selection == Selection::All {
            let job = deferred::everyone(store, account, application).await?;
            return Box::pin(later(ctx, account, job)).await;
        }
        let mut attempts = Attempts::default();
        loop {
            let users = Box::pin(selection.listed(store, account, application, &UNKNOWN)).await?;
            if changes::removable(&users) < users.len() {
                let ids = users.iter().map(|stored| stored.user.id).collect();
                return Box::pin(later(ctx, account, DeferredKind::Users { ids })).await;
            }
            match ctx.commit(Box::pin(at_once(ctx, account, &users)).await?, &Done::ANSWER).await {
                Err(CommitError::Stale) => attempts.again().await?,
                done => return Ok(done.map(|()| Done::ANSWER)?),
            }
        }
    }
}

async fn at_once(ctx: &Ctx, account: AccountId, users: &[Stored]) -> Result<Txn<Refusal>, Error> {
    let money = changes::money_back(ctx.store(), account, users, changes::DELETED, ctx.now()).await?;
    Ok(changes::removal(account, users, money, ctx.now()))
}

/// For more users than fit into one transaction: one transaction promises the work, which is then begun.
async fn later(ctx: &Ctx, account: AccountId, job: DeferredKind) -> Result<Done, Error> {
    let task = DeferredWork::new(account, job, ctx.now());
    let mut txn = Txn::default();
    txn.push(task.promise()?);
    Ok(promised(ctx, txn, &task).await?)
}
