//! A deployment in memory: the real SDK, the real pipeline, the local router; only the network is missing.

use crate::prepared::Prepared;
use crate::{inline, invariants, jwt};
use aws_sdk_dynamodb::config::SharedHttpClient;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use dynoxide::Database;
use dynoxide::actions::scan::ScanRequest;
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Map, Value, json};
use shared::clock::Clock;
use shared::config::Config;
use shared::ids::AccountId;
use shared::ledger::Money;
use shared::limits::{INDEX_SETTLED_MILLIS, SEARCH_SETTLED_MILLIS};
use shared::observe::Log;
use shared::stepchat::User;
use shared::store::auth::{IssuedCredential, TokenHash};
use shared::store::grants::Grant;
use shared::store::meter::{Use, metered};
use shared::store::schema::{Tables, create_tables};
use shared::store::search::Limits;
use shared::store::{Endpoint, Store, Table, connect_with};
use shared::timestamp::Timestamp;
use shared::voximplant::{Account, Role};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchboard::embedded;
use switchboard::files::Files;
use switchboard::load::Load;
use switchboard::operator::{Credentials, Operator};
use switchboard::sink::Sink;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use tower::ServiceExt as _;

/// 2026-11-22 00:00:00 UTC: where every test's clock starts.
pub const START: i64 = 1_795_305_600_000;

/// The secret of every test deployment.
pub fn token_secret() -> String {
    STANDARD.encode([42; 32])
}

/// The secret of every test deployment's bucket.
pub const FILES_SECRET: &str = "files-secret-4711";

/// A deployment.
pub struct App {
    /// The deployment behind the router.
    pub app: Arc<shared::context::App>,
    /// Its files.
    pub files: Files,
    /// Its database, for looking at what is really stored.
    pub database: Database,
    /// What the operator can do.
    pub operator: Operator,
    /// Token of the first StepChat admin, whose id is 1.
    pub token: String,
    /// Voximplant account 1.
    pub account: Account,
    /// An Owner key of account 1.
    pub key: Credentials,
    /// An API key of account 1.
    pub api_key: String,
    /// The application `demo` of account 1.
    pub application: u64,
    lines: Arc<Mutex<Vec<String>>>,
    uses: Mutex<BTreeSet<Use>>,
    file_uses: Mutex<BTreeSet<Grant>>,
    damaged: AtomicBool,
    router: axum::Router,
}

/// What a call came back with.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body as it was sent, as text.
    pub text: String,
    /// The body as it was sent.
    pub bytes: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// StepChat: the value inside the envelope of a success.
    pub fn response(&self) -> Value {
        let body = self.json();
        assert_eq!(body["success"], json!(true), "{}", self.text);
        body["response"].clone()
    }

    /// The error code: StepChat's `response` of a failure, Voximplant's `error.code`.
    pub fn code(&self) -> Value {
        let body = self.json();
        match body.get("error") {
            Some(error) => {
                assert_eq!(body["errors"], json!([error]), "{}", self.text);
                error["code"].clone()
            }
            None => {
                assert_eq!(body["success"], json!(false), "{}", self.text);
                body["response"].clone()
            }
        }
    }
}

fn in_memory(transport: impl FnOnce(&Database) -> SharedHttpClient) -> (Database, aws_sdk_dynamodb::Client) {
    let database = Database::memory().unwrap();
    let endpoint = Endpoint::emulator(Some("http://embedded".into()));
    let client = connect_with(&endpoint, transport(&database));
    (database, client)
}

/// The transport of the local server.
fn threaded(database: &Database) -> SharedHttpClient {
    embedded::transport(database).unwrap()
}

/// A clock that stands at the start of every test.
fn manual_clock() -> Clock {
    Clock::manual(Timestamp::from_millis(START))
}

/// What every deployment has from its start.
#[derive(Debug, Clone)]
struct Furnished {
    admin: User,
    account: Account,
    application: u64,
    key: Credentials,
    api_key: String,
}

static FURNISHED: OnceCell<(Furnished, Prepared)> = OnceCell::const_new();

/// What most deployments begin with, made once.
async fn prepare() -> (Furnished, Prepared) {
    // The first test may have a paused clock.
    let (database, client) = in_memory(inline::transport);
    let config = Config::read(|name| (name == "SWITCHBOARD_TOKEN_SECRET").then(token_secret)).unwrap();
    let furnished = furnish(&Arc::new(plain(config, client))).await;
    (furnished, Prepared::of(&database, "deployment"))
}

/// A deployment whose clock stands at the start.
fn plain(config: Config, client: aws_sdk_dynamodb::Client) -> shared::context::App {
    let store = Store::new(client, config.tables.clone());
    shared::context::App::new(config, store, manual_clock(), Log::Captured(Arc::default()))
}

