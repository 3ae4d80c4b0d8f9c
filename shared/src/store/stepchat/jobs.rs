//! Work that outlives its request: the physical purge behind a delete.

use super::{purges, texts};
use crate::ids::UserId;
use crate::store::grants::{Action, AuthItem, Grant};
use crate::store::read::{Partition, Range, text};
use crate::store::search::Posted;
use crate::store::{Attributes, Key, Store, StoreError, Table, Write};
use futures_util::try_join;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// What finishing a purge needs.
pub const PURGE: &[Grant] = &[
    Grant::on(Table::Stepchat, Action::Query),
    Grant::on(Table::Stepchat, Action::GetItem),
    Grant::on(Table::Stepchat, Action::BatchWriteItem),
    Grant::on(Table::Stepchat, Action::UpdateItem),
    Grant::on(Table::Stepchat, Action::DeleteItem),
    Grant::auth(AuthItem::Session, Action::DeleteItem),
    Grant::auth(AuthItem::ApiToken, Action::DeleteItem),
];

const PURGES: &str = "J#purge-user";

#[derive(Debug, Serialize, Deserialize)]
struct JobItem {
    pk: String,
    sk: String,
    uid: UserId,
    /// What is posted of the profile, which is gone.
    #[serde(default)]
    posted: Vec<Posted>,
}

pub(super) fn key(id: UserId) -> Key {
    Key::new(PURGES, id.padded())
}

/// The user whose purge an item promises, if it is such a promise.
pub(super) fn promised(item: &Attributes) -> Option<UserId> {
    let id = text(item, "sk").filter(|_| text(item, "pk") == Some(PURGES))?;
    UserId::parse(id.trim_start_matches('0'))
}

/// The write that, inside the deleting transaction, promises the purge.
pub(super) fn promise(id: UserId, posted: Vec<Posted>) -> Result<Write, StoreError> {
    let Key { pk, sk } = key(id);
    Write::put(Table::Stepchat, &JobItem { pk, sk: sk.unwrap_or_default(), uid: id, posted })
}

/// Users whose purge is promised and not finished, oldest id first.
pub async fn pending_purges(store: &Store) -> Result<Vec<UserId>, StoreError> {
    let partition = Partition {
        table: Table::Stepchat,
        index: None,
        pk: PURGES,
        range: Range::All,
        descending: false,
        limit: None,
    };
    let jobs = store.all(&partition).await?;
    jobs.into_iter().map(|job| Ok(serde_dynamo::from_item::<_, JobItem>(job)?.uid)).collect()
}

/// Removes everything left of a deleted user, then the promise; `false` if the time was up before. Safe to repeat and to
/// interrupt.
pub async fn purge(store: &Store, id: UserId, until: Instant) -> Result<bool, StoreError> {
    let postings = async {
        let promise: Option<JobItem> = store.get(Table::Stepchat, &key(id)).await?;
        texts::forget(store, id, &promise.map(|promise| promise.posted).unwrap_or_default()).await
    };
    let (finished, ()) = try_join!(purges::of_user(store, id, until), postings)?;
    if !finished {
        return Ok(false);
    }
    store.delete(Table::Stepchat, &key(id)).await?;
    Ok(true)
}
