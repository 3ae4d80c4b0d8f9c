//! No work of the jobs, however large, keeps other work waiting; and their line says how much of the ledger was checked.

use super::cascades::delete_and_die;
use super::gate::Gate;
use serde_json::{Value, json};
use shared::limits::MAX_TRANSFER_USERS;
use shared::runtime;
use shared::store::Txn;
use shared::store::voximplant::deferred::{self, DeferredWork};
use shared::voximplant::Refusal;
use std::time::Duration;
use switchboard::methods::JOBS;
use tests::App;
use tokio::time::Instant;

async fn run(app: &App, time: Duration) -> Value {
    let _ = runtime::perform(JOBS[0], app.app.clone(), Instant::now() + time).await;
    app.last_line()
}

/// A delete that takes longer than any run has: every transaction of it is slow.
async fn endless(gate: &Gate, app: &App) {
    for n in 0..MAX_TRANSFER_USERS {
        app.add_voximplant_user(&format!("user{n}"), json!({})).await;
    }
    let account = app.account.id;
    let task = DeferredWork::new(
        account,
        deferred::everyone(&app.app.store, account, None).await.unwrap(),
        app.app.clock.now(),
    );
    let mut txn: Txn<Refusal> = Txn::default();
    txn.push(task.promise().unwrap());
    app.app.store.commit(&txn).await.unwrap();
    let of_delete = |operation: &str, request: &Value| {
        operation == "BatchGetItem" && request["RequestItems"]["voximplant"].is_object()
    };
    gate.slow(of_delete, Duration::from_secs(20));
}

#[tokio::test]
async fn a_delete_that_takes_every_run_keeps_no_purge_and_no_check_waiting() {
    let (gate, app) = Gate::app().await;
    let user = app.add_stepchat_user(json!({ "extra": { "city": "Oslo" } })).await;
    delete_and_die(&app, &user).await;
    endless(&gate, &app).await;
    let line = run(&app, Duration::from_secs(8)).await;
    assert_eq!(line["ledger_accounts"], 1, "{line}");
    assert!(line["left"].as_u64().unwrap() >= 1, "the delete is not done: {line}");
    let purges = app.items().into_iter().map(|(_, item)| item).filter(|item| item["pk"]["S"] == "J#purge-user");
    let purges: Vec<Value> = purges.collect();
    assert!(purges.iter().all(|purge| purge["done"]["BOOL"] == true), "the purge is: {purges:?}");
}

#[tokio::test]
async fn the_line_of_a_run_says_how_many_accounts_it_has_checked() {
    let app = App::new().await;
    app.other_account("other", None).await;
    let line = run(&app, Duration::from_mins(1)).await;
    assert_eq!((&line["ledger_accounts"], &line["ledger_findings"]), (&json!(2), &json!(0)));
    let line = run(&app, Duration::ZERO).await;
    assert_eq!(line["ledger_accounts"], 0, "no time, and nobody can take it for a check");
}

#[tokio::test]
async fn one_change_of_search_entries_that_cannot_be_read_does_not_stop_the_others() {
    let app = App::new().await;
    let user = app.add_stepchat_user(json!({ "first_name": "Before" })).await;
    app.stepchat("update-user", json!({ "user_id": user, "first_name": "After" })).await.response();
    let broken = json!({ "pk": { "S": "J#postings" }, "sk": { "S": "0#broken" }, "at": { "S": "?" } });
    let request = json!({ "TableName": "stepchat", "Item": broken }).to_string();
    assert_eq!(switchboard::embedded::perform(&app.database, "PutItem", request.as_bytes()).0, 200);
    app.wait_millis(5 * 60 * 1000);
    let line = run(&app, Duration::from_mins(1)).await;
    assert_eq!(line["left"], 1, "{line}");
    let entries = app.items().into_iter().filter(|(_, item)| item["pk"]["S"] == "J#postings");
    assert_eq!(entries.count(), 1, "only the broken one");
}
