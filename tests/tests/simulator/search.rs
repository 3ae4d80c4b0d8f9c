//! A committed user is never missed by a search, and nothing is left of what was replaced or deleted: two writers, every
//! order of their calls in which one overtakes the other once, and a death of either between any two calls. A message of
//! the dead may still arrive when everything else is over.

use super::story::runtime;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use dynoxide::Database;
use futures_util::poll;
use serde_json::{Value, json};
use shared::context;
use shared::stepchat::{Search, UserType};
use shared::store::stepchat::finding;
use shared::store::stepchat::lists::{Column, SortOrder};
use shared::store::{Endpoint, Store, connect_with};
use shared::text::fold;
use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;
use switchboard::embedded;
use tests::App;
use tests::app::encode;
use tower::ServiceExt as _;

/// The database as one writer sees it: every call waits until it may happen.
struct Gate {
    database: Database,
    state: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    permits: u32,
    /// Calls that have been sent and not been performed.
    calls: Vec<(u64, String, Vec<u8>)>,
    sent: u64,
    bug: Option<Bug>,
    /// Calls that are tasks of their own: to be woken when one may happen.
    wakers: Vec<Waker>,
}

/// A mistake that a writer could make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    /// It leaves the search entries for later.
    PostsLater,
    /// It writes no intent.
    NoIntent,
    /// It removes the old search entries before its transaction.
    RemovesFirst,
}

impl Gate {
    fn perform(&self, operation: &str, body: &[u8]) -> (u16, String) {
        let bug = self.state.lock().unwrap().bug;
        let text = String::from_utf8_lossy(body);
        let swallowed = operation == "BatchWriteItem"
            && match bug {
                Some(Bug::PostsLater) => !text.contains("J#postings"),
                Some(Bug::NoIntent) => text.contains("J#postings"),
                _ => false,
            };
        if swallowed {
            return (200, json!({ "UnprocessedItems": {} }).to_string());
        }
        if bug == Some(Bug::RemovesFirst) && operation == "BatchWriteItem" && !text.contains("J#postings") {
            for item in items(&self.database).iter().filter(|item| is_search_entry(item) && item["uid"]["N"] != "1") {
                let key = json!({ "pk": item["pk"], "sk": item["sk"] });
                let request = json!({ "TableName": "stepchat", "Key": key }).to_string();
                let _ = embedded::perform(&self.database, "DeleteItem", request.as_bytes());
            }
        }
        embedded::perform(&self.database, operation, body)
    }
}

struct Connector(Arc<Gate>);

impl std::fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Connector(gate)")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let gate = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let (operation, body) = embedded::asked(&request);
            let number = {
                let mut state = gate.state.lock().unwrap();
                state.sent += 1;
                let number = state.sent;
                state.calls.push((number, operation.clone(), body.clone()));
                number
            };
            poll_fn(|task| {
                let mut state = gate.state.lock().unwrap();
                if state.permits == 0 {
                    state.wakers.push(task.waker().clone());
                    return Poll::Pending;
                }
                state.permits -= 1;
                state.calls.retain(|(other, ..)| *other != number);
                Poll::Ready(())
            })
            .await;
            let (status, body) = gate.perform(&operation, &body);
            embedded::answered(status, body)
        })
    }
}

/// A request that goes on one call at a time.
struct Writer {
    gate: Arc<Gate>,
    future: Pin<Box<dyn Future<Output = ()>>>,
    ended: bool,
}

impl Writer {
    /// Sends a request by a process of its own.
    fn new(app: &App, call: &Call, bug: Option<Bug>) -> Self {
        let state = Mutex::new(Waiting { bug, ..Waiting::default() });
        let gate = Arc::new(Gate { database: app.database.clone(), state });
        let connector = SharedHttpConnector::new(Connector(Arc::clone(&gate)));
        let transport = http_client_fn(move |_, _| connector.clone());
        let client = connect_with(&Endpoint::emulator(Some("http://embedded".into())), transport);
        let config = app.app.config.clone();
        let store = Store::new(client, config.tables.clone());
        let process = context::App::new(config, store, app.app.clock.clone(), app.app.log.clone());
        let mut form = call.fields.as_object().unwrap().clone();
        form.insert("function".into(), call.function.into());
        form.insert("token".into(), app.token.as_str().into());
        let request = http::Request::post("/include/api.php")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(axum::body::Body::from(encode(&form)))
            .unwrap();
        let router = switchboard::router::router(Arc::new(process));
        let future = Box::pin(async move {
            let _ = router.oneshot(request).await.unwrap();
        });
        Self { gate, future, ended: false }
    }

