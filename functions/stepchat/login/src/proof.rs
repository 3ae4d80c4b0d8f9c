//! The two ways to log in: e-mail address and password, or id and token.

use super::Request;
use shared::auth::stepchat::{Admin, right_password};
use shared::crypto::{Secret, hash_password, is_foreign};
use shared::ids::UserId;
use shared::prelude::*;
use shared::stepchat::{Account, Email};
use shared::store::auth::PasswordHash;
use shared::store::stepchat::lockouts::{self, Counter, Seen};
use shared::store::stepchat::sessions::{self, Credentials};
use shared::store::stepchat::users;
use shared::store::{Attempts, CommitError, StoreError};
use shared::text::fold;
use shared::wire::stepchat::{Error, Text};

/// The largest id there can be, which the sequence never reaches.
const NOBODY: u64 = 999_999_999_999;

/// The credentials that a login presents. Only this type decides whether they are right.
pub(crate) enum Proof {
    Password(String, Secret),
    Token(UserId, Secret),
}

impl Proof {
    /// `None` if the call names no user or presents no credentials.
    pub(crate) fn of(request: Request, caller: &Admin) -> Option<Self> {
        let Request { email, password, user_id, user_token, login_token, .. } = request;
        if let Some(email) = email.non_blank().filter(|_| !password.as_str().is_empty()) {
            return Some(Self::Password(email.to_owned(), Secret::new(password.as_str())));
        }
        let own = [&user_token, &login_token].into_iter().find_map(Text::non_blank).map(Secret::new);
        Some(Self::Token(user_id?.0?, own.or_else(|| caller.user_token().cloned())?))
    }

    pub(crate) fn account(&self) -> Account {
        match self {
            Self::Password(email, _) => Account::Email(fold(email)),
            Self::Token(id, _) => Account::User(*id),
        }
    }

    /// Counts the login attempt, unless none is left, and reads the credentials to compare it with.
    pub(crate) async fn registered(
        &self,
        ctx: &Ctx,
        counters: &[Counter],
    ) -> Result<(Option<Seen>, Option<Credentials>), Error> {
        let (store, now) = (ctx.store(), ctx.now());
        let mut attempts = Attempts::default();
        loop {
            let (seen, id) = try_join!(lockouts::read(store, counters, now), self.user(ctx))?;
            let registered = async { Ok::<_, StoreError>(lockouts::register(store, counters, &seen, now).await) };
            // If no user is found, an id that no user has is looked up, so that it takes as long.
            let found = async {
                match id.or(UserId::new(NOBODY)) {
                    Some(id) => sessions::credentials(store, id).await,
                    None => Ok(None),
                }
            };
            match try_join!(registered, found)? {
                (Err(CommitError::Stale), _) => attempts.again().await?,
                (registered, found) => return Ok((registered?, found)),
            }
        }
    }

    async fn user(&self, ctx: &Ctx) -> Result<Option<UserId>, StoreError> {
        match self {
            Self::Token(id, _) => Ok(Some(*id)),
            Self::Password(email, _) => match Email::parse(email) {
                Ok(email) => users::id_by_email(ctx.store(), &email).await,
                Err(_) => Ok(None),
            },
        }
    }

    /// The password as a hash of our own, if the stored hash comes from another system.
    pub(crate) async fn renewed(&self, found: &Credentials) -> Result<Option<PasswordHash>, Error> {
        match (self, &found.password) {
            (Self::Password(_, password), Some(hash)) if is_foreign(hash) => {
                Ok(Some(hash_password(password.clone()).await?))
            }
            _ => Ok(None),
        }
    }

    /// Whether these are the user's credentials. Without a user it takes as long to find out.
    pub(crate) async fn is_right(&self, ctx: &Ctx, found: Option<&Credentials>) -> Result<bool, Error> {
        match self {
            Self::Password(_, password) => {
                right_password(password, found.and_then(|found| found.password.clone())).await
            }
            Self::Token(_, token) => {
                Ok(found.is_some_and(|found| token.equals(&ctx.tokens().of(found.user.id, found.user.token_version))))
            }
        }
    }
}
