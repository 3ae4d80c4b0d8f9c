//! The functions, each with its log group.

use super::parameters::{ARCHITECTURE, LOG_RETENTION, settings};
use super::tables::table_id;
use super::yaml::{Map, Yaml};
use super::{api, function_id, policies, resource, secrets};
use crate::generate::deployment::{Function, Group, Trigger};
use crate::names::pascal;

/// Memory of most functions, in MB.
const MEMORY: u16 = 256;
/// Memory of functions that may hash passwords: processor time comes with it.
const MEMORY_TO_HASH: u16 = 512;
/// Seconds a request may take: the API gives up after 30.
const TIMEOUT: u16 = 29;
/// Seconds a job may take: the next one comes after 60.
const JOB_TIMEOUT: u16 = 60;

/// What all functions have in common.
pub(super) fn globals() -> Map {
    let variables =
        Map::new().remark("Read when the stack is deployed. Whoever may see a function's settings sees it.");
    let variables = secrets::variables().fold(variables, |variables, (name, value)| variables.with(name, value));
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
            .with(&logs_id(function), resource("AWS::Logs::LogGroup", logs(function)))
    })
}

fn logs_id(function: &Function) -> String {
    format!("{}Logs", pascal(&function.binary))
}

fn logs(function: &Function) -> Map {
    Map::new()
        .with("LogGroupName", Yaml::substituted(&format!("/${{AWS::StackName}}/{}", function.binary)))
        .with("RetentionInDays", Yaml::reference(LOG_RETENTION))
}

fn properties(function: &Function) -> Map {
    let tables = function.tables().into_iter();
    let tables =
        tables.fold(Map::new(), |tables, table| tables.with(table.variable(), Yaml::reference(&table_id(table))));
    let timeout = (function.trigger == Trigger::EveryMinute).then_some(JOB_TIMEOUT);
    Map::new()
        .with("Description", function.about.as_str())
        .with("CodeUri", format!("target/lambda/{}/", function.binary))
        .with_some("MemorySize", function.hashes.then_some(MEMORY_TO_HASH))
        .with_some("Timeout", timeout)
        .with("LoggingConfig", Map::new().with("LogGroup", Yaml::reference(&logs_id(function))))
        .with("Environment", Map::new().with("Variables", tables))
        .with("Policies", Yaml::from_iter([policies::policy(&function.grants)]))
        .with("Events", api::events(&function.trigger))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::store::Table;
    use shared::store::grants::{Action, Grant};

    fn function(trigger: Trigger, hashes: bool) -> Function {
        let grants = vec![Grant::on(Table::Auth, Action::GetItem)];
        Function { binary: "stepchat-get-user".into(), about: "Reads.".into(), trigger, grants, hashes }
    }

    #[test]
    fn a_function_knows_only_the_tables_it_may_use() {
        let text = properties(&function(Trigger::EveryMinute, false)).document();
        assert!(text.contains("AUTH_TABLE: !Ref AuthTable") && !text.contains("LEDGER_TABLE"), "{text}");
    }

    #[test]
    fn passwords_get_memory_and_jobs_get_time() {
        let writing = properties(&function(Trigger::Paths(Vec::new()), true)).document();
        assert!(writing.contains("MemorySize: 512") && !writing.contains("Timeout"), "{writing}");
        let job = properties(&function(Trigger::EveryMinute, false)).document();
        assert!(job.contains("Timeout: 60") && !job.contains("MemorySize"), "{job}");
    }
}
