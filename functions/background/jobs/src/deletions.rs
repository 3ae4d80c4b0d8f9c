//! Deletes of StepChat users.

use crate::done::Done;
use shared::context::App;
use shared::store::stepchat::{promises, purges, removals};
use tokio::time::Instant;

/// Finishes promised deletes of many users.
pub(crate) async fn finish_removals(app: &App, deadline: Instant) -> Done {
    let pending = removals::pending(&app.store).await;
    Done::of_each(pending, deadline, |removal, until| async move {
        removal.perform(&app.store, app.clock.now(), until).await
    })
    .await
}

/// Finishes promised purges of single users.
pub(crate) async fn finish_purges(app: &App, deadline: Instant) -> Done {
    let now = app.clock.now();
    let pending = promises::pending_purges(&app.store).await;
    let due = pending.map(|purges| purges.into_iter().filter(|purge| !purge.waits(now)).collect());
    Done::of_each(due, deadline, |purge, until| async move {
        Box::pin(purges::purge(&app.store, purge.user(), now, until)).await
    })
    .await
}
