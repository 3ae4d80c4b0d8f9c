//! Sessions as clients hold them: the text in the cookie `sb-login` or the field `login-cookie`.

use crate::context::Ctx;
use crate::crypto::{Secret, random_bytes};
use crate::store::StoreError;
use crate::store::auth::TokenHash;
use crate::store::stepchat::sessions::NewSession;
use crate::wire::Cookie;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;

/// The cookie's name.
pub const COOKIE: &str = "sb-login";
/// Random bytes of a session's text: 43 characters.
const TEXT_BYTES: usize = 32;

/// A new session: its text, which exists only in the answer, and what is stored of it.
#[derive(Debug, Clone)]
pub struct StartedSession {
    /// The text.
    pub text: Secret,
    /// What is stored.
    pub session: NewSession,
}

/// Makes a new session, which lasts as long as the workspace sets.
pub fn new_session(ctx: &Ctx) -> Result<StartedSession, StoreError> {
    let text = URL_SAFE_NO_PAD.encode(random_bytes(TEXT_BYTES)?);
    let until = ctx.now().plus_millis(ctx.config().stepchat.login.session_seconds.saturating_mul(1000));
    Ok(StartedSession { session: NewSession { hash: TokenHash::of(&text), until }, text: Secret::new(&text) })
}

/// The hashes of the sessions that a request presents: the field's before the cookie's. Some clients url-encode the
/// text once too often, so it is decoded first; a session's own text does not change by that.
#[must_use]
pub fn presented(ctx: &Ctx, field: Option<&str>) -> Vec<TokenHash> {
    let texts = field.into_iter().chain(ctx.cookie(COOKIE)).map(str::trim).filter(|text| !text.is_empty());
    texts.map(|text| TokenHash::of(&percent_decode_str(text).decode_utf8_lossy())).collect()
}

/// The cookie that holds a session for as long as it lasts.
#[must_use]
pub fn cookie(ctx: &Ctx, text: &str) -> Cookie {
    Cookie::new(COOKIE, text, ctx.config().stepchat.login.session_seconds)
}

/// Removes the cookie from a browser.
#[must_use]
pub fn no_cookie() -> Cookie {
    Cookie::removed(COOKIE)
}