/// Makes tables, the first admin, an account with money, an application and keys.
async fn furnish(app: &Arc<shared::context::App>) -> Furnished {
    create_tables(app.store.client(), &app.config.tables).await.unwrap();
    let operator = Operator::new(Arc::clone(app));
    let admin = operator.first_admin().await.unwrap();
    let account = operator.create_account("demo", "owner@example.com", "USD", None).await.unwrap();
    operator.credit(account.id, Money::from_units(10_000_000), "test money").await.unwrap();
    let application = operator.application(&account, "demo").await.unwrap().get();
    let key = operator.register_key(&account, &[Role::Owner], "test", jwt::private_key()).await.unwrap();
    let api_key = operator.create_api_key(&account).await.unwrap();
    // As in a deployment that is in use: for some minutes, calls note nothing.
    let now = app.clock.now();
    for used in [IssuedCredential::ServiceKey(key.key_id.clone()), IssuedCredential::ApiKey(TokenHash::of(&api_key))] {
        app.store.note_use(&used, now, now).await.unwrap();
    }
    Furnished { admin, account, application, key, api_key }
}

/// Whatever a test has done: the ledger sums to zero, counters are right, and nothing of anybody who is gone is left but
/// what is promised to go.
impl Drop for App {
    fn drop(&mut self) {
        if std::thread::panicking() || self.damaged.load(Ordering::Relaxed) {
            return;
        }
        let broken = invariants::broken(&self.items());
        assert!(broken.is_empty(), "the test ends, and {broken:#?}");
    }
}

impl App {
    /// A deployment with default settings.
    pub async fn new() -> Self {
        Self::with(|_| None).await
    }

    /// A deployment for a test whose clock is paused.
    pub async fn on_paused_clock() -> Self {
        let (database, client) = in_memory(inline::transport);
        Self::on(database, client, |_| None).await
    }

    /// A deployment with some settings: variable name to value.
    pub async fn with(settings: impl Fn(&str) -> Option<String>) -> Self {
        let (database, client) = in_memory(threaded);
        Self::on(database, client, settings).await
    }

    /// A deployment whose searches go so far by search entries.
    pub async fn searching(limits: Limits) -> Self {
        let (database, client) = in_memory(threaded);
        Self::build(database, client, manual_clock(), limits, |_| None).await
    }

    /// A deployment over a client of the caller's making, which has this clock.
    pub async fn timed(database: Database, client: aws_sdk_dynamodb::Client, clock: Clock) -> Self {
        Self::build(database, client, clock, Limits::default(), |_| None).await
    }

    /// A deployment over a client of the caller's making.
    pub async fn on(
        database: Database,
        client: aws_sdk_dynamodb::Client,
        settings: impl Fn(&str) -> Option<String>,
    ) -> Self {
        Self::build(database, client, manual_clock(), Limits::default(), settings).await
    }

    async fn build(
        database: Database,
        client: aws_sdk_dynamodb::Client,
        clock: Clock,
        limits: Limits,
        settings: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let lookup = |name: &str| settings(name).or_else(|| (name == "SWITCHBOARD_TOKEN_SECRET").then(token_secret));
        let config = Config::read(lookup).unwrap();
        // Whatever else is set, it begins like any other deployment.
        let as_usual = settings("SWITCHBOARD_TOKEN_SECRET").is_none() && config.tables == Tables::default();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let files = Files::temporary(FILES_SECRET).unwrap();
        let log = Log::Captured(Arc::clone(&lines));
        let furnished = if as_usual {
            let (furnished, prepared) = FURNISHED.get_or_init(prepare).await;
            prepared.copy_into(&database);
            furnished.clone()
        } else {
            furnish(&Arc::new(plain(config.clone(), client.clone()))).await
        };
        let store = Store::new(client, config.tables.clone()).searching(limits);
        let app = Arc::new(shared::context::App::new(config, store, clock, log).with_files(files.store()));
        let operator = Operator::new(Arc::clone(&app));
        let router = files.clone().add_routes(switchboard::router::router(Arc::clone(&app)));
        let token = operator.token(&furnished.admin);
        let (uses, file_uses, damaged) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
        let Furnished { account, key, api_key, application, .. } = furnished;
        Self {
            app,
            files,
            database,
            operator,
            token,
            account,
            key,
            api_key,
            application,
            lines,
            uses,
            file_uses,
            damaged,
            router,
        }
    }

    /// This test writes into the database what no request would: what is wrong in it at the end is no defect.
    pub fn expect_damage(&self) {
        self.damaged.store(true, Ordering::Relaxed);
    }

    /// Moves the clock.
    pub fn wait_millis(&self, millis: i64) {
        self.app.clock.advance_millis(millis);
    }

    /// Runs the jobs as the schedule does, until nothing is left: how much work they found.
    pub async fn run_jobs(&self) -> usize {
        let deadline = Instant::now() + Duration::from_mins(1);
        shared::runtime::perform(switchboard::methods::JOBS[0], Arc::clone(&self.app), deadline).await.unwrap()
    }

    /// Runs them until the time has come for everything that was left for later: what an index may show late, what a
    /// message that arrives twice may bring back.
    pub async fn run_jobs_to_the_end(&self) {
        for _ in 0..3 {
            self.run_jobs().await;
            self.wait_millis(INDEX_SETTLED_MILLIS.max(SEARCH_SETTLED_MILLIS));
        }
        self.run_jobs().await;
    }

