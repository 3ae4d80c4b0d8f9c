//! What this process has done in the last hour, from its own log lines.

use serde::Serialize;
use shared::clock::Clock;
use shared::observe::{JobFigures, Log, RequestLine, Show};
use shared::timestamp::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

const MINUTE_MILLIS: i64 = 60_000;
const HOUR_MINUTES: i64 = 60;

/// Passes log lines on, and remembers what the console shows of them: sums per method and minute.
#[derive(Debug)]
pub struct Activity {
    log: Log,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The sums by method, by minutes since 1970.
    minutes: BTreeMap<i64, BTreeMap<&'static str, Figures>>,
    /// When the last run of the jobs ended, and its figures; the run also checks journal entries.
    jobs: Option<(Timestamp, JobFigures)>,
}

/// Sums over requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Figures {
    pub(super) requests: u64,
    /// Failures of the server; callers' mistakes do not count.
    pub(super) failures: u64,
    pub(super) read_units: f64,
    pub(super) write_units: f64,
    pub(super) slowest_ms: f64,
}

/// What the console shows of the last hour.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Hour {
    pub(super) since: String,
    #[serde(flatten)]
    pub(super) total: Figures,
    pub(super) methods: Vec<OfMethod>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct OfMethod {
    pub(super) method: String,
    #[serde(flatten)]
    pub(super) figures: Figures,
}

impl Figures {
    pub(super) fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.failures = self.failures.saturating_add(other.failures);
        self.read_units += other.read_units;
        self.write_units += other.write_units;
        self.slowest_ms = self.slowest_ms.max(other.slowest_ms);
    }
}

impl Activity {
    /// Remembers what goes to `log`.
    #[must_use]
    pub fn of(log: Log) -> Self {
        Self { log, seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last hour, by method.
    pub(super) fn hour(&self, now: Timestamp) -> Hour {
        let seen = self.seen();
        let first = minute(now).saturating_sub(HOUR_MINUTES.saturating_sub(1));
        let mut methods: BTreeMap<&str, Figures> = BTreeMap::new();
        let mut total = Figures::default();
        for (method, figures) in seen.minutes.range(first..).flat_map(|(_, methods)| methods) {
            methods.entry(*method).or_default().add(figures);
            total.add(figures);
        }
        let methods = methods.into_iter().map(|(method, figures)| OfMethod { method: method.to_owned(), figures });
        Hour { since: now.plus_millis(-3_600_000).wire(), total, methods: methods.collect() }
    }

    /// When the last run of the jobs ended, and its figures; the run also checked the ledger.
    pub(super) fn jobs(&self) -> Option<(Timestamp, JobFigures)> {
        self.seen().jobs.clone()
    }

    fn record(&self, line: &RequestLine<'_>, now: Timestamp) {
        let mut seen = self.seen();
        if let Some(job) = &line.job {
            seen.jobs = Some((now, job.clone()));
            return;
        }
        let minute = minute(now);
        let oldest = minute.saturating_sub(HOUR_MINUTES);
        seen.minutes.retain(|at, _| *at > oldest);
        let figures = seen.minutes.entry(minute).or_default().entry(line.method).or_default();
        figures.add(&Figures {
            requests: 1,
            failures: u64::from(line.faults),
            read_units: line.read_units,
            write_units: line.write_units,
            slowest_ms: line.duration_ms,
        });
    }
}

impl Show for Activity {
    fn request(&self, line: &RequestLine<'_>) {
        self.record(line, Clock::System.now());
        self.log.request(line);
    }

    fn line(&self, text: &str) {
        self.log.line(text.to_owned());
    }
}

/// Minutes since 1970.
fn minute(at: Timestamp) -> i64 {
    at.millis().div_euclid(MINUTE_MILLIS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::observe::{Emf, line};
    use shared::store::meter::Readings;

    fn told(activity: &Activity, method: &'static str, at: Timestamp) {
        let readings = Readings::default();
        let mut line = line("stepchat", method, "ok", "", &readings, Emf::of_request("N", 7));
        line.duration_ms = 5.0;
        activity.record(&line, at);
    }

    #[test]
    fn an_hour_is_summed_by_method_and_older_minutes_are_forgotten() {
        let activity = Activity::of(Log::Silent);
        let now = Timestamp::from_millis(1_800_000_000_000);
        told(&activity, "get-user", now.plus_millis(-120 * MINUTE_MILLIS));
        told(&activity, "get-user", now.plus_millis(-MINUTE_MILLIS));
        told(&activity, "get-user", now);
        told(&activity, "add-user", now);
        let hour = activity.hour(now);
        assert_eq!(hour.total.requests, 3);
        let methods: Vec<_> = hour.methods.iter().map(|one| (one.method.as_str(), one.figures.requests)).collect();
        assert_eq!(methods, [("add-user", 1), ("get-user", 2)]);
        assert_eq!(activity.seen().minutes.len(), 2);
    }
}
