//! What a deployment tells when it is done.

use super::api::API;
use super::tables::table_id;
use super::yaml::{Map, Yaml};
use crate::generate::Registry;
use crate::names::pascal;
use shared::store::Table;

pub(super) fn outputs(registry: &Registry) -> Map {
    let urls = registry.families.iter().fold(Map::new(), |outputs, family| {
        let url = format!("https://${{{API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}{}", family.root);
        let about = format!("Base URL of the methods of {}, and its front door.", family.name);
        outputs.with(&format!("{}Url", pascal(family.name)), output(&about, Yaml::substituted(&url)))
    });
    Table::ALL.into_iter().fold(urls, |outputs, table| {
        let about = format!("Value of {} for the operator's commands.", table.variable());
        outputs.with(&format!("{}Name", table_id(table)), output(&about, Yaml::reference(&table_id(table))))
    })
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
