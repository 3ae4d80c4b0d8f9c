//! What a deployment may choose. Invalid values are refused before anything is deployed.

use super::yaml::{Map, Yaml};
use crate::names::pascal;
use shared::config::{Form, VARIABLES, Variable};
use std::fmt;

/// Name of the parameter with the processor architecture.
pub(super) const ARCHITECTURE: &str = "Architecture";
/// Name of the parameter with the days logs are kept.
pub(super) const LOG_RETENTION: &str = "LogRetentionDays";
/// Requests a second that a route takes.
pub(super) const RATE: &str = "RouteRate";
/// Requests at once that a route takes.
pub(super) const BURST: &str = "RouteBurst";
/// Requests a second that the routes of login and transfers take.
pub(super) const SENSITIVE_RATE: &str = "SensitiveRouteRate";
/// Requests at once that the routes of login and transfers take.
pub(super) const SENSITIVE_BURST: &str = "SensitiveRouteBurst";
/// The domain name of one's own.
pub(super) const DOMAIN: &str = "DomainName";
/// Its certificate.
pub(super) const CERTIFICATE: &str = "CertificateArn";
/// The origins whose pages may call.
pub(super) const CORS: &str = "CorsOrigins";
/// Reserved concurrency of `login`.
pub(super) const LOGIN_CONCURRENCY: &str = "LoginConcurrency";
/// Reserved concurrency of transfers.
pub(super) const TRANSFER_CONCURRENCY: &str = "TransferConcurrency";
/// Reserved concurrency of each function that works on all users at once.
pub(super) const BULK_CONCURRENCY: &str = "BulkConcurrency";
/// Reserved concurrency of each other method.
pub(super) const FUNCTION_CONCURRENCY: &str = "FunctionConcurrency";
/// Reserved concurrency of each front door.
pub(super) const FRONT_DOOR_CONCURRENCY: &str = "FrontDoorConcurrency";
/// The parameters for reserved concurrency.
const CONCURRENCIES: [&str; 5] =
    [LOGIN_CONCURRENCY, TRANSFER_CONCURRENCY, BULK_CONCURRENCY, FUNCTION_CONCURRENCY, FRONT_DOOR_CONCURRENCY];
/// The most read units a second of each table and index.
pub(super) const READ_CEILING: &str = "TableReadCeiling";
/// The most write units a second of each table and index.
pub(super) const WRITE_CEILING: &str = "TableWriteCeiling";
/// The condition that at least one of these two is set.
pub(super) const HAS_CEILING: &str = "HasTableCeiling";
/// Increased when a secret is changed, so that functions read their secrets again.
pub(super) const SECRETS_REVISION: &str = "SecretsRevision";
/// How callers shift to a new version.
pub(super) const RELEASE: &str = "Release";
/// Whether an alarm stops a release.
const RELEASE_ALARMS: &str = "ReleaseAlarms";
/// The condition that an alarm stops a release.
pub(super) const RELEASE_IS_WATCHED: &str = "ReleaseIsWatched";
/// A digest of what is deployed, binaries and parameters, as the deploy tool computes it.
pub(super) const REVISION: &str = "Revision";
/// The address that alarms are sent to.
pub(super) const ALARM_EMAIL: &str = "AlarmEmail";
/// How many failures in five minutes are an alarm.
pub(super) const FAULTS: &str = "AlarmFailures";
/// The latency above which there is an alarm.
pub(super) const LATENCY: &str = "AlarmLatencyMillis";
/// How old background work may be.
pub(super) const JOB_AGE: &str = "AlarmJobAgeSeconds";

/// Periods that CloudWatch Logs knows, from a day to ten years.
const RETENTIONS: [u16; 18] = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653];

/// All callers at once, a tenth of them first, or a tenth more every minute; taken back if an alarm goes off meanwhile.
const RELEASES: [&str; 4] =
    ["AllAtOnce", "Canary10Percent5Minutes", "Canary10Percent30Minutes", "Linear10PercentEvery1Minute"];

