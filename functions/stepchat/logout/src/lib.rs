//! `logout`: ends the session that is presented; `true` always (page "logout"; reference/stepchat.md §3.6).

use shared::auth::session;
use shared::auth::stepchat::Admin;
use shared::families::stepchat::{Access, Stepchat};
use shared::prelude::*;
use shared::store::stepchat::sessions;
use shared::wire::Cookie;
use shared::wire::stepchat::{Answer, Error, Text};

/// The method.
#[derive(Debug)]
pub struct Logout;

/// Its parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    /// The session, if it is not in the cookie `sb-login`.
    #[serde(default, rename = "login-cookie")]
    login_cookie: Text,
}

impl Method for Logout {
    type Family = Stepchat;
    const NAME: &'static str = "logout";
    const SUMMARY: &'static str = "Logs a user out.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Repeatable;
    const GRANTS: Grants = &[sessions::END];
    type Caller = Admin;
    type Request = Request;
    type Response = Answer<bool>;

    async fn call(ctx: &Ctx, _: &Admin, request: Request) -> Result<Self::Response, Error> {
        for hash in session::presented(ctx, request.login_cookie.non_blank()) {
            sessions::end(ctx.store(), &hash).await?;
        }
        Ok(Answer::new(true))
    }

    fn cookie(_: &Ctx, _: &Self::Response) -> Option<Cookie> {
        Some(session::no_cookie())
    }
}
