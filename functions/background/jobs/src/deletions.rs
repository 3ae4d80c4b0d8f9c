//! Deletes of StepChat users.

use crate::done::Done;
use shared::context::App;
use shared::store::stepchat::{jobs, removals};
use tokio::time::Instant;

/// Finishes promised deletes of many users, then promised purges of single ones. One that fails does not stop the others.
pub(crate) async fn finish(app: &App, deadline: Instant) -> Done {
    let mut done = Done::default();
    match removals::pending(&app.store).await {
        Ok(removals) => {
            for removal in removals {
                done.note(removal.perform(&app.store, deadline).await);
            }
        }
        Err(error) => done.fail(error),
    }
    match jobs::pending_purges(&app.store).await {
        Ok(users) => {
            for user in users {
                let in_time = Instant::now() < deadline;
                done.note(if in_time { jobs::purge(&app.store, user, deadline).await } else { Ok(false) });
            }
        }
        Err(error) => done.fail(error),
    }
    done
}
