//! What each method costs, and that it does nothing it has no grant for.

use super::golden::stories;
use serde_json::{Value, json};
use shared::ids::UserId;
use shared::stepchat::{Scope, TokenName};
use shared::store::Table;
use shared::store::grants::{Action, AuthItem, FileAction, Grant};
use shared::store::meter::{Use, metered};
use std::collections::BTreeSet;
use switchboard::methods::families;
use tests::App;

/// Sequential round trips of each method, authentication included, at the end of each of its stories. Earlier calls of a
/// story may cost more, and count in docs/access-patterns.md.
const BUDGETS: [(&str, u32); 52] = [
    ("AddApplication", 3),
    ("AddQueue", 3),
    ("AddSkill", 3),
    ("AddUser", 7),
    ("BindSkill", 10),
    ("BindUserToQueue", 6),
    ("DelApplication", 18),
    ("DelUser", 11),
    ("GetAccountInfo", 1),
    ("GetApplications", 1),
    ("GetQueues", 2),
    ("GetSkills", 1),
    ("GetTransactionHistory", 1),
    ("GetUsers", 4),
    ("SetUserInfo", 5),
    ("TransferMoneyToUser", 6),
    ("add-user", 5),
    ("agents-online", 1),
    ("count-users", 1),
    ("csv-users", 5),
    ("current-url", 5),
    ("delete-leads", 18),
    ("delete-user", 7),
    ("delete-users", 20),
    ("get-agent", 1),
    ("get-agents-ids", 1),
    ("get-bot-id", 4),
    ("get-conversation", 2),
    ("get-new-users", 2),
    ("get-online-users", 2),
    ("get-user", 1),
    ("get-user-by", 2),
    ("get-user-conversations", 4),
    ("get-user-extra", 1),
    ("get-user-from-conversation", 4),
    ("get-user-language", 1),
    ("get-users", 3),
    ("get-users-with-details", 4),
    ("is-agent-typing", 2),
    ("is-online", 1),
    ("is-typing", 1),
    ("login", 4),
    ("logout", 3),
    ("new-conversation", 3),
    ("search-users", 3),
    ("send-message", 3),
    ("set-typing", 3),
    ("update-bot", 4),
    ("update-login", 6),
    ("update-user", 5),
    ("update-user-to-lead", 3),
    ("update-users-last-activity", 2),
];

/// What a method may take that has no line of its own yet: authentication, one look, one write.
const DEFAULT_BUDGET: u32 = 3;

/// The budget of a method. `golden.rs` holds every story against it.
pub(super) fn budget(method: &str) -> u64 {
    let known = BUDGETS.iter().find(|(name, _)| *name == method);
    u64::from(known.map_or(DEFAULT_BUDGET, |(_, budget)| *budget))
}

/// The grant that a use needs.
pub(super) fn granted(app: &App, need: &Use) -> Grant {
    let table = app.app.config.tables.table(&need.table).unwrap();
    let index =
        need.index.as_deref().map(|name| table.schema().indexes.iter().find(|index| index.name == name).unwrap().name);
    let item = if table == Table::Auth {
        Some(need.item.unwrap_or_else(|| panic!("an item of auth that is of no kind: {need:?}")))
    } else {
        None
    };
    Grant::Table { table, index, item, action: need.action }
}

