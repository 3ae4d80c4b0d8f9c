//! Changing and removing users.

use super::members;
use super::users::{self, NameGuard, Stored, UserItem, key, name_key};
use crate::ids::{AccountId, ApplicationId, PhoneUserId};
use crate::store::auth::{self, PasswordHash};
use crate::store::grants::{Action, AuthItem, Grant};
use crate::store::ledger;
use crate::store::search::IndexChange;
use crate::store::write::Step;
use crate::store::{Attempts, CommitError, Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use crate::voximplant::{AcdStatus, PhoneUser, Refusal};
use std::collections::BTreeMap;

/// What [`edit`] needs.
pub const EDIT: &[Grant] = &[
    Grant::on(Table::Voximplant, Action::PutItem),
    Grant::on(Table::Voximplant, Action::UpdateItem),
    Grant::on(Table::Voximplant, Action::DeleteItem),
    Grant::on(Table::Voximplant, Action::BatchWriteItem),
    Grant::auth(AuthItem::VoximplantPassword, Action::PutItem),
];
/// What [`removal`] needs.
pub const REMOVE: &[Grant] = &[
    Grant::on(Table::Voximplant, Action::PutItem),
    Grant::on(Table::Voximplant, Action::DeleteItem),
    Grant::on(Table::Voximplant, Action::UpdateItem),
    Grant::auth(AuthItem::VoximplantPassword, Action::DeleteItem),
];

/// The description in the journal when a deleted user's money comes back.
pub const DELETED: &str = "User deleted";

/// Actions of a transaction that users may fill; the rest is for the journal, the idempotency key and a promise.
const ROOM: usize = 88;

/// The transaction that turns a stored user into `after`; stale if the user has changed since it was read.
pub fn edit(
    account: AccountId,
    before: &Stored,
    after: &PhoneUser,
    password: Option<&PasswordHash>,
    money: Vec<Step<Refusal>>,
) -> Result<Txn<Refusal>, StoreError> {
    let Stored { user: before, marks, generation } = before;
    let mut txn = Txn::default();
    let (marks, change) = marks.after(account, Some(before), after, after.modified);
    txn.index(change);
    if before.name != after.name {
        let guard = Write::put(Table::Voximplant, &NameGuard::new(account, after))?;
        txn.push(guard.if_absent().or(Refusal::NewUserNameNotUnique));
        txn.push(Write::delete(Table::Voximplant, name_key(account, before.application, &before.name)));
    }
    let stored = Stored { user: after.clone(), marks, generation: *generation };
    let item = Write::put(Table::Voximplant, &UserItem::new(account, &stored))?;
    txn.push(item.if_version(before.version).or_stale());
    if let Some(password) = password {
        txn.push(auth::put_voximplant_password(account, after.id, password)?);
    }
    for step in money {
        txn.push(step);
    }
    Ok(txn)
}

/// Sets a user's state in call distribution; `false` if there is no such user. Operator work: no method may do this.
pub async fn set_acd_status(
    store: &Store,
    account: AccountId,
    user: PhoneUserId,
    status: AcdStatus,
    now: Timestamp,
) -> Result<bool, CommitError<Refusal>> {
    let mut attempts = Attempts::default();
    loop {
        let Some(before) = users::find(store, account, user).await? else { return Ok(false) };
        let after = PhoneUser {
            acd_status: status,
            acd_status_change_time: Some(now),
            version: before.user.version.saturating_add(1),
            ..before.user.clone()
        };
        match store.commit(&edit(account, &before, &after, None, Vec::new())?).await {
            Err(CommitError::Stale) => attempts.again().await?,
            done => return done.map(|()| true),
        }
    }
}

/// The transaction that deletes these users everywhere at once: the users, their names, passwords, skills and queues,
/// and their places in the counters. It notes their search entries for a later removal. Stale if a user has changed
/// since it was read.
#[must_use]
pub fn removal(account: AccountId, users: &[Stored], money: Vec<Step<Refusal>>, now: Timestamp) -> Txn<Refusal> {
    let mut txn = Txn::default();
    let texts = users.iter().flat_map(|stored| stored.marks.stamped_texts(account, &stored.user)).collect();
    txn.index(IndexChange::gone(Table::Voximplant, account.padded(), now, texts));
    let mut gone: BTreeMap<ApplicationId, i64> = BTreeMap::new();
    for Stored { user, .. } in users {
        let item = Write::delete(Table::Voximplant, key(account, user.id));
        txn.push(item.if_version(user.version).or_stale());
        txn.push(Write::delete(Table::Voximplant, name_key(account, user.application, &user.name)));
        txn.push(auth::delete_voximplant_password(account, user.id));
        for write in members::removal(account, user) {
            txn.push(write);
        }
        let count = gone.entry(user.application).or_default();
        *count = count.saturating_add(1);
    }
    for (application, count) in gone {
        txn.push(users::gone(account, application, count));
    }
    for step in money {
        txn.push(step);
    }
    txn
}

/// How many of these users, from the first, one transaction can remove; 0 if the first alone has too many memberships.
#[must_use]
pub fn removable(users: &[Stored]) -> usize {
    let cost = |user: &PhoneUser| {
        // Its balance and its line on the statement.
        let money = if user.parent_accounting { 0 } else { 2 };
        // The user, its name, its password, and at most a counter of its own application.
        members::groups(user).len().saturating_add(money).saturating_add(4)
    };
    let sums = users.iter().scan(0_usize, |sum, user| {
        *sum = sum.saturating_add(cost(&user.user));
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= ROOM).count()
}

/// The writes that bring the money of these users back to the account, with a journal entry (decision D10). They belong
/// into the transaction that removes the users or ends their separate balances.
pub async fn money_back(
    store: &Store,
    account: AccountId,
    users: &[Stored],
    description: &str,
    now: Timestamp,
) -> Result<Vec<Step<Refusal>>, StoreError> {
    let payers = users.iter().map(|stored| &stored.user).filter(|user| !user.parent_accounting);
    let payers: Vec<PhoneUserId> = payers.map(|user| user.id).collect();
    ledger::return_steps(store, account, &payers, description, now).await
}
