//! The API's own log, which also holds requests that reach no function.

use super::logs::encrypted_logs;
use super::names::LOGS;
use super::resource;
use super::yaml::{Map, Yaml};

/// What is logged of a request. A function's own line has the same `request_id`. The path as it was sent, the query,
/// headers and the body are never logged: they can hold tokens.
const FIELDS: [(&str, &str); 9] = [
    ("time", "$context.requestTime"),
    ("request_id", "$context.requestId"),
    ("route", "$context.routeKey"),
    ("status", "$context.status"),
    ("sourceIp", "$context.identity.sourceIp"),
    ("bytes", "$context.responseLength"),
    ("millis", "$context.responseLatency"),
    ("functionStatus", "$context.integrationStatus"),
    ("error", "$context.integrationErrorMessage"),
];

pub(super) fn resources() -> Map {
    Map::new().gap().with(LOGS, resource("AWS::Logs::LogGroup", encrypted_logs("api")))
}

/// Where and in which form the stage logs.
pub(super) fn settings() -> Map {
    let fields = FIELDS.iter().map(|(name, value)| format!("\"{name}\":\"{value}\""));
    let format = format!("{{{}}}", fields.collect::<Vec<_>>().join(","));
    Map::new().with("DestinationArn", Yaml::attribute(LOGS, "Arn")).with("Format", Yaml::folded(&format))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_holds_nothing_that_a_caller_could_have_put_a_secret_into() {
        for (name, value) in FIELDS {
            for forbidden in ["path", "query", "header", "body", "authorizer", "userAgent", "protocol"] {
                assert!(!value.contains(forbidden) && name != forbidden, "{name}: {value}");
            }
        }
    }
}
