//! What a deployment tells when it is done.

use super::alarms::TOPIC;
use super::api::API;
use super::bucket::BUCKET;
use super::dashboard::DASHBOARD;
use super::secrets;
use super::tables::table_id;
use super::yaml::{Map, Yaml};
use crate::generate::Registry;
use crate::names::pascal;
use shared::config::Needs;
use shared::store::Table;
use shared::store::files::BUCKET_VARIABLE;

pub(super) fn outputs(registry: &Registry) -> Map {
    let urls = registry.families.iter().fold(Map::new(), |outputs, family| {
        let url = format!("https://${{{API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}{}", family.root);
        let about = format!("Base URL of the methods of {}, and its front door.", family.name);
        outputs.with(&format!("{}Url", pascal(family.name)), output(&about, Yaml::substituted(&url)))
    });
    let bucket =
        output(&format!("Value of {BUCKET_VARIABLE} for a local server on these tables."), Yaml::reference(BUCKET));
    let urls = urls.with(&format!("{BUCKET}Name"), bucket);
    let tables = Table::ALL.into_iter().fold(urls, |outputs, table| {
        let about = format!("Value of {} for the operator's commands.", table.variable());
        outputs.with(&format!("{}Name", table_id(table)), output(&about, Yaml::reference(&table_id(table))))
    });
    let secrets = secrets::variables(Needs::ALL).fold(tables, |outputs, (name, _)| {
        let about = format!("Secret with the value of {name} for the operator's commands.");
        outputs.with(&format!("{}Arn", pascal(name)), output(&about, Yaml::reference(&pascal(name))))
    });
    let region = "https://console.aws.amazon.com/cloudwatch/home?region=${AWS::Region}";
    let dashboard = format!("{region}#dashboards:name=${{{DASHBOARD}}}");
    secrets
        .with("AlarmTopicArn", output("Where alarms go; subscribe whoever shall know.", Yaml::reference(TOPIC)))
        .with("DashboardUrl", output("Requests, failures, latency, jobs and ledger.", Yaml::substituted(&dashboard)))
        .with(
            "NextCommand",
            output(
                "Makes the first admin, the first account and its key, and prints them once.",
                Yaml::substituted("switchboard --stack ${AWS::StackName} operator init --email YOU@EXAMPLE.COM"),
            ),
        )
}

fn output(about: &str, value: Yaml) -> Map {
    Map::new().with("Description", about).with("Value", value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_tell_where_they_are() {
        let text = outputs(&Registry::compiled()).document();
        assert!(text.contains("StepchatUrl:") && text.contains("${AWS::URLSuffix}/platform_api\""), "{text}");
    }
}
