//! Finishes the large transfers that their requests began and did not finish.

use crate::done::Done;
use shared::context::App;
use shared::slices::{Slices, rotated_randomly};
use shared::store::ledger::bulk;
use tokio::time::{Instant, timeout_at};

/// Finishes the transfers that requests have left, until none is left or the deadline is near. A transfer that fails
/// does not stop the others.
pub(crate) async fn finish(app: &App, deadline: Instant) -> Done {
    let mut done = Done::default();
    match bulk::left(&app.store, app.clock.now()).await {
        Ok(jobs) => {
            let mut slices = Slices::new(deadline, jobs.len());
            for job in rotated_randomly(jobs) {
                let until = slices.take().unwrap_or(deadline);
                // A transfer that is cut off is like one whose process died: the next run continues it.
                let performed = timeout_at(until, job.perform(&app.store)).await;
                done.note_done(performed.unwrap_or(Ok(false)));
            }
        }
        Err(error) => done.fail(error),
    }
    done
}
