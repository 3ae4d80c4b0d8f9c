//! The alarms: failures, slowness, throttling, background work that stays undone, a ledger that does not agree. Every
//! metric here is one that AWS or the functions (`shared::observe`) really emit.

use super::names::{API, LOGS};
use super::parameters::{ALARM_EMAIL, FAULTS, JOB_AGE, LATENCY, is_set};
use super::secrets::DATA_KEY;
use super::tables::table_id;
use super::yaml::{Map, Yaml};
use super::{metrics, policy, resource};
use crate::generate::deployment::Function;
use crate::names::pascal;
use shared::observe::{DIMENSION, JobMetric, RequestMetric};
use shared::store::Table;

/// The resource of the topic that alarms go to.
pub(super) const TOPIC: &str = "AlarmTopic";

/// The metric of requests that the gateway itself turned away; it is counted in the access log.
pub(super) const TURNED_AWAY: &str = "turned_away";

/// The families whose functions answer requests.
pub(super) const FAMILIES: [&str; 2] = ["stepchat", "voximplant"];
/// The family of scheduled work.
pub(super) const BACKGROUND: &str = "background";

/// The resource of the alarm for the gateway's own 5xx.
const SERVER_ERRORS: &str = "ServerErrorsAlarm";

const FIVE_MINUTES: i32 = 300;

pub(super) fn resources() -> Map {
    // Without the stack's name: a display name has at most 100 characters, a stack's name 128. The mail's subject names
    // the alarm.
    let topic = Map::new().with("DisplayName", "Switchboard").with("KmsMasterKeyId", Yaml::reference(DATA_KEY));
    let subscription = Map::new()
        .with("TopicArn", Yaml::reference(TOPIC))
        .with("Protocol", "email")
        .with("Endpoint", Yaml::reference(ALARM_EMAIL));
    let resources = Map::new()
        .heading("Alarms")
        .with(TOPIC, resource("AWS::SNS::Topic", topic))
        .gap()
        .with("AlarmTopicPolicy", resource("AWS::SNS::TopicPolicy", topic_policy()))
        .gap()
        .with(
            "AlarmSubscription",
            Map::new()
                .with("Type", "AWS::SNS::Subscription")
                .with("Condition", is_set(ALARM_EMAIL))
                .with("Properties", subscription),
        )
        .gap()
        .with("TurnedAway", resource("AWS::Logs::MetricFilter", turned_away()));
    alarms().into_iter().fold(resources, |resources, (id, alarm)| {
        let alarm = Map::new().with("AlarmName", name(&id)).and(alarm);
        resources.gap().with(&id, resource("AWS::CloudWatch::Alarm", alarm))
    })
}

/// The names of the alarms that stop and take back the release of a new version. References would be circular: a
/// release needs its alarms, an alarm of the API needs the API, and the API needs the alias that the release moves.
pub(super) fn of_release(function: &Function) -> Yaml {
    let family = FAMILIES.into_iter().find(|family| function.binary.starts_with(family)).unwrap_or_default();
    Yaml::from_iter([name(&faults_id(family)), name(SERVER_ERRORS)])
}

/// An alarm's name, which is known before the alarm exists.
fn name(id: &str) -> Yaml {
    Yaml::substituted(&format!("${{AWS::StackName}}-{id}"))
}

fn faults_id(family: &str) -> String {
    format!("{}FaultsAlarm", pascal(family))
}

/// Only this account's alarms may publish to the topic.
fn topic_policy() -> Map {
    let account = Map::new().with("aws:SourceAccount", Yaml::reference("AWS::AccountId"));
    let statement = Map::new()
        .with("Effect", "Allow")
        .with("Principal", Map::new().with("Service", "cloudwatch.amazonaws.com"))
        .with("Action", "sns:Publish")
        .with("Resource", Yaml::reference(TOPIC))
        .with("Condition", Map::new().with("StringEquals", account));
    Map::new()
        .with("Topics", Yaml::from_iter([Yaml::reference(TOPIC)]).on_one_line())
        .with("PolicyDocument", policy([statement]))
}

