//! Deletes of StepChat users.

use crate::done::Done;
use shared::context::App;
use shared::slices::{Slices, rotated_randomly};
use shared::store::backlog::Progress;
use shared::store::stepchat::{promises, purges, removals};
use tokio::time::Instant;

/// Finishes promised deletes of many users. A delete that fails does not stop the others.
pub(crate) async fn finish_removals(app: &App, deadline: Instant) -> Done {
    let mut done = Done::default();
    match removals::pending(&app.store).await {
        Ok(removals) => {
            let mut slices = Slices::new(deadline, removals.len());
            for removal in rotated_randomly(removals) {
                done.note(match slices.take() {
                    Some(until) => removal.perform(&app.store, app.clock.now(), until).await,
                    None => Ok(Progress::Left),
                });
            }
        }
        Err(error) => done.fail(error),
    }
    done
}

/// Finishes promised purges of single users. A purge that fails does not stop the others.
pub(crate) async fn finish_purges(app: &App, deadline: Instant) -> Done {
    let mut done = Done::default();
    match promises::pending_purges(&app.store).await {
        Ok(mut purges) => {
            let now = app.clock.now();
            purges.retain(|purge| !purge.waits(now));
            let mut slices = Slices::new(deadline, purges.len());
            for purge in rotated_randomly(purges) {
                done.note(match slices.take() {
                    Some(until) => Box::pin(purges::purge(&app.store, purge.user(), now, until)).await,
                    None => Ok(Progress::Left),
                });
            }
        }
        Err(error) => done.fail(error),
    }
    done
}
