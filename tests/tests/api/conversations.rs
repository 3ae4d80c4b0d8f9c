//! Conversations, messages and typing beyond their golden stories.

use super::gate::Gate;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::App;

/// A conversation of a new user: user and conversation.
async fn conversation(app: &App) -> (String, String) {
    let user = app.add_stepchat_user(json!({ "email": "anna@example.com" })).await;
    let conversation = start(app, &user).await;
    (user, conversation)
}

async fn start(app: &App, user: &str) -> String {
    let started = app.stepchat("new-conversation", json!({ "user_id": user })).await.response();
    started["details"]["id"].as_str().unwrap().to_owned()
}

async fn send(app: &App, user: &str, conversation: &str, message: &str) -> Value {
    let fields = json!({ "user_id": user, "conversation_id": conversation, "message": message });
    app.stepchat("send-message", fields).await.response()["id"].clone()
}

async fn is_typing(app: &App, user: &str) -> Value {
    app.stepchat("is-typing", json!({ "user_id": user })).await.response()
}

async fn last_activity(app: &App, user: &str) -> Value {
    app.stepchat("get-user", json!({ "user_id": user })).await.response()["last_activity"].clone()
}

#[tokio::test]
async fn typing_ends_by_itself_after_the_configured_time() {
    for (setting, millis) in [(None, 60_000), (Some("5"), 5_000)] {
        let app = App::with(|name| setting.filter(|_| name == "STEPCHAT_TYPING_SECONDS").map(str::to_owned)).await;
        app.stepchat("set-typing", json!({ "user_id": 1, "conversation_id": 7 })).await.response();
        app.wait_millis(millis - 1);
        assert_eq!(is_typing(&app, "1").await, json!(true));
        let agent = app.stepchat("is-agent-typing", json!({ "conversation_id": 7 })).await.response();
        assert_eq!(agent["id"], "1");
        app.wait_millis(1);
        assert_eq!(is_typing(&app, "1").await, json!(false));
        let agent = app.stepchat("is-agent-typing", json!({ "conversation_id": 7 })).await.response();
        assert_eq!(agent, json!(false));
        let expiring = app.items().iter().filter(|(_, item)| item.get("until").is_some()).count();
        assert_eq!(expiring, 2, "one on each side");
        assert!(app.items().iter().all(|(_, item)| item.get("until").is_none() || item.get("expires").is_some()));
    }
}

#[tokio::test]
async fn of_several_agents_who_are_typing_the_last_is_shown_until_deleted() {
    let app = App::new().await;
    let agent = app.add_stepchat_user(json!({ "user_type": "agent", "first_name": "Gleb" })).await;
    app.stepchat("set-typing", json!({ "user_id": 1, "conversation_id": 7 })).await.response();
    app.wait_millis(1);
    app.stepchat("set-typing", json!({ "user_id": agent, "conversation_id": 7 })).await.response();
    let shown = async || app.stepchat("is-agent-typing", json!({ "conversation_id": 7 })).await.response();
    assert_eq!(shown().await["first_name"], "Gleb");
    app.stepchat("update-user", json!({ "user_id": agent, "first_name": "Boris" })).await.response();
    assert_eq!(shown().await["first_name"], "Boris");
    app.stepchat("delete-user", json!({ "user_id": agent })).await.response();
    assert_eq!(shown().await["id"], "1");
}

#[tokio::test]
async fn writing_and_typing_are_activity_and_never_set_it_back() {
    let app = App::new().await;
    let (user, place) = conversation(&app).await;
    let admin = last_activity(&app, "1").await;
    assert_eq!(last_activity(&app, &user).await, "2026-11-22 00:00:00");
    app.wait_millis(10_000);
    send(&app, &user, &place, "x").await;
    assert_eq!(last_activity(&app, &user).await, "2026-11-22 00:00:10");
    app.wait_millis(10_000);
    app.stepchat("set-typing", json!({ "user_id": user, "conversation_id": place })).await.response();
    let updated = app.uses().iter().any(|need| need.action == shared::store::grants::Action::UpdateItem);
    assert!(updated, "set-typing needs its grant");
    assert_eq!(last_activity(&app, &user).await, "2026-11-22 00:00:20");
    let order = |app: &App| {
        let items = app.items();
        let profile = items.iter().find(|(_, item)| {
            item.pointer("/pk/S") == Some(&json!("U#000000000002")) && item.get("s_active").is_some()
        });
        profile.unwrap().1["s_active"]["S"].as_str().unwrap().to_owned()
    };
    // The list is sorted to two minutes.
    let listed: i64 = order(&app)[1..13].parse().unwrap();
    let behind = tests::app::START / 1000 + 20 - listed;
    assert!((0..shared::limits::ACTIVITY_STEP_SECONDS).contains(&behind), "{}", order(&app));
    // Within a few seconds it is not written again, and a clock that goes back sets nothing back.
    app.wait_millis(2_000);
    send(&app, &user, &place, "y").await;
    app.wait_millis(-12_000);
    send(&app, &user, &place, "z").await;
    assert_eq!(last_activity(&app, &user).await, "2026-11-22 00:00:20");
    // The admin whose token it is has done nothing.
    assert_eq!(last_activity(&app, "1").await, admin);
}

