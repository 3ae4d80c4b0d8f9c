//! A deployed stack's last hour, from its `CloudWatch` metrics. The AWS command line is asked, as for all else of a stack.

use super::activity::{Figures, Hour};
use super::desk::{Jobs, Ledger};
use crate::stack;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::timestamp::Timestamp;
use std::collections::BTreeMap;

const HOUR_SECONDS: i64 = 3_600;
/// The families whose requests are counted, as the metrics' dimension names them.
const FAMILIES: [&str; 2] = ["stepchat", "voximplant"];
/// The metrics of a family's requests: name and statistic.
const OF_REQUESTS: [(&str, &str); 4] =
    [("duration_ms", "SampleCount"), ("faults", "Sum"), ("read_units", "Sum"), ("write_units", "Sum")];
/// The metrics of the jobs.
const OF_JOBS: [&str; 3] = ["left", "job_age_seconds", "ledger_findings"];

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

/// The last hour up to `now`; what the metrics do not tell is unknown.
pub(super) fn last_hour(now: Timestamp) -> Result<(Jobs, Ledger, Hour)> {
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
        &Value::Array(queries()).to_string(),
    ]);
    let told = told.context("cannot read the stack's metrics: may you call cloudwatch:GetMetricData?")?;
    let told: Told = serde_json::from_str(&told).context("the AWS command line answers in another form")?;
    Ok(read(&told, since))
}

fn query(number: usize, family: &str, metric: &str, statistic: &str, period: i64) -> Value {
    json!({
        "Id": format!("q{number}"),
        "Label": format!("{family} {metric}"),
        "MetricStat": {
            "Metric": {
                "Namespace": "Switchboard",
                "MetricName": metric,
                "Dimensions": [{ "Name": "family", "Value": family }],
            },
            "Period": period,
            "Stat": statistic,
        },
    })
}

fn queries() -> Vec<Value> {
    let requests =
        FAMILIES.iter().flat_map(|family| OF_REQUESTS.map(|(metric, stat)| (*family, metric, stat, HOUR_SECONDS)));
    let jobs = OF_JOBS.map(|metric| ("background", metric, "Maximum", 60));
    requests
        .chain(jobs)
        .enumerate()
        .map(|(n, (family, metric, stat, period))| query(n, family, metric, stat, period))
        .collect()
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts below 2^53, never negative")]
fn read(told: &Told, since: Timestamp) -> (Jobs, Ledger, Hour) {
    let series: BTreeMap<&str, &Series> =
        told.metric_data_results.iter().map(|one| (one.label.as_str(), one)).collect();
    // From zero: the sum of nothing is -0.0.
    let sum = |metric: &str| -> f64 {
        let found = FAMILIES.iter().filter_map(|family| series.get(format!("{family} {metric}").as_str()));
        found.flat_map(|one| &one.values).fold(0.0, |sum, value| sum + value)
    };
    // CloudWatch gives the newest value first.
    let newest = |metric: &str| {
        series
            .get(format!("background {metric}").as_str())
            .and_then(|one| one.values.first())
            .map(|value| *value as u64)
    };
    let total = Figures {
        requests: sum("duration_ms") as u64,
        failures: sum("faults") as u64,
        read_units: sum("read_units"),
        write_units: sum("write_units"),
        slowest_ms: 0.0,
    };
    let checked = series.get("background ledger_findings").and_then(|one| one.timestamps.first());
    let at = checked.and_then(|time| time.get(..19)).map(|time| time.replace('T', " "));
    (
        Jobs { left: newest("left"), age_seconds: newest("job_age_seconds") },
        Ledger { findings: newest("ledger_findings"), at },
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
        let ids: std::collections::BTreeSet<String> = queries().iter().map(|one| one["Id"].to_string()).collect();
        assert_eq!(ids.len(), queries().len());
    }
}
