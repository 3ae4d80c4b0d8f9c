//! Users around conversations: who they are, and that they are active.

use super::items::{ProfileItem, active_key, profile_key};
use crate::ids::UserId;
use crate::limits::{ACTIVITY_SECONDS, CLOCKS_APART_MILLIS};
use crate::stepchat::{Refusal, User, UserType};
use crate::store::grants::{Action, Grant};
use crate::store::write::Step;
use crate::store::{Key, Store, StoreError, Table, Write};
use crate::timestamp::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What [`find`] needs.
pub const FIND: &[Grant] = &[Grant::on(Table::Stepchat, Action::BatchGetItem)];

/// Users by id.
pub type People = BTreeMap<UserId, User>;

/// Those of these users that exist.
pub async fn find(store: &Store, ids: BTreeSet<UserId>) -> Result<People, StoreError> {
    let keys: Vec<Key> = ids.into_iter().map(profile_key).collect();
    let items = store.batch_get(Table::Stepchat, &keys).await?.into_iter();
    items
        .map(|item| {
            let user = serde_dynamo::from_item::<_, ProfileItem>(item)?.into_user();
            Ok((user.id, user))
        })
        .collect()
}

/// The condition for moving a user's last activity: never back, except from a moment in the future, which a wrong clock
/// wrote.
pub(super) const MOVES_ON: &str = "attribute_exists(pk) AND (active < :now OR active > :possible)";

/// Whether a user's last activity is due to be moved on: not more often than every few seconds.
pub(super) fn moves_on(user: &User, now: Timestamp) -> bool {
    now.seconds().saturating_sub(user.last_activity.seconds()) >= ACTIVITY_SECONDS
        || !user.last_activity.is_possible(now)
}

/// The last moment that a correct clock may have written by now, in milliseconds.
pub(super) fn possible(now: Timestamp) -> i64 {
    now.plus_millis(CLOCKS_APART_MILLIS).millis()
}

/// Makes sure, inside a transaction, that the user still exists, and moves its last activity on. Stale if the user has
/// gone, or if its last activity has been moved on meanwhile.
pub(super) fn active(user: &User, now: Timestamp) -> Step<Refusal> {
    if !moves_on(user, now) {
        return existing(user.id).or_stale();
    }
    // No index shows the bot.
    let write = if user.user_type == UserType::Bot {
        Write::update(Table::Stepchat, profile_key(user.id), "SET active = :now")
    } else {
        Write::update(Table::Stepchat, profile_key(user.id), "SET active = :now, s_active = :order")
            .text(":order", active_key(user, now))
    };
    write.number(":now", now.millis()).number(":possible", possible(now)).if_(MOVES_ON).or_stale()
}

/// Requires that a user exists.
pub(super) fn existing(id: UserId) -> crate::store::write::Conditional {
    Write::check_exists(Table::Stepchat, profile_key(id))
}
