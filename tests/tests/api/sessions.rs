//! Logins, the sessions they begin, and what ends them.

use super::budgets::granted;
use super::cascades;
use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use serde_json::{Value, json};
use shared::ids::UserId;
use shared::store::Table;
use shared::store::auth::TokenHash;
use shared::store::backlog::Progress;
use shared::store::stepchat::sessions::{self, NewSession};
use switchboard::methods::families;
use tests::{Answer, App};

pub(super) const EMAIL: &str = "ivan@example.com";
pub(super) const PASSWORD: &str = "тайна";
const HOUR: i64 = 60 * 60 * 1000;
const DAY: i64 = 24 * HOUR;

/// Adds Ivan, who can log in.
pub(super) async fn ivan(app: &App, kind: &str) -> String {
    let fields =
        json!({ "first_name": "Иван", "last_name": "Иванов", "email": EMAIL, "password": PASSWORD, "user_type": kind });
    app.add_stepchat_user(fields).await
}

async fn login(app: &App, password: &str) -> Answer {
    app.stepchat("login", json!({ "email": EMAIL, "password": password })).await
}

/// Logs Ivan in and returns the text of the session.
async fn session(app: &App) -> String {
    login(app, PASSWORD).await.response()[1].as_str().unwrap().to_owned()
}

/// Tries to log Ivan in, with more fields: the result.
pub(super) async fn attempt(app: &App, password: &str, fields: &Value) -> Value {
    let mut all = json!({ "email": EMAIL, "password": password });
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    app.stepchat("login", all).await.response()
}

/// Whether a session is one: whoever presents it is told so.
async fn lives(app: &App, session: &str) -> bool {
    // A name that is too long is refused after the session is known, and changes nothing.
    let fields = json!({ "login-cookie": session, "first_name": "x".repeat(101) });
    match app.stepchat("update-login", fields).await.code().as_str().unwrap() {
        "name-too-long" => true,
        "invalid-session" => false,
        other => panic!("{other}"),
    }
}

pub(super) async fn token_of(app: &App, id: &str) -> String {
    let row = app.stepchat("get-user", json!({ "user_id": id })).await.response();
    row["token"].as_str().unwrap().to_owned()
}

fn set_cookie(answer: &Answer) -> Option<&str> {
    assert!(answer.headers.get_all("set-cookie").iter().count() <= 1);
    answer.headers.get("set-cookie").map(|value| value.to_str().unwrap())
}

/// A call with cookies.
async fn with_cookie(app: &App, function: &str, cookie: &str, fields: &str) -> Answer {
    let request = Request::post("/stepchat")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", cookie)
        .body(Bytes::from(format!("function={function}&token={}&{fields}", app.token)));
    app.send(request.unwrap()).await
}

