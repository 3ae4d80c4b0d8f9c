//! The tables, from their description in `shared`.

use super::parameters::{HAS_CEILING, READ_CEILING, WRITE_CEILING, is_set};
use super::secrets::DATA_KEY;
use super::yaml::{Map, Yaml};
use super::{checks, protected};
use crate::names::pascal;
use shared::store::Table;
use shared::store::schema::{IndexSchema, TableSchema};

pub(super) fn resources() -> Map {
    Table::ALL.into_iter().enumerate().fold(Map::new(), |resources, (at, table)| {
        let resources = if at == 0 { resources.heading("Tables") } else { resources.gap() };
        let skipped = (!has_own_key(table)).then(checks::key_of_dynamodb);
        resources
            .with(&table_id(table), protected("AWS::DynamoDB::Table", properties(table)).with_some("Metadata", skipped))
    })
}

/// The name of a table's resource.
pub(super) fn table_id(table: Table) -> String {
    format!("{}Table", pascal(table.as_str()))
}

/// Whether a table is encrypted with a key of the account's own: credentials and money are.
pub(super) const fn has_own_key(table: Table) -> bool {
    match table {
        Table::Auth | Table::Ledger => true,
        Table::Stepchat | Table::Voximplant => false,
    }
}

fn properties(table: Table) -> Map {
    let schema = table.schema();
    let key = key_schema("pk", schema.sorted.then_some("sk"));
    let attributes = key_attributes(schema)
        .into_iter()
        .map(|name| Yaml::from(Map::new().with("AttributeName", name).with("AttributeType", "S")).on_one_line());
    let ttl = schema.ttl.map(|attribute| Map::new().with("AttributeName", attribute).with("Enabled", true));
    let encryption = has_own_key(table).then(|| {
        let key = Yaml::attribute(DATA_KEY, "Arn");
        Map::new().with("SSEEnabled", true).with("SSEType", "KMS").with("KMSMasterKeyId", key)
    });
    let indexes = (!schema.indexes.is_empty()).then(|| schema.indexes.iter().map(index).collect::<Yaml>());
    Map::new()
        .with("BillingMode", "PAY_PER_REQUEST")
        .with("OnDemandThroughput", ceiling())
        .with("DeletionProtectionEnabled", true)
        .with("PointInTimeRecoverySpecification", Map::new().with("PointInTimeRecoveryEnabled", true))
        .with_some("TimeToLiveSpecification", ttl)
        .with_some("SSESpecification", encryption)
        .with("AttributeDefinitions", attributes.collect::<Yaml>())
        .with("KeySchema", key)
        .with_some("GlobalSecondaryIndexes", indexes)
}

fn index(index: &IndexSchema) -> Map {
    let projection = if index.carries.is_empty() {
        Map::new().with("ProjectionType", "KEYS_ONLY")
    } else {
        let carried = index.carries.iter().copied().collect::<Yaml>().on_one_line();
        Map::new().with("ProjectionType", "INCLUDE").with("NonKeyAttributes", carried)
    };
    Map::new()
        .with("IndexName", index.name)
        .with("KeySchema", key_schema(index.partition, Some(index.sort)))
        .with("Projection", Yaml::from(projection).on_one_line())
        .with("OnDemandThroughput", ceiling())
}

/// The most units a second, if the deployment sets one. A table and each of its indexes have their own.
fn ceiling() -> Yaml {
    let units = |parameter| {
        let condition = is_set(parameter);
        Yaml::Scalar(format!("!If [{condition}, !Ref {parameter}, !Ref AWS::NoValue]"))
    };
    let units =
        Map::new().with("MaxReadRequestUnits", units(READ_CEILING)).with("MaxWriteRequestUnits", units(WRITE_CEILING));
    Yaml::only_if(HAS_CEILING, units)
}

fn key_schema(partition: &str, sort: Option<&str>) -> Yaml {
    let element =
        |name: &str, kind: &str| Yaml::from(Map::new().with("AttributeName", name).with("KeyType", kind)).on_one_line();
    std::iter::once(element(partition, "HASH")).chain(sort.map(|sort| element(sort, "RANGE"))).collect()
}

/// The attributes that are part of some key, each once.
fn key_attributes(schema: &TableSchema) -> Vec<&'static str> {
    let table = std::iter::once("pk").chain(schema.sorted.then_some("sk"));
    let indexes = schema.indexes.iter().flat_map(|index| [index.partition, index.sort]);
    let mut attributes = Vec::new();
    for attribute in table.chain(indexes) {
        if !attributes.contains(&attribute) {
            attributes.push(attribute);
        }
    }
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_kept_recoverable_and_protected() {
        let text = resources().document();
        for promise in [
            "DeletionPolicy: Retain",
            "UpdateReplacePolicy: Retain",
            "DeletionProtectionEnabled: true",
            "PointInTimeRecoveryEnabled: true",
            "BillingMode: PAY_PER_REQUEST",
        ] {
            assert_eq!(text.matches(promise).count(), Table::ALL.len(), "{promise}");
        }
    }

    #[test]
    fn each_key_attribute_is_defined_once() {
        let attributes = key_attributes(Table::Stepchat.schema());
        assert_eq!(attributes.iter().filter(|attribute| **attribute == "lp").count(), 1);
        assert!(attributes.starts_with(&["pk", "sk"]));
    }
}
