//! One line per request: log and metric in one (EMF), nothing secret in it.

mod redact;

pub use redact::redact;

use crate::store::meter::Readings;
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
}

impl fmt::Debug for Log {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Stdout => "Log::Stdout",
            Self::Silent => "Log::Silent",
            Self::Captured(_) => "Log::Captured",
        })
    }
}

/// What is logged of one request. Method names and outcome codes are ours; the cause is redacted.
#[derive(Debug, Clone, Serialize)]
pub struct RequestLine<'a> {
    /// Readable alone.
    pub message: &'a str,
    /// Protocol.
    pub family: &'static str,
    /// Wire name of the method.
    pub method: &'static str,
    /// `ok`, or the error code.
    pub outcome: &'a str,
    /// The id of the event in Lambda's own log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What kind of caller, never who or with what.
    pub caller: &'static str,
    /// Whether this was the process's first request.
    pub cold_start: bool,
    /// Milliseconds from first to last byte of work.
    pub duration_ms: f64,
    /// Waves of database calls.
    pub round_trips: u32,
    /// Read units.
    pub read_units: f64,
    /// Write units.
    pub write_units: f64,
    /// Waits for contention or throttling.
    pub retries: u32,
    /// Why, when something failed: full inside, redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The embedded metric format's own part.
    #[serde(rename = "_aws")]
    pub metrics: Emf,
}

/// CloudWatch's embedded metric format: which members of the line are metrics.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Emf {
    timestamp: i64,
    cloud_watch_metrics: [Directive; 1],
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: [&'static [&'static str]; 1],
    metrics: [Metric; 5],
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
}

impl Emf {
    /// The metrics of a request that ended at this moment, in milliseconds.
    #[must_use]
    pub fn at(millis: i64) -> Self {
        let count = |name| Metric { name, unit: Some("Count") };
        let metrics = [
            Metric { name: "duration_ms", unit: Some("Milliseconds") },
            count("round_trips"),
            count("read_units"),
            count("write_units"),
            count("retries"),
        ];
        let directive = Directive { namespace: "Switchboard", dimensions: [&["family", "method", "outcome"]], metrics };
        Self { timestamp: millis, cloud_watch_metrics: [directive] }
    }
}

impl Log {
    /// Writes one line.
    pub fn request(&self, line: &RequestLine<'_>) {
        if let Ok(text) = serde_json::to_string(line) {
            self.line(text);
        }
    }

    /// Writes text that is a line already.
    pub fn line(&self, text: String) {
        match self {
            // A log that cannot be written must not fail the request.
            Self::Stdout => drop(writeln!(std::io::stdout().lock(), "{text}")),
            Self::Silent => {}
            Self::Captured(lines) => lines.lock().unwrap_or_else(PoisonError::into_inner).push(text),
        }
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
    millis: i64,
) -> RequestLine<'a> {
    RequestLine {
        message,
        family,
        method,
        outcome,
        request_id: None,
        caller: "none",
        cold_start: false,
        duration_ms: 0.0,
        round_trips: readings.round_trips,
        read_units: readings.read_units,
        write_units: readings.write_units,
        retries: readings.retries,
        cause: None,
        metrics: Emf::at(millis),
    }
}

/// Replaces the default panic message, which may quote data, by a line that says where.
pub fn log_panics(log: &Log) {
    let log = log.clone();
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string);
        log.line(serde_json::json!({ "message": "panic", "outcome": "panic", "at": place }).to_string());
    }));
}