    /// Lets one call to the database happen, and goes on to the next one; `false` if there is none.
    async fn step(&mut self) -> bool {
        if self.ended {
            return false;
        }
        self.gate.state.lock().unwrap().permits = 1;
        loop {
            if poll!(self.future.as_mut()).is_ready() {
                self.ended = true;
                // A request may end without asking for anything more.
                return self.gate.state.lock().unwrap().permits == 0;
            }
            let (at_the_next, wakers) = {
                let mut state = self.gate.state.lock().unwrap();
                let at_the_next = state.permits == 0 && !state.calls.is_empty();
                (at_the_next, if at_the_next { Vec::new() } else { std::mem::take(&mut state.wakers) })
            };
            if at_the_next {
                return true;
            }
            wakers.into_iter().for_each(Waker::wake);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn finish(&mut self) {
        while self.step().await {}
    }

    /// The process is gone; what it has sent arrives now.
    fn messages_arrive(self) {
        let Self { gate, future, .. } = self;
        let calls = std::mem::take(&mut gate.state.lock().unwrap().calls);
        drop(future);
        for (_, operation, body) in calls {
            let _ = gate.perform(&operation, &body);
        }
    }
}

/// A request to the API.
struct Call {
    function: &'static str,
    fields: Value,
}

/// What becomes of the two writers after one has made some calls and then the other has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    FirstThenSecond,
    SecondThenFirst,
    FirstDies,
    FirstDiesAndItsMessagesComeLate,
    BothDie,
}

/// The first two depend on how far the second writer has come, the others come down to the same for all of that.
const ENDINGS: [Ending; 5] = [
    Ending::FirstThenSecond,
    Ending::BothDie,
    Ending::SecondThenFirst,
    Ending::FirstDies,
    Ending::FirstDiesAndItsMessagesComeLate,
];

/// Pairs of requests about one user, or about one address.
pub(crate) const PAIRS: u64 = 5;
/// More calls than any of the requests makes.
pub(crate) const CALLS: u64 = 16;

fn pair(number: u64, user: &str) -> [Call; 2] {
    let update = |fields: Value| {
        let mut fields = fields;
        fields["user_id"] = json!(user);
        Call { function: "update-user", fields }
    };
    let rename = || {
        let extra = json!({ "city": "Абв", "phone": "", "note": "длинное слово" });
        update(json!({ "first_name": "Где", "email": "zi@x.y", "settings_extra": extra }))
    };
    let add = || Call { function: "add-user", fields: json!({ "first_name": "Эюя", "email": "one@x.y" }) };
    match number {
        0 => [rename(), update(json!({ "first_name": "Клм", "last_name": "" }))],
        1 => [rename(), Call { function: "delete-user", fields: json!({ "user_id": user }) }],
        2 => [Call { function: "delete-user", fields: json!({ "user_id": user }) }, rename()],
        // The same change twice, and back: texts are the same, writes are not.
        3 => [rename(), update(json!({ "first_name": "Абв", "settings_extra": { "city": "абв" } }))],
        _ => [add(), add()],
    }
}

/// Every item of the table.
fn items(database: &Database) -> Vec<Value> {
    let (status, body) = embedded::perform(database, "Scan", json!({ "TableName": "stepchat" }).to_string().as_bytes());
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert!(body.get("LastEvaluatedKey").is_none(), "too many items for one look");
    body["Items"].as_array().unwrap().clone()
}

fn is_search_entry(item: &Value) -> bool {
    item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("G#"))
}

/// The keys of the search entries of a text, written down a second time: every character of every token, and seven more.
fn expected(list: &str, text: &str, stamp: &str) -> BTreeSet<(String, String)> {
    let folded = fold(text);
    let mut keys = BTreeSet::new();
    for token in folded.split_whitespace() {
        let letters: Vec<char> = token.chars().collect();
        for start in 0..letters.len() {
            let rest: String = letters[start + 1..].iter().take(7).collect();
            keys.insert((format!("G#{list}#{}", letters[start]), format!("{rest}\0{stamp}")));
        }
    }
    keys
}

