//! The network between the SDK and the database, and AWS's own weather. A message that was sent arrives whether or not
//! its sender still waits for the answer.

use super::answers;
use super::balances::Balances;
use super::bugs::Bug;
use super::cloud::{self, Change, Cloud};
use super::history::History;
use aws_sdk_dynamodb::Client;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use dynoxide::Database;
use fastrand::Rng;
use serde_json::Value;
use shared::store::{Endpoint, connect_with};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use switchboard::embedded;
use tests::prepared::Prepared;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How often what goes wrong, in thousandths of all calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Faults {
    /// A transaction or a single write meets somebody else's transaction.
    pub(crate) conflict: u32,
    /// The whole call is throttled.
    pub(crate) throttle: u32,
    /// A transaction is cancelled since one of its actions is throttled.
    pub(crate) throttled_inside: u32,
    pub(crate) lost_before: u32,
    pub(crate) lost_after: u32,
    /// The answer to this call and to all its repetitions is lost.
    pub(crate) deaf: u32,
    /// The call is performed when its caller has long given up.
    pub(crate) late: u32,
    /// A batch is processed in part.
    pub(crate) unprocessed: u32,
    /// A query or a batch runs beside others' writes and sees some of them.
    pub(crate) torn: u32,
    /// Longest that indexes, and reads that ask for no consistency, are behind.
    pub(crate) lag_millis: u64,
    /// Longest that a message is on its way, in good times.
    pub(crate) latency_millis: u64,
    /// A caller dies, in thousandths of its calls.
    pub(crate) crash: u32,
}

impl Faults {
    pub(crate) const fn storm() -> Self {
        Self {
            conflict: 40,
            throttle: 20,
            throttled_inside: 15,
            lost_before: 20,
            lost_after: 30,
            deaf: 15,
            late: 25,
            unprocessed: 250,
            torn: 400,
            lag_millis: 3_000,
            latency_millis: 8,
            crash: 200,
        }
    }

    pub(crate) const fn none() -> Self {
        Self {
            conflict: 0,
            throttle: 0,
            throttled_inside: 0,
            lost_before: 0,
            lost_after: 0,
            deaf: 0,
            late: 0,
            unprocessed: 0,
            torn: 0,
            lag_millis: 0,
            latency_millis: 0,
            crash: 0,
        }
    }
}

/// `SIM_TRACE=text` shows the calls of a seed that contain this text.
static TRACE: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("SIM_TRACE").ok());

/// The network and what it has seen.
pub(crate) struct Network {
    cloud: Cloud,
    begun: Instant,
    state: Mutex<State>,
    planted: Mutex<Option<Rule>>,
    bug: Mutex<Option<Bug>>,
    pub(crate) history: Mutex<History>,
}

/// What becomes of a call, by its operation and body; nothing said is left to the weather.
type Rule = Box<dyn FnMut(&str, &Value) -> Option<Fate> + Send>;

#[derive(Debug)]
struct State {
    rng: Rng,
    faults: Faults,
    deaf: HashSet<Vec<u8>>,
    balances: Balances,
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
    ThrottledInside,
    LostBefore,
    LostAfter,
}

/// The way of a message.
#[derive(Debug, Clone, Copy)]
struct Way {
    fate: Fate,
    pauses: u32,
    there: Duration,
    back: Duration,
    /// Whether it arrives if its sender dies meanwhile.
    arrives_anyway: bool,
}

type Delivered = Result<(u16, String), ConnectorError>;

impl Network {
    pub(crate) fn new(database: &Database, seed: u64) -> Arc<Self> {
        let state = State {
            rng: Rng::with_seed(seed),
            faults: Faults::none(),
            deaf: HashSet::new(),
            balances: Balances::default(),
        };
        Arc::new(Self {
            cloud: Cloud::new(database),
            begun: Instant::now(),
            state: Mutex::new(state),
            planted: Mutex::default(),
            bug: Mutex::default(),
            history: Mutex::default(),
        })
    }

    /// Begins with this state of the database.
    pub(crate) fn begin(&self, prepared: &Prepared, items: &[Value]) {
        self.cloud.begin(prepared);
        self.state.lock().unwrap().balances.begin(items.iter());
        self.history.lock().unwrap().begin(items.iter());
    }

    /// From now on this rule says what becomes of calls.
    pub(crate) fn plant(&self, rule: impl FnMut(&str, &Value) -> Option<Fate> + Send + 'static) {
        *self.planted.lock().unwrap() = Some(Box::new(rule));
    }

