//! Same key and payload: the first answer again, one effect. Same key, other payload: a clear error.

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use serde_json::{Value, json};
use tests::{Answer, App};

async fn add_user(app: &App, key: &str, fields: &str) -> Answer {
    let request = Request::post("/stepchat/add-user")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("idempotency-key", key);
    app.send(request.body(Bytes::from(format!("token={}&{fields}", app.token))).unwrap()).await
}

async fn users(app: &App) -> Value {
    app.stepchat("count-users", json!({})).await.response()["all"].clone()
}

#[tokio::test]
async fn a_repeated_call_gets_the_first_answer_and_has_one_effect() {
    let app = App::new().await;
    let first = add_user(&app, "k1", "email=a@example.com").await;
    let again = add_user(&app, "k1", "email=a@example.com").await;
    assert_eq!((first.text.as_str(), again.text.as_str()), (r#"{"success":true,"response":2}"#, first.text.as_str()));
    assert_eq!(users(&app).await, "2");
    let other = add_user(&app, "k2", "email=a@example.com").await;
    assert_eq!(other.code(), "duplicate-email");
}

#[tokio::test]
async fn a_key_with_another_payload_is_refused() {
    let app = App::new().await;
    add_user(&app, "k", "first_name=A").await.response();
    assert_eq!(add_user(&app, "k", "first_name=B").await.code(), "idempotency-key-reused");
    assert_eq!(users(&app).await, "2");
}

#[tokio::test]
async fn the_field_is_the_same_key_and_order_does_not_matter() {
    let app = App::new().await;
    let first = add_user(&app, "k", "first_name=A&last_name=B").await;
    let again = app.stepchat("add-user", json!({ "idempotency_key": "k", "last_name": "B", "first_name": "A" })).await;
    assert_eq!(first.text, again.text);
}

/// Callers number their tries by a field of their own.
#[tokio::test]
async fn a_field_that_no_method_reads_makes_no_other_payload() {
    let app = App::new().await;
    let first = add_user(&app, "k", "first_name=A&request_id=1&trace=x").await;
    assert_eq!(add_user(&app, "k", "first_name=A&request_id=2&trace=y").await.text, first.text);
    assert_eq!(users(&app).await, "2");
    // Without a key, `request_id` is no key.
    for _ in 0..2 {
        app.stepchat("add-user", json!({ "request_id": "same" })).await.response();
    }
    assert_eq!(users(&app).await, "4");
    for name in ["one", "two"] {
        let fields = json!({ "application_name": name, "request_id": "same" });
        assert!(app.voximplant("AddApplication", fields).await.json()["application_id"].is_u64());
    }
}

#[tokio::test]
async fn without_a_key_nothing_is_guessed() {
    let app = App::new().await;
    app.add_stepchat_user(json!({ "first_name": "A", "last_name": "B" })).await;
    app.add_stepchat_user(json!({ "first_name": "A", "last_name": "B" })).await;
    assert_eq!(users(&app).await, "3");
}

#[tokio::test]
async fn a_refused_call_uses_no_key_up() {
    let app = App::new().await;
    let taken = app.add_stepchat_user(json!({ "email": "a@example.com" })).await;
    assert_eq!(add_user(&app, "k", "email=a@example.com").await.code(), "duplicate-email");
    app.stepchat("delete-user", json!({ "user_id": taken })).await.response();
    assert_eq!(add_user(&app, "k", "email=a@example.com").await.response(), 4);
}

#[tokio::test]
async fn of_many_calls_at_once_with_one_key_one_has_an_effect_and_all_get_its_answer() {
    let app = App::new().await;
    let answers = join_all((0..16).map(|_| add_user(&app, "k", "email=a@example.com"))).await;
    let first = answers[0].text.clone();
    assert!(answers.iter().all(|answer| answer.text == first && answer.status == 200), "{answers:?}");
    assert_eq!(users(&app).await, "2");
}

#[tokio::test]
async fn keys_of_two_accounts_and_two_families_do_not_meet() {
    let app = App::new().await;
    let (_, other) = app.other_account("other", None).await;
    let fields = json!({ "application_name": "same", "idempotency_key": "k" });
    let mine = app.voximplant("AddApplication", fields.clone()).await.json();
    let theirs = app.voximplant_as(&app.bearer(&other), "AddApplication", fields.clone()).await.json();
    assert_eq!((mine["result"].clone(), theirs["result"].clone()), (json!(1), json!(1)));
    assert_ne!(mine["application_id"], theirs["application_id"]);
    assert_eq!(app.voximplant("AddApplication", fields).await.json(), mine);
    let reused = app.voximplant("AddApplication", json!({ "application_name": "other", "idempotency_key": "k" })).await;
    assert_eq!((reused.code(), reused.json()["error"]["field_name"].clone()), (json!(496), json!("idempotency_key")));
    assert_eq!(add_user(&app, "k", "first_name=A").await.response(), 2);
}

#[tokio::test]
async fn a_key_is_kept_for_a_day_at_least_and_not_for_ever() {
    let app = App::new().await;
    let first = add_user(&app, "k", "first_name=A").await;
    app.wait_millis(25 * 60 * 60 * 1000);
    assert_eq!(add_user(&app, "k", "first_name=A").await.text, first.text);
    app.wait_millis(48 * 60 * 60 * 1000);
    assert_ne!(add_user(&app, "k", "first_name=A").await.text, first.text);
}

/// A transfer of 1 to a user, at the command's own path, under a key.
async fn transfer(app: &App, user: u64, key: &str) -> Answer {
    let request = Request::post("/platform_api/TransferMoneyToUser")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", format!("Bearer {}", app.bearer(&app.key)))
        .header("idempotency-key", key);
    app.send(request.body(Bytes::from(format!("user_id={user}&amount=1"))).unwrap()).await
}

async fn balance(app: &App) -> Value {
    app.voximplant("GetAccountInfo", json!({})).await.json()["result"]["balance"].clone()
}

/// Decision E8: a key of a transfer is remembered as long as any other, no shorter and no longer.
#[tokio::test]
async fn a_transfers_key_is_remembered_for_48_hours_and_after_that_it_is_a_new_call() {
    const HOUR: i64 = 60 * 60 * 1000;
    let app = App::new().await;
    let user = app.add_voximplant_user("ivan", json!({ "parent_accounting": false })).await;
    let first = transfer(&app, user, "k").await;
    assert_eq!(first.json(), json!({ "result": 1, "balance": 999 }));
    app.wait_millis(47 * HOUR);
    assert_eq!(transfer(&app, user, "k").await.text, first.text);
    assert_eq!(balance(&app).await, 999);
    app.wait_millis(2 * HOUR);
    assert_eq!(transfer(&app, user, "k").await.json(), json!({ "result": 1, "balance": 998 }));
    assert_eq!(transfer(&app, user, "k").await.json(), json!({ "result": 1, "balance": 998 }));
    assert_eq!(balance(&app).await, 998);
    assert_eq!(app.operator.audit(app.account.id, |_| {}).await.unwrap().findings, Vec::<String>::new());
}

#[tokio::test]
async fn a_large_transfers_key_is_forgotten_after_48_hours_too() {
    const HOUR: i64 = 60 * 60 * 1000;
    let app = App::new().await;
    for n in 0..50 {
        app.add_voximplant_user(&format!("user{n}"), json!({ "parent_accounting": false })).await;
    }
    let all = async || {
        let request = Request::post("/platform_api/TransferMoneyToUser")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("Bearer {}", app.bearer(&app.key)))
            .header("idempotency-key", "big");
        app.send(request.body(Bytes::from("user_id=all&amount=1")).unwrap()).await.json()["balance"].clone()
    };
    assert_eq!((all().await, all().await), (json!(950), json!(950)));
    app.wait_millis(49 * HOUR);
    assert_eq!((all().await, all().await), (json!(900), json!(900)));
    assert_eq!(app.operator.audit(app.account.id, |_| {}).await.unwrap().findings, Vec::<String>::new());
}

/// Time to live may collect what is remembered of operations, and never money or its history.
#[tokio::test]
async fn nothing_in_the_ledger_expires_but_what_is_remembered_of_operations() {
    let app = App::new().await;
    let user = app.add_voximplant_user("ivan", json!({ "parent_accounting": false })).await;
    transfer(&app, user, "k").await;
    app.voximplant("TransferMoneyToUser", json!({ "user_id": user, "amount": 1 })).await;
    app.run_jobs().await;
    let ledger = app.items().into_iter().filter(|(table, _)| *table == shared::store::Table::Ledger);
    let expiring: Vec<Value> = ledger.map(|(_, item)| item).filter(|item| item.get("expires").is_some()).collect();
    assert_eq!(expiring.len(), 2);
    for item in expiring {
        assert!(item["pk"]["S"].as_str().unwrap().ends_with("#O") && item.get("units").is_none(), "{item}");
    }
}