/// The value of a concurrency or a ceiling that sets no limit.
const UNSET: i32 = -1;

pub(super) fn parameters() -> Map {
    let retentions = Yaml::from_iter(RETENTIONS).on_one_line();
    let parameters = Map::new()
        .with(
            ARCHITECTURE,
            one_of("Processor of the functions; the binaries must be built for it.", &["x86_64", "arm64"]),
        )
        .with(
            LOG_RETENTION,
            Map::new()
                .with("Type", "Number")
                .with("Description", "Days to keep the functions' logs and the API's.")
                .with("Default", 30)
                .with("AllowedValues", retentions),
        )
        .with(REVISION, revision())
        .with(
            SECRETS_REVISION,
            number("Count it up when a secret was changed: functions read theirs anew.", 1, (1, 1_000_000)),
        )
        .with(
            RELEASE,
            one_of("How traffic shifts to a new version of login, transfers and the front doors.", &RELEASES),
        )
        .with(
            RELEASE_ALARMS,
            one_of(
                "Whether an alarm stops a release and takes it back; off: to release while one is on.",
                &["on", "off"],
            ),
        )
        .heading("API")
        .with(RATE, number("Requests a second that each route takes, from all callers together.", 200, (1, 10_000)))
        .with(BURST, number("Requests at once that each route takes, from all callers together.", 400, (1, 5_000)))
        .with(SENSITIVE_RATE, number("Requests a second that the routes of login and transfer take.", 10, (1, 10_000)))
        .with(SENSITIVE_BURST, number("Requests at once that the routes of login and transfer take.", 20, (1, 5_000)))
        .with(CORS, cors())
        .with(DOMAIN, domain())
        .with(CERTIFICATE, certificate())
        .heading("Functions")
        .with(LOGIN_CONCURRENCY, concurrency("login"))
        .with(TRANSFER_CONCURRENCY, concurrency("TransferMoneyToUser"))
        .with(BULK_CONCURRENCY, concurrency("each function for all users"))
        .with(FUNCTION_CONCURRENCY, concurrency("each other method"))
        .with(FRONT_DOOR_CONCURRENCY, concurrency("each front door"))
        .heading("Tables")
        .with(READ_CEILING, ceiling("Read"))
        .with(WRITE_CEILING, ceiling("Write"))
        .heading("Alarms")
        .with(ALARM_EMAIL, email())
        .with(FAULTS, number("Failures in five minutes that are not an alarm yet.", 5, (0, 100_000)))
        .with(LATENCY, number("Milliseconds that the slowest of a hundred requests may take.", 3_000, (100, 29_000)))
        .with(JOB_AGE, number("Seconds for which background work may be left undone.", 900, (120, 86_400)));
    settings().fold(parameters.heading("Settings"), |parameters, (variable, default)| {
        parameters.with(&pascal(variable.name), setting(variable, default))
    })
}

/// A parameter, as docs/settings.md shows it.
pub(in crate::generate) struct Choice {
    pub(in crate::generate) name: String,
    pub(in crate::generate) default: String,
    pub(in crate::generate) values: String,
    pub(in crate::generate) about: String,
}

/// Every parameter, as docs/settings.md shows it.
pub(in crate::generate) fn choices() -> Vec<Choice> {
    let parameters = parameters();
    let choices = parameters.entries().filter_map(|(name, value)| {
        let Yaml::Map(parameter) = value else { return None };
        let texts = |property: &str| parameter.get(property).map(Yaml::texts).unwrap_or_default();
        let allowed: Vec<String> = texts("AllowedValues").iter().map(|value| format!("`{value}`")).collect();
        let values = match texts("ConstraintDescription").concat() {
            constraint if allowed.is_empty() => {
                constraint.trim_start_matches("must ").trim_start_matches("be ").to_owned()
            }
            _ => allowed.join(" or "),
        };
        let name = name.to_owned();
        Some(Choice { name, default: texts("Default").concat(), values, about: texts("Description").concat() })
    });
    choices.collect()
}