/// What is wrong with the search entries of the users that are there: one that is missing, or, once everything is settled, one
/// that nobody needs. The second value is what users can be found by.
pub(crate) fn wrong(database: &Database, settled: bool) -> (Vec<String>, Vec<(u64, String)>) {
    let items = items(database);
    let (mut needed, mut texts) = (BTreeSet::new(), Vec::new());
    let mut wrong = Vec::new();
    let text = |item: &Value, name: &str| item[name]["S"].as_str().map(str::to_owned);
    let profiles: BTreeSet<&str> =
        items.iter().filter(|item| item["sk"]["S"] == "P").filter_map(|item| item["pk"]["S"].as_str()).collect();
    for item in items.iter().filter(|item| profiles.contains(item["pk"]["S"].as_str().unwrap())) {
        let fields = match item["sk"]["S"].as_str().unwrap() {
            "P" => vec![("name", "first", "g_first"), ("name", "last", "g_last"), ("other", "email", "g_email")],
            "D#current_url" => Vec::new(),
            sort if sort.starts_with("D#") => vec![("other", "val", "g")],
            _ => Vec::new(),
        };
        let user: u64 = item["pk"]["S"].as_str().unwrap()[2..].parse().unwrap();
        for (list, name, mark) in fields {
            let Some(value) = text(item, name).filter(|value| !value.is_empty()) else { continue };
            match text(item, mark) {
                Some(stamp) => needed.extend(expected(list, &value, &stamp)),
                None => wrong.push(format!("user {user} has no stamp for {value}")),
            }
            texts.push((user, value));
        }
    }
    let there: BTreeSet<(String, String)> = items
        .iter()
        .filter(|item| is_search_entry(item))
        .map(|item| (text(item, "pk").unwrap(), text(item, "sk").unwrap()))
        .collect();
    wrong.extend(needed.difference(&there).map(|key| format!("missed: no search entry {key:?}")));
    if settled {
        wrong.extend(there.difference(&needed).map(|key| format!("left: search entry {key:?}")));
        let promises = items.iter().filter(|item| item["pk"]["S"].as_str().unwrap().starts_with("J#p"));
        wrong.extend(promises.map(|item| format!("left: {item}")));
    }
    (wrong, texts)
}

/// Whether searches find exactly those who have the text.
async fn searched(store: &Store, texts: &[(u64, String)]) -> Result<(), String> {
    for (user, value) in texts {
        let word = fold(value);
        let Some(word) = word.split_whitespace().last() else { continue };
        // From the middle on: a substring that is no beginning.
        let word: String = word.chars().skip(word.chars().count() / 2).collect();
        let search = Search::parse(&word);
        let order = SortOrder::by(Column::CreationTime, true);
        let mut found = finding::find(store, &search, &UserType::LISTED, order).await.unwrap();
        let mut ids = BTreeSet::new();
        while let Some(users) = found.more().await.unwrap() {
            ids.extend(users.iter().map(|user| user.id.get()));
        }
        if !ids.contains(user) {
            return Err(format!("missed: {word:?} does not find user {user} with {value:?}"));
        }
        let holders: BTreeSet<u64> =
            texts.iter().filter(|(_, value)| fold(value).contains(&word)).map(|(user, _)| *user).collect();
        if ids != holders {
            return Err(format!("{word:?} finds {ids:?}, and {holders:?} have it"));
        }
    }
    Ok(())
}

/// Holds the table against what is committed, before and after the jobs; and searches, if asked to.
async fn check(app: &App, searching: bool) -> Result<(), String> {
    let (found, texts) = wrong(&app.database, false);
    if let Some(first) = found.first() {
        return Err(first.clone());
    }
    if searching {
        searched(&app.app.store, &texts).await?;
    }
    app.run_jobs_to_the_end().await;
    let (found, _) = wrong(&app.database, true);
    found.first().map_or(Ok(()), |first| Err(first.clone()))
}

