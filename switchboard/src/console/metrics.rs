//! A deployed stack's last hour, from its `CloudWatch` metrics, read by the AWS command line like all else of a stack.

use super::activity::{Figures, Hour};
use crate::stack;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::observe::{DIMENSION, JobMetric, RequestMetric};
use shared::timestamp::Timestamp;
use std::collections::BTreeMap;

const HOUR_SECONDS: i64 = 3_600;
/// The families whose requests are counted, as the metrics' dimension names them.
const FAMILIES: [&str; 2] = ["stepchat", "voximplant"];
/// The metrics of a family's requests, and their statistic.
const OF_REQUESTS: [(RequestMetric, &str); 4] = [
    (RequestMetric::Duration, "SampleCount"),
    (RequestMetric::Faults, "Sum"),
    (RequestMetric::ReadUnits, "Sum"),
    (RequestMetric::WriteUnits, "Sum"),
];
const OF_JOBS: [JobMetric; 3] = [JobMetric::Left, JobMetric::Age, JobMetric::LedgerFindings];
/// The dimension's value for the jobs.
const JOBS: &str = "background";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    metric_data_results: Vec<Series>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Series {
    label: String,
    #[serde(default)]
    values: Vec<f64>,
    #[serde(default)]
    timestamps: Vec<String>,
}

/// Unfinished work.
#[derive(Default, Serialize)]
pub(super) struct Jobs {
    pub(super) left: Option<u64>,
    pub(super) age_seconds: Option<u64>,
}

/// The last check of the ledger.
#[derive(Default, Serialize)]
pub(super) struct Ledger {
    pub(super) findings: Option<u64>,
    pub(super) at: Option<String>,
}

/// The last hour up to `now` of the stack whose metrics are in `namespace`. A figure without a metric is unknown.
pub(super) fn last_hour(namespace: &str, now: Timestamp) -> Result<(Jobs, Ledger, Hour)> {
    let since = now.plus_millis(-HOUR_SECONDS * 1_000);
    let iso = |at: Timestamp| format!("{}Z", at.wire().replace(' ', "T"));
    let told = stack::aws(&[
        "cloudwatch",
        "get-metric-data",
        "--start-time",
        &iso(since),
        "--end-time",
        &iso(now),
        "--metric-data-queries",
        &Value::Array(queries(namespace)).to_string(),
    ]);
    let told = told.context("cannot read the stack's metrics: may you call cloudwatch:GetMetricData?")?;
    let told: Told = serde_json::from_str(&told).context("the AWS command line answers in another form")?;
    Ok(read(&told, since))
}

fn queries(namespace: &str) -> Vec<Value> {
    let requests = FAMILIES
        .iter()
        .flat_map(|family| OF_REQUESTS.map(|(metric, statistic)| (*family, metric.name(), statistic, HOUR_SECONDS)));
    let jobs = OF_JOBS.map(|metric| (JOBS, metric.name(), "Maximum", 60));
    let query = |(number, (family, metric, statistic, period))| {
        json!({
            "Id": format!("q{number}"),
            "Label": label(family, metric),
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": metric,
                    "Dimensions": [{ "Name": DIMENSION, "Value": family }],
                },
                "Period": period,
                "Stat": statistic,
            },
        })
    };
    requests.chain(jobs).enumerate().map(query).collect()
}

/// The label by which a series of the answer is found.
fn label(family: &str, metric: &str) -> String {
    format!("{family} {metric}")
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts below 2^53, never negative")]
fn read(told: &Told, since: Timestamp) -> (Jobs, Ledger, Hour) {
    let series: BTreeMap<&str, &Series> =
        told.metric_data_results.iter().map(|one| (one.label.as_str(), one)).collect();
    // A fold from 0.0, since `sum` of no values is -0.0.
    let sum = |metric: RequestMetric| -> f64 {
        let found = FAMILIES.iter().filter_map(|family| series.get(label(family, metric.name()).as_str()));
        found.flat_map(|one| &one.values).fold(0.0, |sum, value| sum + value)
    };
    let of_jobs = |metric: JobMetric| series.get(label(JOBS, metric.name()).as_str());
    // CloudWatch gives the newest value first.
    let newest = |metric| of_jobs(metric).and_then(|one| one.values.first()).map(|value| *value as u64);
    let total = Figures {
        requests: sum(RequestMetric::Duration) as u64,
        failures: sum(RequestMetric::Faults) as u64,
        read_units: sum(RequestMetric::ReadUnits),
        write_units: sum(RequestMetric::WriteUnits),
        slowest_ms: 0.0,
    };
    let checked = of_jobs(JobMetric::LedgerFindings).and_then(|one| one.timestamps.first());
    let at = checked.and_then(|time| time.get(..19)).map(|time| time.replace('T', " "));
    (
        Jobs { left: newest(JobMetric::Left), age_seconds: newest(JobMetric::Age) },
        Ledger { findings: newest(JobMetric::LedgerFindings), at },
        Hour { since: since.wire(), total, methods: Vec::new() },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_metrics_tell_is_summed_and_what_they_do_not_tell_is_unknown() {
        let told = json!({ "MetricDataResults": [
            { "Label": "stepchat duration_ms", "Values": [40.0, 2.0], "Timestamps": [] },
            { "Label": "voximplant duration_ms", "Values": [8.0], "Timestamps": [] },
            { "Label": "stepchat faults", "Values": [1.0] },
            { "Label": "background ledger_findings", "Values": [0.0, 3.0], "Timestamps": ["2026-11-28T03:00:00+00:00", "2026-11-28T02:59:00+00:00"] },
        ]});
        let (jobs, ledger, hour) = read(&serde_json::from_value(told).unwrap(), Timestamp::from_millis(0));
        assert_eq!((hour.total.requests, hour.total.failures), (50, 1));
        assert_eq!((jobs.left, ledger.findings), (None, Some(0)));
        assert_eq!(ledger.at.as_deref(), Some("2026-11-28 03:00:00"));
    }

    #[test]
    fn each_query_has_an_id_of_its_own() {
        let ids: std::collections::BTreeSet<String> = queries("N").iter().map(|one| one["Id"].to_string()).collect();
        assert_eq!(ids.len(), queries("N").len());
    }
}