/// The conditions on parameters that the rest of the template uses.
pub(super) fn conditions() -> Map {
    let set = |conditions: Map, parameter: &str, unset: &str| {
        conditions.with(&is_set(parameter), Yaml::Scalar(format!("!Not [!Equals [!Ref {parameter}, {unset}]]")))
    };
    let conditions =
        [CORS, ALARM_EMAIL, DOMAIN].into_iter().fold(Map::new(), |all, parameter| set(all, parameter, "\"\""));
    let conditions = CONCURRENCIES.into_iter().fold(conditions, |all, limit| set(all, limit, &UNSET.to_string()));
    // Quoted, since these parameters are texts.
    let unset = format!("\"{UNSET}\"");
    let ceilings = [READ_CEILING, WRITE_CEILING].into_iter();
    let conditions = ceilings.fold(conditions, |all, ceiling| set(all, ceiling, &unset));
    let either = [READ_CEILING, WRITE_CEILING].map(|ceiling| format!("!Condition {}", is_set(ceiling)));
    let conditions = conditions.with(HAS_CEILING, Yaml::Scalar(format!("!Or [{}]", either.join(", "))));
    conditions.with(RELEASE_IS_WATCHED, Yaml::Scalar(format!("!Equals [!Ref {RELEASE_ALARMS}, \"on\"]")))
}

/// The condition that a parameter has a value.
pub(super) fn is_set(parameter: &str) -> String {
    format!("Has{parameter}")
}

fn one_of(about: &str, values: &[&str]) -> Map {
    Map::new()
        .with("Type", "String")
        .with("Description", about)
        .with("Default", values.first().copied().unwrap_or_default())
        .with("AllowedValues", values.iter().copied().collect::<Yaml>().on_one_line())
}

/// Without a default: a release that leaves the revision out would keep the old version in place.
fn revision() -> Map {
    Map::new()
        .with("Type", "String")
        .with("Description", "Another text for other binaries or parameters; `cargo xtask deploy` works it out.")
        .with("AllowedPattern", "^[0-9a-zA-Z]{10,64}$")
        .with("ConstraintDescription", "must have 10 to 64 letters and digits, of which the first ten count")
}

fn number(about: &str, default: impl fmt::Display, (least, most): (i32, i32)) -> Map {
    Map::new()
        .with("Type", "Number")
        .with("Description", about)
        .with("Default", Yaml::Scalar(default.to_string()))
        .with("MinValue", least)
        .with("MaxValue", most)
        .with("ConstraintDescription", format!("must be a number from {least} to {most}"))
}

fn concurrency(what: &str) -> Map {
    let about = format!("Runs of {what} at the same time, at most, and kept free for it; -1: no such limit.");
    number(&about, UNSET, (UNSET, 1_000))
}

fn cors() -> Map {
    pattern(
        "Origins whose pages may call the API from a browser, separated by commas, or *. Empty: none.",
        "",
        "^$|^[*]$|^https?://[A-Za-z0-9.:-]+(,https?://[A-Za-z0-9.:-]+)*$",
        "must be empty, *, or origins such as https://example.com separated by commas without blanks",
    )
}

fn ceiling(what: &str) -> Map {
    pattern(
        &format!("{what} units a second of each table and index, beyond which callers wait or fail; -1: no ceiling."),
        &UNSET.to_string(),
        "^(-1|[1-9][0-9]{0,7})$",
        "must be -1 or a number from 1 to 99999999",
    )
}

fn domain() -> Map {
    pattern(
        "Domain name of one's own for both APIs; with CertificateArn. Empty: AWS's own address alone.",
        "",
        "^$|^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z][a-z0-9-]{0,61}[a-z0-9]$",
        "must be empty or a domain name in lower case, such as users.example.com",
    )
}

fn certificate() -> Map {
    pattern(
        "The domain name's certificate in Certificate Manager, of the stack's own region.",
        "",
        "^$|^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9a-zA-Z-]+$",
        "must be empty or the ARN of a certificate, such as arn:aws:acm:eu-central-1:123456789012:certificate/...",
    )
}

