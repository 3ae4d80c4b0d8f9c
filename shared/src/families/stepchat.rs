//! StepChat's own part of the pipeline: who may call, how a request is read, how an answer looks.

use crate::auth::stepchat::{Admin, AnyAdmin, authenticate, authenticate_login, note_use};
use crate::context::Ctx;
use crate::method::{CallerView, Effect, Family};
use crate::routes::FrontDoor;
use crate::store::Table;
use crate::store::files::{self, FileKey};
use crate::store::grants::{Action, AuthItem, Grant};
use crate::wire::stepchat::Error;
use crate::wire::{Inbound, NonObjectJson, Reply, ReplyType};
use http::StatusCode;

/// The protocol of the StepChat API.
#[derive(Debug)]
pub enum Stepchat {}

/// What a StepChat method demands of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The token of a user whose type is exactly `admin` (decision D40).
    Admin,
    /// The same, where `token` may also hold the token of a user who logs in.
    Login,
}

impl Family for Stepchat {
    const NAME: &'static str = "stepchat";
    const SELECTOR: &'static str = "function";
    const ROOT: &'static str = "/stepchat";
    const FRONT_DOORS: &'static [FrontDoor] =
        &[FrontDoor::at("/stepchat"), FrontDoor::in_any_folder("/include/api.php")];
    const TRAILING_SLASH: bool = false;
    const NON_OBJECT_JSON: NonObjectJson = NonObjectJson::Refused;
    // Reading tokens; for an API token also reading its admin and writing the note of its use.
    const GRANTS: &'static [Grant] = &[
        Grant::auth(AuthItem::AdminToken, Action::GetItem),
        Grant::auth(AuthItem::ApiToken, Action::GetItem),
        Grant::on(Table::Stepchat, Action::GetItem),
        Grant::auth(AuthItem::ApiToken, Action::UpdateItem),
    ];

    const DOOR_GRANTS: &'static [Grant] = files::SERVE;

    type Access = Access;
    type Caller = Admin;
    type Error = Error;

    async fn authenticate(ctx: &Ctx, inbound: &Inbound, access: Access, effect: Effect) -> Result<Admin, Error> {
        match access {
            Access::Admin => authenticate(ctx, inbound, effect).await,
            Access::Login => authenticate_login(ctx, inbound, effect).await,
        }
    }

    async fn record_use(ctx: &Ctx, caller: &Admin) {
        note_use(ctx, caller).await;
    }

    fn picture(path: &str) -> Option<FileKey> {
        let (_, below) = path.split_once(Self::ROOT)?;
        FileKey::parse_picture(below.strip_prefix("/uploads/")?)
    }

    fn caller_kind(caller: &Admin) -> &'static str {
        caller.kind()
    }

    fn success(body: String, accepts_json: bool) -> Reply {
        Reply { status: StatusCode::OK, kind: kind(accepts_json), body, outcome: "ok".into(), cookie: None }
    }

    fn failure(error: &Error, accepts_json: bool) -> Reply {
        Reply {
            status: error.status(),
            kind: kind(accepts_json),
            body: error.body(),
            outcome: error.code().to_owned(),
            cookie: None,
        }
    }

    fn describe(access: Access) -> String {
        match access {
            Access::Admin | Access::Login => "admin token".into(),
        }
    }
}

/// One deployment is one workspace.
const WORKSPACE: &str = "stepchat";

impl CallerView<Stepchat> for Admin {
    fn from_verified(caller: &Admin) -> Self {
        caller.clone()
    }

    fn is_api_token(&self) -> bool {
        self.is_api_token()
    }

    fn tenant(&self) -> String {
        WORKSPACE.to_owned()
    }
}

impl CallerView<Stepchat> for AnyAdmin {
    fn from_verified(caller: &Admin) -> Self {
        Self::of(caller)
    }

    fn from_unverified(inbound: &Inbound) -> Option<Self> {
        Self::from_unverified(inbound)
    }

    fn is_api_token(&self) -> bool {
        self.is_api_token()
    }

    fn tenant(&self) -> String {
        WORKSPACE.to_owned()
    }
}

/// Plain text unless `Accept` names JSON (decision D41).
fn kind(accepts_json: bool) -> ReplyType {
    if accepts_json { ReplyType::Json } else { ReplyType::Text }
}