#[tokio::test]
async fn every_grant_is_used_and_every_use_is_granted() {
    let mut wrong = Vec::new();
    for family in families() {
        for entry in family.methods {
            let own = stories().await.iter().filter(|story| story.entry.name == entry.name);
            let used: BTreeSet<Grant> = own.flat_map(|story| story.used.iter().copied()).collect();
            let granted: BTreeSet<Grant> = entry.grants().into_iter().collect();
            for excess in granted.difference(&used) {
                if !excused(entry.name, excess) {
                    wrong.push(format!("{} never used: {excess}", entry.name));
                }
            }
            for missing in used.difference(&granted) {
                wrong.push(format!("{} not granted: {missing}", entry.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Grants that golden stories cannot reach because they need another setting or another credential; each has a test of
/// its own in this folder.
fn excused(method: &str, grant: &Grant) -> bool {
    let Grant::Table { table, action, item, .. } = grant else {
        // A part that cannot be stored (files.rs).
        return matches!(grant, Grant::Files { action: FileAction::AbortMultipartUpload, .. });
    };
    if let Some(item) = item {
        return excused_item(method, *item, *action);
    }
    match (table, action) {
        // A token that names a child account (access.rs).
        (Table::Voximplant, Action::GetItem) => true,
        // Activity is written every few seconds, and in stories no time passes (conversations.rs).
        (Table::Stepchat, Action::UpdateItem) => method == "set-typing",
        // The limit on users per account (voximplant.rs).
        (Table::Voximplant, Action::Query) => method == "AddUser",
        // Transfers larger than one transaction (transfer.rs).
        (Table::Ledger, Action::Query | Action::DeleteItem | Action::BatchWriteItem | Action::ConditionCheckItem) => {
            method == "TransferMoneyToUser"
        }
        _ => false,
    }
}

/// The same of one kind of items of `auth`.
fn excused_item(method: &str, item: AuthItem, action: Action) -> bool {
    match (item, action) {
        // A password that came along as another system's hash (sessions.rs).
        (AuthItem::StepchatPassword, Action::PutItem) if method == "login" => true,
        // Stories come with a service-account key, and no request with both (access.rs); it was used lately (last_use.rs).
        (AuthItem::ApiKey, Action::GetItem) | (AuthItem::ServiceKey | AuthItem::ApiKey, Action::UpdateItem) => true,
        _ => of_secrets(method, item, action),
    }
}

/// What no story has, but the next test: users with passwords, sessions and tokens of every kind.
fn of_secrets(method: &str, item: AuthItem, action: Action) -> bool {
    use AuthItem::{AdminToken, ApiToken, Session, StepchatPassword};
    match (method, action) {
        ("add-user" | "update-user", Action::PutItem) => [AdminToken, StepchatPassword].contains(&item),
        ("update-user", Action::DeleteItem) => item == AdminToken,
        ("delete-user" | "delete-users" | "delete-leads", Action::DeleteItem) => {
            [AdminToken, ApiToken, Session, StepchatPassword].contains(&item)
        }
        _ => false,
    }
}

/// A user with every secret that its type may have; its id.
async fn with_secrets(app: &App, user_type: &str, name: &str, used: &mut BTreeSet<(&'static str, Grant)>) -> String {
    let email = format!("{name}@example.com");
    let fields = json!({ "user_type": user_type, "email": email, "password": "secret" });
    let id = called(app, "add-user", fields, used).await.response().to_string();
    let login = json!({ "email": email, "password": "secret" });
    assert_eq!(called(app, "login", login, used).await.response()[0]["id"].to_string().trim_matches('"'), id);
    if user_type == "admin" {
        let name = TokenName::parse(&format!("of-{id}")).unwrap();
        app.operator.create_token(name, Scope::Read, UserId::parse(&id)).await.unwrap();
    }
    id
}

async fn called(
    app: &App,
    method: &'static str,
    fields: Value,
    used: &mut BTreeSet<(&'static str, Grant)>,
) -> tests::Answer {
    let answer = app.stepchat(method, fields).await;
    assert_eq!(answer.json()["success"], true, "{method}: {}", answer.text);
    used.extend(app.uses().iter().map(|need| (method, granted(app, need))));
    answer
}

#[tokio::test]
async fn what_is_done_to_secrets_of_every_kind_is_granted_and_needed() {
    let app = App::new().await;
    let mut used = BTreeSet::new();
    let admin = with_secrets(&app, "admin", "first", &mut used).await;
    for fields in [
        json!({ "user_id": admin, "password": "another" }),
        json!({ "user_id": admin, "user_type": "agent" }),
        json!({ "user_id": admin, "user_type": "admin" }),
    ] {
        called(&app, "update-user", fields, &mut used).await;
    }
    let other = with_secrets(&app, "admin", "second", &mut used).await;
    let third = with_secrets(&app, "admin", "third", &mut used).await;
    with_secrets(&app, "lead", "fourth", &mut used).await;
    called(&app, "delete-user", json!({ "user_id": other }), &mut used).await;
    called(&app, "delete-users", json!({ "user_ids": [third] }), &mut used).await;
    called(&app, "delete-leads", json!({}), &mut used).await;

    for entry in families().iter().flat_map(|family| family.methods) {
        let granted = entry.grants();
        for (method, grant) in used.iter().filter(|(method, _)| *method == entry.name) {
            assert!(granted.contains(grant), "{method}: not granted: {grant}");
        }
        for grant in granted {
            let Grant::Table { item: Some(item), action, .. } = grant else { continue };
            // Leads are no admins: what deletes them deletes users of every type.
            let admins = [AuthItem::AdminToken, AuthItem::ApiToken].contains(&item);
            if of_secrets(entry.name, item, action) && !(admins && entry.name == "delete-leads") {
                assert!(used.contains(&(entry.name, grant)), "{}: never used: {grant}", entry.name);
            }
        }
    }
}

#[tokio::test]
async fn the_meter_counts_calls_in_the_air_together_as_one_round_trip() {
    let app = App::new().await;
    let store = &app.app.store;
    let together = async {
        futures_util::try_join!(
            shared::store::stepchat::counters::count(store),
            shared::store::ledger::balance(store, app.account.id)
        )
    };
    let (_, readings) = metered(together).await;
    assert_eq!((readings.calls, readings.round_trips), (2, 1));
    let same = async {
        futures_util::try_join!(
            shared::store::ledger::balance(store, app.account.id),
            shared::store::voximplant::accounts::find(store, app.account.id)
        )
    };
    let (_, readings) = metered(same).await;
    assert_eq!((readings.calls, readings.round_trips), (2, 1));
    let apart = async {
        shared::store::stepchat::counters::count(store).await.unwrap();
        shared::store::ledger::balance(store, app.account.id).await.unwrap();
    };
    let ((), readings) = metered(apart).await;
    assert_eq!((readings.calls, readings.round_trips), (2, 2));
    assert!(readings.read_units >= 2.0, "{readings:?}");
}
