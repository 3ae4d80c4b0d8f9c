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

/// The idempotency key of a call that writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    key: Key,
    payload: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    pk: String,
    payload: String,
    answer: String,
    kept_until: Timestamp,
    /// Seconds since the epoch, for the table's time to live.
    expires: i64,
}

/// What is known of earlier calls with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// There was no earlier call: this one may run.
    New,
    /// An earlier call has run; this was its answer.
    Answered(String),
    /// The key was used before with another payload.
    OtherPayload,
}

impl IdempotencyKey {
    /// The `key` of `tenant` (family and account), on a call whose payload has this hash. Only a hash of tenant and key
    /// is stored.
    #[must_use]
    pub fn new(tenant: &str, key: &str, payload: String) -> Self {
        let scope = sha256_hex(format!("{tenant}\0{key}").as_bytes());
        Self { key: AuthItem::Answer.key(scope), payload }
    }

    /// The stored key: a prefix and a hash of tenant and key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.key.pk
    }

    /// The keyed hash of the call's payload.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// Adds the record of this call's answer to the transaction of its effect.
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
    /// Looks up whether a call with this key has been answered.
    pub async fn look_up(&self, key: &IdempotencyKey, now: Timestamp) -> Result<Lookup, StoreError> {
        let record: Option<Record> = self.get(Table::Auth, &key.key).await?;
        Ok(match record {
            Some(record) if record.kept_until < now => Lookup::New,
            Some(record) if record.payload == key.payload => Lookup::Answered(record.answer),
            Some(_) => Lookup::OtherPayload,
            None => Lookup::New,
        })
    }
}
