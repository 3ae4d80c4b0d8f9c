//! Since when background work has been left undone, run after run: what the age of the jobs is measured from.
//!
//! One item for all work. It is written by the first run that leaves something and removed by the first that leaves
//! nothing, so an idle deployment pays one read per run.

use super::grants::{Action, Grant};
use super::{Key, Store, StoreError, Table};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// What [`note`] needs.
pub const NOTE: &[Grant] = &[
    Grant::on(Table::Stepchat, Action::GetItem),
    Grant::on(Table::Stepchat, Action::PutItem),
    Grant::on(Table::Stepchat, Action::DeleteItem),
];

#[derive(Debug, Serialize, Deserialize)]
struct Backlog {
    pk: String,
    sk: String,
    since: Timestamp,
}

/// Notes that a run has left work, or none; the seconds for which work has now been left.
pub async fn note(store: &Store, left: bool, now: Timestamp) -> Result<i64, StoreError> {
    let key = Key::new("J#state", "backlog");
    let known: Option<Backlog> = store.get(Table::Stepchat, &key).await?;
    match (left, known) {
        (true, Some(backlog)) => Ok(now.seconds().saturating_sub(backlog.since.seconds()).max(0)),
        (true, None) => {
            let backlog = Backlog { pk: key.pk, sk: key.sk.unwrap_or_default(), since: now };
            store.put(Table::Stepchat, &backlog).await?;
            Ok(0)
        }
        (false, Some(_)) => {
            store.delete(Table::Stepchat, &key).await?;
            Ok(0)
        }
        (false, None) => Ok(0),
    }
}
