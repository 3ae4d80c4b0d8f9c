//! How far background work has come, and since when run after run has left some of it undone: from then on the age of
//! the jobs is measured.
//!
//! One item stands for all work. The first run that leaves something writes it, and the first run that leaves nothing
//! removes it, so an idle deployment pays one read per run.

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
    /// Everything visible so far is done; a later run looks once more, since something may still appear.
    Waits,
    /// Something is left.
    Left,
}

impl Progress {
    /// The progress of work that is either done or not.
    #[must_use]
    pub const fn of_done(done: bool) -> Self {
        if done { Self::Finished } else { Self::Left }
    }

    /// The progress of work: `done` says that everything visible is done, `complete` that everything is visible by now.
    pub(super) fn of(done: bool, complete: bool) -> Self {
        match (done, complete) {
            (true, true) => Self::Finished,
            (true, false) => Self::Waits,
            (false, _) => Self::Left,
        }
    }
}

/// Whether every index shows by now everything that was stored at the moment `of`.
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

/// Notes whether a run has left work; returns for how many seconds work has been left by now.
pub async fn note(store: &Store, left: bool, now: Timestamp) -> Result<i64, StoreError> {
    let key = Key::new("J#state", "backlog");
    let known: Option<Backlog> = store.get(Table::Stepchat, &key).await?;
    // A moment in the future was written by a wrong clock: nothing is measured from it.
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
