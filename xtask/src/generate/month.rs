//! A month's bill, as `docs/costs.md` shows it: three deployments with a stated mix of calls, lists at their real size.

use super::access_patterns::{Cost, Measured, cost_of_last};
use super::deployment::Function;
use super::prices;
use crate::seed::{self, Sink};
use ::tests::App;
use anyhow::{Context, Result};
use serde_json::json;
use shared::entry::MethodEntry;
use shared::observe::{JobMetric, RequestMetric};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Calls that one person causes in a month, of the methods that make a difference.
const MIX: [(&str, f64); 18] = [
    ("update-users-last-activity", 60.0),
    ("get-user", 20.0),
    ("current-url", 10.0),
    ("send-message", 10.0),
    ("get-conversation", 5.0),
    ("is-online", 5.0),
    ("set-typing", 5.0),
    ("get-user-by", 2.0),
    ("get-users", 0.5),
    ("search-users", 0.5),
    ("login", 0.5),
    ("new-conversation", 0.5),
    ("update-user", 0.3),
    ("add-user", 0.1),
    ("TransferMoneyToUser", 0.5),
    ("GetUsers", 0.2),
    ("SetUserInfo", 0.1),
    ("AddUser", 0.05),
];
/// How many people the three deployments have.
const SIZES: [u64; 3] = [1_000, 10_000, 1_000_000];
/// People on the lists that are measured: a full page and some more.
const LISTED: u64 = 150;

/// Runs of the jobs in a month: one a minute.
const RUNS: f64 = 30.0 * 24.0 * 60.0;
/// Dollars a month for each secret in Secrets Manager, and for a key that the account owns.
const SECRET: f64 = 0.40;
const KEY: f64 = 1.00;
/// Dollars a month for each custom metric while it is emitted, and for each metric that an alarm watches.
const METRIC: f64 = 0.30;
const ALARM_METRIC: f64 = 0.10;
/// Metrics that the template's alarms watch.
const WATCHED: f64 = 17.0;
/// Dollars for a gigabyte of logs, and of tables and of their backup for a month.
const LOG_GIGABYTE: f64 = 0.50;
const TABLE_GIGABYTE: f64 = 0.25 + 0.20;
/// Kilobytes that a call leaves in the logs: the function's own line, the gateway's, and Lambda's three.
const LOG_KILOBYTES: f64 = 1.6;
/// Kilobytes that a person takes in the tables, with three extras, ten messages and what DynamoDB adds to each item.
const PERSON_KILOBYTES: f64 = 20.0;
const KILOBYTES: f64 = 1_000_000.0;

/// What the calls of the mix cost at their real size, and what a run of the jobs costs.
pub(super) struct RealSizes {
    calls: BTreeMap<&'static str, Cost>,
    jobs: Cost,
}

/// Heartbeats that are measured, one a minute: some of them move the user in the list by activity.
const HEARTBEATS: usize = 4;

/// The average cost of these calls, with the maximum of their round trips.
#[expect(clippy::cast_precision_loss, reason = "a few calls")]
fn middle(costs: &[Cost]) -> Cost {
    let number = costs.len() as f64;
    Cost {
        round_trips: costs.iter().map(|cost| cost.round_trips).max().unwrap_or_default(),
        read_units: costs.iter().map(|cost| cost.read_units).sum::<f64>() / number,
        write_units: costs.iter().map(|cost| cost.write_units).sum::<f64>() / number,
        hashes: 0,
    }
}

/// Measures lists with a full page, heartbeats, and a run of the jobs with nothing to do.
pub(super) fn real_sizes() -> Result<RealSizes> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(measure())
}

async fn measure() -> Result<RealSizes> {
    let app = App::new().await;
    let sink = Sink::shared(&app.database);
    seed::stepchat(&app.app, sink, LISTED, 1, |_| ()).await?;
    for number in 0..LISTED {
        app.add_voximplant_user(&format!("user{number}"), json!({})).await;
    }
    app.run_jobs_to_the_end().await;
    let mut calls = BTreeMap::new();
    let listed = app.stepchat("get-users", json!({})).await.response();
    calls.insert("get-users", cost_of_last(&app));
    app.stepchat("search-users", json!({ "search": listed.pointer("/0/last_name") })).await.response();
    calls.insert("search-users", cost_of_last(&app));
    let mut heartbeats = Vec::with_capacity(HEARTBEATS);
    for _ in 0..HEARTBEATS {
        app.wait_millis(60_000);
        app.stepchat("update-users-last-activity", json!({ "user_id": 2 })).await.response();
        heartbeats.push(cost_of_last(&app));
    }
    calls.insert("update-users-last-activity", middle(&heartbeats));
    app.voximplant("GetUsers", json!({ "application_id": 1, "count": 100 })).await;
    calls.insert("GetUsers", cost_of_last(&app));
    app.run_jobs().await;
    Ok(RealSizes { calls, jobs: cost_of_last(&app) })
}

/// This part of the document.
pub(super) fn text(measured: &[Measured], sizes: &RealSizes) -> String {
    let methods: BTreeMap<&str, (&MethodEntry, Cost)> = measured
        .iter()
        .flat_map(|family| &family.methods)
        .map(|(entry, cost)| (entry.name, (entry, *sizes.calls.get(entry.name).unwrap_or(cost))))
        .collect();
    // Sums of the mix for a person and month: calls, and dollars for the database, for functions and for the gateway.
    let mut person = [0.0; 4];
    let mut rows = Vec::new();
    for (method, calls) in MIX {
        let Some((entry, cost)) = methods.get(method) else { continue };
        let memory = prices::gigabytes(Function::of_method(entry).memory());
        let dollars =
            [prices::database(*cost), prices::function(*cost, memory), prices::GATEWAY].map(|part| part / 1e6);
        person[0] += calls;
        for (sum, part) in person.iter_mut().skip(1).zip(dollars) {
            *sum += part * calls;
        }
        rows.push((method, calls, *cost, dollars.iter().sum::<f64>() * calls));
    }
    let mut page = head(sizes);
    bills(&mut page, person, sizes);
    mix(&mut page, rows);
    page
}

