//! Updates what an account has under keys of an earlier comparison: places in lists, search entries, guards of names
//! (decision E1). Operator work: no method may do this.
//!
//! Every step may be repeated, interrupted and done while the deployment serves. What is right already is only read.

use super::users::{Stored, UserItem, key as user_key};
use super::{accounts, queues, skills};
use crate::ids::{AccountId, PhoneUserId};
use crate::store::read::Partition;
use crate::store::{Attempts, CommitError, Key, Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use crate::voximplant::{Account, PhoneUser};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Updates a user; returns whether anything was written.
pub async fn user(store: &Store, account: AccountId, id: PhoneUserId, now: Timestamp) -> Result<bool, StoreError> {
    let mut attempts = Attempts::default();
    loop {
        let found: Option<UserItem> = store.get(Table::Voximplant, &user_key(account, id)).await?;
        let Some(item) = found else { return Ok(false) };
        let stored = item.clone().into_stored();
        let before = &stored.user;
        let after = PhoneUser { version: before.version.saturating_add(1), ..before.clone() };
        let (marks, change) = stored.marks.after(account, Some(before), &after, now);
        if UserItem::new(account, &Stored { marks: marks.clone(), ..stored.clone() }) == item {
            return Ok(false);
        }
        let mut txn: Txn<()> = Txn::default();
        txn.index(change);
        let after = Stored { user: after, marks, ..stored.clone() };
        let item = Write::put(Table::Voximplant, &UserItem::new(account, &after))?;
        txn.push(item.if_version(before.version).or_stale());
        match store.commit(&txn).await {
            Ok(()) => return Ok(true),
            Err(CommitError::Store(error)) => return Err(error),
            Err(_) => attempts.again().await?,
        }
    }
}

/// A name that two things of an account have and only one may have: the older one keeps it, and both things stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameCollision {
    /// What both are: `skill` or `queue`.
    pub kind: &'static str,
    /// The id of the one whose name is no longer protected by a guard.
    pub id: u64,
    /// The id of the one that keeps the guard.
    pub keeper: u64,
    pub name: String,
}

/// What became of the names of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Guards written or removed.
    pub changed: usize,
    /// Names that two have.
    pub collisions: Vec<NameCollision>,
}

/// Something with a unique name.
struct Named {
    id: u64,
    name: String,
    key: Key,
}

#[derive(Debug, Serialize, Deserialize)]
struct Guard {
    pk: String,
    sk: String,
    id: u64,
}

/// Updates the guards of the names of an account's skills and queues.
pub async fn names(store: &Store, account: AccountId) -> Result<Names, StoreError> {
    let mut names = Names::default();
    // The guards are read first: the owner of a guard is then in the list that is read after it.
    let held = guards(store, account, "SKNAME#").await?;
    let skills = skills::list(store, account).await?.into_iter();
    let skills = skills.map(|skill| Named {
        id: skill.id.get(),
        key: skills::name_key(account, &skill.name),
        name: skill.name.as_str().to_owned(),
    });
    claim(store, "skill", held, skills.collect(), &mut names).await?;
    let held = guards(store, account, "QNAME#").await?;
    let queues = queues::list(store, account).await?.into_iter();
    let queues = queues.map(|queue| Named {
        id: queue.id.get(),
        key: queues::name_key(account, queue.application, &queue.name),
        name: queue.name.as_str().to_owned(),
    });
    claim(store, "queue", held, queues.collect(), &mut names).await?;
    Ok(names)
}

async fn guards(store: &Store, account: AccountId, start: &str) -> Result<HashMap<Key, u64>, StoreError> {
    let pk = accounts::partition(account);
    let partition = Partition::of(Table::Voximplant, &pk).begins_with(start);
    let items = store.all(&partition).await?.into_iter();
    items.map(|item| Ok(serde_dynamo::from_item(item).map(|Guard { pk, sk, id }| (Key::new(pk, sk), id))?)).collect()
}

async fn claim(
    store: &Store,
    kind: &'static str,
    mut held: HashMap<Key, u64>,
    mut candidates: Vec<Named>,
    names: &mut Names,
) -> Result<(), StoreError> {
    candidates.sort_by_key(|one| one.id);
    let mut keepers: HashMap<Key, u64> = HashMap::new();
    for Named { id, name, key } in candidates {
        if let Some(keeper) = keepers.get(&key).copied() {
            names.collisions.push(NameCollision { kind, id, keeper, name });
            continue;
        }
        let seen = held.remove(&key);
        if seen != Some(id) {
            let guard = Guard { pk: key.pk.clone(), sk: key.sk.clone().unwrap_or_default(), id };
            write(store, Write::put(Table::Voximplant, &guard)?, seen).await?;
            names.changed = names.changed.saturating_add(1);
        }
        keepers.insert(key, id);
    }
    for (key, id) in held {
        write(store, Write::delete(Table::Voximplant, key), Some(id)).await?;
        names.changed = names.changed.saturating_add(1);
    }
    Ok(())
}

/// Writes a guard if it is still as it was read. A guard that has changed since is right, or the next run looks at it.
async fn write(store: &Store, guard: Write, seen: Option<u64>) -> Result<(), StoreError> {
    let step = match seen {
        None => guard.if_absent(),
        Some(id) => guard.number(":seen", i64::try_from(id).unwrap_or(i64::MAX)).if_("id = :seen"),
    };
    let mut txn: Txn<()> = Txn::default();
    txn.push(step.or(()));
    match store.commit(&txn).await {
        Err(CommitError::Store(error)) => Err(error),
        _ => Ok(()),
    }
}

/// Two accounts with one e-mail address: the older one keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressCollision {
    /// The account that cannot be found by its address.
    pub account: AccountId,
    /// The account that can be found by it.
    pub keeper: AccountId,
}

/// Whether partitions of this name hold guards of accounts' addresses.
#[must_use]
pub fn is_address_guard(pk: &str) -> bool {
    pk.starts_with(accounts::ADDRESS)
}

/// Updates the guards of all accounts' addresses; `guards` are the partition keys of the guards that exist.
pub async fn addresses(
    store: &Store,
    accounts: &[Account],
    guards: &[String],
) -> Result<(usize, Vec<AddressCollision>), StoreError> {
    let mut changed = 0_usize;
    let mut collisions = Vec::new();
    let mut keepers: BTreeMap<String, AccountId> = BTreeMap::new();
    for account in accounts {
        let key = accounts::address_key(&account.email);
        if let Some(keeper) = keepers.get(&key.pk) {
            collisions.push(AddressCollision { account: account.id, keeper: *keeper });
            continue;
        }
        let seen = accounts::guarded(store, &key).await?;
        if seen != Some(account.id) {
            changed = changed.saturating_add(1);
            // If somebody else has written it meanwhile, the next run looks at it again.
            if let Err(CommitError::Store(error)) = accounts::guard(store, &key, account.id, seen).await {
                return Err(error);
            }
        }
        keepers.insert(key.pk, account.id);
    }
    for pk in guards.iter().filter(|pk| !keepers.contains_key(*pk)) {
        let key = Key::new(pk.clone(), accounts::ADDRESS_SORT);
        // A guard of an account that was created after `accounts` was read stays.
        let owner = accounts::guarded(store, &key).await?;
        if owner.is_some_and(|owner| accounts.iter().any(|account| account.id == owner)) {
            changed = changed.saturating_add(1);
            store.delete(Table::Voximplant, &key).await?;
        }
    }
    Ok((changed, collisions))
}
