//! The network between the SDK and the embedded database.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use dynoxide::Database;
use fastrand::Rng;
use serde_json::{Value, json};
use shared::store::{Endpoint, connect_with};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchboard::embedded;

/// How often what goes wrong, in thousandths of all calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Faults {
    conflict: u32,
    throttle: u32,
    lost_before: u32,
    lost_after: u32,
    /// The answer to this call and to all its repetitions is lost.
    deaf: u32,
    /// A caller dies, in thousandths of its calls.
    pub(crate) crash: u32,
}

impl Faults {
    pub(crate) const fn storm() -> Self {
        Self { conflict: 40, throttle: 25, lost_before: 20, lost_after: 40, deaf: 20, crash: 250 }
    }

    pub(crate) const fn none() -> Self {
        Self { conflict: 0, throttle: 0, lost_before: 0, lost_after: 0, deaf: 0, crash: 0 }
    }
}

/// The network and what it has seen.
pub(crate) struct Network {
    database: Database,
    state: Mutex<State>,
    planted: Mutex<Option<Rule>>,
}

/// What becomes of a call, by its operation and body; nothing said is left to the weather.
type Rule = Box<dyn FnMut(&str, &Value) -> Option<Fate> + Send>;

#[derive(Debug)]
struct State {
    rng: Rng,
    faults: Faults,
    deaf: HashSet<Vec<u8>>,
    /// Tokens of transactions that have happened: the database answers their repetition without doing it again.
    happened: HashSet<String>,
    /// Balances as the writes have left them, by partition key.
    balances: BTreeMap<String, i64>,
    broken: Option<String>,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Answer,
    Conflict,
    /// The first condition of a transaction fails.
    Stale,
    /// A transaction with this token is in progress.
    InProgress,
    Throttle,
    LostBefore,
    LostAfter,
}

impl Network {
    pub(crate) fn new(database: &Database, seed: u64) -> Arc<Self> {
        let state = State {
            rng: Rng::with_seed(seed),
            faults: Faults::none(),
            deaf: HashSet::new(),
            happened: HashSet::new(),
            balances: BTreeMap::new(),
            broken: None,
        };
        Arc::new(Self { database: database.clone(), state: Mutex::new(state), planted: Mutex::new(None) })
    }

    /// From now on this rule says what becomes of calls.
    pub(crate) fn plant(&self, rule: impl FnMut(&str, &Value) -> Option<Fate> + Send + 'static) {
        *self.planted.lock().unwrap() = Some(Box::new(rule));
    }

    pub(crate) fn set(&self, faults: Faults) {
        let mut state = self.state.lock().unwrap();
        state.faults = faults;
        state.deaf.clear();
    }

    /// The first step after which money was not conserved.
    pub(crate) fn broken(&self) -> Option<String> {
        self.state.lock().unwrap().broken.clone()
    }

    /// Balances as the writes have left them.
    pub(crate) fn balances(&self) -> BTreeMap<String, i64> {
        self.state.lock().unwrap().balances.clone()
    }

    /// A client on this network; its own retries hardly wait.
    pub(crate) fn client(self: &Arc<Self>) -> Client {
        let connector = SharedHttpConnector::new(Connector(Arc::clone(self)));
        let transport = http_client_fn(move |_, _| connector.clone());
        let client = connect_with(&Endpoint::emulator(Some("http://embedded".into())), transport);
        let retries = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(1));
        Client::from_conf(client.config().to_builder().retry_config(retries).build())
    }

    fn fate(&self, operation: &str, body: &[u8]) -> (Fate, u32) {
        if let Some(rule) = self.planted.lock().unwrap().as_mut()
            && let Some(fate) = rule(operation, &serde_json::from_slice(body).unwrap())
        {
            return (fate, 0);
        }
        let mut state = self.state.lock().unwrap();
        let pauses = state.rng.u32(0..3);
        if state.deaf.contains(body) {
            return (Fate::LostAfter, pauses);
        }
        let faults = state.faults;
        let mut roll = state.rng.u32(0..1000);
        let mut hits = |share: u32| {
            let hit = roll < share;
            roll = roll.saturating_sub(share).max(if hit { 1000 } else { 0 });
            hit
        };
        let writes = !matches!(operation, "GetItem" | "BatchGetItem" | "Query");
        let fate = if hits(faults.conflict) && operation == "TransactWriteItems" {
            Fate::Conflict
        } else if hits(faults.throttle) {
            Fate::Throttle
        } else if hits(faults.lost_before) {
            Fate::LostBefore
        } else if hits(faults.lost_after) {
            Fate::LostAfter
        } else if hits(faults.deaf) && writes {
            state.deaf.insert(body.to_vec());
            Fate::LostAfter
        } else {
            Fate::Answer
        };
        (fate, pauses)
    }

    fn perform(&self, operation: &str, body: &[u8]) -> (u16, String) {
        let (status, answer) = embedded::perform(&self.database, operation, body);
        if status == 200 {
            self.state.lock().unwrap().watch(operation, body);
        }
        (status, answer)
    }
}