async fn subject(app: &App) -> String {
    let extra = json!({ "phone": "+7919", "city": "Клм", "current_url": "https://x.y/z" });
    app.add_stepchat_user(json!({ "first_name": "Абв", "last_name": "Ёж", "email": "ab@x.y", "extra": extra })).await
}

/// Runs all endings of a pair in which the first writer makes `ahead` calls, then the second any number, until neither
/// makes so many.
async fn overtaken(number: u64, ahead: u64) -> Result<(), String> {
    let app = App::on_paused_clock().await;
    for behind in 0..CALLS {
        let mut both_went_so_far = false;
        for ending in ENDINGS.into_iter().take(if behind == 0 { ENDINGS.len() } else { 2 }) {
            let user = subject(&app).await;
            let [first, second] = pair(number, &user);
            let (mut first, mut second) = (Writer::new(&app, &first, None), Writer::new(&app, &second, None));
            let (mut made, mut more) = (0, 0);
            while made < ahead && first.step().await {
                made += 1;
            }
            while more < behind && second.step().await {
                more += 1;
            }
            both_went_so_far |= made == ahead && more == behind;
            match ending {
                Ending::FirstThenSecond => {
                    first.finish().await;
                    second.finish().await;
                }
                Ending::SecondThenFirst => {
                    second.finish().await;
                    first.finish().await;
                }
                Ending::FirstDies => {
                    drop(first);
                    second.finish().await;
                }
                Ending::FirstDiesAndItsMessagesComeLate => {
                    second.finish().await;
                    first.messages_arrive();
                }
                Ending::BothDie => drop((first, second)),
            }
            let place = format!("pair {number}, {ahead} calls, {behind} calls, {ending:?}");
            check(&app, behind == 0).await.map_err(|broken| format!("{place}: {broken}"))?;
            // The next one begins without anybody.
            for item in items(&app.database).iter().filter(|item| item["sk"]["S"] == "P" && item["id"]["N"] != "1") {
                let id = item["id"]["N"].as_str().unwrap();
                app.stepchat("delete-user", json!({ "user_id": id })).await.response();
            }
            app.run_jobs_to_the_end().await;
            let (found, texts) = wrong(&app.database, true);
            if !found.is_empty() || texts.len() != 1 {
                return Err(format!("{place}: deleted, and {found:?} of {texts:?}"));
            }
        }
        if !both_went_so_far {
            break;
        }
    }
    Ok(())
}

/// One of all pairs and numbers of calls of the first writer.
pub(crate) fn run(seed: u64) -> Result<(), String> {
    fastrand::seed(seed);
    runtime().block_on(overtaken(seed % PAIRS, seed / PAIRS % CALLS))
}

/// Runs a writer that makes a mistake until it has made so many calls of a kind, and lets it die.
async fn with_bug(bug: Bug, until: &str) -> Result<(), String> {
    let app = App::on_paused_clock().await;
    let user = subject(&app).await;
    let [rename, _] = pair(0, &user);
    let mut writer = Writer::new(&app, &rename, Some(bug));
    loop {
        let next = writer.gate.state.lock().unwrap().calls.first().map(|(_, operation, _)| operation.clone());
        assert!(writer.step().await, "the writer made no {until}");
        if next.as_deref() == Some(until) {
            break;
        }
    }
    if until == "BatchWriteItem" {
        // The write intent was the first one, the search entries are the second.
        assert!(writer.step().await);
    }
    drop(writer);
    check(&app, true).await
}

#[test]
fn search_entries_after_the_transaction_are_caught() {
    let caught = runtime().block_on(with_bug(Bug::PostsLater, "TransactWriteItems")).unwrap_err();
    assert!(caught.starts_with("missed"), "{caught}");
}

#[test]
fn removal_before_the_transaction_is_caught() {
    let caught = runtime().block_on(with_bug(Bug::RemovesFirst, "BatchWriteItem")).unwrap_err();
    assert!(caught.starts_with("missed"), "{caught}");
}

#[test]
fn search_entries_without_a_write_intent_are_caught() {
    let caught = runtime().block_on(with_bug(Bug::NoIntent, "BatchWriteItem")).unwrap_err();
    assert!(caught.starts_with("left"), "{caught}");
}
