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
