//! `update-user`: changes what the call names and nothing else (page "update-user"; reference/stepchat.md §3.4,
//! decisions D9 to D12).

use shared::auth::stepchat::{AnyAdmin, new_password};
use shared::families::stepchat::{Access, Stepchat};
use shared::prelude::*;
use shared::stepchat::{Name, Refusal, UserChange, UserType, changed_details};
use shared::store::auth::TokenHash;
use shared::store::stepchat::counters::{self, LeadCounter};
use shared::store::stepchat::texts;
use shared::store::stepchat::users::{self, Secrets};
use shared::store::{Attempts, CommitError};
use shared::wire::Params;
use shared::wire::stepchat::{
    Answer, DepartmentField, EmailField, Error, Extra, NewPassword, PictureField, Text, TypeField, UserRef,
    misplaced_extras,
};

/// The method.
#[derive(Debug)]
pub struct UpdateUser;

/// Its parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    /// The user.
    user_id: UserRef,
    /// First name; empty keeps the old one.
    #[serde(default)]
    #[schemars(length(max = Name::MAX_CHARS))]
    first_name: Text,
    /// Last name.
    #[schemars(length(max = Name::MAX_CHARS))]
    last_name: Option<Text>,
    /// E-mail address; empty or `NULL` removes it.
    #[serde(default)]
    email: EmailField,
    /// Address of the picture; empty or `NULL` goes back to the default picture.
    #[serde(default)]
    profile_image: PictureField,
    /// Password; empty or `********` keeps the old one.
    #[serde(default)]
    password: NewPassword,
    /// visitor, lead, user, agent or admin.
    #[serde(default)]
    user_type: TypeField,
    /// The page's spelling of `user_type` (decision D5).
    #[serde(default)]
    user_tyoe: TypeField,
    /// Department number; empty or `NULL` removes it.
    #[serde(default)]
    department: DepartmentField,
    /// Extras by slug; an empty value removes the extra. They count within this field alone: a plain `phone=…` beside it is
    /// left out.
    #[serde(default)]
    settings_extra: Extra,
    /// Another name of `settings_extra` (decision D6).
    #[serde(default)]
    extra: Extra,
}

impl Request {
    /// The change of the profile, and the change of the extras.
    fn change(self, default_picture: &str) -> Result<(UserChange, Extra), Refusal> {
        let change = UserChange {
            first_name: self.first_name.non_blank().map(Name::parse).transpose()?,
            last_name: self.last_name.as_ref().map(|name| Name::parse(name.as_str())).transpose()?,
            email: self.email.read()?,
            profile_image: self.profile_image.read(default_picture)?,
            user_type: self.user_type.or(self.user_tyoe).read()?,
            department: self.department.read()?,
        };
        Ok((change, self.settings_extra.or(self.extra)))
    }
}

/// Refuses to change the bot's type, or to give it an e-mail address that a person may want.
fn bot_may(change: &UserChange) -> Result<(), Refusal> {
    match change {
        UserChange { user_type: Some(_), .. } => Err(Refusal::InvalidUserType),
        UserChange { email: Some(Some(_)), .. } => Err(Refusal::InvalidEmail),
        _ => Ok(()),
    }
}

impl Method for UpdateUser {
    type Family = Stepchat;
    const NAME: &'static str = "update-user";
    const SUMMARY: &'static str = "Changes a user.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Write;
    const TOKENS: bool = true;
    const GRANTS: Grants = &[users::LOAD, users::REPLACE, users::REPLACE_SECRETS, texts::POST, counters::READ_LEADS];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<bool>;

    fn notice(params: &Params) -> Option<&'static str> {
        misplaced_extras(params)
    }

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Answer<bool>, Error> {
        let id = request.user_id.0.ok_or(Refusal::UserNotFound)?;
        let password = new_password(request.password.as_str()).await?;
        let config = &ctx.config().stepchat;
        let (change, extra) = request.change(&config.default_profile_image)?;
        let edits = extra.read(|what| ctx.note(what))?;
        let answer = Answer::new(true);
        let mut attempts = Attempts::default();
        loop {
            let before = users::load(ctx.store(), id).await?.ok_or(Refusal::UserNotFound)?;
            if before.user.user_type == UserType::Bot {
                bot_may(&change)?;
            }
            let after = change.apply(&before.user, ctx.now());
            let token = TokenHash::of(&ctx.tokens().of(id, after.token_version));
            let secrets = Secrets { password: password.clone(), token };
            let details = changed_details(&before.details, &edits)?;
            let leads = LeadCounter::read_for(ctx.store(), Some(before.user.user_type), after.user_type).await?;
            let txn = users::replacement(&before, &after, &details, &secrets, config.unique_phone, &leads)?;
            match ctx.commit(txn, &answer).await {
                Err(CommitError::Stale) => attempts.again().await?,
                done => return Ok(done.map(|()| answer)?),
            }
        }
    }
}
