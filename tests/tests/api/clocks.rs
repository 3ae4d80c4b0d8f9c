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
