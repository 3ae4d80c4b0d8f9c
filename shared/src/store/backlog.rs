//! What background work comes to, and since when it has been left undone, run after run: what the age of the jobs is
//! measured from.
//!
//! One item for all work. It is written by the first run that leaves something and removed by the first that leaves
//! nothing, so an idle deployment pays one read per run.

use super::grants::{Action, Grant};
use super::{Key, Store, StoreError, Table};
use crate::limits::INDEX_SETTLED_MILLIS;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// How far a piece of background work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Done, and no longer promised.
    Finished,
    /// Everything that could be seen is done; it is looked at once more when all can be seen.
    Waits,
    /// Something is left.
    Left,
}

impl Progress {
    /// Of work that is `done` as far as can be seen, where all can be seen if it is `complete`.
    pub(super) fn of(done: bool, complete: bool) -> Self {
        match (done, complete) {
            (true, true) => Self::Finished,
            (true, false) => Self::Waits,
            (false, _) => Self::Left,
        }
    }
}

/// Whether every index by now shows what was there at that moment.
pub(super) fn an_index_shows_all(of: Timestamp, now: Timestamp) -> bool {
    of.is_past(INDEX_SETTLED_MILLIS, now)
}

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
    // A moment that a wrong clock wrote is none to measure from.
    let known = known.filter(|backlog| !left || backlog.since.is_possible(now));
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
