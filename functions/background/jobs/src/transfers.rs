//! Finishes the large transfers that their requests began and did not finish.

use crate::done::Done;
use shared::context::App;
use shared::store::CommitError;
use shared::store::ledger::bulk;
use std::time::Instant;

/// Drives every begun transfer to its end until none is left or the deadline is near.
///
/// A transfer that its own request is still driving is harmless to drive too. One that fails does not stop the others.
pub(crate) async fn finish(app: &App, deadline: Instant) -> Done {
    let mut done = Done::default();
    let pending = match bulk::pending(&app.store).await {
        Ok(pending) => pending,
        Err(error) => {
            done.fail(error);
            return done;
        }
    };
    for (account, id) in pending {
        if Instant::now() >= deadline {
            done.note(Ok(false));
            continue;
        }
        done.note(match bulk::drive(&app.store, account, &id, app.clock.now()).await {
            // Refused is an end too: nobody could pay, and nothing is left of the transfer.
            Ok(_) | Err(CommitError::Refused(_)) => Ok(true),
            Err(CommitError::Store(error)) => Err(error),
            Err(CommitError::Stale | CommitError::AlreadyAnswered) => Ok(false),
        });
    }
    done
}