fn turned_away() -> Map {
    let metric = Map::new()
        .with("MetricNamespace", Yaml::substituted(&metrics()))
        .with("MetricName", TURNED_AWAY)
        .with("MetricValue", "1")
        .with("DefaultValue", 0);
    Map::new()
        .with("LogGroupName", Yaml::reference(LOGS))
        .with("FilterPattern", "{ $.status = \"429\" }")
        .with("MetricTransformations", Yaml::from_iter([metric]))
}

fn alarms() -> Vec<(String, Map)> {
    let mut alarms: Vec<(String, Map)> = FAMILIES
        .into_iter()
        .map(|family| {
            let about = format!("Requests of {family} failed by our fault: database, deadline or defect.");
            let metric = Metric::own(RequestMetric::Faults.name(), family).map();
            (faults_id(family), sum_alarm(&about, metric, Yaml::reference(FAULTS)))
        })
        .collect();
    alarms.push((
        SERVER_ERRORS.into(),
        sum_alarm(
            "The API answered 5xx: a function failed, or none was free.",
            gateway("5xx"),
            Yaml::reference(FAULTS),
        ),
    ));
    alarms.push(("LatencyAlarm".into(), slow()));
    alarms.push(("LoadAlarm".into(), load()));
    alarms.push(("TableThrottlesAlarm".into(), table_throttles()));
    alarms.push(("JobAgeAlarm".into(), job_age()));
    alarms.push(("LedgerAlarm".into(), ledger()));
    alarms
}

/// One metric of `CloudWatch`.
struct Metric {
    namespace: Yaml,
    name: String,
    dimension: Option<(&'static str, Yaml)>,
}

impl Metric {
    /// A metric that the functions emit.
    fn own(name: &str, family: &str) -> Self {
        let dimension = Some((DIMENSION, Yaml::from(family)));
        Self { namespace: Yaml::substituted(&metrics()), name: name.to_owned(), dimension }
    }

