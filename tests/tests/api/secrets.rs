//! No secret in any log, answer or item at rest: canaries through every method.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use switchboard::methods::families;
use tests::App;

const PASSWORD: &str = "Canary-Passw0rd-4711!";
const ADDRESS: &str = "canary.4711@example.com";

#[tokio::test]
async fn canaries_reach_no_log_and_secrets_reach_no_item() {
    let app = App::new().await;
    let bearer = app.bearer(&app.key);
    let everything = json!({
        "user_id": 2, "by": "email", "value": ADDRESS, "email": ADDRESS, "password": PASSWORD, "first_name": ADDRESS,
        "application_name": "demo", "user_name": "canary", "user_display_name": ADDRESS,
        "last_name": "canary", "user_type": "user", "user_password": PASSWORD, "user_custom_data": ADDRESS, "account_id": 1, "api_key": app.api_key,
        "idempotency_key": "canary-key-4711", "extra": { "phone": "+7919471147114711" },
    });
    for family in families() {
        for entry in family.methods {
            for (header, value) in [
                ("authorization", format!("Bearer {bearer}")),
                ("authorization", format!("Bearer {}", app.token)),
                ("x", String::new()),
            ] {
                for fields in [&everything, &json!({ "token": app.token, "user_id": 2, "application_id": 1 })] {
                    let query = format!("{}?token={}&api_key={}", entry.path(), app.token, app.api_key);
                    let request =
                        Request::post(query).header("content-type", "application/json").header(header, &value);
                    app.send(request.body(Bytes::from(fields.to_string())).unwrap()).await;
                }
            }
        }
    }
    // Some methods have deleted what others wrote.
    app.add_stepchat_user(json!({ "email": "late@example.com", "password": PASSWORD })).await;
    let log = app.log().join("\n");
    assert!(log.lines().count() > 50);
    let token_of_2 = app.app.tokens.of(shared::ids::UserId::new(2).unwrap(), 1);
    for canary in
        [PASSWORD, ADDRESS, &app.token, &app.api_key, &bearer, &token_of_2, "canary-key-4711", "7919471147114711"]
    {
        assert!(!log.contains(canary), "{canary} is in the log");
    }
    let items = serde_json::to_string(&app.items().into_iter().map(|(_, item)| item).collect::<Vec<Value>>()).unwrap();
    let private = app.key.private_key.lines().nth(3).unwrap();
    for secret in [PASSWORD, &app.token, &app.api_key, &token_of_2, private, "canary-key-4711"] {
        assert!(!items.contains(secret), "{secret} is at rest in clear");
    }
    assert!(items.contains("$argon2id$"), "a password was stored, as a hash");
}

#[tokio::test]
async fn no_answer_holds_a_password_or_its_hash() {
    let app = App::new().await;
    let id = app.add_stepchat_user(json!({ "email": ADDRESS, "password": PASSWORD })).await;
    for answer in [
        app.stepchat("get-user", json!({ "user_id": id, "extra": true })).await,
        app.stepchat("get-user-by", json!({ "by": "email", "value": ADDRESS })).await,
        app.stepchat("get-user-by", json!({ "by": "password", "value": PASSWORD })).await,
    ] {
        assert!(!answer.text.contains(PASSWORD) && !answer.text.contains("argon2"), "{}", answer.text);
    }
    app.add_voximplant_user("canary", json!({ "user_password": PASSWORD })).await;
    let users = app.voximplant("GetUsers", json!({})).await;
    assert!(!users.text.contains(PASSWORD) && !users.text.contains("argon2"), "{}", users.text);
}

#[tokio::test]
async fn a_deployment_may_hide_the_tokens_of_staff() {
    let app = App::with(|name| (name == "STEPCHAT_SHOW_STAFF_TOKENS").then(|| "false".into())).await;
    let admin = app.stepchat("get-user", json!({ "user_id": 1 })).await.response();
    let visitor = app.add_stepchat_user(json!({})).await;
    let visitor = app.stepchat("get-user", json!({ "user_id": visitor })).await.response();
    assert_eq!(admin["token"], "");
    assert_eq!(visitor["token"].as_str().map(str::len), Some(40));
}

#[tokio::test]
async fn the_text_of_a_session_is_in_its_answer_and_nowhere_else() {
    const END_USER: &str = "203.0.113.47";
    let app = App::new().await;
    let fields = json!({ "email": ADDRESS, "password": PASSWORD, "user_ip": END_USER });
    app.add_stepchat_user(fields.clone()).await;
    let text = app.stepchat("login", fields).await.response()[1].as_str().unwrap().to_owned();
    let mut texts = vec![text.clone()];
    let stepchat = families().into_iter().find(|family| family.name == "stepchat").unwrap();
    for entry in stepchat.methods {
        for (cookie, field) in [(text.as_str(), "canary-cookie-4711"), ("canary-cookie-4711", text.as_str())] {
            let fields = json!({
                "token": app.token, "login-cookie": field, "user_id": 2, "user_ip": END_USER, "user_token": text,
                "email": ADDRESS, "first_name": "x".repeat(101), "idempotency_key": text, "search": "x",
            });
            let request = Request::post(entry.path().as_str())
                .header("content-type", "application/json")
                .header("cookie", format!("sb-login={cookie}"));
            let answer = app.send(request.body(Bytes::from(fields.to_string())).unwrap()).await;
            assert!(!answer.text.contains(&text), "{} says {text}", entry.name);
        }
    }
    // Some methods have deleted what others wrote.
    app.add_stepchat_user(json!({ "email": "late@example.com", "password": PASSWORD })).await;
    let late = json!({ "email": "late@example.com", "password": PASSWORD });
    let text = app.stepchat("login", late).await.response()[1].as_str().unwrap().to_owned();
    let new = app.stepchat("update-login", json!({ "login-cookie": text })).await.response();
    texts.extend([text, new.as_str().unwrap().to_owned()]);
    let log = app.log().join("\n");
    let items = serde_json::to_string(&app.items().into_iter().map(|(_, item)| item).collect::<Vec<Value>>()).unwrap();
    for secret in texts.iter().map(String::as_str).chain(["canary-cookie-4711", END_USER]) {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!items.contains(secret), "{secret} is at rest in clear");
    }
}
