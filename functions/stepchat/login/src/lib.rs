//! `login`: checks who somebody is and begins a session (page "login"; reference/stepchat.md §3.6, decisions D34, D35).

mod proof;

use proof::Proof;
use shared::auth::stepchat::Admin;
use shared::auth::{lockout, session};
use shared::families::stepchat::{Access, Stepchat};
use shared::features::stepchat::UserRow;
use shared::prelude::*;
use shared::store::stepchat::{lockouts, sessions, users};
use shared::wire::Cookie;
use shared::wire::stepchat::{Answer, Error, Text, UserRef};
use std::net::IpAddr;

/// The method.
#[derive(Debug)]
pub struct Login;

/// Its parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    /// E-mail address; goes with `password`.
    #[serde(default)]
    email: Text,
    /// Password; goes with `email`.
    #[serde(default)]
    password: Text,
    /// The user, if not by e-mail address; goes with the user's own token: in `user_token`, or in a second `token`.
    user_id: Option<UserRef>,
    /// The user's own token.
    #[serde(default)]
    user_token: Text,
    /// Another name of `user_token`.
    #[serde(default)]
    login_token: Text,
    /// Address of the end user, if a server calls on the user's behalf: then failures are counted by it.
    #[serde(default)]
    user_ip: Text,
}

/// Who has logged in: the page's seven keys.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Person {
    /// Id, as text.
    id: String,
    /// Address of the picture.
    profile_image: String,
    /// First name.
    first_name: String,
    /// Last name.
    last_name: String,
    /// E-mail address.
    email: Option<String>,
    /// visitor, lead, user, agent or admin.
    user_type: String,
    /// The user's token.
    token: String,
}

/// The user and the text of the session, `ip-ban`, or `false`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Outcome {
    /// The user, and the text for the cookie `sb-login`.
    LoggedIn(Box<Person>, String),
    /// `ip-ban`: too many failures.
    Banned(&'static str),
    /// `false`: not the user's credentials.
    Failed(bool),
}

impl From<UserRow> for Person {
    fn from(row: UserRow) -> Self {
        let UserRow { id, profile_image, first_name, last_name, email, user_type, token, .. } = row;
        Self { id, profile_image, first_name, last_name, email, user_type, token }
    }
}

impl Method for Login {
    type Family = Stepchat;
    const NAME: &'static str = "login";
    const SUMMARY: &'static str = "Logs a user in.";
    const ACCESS: Access = Access::Login;
    // The answer holds a secret, which no idempotency record may keep. A repeated call begins another session.
    const EFFECT: Effect = Effect::Repeatable;
    const TOKENS: bool = true;
    const GRANTS: Grants = &[users::ID_BY_EMAIL, sessions::CREDENTIALS, sessions::BEGIN, lockouts::COUNT];
    type Caller = Admin;
    type Request = Request;
    type Response = Answer<Outcome>;

    async fn call(ctx: &Ctx, caller: &Admin, request: Request) -> Result<Self::Response, Error> {
        let failed = Answer::new(Outcome::Failed(false));
        let end_user: Option<IpAddr> = request.user_ip.as_str().trim().parse().ok();
        let Some(proof) = Proof::of(request, caller) else { return Ok(failed) };
        let counters = lockout::counters(ctx, &proof.account(), end_user);
        let (registered, found) = Box::pin(proof.registered(ctx, &counters)).await?;
        // The work is the same whether the user is locked out or not.
        let right = proof.is_right(ctx, found.as_ref()).await?;
        let Some(registered) = registered else { return Ok(Answer::new(Outcome::Banned("ip-ban"))) };
        let Some(found) = found.filter(|_| right) else { return Ok(failed) };
        let renewed = proof.renewed(&found).await?;
        let begun = session::new_session(ctx)?;
        let noted = async {
            // If the success cannot be noted, it counts as a failure; the login succeeds all the same.
            let _ = lockouts::succeeded(ctx.store(), &counters, registered, ctx.now()).await;
            Ok(())
        };
        let (begins, ()) =
            try_join!(sessions::begin(ctx.store(), &found, renewed.as_ref(), &begun.session, ctx.now()), noted)?;
        if !begins {
            return Ok(failed);
        }
        let person = Box::new(UserRow::new(ctx, &found.user).into());
        Ok(Answer::new(Outcome::LoggedIn(person, begun.text.expose().to_owned())))
    }

    fn cookie(ctx: &Ctx, answer: &Self::Response) -> Option<Cookie> {
        match &answer.response {
            Outcome::LoggedIn(_, text) => Some(session::cookie(ctx, text)),
            _ => None,
        }
    }

    fn outcome(answer: &Self::Response) -> &'static str {
        match answer.response {
            Outcome::LoggedIn(..) => "ok",
            Outcome::Banned(_) => "ip-ban",
            Outcome::Failed(_) => "login-failed",
        }
    }
}
