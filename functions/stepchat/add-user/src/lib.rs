//! `add-user`: creates a user and answers its id as a number (page "add-user"; reference/stepchat.md §3.4).

use shared::auth::stepchat::{AnyAdmin, new_password};
use shared::families::stepchat::{Access, Stepchat};
use shared::ids::UserId;
use shared::prelude::*;
use shared::stepchat::{Name, NewUser, UserType, details_of_new_user};
use shared::store::auth::TokenHash;
use shared::store::stepchat::counters::{self, LeadCounter};
use shared::store::stepchat::creation::{self, Draft};
use shared::store::stepchat::users::Secrets;
use shared::store::{Attempts, CommitError, Sequence};
use shared::wire::Params;
use shared::wire::stepchat::{
    Answer, DepartmentField, EmailField, Error, Extra, NewPassword, PictureField, Text, TypeField, misplaced_extras,
};

/// The method.
#[derive(Debug)]
pub struct AddUser;

/// Its parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    /// First name. Default: the workspace's default name.
    #[serde(default)]
    #[schemars(length(max = Name::MAX_CHARS))]
    first_name: Text,
    /// Last name. Default: `#` and a random number, unless one is sent, even an empty one.
    #[schemars(length(max = Name::MAX_CHARS))]
    last_name: Option<Text>,
    /// E-mail address, unique.
    #[serde(default)]
    email: EmailField,
    /// Address of the picture. Default: the workspace's default picture.
    #[serde(default)]
    profile_image: PictureField,
    /// Password.
    #[serde(default)]
    password: NewPassword,
    /// visitor, lead, user, agent or admin. Default: user with an e-mail address, visitor without.
    #[serde(default)]
    user_type: TypeField,
    /// The page's spelling of `user_type` (decision D5).
    #[serde(default)]
    user_tyoe: TypeField,
    /// Department number.
    #[serde(default)]
    department: DepartmentField,
    /// Extras by slug: phone, city, company and whatever else you keep. They count within this field alone: a plain `phone=…`
    /// beside it is left out.
    #[serde(default)]
    extra: Extra,
    /// Another name of `extra` (decision D6).
    #[serde(default)]
    settings_extra: Extra,
}

impl Method for AddUser {
    type Family = Stepchat;
    const NAME: &'static str = "add-user";
    const SUMMARY: &'static str = "Creates a user.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Write;
    const TOKENS: bool = true;
    const GRANTS: Grants = &[creation::CREATE, counters::READ_LEADS];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<u64>;

    fn notice(params: &Params) -> Option<&'static str> {
        misplaced_extras(params)
    }

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Answer<u64>, Error> {
        let config = &ctx.config().stepchat;
        let new = NewUser {
            first_name: request.first_name.non_blank().map(Name::parse).transpose()?,
            last_name: request.last_name.as_ref().map(|name| Name::parse(name.as_str())).transpose()?,
            email: request.email.read()?.flatten(),
            profile_image: request.profile_image.read(&config.default_profile_image)?.flatten(),
            user_type: request.user_type.or(request.user_tyoe).read()?,
            department: request.department.read()?.flatten(),
        };
        let details = details_of_new_user(&request.extra.or(request.settings_extra).read(|what| ctx.note(what))?)?;
        let password = new_password(request.password.as_str()).await?;
        let kind = new.user_type.unwrap_or(UserType::User);
        let store = ctx.store();
        let mut attempts = Attempts::default();
        loop {
            let user = new.clone().draft(ctx.now(), &config.default_first_name, ctx.random_below(100_000));
            let mut draft = Draft::new(user, &details);
            let id = store.next_id(Sequence::StepchatUser, UserId::new);
            let (id, leads, ()) = try_join!(id, LeadCounter::read_for(store, None, kind), draft.write_intents(store))?;
            let prepared = draft.with_id(id);
            let token = TokenHash::of(&ctx.tokens().of(id, prepared.user().token_version));
            let secrets = Secrets { password: password.clone(), token };
            let answer = Answer::new(id.get());
            match ctx.commit(prepared.creation(&secrets, config.unique_phone, &leads)?, &answer).await {
                // For example, all leads were deleted in between: the new lead comes after that.
                Err(CommitError::Stale) => attempts.again().await?,
                done => return Ok(done.map(|()| answer)?),
            }
        }
    }
}
