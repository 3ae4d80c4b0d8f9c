//! Reads go out together with the look for their caller, and nobody gets anything by it who may not.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use dynoxide::Database;
use serde_json::{Value, json};
use shared::method::Effect;
use shared::store::{Endpoint, connect_with};
use std::sync::{Arc, Mutex};
use switchboard::embedded;
use switchboard::methods::families;
use tests::App;

/// What was sent to the database: the operation and the request.
type Sent = Arc<Mutex<Vec<(String, String)>>>;

#[derive(Debug, Clone)]
struct Watched(SharedHttpClient, Sent);

impl HttpClient for Watched {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(WatchedConnector(self.0.http_connector(settings, components), Arc::clone(&self.1)))
    }
}

#[derive(Debug)]
struct WatchedConnector(SharedHttpConnector, Sent);

impl HttpConnector for WatchedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap().rsplit('.').next().unwrap().to_owned();
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        self.1.lock().unwrap().push((target, body));
        self.0.call(request)
    }
}

async fn watched() -> (App, Sent) {
    let database = Database::memory().unwrap();
    let sent = Sent::default();
    let transport: SharedHttpClient = embedded::transport(&database).unwrap();
    let transport = SharedHttpClient::new(Watched(transport, Arc::clone(&sent)));
    let client = connect_with(&Endpoint::emulator(Some("http://embedded".into())), transport);
    let app = App::on(database, client, |_| None).await;
    sent.lock().unwrap().clear();
    (app, sent)
}

fn taken(sent: &Sent) -> Vec<(String, String)> {
    std::mem::take(&mut *sent.lock().unwrap())
}

const NOBODYS_TOKEN: &str = "0123456789abcdef0123456789abcdef01234567";

async fn as_nobody(app: &App, method: &str, fields: Value) -> String {
    let mut form = fields;
    form["token"] = json!(NOBODYS_TOKEN);
    form["function"] = json!(method);
    app.post("/stepchat", tests::app::encode(form.as_object().unwrap())).await.text
}

#[tokio::test]
async fn what_one_look_answers_takes_one_round_trip_and_a_list_two() {
    let app = App::new().await;
    let extra = json!({ "phone": "+491701234567", "city": "Oslo" });
    let id = app.add_stepchat_user(json!({ "first_name": "Anna", "email": "anna@example.com", "extra": extra })).await;
    for (method, fields, trips) in [
        ("get-user", json!({ "user_id": id }), 1),
        ("get-user", json!({ "user_id": id, "extra": true }), 1),
        ("is-online", json!({ "user_id": id }), 1),
        ("count-users", json!({}), 1),
        ("agents-online", json!({}), 1),
        ("get-agent", json!({ "agent_id": 1 }), 1),
        ("get-user-extra", json!({ "user_id": id }), 1),
        ("get-user-extra", json!({ "user_id": id, "slug": "city" }), 1),
        ("get-user-language", json!({ "user_id": id }), 1),
        ("get-user-by", json!({ "by": "email", "value": "anna@example.com" }), 2),
        ("get-user-by", json!({ "by": "phone", "value": "491701234567" }), 2),
        ("get-users", json!({}), 2),
        ("get-new-users", json!({ "datetime": 1 }), 2),
        ("get-online-users", json!({}), 2),
        ("search-users", json!({ "search": "ann" }), 2),
        // The caller; the id and the write intent; the search entries; the transaction.
        ("add-user", json!({}), 4),
        ("update-user", json!({ "user_id": id, "department": "" }), 2),
    ] {
        app.stepchat(method, fields.clone()).await.response();
        assert_eq!(app.last_line()["round_trips"], trips, "{method} {fields}");
    }
    app.add_voximplant_user("anna", json!({})).await;
    for (method, fields, trips) in [
        ("GetAccountInfo", json!({}), 1),
        ("GetApplications", json!({}), 1),
        ("GetSkills", json!({}), 1),
        ("GetUsers", json!({ "application_id": 1 }), 2),
        ("GetUsers", json!({ "application_id": 1, "user_id": 1 }), 1),
    ] {
        app.voximplant(method, fields.clone()).await;
        assert_eq!(app.last_line()["round_trips"], trips, "{method} {fields}");
    }
}

