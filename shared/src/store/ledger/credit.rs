//! Credits: money that comes from outside, by the operator.

use super::items::{Head, LineNumbers, UserBalance, read_balances, world_key};
use super::operation;
use crate::ids::{AccountId, PhoneUserId};
use crate::ledger::{Money, Party, Posting};
use crate::store::keys::sha256_hex;
use crate::store::voximplant::payees;
use crate::store::{Attempts, CommitError, Key, Store, Table, Txn, Write};
use serde::{Deserialize, Serialize};

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

/// Moves money from the world to an account, once per `name`: the same name and amount again change nothing. Returns the
/// account's balance. Operator work: no method may do this.
pub async fn credit(
    store: &Store,
    account: AccountId,
    amount: Money,
    name: &str,
) -> Result<Money, CommitError<CreditRefusal>> {
    credit_for(store, account, None, amount, name).await
}

/// As [`credit`]; if a user is named, the same journal entry moves the money on to that user's own balance. `name` must be
/// of this user alone: a credit that was made under it is not made again for another user.
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
    let operation = operation::key(account, &sha256_hex(name.as_bytes()));
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
        let world = Write::update(Table::Ledger, world_key(account), "ADD units :less");
        txn.push(world.number(":less", posting.units.saturating_neg()));
        match store.commit(&txn).await {
            Ok(()) => return Ok(appended.head.balance()),
            Err(CommitError::Stale) => attempts.again().await?,
            Err(CommitError::AlreadyAnswered) => {
                let before: Option<CreditRecord> = store.get(Table::Ledger, &operation).await?;
                return match before.filter(|before| before.units != posting.units) {
                    Some(before) => Err(refused(CreditRefusal::CreditedBefore(Money::from_units(before.units)))),
                    None => Ok(super::balance(store, account).await?),
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
