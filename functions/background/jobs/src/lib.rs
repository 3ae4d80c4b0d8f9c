//! `background/jobs`: finishes what requests have begun and not finished: large transfers, deletes and binds of many
//! telephony users, and the purges of deleted users. Then it looks at the ledger, and tells how old the oldest work is
//! that it had to leave.

mod deletions;
mod done;
mod searches;
mod tasks;
mod transfers;

use done::Done;
use shared::context::App;
use shared::observe::JobFigures;
use shared::runtime::{Job, Ran};
use shared::store::backlog;
use shared::store::grants::Grants;
use shared::store::ledger::{RETURN, bulk, watch};
use shared::store::search;
use shared::store::stepchat::{jobs, removals, users};
use shared::store::voximplant::binding::BIND;
use shared::store::voximplant::changes::REMOVE;
use shared::store::voximplant::tasks::PERFORM;
use std::sync::Arc;
use tokio::time::Instant;

/// What the schedule runs.
pub static JOB: Job = Job { name: "jobs", grants: GRANTS, run: |app, deadline| Box::pin(finish(app, deadline)) };

const GRANTS: Grants = &[
    bulk::DRIVE,
    jobs::PURGE,
    users::LOAD,
    users::DELETE,
    removals::PERFORM,
    removals::PERFORM_LEADS,
    search::SETTLE,
    BIND,
    REMOVE,
    RETURN,
    PERFORM,
    backlog::NOTE,
    watch::WATCH,
];

/// Finishes begun transfers and promised work until none is left or the deadline is near, and checks the ledger.
///
/// A purge that a deleting request is just finishing itself is harmless to repeat.
pub async fn finish(app: Arc<App>, deadline: Instant) -> Ran {
    let mut done = transfers::finish(&app, deadline).await;
    done = done.and(tasks::finish(&app, deadline).await);
    done = done.and(deletions::finish(&app, deadline).await);
    done = done.and(searches::finish(&app, deadline).await);
    let Done { finished, left, mut failure } = done;
    let mut figures = JobFigures { finished, left, ..JobFigures::default() };
    match backlog::note(&app.store, left > 0, app.clock.now()).await {
        Ok(age) => figures.job_age_seconds = age,
        Err(error) => failure = failure.or(Some(error)),
    }
    let watched = match watch::look(&app.store, deadline).await {
        Ok(watched) => watched,
        Err(error) => {
            failure = failure.or(Some(error));
            watch::Watched::default()
        }
    };
    figures.ledger_entries = watched.entries;
    figures.ledger_findings = watched.findings.len();
    Ran { figures, findings: watched.findings, failure }
}
