//! `background/jobs`: checks the ledger, and finishes what requests have begun and not finished: large transfers,
//! deletes and binds of many telephony users, purges of deleted users, and changes of search entries. Then it reports
//! the age of the oldest work that it had to leave.

mod deferred;
mod deletions;
mod done;
mod searches;
mod transfers;

use done::Done;
use shared::context::App;
use shared::observe::JobFigures;
use shared::runtime::{JobResult, ScheduledJob};
use shared::slices::Slices;
use shared::store::backlog;
use shared::store::grants::Grants;
use shared::store::ledger::{RETURN, bulk, watch};
use shared::store::search;
use shared::store::stepchat::{purges, removals, users};
use shared::store::voximplant::binding::BIND;
use shared::store::voximplant::changes::REMOVE;
use shared::store::voximplant::deferred::{CLOSE, PERFORM};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// What the schedule runs.
pub static JOB: ScheduledJob =
    ScheduledJob { name: "jobs", grants: GRANTS, run: |app, deadline| Box::pin(finish(app, deadline)) };

const GRANTS: Grants = &[
    bulk::DRIVE,
    purges::PURGE,
    users::LOAD,
    users::DELETE,
    removals::PERFORM,
    removals::PERFORM_LEADS,
    search::SETTLE,
    BIND,
    REMOVE,
    RETURN,
    PERFORM,
    CLOSE,
    backlog::NOTE,
    watch::WATCH,
];

/// One kind of work.
#[derive(Debug, Clone, Copy)]
enum Part {
    Transfers,
    Deferred,
    Removals,
    Purges,
    Searches,
}

impl Part {
    const ALL: [Self; 5] = [Self::Transfers, Self::Deferred, Self::Removals, Self::Purges, Self::Searches];

    async fn finish(self, app: &App, deadline: Instant) -> Done {
        match self {
            Self::Transfers => transfers::finish(app, deadline).await,
            Self::Deferred => deferred::finish(app, deadline).await,
            Self::Removals => deletions::finish_removals(app, deadline).await,
            Self::Purges => Box::pin(deletions::finish_purges(app, deadline)).await,
            Self::Searches => searches::finish(app, deadline).await,
        }
    }
}

/// How much longer than its share a kind of work may take, to finish its current step.
const GRACE: Duration = Duration::from_secs(1);

/// Does one kind of work in its share of the time. Work that does not end in time is cut off, as if its process had
/// died: the next run continues it.
async fn in_its_share(part: Part, app: &App, until: Instant, deadline: Instant) -> Done {
    let now = Instant::now();
    let end = until.checked_add(GRACE).unwrap_or(until);
    // If the time is up, the grace still lets the part list what there is to do.
    let end = if deadline > now { end.min(deadline) } else { end };
    timeout_at(end, Box::pin(part.finish(app, until))).await.unwrap_or_else(|_| Done::cut_off())
}

/// Checks the ledger and finishes begun transfers and promised work, until none is left or the deadline is near. Each
/// kind of work has a share of the time, the check of the ledger the first. Unused time goes to kinds with work left.
///
/// Repeating a purge that a deleting request is just finishing itself is harmless.
pub async fn finish(app: Arc<App>, deadline: Instant) -> JobResult {
    let mut slices = Slices::new(deadline, Part::ALL.len().saturating_add(1));
    let watched = watch::look(&app.store, slices.take().unwrap_or(deadline)).await;
    let mut parts = Vec::with_capacity(Part::ALL.len());
    for part in Part::ALL {
        let until = slices.take().unwrap_or(deadline);
        parts.push((part, in_its_share(part, &app, until, deadline).await));
    }
    let unfinished = parts.iter().filter(|(_, done)| done.left > 0).count();
    let mut slices = Slices::new(deadline, unfinished);
    for (part, done) in parts.iter_mut().filter(|(_, done)| done.left > 0) {
        if let Some(until) = slices.take() {
            let later = in_its_share(*part, &app, until, deadline).await;
            *done = std::mem::take(done).again(later);
        }
    }
    let Done { finished, left, mut failure } = parts.into_iter().fold(Done::default(), |all, (_, done)| all.and(done));
    let mut figures = JobFigures { finished, left, ..JobFigures::default() };
    match backlog::note(&app.store, left > 0, app.clock.now()).await {
        Ok(age) => figures.job_age_seconds = age,
        Err(error) => failure = failure.or(Some(error)),
    }
    let watched = watched.unwrap_or_else(|error| {
        failure = failure.take().or(Some(error));
        watch::Watched::default()
    });
    figures.ledger_accounts = watched.accounts;
    figures.ledger_entries = watched.entries;
    figures.ledger_findings = watched.findings.len();
    JobResult { figures, findings: watched.findings, failure }
}
