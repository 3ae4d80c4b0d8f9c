//! `update-user`: changes what the call names and nothing else (page "update-user"; reference/stepchat.md §3.4,
//! decisions D9 to D12).

use shared::auth::stepchat::{Admin, new_password};
use shared::prelude::*;
use shared::stepchat::{Email, ImageUrl, Name, Refusal, UserChange, UserType};
use shared::store::auth::TokenHash;
use shared::store::stepchat::texts;
use shared::store::stepchat::users::{self, Secrets};
use shared::store::{Attempts, CommitError};
use shared::wire::stepchat::{Access, Answer, DepartmentField, Error, Extra, Stepchat, Text, UserRef, present};

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
    #[schemars(length(max = 100))]
    first_name: Text,
    /// Last name.
    #[schemars(length(max = 100))]
    last_name: Option<Text>,
    /// E-mail address; empty or `NULL` removes it.
    #[serde(default, deserialize_with = "present")]
    #[schemars(length(max = 191))]
    email: Option<Text>,
    /// Address of the picture; empty or `NULL` goes back to the default picture.
    #[serde(default, deserialize_with = "present")]
    #[schemars(length(max = 191))]
    profile_image: Option<Text>,
    /// Password; empty or `********` keeps the old one.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    password: Text,
    /// visitor, lead, user, agent or admin.
    user_type: Option<Text>,
    /// The page's spelling of `user_type` (decision D5).
    user_tyoe: Option<Text>,
    /// Department number; empty or `NULL` removes it.
    #[serde(default, deserialize_with = "present")]
    department: Option<DepartmentField>,
    /// Extras by slug; an empty value removes the extra.
    #[serde(default)]
    settings_extra: Extra,
    /// Another name of `settings_extra` (decision D6).
    #[serde(default)]
    extra: Extra,
}

impl Request {
    fn change(self) -> Result<UserChange, Refusal> {
        let kind = self.user_type.or(self.user_tyoe);
        Ok(UserChange {
            first_name: self.first_name.given().map(Name::parse).transpose()?,
            last_name: self.last_name.as_ref().map(|name| Name::parse(name.as_str())).transpose()?,
            email: self.email.map(|email| email.kept().map(Email::parse).transpose()).transpose()?,
            profile_image: self.profile_image.map(|image| image.kept().map(ImageUrl::parse).transpose()).transpose()?,
            user_type: kind.as_ref().and_then(Text::given).map(UserType::parse).transpose()?,
            department: self.department.map(|department| department.read()).transpose()?,
            details: self.settings_extra.or(self.extra).changes()?,
        })
    }
}

impl Method for UpdateUser {
    type Family = Stepchat;
    const NAME: &'static str = "update-user";
    const SUMMARY: &'static str = "Changes a user.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Write;
    const TOKENS: bool = true;
    const GRANTS: Grants = &[users::LOAD, users::REPLACE, users::REPLACE_SECRETS, texts::POST];
    type Request = Request;
    type Response = Answer<bool>;

    async fn call(ctx: &Ctx, _: &Admin, request: Request) -> Result<Answer<bool>, Error> {
        let id = request.user_id.0.ok_or(Refusal::UserNotFound)?;
        let text = Some(request.password.as_str()).filter(|password| *password != "********").unwrap_or_default();
        let password = new_password(text).await?;
        let change = request.change()?;
        let answer = Answer::new(true);
        let mut attempts = Attempts::default();
        loop {
            let before = users::load(ctx.store(), id).await?.ok_or(Refusal::UserNotFound)?;
            if before.user.user_type == UserType::Bot && change.user_type.is_some() {
                return Err(Refusal::InvalidUserType.into());
            }
            let after = change.apply(&before.user, ctx.now());
            let token = TokenHash::of(&ctx.tokens().of(id, after.token_version));
            let secrets = Secrets { password: password.clone(), token };
            let unique_phone = ctx.config().stepchat.unique_phone;
            let txn = users::replacement(&before, &after, &change.details, &secrets, unique_phone)?;
            match ctx.commit(txn, &answer).await {
                Err(CommitError::Stale) => attempts.again().await?,
                done => return Ok(done.map(|()| answer)?),
            }
        }
    }
}