fn email() -> Map {
    pattern(
        "Address that alarms are sent to; it gets a mail to confirm first. Empty: nobody is told.",
        "",
        "^$|^[^@ ]+@[^@ ]+$",
        "must be empty or an e-mail address",
    )
}

fn pattern(about: &str, default: &str, pattern: &str, constraint: &str) -> Map {
    Map::new()
        .with("Type", "String")
        .with("Description", about)
        .with("Default", default)
        .with("AllowedPattern", pattern)
        .with("ConstraintDescription", constraint)
}

/// The variables a deployment may set, each with its default.
pub(super) fn settings() -> impl Iterator<Item = (&'static Variable, &'static str)> {
    VARIABLES.iter().filter_map(|variable| Some((variable, variable.default?)))
}

fn setting(variable: &Variable, default: &str) -> Map {
    let about = variable.about;
    match variable.form {
        Form::Flag => {
            let values = Yaml::from_iter(["true", "false"]).on_one_line();
            Map::new()
                .with("Type", "String")
                .with("Description", about)
                .with("Default", default)
                .with("AllowedValues", values)
        }
        Form::Number(least, most) => number(about, default, (least, most)),
        Form::CountOrNone => pattern(about, default, "^(none|[0-9]{1,9})$", "must be a number, or none"),
        Form::Text(most) => {
            let text = Map::new().with("Type", "String").with("Description", about).with("Default", default);
            text.with("MinLength", 1)
                .with("MaxLength", Yaml::Scalar(most.to_string()))
                .with("ConstraintDescription", format!("must have 1 to {most} characters"))
        }
        // A stack makes its own secrets.
        Form::Secret => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::config::Config;

    #[test]
    fn every_setting_but_the_secrets_is_a_parameter() {
        let text = parameters().document();
        for variable in &VARIABLES {
            let there = text.contains(&format!("{}:\n", pascal(variable.name)));
            assert_eq!(there, variable.default.is_some(), "{}", variable.name);
        }
    }

    #[test]
    fn what_the_template_lets_through_is_what_functions_start_with() {
        let starts = |name: &str, value: i32| {
            let secret = "A".repeat(64);
            let lookup = |other: &str| match other {
                _ if other == name => Some(value.to_string()),
                "SWITCHBOARD_TOKEN_SECRET" => Some(secret.clone()),
                _ => None,
            };
            Config::read(lookup).is_ok()
        };
        for (variable, _) in settings() {
            if let Form::Text(most) = variable.form {
                let lookup = |text: String| {
                    move |other: &str| match other {
                        _ if other == variable.name => Some(text.clone()),
                        "SWITCHBOARD_TOKEN_SECRET" => Some("A".repeat(64)),
                        _ => None,
                    }
                };
                let is_taken = |length| Config::read(lookup("я".repeat(length))).is_ok();
                assert!(is_taken(most) && !is_taken(most + 1), "{}", variable.name);
            }
        }
        let mut ranges = 0;
        for (variable, default) in settings() {
            if let (Form::Number(least, most), Ok(default)) = (variable.form, default.parse()) {
                ranges += 1;
                for (value, good) in
                    [(least - 1, false), (least, true), (default, true), (most, true), (most + 1, false)]
                {
                    assert_eq!(starts(variable.name, value), good, "{}={value}", variable.name);
                }
            }
        }
        assert!(ranges >= 3);
    }

    #[test]
    fn every_parameter_is_described_and_constrained() {
        let text = parameters().document();
        let count = text.lines().filter(|line| line.starts_with("  Description:")).count();
        let bounds = ["AllowedValues:", "AllowedPattern:", "MinValue:", "MinLength:"];
        let constrained: usize = bounds.iter().map(|bound| text.matches(bound).count()).sum();
        assert!(count > 20 && count == constrained, "{count}, {constrained}: {text}");
    }
}
