//! Named API tokens: minted by the operator, shown once, scoped, revocable, with the time of their last use.

use super::cascades::{delete_and_die, purge};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use dynoxide::Database;
use serde_json::{Value, json};
use shared::ids::UserId;
use shared::stepchat::{Scope, TokenName};
use shared::store::backlog::Progress;
use shared::store::stepchat::api_tokens::ApiToken;
use shared::store::{Endpoint, connect_with};
use switchboard::embedded;
use switchboard::methods::families;
use tests::App;

const MINUTE: i64 = 60 * 1000;

fn name(text: &str) -> TokenName {
    TokenName::parse(text).unwrap()
}

async fn mint(app: &App, text: &str, scope: Scope) -> String {
    app.operator.create_token(name(text), scope, None).await.unwrap()
}

async fn count(app: &App, token: &str) -> tests::Answer {
    app.stepchat("count-users", json!({ "token": token })).await
}

async fn listed(app: &App, text: &str) -> ApiToken {
    app.operator.tokens().await.unwrap().into_iter().find(|token| token.name == name(text)).unwrap()
}

fn items_with(app: &App, text: &str) -> Vec<Value> {
    app.items().into_iter().map(|(_, item)| item).filter(|item| item.to_string().contains(text)).collect()
}

#[tokio::test]
async fn a_token_is_random_and_known_by_its_hash_only() {
    let app = App::new().await;
    let (first, second) = (mint(&app, "first", Scope::Read).await, mint(&app, "second", Scope::Read).await);
    assert!(first.starts_with("sbk_1_first_") && second.starts_with("sbk_1_second_"), "{first} {second}");
    let secret = first.rsplit('_').next().unwrap();
    assert_eq!(secret.len(), 40);
    assert_ne!(Some(secret), second.rsplit('_').next());
    for token in [&first, &second] {
        count(&app, token).await.response();
        count(&app, &format!("{token}0")).await;
    }
    assert_eq!(items_with(&app, secret), Vec::<Value>::new());
    assert!(!app.log().join("\n").contains(secret));
}

#[tokio::test]
async fn whatever_differs_from_the_token_opens_nothing() {
    let app = App::new().await;
    let second = app.add_stepchat_user(json!({ "user_type": "admin" })).await;
    let token = mint(&app, "crm", Scope::Write).await;
    let other = mint(&app, "other", Scope::Write).await;
    let secret = token.rsplit('_').next().unwrap();
    let last = if secret.ends_with('0') { "1" } else { "0" };
    for wrong in [
        format!("{}{last}", &token[..token.len() - 1]),
        token.replace("sbk_1_", &format!("sbk_{second}_")),
        token.replace("_crm_", "_other_"),
        token.replace("_crm_", "_unknown_"),
        format!("sbk_1_crm_{}", other.rsplit('_').next().unwrap()),
        token.to_uppercase(),
        format!("{token} "),
        secret.to_owned(),
        "sbk_".to_owned(),
        "sbk_1_crm_".to_owned(),
    ] {
        assert_eq!(count(&app, &wrong).await.code(), "invalid-token", "{wrong}");
    }
    count(&app, &token).await.response();
    assert_eq!(app.last_line()["caller"], "api-token");
}

#[tokio::test]
async fn a_token_is_taken_as_bearer_and_means_its_admin() {
    let app = App::new().await;
    let second = app.add_stepchat_user(json!({ "user_type": "admin" })).await;
    let token = app.operator.create_token(name("crm"), Scope::Write, UserId::parse(&second)).await.unwrap();
    let request = http::Request::post("/stepchat/count-users").header("authorization", format!("Bearer {token}"));
    let answer = app.send(request.body(bytes::Bytes::new()).unwrap()).await;
    assert_eq!(answer.response()["all"], "2");
    let own = app.stepchat("delete-user", json!({ "token": token, "user_id": second })).await;
    assert_eq!(own.code(), "cannot-delete-user");
    assert_eq!(app.stepchat("delete-user", json!({ "token": token, "user_id": 1 })).await.response(), json!(true));
}

/// Otherwise it would outlive its revocation, and its scope.
#[tokio::test]
async fn no_answer_shows_an_api_token_the_own_token_of_an_admin() {
    let app = App::new().await;
    let visitor = app.add_stepchat_user(json!({})).await;
    for scope in [Scope::Read, Scope::Write] {
        let token = mint(&app, scope.as_str(), scope).await;
        for entry in families().iter().filter(|family| family.name == "stepchat").flat_map(|family| family.methods) {
            let fields = json!({
                "token": token, "user_id": 1, "by": "first-name", "value": "Admin", "search": "Admin", "user_types": "admin",
                "first_name": "Admin", "details": "[]", "type": "all", "datetime": "2000-01-01 00:00:00",
            });
            if !entry.name.starts_with("delete") {
                let answer = app.stepchat(entry.name, fields).await;
                assert!(!answer.text.contains(&app.token), "{}: {}", entry.name, answer.text);
            }
        }
        let row = |id: &str| json!({ "token": token, "user_id": id });
        let admin = app.stepchat("get-user", row("1")).await.response();
        let seen = app.stepchat("get-user", row(&visitor)).await.response();
        assert_eq!((admin["token"].as_str(), seen["token"].as_str().map(str::len)), (Some(""), Some(40)));
    }
    let own = app.stepchat("get-user", json!({ "user_id": 1 })).await.response();
    assert_eq!(own["token"], app.token);
}

