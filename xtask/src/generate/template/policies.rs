//! What a function may do: its grants, and nothing else.

use super::bucket::BUCKET;
use super::secrets::DATA_KEY;
use super::tables::{has_own_key, table_id};
use super::yaml::{Map, Yaml};
use shared::store::Table;
use shared::store::files::Folder;
use shared::store::grants::{Action, AuthItem, FileAction, Grant};
use std::collections::{BTreeMap, BTreeSet};

/// What DynamoDB does with a table's key on behalf of a reader.
const TO_READ: [&str; 2] = ["kms:Decrypt", "kms:DescribeKey"];
/// What DynamoDB does in addition on behalf of a writer.
const TO_WRITE: [&str; 3] = ["kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"];

/// The statements that allow exactly these grants.
pub(super) fn statements(grants: &[Grant]) -> impl Iterator<Item = Map> {
    on_tables(grants).into_iter().chain(on_files(grants)).chain(on_key(grants))
}

/// One statement per set of actions: tables with the same actions share a statement.
fn on_tables(grants: &[Grant]) -> Vec<Map> {
    let mut actions: BTreeMap<Resource, BTreeSet<Action>> = BTreeMap::new();
    let mut of_items: BTreeMap<(Table, AuthItem), BTreeSet<Action>> = BTreeMap::new();
    for grant in grants {
        match grant {
            Grant::Table { table, item: Some(item), action, .. } => {
                of_items.entry((*table, *item)).or_default().insert(*action);
            }
            Grant::Table { table, index, item: None, action } => {
                actions.entry((*table, *index)).or_default().insert(*action);
            }
            Grant::Files { .. } => {}
        }
    }
    let mut statements: Vec<(BTreeSet<Action>, Vec<Resource>)> = Vec::new();
    for (resource, actions) in actions {
        match statements.iter_mut().find(|(others, _)| *others == actions) {
            Some((_, resources)) => resources.push(resource),
            None => statements.push((actions, vec![resource])),
        }
    }
    let statements = statements.into_iter().map(|(actions, resources)| statement(&actions, &resources));
    statements.chain(on_items(of_items)).collect()
}

/// The attributes that an update may touch; `None` if there is no such limit.
type Attributes = Option<&'static [&'static str]>;

/// One statement per table and set of actions, for the kinds of items that they are about.
fn on_items(actions: BTreeMap<(Table, AuthItem), BTreeSet<Action>>) -> Vec<Map> {
    let mut statements: BTreeMap<(Table, BTreeSet<Action>, Attributes), Vec<AuthItem>> = BTreeMap::new();
    for ((table, item), mut actions) in actions {
        let attributes = item.updated().filter(|_| actions.remove(&Action::UpdateItem));
        let updates = attributes.map(|_| (table, BTreeSet::from([Action::UpdateItem]), attributes));
        let others = (!actions.is_empty()).then_some((table, actions, None));
        for statement in updates.into_iter().chain(others) {
            statements.entry(statement).or_default().push(item);
        }
    }
    statements
        .into_iter()
        .map(|((table, actions, attributes), items)| on_some(table, &actions, attributes, &items))
        .collect()
}

fn on_some(table: Table, actions: &BTreeSet<Action>, attributes: Attributes, items: &[AuthItem]) -> Map {
    let keys = items.iter().map(|item| format!("{}*", item.prefix())).collect::<Yaml>().on_one_line();
    // `ForAllValues`, since a call may be about several items.
    let condition = Map::new().with("ForAllValues:StringLike", Map::new().with("dynamodb:LeadingKeys", keys));
    let condition = match attributes {
        None => condition,
        Some(attributes) => {
            let attributes = attributes.iter().copied().collect::<Yaml>().on_one_line();
            // An update may return only the updated attributes, not the rest of the item.
            let told = Yaml::from_iter(["NONE", "UPDATED_OLD", "UPDATED_NEW"]).on_one_line();
            condition
                .with("ForAllValues:StringEquals", Map::new().with("dynamodb:Attributes", attributes))
                .with("StringEqualsIfExists", Map::new().with("dynamodb:ReturnValues", told))
        }
    };
    statement(actions, &[(table, None)]).with("Condition", condition)
}

