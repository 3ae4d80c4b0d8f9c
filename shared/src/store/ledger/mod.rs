//! The `ledger` table: balances and the journal. Money only ever moves between balances.

pub mod audit;
pub mod bulk;
pub mod history;
pub mod numbering;
pub mod operation;
mod tally;
pub mod transfer;
pub mod watch;

mod items;

use super::grants::{Action, Grant};
use super::txn::Step;
use super::voximplant::payees;
use super::{Attempts, CommitError, Key, Store, StoreError, Table, Txn, Write};
use crate::ids::{AccountId, PhoneUserId};
use crate::ledger::{Money, Party, Posting};
use crate::timestamp::Timestamp;
use items::{Head, LineNumbers, UserBalance, read_balances};
use serde::{Deserialize, Serialize};
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

/// Why money cannot be credited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CreditRefusal {
    /// The amount is zero or negative.
    #[error("the amount must be positive")]
    NotPositive,
    /// The balance would leave the range that can be held.
    #[error("the balance would be out of range")]
    OutOfRange,
    /// The name was used before for another amount.
    #[error("{0} has been credited under this name before; say another name for another credit")]
    CreditedBefore(Money),
    /// The user that the money is for does not exist, or its calls are paid from the account.
    #[error("the user is not there, or has no balance of its own")]
    NoBalance,
}

/// Moves money from the world to an account, once per `name`: asking again with the same name and
/// amount changes nothing.
/// Operator work: no method may do this.
pub async fn credit(
    store: &Store,
    account: AccountId,
    amount: Money,
    name: &str,
) -> Result<Money, CommitError<CreditRefusal>> {
    credit_for(store, account, None, amount, name).await
}

/// The same. If a user is named, the money goes on to that user's own balance, in the same journal entry.
pub async fn credit_for(
    store: &Store,
    account: AccountId,
    user: Option<PhoneUserId>,
    amount: Money,
    name: &str,
) -> Result<Money, CommitError<CreditRefusal>> {
    let refused = |refusal| CommitError::Refused(refusal);
    let own = Party::Account(account);
    let posting = Posting::new(Party::World, own, amount, name);
    let posting = posting.ok_or(refused(CreditRefusal::NotPositive))?;
    let onward = user.and_then(|user| Posting::new(own, Party::User(user), amount, name));
    let postings: Vec<Posting> = [Some(posting.clone()), onward.map(|onward| onward.with_user_description(name))]
        .into_iter()
        .flatten()
        .collect();
    let lines = postings.iter().map(Posting::lines).sum();
    let operation = Key::new(format!("A#{}#O", account.padded()), super::keys::sha256_hex(name.as_bytes()));
    let mut attempts = Attempts::default();
    loop {
        let head = Head::read(store, account).await?;
        let receiver = match user {
            Some(user) => Some(receiver(store, account, user, posting.units).await?),
            None => None,
        };
        let numbers = LineNumbers::take(store, lines).await?;
        let appended = head.append(account, postings.clone(), None, numbers, store.now())?;
        let appended = appended.ok_or(refused(CreditRefusal::OutOfRange))?;
        let Key { pk, sk } = operation.clone();
        let number = appended.journal.entry.number;
        let done = CreditRecord { pk, sk: sk.unwrap_or_default(), number, units: posting.units };
        let mut txn = Txn::default();
        txn.push(Write::put(Table::Ledger, &done)?.if_absent().or_already_answered());
        for step in appended.steps()?.into_iter().chain(appended.journal.lines()?) {
            txn.push(step);
        }
        if let Some(receiver) = receiver {
            txn.push(receiver.step()?);
        }
        let world = Write::update(Table::Ledger, items::world_key(account), "ADD units :less");
        txn.push(world.number(":less", posting.units.saturating_neg()));
        match store.commit(&txn).await {
            Ok(()) => return Ok(appended.head.balance()),
            Err(CommitError::Stale) => attempts.again().await?,
            Err(CommitError::AlreadyAnswered) => {
                let before: Option<CreditRecord> = store.get(Table::Ledger, &operation).await?;
                return match before.filter(|before| before.units != posting.units) {
                    Some(before) => Err(refused(CreditRefusal::CreditedBefore(Money::from_units(before.units)))),
                    None => Ok(balance(store, account).await?),
                };
            }
            Err(other) => return Err(other),
        }
    }
}

/// The user's own balance after it has received `units`.
async fn receiver(
    store: &Store,
    account: AccountId,
    user: PhoneUserId,
    units: i64,
) -> Result<UserBalance, CommitError<CreditRefusal>> {
    // The balance is read first: if the user is closed in between, the balance has another version at the commit.
    let balance = read_balances(store, account, &[user]).await?.remove(&user);
    let payee = payees::by_ids(store, account, &[user]).await?.remove(&user);
    let balance = balance.filter(|_| payee.is_some_and(|payee| payee.own_balance));
    let balance = balance.ok_or(CommitError::Refused(CreditRefusal::NoBalance))?;
    balance.moved(units).ok_or(CommitError::Refused(CreditRefusal::OutOfRange))
}

/// The record of a credit: in which journal entry, and of how much.
#[derive(Debug, Serialize, Deserialize)]
struct CreditRecord {
    pk: String,
    sk: String,
    number: u64,
    units: i64,
}
