//! `background/jobs`: finishes what requests have begun and not finished: large transfers, deletes and binds of many
//! telephony users, and the purges of deleted users.

mod deletions;
mod tasks;
mod transfers;

use shared::context::App;
use shared::runtime::Job;
use shared::store::StoreError;
use shared::store::grants::Grants;
use shared::store::ledger::{RETURN, bulk};
use shared::store::stepchat::{jobs, removals, users};
use shared::store::voximplant::binding::BIND;
use shared::store::voximplant::changes::REMOVE;
use shared::store::voximplant::tasks::PERFORM;
use std::sync::Arc;
use std::time::Instant;

/// What the schedule runs.
pub static JOB: Job = Job { name: "jobs", grants: GRANTS, run: |app, deadline| Box::pin(finish(app, deadline)) };

const GRANTS: Grants = &[
    bulk::DRIVE,
    jobs::PURGE,
    users::LOAD,
    users::DELETE,
    removals::PERFORM,
    removals::PERFORM_LEADS,
    BIND,
    REMOVE,
    RETURN,
    PERFORM,
];

/// Finishes begun transfers and promised purges until none is left or the deadline is near; returns how many it
/// finished.
///
/// A purge that a deleting request is just finishing itself is harmless to repeat.
pub async fn finish(app: Arc<App>, deadline: Instant) -> Result<usize, StoreError> {
    let mut finished = transfers::finish(&app, deadline).await?;
    finished = finished.saturating_add(tasks::finish(&app, deadline).await?);
    finished = finished.saturating_add(deletions::finish(&app, deadline).await?);
    Ok(finished)
}