/// A table, or one of its indexes.
type Resource = (Table, Option<&'static str>);

fn statement(actions: &BTreeSet<Action>, resources: &[Resource]) -> Map {
    let actions = actions.iter().map(|action| format!("dynamodb:{action}")).collect::<Yaml>();
    Map::new()
        .with("Effect", "Allow")
        .with("Action", actions.on_one_line())
        .with("Resource", resources.iter().map(arn).collect::<Yaml>())
}

fn arn((table, index): &Resource) -> Yaml {
    match index {
        None => Yaml::attribute(&table_id(*table), "Arn"),
        Some(index) => Yaml::substituted(&format!("${{{}.Arn}}/index/{index}", table_id(*table))),
    }
}

/// One statement per folder of files.
fn on_files(grants: &[Grant]) -> Vec<Map> {
    let mut folders: BTreeMap<Folder, BTreeSet<FileAction>> = BTreeMap::new();
    for grant in grants {
        if let Grant::Files { folder, action } = grant {
            folders.entry(*folder).or_default().insert(*action);
        }
    }
    let statement = |(folder, actions): (Folder, BTreeSet<FileAction>)| {
        let actions = actions.iter().map(|action| format!("s3:{action}")).collect::<Yaml>();
        Map::new()
            .with("Effect", "Allow")
            .with("Action", actions.on_one_line())
            .with("Resource", Yaml::substituted(&format!("${{{BUCKET}.Arn}}/{folder}/*")))
    };
    folders.into_iter().map(statement).collect()
}

/// The key of the encrypted tables, which may be used through DynamoDB only.
fn on_key(grants: &[Grant]) -> Option<Map> {
    let on_encrypted = |grant: &Grant| match grant {
        Grant::Table { table, action, .. } => has_own_key(*table).then_some(*action),
        Grant::Files { .. } => None,
    };
    let encrypted: Vec<Action> = grants.iter().filter_map(on_encrypted).collect();
    let writes = encrypted.iter().any(|action| writes(*action));
    let more: &[&str] = if writes { &TO_WRITE } else { &[] };
    // The domain at the end differs by partition, and not always as in the partition's other names.
    let way = Map::new().with("kms:ViaService", Yaml::substituted("dynamodb.${AWS::Region}.amazonaws.com*"));
    (!encrypted.is_empty()).then(|| {
        Map::new()
            .with("Effect", "Allow")
            .with("Action", TO_READ.iter().chain(more).copied().collect::<Yaml>().on_one_line())
            .with("Resource", Yaml::attribute(DATA_KEY, "Arn"))
            .with("Condition", Map::new().with("StringLike", way))
    })
}

const fn writes(action: Action) -> bool {
    match action {
        Action::BatchWriteItem | Action::DeleteItem | Action::PutItem | Action::UpdateItem => true,
        Action::BatchGetItem | Action::ConditionCheckItem | Action::GetItem | Action::Query => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(grants: &[Grant]) -> String {
        crate::generate::template::policy(statements(grants)).document()
    }

    #[test]
    fn a_query_of_an_index_is_allowed_on_that_index_alone() {
        let text = text(&[Grant::query(Table::Stepchat, "by_first"), Grant::query(Table::Stepchat, "by_value")]);
        assert!(text.contains("- !Sub \"${StepchatTable.Arn}/index/by_first\""), "{text}");
        assert_eq!(text.matches("dynamodb:Query").count(), 1, "{text}");
        assert!(!text.contains("!GetAtt StepchatTable.Arn") && !text.contains("kms:"), "{text}");
    }

    #[test]
    fn of_credentials_a_function_sees_its_own_kinds_alone() {
        let text = text(&[
            Grant::auth(AuthItem::ServiceKey, Action::GetItem),
            Grant::auth(AuthItem::ApiKey, Action::GetItem),
            Grant::auth(AuthItem::VoximplantPassword, Action::PutItem),
            Grant::on(Table::Voximplant, Action::GetItem),
        ]);
        assert!(text.contains("dynamodb:LeadingKeys: [\"K#*\", \"A#*\"]"), "{text}");
        assert!(text.contains("dynamodb:LeadingKeys: [\"P#V#*\"]"), "{text}");
        let whole = text.split("- Effect").find(|statement| statement.contains("VoximplantTable.Arn")).unwrap();
        assert!(!whole.contains("AuthTable") && !whole.contains("LeadingKeys"), "{text}");
    }

    #[test]
    fn of_what_an_operator_hands_out_a_function_changes_the_last_use_alone() {
        let text = text(&[
            Grant::auth(AuthItem::ApiKey, Action::GetItem),
            Grant::auth(AuthItem::ApiKey, Action::UpdateItem),
            Grant::auth(AuthItem::FailedLogins, Action::UpdateItem),
        ]);
        let statements: Vec<&str> = text.split("- Effect").collect();
        let of = |keys: &str| -> Vec<&str> {
            let keys = format!("LeadingKeys: [\"{keys}\"]");
            statements.iter().filter(|statement| statement.contains(&keys)).copied().collect()
        };
        let [read, update] = of("A#*")[..] else { panic!("{text}") };
        assert!(read.contains("[dynamodb:GetItem]") && !read.contains("Attributes"), "{text}");
        assert!(
            update.contains("[dynamodb:UpdateItem]") && update.contains("dynamodb:Attributes: [pk, used_at]"),
            "{text}"
        );
        let [login] = of("L#*")[..] else { panic!("{text}") };
        assert!(!login.contains("Attributes"), "{text}");
    }

    #[test]
    fn no_function_may_touch_every_item_of_auth() {
        use crate::generate::{Registry, deployment};
        for function in deployment::groups(&Registry::compiled()).iter().flat_map(|group| &group.functions) {
            for grant in &function.grants {
                let whole = matches!(grant, Grant::Table { table: Table::Auth, item: None, .. });
                assert!(!whole, "{}: {grant}", function.binary);
            }
        }
    }

    #[test]
    fn what_changes_telephony_users_reaches_no_credential_of_stepchat() {
        use crate::generate::{Registry, deployment};
        let stepchats = [AuthItem::AdminToken, AuthItem::ApiToken, AuthItem::StepchatPassword, AuthItem::Session];
        for function in deployment::groups(&Registry::compiled()).iter().flat_map(|group| &group.functions) {
            let voximplants = function.binary.starts_with("voximplant-");
            let reached = function
                .grants
                .iter()
                .any(|grant| matches!(grant, Grant::Table { item: Some(item), .. } if stepchats.contains(item)));
            assert!(!(voximplants && reached), "{}", function.binary);
        }
    }

    #[test]
    fn files_are_allowed_by_folder_and_need_no_key() {
        let text = text(&[
            Grant::files(Folder::Exports, FileAction::PutObject),
            Grant::files(Folder::Exports, FileAction::GetObject),
            Grant::files(Folder::Pictures, FileAction::GetObject),
        ]);
        assert!(text.contains("[s3:GetObject, s3:PutObject]"), "{text}");
        assert!(text.contains("!Sub \"${FilesBucket.Arn}/exports/*\""), "{text}");
        assert!(text.contains("!Sub \"${FilesBucket.Arn}/uploads/*\"") && !text.contains("kms:"), "{text}");
    }

    #[test]
    fn the_key_comes_with_the_encrypted_tables_as_far_as_needed() {
        let reader = text(&[Grant::auth(AuthItem::Session, Action::GetItem)]);
        assert!(reader.contains("[kms:Decrypt, kms:DescribeKey]"), "{reader}");
        let writer =
            text(&[Grant::auth(AuthItem::Session, Action::PutItem), Grant::on(Table::Stepchat, Action::PutItem)]);
        assert!(writer.contains("kms:Encrypt") && writer.contains("kms:ViaService"), "{writer}");
    }
}
