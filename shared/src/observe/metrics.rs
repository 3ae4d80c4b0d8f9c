//! CloudWatch's embedded metric format: which members of a line are metrics. The names here are the ones that the
//! template's alarms and its dashboard are built from.
//!
//! Every set of dimensions is a metric that CloudWatch charges for. So there is one dimension with three values; what
//! happened to one method, and with which outcome, is a question to the log lines.

use serde::Serialize;

/// The namespace if none is set.
pub const NAMESPACE: &str = "Switchboard";

/// The namespace of a deployed stack: each stack of an account has its own.
#[must_use]
pub fn namespace_of(stack: &str) -> String {
    format!("{NAMESPACE}/{stack}")
}

/// The dimension of every metric: `stepchat`, `voximplant` or `background`.
pub const DIMENSION: &str = "family";

/// The metrics of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestMetric {
    /// How long a request took; the count of its samples is the number of requests.
    Duration,
    /// Failures that are ours.
    Faults,
    /// Callers turned away for load.
    Pressure,
    /// Waits for contention or throttling.
    Retries,
    /// Read units of the tables.
    ReadUnits,
    /// Write units of the tables.
    WriteUnits,
}

impl RequestMetric {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Duration, Self::Faults, Self::Pressure, Self::Retries, Self::ReadUnits, Self::WriteUnits];

    /// The member of the line, which is also the metric's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Duration => "duration_ms",
            Self::Faults => "faults",
            Self::Pressure => "pressure",
            Self::Retries => "retries",
            Self::ReadUnits => "read_units",
            Self::WriteUnits => "write_units",
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::Duration => "Milliseconds",
            Self::Faults | Self::Pressure | Self::Retries | Self::ReadUnits | Self::WriteUnits => "Count",
        }
    }
}

/// The additional metrics of a run of scheduled work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobMetric {
    /// For how long every run has left some work undone.
    Age,
    /// Pieces of work left.
    Left,
    /// Pieces of work finished.
    Finished,
    /// Accounts checked to the end of their journal.
    LedgerAccounts,
    /// Journal entries checked.
    LedgerEntries,
    /// What is wrong in the ledger.
    LedgerFindings,
}

impl JobMetric {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Age, Self::Left, Self::Finished, Self::LedgerAccounts, Self::LedgerEntries, Self::LedgerFindings];

    /// The member of the line, which is also the metric's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Age => "job_age_seconds",
            Self::Left => "left",
            Self::Finished => "finished",
            Self::LedgerAccounts => "ledger_accounts",
            Self::LedgerEntries => "ledger_entries",
            Self::LedgerFindings => "ledger_findings",
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::Age => "Seconds",
            Self::Left | Self::Finished | Self::LedgerAccounts | Self::LedgerEntries | Self::LedgerFindings => "Count",
        }
    }
}

/// The format's own part of a line.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Emf {
    timestamp: i64,
    cloud_watch_metrics: [Directive; 1],
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: String,
    dimensions: [[&'static str; 1]; 1],
    metrics: Vec<Metric>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

impl Emf {
    /// The metrics of a request that ended at this moment, in milliseconds.
    #[must_use]
    pub fn of_request(namespace: &str, millis: i64) -> Self {
        let metric = |metric: RequestMetric| Metric { name: metric.name(), unit: metric.unit() };
        let metrics = RequestMetric::ALL.into_iter().map(metric).collect();
        let directive = Directive { namespace: namespace.to_owned(), dimensions: [[DIMENSION]], metrics };
        Self { timestamp: millis, cloud_watch_metrics: [directive] }
    }

    /// The metrics of a run of scheduled work.
    #[must_use]
    pub fn of_job(namespace: &str, millis: i64) -> Self {
        let mut emf = Self::of_request(namespace, millis);
        let metric = |metric: JobMetric| Metric { name: metric.name(), unit: metric.unit() };
        for directive in &mut emf.cloud_watch_metrics {
            directive.metrics.extend(JobMetric::ALL.into_iter().map(metric));
        }
        emf
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{JobFigures, line};
    use crate::store::meter::Readings;
    use serde_json::Value;

    #[test]
    fn every_declared_metric_is_a_number_in_its_line() {
        let mut run = line("background", "jobs", "ok", "text", &Readings::default(), Emf::of_job("N", 7));
        run.job = Some(JobFigures::default());
        let request = line("stepchat", "get-user", "ok", "text", &Readings::default(), Emf::of_request("N", 7));
        for (line, count) in [(run, 12), (request, 6)] {
            let line = serde_json::to_value(line).unwrap();
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!((directive["Namespace"].as_str(), line["_aws"]["Timestamp"].as_i64()), (Some("N"), Some(7)));
            let metrics = directive["Metrics"].as_array().unwrap();
            assert_eq!(metrics.len(), count);
            for metric in metrics {
                assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
            }
            for dimension in directive["Dimensions"][0].as_array().unwrap() {
                assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension}");
            }
        }
        assert_eq!(serde_json::to_value(Emf::of_request("N", 7)).unwrap()["CloudWatchMetrics"][1], Value::Null);
    }
}
