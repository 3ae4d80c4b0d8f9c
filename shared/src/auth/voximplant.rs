//! Voximplant's callers: service-account keys (RS256 tokens) and API keys (reference/voximplant.md §1.4).

use super::last_use;
use crate::context::Ctx;
use crate::crypto::{Claims, JwtError, Presented};
use crate::ids::AccountId;
use crate::store::auth::{ApiKey, IssuedCredential, ServiceKey, TokenHash};
use crate::store::voximplant::accounts;
use crate::text::fold;
use crate::voximplant::{Refusal, Role};
use crate::wire::Inbound;
use crate::wire::voximplant::Error;

/// What a Voximplant method demands of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Any valid credential of the account.
    Any,
    /// A key with at least one of these roles.
    Roles(&'static [Role]),
}

/// Proof of who is calling: the account every store call is bound to. Only this module makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    account: AccountId,
    credential: Credential,
    /// The credential, if its use is to be noted.
    used: Option<IssuedCredential>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Credential {
    Key(Vec<Role>),
    /// "With maximum permissions", as the documentation says of the old form.
    ApiKey,
}

impl Caller {
    /// The account that the caller acts for.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// What the log calls this caller.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.credential {
            Credential::Key(_) => "service-key",
            Credential::ApiKey => "api-key",
        }
    }

    fn may(&self, access: Access) -> Result<(), Refusal> {
        match (access, &self.credential) {
            (Access::Any, _) | (_, Credential::ApiKey) => Ok(()),
            (Access::Roles(needed), Credential::Key(roles)) => {
                let reaches = roles.contains(&Role::Owner) || needed.iter().any(|role| roles.contains(role));
                if reaches { Ok(()) } else { Err(Refusal::RoleRequired(needed)) }
            }
        }
    }
}

/// The account that the caller acts for: enough for a method whose answer is the same for all credentials of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenant {
    account: AccountId,
}

impl Tenant {
    /// The account.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }
}

impl Tenant {
    /// The account of a caller.
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        Self { account: caller.account }
    }

    /// What the credential says of itself. Most keys act for their own account and do not name it: then nothing is presumed.
    #[must_use]
    pub fn from_unverified(inbound: &Inbound) -> Option<Self> {
        let account = match &inbound.bearer {
            Some(token) => AccountId::new(Presented::parse(token).ok()?.claimed_issuer()?)?,
            None => AccountId::parse(inbound.params.text("api_key").and(inbound.params.text("account_id"))?)?,
        };
        Some(Self { account })
    }
}

/// Proves who is calling, and that the caller may call a method of this access.
pub async fn authenticate(ctx: &Ctx, inbound: &Inbound, access: Access) -> Result<Caller, Error> {
    let caller = if let Some(token) = &inbound.bearer {
        by_token(ctx, token).await?
    } else if let Some(key) = inbound.params.text("api_key") {
        by_api_key(ctx, inbound, key).await?
    } else {
        let reason = "send a service-account token (Authorization: Bearer) or account_id with api_key.";
        return Err(Refusal::AuthorizationFailed(reason).into());
    };
    caller.may(access)?;
    Ok(caller)
}

/// Most bytes of a key id; ours have 36.
const MAX_KEY_ID_BYTES: usize = 128;

const UNKNOWN_KEY: Refusal = Refusal::AuthorizationFailed("the key is unknown or revoked.");
const OTHER_ACCOUNT: Refusal = Refusal::AuthorizationFailed("the key does not belong to this account.");

async fn by_token(ctx: &Ctx, token: &str) -> Result<Caller, Error> {
    let presented = Presented::parse(token).map_err(refusal)?;
    if presented.key_id.len() > MAX_KEY_ID_BYTES {
        return Err(UNKNOWN_KEY.into());
    }
    let key = ctx.store().service_key(&presented.key_id).await?.ok_or(UNKNOWN_KEY)?;
    let leeway = ctx.config().voximplant.clock_leeway_seconds;
    let claims = presented.prove(&key.public_key, ctx.now().seconds(), leeway).map_err(refusal)?;
    let account = acting_for(ctx, &key, &claims).await?;
    let used = last_use::to_note(ctx, key.used_at, IssuedCredential::ServiceKey(key.id));
    Ok(Caller { account, credential: Credential::Key(key.roles), used })
}

/// The key's own account, or a child account of it that the token names.
async fn acting_for(ctx: &Ctx, key: &ServiceKey, claims: &Claims) -> Result<AccountId, Error> {
    let Some(issuer) = claims.iss else {
        return Ok(key.account);
    };
    let issuer = AccountId::new(issuer).ok_or(OTHER_ACCOUNT)?;
    if issuer == key.account {
        return Ok(issuer);
    }
    let child = accounts::find(ctx.store(), issuer).await?;
    let ours = child.is_some_and(|account| account.parent == Some(key.account));
    if ours { Ok(issuer) } else { Err(OTHER_ACCOUNT.into()) }
}

async fn by_api_key(ctx: &Ctx, inbound: &Inbound, key: &str) -> Result<Caller, Error> {
    let hash = TokenHash::of(key);
    let found = ctx.store().api_key(&hash).await?.ok_or(UNKNOWN_KEY)?;
    if !names(&found, inbound) {
        return Err(OTHER_ACCOUNT.into());
    }
    let used = last_use::to_note(ctx, found.used_at, IssuedCredential::ApiKey(hash));
    Ok(Caller { account: found.account, credential: Credential::ApiKey, used })
}

/// Notes the use of a key.
pub async fn note_use(ctx: &Ctx, caller: &Caller) {
    last_use::note(ctx, caller.used.as_ref()).await;
}

/// The request must name the account, by id, name or e-mail address, and every name it uses must be right.
fn names(key: &ApiKey, inbound: &Inbound) -> bool {
    let params = &inbound.params;
    let checks = [
        params.text("account_id").map(|id| AccountId::parse(id) == Some(key.account)),
        params.text("account_name").map(|name| name == key.account_name),
        params.text("account_email").map(|email| fold(email) == key.account_email),
    ];
    checks.iter().any(Option::is_some) && checks.into_iter().flatten().all(|right| right)
}

fn refusal(error: JwtError) -> Refusal {
    match error {
        JwtError::Malformed => Refusal::InvalidTokenFormat,
        JwtError::Algorithm => Refusal::AuthorizationFailed("the token must be signed with RS256."),
        JwtError::Signature => Refusal::AuthorizationFailed("the token's signature does not belong to its key."),
        JwtError::TooLong => Refusal::InvalidTokenTtl,
        JwtError::Future(seconds) => Refusal::TokenIssuedInFuture(seconds),
        JwtError::Expired(seconds) => Refusal::TokenExpired(seconds),
    }
}
