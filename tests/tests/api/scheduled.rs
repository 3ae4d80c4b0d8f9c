//! What the scheduled work tells: how much it left and for how long, and whether the ledger agrees with its journal.

use serde_json::{Value, json};
use shared::runtime;
use shared::store::Table;
use std::time::Duration;
use switchboard::embedded;
use switchboard::methods::JOBS;
use tests::App;
use tokio::time::Instant;

/// Runs the jobs once and returns their log line.
async fn run(app: &App, time: Duration) -> Value {
    let _ = runtime::perform(JOBS[0], app.app.clone(), Instant::now() + time).await;
    app.last_line()
}

async fn checked(app: &App) -> (u64, u64) {
    let line = run(app, Duration::from_mins(1)).await;
    (line["ledger_entries"].as_u64().unwrap(), line["ledger_findings"].as_u64().unwrap())
}

/// Does something to the database behind everybody's back.
fn behind_the_back(app: &App, action: &str, request: Value) {
    let mut request = request;
    request["TableName"] = app.app.store.table_name(Table::Ledger).into();
    let (status, body) = embedded::perform(&app.database, action, request.to_string().as_bytes());
    assert_eq!(status, 200, "{body}");
}

/// The journal's entries, as stored.
fn journal(app: &App) -> Vec<Value> {
    let items = app.items().into_iter().map(|(_, item)| item);
    items.filter(|item| item["pk"]["S"].as_str().unwrap().ends_with("#J")).collect()
}

async fn pay(app: &App, user: u64, amount: &str) {
    let fields = json!({ "user_id": user, "amount": amount });
    let answer = app.voximplant("TransferMoneyToUser", fields).await.json();
    assert_eq!(answer["result"], 1, "{answer}");
}

#[tokio::test]
async fn each_run_checks_what_was_added_to_the_journal_once() {
    let app = App::new().await;
    let user = app.add_voximplant_user("ivan", json!({ "parent_accounting": false })).await;
    assert_eq!(checked(&app).await, (1, 0), "the test money");
    pay(&app, user, "1").await;
    pay(&app, user, "-0.5").await;
    assert_eq!(checked(&app).await, (2, 0));
    assert_eq!(checked(&app).await, (0, 0));
}

#[tokio::test]
async fn a_changed_balance_is_found_and_found_again() {
    let app = App::new().await;
    app.expect_damage();
    assert_eq!(checked(&app).await, (1, 0));
    behind_the_back(
        &app,
        "UpdateItem",
        json!({
            "Key": { "pk": { "S": "A#000000000001" }, "sk": { "S": "B" } },
            "UpdateExpression": "SET units = :units", "ExpressionAttributeValues": { ":units": { "N": "1" } },
        }),
    );
    for _ in 0..2 {
        assert_eq!(checked(&app).await, (0, 1));
    }
    let cause = app.last_line()["cause"].as_str().unwrap().to_owned();
    assert!(cause.contains("account 1: stored 1 at entry 1, replayed 10000000"), "{cause}");
}

#[tokio::test]
async fn a_changed_world_balance_is_found() {
    let app = App::new().await;
    app.expect_damage();
    behind_the_back(
        &app,
        "UpdateItem",
        json!({
            "Key": { "pk": { "S": "A#000000000001#W" }, "sk": { "S": "B" } },
            "UpdateExpression": "SET units = :units", "ExpressionAttributeValues": { ":units": { "N": "-7" } },
        }),
    );
    assert_eq!(checked(&app).await, (1, 1));
}

#[tokio::test]
async fn a_changed_and_a_missing_entry_break_the_chain() {
    for action in ["UpdateItem", "DeleteItem"] {
        let app = App::new().await;
        let user = app.add_voximplant_user("ivan", json!({ "parent_accounting": false })).await;
        pay(&app, user, "1").await;
        pay(&app, user, "2").await;
        let entries = journal(&app);
        let second = entries.iter().find(|entry| entry["number"]["N"] == "2").unwrap();
        let mut request = json!({ "Key": { "pk": second["pk"], "sk": second["sk"] } });
        if action == "UpdateItem" {
            request["UpdateExpression"] = "SET balance_units = :units".into();
            request["ExpressionAttributeValues"] = json!({ ":units": { "N": "5" } });
        }
        behind_the_back(&app, action, request);
        assert_eq!(checked(&app).await, (1, 1), "{action}");
    }
}

#[tokio::test]
async fn many_accounts_take_turns() {
    let app = App::new().await;
    for number in 0..12 {
        app.other_account(&format!("account-{number}"), None).await;
        let id = shared::ids::AccountId::new(number + 2).unwrap();
        app.operator.credit(id, shared::ledger::Money::from_units(10_000), "start").await.unwrap();
    }
    let mut seen = 0;
    for _ in 0..2 {
        let (entries, findings) = checked(&app).await;
        assert!(entries <= 10 && findings == 0);
        seen += entries;
    }
    assert_eq!(seen, 13, "two runs reach all thirteen accounts");
    assert_eq!(checked(&app).await, (0, 0));
}

#[tokio::test]
async fn the_age_of_undone_work_grows_until_nothing_is_left() {
    let app = App::new().await;
    let id = app.add_stepchat_user(json!({ "extra": { "company": "ACME" } })).await;
    let user = shared::ids::UserId::parse(&id).unwrap();
    let store = &app.app.store;
    let stored = shared::store::stepchat::users::load(store, user).await.unwrap().unwrap();
    store.commit(&shared::store::stepchat::users::deletion(&stored, app.app.clock.now()).unwrap()).await.unwrap();
    // No time at all: the purge is left, and left again.
    for age in [0, 60, 120] {
        let line = run(&app, Duration::ZERO).await;
        assert_eq!((line["left"].as_u64(), line["job_age_seconds"].as_i64()), (Some(1), Some(age)));
        app.wait_millis(60_000);
    }
    let line = run(&app, Duration::from_mins(1)).await;
    assert_eq!((&line["left"], &line["finished"], &line["job_age_seconds"]), (&json!(0), &json!(1), &json!(0)));
    assert!(!app.items().iter().any(|(_, item)| item.to_string().contains("backlog")));
}
