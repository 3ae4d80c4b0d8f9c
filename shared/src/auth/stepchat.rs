//! StepChat's callers: holders of an admin's own token (reference/stepchat.md §1.2, §1.5), or of an API token that the
//! operator has minted on an admin's behalf.

use super::last_use;
use crate::context::{Ctx, Effect};
use crate::crypto::{OWN_TOKEN_CHARS, Secret, hash_password, verify_password};
use crate::ids::UserId;
use crate::limits::{MAX_LOGIN_TOKENS, MAX_PASSWORD_BYTES};
use crate::stepchat::{Refusal, Scope, TokenLabel};
use crate::store::auth::{IssuedCredential, PasswordHash, TokenHash};
use crate::store::stepchat::api_tokens;
use crate::wire::Inbound;
use crate::wire::stepchat::Error;
use futures_util::future::join_all;

/// Proof that the caller holds a token of a user whose type is `admin`. Only this module makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    id: UserId,
    credential: Credential,
    user_token: Option<Secret>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Credential {
    Own,
    /// With the token, if its use is to be noted.
    ApiToken(Option<IssuedCredential>),
}

impl Admin {
    /// The admin whose token it is.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.id
    }

    /// In `login`: the token presented for the user who logs in. A separate field for that token takes precedence.
    #[must_use]
    pub fn user_token(&self) -> Option<&Secret> {
        self.user_token.as_ref()
    }

    /// Whether the credential is an API token.
    #[must_use]
    pub fn is_api_token(&self) -> bool {
        matches!(self.credential, Credential::ApiToken(_))
    }

    /// What the log calls this caller.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.is_api_token() { "api-token" } else { "admin-token" }
    }
}

/// Any admin: enough for a method whose answer is the same for all admins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnyAdmin {
    is_api_token: bool,
}

impl AnyAdmin {
    /// The same admin, as one of all.
    #[must_use]
    pub fn of(admin: &Admin) -> Self {
        Self { is_api_token: admin.is_api_token() }
    }

    /// What the presented token says of itself; `None` if no token looks like it.
    #[must_use]
    pub fn from_unverified(inbound: &Inbound) -> Option<Self> {
        let token = presented(inbound).ok()?;
        let is_api_token = TokenLabel::is_meant(token);
        // A text without the form of a token is no caller's, so nothing is presumed.
        let is_plausible =
            is_api_token || token.len() == OWN_TOKEN_CHARS && token.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_plausible.then_some(Self { is_api_token })
    }

    /// Whether the credential is an API token.
    #[must_use]
    pub fn is_api_token(&self) -> bool {
        self.is_api_token
    }
}

/// Finds the admin of the presented token: the field `token`, else `Authorization: Bearer`.
///
/// Two different tokens in one request are refused rather than letting one win (reference/architecture.md §B.5).
pub async fn authenticate(ctx: &Ctx, inbound: &Inbound, effect: Effect) -> Result<Admin, Error> {
    by_token(ctx, presented(inbound)?, effect).await
}

/// The presented token.
fn presented(inbound: &Inbound) -> Result<&str, Error> {
    let mut tokens = inbound.params.all("token").map(|node| node.as_text().unwrap_or_default());
    match (tokens.next(), inbound.bearer.as_deref()) {
        (Some(first), _) if tokens.any(|other| other != first) => Err(Error::InvalidToken),
        (Some(first), Some(bearer)) if !first.is_empty() && first != bearer => Err(Error::InvalidToken),
        (Some(first), _) if !first.is_empty() => Ok(first),
        (_, Some(bearer)) => Ok(bearer),
        _ => Err(Error::TokenNotFound),
    }
}

/// Finds the caller of `login`, where `token` may be the caller's token or the user's own (reference/stepchat.md §3.6).
/// All presented tokens are tried; the first, in order, that proves an admin is the caller's.
pub async fn authenticate_login(ctx: &Ctx, inbound: &Inbound, effect: Effect) -> Result<Admin, Error> {
    let fields = inbound.params.texts("token");
    let others = ["user_token", "login_token"].into_iter().flat_map(|name| inbound.params.texts(name));
    let all: Vec<String> = fields.iter().cloned().chain(inbound.bearer.clone()).chain(others).collect();
    if all.is_empty() {
        return Err(Error::TokenNotFound);
    }
    if all.len() > MAX_LOGIN_TOKENS {
        return Err(Error::InvalidToken);
    }
    let proofs = join_all(all.iter().map(|token| by_token(ctx, token, effect))).await;
    let mut refusal = Error::InvalidToken;
    for (position, (proof, token)) in proofs.into_iter().zip(&all).enumerate() {
        match proof {
            Ok(admin) => {
                // The other token in the field; or the same one, if the admin logs in.
                let rest = fields.iter().enumerate().rev().find(|(other, _)| *other != position);
                let user_token = Secret::new(rest.map_or(token, |(_, token)| token));
                return Ok(Admin { user_token: Some(user_token), ..admin });
            }
            Err(Error::InvalidToken) => {}
            Err(error @ Error::ScopeTooSmall) => refusal = error,
            Err(error) => return Err(error),
        }
    }
    Err(refusal)
}

async fn by_token(ctx: &Ctx, token: &str, effect: Effect) -> Result<Admin, Error> {
    if TokenLabel::is_meant(token) {
        return by_api_token(ctx, token, effect).await;
    }
    // Looked up by its hash: no secret is compared byte by byte, and none is stored.
    let admin = ctx.store().admin_by_token(&TokenHash::of(token)).await?;
    admin.map(|id| Admin { id, credential: Credential::Own, user_token: None }).ok_or(Error::InvalidToken)
}

async fn by_api_token(ctx: &Ctx, token: &str, effect: Effect) -> Result<Admin, Error> {
    let label = TokenLabel::of(token).ok_or(Error::InvalidToken)?;
    let found = api_tokens::find(ctx.store(), &label, &TokenHash::of(token)).await?.ok_or(Error::InvalidToken)?;
    // A heartbeat is no `Effect::Write`, but it writes.
    if found.scope == Scope::Read && effect != Effect::Read {
        return Err(Error::ScopeTooSmall);
    }
    let used = last_use::to_note(ctx, found.used_at, IssuedCredential::ApiToken(found.name));
    Ok(Admin { id: found.owner, credential: Credential::ApiToken(used), user_token: None })
}

/// Notes the use of an API token.
pub async fn note_use(ctx: &Ctx, caller: &Admin) {
    if let Credential::ApiToken(used) = &caller.credential {
        last_use::note(ctx, used.as_ref()).await;
    }
}

/// Whether this is the password of that hash. A password too long to be set is never right; refusing it costs the same.
pub async fn right_password(password: &Secret, hash: Option<PasswordHash>) -> Result<bool, Error> {
    if password.expose().len() > MAX_PASSWORD_BYTES {
        return Ok(verify_password(Secret::new(""), None).await?);
    }
    Ok(verify_password(password.clone(), hash).await?)
}

/// The hash of a password that a call sets; `None` when it sets none. There is no strength rule
/// (reference/stepchat.md §3.4).
pub async fn new_password(text: &str) -> Result<Option<PasswordHash>, Error> {
    if text.len() > MAX_PASSWORD_BYTES {
        return Err(Refusal::PasswordTooLong.into());
    }
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(hash_password(Secret::new(text)).await?))
}