/// A token that a reader was shown while its user was nobody in particular must not log in as staff later.
#[tokio::test]
async fn a_user_s_token_that_an_api_token_has_seen_logs_nobody_in_once_the_user_is_staff() {
    let app = App::new().await;
    let reader = mint(&app, "reader", Scope::Read).await;
    for kind in ["agent", "admin"] {
        let id = app.add_stepchat_user(json!({ "email": format!("{kind}@example.com") })).await;
        let row = app.stepchat("get-user", json!({ "token": reader, "user_id": id })).await.response();
        let seen = row["token"].as_str().unwrap().to_owned();
        let login =
            async |token: &str| app.stepchat("login", json!({ "user_id": id, "user_token": token })).await.response();
        assert!(login(&seen).await.is_array(), "as the user it is");
        app.stepchat("update-user", json!({ "user_id": id, "user_type": kind })).await.response();
        assert_eq!(login(&seen).await, json!(false), "{kind}");
        let new = app.stepchat("get-user", json!({ "user_id": id })).await.response()["token"].clone();
        assert_eq!(login(new.as_str().unwrap()).await[0]["user_type"], kind);
        // Demoted, it is shown again; promoted once more, it is void again.
        app.stepchat("update-user", json!({ "user_id": id, "user_type": "user" })).await.response();
        app.stepchat("update-user", json!({ "user_id": id, "user_type": "agent" })).await.response();
        assert_eq!(login(new.as_str().unwrap()).await, json!(false), "{kind}, once more");
    }
}

#[tokio::test]
async fn only_admins_get_tokens_and_no_name_is_given_twice() {
    let app = App::new().await;
    let agent = app.add_stepchat_user(json!({ "user_type": "agent" })).await;
    let refused = app.operator.create_token(name("crm"), Scope::Read, UserId::parse(&agent)).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("user {agent} is no admin"));
    let nobody = app.operator.create_token(name("crm"), Scope::Read, UserId::new(77)).await.unwrap_err();
    assert_eq!(nobody.to_string(), "user 77 is no admin");
    assert_eq!(app.operator.tokens().await.unwrap(), Vec::new());
    mint(&app, "crm", Scope::Read).await;
    assert!(app.operator.revoke_token(&name("crm")).await.unwrap());
    let taken = app.operator.create_token(name("crm"), Scope::Read, None).await.unwrap_err();
    assert!(taken.to_string().contains("no name is given twice"), "{taken}");
    assert!(!app.operator.revoke_token(&name("unknown")).await.unwrap());
    assert_eq!(items_with(&app, "unknown"), Vec::<Value>::new());
}

