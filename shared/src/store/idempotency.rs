//! The first answer to an idempotency key, committed in the same transaction as its effect.

use super::grants::{Action, AuthItem, Grant};
use super::keys::sha256_hex;
use super::{Key, Store, StoreError, Table, Txn, Write};
use crate::limits::IDEMPOTENCY_MILLIS;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// What the pipeline needs around every writing method.
pub const GRANTS: &[Grant] =
    &[Grant::auth(AuthItem::Answer, Action::GetItem), Grant::auth(AuthItem::Answer, Action::PutItem)];

/// One writing call that carries an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    key: Key,
    payload: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    pk: String,
    payload: String,
    answer: String,
    kept_until: Timestamp,
    /// Seconds, for the table's time to live.
    expires: i64,
}

/// What is known of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it may run.
    New,
    /// It has run; this was its answer.
    Answered(String),
    /// The key was used with another payload.
    OtherPayload,
}

impl Operation {
    /// An operation of `tenant` (family and account), known by `key`, asking for what has this fingerprint. The key is
    /// stored as its hash.
    #[must_use]
    pub fn new(tenant: &str, key: &str, payload: String) -> Self {
        let scope = sha256_hex(format!("{tenant}\0{key}").as_bytes());
        Self { key: AuthItem::Answer.key(scope), payload }
    }

    /// The operation's identity: a hash of tenant and key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.key.pk
    }

    /// The hash of what was asked for.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// Adds the record of this operation's answer to the transaction of its effect.
    pub fn record<R: Clone>(&self, txn: &mut Txn<R>, answer: String, now: Timestamp) -> Result<(), StoreError> {
        let kept_until = now.plus_millis(IDEMPOTENCY_MILLIS);
        let record = Record {
            pk: self.key.pk.clone(),
            payload: self.payload.clone(),
            answer,
            kept_until,
            expires: kept_until.seconds(),
        };
        // Time-to-live deletion lags by days, so an expired record may be overwritten.
        let write = Write::put(Table::Auth, &record)?.number(":now", now.millis());
        txn.push(write.if_("attribute_not_exists(pk) OR kept_until < :now").or_already_answered());
        Ok(())
    }
}

impl Store {
    /// What is known of an operation.
    pub async fn known(&self, operation: &Operation, now: Timestamp) -> Result<Known, StoreError> {
        let record: Option<Record> = self.get(Table::Auth, &operation.key).await?;
        Ok(match record {
            Some(record) if record.kept_until < now => Known::New,
            Some(record) if record.payload == operation.payload => Known::Answered(record.answer),
            Some(_) => Known::OtherPayload,
            None => Known::New,
        })
    }
}