    /// From now on every process makes this mistake.
    pub(crate) fn make_mistake(&self, bug: Option<Bug>) {
        *self.bug.lock().unwrap() = bug;
    }

    pub(crate) fn set(&self, faults: Faults) {
        let mut state = self.state.lock().unwrap();
        state.faults = faults;
        state.deaf.clear();
    }

    /// Indexes have caught up.
    pub(crate) fn settle(&self) {
        self.cloud.settle();
    }

    /// The first step after which money was not conserved.
    pub(crate) fn broken(&self) -> Option<String> {
        self.state.lock().unwrap().balances.broken()
    }

    /// Balances as the writes have left them.
    pub(crate) fn balances(&self) -> BTreeMap<String, i64> {
        self.state.lock().unwrap().balances.now()
    }

    /// A client on this network.
    pub(crate) fn client(self: &Arc<Self>) -> Client {
        let connector = SharedHttpConnector::new(Connector(Arc::clone(self)));
        let transport = http_client_fn(move |_, _| connector.clone());
        connect_with(&Endpoint::emulator(Some("http://embedded".into())), transport)
    }

    fn way(&self, operation: &str, body: &[u8]) -> Way {
        let at_once =
            |fate| Way { fate, pauses: 0, there: Duration::ZERO, back: Duration::ZERO, arrives_anyway: false };
        if let Some(rule) = self.planted.lock().unwrap().as_mut()
            && let Some(fate) = rule(operation, &serde_json::from_slice(body).unwrap())
        {
            return at_once(fate);
        }
        let mut state = self.state.lock().unwrap();
        let faults = state.faults;
        let pauses = state.rng.u32(0..3);
        let mut millis = || Duration::from_millis(state.rng.u64(0..=faults.latency_millis));
        let (there, back) = (millis(), millis());
        let arrives_anyway = state.faults.latency_millis > 0 && state.rng.bool();
        let way = |fate| Way { fate, pauses, there, back, arrives_anyway };
        if state.deaf.contains(body) {
            return way(Fate::LostAfter);
        }
        let mut roll = state.rng.u32(0..1000);
        let mut hits = |share: u32| {
            let hit = roll < share;
            roll = roll.saturating_sub(share).max(if hit { 1000 } else { 0 });
            hit
        };
        let transaction = operation == "TransactWriteItems";
        let writes = !matches!(operation, "GetItem" | "BatchGetItem" | "Query" | "TransactGetItems");
        if hits(faults.conflict) && writes && operation != "BatchWriteItem" {
            way(Fate::Conflict)
        } else if hits(faults.throttled_inside) && transaction {
            way(Fate::ThrottledInside)
        } else if hits(faults.throttle) {
            way(Fate::Throttle)
        } else if hits(faults.lost_before) {
            way(Fate::LostBefore)
        } else if hits(faults.lost_after) {
            way(Fate::LostAfter)
        } else if hits(faults.deaf) && writes {
            state.deaf.insert(body.to_vec());
            way(Fate::LostAfter)
        } else if hits(faults.late) {
            // Some of them after the SDK's patience, five seconds, has ended; then it has sent the call again.
            let there = Duration::from_millis(state.rng.u64(200..9_000));
            Way { fate: Fate::Answer, pauses, there, back, arrives_anyway: true }
        } else {
            way(Fate::Answer)
        }
    }

    /// Brings a message to the database, and the answer back.
    async fn deliver(self: Arc<Self>, operation: String, body: Vec<u8>, sender: oneshot::Sender<Delivered>) {
        let way = self.way(&operation, &body);
        tokio::task::yield_now().await;
        for _ in 0..way.pauses {
            tokio::task::yield_now().await;
        }
        if !way.there.is_zero() {
            tokio::time::sleep(way.there).await;
        }
        if sender.is_closed() && !way.arrives_anyway {
            return;
        }
        let transaction = operation == "TransactWriteItems";
        let answered = match way.fate {
            Fate::Answer => Ok(self.perform(&operation, body).await),
            Fate::Conflict if transaction => Ok((400, self.cancelled(&body, "TransactionConflict"))),
            Fate::Conflict if self.mistakes(Bug::ConflictIsSuccess) => {
                Ok((200, self.cloud.as_if_done(&operation, &body)))
            }
            Fate::Conflict => Ok((400, answers::conflict())),
            Fate::Stale => Ok((400, answers::cancelled(&body, "ConditionalCheckFailed", 0))),
            Fate::InProgress => Ok((400, answers::in_progress())),
            Fate::Throttle => Ok((400, answers::throttle())),
            Fate::ThrottledInside if self.mistakes(Bug::ThrottlingIsRefusal) => {
                Ok((400, answers::cancelled(&body, "ConditionalCheckFailed", 0)))
            }
            Fate::ThrottledInside => Ok((400, self.cancelled(&body, "ThrottlingError"))),
            Fate::LostBefore => Err(lost()),
            Fate::LostAfter => {
                self.perform(&operation, body).await;
                Err(lost())
            }
        };
        // Between the write and its answer: here a caller may die.
        tokio::task::yield_now().await;
        if !way.back.is_zero() {
            tokio::time::sleep(way.back).await;
        }
        let _ = sender.send(answered);
    }