impl State {
    /// Follows every balance and holds the sum to zero after every single write.
    fn watch(&mut self, operation: &str, body: &[u8]) {
        let Ok(body) = serde_json::from_slice::<Value>(body) else { return };
        let token = body["ClientRequestToken"].as_str();
        if token.is_some_and(|token| !self.happened.insert(token.to_owned())) {
            return;
        }
        let writes: Vec<(&str, &Value)> = match operation {
            "TransactWriteItems" => {
                let items = body["TransactItems"].as_array().into_iter().flatten();
                items
                    .filter_map(|item| item.as_object()?.iter().next())
                    .map(|(kind, write)| (kind.as_str(), write))
                    .collect()
            }
            "PutItem" => vec![("Put", &body)],
            "UpdateItem" => vec![("Update", &body)],
            _ => return,
        };
        for (kind, write) in writes {
            if write["TableName"] != "ledger" {
                continue;
            }
            let key = if kind == "Put" { &write["Item"] } else { &write["Key"] };
            if key["sk"]["S"] != "B" {
                continue;
            }
            if kind == "Delete" {
                self.balances.remove(key["pk"]["S"].as_str().unwrap_or_default());
                continue;
            }
            let number = |value: &Value| value["N"].as_str().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
            let balance = self.balances.entry(key["pk"]["S"].as_str().unwrap_or_default().to_owned()).or_default();
            match kind {
                "Put" => *balance = number(&write["Item"]["units"]),
                "Update" => {
                    let values = write["ExpressionAttributeValues"].as_object().into_iter().flatten();
                    *balance += values.map(|(_, value)| number(value)).sum::<i64>();
                }
                _ => {}
            }
            if *balance < 0 && !key["pk"]["S"].as_str().unwrap_or_default().ends_with("#W") {
                self.broken.get_or_insert(format!("{} is below zero: {balance}", key["pk"]["S"]));
            }
        }
        let sum: i64 = self.balances.values().sum();
        if sum != 0 {
            self.broken.get_or_insert(format!("after a {operation} all balances sum to {sum}"));
        }
    }
}

struct Connector(Arc<Network>);

impl std::fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Connector(storm)")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let network = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let operation = request.headers().get("x-amz-target").unwrap_or_default();
            let operation = operation.rsplit('.').next().unwrap_or_default().to_owned();
            let body = request.body().bytes().unwrap_or_default().to_vec();
            let (fate, pauses) = network.fate(&operation, &body);
            tokio::task::yield_now().await;
            for _ in 0..pauses {
                tokio::task::yield_now().await;
            }
            let (status, body) = match fate {
                Fate::Answer => network.perform(&operation, &body),
                Fate::Conflict => (400, cancelled(&body, "TransactionConflict")),
                Fate::Stale => (400, cancelled(&body, "ConditionalCheckFailed")),
                Fate::InProgress => (400, in_progress()),
                Fate::Throttle => (400, throttle()),
                Fate::LostBefore => return Err(lost()),
                Fate::LostAfter => {
                    network.perform(&operation, &body);
                    return Err(lost());
                }
            };
            // Between the write and its answer: here a caller may die.
            tokio::task::yield_now().await;
            let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
            response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
            Ok(response)
        })
    }
}

fn lost() -> ConnectorError {
    ConnectorError::io("the answer was lost".into())
}

fn cancelled(body: &[u8], code: &str) -> String {
    let body: Value = serde_json::from_slice(body).unwrap();
    let count = body["TransactItems"].as_array().map_or(1, Vec::len);
    let reasons: Vec<Value> = (0..count).map(|n| json!({ "Code": if n == 0 { code } else { "None" } })).collect();
    let message = format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{code}]");
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": message, "CancellationReasons": reasons
    })
    .to_string()
}

fn in_progress() -> String {
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionInProgressException",
        "Message": "The transaction with the given request token is already in progress"
    })
    .to_string()
}

fn throttle() -> String {
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
        "message": "The level of configured provisioned throughput for the table was exceeded."
    })
    .to_string()
}
