//! The `ledger` table: balances and the journal. Money only ever moves between balances.

use super::grants::{Action, Grant};
use super::{Attempts, CommitError, Key, Store, StoreError, Table, Txn, Write};
use crate::ids::{AccountId, PhoneUserId};
use crate::ledger::{Entry, EntryHash, Money, Party, Posting};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What [`balance`] needs.
pub const BALANCE: &[Grant] = &[Grant::on(Table::Ledger, Action::GetItem)];
/// What [`user_balances`] needs.
pub const USER_BALANCES: &[Grant] = &[Grant::on(Table::Ledger, Action::BatchGetItem)];

fn account_key(account: AccountId) -> Key {
    Key::new(format!("A#{}", account.padded()), "B")
}

fn user_key(account: AccountId, user: PhoneUserId) -> Key {
    Key::new(format!("A#{}#U#{}", account.padded(), user.padded()), "B")
}

/// The world's side of an account, kept per account so that credits of two accounts never wait for each other.
fn world_key(account: AccountId) -> Key {
    Key::new(format!("A#{}#W", account.padded()), "B")
}

/// An account's balance and the head of its journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Head {
    pk: String,
    sk: String,
    /// Ten-thousandths of the account's currency.
    units: i64,
    /// The number of the last journal entry: also the version that a change must still find.
    v: i64,
    hash: EntryHash,
}

#[derive(Debug, Deserialize)]
struct Balance {
    pk: String,
    units: i64,
}

#[derive(Debug, Serialize)]
struct JournalItem<'a> {
    pk: String,
    sk: String,
    hash: EntryHash,
    #[serde(flatten)]
    entry: &'a Entry,
}

/// The account's own balance.
pub async fn balance(store: &Store, account: AccountId) -> Result<Money, StoreError> {
    let head: Option<Balance> = store.get(Table::Ledger, &account_key(account)).await?;
    Ok(head.map_or(Money::ZERO, |head| Money::from_units(head.units)))
}

/// The balances of users with one of their own; a user that never had money is not in the map.
pub async fn user_balances(
    store: &Store,
    account: AccountId,
    users: &[PhoneUserId],
) -> Result<HashMap<PhoneUserId, Money>, StoreError> {
    let keys: Vec<Key> = users.iter().map(|user| user_key(account, *user)).collect();
    let mut balances = HashMap::with_capacity(users.len());
    for item in store.batch_get(Table::Ledger, &keys).await? {
        let balance: Balance = serde_dynamo::from_item(item)?;
        let user =
            balance.pk.rsplit_once('#').and_then(|(_, padded)| PhoneUserId::parse(padded.trim_start_matches('0')));
        let user = user.ok_or_else(|| StoreError::Corrupt(balance.pk.clone()))?;
        balances.insert(user, Money::from_units(balance.units));
    }
    Ok(balances)
}

/// Why money cannot be credited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CreditRefusal {
    /// Nothing, or less than nothing.
    #[error("the amount must be positive")]
    NotPositive,
    /// The balance would leave the range that can be held.
    #[error("the balance would be out of range")]
    OutOfRange,
}

/// Moves money from the world to an account, once per `name`: asking again with the same name changes nothing.
/// Operator work: no method may do this.
pub async fn credit(
    store: &Store,
    account: AccountId,
    amount: Money,
    name: &str,
    now: Timestamp,
) -> Result<Money, CommitError<CreditRefusal>> {
    let refused = |refusal| CommitError::Refused(refusal);
    let posting = Posting::new(Party::World, Party::Account(account), amount, name);
    let posting = posting.ok_or(refused(CreditRefusal::NotPositive))?;
    let operation = Key::new(format!("A#{}#O", account.padded()), super::keys::sha256_hex(name.as_bytes()));
    let mut attempts = Attempts::default();
    loop {
        let key = account_key(account);
        let head: Option<Head> = store.get(Table::Ledger, &key).await?;
        let first = head.is_none();
        let head = head.unwrap_or_else(|| Head {
            pk: key.pk.clone(),
            sk: "B".into(),
            units: 0,
            v: 0,
            hash: EntryHash::genesis(),
        });
        let units = head.units.checked_add(posting.units).ok_or(refused(CreditRefusal::OutOfRange))?;
        let number = u64::try_from(head.v).unwrap_or(0).saturating_add(1);
        let entry = Entry {
            account,
            number,
            at: now,
            postings: vec![posting.clone()],
            balance_units: units,
            previous: head.hash.clone(),
        };
        let hash = entry.hash().map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let next = Head { units, v: head.v.saturating_add(1), hash: hash.clone(), ..head };
        let mut txn = Txn::default();
        let Key { pk, sk } = operation.clone();
        let done = Operation { pk, sk: sk.unwrap_or_default(), number };
        txn.push(Write::put(Table::Ledger, &done)?.if_absent().or_already_answered());
        let write = Write::put(Table::Ledger, &next)?;
        txn.push(if first { write.if_absent() } else { write.if_version(next.v.saturating_sub(1)) }.or_stale());
        let world = Write::update(Table::Ledger, world_key(account), "ADD units :less");
        txn.push(world.number(":less", posting.units.saturating_neg()));
        let pk = format!("A#{}#J", account.padded());
        txn.push(Write::put(Table::Ledger, &JournalItem { pk, sk: format!("{number:012}"), hash, entry: &entry })?);
        match store.commit(&txn).await {
            Ok(()) => return Ok(Money::from_units(units)),
            Err(CommitError::Stale) => attempts.again().await?,
            Err(CommitError::AlreadyAnswered) => return Ok(balance(store, account).await?),
            Err(other) => return Err(other),
        }
    }
}

/// That a named operation has happened, and as which journal entry.
#[derive(Debug, Serialize)]
struct Operation {
    pk: String,
    sk: String,
    number: u64,
}