#[tokio::test]
async fn messages_sent_at_once_all_arrive_and_the_newest_is_remembered() {
    let app = App::new().await;
    let (user, place) = conversation(&app).await;
    let texts: Vec<String> = (0..6).map(|n| format!("message {n}")).collect();
    join_all(texts.iter().map(|text| send(&app, &user, &place, text))).await;
    let row = app.stepchat("get-conversation", json!({ "conversation_id": place })).await.response();
    let messages = row["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 6);
    let ids: Vec<u64> = messages.iter().map(|row| row["id"].as_str().unwrap().parse().unwrap()).collect();
    assert!(ids.is_sorted());
    let latest = app.stepchat("get-user-conversations", json!({ "user_id": user })).await.response();
    assert_eq!(latest[0]["id"], ids.last().unwrap().to_string());
}

#[tokio::test]
async fn the_same_key_writes_and_starts_once() {
    let app = App::new().await;
    let (user, place) = conversation(&app).await;
    let fields = json!({ "user_id": user, "conversation_id": place, "message": "x", "idempotency_key": "k" });
    let first = app.stepchat("send-message", fields.clone()).await;
    assert_eq!(app.stepchat("send-message", fields).await.text, first.text);
    let row = app.stepchat("get-conversation", json!({ "conversation_id": place })).await.response();
    assert_eq!(row["messages"].as_array().unwrap().len(), 1);
    let fields = json!({ "user_id": user, "idempotency_key": "l" });
    let first = app.stepchat("new-conversation", fields.clone()).await;
    assert_eq!(app.stepchat("new-conversation", fields).await.text, first.text);
    let fields = json!({ "user_ids": [user], "idempotency_key": "m" });
    assert_eq!(app.stepchat("delete-users", fields.clone()).await.response(), json!(true));
    assert_eq!(app.stepchat("delete-users", fields).await.response(), json!(true));
}

#[tokio::test]
async fn attachments_are_read_from_brackets_too() {
    let app = App::new().await;
    let (user, place) = conversation(&app).await;
    let form = format!(
        "token={}&user_id={user}&conversation_id={place}&attachments[0][0]=a.png&attachments[0][1]=https://example.com/a",
        app.token
    );
    app.post("/stepchat/send-message", form).await.response();
    let row = app.stepchat("get-conversation", json!({ "conversation_id": place })).await.response();
    assert_eq!(row["messages"][0]["attachments"], r#"[["a.png","https://example.com/a"]]"#);
}

/// What a list method answers, cursor by cursor.
async fn all_parts(app: &App, function: &str, mut fields: Value, rows: &str) -> (Vec<Value>, usize) {
    let (mut all, mut parts) = (Vec::new(), 0);
    loop {
        let answer = app.stepchat(function, fields.clone()).await;
        assert!(answer.text.len() < 6_000_000, "{}", answer.text.len());
        let body = answer.json();
        all.extend(body.pointer(rows).unwrap().as_array().unwrap().iter().cloned());
        parts += 1;
        match body.get("next_cursor") {
            Some(cursor) => fields["cursor"] = cursor.clone(),
            None => return (all, parts),
        }
    }
}

#[tokio::test]
async fn what_is_too_large_for_one_answer_goes_on_behind_a_cursor() {
    let app = App::new().await;
    let (user, place) = conversation(&app).await;
    let text = "x".repeat(60_000);
    let mut sent = Vec::new();
    for _ in 0..100 {
        sent.push(send(&app, &user, &place, &text).await.to_string());
    }
    let (messages, parts) =
        all_parts(&app, "get-conversation", json!({ "conversation_id": place }), "/response/messages").await;
    assert_eq!(parts, 2);
    let ids: Vec<&str> = messages.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, sent);
    let mut newest = vec![sent.last().unwrap().clone()];
    for _ in 0..100 {
        let other = start(&app, &user).await;
        newest.push(send(&app, &user, &other, &text).await.to_string());
    }
    newest.reverse();
    let (rows, parts) = all_parts(&app, "get-user-conversations", json!({ "user_id": user }), "/response").await;
    assert_eq!(parts, 2);
    let ids: Vec<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, newest);
}

