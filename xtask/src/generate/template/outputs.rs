//! The outputs of a stack.

use super::alarms::TOPIC;
use super::bucket::BUCKET;
use super::dashboard::DASHBOARD;
use super::domain::DOMAIN_NAME;
use super::names::API;
use super::parameters::{DOMAIN, is_set};
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
        let own = Yaml::substituted(&format!("https://${{{DOMAIN}}}{}", family.root));
        let url = format!("https://${{{API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}{}", family.root);
        let url = Yaml::either(&is_set(DOMAIN), own, Yaml::substituted(&url));
        let about = format!("Base URL of the methods of {}, and its front door.", family.name);
        outputs.with(&format!("{}Url", pascal(family.name)), output(&about, url))
    });
    let urls = [
        ("DomainTarget", "RegionalDomainName", "What the domain name's CNAME or alias record must point to."),
        ("DomainTargetZone", "RegionalHostedZoneId", "Route 53's zone of that target, for an alias record."),
    ]
    .into_iter()
    .fold(urls, |outputs, (name, attribute, about)| {
        let target = output(about, Yaml::attribute(DOMAIN_NAME, attribute));
        outputs.with(name, Map::new().with("Condition", is_set(DOMAIN)).and(target))
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
    let host = Map::new().with("Host", Yaml::Scalar(format!("!FindInMap [{CONSOLES}, !Ref AWS::Partition, Host]")));
    let path = "/cloudwatch/home?region=${AWS::Region}";
    let dashboard = Yaml::from(format!("https://${{Host}}{path}#dashboards:name=${{{DASHBOARD}}}"));
    let dashboard = Map::new().with("Fn::Sub", Yaml::from_iter([dashboard, Yaml::from(host)]));
    secrets
        .with("AlarmTopicArn", output("Where alarms go; subscribe whoever shall know.", Yaml::reference(TOPIC)))
        .with("DashboardUrl", output("Requests, failures, latency, jobs and ledger.", dashboard))
        .with(
            "NextCommand",
            output(
                "Makes the first admin, the first account and its key, and prints them once.",
                Yaml::substituted("switchboard --stack ${AWS::StackName} operator init --email YOU@EXAMPLE.COM"),
            ),
        )
}

fn output(about: &str, value: impl Into<Yaml>) -> Map {
    Map::new().with("Description", about).with("Value", value)
}

/// The mapping with the hosts of AWS's consoles.
const CONSOLES: &str = "Consoles";

/// What differs between AWS's partitions.
pub(super) fn mappings() -> Map {
    let hosts = [
        ("aws", "console.aws.amazon.com"),
        ("aws-cn", "console.amazonaws.cn"),
        ("aws-us-gov", "console.amazonaws-us-gov.com"),
    ];
    let hosts = hosts
        .into_iter()
        .fold(Map::new(), |hosts, (partition, host)| hosts.with(partition, Map::new().with("Host", host)));
    Map::new().with(CONSOLES, hosts)
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
