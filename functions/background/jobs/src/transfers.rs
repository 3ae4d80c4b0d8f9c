//! Finishes the large transfers that their requests began and did not finish.

use crate::done::Done;
use shared::context::App;
use shared::store::backlog::Progress;
use shared::store::ledger::bulk;
use tokio::time::{Instant, timeout_at};

/// Finishes the transfers that requests have left, until none is left or the deadline is near.
pub(crate) async fn finish(app: &App, deadline: Instant) -> Done {
    let pending = bulk::left(&app.store, app.clock.now()).await;
    Done::of_each(pending, deadline, |job, until| async move {
        // A transfer that is cut off is like one whose process died: the next run continues it.
        let performed = timeout_at(until, job.perform(&app.store)).await;
        performed.unwrap_or(Ok(false)).map(Progress::of_done)
    })
    .await
}
