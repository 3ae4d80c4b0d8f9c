//! Functions with stricter settings than the rest: what they do is expensive, or can be abused by frequent calls.

use super::yaml::{Map, Yaml};
use super::{alarms, parameters};
use crate::generate::deployment::{Function, Trigger};
use crate::workspace::FRONT_DOOR;

/// Asks for a password.
const LOGIN: &str = "stepchat-login";
/// Moves money.
const TRANSFER: &str = "voximplant-transfer-money-to-user";
/// Work on all users at once.
const BULK: [&str; 4] =
    ["stepchat-csv-users", "stepchat-delete-leads", "stepchat-delete-users", "voximplant-del-application"];

/// Whether its routes take few requests a second, from all callers together.
pub(super) fn is_sensitive(function: &Function) -> bool {
    [LOGIN, TRANSFER].contains(&function.binary.as_str())
}

/// Whether the callers shift to a new version of it step by step.
fn is_released_slowly(function: &Function) -> bool {
    is_sensitive(function) || function.binary.ends_with(FRONT_DOOR)
}

/// The parameter that reserves some of the account's concurrency for it, and limits it to that.
fn concurrency(function: &Function) -> Option<&'static str> {
    match function.binary.as_str() {
        LOGIN => Some(parameters::LOGIN_CONCURRENCY),
        TRANSFER => Some(parameters::TRANSFER_CONCURRENCY),
        binary if BULK.contains(&binary) => Some(parameters::BULK_CONCURRENCY),
        _ if function.binary.ends_with(FRONT_DOOR) => Some(parameters::FRONT_DOOR_CONCURRENCY),
        // The jobs run once a minute, so they need no limit.
        _ => matches!(function.trigger, Trigger::Routes(_)).then_some(parameters::FUNCTION_CONCURRENCY),
    }
}

/// The properties that follow from these rules.
pub(super) fn properties(function: &Function) -> Map {
    let reserved = concurrency(function).map(|parameter| {
        let condition = parameters::is_set(parameter);
        Yaml::Scalar(format!("!If [{condition}, !Ref {parameter}, !Ref AWS::NoValue]"))
    });
    let properties = Map::new().with_some("ReservedConcurrentExecutions", reserved);
    if !is_released_slowly(function) {
        return properties;
    }
    // SAM takes this form to mean that no alarm is watched.
    let unwatched = Yaml::from_iter([Yaml::reference("AWS::NoValue")]);
    let watched = Yaml::either(parameters::RELEASE_IS_WATCHED, alarms::of_release(function), unwatched);
    let preference = Map::new().with("Type", Yaml::reference(parameters::RELEASE)).with("Alarms", watched);
    properties
        .with("AutoPublishAlias", "live")
        // SAM names the version after this. By itself SAM would notice that the code's address has changed, but not
        // that a parameter has: the alias would keep the old settings.
        .with("AutoPublishCodeSha256", Yaml::reference(parameters::REVISION))
        .with("DeploymentPreference", preference)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Registry, deployment};

    #[test]
    fn each_function_named_here_exists() {
        let groups = deployment::groups(&Registry::compiled());
        let binaries: Vec<_> = groups.iter().flat_map(|group| &group.functions).map(|known| &known.binary).collect();
        for binary in [LOGIN, TRANSFER].into_iter().chain(BULK) {
            assert!(binaries.iter().any(|known| *known == binary), "{binary}");
        }
    }

    #[test]
    fn a_transfer_is_released_slowly_and_may_be_given_its_share() {
        let groups = deployment::groups(&Registry::compiled());
        let mut functions = groups.iter().flat_map(|group| &group.functions);
        let transfer = functions.find(|function| function.binary == TRANSFER).unwrap();
        let text = properties(transfer).document();
        assert!(text.contains("AutoPublishAlias: live") && text.contains("!Ref TransferConcurrency"), "{text}");
        let slowly = groups.iter().flat_map(|group| &group.functions).filter(|one| is_released_slowly(one)).count();
        assert_eq!(slowly, 4);
    }
}
