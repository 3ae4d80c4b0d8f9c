//! The `ledger` table: balances and the journal. Money only ever moves between balances.

pub mod audit;
pub mod bulk;
pub mod credit;
pub mod history;
pub mod numbering;
pub mod operation;
mod tally;
pub mod transfer;
pub mod watch;

mod items;

use super::grants::{Action, Grant};
use super::write::Step;
use super::{Key, Store, StoreError, Table};
use crate::ids::{AccountId, PhoneUserId};
use crate::ledger::{Money, Party, Posting};
use crate::timestamp::Timestamp;
use items::{Head, LineNumbers, read_balances};
use serde::Deserialize;
use std::collections::{BTreeSet, HashMap};

/// What [`user_balances`] needs.
pub const USER_BALANCES: &[Grant] = &[Grant::on(Table::Ledger, Action::BatchGetItem)];
/// What [`return_steps`] needs, its steps included.
pub const RETURN: &[Grant] = &[
    Grant::on(Table::Ledger, Action::GetItem),
    Grant::on(Table::Ledger, Action::BatchGetItem),
    Grant::on(Table::Ledger, Action::PutItem),
    Grant::on(Table::Ledger, Action::UpdateItem),
];

/// The account's own balance.
pub async fn balance(store: &Store, account: AccountId) -> Result<Money, StoreError> {
    Ok(Head::read(store, account).await?.balance())
}

/// What an account's balance is read from, by those who read it together with other items.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(in crate::store) struct BalanceItem {
    /// Ten-thousandths of the account's currency.
    units: i64,
}

impl BalanceItem {
    pub(in crate::store) fn balance(self) -> Money {
        Money::from_units(self.units)
    }
}

/// The key of an account's [`BalanceItem`]; an account that never had money has none.
pub(in crate::store) fn balance_key(account: AccountId) -> Key {
    items::account_key(account)
}

/// The balances of these users; a user that never had money of its own is not in the map.
pub async fn user_balances(
    store: &Store,
    account: AccountId,
    users: &[PhoneUserId],
) -> Result<HashMap<PhoneUserId, Money>, StoreError> {
    let balances = read_balances(store, account, users).await?.into_iter();
    Ok(balances
        .filter(|(_, balance)| balance.version > 0)
        .map(|(user, balance)| (user, Money::from_units(balance.units)))
        .collect())
}

/// The steps that close users' balances and return their money to the account (decision D10), for the transaction that
/// deletes the users or sets them to `parent_accounting=true`. `users` are those with a balance of their own.
///
/// Each user takes one step, even without money: it makes a transfer stale that has already read the user, so that no
/// money arrives after the closing. Each user with money takes one more step, and the account takes two. All steps are
/// conditional on what was read here; if they are stale, call this again. The entry is dated at this call, and never
/// before `now`, the caller's moment.
pub async fn return_steps<R>(
    store: &Store,
    account: AccountId,
    users: &[PhoneUserId],
    description: &str,
    now: Timestamp,
) -> Result<Vec<Step<R>>, StoreError> {
    let users: Vec<PhoneUserId> = users.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let (head, balances) = futures_util::try_join!(Head::read(store, account), read_balances(store, account, &users))?;
    let mut steps = Vec::with_capacity(users.len());
    let mut postings = Vec::new();
    for (user, balance) in users.iter().filter_map(|user| balances.get_key_value(user)) {
        steps.push(balance.closing()?);
        let left = Money::from_units(balance.units);
        let posting = Posting::new(Party::User(*user), Party::Account(account), left, description);
        postings.extend(posting.map(|posting| posting.with_user_description(description)));
    }
    if !postings.is_empty() {
        let numbers = LineNumbers::of_users(store, postings.len()).await?;
        let appended = head.append(account, postings, None, numbers, now.max(store.now()))?;
        let appended = appended.ok_or_else(|| StoreError::Refused("the balance would be out of range".into()))?;
        steps.extend(appended.steps()?);
        steps.extend(appended.journal.lines()?);
    }
    Ok(steps)
}
