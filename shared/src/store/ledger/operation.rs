//! That an operation has happened, or how far it is: the ledger's own record, in the same transaction as the money.
//!
//! It never expires. The `auth` table's record answers a repeated key for two days; this one decides for ever, also
//! for calls without a key whose answer was lost between us and the database.

use super::bulk::Bulk;
use crate::ids::AccountId;
use crate::ledger::Money;
use crate::store::idempotency;
use crate::store::txn::Step;
use crate::store::{CommitError, Key, Store, StoreError, Table, Write};
use crate::voximplant::Refusal;
use serde::{Deserialize, Serialize};

/// Which operation: the idempotency key's, or a random one for a call without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationId {
    pub(super) id: String,
    pub(super) payload: String,
}

impl OperationId {
    /// The operation of an idempotency key.
    #[must_use]
    pub fn of(operation: &idempotency::Operation) -> Self {
        Self { id: operation.id().to_owned(), payload: operation.payload().to_owned() }
    }

    /// The operation of a call without a key; `random` never comes again.
    #[must_use]
    pub fn random(random: &str) -> Self {
        Self { id: format!("R#{random}"), payload: String::new() }
    }

    pub(super) fn key(&self, account: AccountId) -> Key {
        key(account, &self.id)
    }
}

pub(super) fn partition(account: AccountId) -> String {
    format!("A#{}#O", account.padded())
}

pub(super) fn key(account: AccountId, id: &str) -> Key {
    Key::new(partition(account), id)
}

/// The record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OperationItem {
    pub pk: String,
    pub sk: String,
    pub payload: String,
    /// The journal entry; 0 if nothing moved.
    pub number: u64,
    /// The account's balance that was answered, in ten-thousandths.
    pub answer: i64,
    pub v: i64,
    /// How far a transfer in several transactions is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk: Option<Bulk>,
}

impl OperationItem {
    pub(super) fn new(account: AccountId, id: &OperationId, number: u64, answer: i64) -> Self {
        let Key { pk, sk } = id.key(account);
        Self { pk, sk: sk.unwrap_or_default(), payload: id.payload.clone(), number, answer, v: 1, bulk: None }
    }

    pub(super) async fn read(store: &Store, account: AccountId, id: &str) -> Result<Option<Self>, StoreError> {
        store.get(Table::Ledger, &key(account, id)).await
    }

    /// The step that makes this operation happen once.
    pub(super) fn first<R>(&self) -> Result<Step<R>, StoreError> {
        Ok(Write::put(Table::Ledger, self)?.if_absent().or_already_answered())
    }
}

/// What is known of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It has not begun.
    New,
    /// It has happened; this was the account's balance.
    Done(Money),
    /// It has begun and must be driven to its end.
    Begun,
}

/// Looks an operation up; a key used with another payload is refused.
pub async fn known(store: &Store, account: AccountId, id: &OperationId) -> Result<Known, CommitError<Refusal>> {
    let Some(item) = OperationItem::read(store, account, &id.id).await? else {
        return Ok(Known::New);
    };
    if item.payload != id.payload {
        return Err(CommitError::Refused(Refusal::KeyReused));
    }
    let begun = item.bulk.as_ref().is_some_and(|bulk| !bulk.is_posted());
    Ok(if begun { Known::Begun } else { Known::Done(Money::from_units(item.answer)) })
}
