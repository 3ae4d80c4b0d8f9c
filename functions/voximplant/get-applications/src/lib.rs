//! `GetApplications`: the account's applications, by id (reference/voximplant.md §3.1).

use shared::auth::voximplant::Tenant;
use shared::families::voximplant::{Access, Voximplant};
use shared::prelude::*;
use shared::store::voximplant::{accounts, applications};
use shared::text::Part;
use shared::voximplant::{Refusal, Role};
use shared::wire::voximplant::{ApplicationInfo, Count, Cursor, Error, Ids, ListAnswer, Page, Text};

/// The method.
#[derive(Debug)]
pub struct GetApplications;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Only this application.
    application_id: Option<Ids>,
    /// Only applications with this part in their full name.
    application_name: Option<Text>,
    /// Records to return at most: up to 10,000. Default: 20.
    count: Option<Count>,
    /// Records to skip. Default: 0.
    offset: Option<Count>,
    /// Continues after an answer that ended with `next_cursor`.
    cursor: Option<Cursor>,
}

impl Method for GetApplications {
    type Family = Voximplant;
    const NAME: &'static str = "GetApplications";
    const SUMMARY: &'static str = "Gets the account's applications.";
    const ACCESS: Access =
        Access::Roles(&[Role::Owner, Role::Admin, Role::Developer, Role::Supervisor, Role::UserManager]);
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[accounts::FIND, applications::LIST];
    type Caller = Tenant;
    type Request = Request;
    type Response = ListAnswer<ApplicationInfo>;

    async fn call(ctx: &Ctx, caller: &Tenant, request: Request) -> Result<Self::Response, Error> {
        let (store, account) = (ctx.store(), caller.account());
        let (owner, applications) = try_join!(accounts::find(store, account), applications::list(store, account))?;
        let owner = owner.ok_or(Refusal::AuthorizationFailed("the account does not exist."))?;
        let id = request.application_id.and_then(|id| id.0);
        let part = request.application_name.map(|part| Part::of(&part.0));
        let wanted = applications.iter().filter(|application| {
            id.is_none_or(|id| id == application.id.get())
                && part.as_ref().is_none_or(|part| part.is_in(&application.name.full(&owner.name)))
        });
        let records = wanted.map(|found| (found.id.padded(), ApplicationInfo::new(found, &owner.name)));
        Ok(Page::new(request.count, request.offset, request.cursor).of(records.collect()))
    }
}