#[tokio::test]
async fn of_names_asked_for_at_once_one_is_given() {
    let app = App::new().await;
    let mints = (0..6).map(|_| app.operator.create_token(name("crm"), Scope::Read, None));
    let minted: Vec<String> = futures_util::future::join_all(mints).await.into_iter().filter_map(Result::ok).collect();
    assert_eq!(minted.len(), 1);
    count(&app, &minted[0]).await.response();
    assert_eq!(app.operator.tokens().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_last_use_is_noted_once_in_five_minutes_behind_what_was_asked() {
    let app = App::new().await;
    count(&app, &app.token).await.response();
    let own = app.last_line()["round_trips"].as_u64().unwrap();
    let token = mint(&app, "crm", Scope::Read).await;
    assert_eq!(listed(&app, "crm").await.used_at, None);
    let (mut noted, start) = (Vec::new(), app.app.clock.now());
    for _ in 0..12 {
        count(&app, &token).await.response();
        let line = app.last_line();
        let writes = line["write_units"].as_f64().unwrap() > 0.0;
        // Nothing is written before the caller is known, and by then a read is done.
        assert_eq!(line["round_trips"], own + u64::from(writes), "{line}");
        noted.push(writes);
        app.wait_millis(MINUTE);
    }
    assert_eq!(noted, (0..12).map(|minute| [0, 6].contains(&minute)).collect::<Vec<_>>());
    assert_eq!(listed(&app, "crm").await.used_at, Some(start.plus_millis(6 * MINUTE)));
    // A use that was refused is none.
    app.wait_millis(60 * MINUTE);
    let refused = app.stepchat("add-user", json!({ "token": token })).await;
    assert_eq!(refused.code(), "security-error");
    assert_eq!(listed(&app, "crm").await.used_at, Some(start.plus_millis(6 * MINUTE)));
}

#[tokio::test]
async fn of_calls_at_once_one_notes_the_use() {
    let app = App::new().await;
    let token = mint(&app, "crm", Scope::Read).await;
    futures_util::future::join_all((0..8).map(|_| count(&app, &token))).await;
    assert_eq!(listed(&app, "crm").await.used_at, Some(app.app.clock.now()));
    let before = app.items();
    futures_util::future::join_all((0..8).map(|_| count(&app, &token))).await;
    assert_eq!(app.items(), before);
}

#[tokio::test]
async fn a_revoked_token_stays_in_the_list_and_keeps_its_first_date() {
    let app = App::new().await;
    let token = mint(&app, "crm", Scope::Write).await;
    app.wait_millis(MINUTE);
    let revoked = app.app.clock.now();
    assert!(app.operator.revoke_token(&name("crm")).await.unwrap());
    assert_eq!(count(&app, &token).await.code(), "invalid-token");
    app.wait_millis(MINUTE);
    assert!(app.operator.revoke_token(&name("crm")).await.unwrap());
    let row = listed(&app, "crm").await;
    assert_eq!((row.scope, row.owner.get(), row.revoked_at), (Scope::Write, 1, Some(revoked)));
}

#[tokio::test]
async fn the_tokens_of_a_deleted_admin_open_nothing_at_once_and_leave_no_item() {
    let app = App::new().await;
    let second = app.add_stepchat_user(json!({ "user_type": "admin" })).await;
    let tokens = [
        app.operator.create_token(name("gone-one"), Scope::Write, UserId::parse(&second)).await.unwrap(),
        app.operator.create_token(name("gone-two"), Scope::Read, UserId::parse(&second)).await.unwrap(),
    ];
    let stays = mint(&app, "stays", Scope::Read).await;
    app.operator.revoke_token(&name("gone-two")).await.unwrap();
    let user = delete_and_die(&app, &second).await;
    assert_eq!(count(&app, &tokens[0]).await.code(), "invalid-token");
    assert!(!items_with(&app, "gone-one").is_empty(), "the request died before the purge");
    // No time, then time: whatever interrupts, the next run finds the rest.
    let now = tokio::time::Instant::now();
    let _ = purge(&app, user, now).await;
    assert_ne!(purge(&app, user, now + std::time::Duration::from_mins(1)).await, Progress::Left);
    assert_eq!(items_with(&app, "gone-"), Vec::<Value>::new());
    let names: Vec<String> = app.operator.tokens().await.unwrap().iter().map(|token| token.name.to_string()).collect();
    assert_eq!(names, ["stays"]);
    count(&app, &stays).await.response();
}

/// A purge may be repeated after it has removed the token and before it has removed the pointer to it; by then the name
/// may be another token's.
#[tokio::test]
async fn a_repeated_purge_spares_a_token_that_has_the_name_now() {
    let app = App::new().await;
    let second = app.add_stepchat_user(json!({ "user_type": "admin" })).await;
    app.operator.create_token(name("crm"), Scope::Write, UserId::parse(&second)).await.unwrap();
    let items = app.items();
    let pointer = items.iter().find(|(_, item)| item["sk"]["S"] == "TOKEN#crm").unwrap().1.clone();
    app.stepchat("delete-user", json!({ "user_id": second })).await.response();
    let token = mint(&app, "crm", Scope::Read).await;
    let put = json!({ "TableName": "stepchat", "Item": pointer });
    let (status, body) = embedded::perform(&app.database, "PutItem", put.to_string().as_bytes());
    assert_eq!(status, 200, "{body}");
    let (user, soon) =
        (UserId::parse(&second).unwrap(), tokio::time::Instant::now() + std::time::Duration::from_mins(1));
    assert_ne!(purge(&app, user, soon).await, Progress::Left);
    count(&app, &token).await.response();
    assert_eq!(listed(&app, "crm").await.owner.get(), 1);
    assert!(items_with(&app, "TOKEN#crm").len() == 1, "only the new one's pointer");
}

/// The embedded database, but notes of use get lost.
#[derive(Debug)]
struct Forgetful(SharedHttpConnector);

impl HttpConnector for Forgetful {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default();
        if body.windows(b"SET used_at".len()).any(|window| window == b"SET used_at") {
            return HttpConnectorFuture::ready(Err(ConnectorError::io("cut".into())));
        }
        self.0.call(request)
    }
}

#[tokio::test]
async fn a_note_that_fails_fails_no_call() {
    let database = Database::memory().unwrap();
    let connector = SharedHttpConnector::new(Forgetful(embedded::connector(&database).unwrap()));
    let transport = http_client_fn(move |_, _| connector.clone());
    let client = connect_with(&Endpoint::emulator(Some("http://embedded".into())), transport);
    let app = App::on(database, client, |_| None).await;
    let token = mint(&app, "crm", Scope::Write).await;
    assert_eq!(count(&app, &token).await.response()["all"], "1");
    app.stepchat("add-user", json!({ "token": token })).await.response();
    assert_eq!(listed(&app, "crm").await.used_at, None);
}
