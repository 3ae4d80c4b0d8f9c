//! Finishes what Voximplant's deletes and binds have left to do.

use crate::done::Done;
use shared::context::App;
use shared::store::StoreError;
use shared::store::backlog::Progress;
use shared::store::voximplant::deferred::{self, DeferredWork};
use tokio::time::Instant;

/// Users that the first pass handles: some seconds of work between two checks of the deadline.
const FIRST_PASS: usize = 2_000;
/// The most users that a pass may handle; what is left then waits for the next run.
const LAST_PASS: usize = 2_000_000;

/// Does promised tasks until none is left or the deadline is near.
pub(crate) async fn finish(app: &App, deadline: Instant) -> Done {
    let pending = deferred::pending(&app.store).await;
    Done::of_each(pending, deadline, |task, until| async move { perform(app, &task, until).await }).await
}

async fn perform(app: &App, task: &DeferredWork, deadline: Instant) -> Result<Progress, StoreError> {
    let mut limit = FIRST_PASS;
    // Each pass may handle twice as many users as the one before; users that are done already only cost a read.
    while limit <= LAST_PASS && Instant::now() < deadline {
        let progress = task.perform(&app.store, app.clock.now(), limit, deadline).await?;
        if progress != Progress::Left {
            return Ok(progress);
        }
        limit = limit.saturating_mul(2);
    }
    Ok(Progress::Left)
}
