//! `AddApplication`: a place for users to log in to (reference/voximplant.md §3.1).

use shared::auth::voximplant::Tenant;
use shared::families::voximplant::{Access, Voximplant};
use shared::ids::ApplicationId;
use shared::prelude::*;
use shared::store::Sequence;
use shared::store::voximplant::{accounts, applications};
use shared::voximplant::{Application, ApplicationName, Refusal, Role};
use shared::wire::voximplant::{ApplicationCreated, Bool, Error, Text};

/// The method.
#[derive(Debug)]
pub struct AddApplication;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Short name in format `[a-z][a-z0-9-]{1,64}`, unique in the account.
    #[schemars(regex(pattern = "^[a-z][a-z0-9-]{1,64}$"))]
    application_name: Text,
    /// Whether to keep records in secure storage. Default: false.
    secure_record_storage: Option<Bool>,
}

impl Method for AddApplication {
    type Family = Voximplant;
    const NAME: &'static str = "AddApplication";
    const SUMMARY: &'static str = "Adds an application.";
    const ACCESS: Access = Access::Roles(&[Role::Owner, Role::Admin, Role::Developer]);
    const EFFECT: Effect = Effect::Write;
    const GRANTS: Grants = &[accounts::FIND, applications::CREATE];
    type Caller = Tenant;
    type Request = Request;
    type Response = ApplicationCreated;

    async fn call(ctx: &Ctx, caller: &Tenant, request: Request) -> Result<ApplicationCreated, Error> {
        let name = ApplicationName::parse(&request.application_name.0)?;
        let store = ctx.store();
        let account = accounts::find(store, caller.account());
        let id = store.next_id(Sequence::Application, ApplicationId::new);
        let (account, id) = try_join!(account, id)?;
        let account = account.ok_or(Refusal::AuthorizationFailed("the account does not exist."))?;
        let application = Application {
            id,
            name,
            secure_record_storage: request.secure_record_storage.is_some_and(|flag| flag.0),
            created: ctx.now(),
            modified: ctx.now(),
        };
        let answer = ApplicationCreated {
            result: 1,
            application_id: id,
            application_name: application.name.full(&account.name),
            secure_record_storage: application.secure_record_storage,
        };
        ctx.commit(applications::creation(caller.account(), &application)?, &answer).await?;
        Ok(answer)
    }
}
