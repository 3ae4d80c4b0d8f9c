//! `AddUser`: a user of one application (page "AddUser"; reference/voximplant.md §2.1).

use shared::auth::voximplant::Tenant;
use shared::families::voximplant::{Access, Voximplant};
use shared::features::voximplant::{ApplicationRef, one_application};
use shared::ids::PhoneUserId;
use shared::prelude::*;
use shared::store::voximplant::users;
use shared::store::{Attempts, CommitError, Sequence};
use shared::voximplant::{CustomData, DisplayName, MobilePhone, NewPhoneUser, Password, Refusal, Role, UserName};
use shared::wire::voximplant::{Bool, Error, Ids, Text};

/// The method.
#[derive(Debug)]
pub struct AddUser;

/// Its parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    /// The application the user is bound to. Can be used instead of `application_name`.
    application_id: Option<Ids>,
    /// The short or full name of the application. Can be used instead of `application_id`.
    application_name: Option<Text>,
    /// Whether the user's calls are paid from the account; `false` gives the user a balance of its own. Default: true.
    parent_accounting: Option<Bool>,
    /// Whether the user may log in. Default: true.
    user_active: Option<Bool>,
    /// Any string of fewer than 8192 characters. An empty one is none.
    #[schemars(length(max = CustomData::MAX_CHARS))]
    user_custom_data: Option<Text>,
    /// Display name of fewer than 256 characters.
    #[schemars(length(min = DisplayName::MIN_CHARS, max = DisplayName::MAX_CHARS))]
    user_display_name: Text,
    /// Name in format `[a-z0-9][a-z0-9_-]{2,49}`, unique in the application.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9_-]{2,49}$"))]
    user_name: Text,
    /// At least 8 characters with an upper and a lower case letter, a number and a special character.
    #[schemars(length(min = Password::MIN_CHARS, max = Password::MAX_CHARS))]
    user_password: Text,
    /// Phone number of fewer than 50 characters.
    #[schemars(length(max = MobilePhone::MAX_CHARS))]
    mobile_phone: Option<Text>,
}

/// Its answer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {
    /// Always 1.
    #[schemars(extend("const" = 1))]
    result: u8,
    /// The new user.
    user_id: PhoneUserId,
}

impl Request {
    fn check(self) -> Result<(ApplicationRef, NewPhoneUser, Password), Refusal> {
        let application = one_application(self.application_id, self.application_name)?;
        let user = NewPhoneUser {
            name: UserName::parse(&self.user_name.0)?,
            display_name: DisplayName::parse(&self.user_display_name.0)?,
            active: self.user_active.is_none_or(|flag| flag.0),
            parent_accounting: self.parent_accounting.is_none_or(|flag| flag.0),
            custom_data: self.user_custom_data.map(|data| CustomData::parse(&data.0)).transpose()?,
            mobile_phone: self.mobile_phone.map(|phone| MobilePhone::parse(&phone.0)).transpose()?,
        };
        let application = application.ok_or(Refusal::Missing("application_id"))?;
        Ok((application, user, Password::parse(&self.user_password.0)?))
    }
}

impl Method for AddUser {
    type Family = Voximplant;
    const NAME: &'static str = "AddUser";
    const SUMMARY: &'static str = "Adds a new user.";
    const ACCESS: Access = Access::Roles(&[Role::Owner, Role::Admin, Role::UserManager]);
    const EFFECT: Effect = Effect::Write;
    const GRANTS: Grants = &[ApplicationRef::RESOLVE, users::CREATE, users::PLACE, users::CAPACITY];
    type Caller = Tenant;
    type Request = Request;
    type Response = Response;

    async fn call(ctx: &Ctx, caller: &Tenant, request: Request) -> Result<Response, Error> {
        let (application, user, password) = request.check()?;
        let (store, account) = (ctx.store(), caller.account());
        let id = async { Ok::<_, Error>(store.next_id(Sequence::PhoneUser, PhoneUserId::new).await?) };
        // Hashing takes longer than all reads, so it runs in parallel with them.
        let hash = async { Ok(ctx.hash_password(password.expose()).await?) };
        let ((application_id, mut place), id, password) = try_join!(application.place(store, account), id, hash)?;
        let user = user.into_user(id, application_id, ctx.now());
        let answer = Response { result: 1, user_id: id };
        let mut attempts = Attempts::default();
        loop {
            let capacity = match ctx.config().voximplant.max_users_per_account {
                Some(limit) => Some(users::capacity(store, account, limit).await?.ok_or(Refusal::UserCountExceeded)?),
                None => None,
            };
            match ctx.commit(users::creation(account, &user, &password, capacity, &place)?, &answer).await {
                Err(CommitError::Stale) => {
                    attempts.again().await?;
                    (_, place) = application.place(store, account).await?;
                }
                done => return Ok(done.map(|()| answer)?),
            }
        }
    }
}
