//! Deletes of StepChat users.

use shared::context::App;
use shared::store::StoreError;
use shared::store::stepchat::{jobs, removals};
use std::time::Instant;

/// Finishes promised deletes of many users, then promised purges of single ones; returns how many it finished. One that
/// fails does not stop the others; its failure is reported in the end.
pub(crate) async fn finish(app: &App, deadline: Instant) -> Result<usize, StoreError> {
    let (mut finished, mut failure) = (0_usize, None);
    let mut note = |done: Result<bool, StoreError>| match done {
        Ok(done) => finished = finished.saturating_add(usize::from(done)),
        Err(error) => failure = Some(error),
    };
    for removal in removals::pending(&app.store).await? {
        note(removal.perform(&app.store, deadline).await);
    }
    for user in jobs::pending_purges(&app.store).await? {
        if Instant::now() >= deadline {
            break;
        }
        note(jobs::purge(&app.store, user, deadline).await);
    }
    failure.map_or(Ok(finished), Err)
}