    /// The log so far.
    pub fn log(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Writes new items past the SDK, and counts them.
    pub async fn load(&self, mut load: Load) {
        let store = &self.app.store;
        Sink::shared(&self.database).write(&mut load, |table| store.table_name(table).to_owned()).unwrap();
        load.sums().count(store).await.unwrap();
    }

    /// The log line of the last request.
    pub fn last_line(&self) -> Value {
        serde_json::from_str(self.log().last().unwrap()).unwrap()
    }

    /// Which grants the last request needed.
    pub fn uses(&self) -> BTreeSet<Use> {
        self.uses.lock().unwrap().clone()
    }

    /// Which grants on files the last request needed.
    pub fn file_uses(&self) -> BTreeSet<Grant> {
        self.file_uses.lock().unwrap().clone()
    }

    /// Sends any request through the local router.
    pub async fn send(&self, request: Request<Bytes>) -> Answer {
        let (response, readings) = metered(self.router.clone().oneshot(request.map(Body::from))).await;
        *self.uses.lock().unwrap() = readings.uses;
        *self.file_uses.lock().unwrap() = readings.files;
        let response = response.unwrap();
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&body).into_owned();
        Answer { status: head.status, headers: head.headers, text, bytes: body }
    }

    /// Posts a form.
    pub async fn post(&self, path: &str, form: String) -> Answer {
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(form.into()).unwrap()).await
    }

    /// A StepChat call at the front door, with the first admin's token.
    pub async fn stepchat(&self, function: &str, fields: Value) -> Answer {
        let mut form = object(fields);
        form.insert("function".into(), function.into());
        form.entry("token").or_insert_with(|| self.token.as_str().into());
        self.post("/include/api.php", encode(&form)).await
    }

    /// A Voximplant call at the front door, signed with account 1's Owner key.
    pub async fn voximplant(&self, method: &str, fields: Value) -> Answer {
        let bearer = self.bearer(&self.key);
        self.voximplant_as(&bearer, method, fields).await
    }

    /// A Voximplant call at the front door with this token.
    pub async fn voximplant_as(&self, bearer: &str, method: &str, fields: Value) -> Answer {
        let mut form = object(fields);
        form.insert("cmd".into(), method.into());
        let request = Request::post("/platform_api")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("Bearer {bearer}"));
        self.send(request.body(encode(&form).into()).unwrap()).await
    }

    /// A fresh token of a key, by the test's clock.
    pub fn bearer(&self, key: &Credentials) -> String {
        jwt::token(key, self.app.clock.now().seconds())
    }

    /// A key of account 1 with these roles.
    pub async fn key_with(&self, roles: &[Role]) -> Credentials {
        self.operator.register_key(&self.account, roles, "test", jwt::private_key()).await.unwrap()
    }

    /// Another account, with an Owner key.
    pub async fn other_account(&self, name: &str, parent: Option<AccountId>) -> (Account, Credentials) {
        let account = self.operator.create_account(name, &format!("{name}@example.com"), "USD", parent).await.unwrap();
        let key = self.operator.register_key(&account, &[Role::Owner], "test", jwt::private_key()).await.unwrap();
        (account, key)
    }

    /// Adds a StepChat user and returns its id as text, as rows show it.
    pub async fn add_stepchat_user(&self, fields: Value) -> String {
        self.stepchat("add-user", fields).await.response().to_string()
    }

    /// Adds a Voximplant user to the application `demo` and returns its id.
    pub async fn add_voximplant_user(&self, name: &str, fields: Value) -> u64 {
        let mut form = object(fields);
        for (field, value) in [("user_name", name), ("user_display_name", name), ("user_password", "Passw0rd!")] {
            form.entry(field).or_insert_with(|| value.into());
        }
        form.entry("application_id").or_insert_with(|| self.application.into());
        let answer = self.voximplant("AddUser", Value::Object(form)).await;
        answer.json()["user_id"].as_u64().unwrap_or_else(|| panic!("{}", answer.text))
    }

    /// Every item of every table, as stored.
    pub fn items(&self) -> Vec<(Table, Value)> {
        let mut items = Vec::new();
        for table in Table::ALL {
            let mut from = None;
            loop {
                let table_name = self.app.store.table_name(table).to_owned();
                let request = ScanRequest { table_name, exclusive_start_key: from, ..ScanRequest::default() };
                let page = self.database.scan(request).unwrap();
                let page_items = page.items.into_iter().flatten();
                items.extend(page_items.map(|item| (table, serde_json::to_value(item).unwrap())));
                from = page.last_evaluated_key;
                if from.is_none() {
                    break;
                }
            }
        }
        items
    }
}

/// The members of an object.
fn object(fields: Value) -> Map<String, Value> {
    match fields {
        Value::Object(members) => members,
        other => panic!("fields are an object, not {other}"),
    }
}

/// Fields as a urlencoded form: texts as they are, everything else as JSON text.
pub fn encode(fields: &Map<String, Value>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", percent(name), percent(&text(value))));
    pairs.collect::<Vec<_>>().join("&")
}

/// Percent-encodes everything but letters and digits.
pub fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
