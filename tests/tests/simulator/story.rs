//! The stage of a storm: a deployment, the processes that serve it, each with a clock of its own, and transfers whose
//! effect can be told from all others.

use super::network::Network;
use dynoxide::Database;
use fastrand::Rng;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use shared::clock::Clock;
use shared::crypto::hash_password;
use shared::ids::{ApplicationId, PhoneUserId};
use shared::observe::Log;
use shared::store::voximplant::users;
use shared::store::{Sequence, Store};
use shared::timestamp::Timestamp;
use shared::voximplant::{DisplayName, NewPhoneUser, UserName};
use shared::{context, runtime as pipeline};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use switchboard::load::Load;
use tests::app::{START, encode};
use tests::prepared::Prepared;
use tests::{App, jwt};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};
use tower::ServiceExt as _;

/// More than one transaction holds, so that `all` takes two chunks.
pub(crate) const USERS: usize = 52;
/// Processes beside the one that the checks ask.
const PROCESSES: usize = 5;
/// Types of StepChat users.
pub(crate) const TYPES: [&str; 5] = ["visitor", "lead", "user", "agent", "admin"];
/// StepChat users who are there from the beginning, beside the admin.
pub(crate) const STEPCHAT_USERS: u64 = 12;

/// A transfer somebody asked for, and what they were told.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Idempotency key, and the text on the users' statements.
    pub(crate) key: String,
    pub(crate) users: Vec<PhoneUserId>,
    pub(crate) all: bool,
    pub(crate) units: i64,
    pub(crate) strict: bool,
    /// Every answer with `result` 1 that was received.
    pub(crate) answers: Vec<Value>,
    /// Whether the last word was a refusal by rule.
    pub(crate) refused: bool,
}

/// Any other call, when it was made, and what it was answered; nothing if its process died.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) method: &'static str,
    pub(crate) fields: Value,
    /// Its idempotency key.
    pub(crate) key: Option<String>,
    pub(crate) start: Instant,
    pub(crate) end: Instant,
    pub(crate) answer: Option<Value>,
}

/// A process that serves requests, by its own clock.
pub(crate) struct Process {
    pub(crate) app: Arc<context::App>,
    router: axum::Router,
    bearer: Mutex<(i64, String)>,
}

/// A deployment on a network that can be made bad.
pub(crate) struct Deployment {
    pub(crate) app: App,
    pub(crate) network: Arc<Network>,
    /// The users of the application `demo`.
    pub(crate) users: Vec<PhoneUserId>,
    /// Applications whose users may be deleted: one stays, one may go.
    pub(crate) others: [u64; 2],
    pub(crate) processes: Vec<Process>,
    pub(crate) begun: Instant,
}

/// Time goes on when nobody has anything to do: who waits for a minute waits for nothing.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// What every stage has from its beginning.
#[derive(Debug, Clone)]
struct Cast {
    users: Vec<PhoneUserId>,
    others: [u64; 2],
}

static STAGE: OnceCell<(Cast, Prepared)> = OnceCell::const_new();

async fn stage() -> (Cast, Prepared) {
    // No seed's own chance: the storm would draw the same stamps again, and stamps are never drawn twice.
    fastrand::seed(u64::MAX);
    let app = App::on_paused_clock().await;
    let mut others = [0; 2];
    for (application, name) in others.iter_mut().zip(["other", "doomed"]) {
        *application = app.operator.application(&app.account, name).await.unwrap().get();
    }
    let users = load(&app, app.application, "user", USERS).await;
    for application in others {
        load(&app, application, "guest", 6).await;
    }
    for n in 0..STEPCHAT_USERS {
        let kind = TYPES[usize::try_from(n % 4).unwrap()];
        let extra = json!({ "city": format!("Город {n}"), "note": "слово" });
        let fields = json!({
            "user_type": kind, "email": format!("{n}@example.com"), "first_name": format!("Имя{n}"), "extra": extra,
        });
        app.add_stepchat_user(fields).await;
    }
    let prepared = Prepared::of(&app.database, "stage");
    (Cast { users, others }, prepared)
}

async fn load(app: &App, application: u64, name: &str, count: usize) -> Vec<PhoneUserId> {
    let store = &app.app.store;
    let password = hash_password(shared::crypto::Secret::new("Passw0rd!")).await.unwrap();
    let ids = store.next_ids(Sequence::PhoneUser, count as u64, PhoneUserId::new).await.unwrap();
    let mut load = Load::default();
    for (n, id) in ids.iter().enumerate() {
        let new = NewPhoneUser {
            name: UserName::parse(&format!("{name}{n:02}")).unwrap(),
            display_name: DisplayName::parse("U").unwrap(),
            active: true,
            parent_accounting: false,
            custom_data: None,
            mobile_phone: None,
        };
        let user = new.into_user(*id, ApplicationId::new(application).unwrap(), app.app.clock.now());
        let place = users::Place::unread(app.account.id, user.application);
        load.add(users::creation(app.account.id, &user, &password, None, &place).unwrap()).unwrap();
    }
    app.load(load).await;
    ids
}

impl Process {
    fn new(app: &App, network: &Arc<Network>, ahead_millis: i64) -> Self {
        let config = app.app.config.clone();
        let store = Store::new(network.client(), config.tables.clone());
        let clock = Clock::of_runtime(Timestamp::from_millis(START + ahead_millis));
        let app = Arc::new(context::App::new(config, store, clock, Log::Captured(Arc::default())));
        let router = switchboard::router::router(Arc::clone(&app));
        Self { app, router, bearer: Mutex::default() }
    }