#[tokio::test]
async fn a_message_to_a_user_who_is_being_deleted_is_refused_or_purged() {
    let app = App::new().await;
    let agent = app.add_stepchat_user(json!({ "user_type": "agent" })).await;
    for round in 0..5 {
        let user = app.add_stepchat_user(json!({ "email": format!("{round}@example.com") })).await;
        let place = start(&app, &user).await;
        let fields = json!({ "user_id": agent, "conversation_id": place, "message": "canary" });
        let (_, sent, typed) = futures_util::join!(
            app.stepchat("delete-user", json!({ "user_id": user })),
            app.stepchat("send-message", fields.clone()),
            app.stepchat("set-typing", json!({ "user_id": user, "conversation_id": place })),
        );
        assert_eq!((sent.status, typed.response()), (http::StatusCode::OK, json!(true)));
        assert_eq!(app.stepchat("send-message", fields).await.code(), "conversation-id-not-found");
        assert!(!app.items().iter().any(|(_, item)| item.to_string().contains("canary")));
    }
}

/// A page costs what is on it, and the pointers: the conversations before it are not read.
#[tokio::test]
async fn a_page_of_a_users_conversations_reads_no_conversation_of_the_pages_before() {
    let (gate, app) = Gate::app().await;
    let user = app.add_stepchat_user(json!({ "email": "anna@example.com" })).await;
    let mut sent = Vec::new();
    for _ in 0..6 {
        let conversation = start(&app, &user).await;
        sent.push(send(&app, &user, &conversation, "text").await);
    }
    start(&app, &user).await;
    let list = async |cursor: Value| {
        gate.seen();
        let fields = json!({ "user_id": user, "cursor": cursor });
        let listed = app.stepchat("get-user-conversations", fields).await.response();
        let ids: Vec<Value> = listed.as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
        let read = gate.seen().into_iter().filter(|(operation, _)| operation == "BatchGetItem");
        let keys: Vec<String> = read.map(|(_, request)| request.to_string()).collect();
        (ids, keys.concat().matches("\"C#").count())
    };
    let text = |ids: &[Value]| ids.iter().rev().map(|id| json!(id.to_string())).collect::<Vec<_>>();
    // Each conversation and its message, and the one without a message.
    assert_eq!(list(json!("")).await, (text(&sent), 6 * 2 + 1));
    assert_eq!(list(json!(sent[1].to_string())).await, (text(&sent[..1]), 2 + 1));
}

/// What the pointers say is what the conversations say, whoever has written, been assigned, or gone.
#[tokio::test]
async fn pointers_know_the_newest_message_of_their_conversations() {
    let app = App::new().await;
    let (user, own) = conversation(&app).await;
    let agent = app.add_stepchat_user(json!({ "user_type": "agent" })).await;
    let fields = json!({ "user_id": user, "agent_id": agent });
    let started = app.stepchat("new-conversation", fields).await.response();
    let assigned = started["details"]["id"].as_str().unwrap().to_owned();
    let other = app.add_stepchat_user(json!({})).await;
    for (author, place) in [(&user, &own), (&user, &assigned), (&agent, &own), (&other, &assigned), (&other, &own)] {
        send(&app, author, place, "text").await;
    }
    let agree = || {
        let items: Vec<Value> = app.items().into_iter().map(|(_, item)| item).collect();
        let mut pointers = 0;
        for item in items.iter().filter(|item| item["sk"]["S"] == "M" && item.get("uid").is_some()) {
            let is_pointer = |other: &&Value| {
                let sort = other["sk"]["S"].as_str().unwrap_or_default();
                other["cid"] == item["cid"] && (sort.starts_with("C#") || sort.starts_with("A#"))
            };
            for pointer in items.iter().filter(is_pointer) {
                assert_eq!(pointer.get("newest"), item.get("last_message"), "{pointer} {item}");
                pointers += 1;
            }
        }
        pointers
    };
    assert_eq!(agree(), 3);
    app.stepchat("delete-user", json!({ "user_id": other })).await.response();
    assert_eq!(agree(), 3);
    app.stepchat("delete-user", json!({ "user_id": agent })).await.response();
    assert_eq!(agree(), 2);
    app.stepchat("delete-user", json!({ "user_id": user })).await.response();
    assert_eq!(agree(), 0);
}