#[tokio::test]
async fn nobody_is_told_whether_something_is_there_and_nothing_is_asked_for_because_of_it() {
    let (app, sent) = watched().await;
    let extra = json!({ "phone": "+491701234567" });
    let id = app.add_stepchat_user(json!({ "first_name": "Anna", "extra": extra })).await;
    let reads = families()[0].methods.iter().filter(|entry| entry.effect == Effect::Read).map(|entry| entry.name);
    for method in reads {
        taken(&sent);
        let fields = |id: &str, phone: &str| {
            json!({ "user_id": id, "conversation_id": 1, "agent_id": 1, "by": "phone", "value": phone, "datetime": 1,
                    "details": ["phone"], "search": "anna", "slug": "phone" })
        };
        let there = as_nobody(&app, method, fields(&id, "491701234567")).await;
        let asked = taken(&sent);
        assert_eq!(there, as_nobody(&app, method, fields("4711", "1")).await, "{method}");
        assert!(there.contains("invalid-token"), "{method}: {there}");
        // Rows are read by what an index or a look-up has said.
        let operations: Vec<&str> = asked.iter().map(|(operation, _)| operation.as_str()).collect();
        assert!(operations.iter().all(|name| matches!(*name, "GetItem" | "Query" | "BatchGetItem")), "{method}");
        let of_auth = asked.iter().filter(|(_, body)| body.contains("\"auth\"")).count();
        assert_eq!(of_auth, 1, "{method}: {operations:?}");
        let depth_two = ["get-users", "search-users", "get-new-users", "get-online-users", "get-user-by"];
        if depth_two.contains(&method) {
            assert!(!operations.contains(&"BatchGetItem"), "{method}: {operations:?}");
        }
    }
}

#[tokio::test]
async fn callers_in_vain_cost_a_read_of_their_method_now_and_then_only() {
    let (app, sent) = watched().await;
    for _ in 0..100 {
        as_nobody(&app, "get-user", json!({ "user_id": 1 })).await;
    }
    let asked = taken(&sent);
    let reads = asked.iter().filter(|(_, body)| !body.contains("\"auth\"")).count();
    assert_eq!(asked.len() - reads, 100, "one look for the caller each");
    assert!((1..=25).contains(&reads), "{reads}");
    // Everybody else is answered meanwhile, a round trip later.
    assert_eq!(app.stepchat("get-user", json!({ "user_id": 1 })).await.response()["id"], "1");
}

#[tokio::test]
async fn without_a_credential_or_with_what_is_none_nothing_is_asked_for() {
    let (app, sent) = watched().await;
    for form in ["function=get-user&user_id=1", "function=get-users", "function=get-user&user_id=1&token="] {
        assert!(app.post("/stepchat", form.into()).await.text.contains("token-not-found"), "{form}");
    }
    assert_eq!(taken(&sent), []);
    app.post("/stepchat", "function=get-user&user_id=1&token=abc".into()).await;
    let asked = taken(&sent);
    assert!(asked.len() == 1 && asked[0].1.contains("\"auth\""), "{asked:?}");
}

/// Whatever the method: a credential that nobody has handed out writes nothing, hashes nothing, and costs no second look.
#[tokio::test]
async fn nothing_is_written_for_nobody() {
    let (app, sent) = watched().await;
    let id = app.add_stepchat_user(json!({ "first_name": "Anna", "email": "anna@example.com" })).await;
    let user = app.add_voximplant_user("anna", json!({})).await;
    let place = app.stepchat("new-conversation", json!({ "user_id": id })).await.response();
    for entry in families()[0].methods {
        app.app.clock.advance_millis(60_000);
        taken(&sent);
        let fields = json!({ "user_id": id, "user_ids": [id], "conversation_id": place["details"]["id"], "by": "email",
            "value": "anna@example.com", "first_name": "B", "password": "secret", "email": "b@example.com", "message": "hi",
            "name": "Bot", "url": "https://example.com", "agent_id": 1, "typing": true, "datetime": 1, "details": ["city"],
            "return_language": true, "search": "a", "extra": { "city": "Oslo" } });
        let said = as_nobody(&app, entry.name, fields).await;
        assert!(said.contains("invalid-token"), "{}: {said}", entry.name);
        hold_to_reads(entry.name, &sent);
        assert_eq!(app.last_line()["hashes"], 0, "{}", entry.name);
    }
    let now = app.app.clock.now().seconds();
    let claims = json!({ "iss": app.account.id.get(), "iat": now, "exp": now + 60 });
    let forged = tests::jwt::sign(&claims, &app.key.key_id, tests::jwt::stranger_key());
    for entry in families()[1].methods {
        taken(&sent);
        let fields = json!({ "user_id": user, "application_id": 1, "user_name": "bob", "user_display_name": "Bob",
            "user_password": "Passw0rd!", "amount": "1", "application_name": "new", "skill_name": "s", "skill_id": 1,
            "acd_queue_name": "q", "acd_queue_id": 1, "from_date": "2026-01-01 00:00:00", "to_date": "2027-01-01 00:00:00" });
        let said = app.voximplant_as(&forged, entry.name, fields).await.text;
        assert!(said.contains("\"code\":100"), "{}: {said}", entry.name);
        hold_to_reads(entry.name, &sent);
        assert_eq!(app.last_line()["hashes"], 0, "{}", entry.name);
    }
}

fn hold_to_reads(method: &str, sent: &Sent) {
    let asked = taken(sent);
    let operations: Vec<&str> = asked.iter().map(|(operation, _)| operation.as_str()).collect();
    assert!(
        operations.iter().all(|name| matches!(*name, "GetItem" | "Query" | "BatchGetItem")),
        "{method}: {operations:?}"
    );
}
