//! DynamoDB shows half of a transaction to a query, and two reads are of two moments: nothing is decided on such a picture.

use super::gate::Gate;
use serde_json::{Value, json};
use shared::runtime;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchboard::methods::JOBS;
use tests::App;
use tokio::time::Instant;

/// The extra of a user, as stored.
fn extra(app: &App, user: &str) -> Value {
    let pk = format!("U#{user:0>12}");
    let mut items = app.items().into_iter().map(|(_, item)| item);
    items.find(|item| item["pk"]["S"] == pk.as_str() && item["sk"]["S"] == "D#city").unwrap()
}

async fn found(app: &App, word: &str) -> Vec<String> {
    let found = app.stepchat("search-users", json!({ "search": word })).await.response();
    found.as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_old_extra_beside_a_new_profile_costs_nobody_their_place_in_searches() {
    let (gate, app) = Gate::app().await;
    let user = app.add_stepchat_user(json!({ "extra": { "city": "Reykjavik" } })).await;
    let old = extra(&app, &user);
    let set = async |city: &str| {
        let fields = json!({ "user_id": user, "settings_extra": { "city": city } });
        app.stepchat("update-user", fields).await.response()
    };
    set("Oslo").await;
    // The next query of the user shows the new profile, and the extra as it was before.
    let once = Mutex::new(Some(old));
    gate.edit(move |operation, _, answer| {
        if operation != "Query" {
            return;
        }
        for item in answer["Items"].as_array_mut().into_iter().flatten() {
            if item["sk"]["S"] == "D#city"
                && let Some(old) = once.lock().unwrap().take()
            {
                *item = old;
            }
        }
    });
    set("Reykjavik").await;
    // The search entries of what was replaced go some time later.
    app.wait_millis(5 * 60 * 1000);
    app.run_jobs().await;
    assert_eq!(found(&app, "reykjavik").await, [user.as_str()]);
    assert_eq!(found(&app, "oslo").await, Vec::<String>::new());
}

#[tokio::test]
async fn the_profile_is_read_before_what_depends_on_it() {
    let (gate, app) = Gate::app().await;
    let user = app.add_stepchat_user(json!({ "extra": { "city": "Oslo" } })).await;
    gate.seen();
    app.stepchat("update-user", json!({ "user_id": user, "first_name": "Ann" })).await.response();
    let pk = format!("U#{user:0>12}");
    let queries = gate.seen().into_iter().filter(|(operation, _)| operation == "Query");
    let of_user: Vec<Value> =
        queries.map(|(_, request)| request).filter(|request| request.to_string().contains(&pk)).collect();
    assert!(!of_user.is_empty());
    assert!(
        of_user.iter().all(|query| query["ScanIndexForward"] == false),
        "from the profile to the extras: {of_user:?}"
    );
}

#[tokio::test]
async fn a_password_that_was_changed_while_a_login_read_it_opens_nothing() {
    let (gate, app) = Gate::app().await;
    let user = app.add_stepchat_user(json!({ "email": "a@example.com", "password": "old" })).await;
    let pk = format!("U#{user:0>12}");
    // The old password has been read, the profile not yet.
    gate.hold(move |operation, request| operation == "GetItem" && request["Key"]["pk"]["S"] == pk.as_str());
    let login = app.stepchat("login", json!({ "email": "a@example.com", "password": "old" }));
    let change = async {
        gate.arrived().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        app.stepchat("update-user", json!({ "user_id": user, "password": "new" })).await.response();
        gate.open();
    };
    let (login, ()) = tokio::join!(login, change);
    assert_eq!(login.response(), json!(false));
}

async fn findings(app: &App) -> Value {
    let deadline = Instant::now() + Duration::from_mins(1);
    let _ = runtime::perform(JOBS[0], app.app.clone(), deadline).await;
    app.last_line()["ledger_findings"].clone()
}

#[tokio::test]
async fn an_entry_that_a_query_does_not_show_yet_is_no_imbalance_and_one_that_is_missing_is() {
    let (gate, app) = Gate::app().await;
    let user = app.add_voximplant_user("ivan", json!({ "parent_accounting": false })).await;
    assert_eq!(findings(&app).await, 0);
    app.voximplant("TransferMoneyToUser", json!({ "user_id": user, "amount": 1 })).await;
    let hidden = Arc::new(Mutex::new(1_u32));
    let times = Arc::clone(&hidden);
    gate.edit(move |operation, request, answer| {
        let of_journal = operation == "Query" && request.to_string().contains("#J\"");
        let mut left = hidden.lock().unwrap();
        if of_journal && *left > 0 {
            *left -= 1;
            // The newest entry.
            let items = answer["Items"].as_array_mut().unwrap();
            items.pop();
            answer["Count"] = json!(items.len());
        }
    });
    assert_eq!(findings(&app).await, 0, "the head was seen before its entry");
    app.voximplant("TransferMoneyToUser", json!({ "user_id": user, "amount": 1 })).await;
    *times.lock().unwrap() = u32::MAX;
    assert_eq!(findings(&app).await, 1);
}
