//! Finishes the large transfers that their requests began and did not finish.

use shared::context::App;
use shared::store::ledger::bulk;
use shared::store::{CommitError, StoreError};
use std::time::Instant;

/// Drives every begun transfer to its end until none is left or the deadline is near; returns how many it finished.
///
/// A transfer that its own request is still driving is harmless to drive too. One that fails does not stop the others;
/// its failure is reported in the end.
pub(crate) async fn finish(app: &App, deadline: Instant) -> Result<usize, StoreError> {
    let (mut finished, mut failure) = (0_usize, None);
    for (account, id) in bulk::pending(&app.store).await? {
        if Instant::now() >= deadline {
            break;
        }
        match bulk::drive(&app.store, account, &id, app.clock.now()).await {
            // Refused is an end too: nobody could pay, and nothing is left of the transfer.
            Ok(_) | Err(CommitError::Refused(_)) => finished = finished.saturating_add(1),
            Err(CommitError::Store(error)) => failure = Some(error),
            Err(CommitError::Stale | CommitError::AlreadyAnswered) => {}
        }
    }
    failure.map_or(Ok(finished), Err)
}
