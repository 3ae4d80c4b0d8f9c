//! Clocks that jump by ten days, both ways: nobody stays locked out, nothing stays dated in the future.

use serde_json::{Value, json};
use tests::App;

const TEN_DAYS: i64 = 10 * 24 * 60 * 60 * 1000;

async fn login(app: &App, password: &str) -> Value {
    app.stepchat("login", json!({ "email": "a@example.com", "password": password })).await.response()
}

#[tokio::test]
async fn failed_logins_of_a_wrong_clock_lock_nobody_out() {
    let app = App::new().await;
    app.add_stepchat_user(json!({ "email": "a@example.com", "password": "right" })).await;
    app.wait_millis(TEN_DAYS);
    for _ in 0..150 {
        if login(&app, "wrong").await == json!("ip-ban") {
            break;
        }
    }
    assert_eq!(login(&app, "right").await, json!("ip-ban"));
    app.wait_millis(-TEN_DAYS);
    assert!(login(&app, "right").await.is_array());
}

#[tokio::test]
async fn activity_that_a_wrong_clock_has_dated_in_the_future_is_dated_anew() {
    let app = App::new().await;
    let user = app.add_stepchat_user(json!({ "email": "a@example.com", "password": "right" })).await;
    let other = app.add_stepchat_user(json!({})).await;
    let started = app.stepchat("new-conversation", json!({ "user_id": other })).await.response();
    let conversation = started["details"]["id"].clone();
    let seen = async || app.stepchat("get-user", json!({ "user_id": user })).await.response()["last_activity"].clone();
    // Each kind of activity takes the wrong date back.
    for kind in ["login", "update-users-last-activity", "send-message"] {
        let act = async || match kind {
            "login" => drop(login(&app, "right").await),
            "send-message" => {
                let fields = json!({ "user_id": user, "conversation_id": conversation, "message": "x" });
                app.stepchat(kind, fields).await.response();
            }
            _ => drop(app.stepchat(kind, json!({ "user_id": user, "return_user_id": -1 })).await),
        };
        app.wait_millis(10_000);
        act().await;
        let right = seen().await;
        app.wait_millis(TEN_DAYS);
        act().await;
        let wrong = seen().await;
        assert_ne!(right, wrong, "{kind}");
        app.wait_millis(10_000 - TEN_DAYS);
        act().await;
        let again = seen().await;
        assert!(again.as_str() < wrong.as_str() && again.as_str() > right.as_str(), "{kind}: {right} {wrong} {again}");
    }
}

#[tokio::test]
async fn work_that_a_wrong_clock_has_left_is_done() {
    let app = App::new().await;
    let user = app.add_stepchat_user(json!({ "first_name": "Before" })).await;
    app.wait_millis(TEN_DAYS);
    app.stepchat("update-user", json!({ "user_id": user, "first_name": "After" })).await.response();
    app.stepchat("delete-leads", json!({})).await.response();
    app.voximplant("DelUser", json!({ "user_id": "all" })).await;
    app.wait_millis(-TEN_DAYS);
    app.run_jobs().await;
    let left: Vec<Value> = app.items().into_iter().map(|(_, item)| item).collect();
    let left: Vec<&Value> = left.iter().filter(|item| item["pk"]["S"].as_str().unwrap().starts_with("J#")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A statement: its dates and amounts, in the order of the ids.
async fn statement(app: &App, from: &str, to: &str) -> Vec<(String, Value)> {
    let fields = json!({ "from_date": from, "to_date": to, "users_transactions_only": true });
    let listed = app.voximplant("GetTransactionHistory", fields).await.json();
    let lines = listed["result"].as_array().unwrap_or_else(|| panic!("{listed}")).iter();
    let mut lines: Vec<&Value> = lines.collect();
    lines.sort_by_key(|line| line["transaction_id"].as_u64());
    lines.into_iter().map(|line| (line["performed_at"].as_str().unwrap().to_owned(), line["amount"].clone())).collect()
}

#[tokio::test]
async fn one_clock_that_was_ahead_does_not_date_what_comes_after_it_in_the_future() {
    let app = App::new().await;
    let user = app.add_voximplant_user("ivan", json!({ "parent_accounting": false })).await;
    let pay = async |amount: i64| {
        let answer = app.voximplant("TransferMoneyToUser", json!({ "user_id": user, "amount": amount })).await;
        assert_eq!(answer.json()["result"], 1, "{}", answer.text);
    };
    pay(1).await;
    app.wait_millis(TEN_DAYS);
    pay(2).await;
    app.wait_millis(60_000 - TEN_DAYS);
    pay(3).await;
    app.wait_millis(60_000);
    pay(4).await;
    // Later, when the wrong moment is past.
    app.wait_millis(2 * TEN_DAYS);
    pay(5).await;
    let at = |date: &str, amount: i64| (date.to_owned(), json!(amount));
    let right = [at("2026-11-22 00:00:00", 1), at("2026-11-22 00:01:00", 3), at("2026-11-22 00:02:00", 4)];
    assert_eq!(statement(&app, "2026-11-22 00:00:00", "2026-11-22 12:00:00").await, right);
    assert_eq!(statement(&app, "2026-11-22 00:00:30", "2026-11-22 00:01:30").await, right[1..2]);
    let all = statement(&app, "2026-11-01 00:00:00", "2026-12-31 00:00:00").await;
    let [first, third, fourth] = right;
    let (wrong, last) = (at("2026-12-02 00:00:00", 2), at("2026-12-12 00:02:00", 5));
    assert_eq!(all, [first, wrong, third, fourth, last], "in the order in which they were made");
    assert_eq!(app.operator.audit(app.account.id, |_| {}).await.unwrap().findings, Vec::<String>::new());
    app.run_jobs().await;
    let line = app.last_line();
    assert_eq!((&line["ledger_findings"], &line["ledger_accounts"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn clocks_that_are_apart_by_half_a_minute_date_nothing_before_what_was_there() {
    let app = App::new().await;
    let user = app.add_voximplant_user("ivan", json!({ "parent_accounting": false })).await;
    for seconds in [0, 30, -30, -30, 90] {
        app.wait_millis(seconds * 1000);
        let answer = app.voximplant("TransferMoneyToUser", json!({ "user_id": user, "amount": 1 })).await;
        assert_eq!(answer.json()["result"], 1, "{}", answer.text);
    }
    let dates = statement(&app, "2026-11-01 00:00:00", "2026-12-31 00:00:00").await;
    // Clocks that are apart by half a minute: the dates follow the order.
    let dates: Vec<&str> = dates.iter().map(|(date, _)| &date[11..]).collect();
    assert_eq!(dates, ["00:00:00", "00:00:30", "00:00:30", "00:00:30", "00:01:00"]);
}
