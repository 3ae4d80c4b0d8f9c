//! StepChat's callers: holders of an admin's token (reference/stepchat.md §1.2, §1.5).

use super::{Secret, hash_password};
use crate::context::Ctx;
use crate::ids::UserId;
use crate::stepchat::Refusal;
use crate::store::auth::{PasswordHash, TokenHash};
use crate::wire::Inbound;
use crate::wire::stepchat::Error;

/// Proof that the caller holds the token of a user whose type is `admin`. Only this module makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    id: UserId,
}

impl Admin {
    /// The admin whose token it is.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.id
    }
}

/// Finds the admin of the presented token: the field `token`, else `Authorization: Bearer`.
///
/// Two different tokens in one request are refused rather than letting one win (reference/architecture.md §B.5).
pub async fn authenticate(ctx: &Ctx, inbound: &Inbound) -> Result<Admin, Error> {
    let mut tokens = inbound.params.all("token").map(|node| node.as_text().unwrap_or_default());
    let token = match (tokens.next(), inbound.bearer.as_deref()) {
        (Some(first), _) if tokens.any(|other| other != first) => return Err(Error::InvalidToken),
        (Some(first), Some(bearer)) if !first.is_empty() && first != bearer => return Err(Error::InvalidToken),
        (Some(first), _) if !first.is_empty() => first,
        (_, Some(bearer)) => bearer,
        _ => return Err(Error::TokenNotFound),
    };
    // Looked up by its hash: no secret is compared byte by byte, and none is stored.
    let admin = ctx.store().admin_by_token(&TokenHash::of(token)).await?;
    admin.map(|id| Admin { id }).ok_or(Error::InvalidToken)
}

/// Longest password, in bytes: hashing takes time with length.
const MAX_PASSWORD_BYTES: usize = 1024;

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
