//! `DelApplication`: applications go, with everything in them (reference/voximplant.md §3.1).
//!
//! What becomes of the users of a deleted application is documented nowhere. Here they go with it, and so do its queues and
//! all bindings: without an application nobody could log in as them or name them. Their money returns to the account.
//! The application and its name are gone at once; its users follow in the same call, or in `background/jobs` when they are
//! very many. A list is deleted whole or not at all.

use shared::auth::voximplant::Tenant;
use shared::families::voximplant::{Access, Voximplant};
use shared::features::voximplant::{APPLICATIONS, Selection, promised};
use shared::ids::ApplicationId;
use shared::prelude::*;
use shared::store::voximplant::deferred::{self, DeferredKind, DeferredWork};
use shared::store::voximplant::{accounts, applications, changes, users};
use shared::store::{Attempts, CommitError, ledger};
use shared::voximplant::{Application, ApplicationName, Parameter, Refusal, Role};
use shared::wire::voximplant::{Done, Error, IdList, SemicolonList, Text};

const UNKNOWN: Refusal = Refusal::Invalid(Parameter("application_id"));

/// The method.
#[derive(Debug)]
pub struct DelApplication;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Up to 1,000 applications separated by semicolons, or `all`.
    application_id: Option<IdList>,
    /// Up to 1,000 short or full names separated by semicolons. Can be used instead of `application_id`.
    application_name: Option<SemicolonList<Text>>,
}

impl Method for DelApplication {
    type Family = Voximplant;
    const NAME: &'static str = "DelApplication";
    const SUMMARY: &'static str = "Deletes the specified application(s).";
    const ACCESS: Access = Access::Roles(&[Role::Owner, Role::Admin, Role::Developer]);
    const EFFECT: Effect = Effect::Write;
    const GRANTS: Grants = &[
        accounts::FIND,
        applications::LIST,
        users::FIND_ALL,
        users::IDS,
        changes::REMOVE,
        ledger::RETURN,
        deferred::PROMISE,
        deferred::CLEAN,
        deferred::CLOSE,
    ];
    type Caller = Tenant;
    type Request = Request;
    type Response = Done;

    async fn call(ctx: &Ctx, caller: &Tenant, request: Request) -> Result<Done, Error> {
        let selection = APPLICATIONS.required(request.application_id, request.application_name, ApplicationId::new)?;
        let (store, account) = (ctx.store(), caller.account());
        let mut attempts = Attempts::default();
        loop {
            let (owner, existing) = try_join!(accounts::find(store, account), applications::list(store, account))?;
            let owner = owner.ok_or(Refusal::AuthorizationFailed("the account does not exist."))?;
            let reference = |text: &str| ApplicationName::from_reference(text, &owner.name);
            let chosen = chosen(&selection, &existing, reference)?;
            let ids = chosen.iter().map(|application| application.id).collect();
            let task = DeferredWork::new(account, DeferredKind::Applications { ids }, ctx.now());
            let txn = deferred::without(account, &chosen, &task)?;
            match Box::pin(promised(ctx, txn, &task)).await {
                Err(CommitError::Stale) => attempts.again().await?,
                done => return Ok(done?),
            }
        }
    }
}

/// The selected applications; refused with 116 for an unknown id, 107 for an invalid name, 558 for an unknown name.
fn chosen(
    selection: &Selection<ApplicationId>,
    existing: &[Application],
    reference: impl Fn(&str) -> Option<ApplicationName>,
) -> Result<Vec<Application>, Refusal> {
    let by_id = |id: &ApplicationId| existing.iter().find(|application| application.id == *id).cloned().ok_or(UNKNOWN);
    let by_name = |text: &String| {
        if !text.contains('.') {
            ApplicationName::parse(text)?;
        }
        let found = reference(text).and_then(|name| existing.iter().find(|application| application.name == name));
        found.cloned().ok_or(Refusal::ApplicationNotFound)
    };
    let mut chosen: Vec<Application> = match selection {
        Selection::All => existing.to_vec(),
        Selection::Ids(ids) => ids.iter().map(by_id).collect::<Result<_, _>>()?,
        Selection::Names(names) => names.iter().map(by_name).collect::<Result<_, _>>()?,
    };
    // A short and a full name may mean the same application.
    chosen.sort_by_key(|application| application.id);
    chosen.dedup_by_key(|application| application.id);
    Ok(chosen)
}
