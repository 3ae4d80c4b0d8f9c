//! `SetUserInfo`: changes one user (page "`SetUserInfo`"; reference/voximplant.md §2.3, decisions D5, D10, D13).
//!
//! What is not given stays as it is, `user_active` too. An empty value counts as not given, so nothing can be emptied.

use shared::auth::voximplant::Tenant;
use shared::families::voximplant::{Access, Voximplant};
use shared::features::voximplant::{ApplicationRef, one_application};
use shared::ids::{AccountId, ApplicationId, PhoneUserId};
use shared::prelude::*;
use shared::store::voximplant::changes;
use shared::store::voximplant::users::{self, Stored};
use shared::store::{Attempts, CommitError, Store, ledger};
use shared::timestamp::Timestamp;
use shared::voximplant::{
    CustomData, DisplayName, MobilePhone, Parameter, Password, PhoneUser, Refusal, Role, UserName,
};
use shared::wire::voximplant::{Bool, Done, Error, Ids, Text};

/// The journal's text for money that comes back to the account.
const OWN_BALANCE_ENDED: &str = "Separate balance closed";

/// The method.
#[derive(Debug)]
pub struct SetUserInfo;

/// Its parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    /// The user to edit.
    user_id: Option<Ids>,
    /// The name of the user to edit. Can be used instead of `user_id`, together with the application.
    user_name: Option<Text>,
    /// The application of the user. Required with `user_name`.
    application_id: Option<Ids>,
    /// The short or full name of the application. Can be used instead of `application_id`.
    application_name: Option<Text>,
    /// New name in format `[a-z0-9][a-z0-9_-]{2,49}`, unique in the application.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9_-]{2,49}$"))]
    new_user_name: Option<Text>,
    /// New display name of fewer than 256 characters.
    #[schemars(length(min = DisplayName::MIN_CHARS, max = DisplayName::MAX_CHARS))]
    user_display_name: Option<Text>,
    /// New password: at least 8 characters with an upper and a lower case letter, a number and a special character.
    #[schemars(length(min = Password::MIN_CHARS, max = Password::MAX_CHARS))]
    user_password: Option<Text>,
    /// Whether the user's calls are paid from the account; `true` returns the money of a balance of its own.
    parent_accounting: Option<Bool>,
    /// Whether the user may log in.
    user_active: Option<Bool>,
    /// Any string of fewer than 8192 characters. An empty one leaves it as it is, since the official Go client sends empty
    /// texts for what was not given; to empty it, send one blank.
    #[schemars(length(max = CustomData::MAX_CHARS))]
    user_custom_data: Option<Text>,
    /// Phone number of fewer than 50 characters.
    #[schemars(length(max = MobilePhone::MAX_CHARS))]
    mobile_phone: Option<Text>,
}

/// The user to edit, as the request names it.
#[derive(Debug)]
enum Target {
    Id(PhoneUserId),
    Name(String),
}

/// What changes.
#[derive(Debug)]
struct Changes {
    name: Option<UserName>,
    display_name: Option<DisplayName>,
    active: Option<bool>,
    parent_accounting: Option<bool>,
    custom_data: Option<CustomData>,
    mobile_phone: Option<MobilePhone>,
}

/// A request that can be carried out.
#[derive(Debug)]
struct Checked {
    target: Target,
    application: Option<ApplicationRef>,
    changes: Changes,
    password: Option<Password>,
}

const UNKNOWN_ID: Refusal = Refusal::Invalid(Parameter("user_id"));
const UNKNOWN_NAME: Refusal = Refusal::Invalid(Parameter("user_name"));

