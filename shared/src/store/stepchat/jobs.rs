//! Work that outlives its request: the physical purge behind a delete.

use super::items::partition;
use crate::ids::UserId;
use crate::store::grants::{Action, Grant};
use crate::store::read::{Partition, Range, text};
use crate::store::{Key, Store, StoreError, Table, Write};
use serde::{Deserialize, Serialize};

/// What finishing a purge needs.
pub const PURGE: &[Grant] = &[
    Grant::on(Table::Stepchat, Action::Query),
    Grant::on(Table::Stepchat, Action::BatchWriteItem),
    Grant::on(Table::Stepchat, Action::DeleteItem),
];

const PURGES: &str = "J#purge-user";
/// Items of a user removed between two looks at the deadline.
const PURGE_PAGE: i32 = 100;

#[derive(Debug, Serialize, Deserialize)]
struct JobItem {
    pk: String,
    sk: String,
    uid: UserId,
}

fn key(id: UserId) -> Key {
    Key::new(PURGES, id.padded())
}

/// The write that, inside the deleting transaction, promises the purge.
pub(super) fn promise(id: UserId) -> Result<Write, StoreError> {
    let Key { pk, sk } = key(id);
    Write::put(Table::Stepchat, &JobItem { pk, sk: sk.unwrap_or_default(), uid: id })
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

/// Removes everything left in the partition of a deleted user, then the promise. Safe to repeat and to interrupt.
pub async fn purge(store: &Store, id: UserId) -> Result<(), StoreError> {
    let pk = partition(id);
    let whole = Partition {
        table: Table::Stepchat,
        index: None,
        pk: &pk,
        range: Range::All,
        descending: false,
        limit: Some(PURGE_PAGE),
    };
    loop {
        // Always from the start: what was there is gone by now.
        let page = store.page(&whole, None).await?;
        let keys: Vec<Key> =
            page.items.iter().filter_map(|item| Some(Key::new(text(item, "pk")?, text(item, "sk")?))).collect();
        store.batch_delete(Table::Stepchat, &keys).await?;
        if page.next.is_none() {
            break;
        }
    }
    store
        .client()
        .delete_item()
        .table_name(store.table_name(Table::Stepchat))
        .set_key(Some(key(id).attributes()))
        .send()
        .await?;
    Ok(())
}
