//! Finishes what Voximplant's deletes and binds have left to do.

use crate::done::Done;
use shared::context::App;
use shared::slices::{Slices, rotated_randomly};
use shared::store::StoreError;
use shared::store::backlog::Progress;
use shared::store::voximplant::deferred::{self, DeferredWork};
use tokio::time::Instant;

/// Users that the first pass handles: some seconds of work between two checks of the deadline.
const FIRST_PASS: usize = 2_000;
/// The most users that a pass may handle; what is left then waits for the next run.
const LAST_PASS: usize = 2_000_000;

/// Does promised tasks until none is left or the deadline is near. A task that fails does not stop the others.
pub(crate) async fn finish(app: &App, deadline: Instant) -> Done {
    let mut done = Done::default();
    match deferred::pending(&app.store).await {
        Ok(tasks) => {
            let mut slices = Slices::new(deadline, tasks.len());
            for task in rotated_randomly(tasks) {
                done.note(match slices.take() {
                    Some(until) => perform(app, &task, until).await,
                    None => Ok(Progress::Left),
                });
            }
        }
        Err(error) => done.fail(error),
    }
    done
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
