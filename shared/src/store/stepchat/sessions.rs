//! Sessions of users: each an item of the `auth` table, under the hash of its text, and a pointer in its user's
//! partition, by which a purge finds it.
//!
//! A session counts only while its user is in the epoch in which it began. A new password or another type begins a new
//! epoch, so all sessions end inside that very transaction, however many there are (docs/adr/0011).

use super::items::{ProfileItem, active_key, partition, profile_key};
use super::people;
use super::users::Stored;
use crate::ids::UserId;
use crate::stepchat::{Refusal, User, UserType};
use crate::store::auth::{self, PasswordHash, TokenHash};
use crate::store::grants::{Action, AuthItem, Grant};
use crate::store::write::Step;
use crate::store::{Attempts, CommitError, Key, Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use futures_util::try_join;
use serde::{Deserialize, Serialize};

/// What [`credentials`] needs.
pub const CREDENTIALS: &[Grant] =
    &[Grant::on(Table::Stepchat, Action::GetItem), Grant::auth(AuthItem::StepchatPassword, Action::GetItem)];
/// What [`begin`] needs.
pub const BEGIN: &[Grant] = &[
    Grant::auth(AuthItem::Session, Action::PutItem),
    Grant::auth(AuthItem::StepchatPassword, Action::ConditionCheckItem),
    Grant::auth(AuthItem::StepchatPassword, Action::PutItem),
    Grant::on(Table::Stepchat, Action::PutItem),
    Grant::on(Table::Stepchat, Action::UpdateItem),
    Grant::on(Table::Stepchat, Action::ConditionCheckItem),
];
/// What [`find`] and [`end`] need.
pub const END: &[Grant] = &[
    Grant::auth(AuthItem::Session, Action::GetItem),
    Grant::auth(AuthItem::Session, Action::DeleteItem),
    Grant::on(Table::Stepchat, Action::DeleteItem),
];
/// What [`renewal`] needs besides the change of the user.
pub const RENEW: &[Grant] = &[
    Grant::auth(AuthItem::Session, Action::GetItem),
    Grant::auth(AuthItem::Session, Action::PutItem),
    Grant::auth(AuthItem::Session, Action::DeleteItem),
    Grant::on(Table::Stepchat, Action::PutItem),
    Grant::on(Table::Stepchat, Action::DeleteItem),
];

/// The condition for moving the last activity on where a session begins: [`people::MOVES_ON`], and the same epoch.
const MOVES_ON_IN_EPOCH: &str = "attribute_exists(pk) AND (active < :now OR active > :possible) \
                                 AND (attribute_not_exists(se) OR se = :epoch)";

/// Pointers to sessions, in the partition of their user.
pub(super) const POINTERS: &str = "S#";
/// How much longer than its session a pointer is kept: no time to live is punctual, and a session whose pointer has
/// gone would outlive the purge of its user.
const POINTER_GRACE_SECONDS: i64 = 7 * 24 * 60 * 60;

#[derive(Debug, Serialize, Deserialize)]
struct SessionItem {
    pk: String,
    uid: UserId,
    epoch: u32,
    /// From this moment on it no longer counts: readers compare it, and time to live only removes the item later.
    until: Timestamp,
    /// Seconds since the epoch, for the table's time to live.
    expires: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct PointerItem {
    pk: String,
    sk: String,
    expires: i64,
}

fn session_key(hash: &TokenHash) -> Key {
    AuthItem::Session.key(hash.as_str())
}

fn pointer_key(user: UserId, hash: &TokenHash) -> Key {
    Key::new(partition(user), format!("{POINTERS}{}", hash.as_str()))
}

/// The session behind a pointer with this sort key.
pub(super) fn behind(sort: &str) -> Option<Key> {
    sort.strip_prefix(POINTERS).map(|hash| AuthItem::Session.key(hash))
}

/// A session that has not expired. Whether it is of its user's present epoch, only the user tells: [`Session::is_of`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose it is.
    pub user: UserId,
    hash: TokenHash,
    epoch: u32,
}

impl Session {
    /// Whether it is one of this user's, from the present epoch.
    #[must_use]
    pub fn is_of(&self, stored: &Stored) -> bool {
        self.user == stored.user.id && self.epoch == stored.epoch()
    }
}

/// A session to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Hash of its text.
    pub hash: TokenHash,
    /// When it ends.
    pub until: Timestamp,
}

impl NewSession {
    fn push<R: Clone>(&self, txn: &mut Txn<R>, user: UserId, epoch: u32) -> Result<(), StoreError> {
        let (Key { pk, .. }, expires) = (session_key(&self.hash), self.until.seconds().saturating_add(1));
        txn.push(Write::put(Table::Auth, &SessionItem { pk, uid: user, epoch, until: self.until, expires })?);
        let (Key { pk, sk }, expires) = (pointer_key(user, &self.hash), expires.saturating_add(POINTER_GRACE_SECONDS));
        txn.push(Write::put(Table::Stepchat, &PointerItem { pk, sk: sk.unwrap_or_default(), expires })?);
        Ok(())
    }
}

