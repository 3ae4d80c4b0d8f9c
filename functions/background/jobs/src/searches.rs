//! Finishes what changes of users have left to do in the search entries.

use crate::done::Done;
use shared::context::App;
use shared::store::backlog::Progress;
use shared::store::search;
use tokio::time::Instant;

/// Removes the search entries of texts that have been replaced, and of writers that died.
pub(crate) async fn finish(app: &App, deadline: Instant) -> Done {
    let mut done = Done::default();
    match search::settle(&app.store, app.clock.now(), deadline).await {
        Ok(changes) => changes.into_iter().for_each(|settled| done.note(settled.map(Progress::of_done))),
        Err(error) => done.fail(error),
    }
    done
}
