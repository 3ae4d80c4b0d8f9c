//! One seed: a deployment, concurrent callers in the storm, recovery, and the checks.

use super::check;
use super::network::{Faults, Network};
use dynoxide::Database;
use fastrand::Rng;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::auth::hash_password;
use shared::ids::{ApplicationId, PhoneUserId};
use shared::store::Sequence;
use shared::store::load::Load;
use shared::store::voximplant::users;
use shared::voximplant::{DisplayName, NewPhoneUser, UserName};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tests::App;
use tokio::time::Instant;

/// More than one transaction holds, so that `all` takes two chunks.
pub(crate) const USERS: usize = 52;
const CALLERS: u64 = 4;
const CALLS: usize = 5;

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

/// A deployment on a network that can be made bad.
pub(crate) struct Deployment {
    pub(crate) app: App,
    pub(crate) network: Arc<Network>,
    pub(crate) users: Vec<PhoneUserId>,
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

impl Deployment {
    pub(crate) async fn new(seed: u64) -> Self {
        let database = Database::memory().unwrap();
        let network = Network::new(&database, seed);
        let app = App::on(database, network.client(), |_| None).await;
        let store = &app.app.store;
        let password = hash_password(shared::auth::Secret::new("Passw0rd!")).await.unwrap();
        let users = store.next_ids(Sequence::PhoneUser, USERS as u64, PhoneUserId::new).await.unwrap();
        let mut load = Load::default();
        for (n, id) in users.iter().enumerate() {
            let new = NewPhoneUser {
                name: UserName::parse(&format!("user{n:02}")).unwrap(),
                display_name: DisplayName::parse("U").unwrap(),
                active: true,
                parent_accounting: false,
                custom_data: None,
                mobile_phone: None,
            };
            let user = new.into_user(*id, ApplicationId::new(app.application).unwrap(), app.app.clock.now());
            load.add(users::creation(app.account.id, &user, &password, None).unwrap()).unwrap();
        }
        let sums = store.load(load).await.unwrap();
        store.count(&sums).await.unwrap();
        Self { app, network, users }
    }

    /// Makes a call once, whatever comes of it.
    pub(crate) async fn make(&self, call: &mut Call) {
        let users: Vec<String> = call.users.iter().map(ToString::to_string).collect();
        let fields = json!({
            "user_id": if call.all { "all".to_owned() } else { users.join(";") },
            "amount": shared::ledger::Money::from_units(call.units).to_string(),
            "strict_mode": call.strict,
            "user_transaction_description": call.key,
            "request_id": call.key,
        });
        let answer = self.app.voximplant("TransferMoneyToUser", fields).await.json();
        call.refused = answer["error"]["code"] == 127;
        if answer["result"] == 1 {
            call.answers.push(answer);
        }
    }

    /// Runs the jobs at a time when nobody's request can still be at work.
    pub(crate) async fn run_jobs(&self) -> bool {
        self.app.wait_millis(60 * 1000);
        let deadline = Instant::now() + Duration::from_secs(5);
        let job = switchboard::methods::JOBS[0];
        shared::runtime::perform(job, Arc::clone(&self.app.app), deadline).await.is_ok()
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

fn calls(rng: &mut Rng, caller: u64, users: &[PhoneUserId]) -> Vec<Call> {
    let one = |rng: &mut Rng, n: usize| {
        let all = rng.u32(0..10) < 3;
        let count = rng.usize(1..4);
        let mut chosen: Vec<PhoneUserId> = (0..count).map(|_| users[rng.usize(0..6)]).collect();
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
    (0..CALLS).map(|n| one(rng, n)).collect()
}

/// Runs one seed; what is wrong, if anything is.
pub(crate) fn run(seed: u64, faults: Faults) -> Result<(), String> {
    fastrand::seed(seed);
    runtime().block_on(async {
        let sim = Deployment::new(seed).await;
        sim.network.set(faults);
        let mut rng = Rng::with_seed(seed ^ 0x5eed);
        let callers = (0..CALLERS).map(|caller| {
            let mut own = rng.fork();
            let sim = &sim;
            let mut calls = calls(&mut own, caller, &sim.users);
            async move {
                for call in &mut calls {
                    // Up to three tries with one key, each of which may die anywhere.
                    for _ in 0..3 {
                        let polls = (own.u32(0..1000) < faults.crash).then(|| own.u32(1..160));
                        let lived = mortal(sim.make(call), polls).await.is_some();
                        if lived && (call.refused || !call.answers.is_empty()) {
                            break;
                        }
                    }
                }
                calls
            }
        });
        let mut calls: Vec<Call> = join_all(callers).await.into_iter().flatten().collect();
        if faults.crash == 0 && calls.iter().any(|call| !call.refused && call.answers.is_empty()) {
            // 340 is allowed to contention.
            sim.network.set(Faults::none());
        }
        // Half of the seeds: the schedule comes first, in the storm still; then the callers come back in good weather.
        if seed.is_multiple_of(2) {
            sim.run_jobs().await;
        }
        sim.network.set(Faults::none());
        for call in &mut calls {
            if !call.refused {
                sim.make(call).await;
            }
        }
        if !sim.run_jobs().await {
            return Err("the jobs fail in good weather".to_owned());
        }
        check::all(&sim, &calls).await
    })
}
