//! `background/jobs`: finishes the purges of deleted users that their requests did not finish.

use shared::context::App;
use shared::runtime::Job;
use shared::store::StoreError;
use shared::store::grants::Grants;
use shared::store::stepchat::jobs;
use std::sync::Arc;
use std::time::Instant;

/// What the schedule runs.
pub static JOB: Job = Job { name: "jobs", grants: GRANTS, run: |app, deadline| Box::pin(finish(app, deadline)) };

const GRANTS: Grants = &[jobs::PURGE];

/// Finishes promised purges until none is left or the deadline is near; returns how many it finished.
///
/// A purge that a deleting request is just finishing itself is harmless to repeat.
pub async fn finish(app: Arc<App>, deadline: Instant) -> Result<usize, StoreError> {
    let mut finished = 0_usize;
    for user in jobs::pending_purges(&app.store).await? {
        if Instant::now() >= deadline {
            break;
        }
        jobs::purge(&app.store, user).await?;
        finished = finished.saturating_add(1);
    }
    Ok(finished)
}
