//! What Voximplant's deletes and binds have left to do.

use crate::done::Done;
use shared::context::App;
use shared::store::StoreError;
use shared::store::voximplant::tasks::{self, Task};
use tokio::time::Instant;

/// Users that the first pass takes: some seconds of work between two looks at the deadline.
const FIRST_PASS: usize = 2_000;
/// Users that the last pass takes; what is left then waits for the next run.
const LAST_PASS: usize = 2_000_000;

/// Does promised tasks until none is left or the deadline is near. One that fails does not stop the others.
pub(crate) async fn finish(app: &App, deadline: Instant) -> Done {
    let mut done = Done::default();
    match tasks::pending(&app.store).await {
        Ok(tasks) => {
            for task in tasks {
                done.note(perform(app, &task, deadline).await);
            }
        }
        Err(error) => done.fail(error),
    }
    done
}

/// Does one task; `false` if something of it is left.
async fn perform(app: &App, task: &Task, deadline: Instant) -> Result<bool, StoreError> {
    let mut limit = FIRST_PASS;
    // Each pass goes farther than the one before: what is done already costs it a look only.
    while limit <= LAST_PASS && Instant::now() < deadline {
        if task.perform(&app.store, app.clock.now(), limit, deadline).await? {
            return Ok(true);
        }
        limit = limit.saturating_mul(2);
    }
    Ok(false)
}
