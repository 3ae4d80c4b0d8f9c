//! One line per request: log and metric in one (EMF), nothing secret in it.

mod metrics;
mod redact;

pub use metrics::{DIMENSION, Emf, JobMetric, NAMESPACE, RequestMetric, namespace_of};
pub use redact::redact;

use crate::store::meter::Readings;
use crate::wire::Blame;
use serde::Serialize;
use std::fmt;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// Where lines go.
#[derive(Clone)]
pub enum Log {
    /// Standard output, which Lambda ships to CloudWatch.
    Stdout,
    /// Nowhere.
    Silent,
    /// A list, for tests.
    Captured(Arc<Mutex<Vec<String>>>),
    /// An output that formats lines itself, such as a terminal.
    Shown(Arc<dyn Show>),
}

/// Shows log lines in its own format.
pub trait Show: Send + Sync {
    /// Shows what happened to a request.
    fn request(&self, line: &RequestLine<'_>);
    /// Shows text that is already a line.
    fn line(&self, text: &str);
}

impl fmt::Debug for Log {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Stdout => "Log::Stdout",
            Self::Silent => "Log::Silent",
            Self::Captured(_) => "Log::Captured",
            Self::Shown(_) => "Log::Shown",
        })
    }
}

/// What is logged of one request. Method names and outcome codes are ours; the cause is redacted.
#[derive(Debug, Clone, Serialize)]
pub struct RequestLine<'a> {
    /// A summary that can be read on its own.
    pub message: &'a str,
    /// Protocol.
    pub family: &'static str,
    /// Wire name of the method.
    pub method: &'static str,
    /// `ok`, or the error code.
    pub outcome: &'a str,
    /// The id of the request in the gateway's log, which also knows the address it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The id of the event in Lambda's own log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invocation_id: Option<String>,
    /// The kind of caller, never who it is or its credential.
    pub caller: &'static str,
    /// Whether this was the process's first request.
    pub cold_start: bool,
    /// Milliseconds from first to last byte of work.
    pub duration_ms: f64,
    /// 1 if the failure is ours: the database, the deadline, a defect. Callers' mistakes do not count.
    pub faults: u8,
    /// 1 if the caller was turned away for load.
    pub pressure: u8,
    /// Round trips to the database: calls that go out together are one.
    pub round_trips: u32,
    /// Read units.
    pub read_units: f64,
    /// Write units.
    pub write_units: f64,
    /// Waits for contention or throttling.
    pub retries: u32,
    /// Runs of the password hash.
    pub hashes: u32,
    /// If something failed, the cause, redacted but otherwise complete. Else the part of the request that was ignored,
    /// if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The figures that only scheduled work has.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobFigures>,
    /// The embedded metric format's own part.
    #[serde(rename = "_aws")]
    pub metrics: Emf,
}

/// What a run of scheduled work tells about the whole deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct JobFigures {
    /// Pieces of work that this run finished.
    pub finished: usize,
    /// Pieces of work that it had to leave.
    pub left: usize,
    /// Seconds for which every run has left some work undone.
    pub job_age_seconds: i64,
    /// Accounts whose money was compared with their complete journal. 0 although there are accounts: nothing is
    /// checked.
    pub ledger_accounts: u64,
    /// Journal entries that were checked.
    pub ledger_entries: u64,
    /// What is wrong in the ledger: accounts whose money does not agree with their journal.
    pub ledger_findings: usize,
}

impl Log {
    /// Writes one line.
    pub fn request(&self, line: &RequestLine<'_>) {
        match (self, serde_json::to_string(line)) {
            (Self::Shown(show), _) => show.request(line),
            (_, Ok(text)) => self.line(text),
            (_, Err(_)) => {}
        }
    }

    /// Writes text that is already a line.
    pub fn line(&self, text: String) {
        match self {
            // A log that cannot be written must not fail the request.
            Self::Stdout => drop(writeln!(std::io::stdout().lock(), "{text}")),
            Self::Silent => {}
            Self::Shown(show) => show.line(&text),
            Self::Captured(lines) => lines.lock().unwrap_or_else(PoisonError::into_inner).push(text),
        }
    }
}

impl RequestLine<'_> {
    /// Counts a failure as a fault of ours, as pressure, or as neither.
    pub fn blame(&mut self, blame: Blame) {
        self.faults = u8::from(blame == Blame::Service);
        self.pressure = u8::from(blame == Blame::Pressure);
    }
}

/// The readings of a request as members of its line.
#[must_use]
pub fn line<'a>(
    family: &'static str,
    method: &'static str,
    outcome: &'a str,
    message: &'a str,
    readings: &Readings,
    metrics: Emf,
) -> RequestLine<'a> {
    RequestLine {
        message,
        family,
        method,
        outcome,
        request_id: None,
        invocation_id: None,
        caller: "none",
        cold_start: false,
        duration_ms: 0.0,
        faults: 0,
        pressure: 0,
        round_trips: readings.round_trips,
        read_units: readings.read_units,
        write_units: readings.write_units,
        retries: readings.retries,
        hashes: readings.hashes,
        cause: None,
        job: None,
        metrics,
    }
}

/// Replaces the default panic message, which may quote data, by a line that tells only the place.
pub fn log_panics(log: &Log) {
    let log = log.clone();
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string);
        log.line(serde_json::json!({ "message": "panic", "outcome": "panic", "at": place }).to_string());
    }));
}
