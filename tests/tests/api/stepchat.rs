//! StepChat beyond its golden stories.

use super::cascades::next_user_is;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use dynoxide::Database;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use shared::store::stepchat::promises;
use shared::store::{Endpoint, connect_with};
use std::collections::BTreeSet;
use switchboard::embedded;
use tests::App;

#[tokio::test]
async fn answers_are_text_unless_json_is_accepted() {
    let app = App::new().await;
    let form = format!("token={}&function=count-users", app.token);
    for (accept, expected) in [
        (None, "text/plain; charset=utf-8"),
        (Some("*/*"), "text/plain; charset=utf-8"),
        (Some("application/json, text/plain, */*"), "application/json; charset=utf-8"),
        (Some("application/json;q=0"), "text/plain; charset=utf-8"),
        // Browsers, and n8n as one of them.
        (Some("application/json,text/html,application/xhtml+xml,*/*;q=0.8"), "text/plain; charset=utf-8"),
    ] {
        let mut request = Request::post("/stepchat").header("content-type", "application/x-www-form-urlencoded");
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let answer = app.send(request.body(Bytes::from(form.clone())).unwrap()).await;
        assert_eq!(answer.headers["content-type"], expected);
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn extras_are_read_in_every_spelling_a_client_uses() {
    let app = App::new().await;
    let token = &app.token;
    let forms = [
        "extra=%7B%22company%22%3A%5B%22ACME%22%2C%22Company%22%5D%7D",
        "extra[company][0]=ACME&extra[company][1]=Company",
        "extra[company][]=ACME&extra[company][]=Company",
        "extra%5Bcompany%5D=ACME",
        "extra=[[\"ACME\",\"Company\"]]",
        "settings_extra={\"company\":\"ACME\"}",
    ];
    for form in forms {
        let answer = app.post("/stepchat/add-user", format!("token={token}&{form}")).await;
        let id = answer.response().to_string();
        let user = app.stepchat("get-user", json!({ "user_id": id, "extra": 1 })).await.response();
        assert_eq!(user["details"], json!([{ "slug": "company", "name": "Company", "value": "ACME" }]), "{form}");
    }
}

#[tokio::test]
async fn a_phone_may_be_shared_when_the_deployment_says_so() {
    let app = App::with(|name| (name == "STEPCHAT_UNIQUE_PHONE").then(|| "false".into())).await;
    let first = app.add_stepchat_user(json!({ "extra": { "phone": "+7919" } })).await;
    app.add_stepchat_user(json!({ "extra": { "phone": "+7919" } })).await;
    let found = app.stepchat("get-user-by", json!({ "by": "phone", "value": "+7919" })).await.response();
    assert_eq!(found["id"], json!(first));
}

#[tokio::test]
async fn values_too_long_for_the_index_are_still_found_whole() {
    let app = App::new().await;
    let long = |end: &str| format!("{}{end}", "x".repeat(2_000));
    let first = app.add_stepchat_user(json!({ "extra": { "company": long("a") } })).await;
    let second = app.add_stepchat_user(json!({ "extra": { "company": long("b") } })).await;
    for (end, id) in [("a", json!(first)), ("b", json!(second))] {
        let found = app.stepchat("get-user-by", json!({ "by": "company", "value": long(end) })).await.response();
        assert_eq!(found["id"], id);
    }
    let nobody = app.stepchat("get-user-by", json!({ "by": "company", "value": long("c") })).await.response();
    assert_eq!(nobody, json!(false));
}

#[tokio::test]
async fn after_delete_nothing_of_the_user_is_left() {
    let app = App::new().await;
    let before = app.items();
    let extra: serde_json::Map<String, Value> = (0..60).map(|n| (format!("slug{n}"), json!("v"))).collect();
    let id = app.add_stepchat_user(json!({ "email": "gone@example.com", "password": "x", "extra": extra })).await;
    let more: serde_json::Map<String, Value> = (60..140).map(|n| (format!("slug{n}"), json!("v"))).collect();
    app.stepchat("update-user", json!({ "user_id": id, "extra": more, "settings_extra": "" })).await.response();
    app.stepchat("update-user", json!({ "user_id": id, "extra": { "phone": "+7919" } })).await.response();
    app.stepchat("delete-user", json!({ "user_id": id })).await.response();
    app.run_jobs_to_the_end().await;
    let after: Vec<String> = app.items().into_iter().map(|(_, item)| item.to_string()).collect();
    let left: Vec<&String> =
        after.iter().filter(|item| item.contains("gone@example.com") || item.contains("000000000002")).collect();
    assert!(left.is_empty(), "{left:?}");
    // Only counters and the sequence remember that there once was somebody; the jobs note that they ran.
    let keys = |item: &Value| format!("{} {}", item["pk"]["S"], item["sk"]["S"]);
    let known: BTreeSet<String> = before.iter().map(|(_, item)| keys(item)).collect();
    let new = app.items().into_iter().map(|(_, item)| item);
    let new: Vec<String> =
        new.filter(|item| item["pk"]["S"] != "W").map(|item| keys(&item)).filter(|key| !known.contains(key)).collect();
    assert!(new.len() <= 2, "{new:?}");
    assert!(promises::pending_purges(&app.app.store).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_purge_that_its_request_did_not_finish_is_finished_by_the_job() {
    let app = App::new().await;
    let id = app.add_stepchat_user(json!({ "email": "gone@example.com", "extra": { "company": "ACME" } })).await;
    // The deleting request dies right after its transaction.
    let user = shared::ids::UserId::parse(&id).unwrap();
    let stored = shared::store::stepchat::users::load(&app.app.store, user).await.unwrap().unwrap();
    let txn = shared::store::stepchat::users::deletion(&stored, app.app.clock.now()).unwrap();
    app.app.store.commit(&txn).await.unwrap();
    // The user is gone everywhere already.
    assert_eq!(app.stepchat("get-user", json!({ "user_id": id, "extra": 1 })).await.response(), json!(false));
    assert_eq!(app.stepchat("get-user-by", json!({ "by": "company", "value": "ACME" })).await.response(), json!(false));
    assert_eq!(app.run_jobs().await, 0, "done, but for what may still come");
    app.run_jobs_to_the_end().await;
    assert!(!app.items().iter().any(|(_, item)| item.to_string().contains("ACME")));
    assert_eq!(app.run_jobs().await, 0);
}

/// A database in which transactions are under way with whatever profile is updated alone.
#[derive(Debug)]
struct Busy(SharedHttpConnector);

impl HttpConnector for Busy {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let updates = request.headers().get("x-amz-target").unwrap().ends_with(".UpdateItem");
        if !updates || !String::from_utf8_lossy(request.body().bytes().unwrap()).contains("s_active") {
            return self.0.call(request);
        }
        let conflict = json!({ "__type": "TransactionConflictException", "message": "under way" });
        HttpConnectorFuture::ready(Ok(HttpResponse::new(400.try_into().unwrap(), SdkBody::from(conflict.to_string()))))
    }
}

#[tokio::test]
async fn a_heartbeat_that_meets_a_change_of_its_user_is_no_failure() {
    let database = Database::memory().unwrap();
    let connector = SharedHttpConnector::new(Busy(embedded::connector(&database).unwrap()));
    let transport = http_client_fn(move |_, _| connector.clone());
    let client = connect_with(&Endpoint::emulator(Some("http://embedded".into())), transport);
    let app = App::on(database, client, |_| None).await;
    let id = app.add_stepchat_user(json!({})).await;
    app.wait_millis(60_000);
    let beat = app.stepchat("update-users-last-activity", json!({ "user_id": id })).await;
    assert_eq!((beat.status, beat.response()), (StatusCode::OK, json!(true)));
    let opened = app.stepchat("current-url", json!({ "user_id": id, "url": "https://example.com/" })).await;
    assert_eq!((opened.status, opened.response()), (StatusCode::OK, json!(true)));
}

#[tokio::test]
async fn a_bot_whose_id_is_taken_gets_another() {
    let app = App::new().await;
    let id = app.add_stepchat_user(json!({})).await.parse::<u64>().unwrap();
    next_user_is(&app, id);
    let bot = app.stepchat("get-bot-id", json!({})).await.response();
    assert_eq!(bot, json!(id + 1));
    assert_eq!(app.stepchat("get-bot-id", json!({})).await.response(), bot);
}