    fn cancelled(&self, body: &[u8], code: &str) -> String {
        answers::cancelled_somewhere(body, code, &mut self.state.lock().unwrap().rng)
    }

    fn mistakes(&self, bug: Bug) -> bool {
        *self.bug.lock().unwrap() == Some(bug)
    }

    async fn perform(&self, operation: &str, mut body: Vec<u8>) -> (u16, String) {
        let bug = *self.bug.lock().unwrap();
        if let Some(bug) = bug {
            body = bug.spoil(operation, body);
        }
        let (unprocessed, pause, seed) = {
            let mut state = self.state.lock().unwrap();
            let faults = state.faults;
            let unprocessed = operation.starts_with("Batch") && state.rng.u32(0..1000) < faults.unprocessed;
            let torn = state.rng.u32(0..1000) < faults.torn;
            let pause = torn.then(|| Duration::from_millis(state.rng.u64(1..40)));
            (unprocessed, pause, state.rng.u64(..))
        };
        let trace = TRACE.as_ref().filter(|trace| String::from_utf8_lossy(&body).contains(trace.as_str()));
        if trace.is_some() {
            eprintln!("{:?} {operation} {}", self.begun.elapsed(), String::from_utf8_lossy(&body));
        }
        let mut rest = Value::Null;
        if unprocessed {
            let mut rng = Rng::with_seed(seed);
            (body, rest) = cloud::in_part(&body, || rng.bool());
        }
        let reads = matches!(operation, "GetItem" | "BatchGetItem" | "Query" | "Scan" | "TransactGetItems");
        let (status, mut answer) = if reads {
            self.cloud.read(operation, &body, pause.map(|pause| (pause, seed))).await
        } else {
            let written = self.cloud.write(operation, &body, || self.lag());
            self.watch(operation, &written.changes);
            (written.status, written.answer)
        };
        if status == 200 && rest.as_object().is_some_and(|rest| !rest.is_empty()) && bug != Some(Bug::DropsUnprocessed)
        {
            let mut whole: Value = serde_json::from_str(&answer).unwrap();
            whole[if operation == "BatchGetItem" { "UnprocessedKeys" } else { "UnprocessedItems" }] = rest;
            answer = whole.to_string();
        }
        if status == 400 && operation == "TransactWriteItems" && answer.contains("CancellationReasons") {
            let mut state = self.state.lock().unwrap();
            if state.rng.u32(0..1000) < 10 * state.faults.conflict {
                answer = answers::with_pressure(&answer, &mut state.rng);
            }
        }
        if trace.is_some() {
            eprintln!("{:?} {operation} answered {status} {answer}", self.begun.elapsed());
        }
        (status, answer)
    }

    /// How far an item's index entries are behind: mostly little.
    fn lag(&self) -> Duration {
        let mut state = self.state.lock().unwrap();
        let most = state.faults.lag_millis;
        let most = if state.rng.u32(0..4) == 0 { most } else { most.min(60) };
        Duration::from_millis(state.rng.u64(0..=most))
    }

    fn watch(&self, operation: &str, changes: &[Change]) {
        self.state.lock().unwrap().balances.watch(operation, changes);
        self.history.lock().unwrap().note(changes);
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
            let (operation, body) = embedded::asked(&request);
            let (sender, answer) = oneshot::channel();
            tokio::spawn(network.deliver(operation, body, sender));
            let (status, body) = answer.await.map_err(|_| lost())??;
            embedded::answered(status, body)
        })
    }
}

fn lost() -> ConnectorError {
    ConnectorError::io("the answer was lost".into())
}
