//! Users around conversations: who they are, and that they are active.

use super::items::{ProfileItem, active_key, profile_key};
use crate::ids::UserId;
use crate::limits::ACTIVITY_SECONDS;
use crate::stepchat::{Refusal, User, UserType};
use crate::store::grants::{Action, Grant};
use crate::store::txn::Step;
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

/// Makes sure, inside a transaction, that the user still exists, and moves its last activity on: never back, and not
/// more often than every few seconds. Stale if the user has gone or moved on by itself.
pub(super) fn active(user: &User, now: Timestamp) -> Step<Refusal> {
    if now.seconds().saturating_sub(user.last_activity.seconds()) < ACTIVITY_SECONDS {
        return existing(user.id).or_stale();
    }
    // No index shows the bot.
    let write = if user.user_type == UserType::Bot {
        Write::update(Table::Stepchat, profile_key(user.id), "SET active = :now")
    } else {
        Write::update(Table::Stepchat, profile_key(user.id), "SET active = :now, s_active = :order")
            .text(":order", active_key(user.id, now))
    };
    write.number(":now", now.millis()).if_("attribute_exists(pk) AND active < :now").or_stale()
}

/// Requires that a user exists.
pub(super) fn existing(id: UserId) -> crate::store::txn::Conditional {
    Write::check_exists(Table::Stepchat, profile_key(id))
}