/// Dollars a month that the jobs' runs cost.
fn jobs(sizes: &RealSizes) -> f64 {
    let memory = prices::gigabytes(super::deployment::MEMORY);
    (prices::database(sizes.jobs) + prices::function(sizes.jobs, memory)) * RUNS / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "a dozen metrics")]
fn metrics(families: usize) -> f64 {
    let of_requests = RequestMetric::ALL.len() * families;
    (of_requests + JobMetric::ALL.len()) as f64 * METRIC
}

/// What a stack that nobody calls costs a month, and what is added once both families are called.
fn fixed(sizes: &RealSizes) -> (f64, f64) {
    let idle = 2.0 * SECRET + KEY + WATCHED * ALARM_METRIC + metrics(1) + jobs(sizes);
    (idle, metrics(3) - metrics(1))
}

fn head(sizes: &RealSizes) -> String {
    let (idle, used) = fixed(sizes);
    format!(
        "\n## A month\n\nThree deployments, by the formula below, with all that a stack costs beside its calls. The free tier (10 \
         metrics, 10 alarms, 25 GB of tables, 5 GB of logs, a million invocations) would lower it; it is not taken off. Not in \
         it: traces, file storage, transfer out. *The stack itself* is fixed; everything else grows with use.\n\n\
         A stack that **nobody calls** costs **{idle:.2}** a month: two secrets {:.2}, a key {KEY:.2}, alarms on {WATCHED} metrics \
         {:.2}, the jobs' own metrics {:.2}, a run of the jobs each minute {:.2}. Once both families are called there are {used:.2} \
         more for their metrics. The dashboard is free among the first three of an account.\n",
        2.0 * SECRET,
        WATCHED * ALARM_METRIC,
        metrics(1),
        jobs(sizes),
    )
}

#[expect(clippy::cast_precision_loss, reason = "a million people")]
fn bills(page: &mut String, [calls, database, function, gateway]: [f64; 4], sizes: &RealSizes) {
    let (idle, used) = fixed(sizes);
    page.push_str(
        "\n| Dollars a month | 1,000 people | 10,000 people | 1,000,000 people |\n| --- | ---: | ---: | ---: |\n",
    );
    let mut row = |name: &str, of: &dyn Fn(f64) -> f64| {
        let columns = SIZES.map(|people| format!("{:.2}", of(people as f64)));
        let _ = writeln!(page, "| {name} | {} |", columns.join(" | "));
    };
    let logs = |people: f64| people * calls * LOG_KILOBYTES / KILOBYTES * LOG_GIGABYTE;
    let tables = |people: f64| people * PERSON_KILOBYTES / KILOBYTES * TABLE_GIGABYTE;
    row("the stack itself", &|_| idle + used);
    row("database", &|people| people * database);
    row("functions", &|people| people * function);
    row("gateway", &|people| people * gateway);
    row("logs", &logs);
    row("tables and their backup", &tables);
    row("**in all**", &|people| idle + used + people * (database + function + gateway) + logs(people) + tables(people));
}

fn mix(page: &mut String, mut rows: Vec<(&str, f64, Cost, f64)>) {
    rows.sort_by(|(.., left), (.., right)| right.total_cmp(left));
    let all: f64 = rows.iter().map(|(.., dollars)| dollars).sum();
    page.push_str(
        "\nWhat one person causes in a month, the dearest first. Lists are full pages of a hundred; heartbeats (a page \
         says that its reader is still there) come once a minute:\n\n| Method | Calls | Round trips | Read units | Write units | Share |\n| --- | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for (method, calls, cost, dollars) in rows {
        let _ = writeln!(
            page,
            "| `{method}` | {calls} | {} | {} | {} | {:.0} % |",
            cost.round_trips,
            cost.read_units,
            cost.write_units,
            dollars / all * 100.0
        );
    }
    page.push_str(
        "\n**To pay less**: heartbeats and page views every few minutes instead of every minute (`update-users-last-activity`, \
         `current-url`); ask for one person with `get-user` instead of a page with `get-users`, which reads each of its hundred; \
         `LogRetentionDays=7`; in a stack for trying, take the alarms' resources out, or `sam delete` it over night (its tables \
         stay). What cannot be switched off: backup, the key, the secrets.\n",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_is_of_methods_that_there_are() {
        let registry = super::super::Registry::compiled();
        let names: Vec<&str> =
            registry.families.iter().flat_map(|family| family.methods).map(|entry| entry.name).collect();
        for (method, calls) in MIX {
            assert!(names.contains(&method) && calls > 0.0, "{method}");
        }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "both count")]
    fn alarms_watch_as_many_metrics_as_the_bill_says() {
        let template = super::super::template().text;
        let (mut in_alarm, mut watched) = (false, 0.0);
        for line in template.lines() {
            if let Some(kind) = line.strip_prefix("    Type: ") {
                in_alarm = kind == "AWS::CloudWatch::Alarm";
            } else if in_alarm && line.contains("MetricName:") {
                watched += 1.0;
            }
        }
        assert_eq!(watched, WATCHED);
    }
}
