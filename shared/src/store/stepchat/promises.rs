//! The promise of a purge: the transaction that deletes a user writes it, and the job finds by it what is left to
//! remove.

use crate::ids::UserId;
use crate::limits::SEARCH_SETTLED_MILLIS;
use crate::store::read::{Partition, text};
use crate::store::search::StampedText;
use crate::store::{Attributes, Key, Store, StoreError, Table, Write};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

const PURGES: &str = "J#purge-user";

/// The promise of a purge.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PromiseItem {
    pk: String,
    sk: String,
    uid: UserId,
    /// When the purge was promised; missing in promises of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Timestamp>,
    /// Whether the user ever was a responder.
    #[serde(rename = "wr", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) was_responder: bool,
    /// The searchable texts of the deleted profile.
    #[serde(rename = "posted", default)]
    pub(super) texts: Vec<StampedText>,
    /// Whether everything that was there is removed; what is left is to look for items that came meanwhile.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    done: bool,
}

pub(super) fn key(id: UserId) -> Key {
    Key::new(PURGES, id.padded())
}

/// The user whose purge an item promises, if the item is a promise.
pub(super) fn promised(item: &Attributes) -> Option<UserId> {
    let id = text(item, "sk").filter(|_| text(item, "pk") == Some(PURGES))?;
    UserId::parse(id.trim_start_matches('0'))
}

/// The write that, inside the deleting transaction, promises the purge.
pub(super) fn promise(
    id: UserId,
    texts: Vec<StampedText>,
    was_responder: bool,
    now: Timestamp,
) -> Result<Write, StoreError> {
    let Key { pk, sk } = key(id);
    let sk = sk.unwrap_or_default();
    Write::put(Table::Stepchat, &PromiseItem { pk, sk, uid: id, at: Some(now), was_responder, texts, done: false })
}

/// A purge that is promised and not finished.
#[derive(Debug, Clone)]
pub struct PromisedPurge(PromiseItem);

impl PromisedPurge {
    /// The deleted user.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.0.uid
    }

    /// Whether everything is removed, and only the end of older requests is awaited.
    #[must_use]
    pub fn waits(&self, now: Timestamp) -> bool {
        self.0.done && !self.0.nothing_comes_any_more(now)
    }
}

impl PromiseItem {
    /// The promise once everything that was there is removed.
    pub(super) fn done(self) -> Self {
        Self { texts: Vec::new(), done: true, ..self }
    }

    /// Whether every request that may have seen the user before the delete has ended: until then, one may still write a
    /// message of the user.
    pub(super) fn nothing_comes_any_more(&self, now: Timestamp) -> bool {
        self.at.is_none_or(|at| at.is_past(SEARCH_SETTLED_MILLIS, now))
    }
}

/// The purges that are promised and not finished, smallest id first.
pub async fn pending_purges(store: &Store) -> Result<Vec<PromisedPurge>, StoreError> {
    let partition = Partition::of(Table::Stepchat, PURGES);
    let promises = store.all(&partition).await?;
    promises.into_iter().map(|item| Ok(PromisedPurge(serde_dynamo::from_item(item)?))).collect()
}
