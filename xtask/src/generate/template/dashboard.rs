//! The dashboard: one page that shows requests, latency, load, background work and the ledger.

use super::alarms::{BACKGROUND, FAMILIES, TURNED_AWAY};
use super::names::API;
use super::tables::table_id;
use super::yaml::{Map, Yaml};
use super::{metrics, resource};
use serde::Serialize as _;
use serde_json::{Value, json};
use shared::observe::{DIMENSION, JobMetric, RequestMetric};
use shared::store::Table;

/// The resource of the dashboard.
pub(super) const DASHBOARD: &str = "Dashboard";

/// The grid is 24 wide; three widgets stand beside each other.
const WIDTH: usize = 8;
const HEIGHT: usize = 6;

pub(super) fn resources() -> Map {
    let properties = Map::new()
        .with("DashboardName", Yaml::reference("AWS::StackName"))
        .with("DashboardBody", Yaml::substituted_text(&readable(&body())));
    Map::new().heading("Dashboard").with(DASHBOARD, resource("AWS::CloudWatch::Dashboard", properties))
}

/// JSON with an indentation of one blank.
fn readable(body: &Value) -> String {
    let mut text = Vec::new();
    let form = serde_json::ser::PrettyFormatter::with_indent(b" ");
    // Writing a JSON value into memory cannot fail.
    let _ = body.serialize(&mut serde_json::Serializer::with_formatter(&mut text, form));
    String::from_utf8_lossy(&text).into_owned()
}

fn body() -> Value {
    let graphs = [
        graph("Requests", "Sum", &by_gateway(&["Count", "4xx", "5xx"])),
        graph("Latency at the gateway, p99", "p99", &by_gateway(&["Latency", "IntegrationLatency"])),
        graph("Failures of ours", "Sum", &by_family(RequestMetric::Faults)),
        graph("Turned away for load", "Sum", &turned_away()),
        graph("Work in functions, p99 ms", "p99", &by_family(RequestMetric::Duration)),
        graph("Waits for contention or throttling", "Sum", &by_family(RequestMetric::Retries)),
        graph("Read units", "Sum", &by_family(RequestMetric::ReadUnits)),
        graph("Write units", "Sum", &by_family(RequestMetric::WriteUnits)),
        graph("Tables throttled", "Sum", &throttled()),
        graph("Background work: left, and age in seconds", "Maximum", &jobs(&[JobMetric::Left, JobMetric::Age])),
        graph("Background work finished", "Sum", &jobs(&[JobMetric::Finished])),
        graph(
            "Ledger: findings, and accounts checked",
            "Maximum",
            &jobs(&[JobMetric::LedgerFindings, JobMetric::LedgerAccounts]),
        ),
    ];
    let placed = graphs.into_iter().enumerate().map(|(at, graph)| {
        let (x, y) = (at % 3 * WIDTH, at / 3 * HEIGHT);
        json!({ "type": "metric", "x": x, "y": y, "width": WIDTH, "height": HEIGHT, "properties": graph })
    });
    let mut widgets: Vec<Value> = placed.collect();
    let below = widgets.len().div_ceil(3) * HEIGHT;
    widgets.push(json!({
        "type": "log", "x": 0, "y": below, "width": 3 * WIDTH, "height": HEIGHT, "properties": outcomes(),
    }));
    json!({ "widgets": widgets })
}

fn graph(title: &str, statistic: &str, metrics: &[Value]) -> Value {
    json!({
        "title": title, "region": "${AWS::Region}", "view": "timeSeries", "period": 300, "stat": statistic,
        "metrics": metrics,
    })
}

fn by_gateway(names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| json!(["AWS/ApiGateway", name, "ApiId", format!("${{{API}}}")])).collect()
}

fn own(name: &str, family: &str) -> Value {
    json!([metrics(), name, DIMENSION, family])
}

fn by_family(metric: RequestMetric) -> Vec<Value> {
    FAMILIES.iter().map(|family| own(metric.name(), family)).collect()
}

fn turned_away() -> Vec<Value> {
    std::iter::once(json!([metrics(), TURNED_AWAY])).chain(by_family(RequestMetric::Pressure)).collect()
}

fn jobs(metrics: &[JobMetric]) -> Vec<Value> {
    metrics.iter().map(|metric| own(metric.name(), BACKGROUND)).collect()
}

fn throttled() -> Vec<Value> {
    let tables = Table::ALL.into_iter().flat_map(|table| {
        let name = format!("${{{}}}", table_id(table));
        ["ReadThrottleEvents", "WriteThrottleEvents"].map(|metric| json!(["AWS/DynamoDB", metric, "TableName", name]))
    });
    tables.collect()
}

/// The log query for what no metric tells: which method had which outcome.
fn outcomes() -> Value {
    let query = "SOURCE logGroups(namePrefix:['/${AWS::StackName}/']) | stats count(*) by family,method,outcome";
    json!({ "title": "Outcomes", "region": "${AWS::Region}", "view": "table", "query": query })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_widget_covers_another() {
        let body = body();
        let widgets = body["widgets"].as_array().unwrap();
        let mut places: Vec<_> = widgets.iter().map(|widget| (widget["y"].as_u64(), widget["x"].as_u64())).collect();
        places.dedup();
        assert_eq!(places.len(), widgets.len());
        assert!(widgets.iter().all(|widget| widget["x"].as_u64().unwrap() < 24));
    }

    #[test]
    fn every_metric_of_ours_is_shown() {
        let body = body().to_string();
        let shown = |name: &str| body.contains(&format!("\"{name}\""));
        for metric in [RequestMetric::Duration, RequestMetric::Faults, RequestMetric::Pressure] {
            assert!(shown(metric.name()), "{metric:?}");
        }
        assert!(shown(JobMetric::LedgerFindings.name()) && shown(JobMetric::Age.name()));
    }
}
