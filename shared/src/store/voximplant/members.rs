//! Which users have a skill or serve a queue: one item for each in the user's partition, indexed by the skill or queue.

use super::users::{self, Stored, UserItem};
use crate::ids::{AccountId, PhoneUserId, QueueId, SkillId};
use crate::limits::MAX_PARALLEL;
use crate::store::grants::Grant;
use crate::store::read::{Partition, text};
use crate::store::write::Step;
use crate::store::{Key, Store, StoreError, Table, Write};
use crate::voximplant::{PhoneUser, Refusal};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use std::collections::HashSet;

/// What [`of`] and [`counts`] need.
pub const OF: &[Grant] = &[Grant::query(Table::Voximplant, "by_member")];
/// What users are members of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// They have this skill.
    Skill(SkillId),
    /// They serve this queue.
    Queue(QueueId),
}

impl Group {
    fn sort_key(self) -> String {
        match self {
            Self::Skill(skill) => format!("SK#{}", skill.padded()),
            Self::Queue(queue) => format!("Q#{}", queue.padded()),
        }
    }

    fn partition(self, account: AccountId) -> String {
        format!("{}#{}", account.padded(), self.sort_key())
    }
}

#[derive(Debug, Serialize)]
struct MemberItem {
    pk: String,
    sk: String,
    mp: String,
    ms: String,
}

fn key(account: AccountId, user: PhoneUserId, group: Group) -> Key {
    Key::new(users::key(account, user).pk, group.sort_key())
}

fn put(account: AccountId, user: PhoneUserId, group: Group) -> Result<Write, StoreError> {
    let Key { pk, sk } = key(account, user, group);
    let item = MemberItem { pk, sk: sk.unwrap_or_default(), mp: group.partition(account), ms: user.padded() };
    Write::put(Table::Voximplant, &item)
}

/// Everything a user is a member of.
pub(super) fn groups(user: &PhoneUser) -> HashSet<Group> {
    let skills = user.skills.iter().map(|skill| Group::Skill(*skill));
    skills.chain(user.queues.iter().map(|link| Group::Queue(link.queue))).collect()
}

/// The writes that take a user out of all skills and queues.
pub(super) fn removal(account: AccountId, user: &PhoneUser) -> impl Iterator<Item = Write> {
    let keys: Vec<Key> = groups(user).into_iter().map(|group| key(account, user.id, group)).collect();
    keys.into_iter().map(|key| Write::delete(Table::Voximplant, key))
}

/// The writes that store a user whose skills or queues have changed; stale if the user has changed since.
pub(super) fn change(account: AccountId, before: &Stored, after: &PhoneUser) -> Result<Vec<Step<Refusal>>, StoreError> {
    let stored = Stored { user: after.clone(), ..before.clone() };
    let before = &before.user;
    let item = Write::put(Table::Voximplant, &UserItem::new(account, &stored))?;
    let mut steps = vec![item.if_version(before.version).or_stale()];
    let (old, new) = (groups(before), groups(after));
    for group in new.difference(&old) {
        steps.push(put(account, after.id, *group)?.into());
    }
    for group in old.difference(&new) {
        steps.push(Write::delete(Table::Voximplant, key(account, after.id, *group)).into());
    }
    Ok(steps)
}

/// The users of an account that are members of a group.
pub async fn of(store: &Store, account: AccountId, group: Group) -> Result<HashSet<PhoneUserId>, StoreError> {
    let pk = group.partition(account);
    let partition = Partition::of(Table::Voximplant, &pk).index(("by_member", "mp", "ms"));
    let entries = store.all(&partition).await?.into_iter();
    let ids = entries.map(|entry| {
        let id = text(&entry, "ms").and_then(|padded| PhoneUserId::parse(padded.trim_start_matches('0')));
        id.ok_or_else(|| StoreError::Corrupt(pk.clone()))
    });
    ids.collect()
}

/// How many members each of these groups has.
pub async fn counts(store: &Store, account: AccountId, groups: &[Group]) -> Result<Vec<usize>, StoreError> {
    // Owned before they are streamed: a borrowing closure here would not be `Send` for every lifetime.
    let counts: Vec<_> = groups.iter().map(|group| of(store, account, *group)).collect();
    stream::iter(counts).buffered(MAX_PARALLEL).map_ok(|members| members.len()).try_collect().await
}