/// The session under this hash, unless it has ended.
pub async fn find(store: &Store, hash: &TokenHash, now: Timestamp) -> Result<Option<Session>, StoreError> {
    let item: Option<SessionItem> = store.get(Table::Auth, &session_key(hash)).await?;
    let item = item.filter(|item| item.until > now);
    Ok(item.map(|item| Session { user: item.uid, hash: hash.clone(), epoch: item.epoch }))
}

/// Ends the session under this hash, if there is one.
pub async fn end(store: &Store, hash: &TokenHash) -> Result<(), StoreError> {
    let Some(item) = store.get::<SessionItem>(Table::Auth, &session_key(hash)).await? else {
        return Ok(());
    };
    let mut txn: Txn<()> = Txn::default();
    txn.push(Write::delete(Table::Auth, session_key(hash)));
    txn.push(Write::delete(Table::Stepchat, pointer_key(item.uid, hash)));
    match store.commit(&txn).await {
        Err(CommitError::Store(error)) => Err(error),
        // No step of the transaction has a condition.
        _ => Ok(()),
    }
}

/// What a login is verified against.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub user: User,
    /// The password, if one was ever set.
    pub password: Option<PasswordHash>,
    epoch: u32,
}

impl Credentials {
    /// The step that is refused if the password is no longer the one that was read: it was not read at the same moment
    /// as the epoch, and both change together. With `renewed`, the step also stores this hash of the same password.
    fn password_holds(&self, renewed: Option<&PasswordHash>) -> Result<Option<Step<()>>, StoreError> {
        let Some(read) = &self.password else { return Ok(None) };
        let id = self.user.id;
        let step = match renewed {
            Some(renewed) => auth::renew_stepchat_password(id, read, renewed)?,
            None => auth::check_stepchat_password(id, read),
        };
        Ok(Some(step.or(())))
    }
}

/// Reads what a login of this user is verified against. The bot cannot log in.
pub async fn credentials(store: &Store, id: UserId) -> Result<Option<Credentials>, StoreError> {
    let (profile, password) = try_join!(profile(store, id), store.stepchat_password(id))?;
    let found = profile.map(|(user, epoch)| Credentials { user, password, epoch });
    Ok(found.filter(|found| found.user.user_type != UserType::Bot))
}

async fn profile(store: &Store, id: UserId) -> Result<Option<(User, u32)>, StoreError> {
    let item: Option<ProfileItem> = store.get(Table::Stepchat, &profile_key(id)).await?;
    Ok(item.map(|item| (item.owned.epoch, item.into_user())).map(|(epoch, user)| (user, epoch)))
}

/// Begins a session of a user whose credentials were right, and moves the user's last activity on; `false` if the user
/// has gone or a new epoch has begun since the credentials were read. `renewed` is another hash of the same password:
/// it replaces the one that was read.
pub async fn begin(
    store: &Store,
    credentials: &Credentials,
    renewed: Option<&PasswordHash>,
    session: &NewSession,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (mut user, epoch) = (credentials.user.clone(), credentials.epoch);
    let mut attempts = Attempts::default();
    loop {
        let mut txn = beginning(&user, epoch, session, now)?;
        if let Some(step) = credentials.password_holds(renewed)? {
            txn.push(step);
        }
        match store.commit(&txn).await {
            Ok(()) => return Ok(true),
            Err(CommitError::Store(error)) => return Err(error),
            // The password has changed: the credentials are no longer right.
            Err(CommitError::Refused(())) => return Ok(false),
            Err(CommitError::Stale | CommitError::AlreadyAnswered) => attempts.again().await?,
        }
        match profile(store, user.id).await? {
            Some((found, same)) if same == epoch => user = found,
            _ => return Ok(false),
        }
    }
}

fn beginning(user: &User, epoch: u32, session: &NewSession, now: Timestamp) -> Result<Txn<()>, StoreError> {
    let mut txn = Txn::default();
    let key = profile_key(user.id);
    let step = if people::moves_on(user, now) {
        let update = Write::update(Table::Stepchat, key, "SET active = :now, s_active = :order")
            .number(":now", now.millis())
            .number(":possible", people::possible(now))
            .text(":order", active_key(user, now))
            .number(":epoch", epoch.into());
        update.if_(MOVES_ON_IN_EPOCH)
    } else {
        let check = Write::check(Table::Stepchat, key).number(":epoch", epoch.into());
        check.if_("attribute_exists(pk) AND (attribute_not_exists(se) OR se = :epoch)")
    };
    txn.push(step.or_stale());
    session.push(&mut txn, user.id, epoch)?;
    Ok(txn)
}

/// Adds to the change of a user that `old` ends and `new` begins; stale if `old` has ended meanwhile. `epoch` is the
/// user's after the change: [`super::users::epoch_after`].
pub fn renewal(
    txn: &mut Txn<Refusal>,
    user: UserId,
    epoch: u32,
    old: Option<&Session>,
    new: &NewSession,
) -> Result<(), StoreError> {
    if let Some(old) = old {
        txn.push(Write::delete(Table::Auth, session_key(&old.hash)).if_exists().or_stale());
        txn.push(Write::delete(Table::Stepchat, pointer_key(old.user, &old.hash)));
    }
    new.push(txn, user, epoch)
}
