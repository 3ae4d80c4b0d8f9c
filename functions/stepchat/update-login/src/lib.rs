//! `update-login`: rewrites the details of whoever is logged in and renews the session (page "update-login"; decision
//! D18). What is not sent is removed, as the page says.

use shared::auth::session;
use shared::auth::stepchat::Admin;
use shared::families::stepchat::{Access, Stepchat};
use shared::prelude::*;
use shared::stepchat::{Name, Refusal, User, UserChange};
use shared::store::auth::TokenHash;
use shared::store::stepchat::counters::LeadCounter;
use shared::store::stepchat::sessions::{self, Session};
use shared::store::stepchat::texts;
use shared::store::stepchat::users::{self, Secrets};
use shared::store::{Attempts, CommitError};
use shared::wire::Cookie;
use shared::wire::stepchat::{Answer, DepartmentField, EmailField, Error, PictureField, Text};

/// The method.
#[derive(Debug)]
pub struct UpdateLogin;

/// Its parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    /// Address of the picture; without it, the default picture.
    #[serde(default)]
    profile_image: PictureField,
    /// First name.
    #[serde(default)]
    #[schemars(length(max = Name::MAX_CHARS))]
    first_name: Text,
    /// Last name.
    #[serde(default)]
    #[schemars(length(max = Name::MAX_CHARS))]
    last_name: Text,
    /// E-mail address; agents and admins keep theirs.
    #[serde(default)]
    email: EmailField,
    /// Department number.
    #[serde(default)]
    department: DepartmentField,
    /// The session, if it is not in the cookie `sb-login`. Without either, the token's admin is meant.
    #[serde(default, rename = "login-cookie")]
    login_cookie: Text,
}

impl Request {
    fn change(&self, user: &User, default_picture: &str) -> Result<UserChange, Refusal> {
        let email = self.email.read()?.flatten();
        Ok(UserChange {
            first_name: Some(Name::parse(self.first_name.as_str())?),
            last_name: Some(Name::parse(self.last_name.as_str())?),
            // Staff without an address could not log in again.
            email: (email.is_some() || !user.user_type.is_staff()).then_some(email),
            profile_image: Some(self.profile_image.read(default_picture)?.flatten()),
            department: Some(self.department.read()?.flatten()),
            ..UserChange::default()
        })
    }
}

/// The session that the call presents. An ended one is refused: the call must not change the token's admin instead.
async fn presented(ctx: &Ctx, request: &Request) -> Result<Option<Session>, Error> {
    let Some(hash) = session::presented(ctx, request.login_cookie.non_blank()).into_iter().next() else {
        return Ok(None);
    };
    let session = sessions::find(ctx.store(), &hash, ctx.now()).await?;
    Ok(Some(session.ok_or(Refusal::InvalidSession)?))
}

impl Method for UpdateLogin {
    type Family = Stepchat;
    const NAME: &'static str = "update-login";
    const SUMMARY: &'static str = "Changes the logged-in user.";
    const ACCESS: Access = Access::Admin;
    // The answer holds a secret, which no idempotency record may keep.
    const EFFECT: Effect = Effect::Repeatable;
    const TOKENS: bool = true;
    const GRANTS: Grants = &[users::LOAD, users::REPLACE, texts::POST, sessions::RENEW];
    type Caller = Admin;
    type Request = Request;
    type Response = Answer<String>;

    async fn call(ctx: &Ctx, caller: &Admin, request: Request) -> Result<Self::Response, Error> {
        let begun = session::new_session(ctx)?;
        let mut attempts = Attempts::default();
        loop {
            let old = presented(ctx, &request).await?;
            let id = old.as_ref().map_or(caller.id(), |session| session.user);
            let before = users::load(ctx.store(), id).await?;
            let known = before.filter(|before| old.as_ref().is_none_or(|session| session.is_of(before)));
            let before = known.ok_or(Refusal::InvalidSession)?;
            let after = request
                .change(&before.user, &ctx.config().stepchat.default_profile_image)?
                .apply(&before.user, ctx.now());
            let token = TokenHash::of(&ctx.tokens().of(id, after.token_version));
            let secrets = Secrets { password: None, token };
            let unique_phone = ctx.config().stepchat.unique_phone;
            let mut txn = users::replacement(&before, &after, &[], &secrets, unique_phone, &LeadCounter::unread())?;
            let epoch = users::epoch_after(&before, &after, &secrets);
            sessions::renewal(&mut txn, id, epoch, old.as_ref(), &begun.session)?;
            match ctx.store().commit(&txn).await {
                Err(CommitError::Stale) => attempts.again().await?,
                done => return Ok(done.map(|()| Answer::new(begun.text.expose().to_owned()))?),
            }
        }
    }

    fn cookie(ctx: &Ctx, answer: &Self::Response) -> Option<Cookie> {
        Some(session::cookie(ctx, &answer.response))
    }
}