impl Request {
    fn check(self) -> Result<Checked, Refusal> {
        let target = match (self.user_id.and_then(|id| id.0), self.user_name) {
            (Some(_), Some(_)) => return Err(Refusal::OnlyOneOf("user_id, user_name")),
            (Some(id), None) => Target::Id(PhoneUserId::new(id).ok_or(UNKNOWN_ID)?),
            (None, Some(name)) => Target::Name(name.0),
            (None, None) => return Err(Refusal::Missing("user_id")),
        };
        let application = one_application(self.application_id, self.application_name)?;
        if application.is_none() && matches!(target, Target::Name(_)) {
            return Err(Refusal::Missing("application_id"));
        }
        let name = self.new_user_name.map(|name| UserName::parse(&name.0).map_err(|_| Refusal::InvalidNewUserName));
        let changes = Changes {
            name: name.transpose()?,
            display_name: self.user_display_name.map(|name| DisplayName::parse(&name.0)).transpose()?,
            active: self.user_active.map(|flag| flag.0),
            parent_accounting: self.parent_accounting.map(|flag| flag.0),
            custom_data: self.user_custom_data.map(|data| CustomData::parse(&data.0)).transpose()?,
            mobile_phone: self.mobile_phone.map(|phone| MobilePhone::parse(&phone.0)).transpose()?,
        };
        let password = self.user_password.map(|password| Password::parse(&password.0)).transpose()?;
        Ok(Checked { target, application, changes, password })
    }
}

impl Target {
    async fn find(
        &self,
        store: &Store,
        account: AccountId,
        application: Option<ApplicationId>,
    ) -> Result<Stored, Error> {
        let (id, unknown) = match (self, application) {
            (Self::Id(id), _) => (Some(*id), UNKNOWN_ID),
            (Self::Name(name), Some(application)) => {
                // A text that cannot be a name is no user's name.
                let name = UserName::parse(name).map_err(|_| UNKNOWN_NAME)?;
                (users::id_by_name(store, account, application, &name).await?, UNKNOWN_NAME)
            }
            (Self::Name(_), None) => (None, UNKNOWN_NAME),
        };
        let user = users::find(store, account, id.ok_or(unknown.clone())?).await?;
        let ours = user.filter(|stored| application.is_none_or(|application| stored.user.application == application));
        Ok(ours.ok_or(unknown)?)
    }
}

impl Changes {
    fn of(&self, before: &PhoneUser, now: Timestamp) -> PhoneUser {
        let before = before.clone();
        PhoneUser {
            name: self.name.clone().unwrap_or(before.name),
            display_name: self.display_name.clone().unwrap_or(before.display_name),
            active: self.active.unwrap_or(before.active),
            parent_accounting: self.parent_accounting.unwrap_or(before.parent_accounting),
            custom_data: self.custom_data.clone().or(before.custom_data),
            mobile_phone: self.mobile_phone.clone().or(before.mobile_phone),
            modified: now,
            version: before.version.saturating_add(1),
            ..before
        }
    }
}

impl Method for SetUserInfo {
    type Family = Voximplant;
    const NAME: &'static str = "SetUserInfo";
    const SUMMARY: &'static str = "Edits the user.";
    const ACCESS: Access = Access::Roles(&[Role::Owner, Role::Admin, Role::UserManager]);
    const EFFECT: Effect = Effect::Write;
    const GRANTS: Grants = &[ApplicationRef::RESOLVE, users::FIND, changes::EDIT, ledger::RETURN];
    type Caller = Tenant;
    type Request = Request;
    type Response = Done;

    async fn call(ctx: &Ctx, caller: &Tenant, request: Request) -> Result<Done, Error> {
        let Checked { target, application, changes, password } = request.check()?;
        let (store, account) = (ctx.store(), caller.account());
        let application = match application {
            Some(application) => Some(application.resolve(store, account).await?),
            None => None,
        };
        let password = match password {
            Some(password) => Some(ctx.hash_password(password.expose()).await?),
            None => None,
        };
        let mut attempts = Attempts::default();
        loop {
            let before = Box::pin(target.find(store, account, application)).await?;
            let after = changes.of(&before.user, ctx.now());
            let money = if after.parent_accounting {
                let payer = std::slice::from_ref(&before);
                Box::pin(changes::money_back(store, account, payer, OWN_BALANCE_ENDED, ctx.now())).await?
            } else {
                Vec::new()
            };
            let txn = changes::edit(account, &before, &after, password.as_ref(), money)?;
            match ctx.commit(txn, &Done::ANSWER).await {
                Err(CommitError::Stale) => attempts.again().await?,
                done => return Ok(done.map(|()| Done::ANSWER)?),
            }
        }
    }
}
