//! The functions, each with its log group.

use super::bucket::BUCKET;
use super::logs::encrypted_logs;
use super::parameters::{ARCHITECTURE, SECRETS_REVISION, settings};
use super::tables::table_id;
use super::yaml::{Map, Yaml};
use super::{api, care, function_id, logs_id, metrics, resource, roles, secrets};
use crate::generate::deployment::{Function, Group, MEMORY, Trigger};
use crate::names::pascal;
use shared::config::{METRICS_NAMESPACE, Needs};
use shared::store::files::BUCKET_VARIABLE;

/// Seconds a request may take: the API gives up after 30.
const TIMEOUT: u16 = 29;
/// Seconds a job may take: the next one comes after 60.
const JOB_TIMEOUT: u16 = 60;

/// What all functions have in common.
pub(super) fn globals() -> Map {
    let variables = Map::new().with(METRICS_NAMESPACE, Yaml::substituted(&metrics()));
    let variables = settings().fold(variables, |variables, (variable, _)| {
        variables.with(variable.name, Yaml::reference(&pascal(variable.name)))
    });
    let function = Map::new()
        .with("Runtime", "provided.al2023")
        .with("Handler", "bootstrap")
        .with("Architectures", Yaml::from_iter([Yaml::reference(ARCHITECTURE)]).on_one_line())
        .with("MemorySize", MEMORY)
        .with("Timeout", TIMEOUT)
        .with("Tracing", "Active")
        .with("Environment", Map::new().with("Variables", variables));
    Map::new().with("Function", function)
}

pub(super) fn resources(group: &Group) -> Map {
    group.functions.iter().enumerate().fold(Map::new(), |resources, (at, function)| {
        let resources = if at == 0 { resources.heading(&group.title) } else { resources.gap() };
        resources
            .with(&function_id(function), resource("AWS::Serverless::Function", properties(function)))
            .with(&roles::role_id(function), roles::role(function))
            .with(&logs_id(function), resource("AWS::Logs::LogGroup", encrypted_logs(&function.binary)))
    })
}

fn properties(function: &Function) -> Map {
    let tables = function.tables().into_iter();
    let tables =
        tables.fold(Map::new(), |tables, table| tables.with(table.variable(), Yaml::reference(&table_id(table))));
    let variables = secrets::variables(function.needs).fold(tables, |variables, (name, value)| {
        variables
            .remark("Read when the stack is deployed. Whoever may see a function's settings sees it.")
            .with(name, value)
    });
    // CloudFormation reads a secret again only for a function that changes.
    let generation = (function.needs != Needs::NONE).then(|| Yaml::reference(SECRETS_REVISION));
    let variables = variables.with_some("SWITCHBOARD_SECRETS_REVISION", generation);
    let bucket = function.keeps_files().then(|| Yaml::reference(BUCKET));
    let memory = Some(function.memory()).filter(|memory| *memory != MEMORY);
    let timeout = (function.trigger == Trigger::EveryMinute).then_some(JOB_TIMEOUT);
    Map::new()
        .with("Description", function.about.as_str())
        .with("CodeUri", format!("target/lambda/{}/", function.binary))
        .with_some("MemorySize", memory)
        .with_some("Timeout", timeout)
        .with("LoggingConfig", Map::new().with("LogGroup", Yaml::reference(&logs_id(function))))
        .with("Environment", Map::new().with("Variables", variables.with_some(BUCKET_VARIABLE, bucket)))
        .and(care::properties(function))
        .with_some("EventInvokeConfig", (function.trigger == Trigger::EveryMinute).then(once))
        .with("Role", Yaml::attribute(&roles::role_id(function), "Arn"))
        .with("Events", api::events(&function.trigger))
}

/// A run that fails is not repeated: the next one comes in a minute, and does what was left.
fn once() -> Map {
    Map::new().with("MaximumEventAgeInSeconds", 60).with("MaximumRetryAttempts", 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::store::grants::{Action, AuthItem, Grant};

    fn function(trigger: Trigger, hashes: bool) -> Function {
        let grants = vec![Grant::auth(AuthItem::Session, Action::GetItem)];
        let (binary, about) = ("stepchat-get-user".into(), "Reads.".into());
        Function { binary, about, trigger, grants, hashes, needs: Needs::NONE }
    }

    #[test]
    fn a_function_knows_only_the_tables_it_may_use() {
        let text = properties(&function(Trigger::EveryMinute, false)).document();
        assert!(text.contains("AUTH_TABLE: !Ref AuthTable") && !text.contains("LEDGER_TABLE"), "{text}");
    }

    #[test]
    fn a_function_gets_the_secrets_it_needs_and_no_other() {
        let plain = function(Trigger::Routes(Vec::new()), false);
        assert!(!properties(&plain).document().contains("SECRET"));
        let writing = Function { needs: Needs { fingerprints: true, tokens: false }, ..plain };
        let text = properties(&writing).document();
        assert!(text.contains("SWITCHBOARD_PAYLOAD_SECRET") && !text.contains("SWITCHBOARD_TOKEN_SECRET"), "{text}");
    }

    #[test]
    fn only_functions_that_keep_files_know_the_bucket() {
        use shared::store::files::{DRAW, EXPORT};
        let plain = properties(&function(Trigger::Routes(Vec::new()), false)).document();
        assert!(!plain.contains("FILES_BUCKET"), "{plain}");
        let drawing = Function { grants: DRAW.to_vec(), ..function(Trigger::Routes(Vec::new()), false) };
        let drawing = properties(&drawing).document();
        assert!(drawing.contains("FILES_BUCKET: !Ref FilesBucket") && !drawing.contains("MemorySize"), "{drawing}");
        let exporting = Function { grants: EXPORT.to_vec(), ..function(Trigger::Routes(Vec::new()), false) };
        let exporting = properties(&exporting).document();
        assert!(exporting.contains("MemorySize: 1769"), "{exporting}");
    }

    #[test]
    fn passwords_get_memory_and_jobs_get_time() {
        let writing = properties(&function(Trigger::Routes(Vec::new()), true)).document();
        assert!(writing.contains("MemorySize: 512") && !writing.contains("Timeout"), "{writing}");
        let job = properties(&function(Trigger::EveryMinute, false)).document();
        assert!(job.contains("Timeout: 60") && !job.contains("MemorySize"), "{job}");
    }
}
