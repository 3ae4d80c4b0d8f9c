//! What Voximplant's deletes and binds have left to do.

use shared::context::App;
use shared::store::StoreError;
use shared::store::voximplant::tasks;
use std::time::Instant;

/// Users that the first pass takes: some seconds of work between two looks at the deadline.
const FIRST_PASS: usize = 2_000;
/// Users that the last pass takes; what is left then waits for the next run.
const LAST_PASS: usize = 2_000_000;

/// Does promised tasks until none is left or the deadline is near; returns how many it finished. One that fails does not
/// stop the others; its failure is reported in the end.
pub(crate) async fn finish(app: &App, deadline: Instant) -> Result<usize, StoreError> {
    let (mut finished, mut failure) = (0_usize, None);
    for task in tasks::pending(&app.store).await? {
        let mut limit = FIRST_PASS;
        // Each pass goes farther than the one before: what is done already costs it a look only.
        while limit <= LAST_PASS && Instant::now() < deadline {
            match task.perform(&app.store, app.clock.now(), limit).await {
                Ok(false) => limit = limit.saturating_mul(2),
                Ok(true) => {
                    finished = finished.saturating_add(1);
                    break;
                }
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
    }
    failure.map_or(Ok(finished), Err)
}
