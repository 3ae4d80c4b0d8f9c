//! The ledger's own record that an operation has happened, or how far it is, written in the same transaction as the
//! money.
//!
//! The record decides whether the money moves, also for calls without a key whose answer was lost between us and the
//! database. Like every idempotency key, it is remembered for 48 hours from the operation's end (decision E8); a later
//! call is a new operation. An operation that has begun and not ended is never forgotten.

use crate::ids::AccountId;
use crate::ledger::{Money, Texts};
use crate::limits::IDEMPOTENCY_MILLIS;
use crate::store::idempotency;
use crate::store::write::Step;
use crate::store::{CommitError, Key, Store, StoreError, Table, Write};
use crate::timestamp::Timestamp;
use crate::voximplant::Refusal;
use serde::{Deserialize, Serialize};

/// Which operation: that of the idempotency key, or a random one for a call without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationId {
    pub(super) id: String,
    pub(super) payload: String,
}

impl OperationId {
    /// The operation of an idempotency key.
    #[must_use]
    pub fn of(key: &idempotency::IdempotencyKey) -> Self {
        Self { id: key.id().to_owned(), payload: key.payload().to_owned() }
    }

    /// The operation of a call without a key; `random` must never be used again.
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

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// The sum has left the account; chunks reach their users.
    Spreading,
    /// Chunks leave their users.
    Holding,
    /// The sum has reached the account; chunks reach the statements.
    Publishing,
    /// Someone could not pay: chunks go back to their users.
    Voiding,
    /// Everything is done.
    Posted,
}

/// The part of an operation's record that only large transfers have.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ChunkedTransfer {
    pub(super) state: State,
    pub(super) plan: String,
    pub(super) chunks: u32,
    pub(super) amount: i64,
    pub(super) strict: bool,
    pub(super) texts: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rate: Option<String>,
}

impl ChunkedTransfer {
    pub(super) fn is_posted(&self) -> bool {
        self.state == State::Posted
    }
}

/// The record of an operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OperationItem {
    pub pk: String,
    pub sk: String,
    pub payload: String,
    /// The journal entry; 0 if nothing moved.
    pub number: u64,
    /// The account's balance that was answered, in ten-thousandths.
    pub answer: i64,
    #[serde(rename = "v")]
    pub version: i64,
    /// Until when the record is remembered; set when the operation ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<Timestamp>,
    /// Seconds since the epoch, for the table's time to live. No other item of this table has this attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
    /// How far a transfer in several transactions is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk: Option<ChunkedTransfer>,
}

impl OperationItem {
    pub(super) fn new(account: AccountId, id: &OperationId, number: u64, answer: i64) -> Self {
        let Key { pk, sk } = id.key(account);
        let (kept_until, expires) = (None, None);
        let (sk, payload) = (sk.unwrap_or_default(), id.payload.clone());
        Self { pk, sk, payload, number, answer, version: 1, kept_until, expires, bulk: None }
    }

    /// The same, ended at this moment.
    pub(super) fn ended(self, now: Timestamp) -> Self {
        let kept_until = now.plus_millis(IDEMPOTENCY_MILLIS);
        Self { kept_until: Some(kept_until), expires: Some(kept_until.seconds().saturating_add(1)), ..self }
    }

    /// Whether the record no longer counts: time to live removes it some time later.
    fn is_forgotten(&self, now: Timestamp) -> bool {
        self.kept_until.is_some_and(|until| until < now)
    }

    pub(super) async fn read(store: &Store, account: AccountId, id: &str) -> Result<Option<Self>, StoreError> {
        store.get(Table::Ledger, &key(account, id)).await
    }

    /// The step that makes this operation happen once.
    pub(super) fn first<R>(&self, now: Timestamp) -> Result<Step<R>, StoreError> {
        let write = Write::put(Table::Ledger, self)?.number(":now", now.millis());
        Ok(write.if_("attribute_not_exists(pk) OR kept_until < :now").or_already_answered())
    }
}

/// What is known of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationState {
    /// It has not begun.
    New,
    /// It has happened; this was the account's balance.
    Done(Money),
    /// It has begun and must be driven to its end.
    Begun,
}

/// Looks an operation up; a key used with another payload is refused.
pub async fn look_up(
    store: &Store,
    account: AccountId,
    id: &OperationId,
    now: Timestamp,
) -> Result<OperationState, CommitError<Refusal>> {
    let item = OperationItem::read(store, account, &id.id).await?.filter(|item| !item.is_forgotten(now));
    let Some(item) = item else { return Ok(OperationState::New) };
    if item.payload != id.payload {
        return Err(CommitError::Refused(Refusal::KeyReused));
    }
    let begun = item.bulk.as_ref().is_some_and(|bulk| !bulk.is_posted());
    Ok(if begun { OperationState::Begun } else { OperationState::Done(Money::from_units(item.answer)) })
}
