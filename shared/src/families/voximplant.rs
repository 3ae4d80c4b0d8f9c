//! Voximplant's own part of the pipeline: who may call, how a request is read, how an answer looks.

pub use crate::auth::voximplant::Access;
use crate::auth::voximplant::{Caller, Tenant, authenticate, note_use};
use crate::context::Ctx;
use crate::ids::AccountId;
use crate::method::{CallerView, Effect, Family};
use crate::routes::FrontDoor;
use crate::store::Table;
use crate::store::grants::{Action, AuthItem, Grant};
use crate::wire::voximplant::Error;
use crate::wire::{Inbound, NonObjectJson, Reply, ReplyType};
use http::StatusCode;

/// The protocol of the Voximplant Management API.
#[derive(Debug)]
pub enum Voximplant {}

impl Family for Voximplant {
    const NAME: &'static str = "voximplant";
    const SELECTOR: &'static str = "cmd";
    const ROOT: &'static str = "/platform_api";
    const FRONT_DOORS: &'static [FrontDoor] = &[FrontDoor::at("/platform_api")];
    const TRAILING_SLASH: bool = true;
    const NON_OBJECT_JSON: NonObjectJson = NonObjectJson::Ignored;
    // Reading credentials, writing the note of their use, and reading the account of a token that names a child
    // account.
    const GRANTS: &'static [Grant] = &[
        Grant::auth(AuthItem::ServiceKey, Action::GetItem),
        Grant::auth(AuthItem::ApiKey, Action::GetItem),
        Grant::on(Table::Voximplant, Action::GetItem),
        Grant::auth(AuthItem::ServiceKey, Action::UpdateItem),
        Grant::auth(AuthItem::ApiKey, Action::UpdateItem),
    ];

    type Access = Access;
    type Caller = Caller;
    type Error = Error;

    fn prepare(inbound: Inbound) -> Inbound {
        Inbound { params: inbound.params.joining_repeats().without_blanks(), ..inbound }
    }

    async fn authenticate(ctx: &Ctx, inbound: &Inbound, access: Access, _: Effect) -> Result<Caller, Error> {
        authenticate(ctx, inbound, access).await
    }

    async fn record_use(ctx: &Ctx, caller: &Caller) {
        note_use(ctx, caller).await;
    }

    fn caller_kind(caller: &Caller) -> &'static str {
        caller.kind()
    }

    fn success(body: String, _: bool) -> Reply {
        Reply { status: StatusCode::OK, kind: ReplyType::Json, body, outcome: "ok".into(), cookie: None }
    }

    fn failure(error: &Error, _: bool) -> Reply {
        // Always 200: clients take anything else for a broken transport (reference/voximplant.md §0.2).
        Reply {
            status: StatusCode::OK,
            kind: ReplyType::Json,
            body: error.body(),
            outcome: error.refusal().code().to_string(),
            cookie: None,
        }
    }

    fn describe(access: Access) -> String {
        match access {
            Access::Any => "any credential".into(),
            Access::Roles(roles) => roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", "),
        }
    }
}

impl CallerView<Voximplant> for Caller {
    fn from_verified(caller: &Caller) -> Self {
        caller.clone()
    }

    fn tenant(&self) -> String {
        tenant(self.account())
    }
}

impl CallerView<Voximplant> for Tenant {
    fn from_verified(caller: &Caller) -> Self {
        Self::of(caller)
    }

    fn from_unverified(inbound: &Inbound) -> Option<Self> {
        Self::from_unverified(inbound)
    }

    fn tenant(&self) -> String {
        tenant(self.account())
    }
}

fn tenant(account: AccountId) -> String {
    format!("voximplant#{account}")
}