    /// Makes a call of either API at this process.
    pub(crate) async fn call(&self, app: &App, method: &str, fields: &Value, key: Option<&str>) -> Value {
        let mut form = fields.as_object().unwrap().clone();
        let voximplant = method.starts_with(char::is_uppercase);
        form.insert(if voximplant { "cmd" } else { "function" }.into(), method.into());
        let mut request = if voximplant {
            http::Request::post("/platform_api").header("authorization", format!("Bearer {}", self.bearer(app)))
        } else {
            form.insert("token".into(), app.token.as_str().into());
            http::Request::post("/include/api.php")
        };
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(axum::body::Body::from(encode(&form))).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// A token by this process's clock: whose callers' clocks are wrong, is refused, and that is right.
    fn bearer(&self, app: &App) -> String {
        let now = self.app.clock.now().seconds();
        let mut known = self.bearer.lock().unwrap();
        if known.0 + 10 < now {
            *known = (now, jwt::token(&app.key, now));
        }
        known.1.clone()
    }

    /// Runs the jobs once.
    pub(crate) async fn run_jobs(&self, time: Duration) -> bool {
        run_jobs(&self.app, time).await
    }
}

async fn run_jobs(app: &Arc<context::App>, time: Duration) -> bool {
    // Boxed: the jobs of all kinds are a large future.
    pipeline::perform(switchboard::methods::JOBS[0], Arc::clone(app), Instant::now() + time).boxed().await.is_ok()
}

impl Deployment {
    /// A stage whose processes' clocks are right.
    pub(crate) async fn new(seed: u64) -> Self {
        Self::with_clocks(seed, 0).await
    }

    /// A stage whose processes' clocks are up to so much ahead or behind.
    pub(crate) async fn with_clocks(seed: u64, apart_millis: i64) -> Self {
        let (cast, prepared) = STAGE.get_or_init(stage).await;
        // Whoever made the stage, from here on chance is the seed's.
        fastrand::seed(seed);
        let database = Database::memory().unwrap();
        let network = Network::new(&database, seed);
        let clock = Clock::of_runtime(Timestamp::from_millis(START));
        let app = App::timed(database, network.client(), clock).await;
        let mut rng = Rng::with_seed(seed ^ 0xc10c);
        let processes =
            (0..PROCESSES).map(|_| Process::new(&app, &network, rng.i64(-apart_millis..=apart_millis))).collect();
        let Cast { users, others } = cast.clone();
        let begun = Instant::now();
        let mut sim = Self { app, network, users, others, processes, begun };
        sim.network.begin(prepared, &[]);
        let items: Vec<Value> = sim.app.items().into_iter().map(|(_, item)| item).collect();
        sim.begun = Instant::now();
        sim.network.begin(prepared, &items);
        sim
    }

    /// Makes a transfer once at a process, whatever comes of it.
    pub(crate) async fn make_at(&self, process: &Process, call: &mut Call) {
        let users: Vec<String> = call.users.iter().map(ToString::to_string).collect();
        let mut fields = json!({
            "user_id": if call.all { "all".to_owned() } else { users.join(";") },
            "amount": shared::ledger::Money::from_units(call.units).to_string(),
            "strict_mode": call.strict,
            "user_transaction_description": call.key,
        });
        if call.all {
            fields["application_id"] = self.app.application.into();
        }
        let answer = process.call(&self.app, "TransferMoneyToUser", &fields, Some(&call.key)).await;
        call.refused = answer["error"]["code"] == 127;
        if answer["result"] == 1 {
            call.answers.push(answer);
        }
    }

    /// The same at the first process.
    pub(crate) async fn make(&self, call: &mut Call) {
        self.make_at(&self.processes[0], call).await;
    }

    /// Runs the jobs at a time when nobody's request can still be at work.
    pub(crate) async fn run_jobs(&self) -> bool {
        sleep(Duration::from_mins(1)).await;
        run_jobs(&self.app.app, Duration::from_mins(1)).await
    }

    /// The same so many times, far enough apart that what waits for its time has come to it, on indexes that know all.
    pub(crate) async fn finish_jobs(&self, rounds: usize) -> bool {
        for _ in 0..rounds {
            sleep(Duration::from_mins(4)).await;
            self.network.settle();
            if !self.run_jobs().await {
                return false;
            }
        }
        true
    }
}

/// A future that is dropped after some polls: a process that dies.
struct Mortal<F> {
    future: Pin<Box<F>>,
    polls: Option<u32>,
}

impl<F: Future> Future for Mortal<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(polls) = &mut self.polls {
            if *polls == 0 {
                return Poll::Ready(None);
            }
            *polls -= 1;
        }
        self.future.as_mut().poll(context).map(Some)
    }
}

pub(crate) async fn mortal<F: Future>(future: F, polls: Option<u32>) -> Option<F::Output> {
    Mortal { future: Box::pin(future), polls }.await
}

/// Transfers of a caller over the first users.
pub(crate) fn transfers(rng: &mut Rng, caller: u64, count: usize, users: &[PhoneUserId]) -> Vec<Call> {
    let one = |rng: &mut Rng, n: usize| {
        let all = rng.u32(0..10) < 3;
        let chosen = rng.usize(1..4);
        let mut chosen: Vec<PhoneUserId> = (0..chosen).map(|_| users[rng.usize(0..6)]).collect();
        chosen.dedup();
        let size = if rng.bool() { 50_000 } else { 1_500_000 };
        let units = rng.i64(100..size) * if rng.u32(0..10) < 4 { -1 } else { 1 };
        Call {
            key: format!("c{caller}-{n}"),
            users: chosen,
            all,
            units,
            strict: rng.bool(),
            answers: Vec::new(),
            refused: false,
        }
    };
    (0..count).map(|n| one(rng, n)).collect()
}