    fn map(self) -> Map {
        let dimensions = self.dimension.map(|(name, value)| {
            let dimension = Yaml::from(Map::new().with("Name", name).with("Value", value)).on_one_line();
            Yaml::from_iter([dimension])
        });
        Map::new().with("Namespace", self.namespace).with("MetricName", self.name).with_some("Dimensions", dimensions)
    }
}

fn gateway(name: &str) -> Map {
    let dimension = Some(("ApiId", Yaml::reference(API)));
    Metric { namespace: "AWS/ApiGateway".into(), name: name.to_owned(), dimension }.map()
}

/// What all alarms have: whom they notify, and how long the condition must last.
fn alarm(about: &str, watched: Map, lasting: (i32, i32), limit: impl Into<Yaml>, missing: &str) -> Map {
    let topic = Yaml::from_iter([Yaml::reference(TOPIC)]).on_one_line();
    let (periods, of_them) = lasting;
    Map::new()
        .with("AlarmDescription", about)
        .with("AlarmActions", topic.clone())
        .with("OKActions", topic)
        .and(watched)
        .with("EvaluationPeriods", periods)
        .with("DatapointsToAlarm", of_them)
        .with("ComparisonOperator", "GreaterThanThreshold")
        .with("Threshold", limit)
        .with("TreatMissingData", missing)
}

/// An alarm for a sum above a limit in five minutes.
fn sum_alarm(about: &str, metric: Map, limit: Yaml) -> Map {
    let watched = metric.with("Statistic", "Sum").with("Period", FIVE_MINUTES);
    alarm(about, watched, (1, 1), limit, "notBreaching")
}

fn slow() -> Map {
    let watched = gateway("Latency").with("ExtendedStatistic", "p99").with("Period", FIVE_MINUTES);
    let about = "One request of a hundred takes too long, for ten minutes of fifteen.";
    alarm(about, watched, (3, 2), Yaml::reference(LATENCY), "notBreaching")
}

/// Callers that are turned away, by the gateway's limits or by functions under pressure.
fn load() -> Map {
    let away = Metric { namespace: Yaml::substituted(&metrics()), name: TURNED_AWAY.into(), dimension: None };
    let pressed = FAMILIES.map(|family| Metric::own(RequestMetric::Pressure.name(), family));
    let metrics = std::iter::once(away).chain(pressed).map(|metric| (metric.map(), "Sum")).collect();
    let about = "Callers are turned away for load: see whether it is an attack before you raise a limit.";
    alarm(about, sum_of(metrics), (1, 1), Yaml::reference(FAULTS), "notBreaching")
}

/// The tables' own limits: a partition that is too hot, or an account's quota.
fn table_throttles() -> Map {
    let metrics = Table::ALL.into_iter().flat_map(|table| {
        ["ReadThrottleEvents", "WriteThrottleEvents"].into_iter().map(move |name| {
            let dimension = Some(("TableName", Yaml::reference(&table_id(table))));
            (Metric { namespace: "AWS/DynamoDB".into(), name: name.to_owned(), dimension }.map(), "Sum")
        })
    });
    let about = "DynamoDB throttles: requests wait and are repeated, or fail.";
    alarm(about, sum_of(metrics.collect()), (1, 1), Yaml::reference(FAULTS), "notBreaching")
}

/// The sum of several metrics over five minutes, as the expression an alarm watches.
fn sum_of(metrics: Vec<(Map, &str)>) -> Map {
    let terms: Vec<String> = (1..=metrics.len()).map(|number| format!("FILL(m{number}, 0)")).collect();
    let sum = Map::new().with("Id", "sum").with("Expression", terms.join(" + ")).with("Label", "in five minutes");
    let parts = metrics.into_iter().zip(1..).map(|((metric, statistic), number)| {
        let stat = Map::new().with("Metric", metric).with("Period", FIVE_MINUTES).with("Stat", statistic);
        Map::new().with("Id", format!("m{number}")).with("MetricStat", stat).with("ReturnData", false)
    });
    Map::new().with("Metrics", std::iter::once(sum.with("ReturnData", true)).chain(parts).collect::<Yaml>())
}

/// Work that stays undone; also jobs that do not run at all, whose metric is then missing. The state "insufficient
/// data" notifies of those, instead of missing data counting as bad: a new alarm begins in that state, so nobody is
/// notified before the first run.
fn job_age() -> Map {
    let metric = Metric::own(JobMetric::Age.name(), BACKGROUND).map();
    let watched = metric.with("Statistic", "Maximum").with("Period", FIVE_MINUTES);
    let about = "Background work is left undone for too long, or the jobs do not run.";
    let told = Yaml::from_iter([Yaml::reference(TOPIC)]).on_one_line();
    alarm(about, watched, (3, 3), Yaml::reference(JOB_AGE), "missing").with("InsufficientDataActions", told)
}

/// Every check finds an existing finding again, so one is enough for the alarm; without data the alarm keeps its state.
fn ledger() -> Map {
    let metric = Metric::own(JobMetric::LedgerFindings.name(), BACKGROUND).map();
    let watched = metric.with("Statistic", "Maximum").with("Period", FIVE_MINUTES);
    let about = "The ledger does not agree with its journal. Stop transfers and see the runbook.";
    alarm(about, watched, (1, 1), 0, "ignore")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alarm_tells_the_topic_and_says_what_missing_data_means() {
        let text = resources().document();
        let count = alarms().len();
        for promise in ["AlarmActions: [!Ref AlarmTopic]", "TreatMissingData:", "DatapointsToAlarm:"] {
            assert_eq!(text.matches(promise).count(), count, "{promise}");
        }
        let missed = ["TreatMissingData: missing", "InsufficientDataActions: [!Ref AlarmTopic]"];
        for told in missed {
            assert_eq!(text.matches(told).count(), 1, "only jobs that stay away are a failure");
        }
        assert!(!text.contains("TreatMissingData: breaching"), "a new alarm would be on before the first run");
    }

    #[test]
    fn each_family_has_its_faults_and_the_jobs_theirs() {
        let text = resources().document();
        for name in ["StepchatFaultsAlarm:", "VoximplantFaultsAlarm:", "job_age_seconds", "ledger_findings", "5xx"] {
            assert!(text.contains(name), "{name} is missing from\n{text}");
        }
    }
}