#[tokio::test]
async fn a_session_is_random_text_in_answer_and_cookie_and_a_hash_at_rest() {
    let app = App::new().await;
    let id = ivan(&app, "user").await;
    let (first, second) = (login(&app, PASSWORD).await, login(&app, PASSWORD).await);
    let response = first.response();
    let order = ["id", "profile_image", "first_name", "last_name", "email", "user_type", "token"];
    assert_eq!(response[0].as_object().unwrap().len(), order.len());
    let places: Vec<usize> = order.iter().map(|key| first.text.find(&format!("\"{key}\":")).unwrap()).collect();
    assert!(places.is_sorted(), "{}", first.text);
    let text = response[1].as_str().unwrap();
    assert!(text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
    assert_ne!(text, second.response()[1]);
    let cookie = format!("sb-login={text}; Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax");
    assert_eq!(set_cookie(&first), Some(cookie.as_str()));
    let items = app.items();
    assert!(!items.iter().any(|(_, item)| item.to_string().contains(text)));
    let now = app.app.clock.now().seconds();
    let sessions: Vec<&Value> = items
        .iter()
        .filter(|(table, item)| *table == Table::Auth && item["pk"]["S"].as_str().unwrap().starts_with("S#"))
        .map(|(_, item)| item)
        .collect();
    assert_eq!(sessions.len(), 2);
    for item in sessions {
        assert_eq!(item["uid"]["N"], id.as_str());
        // The table's time to live collects it when it has ended, and no earlier.
        assert_eq!(item["expires"]["N"], (now + 30 * 24 * 60 * 60 + 1).to_string());
    }
}

#[tokio::test]
async fn a_login_that_fails_and_other_methods_set_no_cookie() {
    let app = App::new().await;
    ivan(&app, "user").await;
    assert_eq!(set_cookie(&login(&app, "wrong").await), None);
    assert_eq!(set_cookie(&app.stepchat("login", json!({ "token": "x" })).await), None);
    assert_eq!(set_cookie(&app.stepchat("count-users", json!({})).await), None);
}

#[tokio::test]
async fn a_session_lasts_as_long_as_the_setting_says() {
    let app = App::with(|name| (name == "STEPCHAT_SESSION_DAYS").then(|| "2".into())).await;
    ivan(&app, "user").await;
    let answer = login(&app, PASSWORD).await;
    assert!(set_cookie(&answer).unwrap().contains("Max-Age=172800;"));
    let session = answer.response()[1].as_str().unwrap().to_owned();
    app.wait_millis(2 * DAY - 1);
    assert!(lives(&app, &session).await);
    app.wait_millis(1);
    assert!(!lives(&app, &session).await, "though the item is still there");
    assert!(app.items().iter().any(|(_, item)| item["pk"]["S"].as_str().unwrap().starts_with("S#")));
    // What has ended can be ended: nothing of it is left.
    app.stepchat("logout", json!({ "login-cookie": session })).await.response();
    assert!(!app.items().iter().any(|(_, item)| item.to_string().contains("\"S#")));
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_another_change_does_not() {
    let app = App::new().await;
    let id = ivan(&app, "user").await;
    let (first, second) = (session(&app).await, session(&app).await);
    let change = async |fields: Value| app.stepchat("update-user", fields).await.response();
    change(json!({ "user_id": id, "first_name": "Пётр", "extra": { "city": "Тверь" }, "password": "********" })).await;
    assert!(lives(&app, &first).await && lives(&app, &second).await);
    change(json!({ "user_id": id, "password": "new" })).await;
    assert!(!lives(&app, &first).await && !lives(&app, &second).await);
    assert_eq!(attempt(&app, PASSWORD, &json!({})).await, json!(false));
    let third = login(&app, "new").await.response()[1].as_str().unwrap().to_owned();
    change(json!({ "user_id": id, "last_name": "Петров" })).await;
    assert!(lives(&app, &third).await);
}

#[tokio::test]
async fn another_type_ends_all_sessions_unless_it_only_says_more_about_the_person() {
    let app = App::new().await;
    let id = ivan(&app, "visitor").await;
    let mut session = session(&app).await;
    for (kind, ends) in [
        ("visitor", false),
        ("lead", false),
        ("user", false),
        ("agent", true),
        ("admin", true),
        ("user", true),
        ("lead", true),
    ] {
        app.stepchat("update-user", json!({ "user_id": id, "user_type": kind })).await.response();
        assert_eq!(lives(&app, &session).await, !ends, "{kind}");
        if ends {
            session = self::session(&app).await;
        }
    }
    // A conversation makes a visitor a lead: the same person still.
    let visitor = app.add_stepchat_user(json!({})).await;
    let fields = json!({ "user_id": visitor, "user_token": token_of(&app, &visitor).await });
    let session = app.stepchat("login", fields).await.response()[1].as_str().unwrap().to_owned();
    app.stepchat("new-conversation", json!({ "user_id": visitor })).await.response();
    assert_eq!(app.stepchat("get-user", json!({ "user_id": visitor })).await.response()["user_type"], "lead");
    assert!(lives(&app, &session).await);
    app.stepchat("update-user-to-lead", json!({ "user_id": id })).await.response();
}

#[tokio::test]
async fn a_deleted_users_sessions_end_at_once_and_are_gone_after_the_purge() {
    let app = App::new().await;
    let busy = cascades::busy(&app, "user").await;
    let fields = json!({ "email": "gone@example.com", "password": "x" });
    // More than one page of the purge, and more than one transaction.
    let logins = (0..230).map(|_| app.stepchat("login", fields.clone()));
    let mut session = String::new();
    for login in logins {
        session = login.await.response()[1].as_str().unwrap().to_owned();
    }
    assert!(lives(&app, &session).await);
    let user = cascades::delete_and_die(&app, &busy.id).await;
    assert!(!lives(&app, &session).await, "before anything is purged");
    assert_eq!(app.stepchat("login", fields).await.response(), json!(false));
    let until = tokio::time::Instant::now() + std::time::Duration::from_mins(1);
    assert_ne!(cascades::purge(&app, user, until).await, Progress::Left);
    cascades::assert_gone(&app, &busy).await;
}

#[tokio::test]
async fn credentials_that_were_right_begin_nothing_once_they_have_changed() {
    let app = App::new().await;
    let id = ivan(&app, "user").await;
    let user = UserId::parse(&id).unwrap();
    let store = &app.app.store;
    let new = |text: &str| NewSession { hash: TokenHash::of(text), until: app.app.clock.now().plus_millis(DAY) };
    let read = sessions::credentials(store, user).await.unwrap().unwrap();
    app.stepchat("update-user", json!({ "user_id": id, "first_name": "Пётр" })).await.response();
    assert!(sessions::begin(store, &read, None, &new("a"), app.app.clock.now()).await.unwrap());
    app.stepchat("update-user", json!({ "user_id": id, "password": "new" })).await.response();
    assert!(!sessions::begin(store, &read, None, &new("b"), app.app.clock.now()).await.unwrap());
    let read = sessions::credentials(store, user).await.unwrap().unwrap();
    app.stepchat("delete-user", json!({ "user_id": id })).await.response();
    assert!(!sessions::begin(store, &read, None, &new("c"), app.app.clock.now()).await.unwrap());
    assert!(!app.items().iter().any(|(_, item)| item.to_string().contains("\"S#")));
}

#[tokio::test]
async fn the_doubled_token_is_understood_in_every_spelling() {
    let app = App::new().await;
    let id = ivan(&app, "user").await;
    let (admin, user) = (app.token.clone(), token_of(&app, &id).await);
    let form = async |bearer: Option<&str>, form: String| {
        let request = Request::post("/stepchat/login").header("content-type", "application/x-www-form-urlencoded");
        let request = match bearer {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        app.send(request.body(Bytes::from(format!("user_id={id}&{form}"))).unwrap()).await
    };
    for (bearer, fields) in [
        (None, format!("token={admin}&token={user}")),
        (None, format!("token={user}&token={admin}")),
        (None, format!("token[]={admin}&token[]={user}")),
        (None, format!("token[1]={user}&token[0]={admin}")),
        (None, format!("token=[\"{admin}\",\"{user}\"]")),
        (None, format!("token={admin}&user_token={user}")),
        (None, format!("token={admin}&login_token={user}")),
        (None, format!("token={user}&user_token={user}&token={admin}")),
        (Some(&admin), format!("token={user}")),
        (Some(&admin), format!("user_token={user}")),
        (Some(&user), format!("token={admin}&user_token={user}")),
    ] {
        let answer = form(bearer.map(String::as_str), fields.clone()).await;
        assert_eq!(answer.response()[0]["id"], id.as_str(), "{fields}");
    }
    let json = json!({ "user_id": id, "token": [admin, user] });
    let request = Request::post("/stepchat/login").header("content-type", "application/json");
    let answer = app.send(request.body(Bytes::from(json.to_string())).unwrap()).await;
    assert_eq!(answer.response()[0]["id"], id.as_str());
    for (fields, result) in [
        // The field of its own decides, also when it is wrong.
        (format!("token={admin}&token={user}&user_token=x"), json!(false)),
        (format!("token={admin}&token=x"), json!(false)),
        (format!("token={admin}"), json!(false)),
    ] {
        assert_eq!(form(None, fields.clone()).await.response(), result, "{fields}");
    }
    for fields in [format!("token={user}"), format!("token={user}&token={user}"), "token=x&user_token=y".to_owned()] {
        assert_eq!(form(None, fields.clone()).await.code(), "invalid-token", "{fields}");
    }
    assert_eq!(form(None, String::new()).await.code(), "token-not-found");
    let many = format!("token={admin}&token={user}&").repeat(5);
    assert_eq!(form(None, many).await.code(), "invalid-token", "nobody has so many");
    // Elsewhere two tokens are a mistake still.
    let count = app.post("/stepchat/count-users", format!("token={admin}&token={user}")).await;
    assert_eq!(count.code(), "invalid-token");
}

#[tokio::test]
async fn two_admins_tokens_log_the_second_in_on_behalf_of_the_first() {
    let app = App::new().await;
    let second = app.add_stepchat_user(json!({ "user_type": "admin" })).await;
    let token = token_of(&app, &second).await;
    for (form, who) in [
        (format!("token={}&token={token}&user_id={second}", app.token), second.as_str()),
        (format!("token={token}&token={}&user_id=1", app.token), "1"),
        (format!("token={token}&user_id={second}"), second.as_str()),
    ] {
        assert_eq!(app.post("/stepchat/login", form).await.response()[0]["id"], who);
    }
}

#[tokio::test]
async fn a_login_counts_as_activity_of_who_logs_in() {
    let app = App::new().await;
    let id = ivan(&app, "user").await;
    let online = async |id: &str| app.stepchat("is-online", json!({ "user_id": id })).await.response();
    app.wait_millis(60_000);
    assert_eq!(online(&id).await, json!(false));
    assert_eq!(attempt(&app, "wrong", &json!({})).await, json!(false));
    assert_eq!(online(&id).await, json!(false));
    session(&app).await;
    assert_eq!(online(&id).await, json!(true));
    assert_eq!(online("1").await, json!(false), "the token's admin is not who logs in");
}

#[tokio::test]
async fn the_cookie_is_as_good_as_the_field_and_either_may_be_encoded() {
    let app = App::new().await;
    let id = ivan(&app, "user").await;
    let name = async || app.stepchat("get-user", json!({ "user_id": id })).await.response()["first_name"].clone();
    let mut session = session(&app).await;
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    for (number, cookie) in ["a=b; sb-login=", "sb-login=\"", "sb-login="].into_iter().enumerate() {
        let text = if number == 2 { encoded(&session) } else { session.clone() };
        let quote = if number == 1 { "\"" } else { "" };
        let fields = format!("first_name=N{number}&email={EMAIL}");
        let answer = with_cookie(&app, "update-login", &format!("{cookie}{text}{quote}"), &fields).await;
        let new = answer.response().as_str().unwrap().to_owned();
        assert!(set_cookie(&answer).unwrap().starts_with(&format!("sb-login={new}; Path=/; Max-Age=2592000;")));
        assert_eq!(name().await, format!("N{number}"));
        assert!(!lives(&app, &session).await && lives(&app, &new).await);
        session = new;
    }
    assert!(lives(&app, &encoded(&session)).await);
    // The field outranks the cookie.
    let refused =
        with_cookie(&app, "update-login", &format!("sb-login={session}"), "login-cookie=x&first_name=Y").await;
    assert_eq!(refused.code(), "invalid-session");
    let answer = with_cookie(&app, "logout", &format!("sb-login={session}"), "").await;
    assert_eq!(answer.response(), json!(true));
    assert_eq!(set_cookie(&answer), Some("sb-login=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"));
    assert!(!lives(&app, &session).await);
}

#[tokio::test]
async fn a_session_that_has_ended_never_means_the_tokens_admin() {
    let app = App::new().await;
    ivan(&app, "user").await;
    let admin = async || app.stepchat("get-user", json!({ "user_id": 1 })).await.response();
    let before = admin().await;
    let session = session(&app).await;
    app.wait_millis(30 * DAY);
    for text in [session.as_str(), "YXNkWGNSeTdtRTdDYVkx", "0"] {
        let answer = app.stepchat("update-login", json!({ "login-cookie": text, "first_name": "X" })).await;
        assert_eq!((answer.code(), set_cookie(&answer)), (json!("invalid-session"), None), "{text}");
        let answer = with_cookie(&app, "update-login", &format!("sb-login={text}"), "first_name=X").await;
        assert_eq!(answer.code(), "invalid-session", "{text}");
    }
    assert_eq!(admin().await, before);
}

#[tokio::test]
async fn of_two_changes_with_one_session_at_once_one_happens() {
    let app = App::new().await;
    ivan(&app, "user").await;
    let session = session(&app).await;
    let change = |name: &str| {
        let fields = json!({ "login-cookie": session, "first_name": name, "email": EMAIL });
        app.stepchat("update-login", fields)
    };
    let answers = join_all(["A", "B", "C", "D"].map(change)).await;
    let answers: Vec<Value> = answers.iter().map(|answer| answer.json()["response"].clone()).collect();
    let refused = answers.iter().filter(|answer| **answer == json!("invalid-session")).count();
    assert_eq!(refused, 3, "{answers:?}");
    let new = answers.iter().find(|answer| **answer != json!("invalid-session")).unwrap();
    assert!(lives(&app, new.as_str().unwrap()).await);
}

#[tokio::test]
async fn no_idempotency_record_keeps_the_text_of_a_session() {
    let app = App::new().await;
    ivan(&app, "user").await;
    let fields = json!({ "email": EMAIL, "password": PASSWORD, "idempotency_key": "once" });
    let texts = [app.stepchat("login", fields.clone()).await, app.stepchat("login", fields).await];
    let texts = texts.map(|answer| answer.response()[1].as_str().unwrap().to_owned());
    assert_ne!(texts[0], texts[1], "once more is one session more");
    let new =
        app.stepchat("update-login", json!({ "login-cookie": texts[0], "idempotency_key": "again" })).await.response();
    let items: Vec<String> = app.items().into_iter().map(|(_, item)| item.to_string()).collect();
    for text in [texts[0].as_str(), texts[1].as_str(), new.as_str().unwrap(), "\"I#"] {
        assert!(!items.iter().any(|item| item.contains(text)), "{text}");
    }
}

/// The hash of the one password that the database holds.
fn password_hash(app: &App) -> (Value, String) {
    let mut passwords = app.items().into_iter().filter(|(table, item)| {
        *table == Table::Auth && item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("P#S#"))
    });
    let (_, item) = passwords.next().expect("a password");
    assert!(passwords.next().is_none());
    let hash = item["hash"]["S"].as_str().unwrap().to_owned();
    (item, hash)
}

#[tokio::test]
async fn a_hash_of_another_system_opens_a_session_and_the_first_one_puts_our_own_in_its_place() {
    let app = App::new().await;
    app.add_stepchat_user(json!({ "email": "r@example.com", "password": "another" })).await;
    let (mut item, _) = password_hash(&app);
    // Of PHP's own documentation.
    let foreign = "$2y$10$.vGA1O9wmRjrwAVXD98HNOgsNpDczlqm3Jq7KnEd1rVAGv3Fykk1a";
    item["hash"] = json!({ "S": foreign });
    let request = json!({ "TableName": app.app.store.table_name(Table::Auth), "Item": item }).to_string();
    assert_eq!(switchboard::embedded::perform(&app.database, "PutItem", request.as_bytes()).0, 200);
    let login = async |password: &str| {
        app.stepchat("login", json!({ "email": "r@example.com", "password": password })).await.response()
    };
    assert_eq!(login("Rasmuslerdorf").await, json!(false));
    assert_eq!(password_hash(&app).1, foreign, "a wrong password changes nothing");
    assert!(login("rasmuslerdorf").await.is_array());
    let login_method = families().iter().flat_map(|family| family.methods).find(|entry| entry.name == "login").unwrap();
    let grants = login_method.grants();
    for need in app.uses() {
        assert!(grants.contains(&granted(&app, &need)), "{need:?}");
    }
    let renewed = password_hash(&app).1;
    assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{renewed}");
    assert!(login("rasmuslerdorf").await.is_array());
    assert_eq!(password_hash(&app).1, renewed, "once");
    assert_eq!(login("another").await, json!(false));
}
