//! One seed: everybody calls everything, the jobs run between the calls, processes die, clocks are wrong, AWS does all that
//! it may. Afterwards everything must be as it was promised.

use super::network::Faults;
use super::story::{Call, Deployment, Process, STEPCHAT_USERS, TYPES, Told, mortal, runtime, transfers};
use super::{check, deletes, search};
use fastrand::Rng;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::ids::UserId;
use shared::stepchat::{Name, NewUser, UserType};
use shared::store::Sequence;
use shared::store::auth::TokenHash;
use shared::store::stepchat::counters::LeadCounter;
use shared::store::stepchat::creation;
use shared::store::stepchat::users::Secrets;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tests::invariants;
use tokio::time::{Instant, sleep};

/// How far a clock may be ahead or behind.
const APART_MILLIS: i64 = 30_000;

/// A storm, of which every other seed has clocks that are apart.
pub(crate) fn run(seed: u64) -> Result<(), String> {
    let apart = if seed % 4 >= 2 { APART_MILLIS } else { 0 };
    runtime().block_on(async {
        let sim = Deployment::with_clocks(seed, apart).await;
        sim.network.set(Faults::storm());
        let storm = Storm::new(&sim, seed);
        let transfers = storm.blow(Faults::storm().crash).await;
        storm.calm(seed, transfers).await
    })
}

/// In good weather every transfer is answered by itself, without a second try.
pub(crate) fn without_faults(seed: u64) -> Result<(), String> {
    runtime().block_on(async {
        let sim = Deployment::new(seed).await;
        let storm = Storm::new(&sim, seed);
        let transfers = storm.blow(0).await;
        if let Some(open) = transfers.iter().find(|call| !call.refused && call.answers.is_empty()) {
            return Err(format!("not answered: {open:?}"));
        }
        storm.calm(seed, transfers).await
    })
}

/// A storm over a deployment, and what everybody was told in it.
pub(crate) struct Storm<'a> {
    sim: &'a Deployment,
    rng: Mutex<Rng>,
    told: Mutex<Vec<Told>>,
    wrong: Mutex<Option<String>>,
    over: AtomicBool,
}

impl<'a> Storm<'a> {
    pub(crate) fn new(sim: &'a Deployment, seed: u64) -> Self {
        let rng = Mutex::new(Rng::with_seed(seed ^ 0x5eed));
        Self { sim, rng, told: Mutex::default(), wrong: Mutex::default(), over: AtomicBool::new(false) }
    }

    fn fork(&self) -> Rng {
        self.rng.lock().unwrap().fork()
    }

    /// Everybody at once, until all have made their calls; the transfers that were asked for.
    pub(crate) async fn blow(&self, crash: u32) -> Vec<Call> {
        let callers = async {
            let money = join_all((0..3).map(|caller| self.transfers(caller, crash).boxed_local()));
            let stepchat = join_all((0..3).map(|caller| self.calls(caller, crash, stepchat).boxed_local()));
            let voximplant = join_all((3..5).map(|caller| self.calls(caller, crash, voximplant).boxed_local()));
            let (money, ..) = futures_util::join!(money, stepchat, voximplant, self.imports(crash).boxed_local());
            self.over.store(true, Ordering::Relaxed);
            money.into_iter().flatten().collect()
        };
        let (transfers, ()) = futures_util::join!(callers, self.jobs(crash).boxed_local());
        transfers
    }

    fn process(&self, rng: &mut Rng) -> &'a Process {
        &self.sim.processes[rng.usize(0..self.sim.processes.len())]
    }

    /// Transfers, each with a key and up to three tries, each of which may die anywhere.
    async fn transfers(&self, caller: u64, crash: u32) -> Vec<Call> {
        let mut rng = self.fork();
        let mut calls = transfers(&mut rng, caller, 4, &self.sim.users);
        for call in &mut calls {
            sleep(pause(&mut rng)).await;
            for _ in 0..3 {
                let process = self.process(&mut rng);
                let lived = mortal(self.sim.make_at(process, call), dies(&mut rng, crash)).await.is_some();
                if lived && (call.refused || !call.answers.is_empty()) {
                    break;
                }
            }
        }
        calls
    }

    /// Calls of other methods, and a look at what an answer has promised.
    async fn calls(
        &self,
        caller: u64,
        crash: u32,
        any: fn(&mut Rng, &Deployment, u64, usize) -> (&'static str, Value),
    ) {
        let mut rng = self.fork();
        for n in 0..8 {
            sleep(pause(&mut rng)).await;
            let (method, fields) = any(&mut rng, self.sim, caller, n);
            let key = rng.bool().then(|| format!("n{caller}-{n}"));
            // With a key, the same call may come again whatever became of it.
            for _ in 0..if key.is_some() { 2 } else { 1 } {
                let process = self.process(&mut rng);
                let dies = dies(&mut rng, crash);
                let answer = self.told(process, method, &fields, key.as_deref(), dies).await;
                if let Some(answer) = answer {
                    self.look(self.process(&mut rng), &fields, &answer).await;
                }
            }
        }
    }

    async fn told(
        &self,
        process: &Process,
        method: &'static str,
        fields: &Value,
        key: Option<&str>,
        dies: Option<u32>,
    ) -> Option<Value> {
        let start = Instant::now();
        let answer = mortal(process.call(&self.sim.app, method, fields, key), dies).await;
        let (fields, key) = (fields.clone(), key.map(str::to_owned));
        let told = Told { method, fields, key, start, end: Instant::now(), answer: answer.clone() };
        self.told.lock().unwrap().push(told);
        answer
    }

    /// Whoever has made a user of its own is told so, and every process finds it.
    async fn look(&self, process: &Process, fields: &Value, answer: &Value) {
        let Some(mark) = fields["mark"].as_str() else { return };
        let refused = ["duplicate-email", "duplicate-phone"].iter().any(|code| answer["response"] == *code);
        if refused || answer["error"]["code"] == 118 {
            self.is_wrong(format!("{mark} is nobody's, and its owner is told {answer}"));
        }
        if answer["success"] != true {
            return;
        }
        let look = json!({ "by": "email", "value": fields["email"] });
        let found = process.call(&self.sim.app, "get-user-by", &look, None).await;
        if found["success"] == true && found["response"]["id"].as_str() != Some(&answer["response"].to_string()) {
            self.is_wrong(format!("user {} of {mark} is not found by its address: {found}", answer["response"]));
        }
        let look = json!({ "search": mark });
        let found = process.call(&self.sim.app, "search-users", &look, None).await;
        let ids =
            found["response"].as_array().map(|rows| rows.iter().map(|row| row["id"].as_str()).collect::<Vec<_>>());
        if found["success"] == true && ids != Some(vec![Some(&*answer["response"].to_string())]) {
            self.is_wrong(format!("user {} is not found by {mark}: {found}", answer["response"]));
        }
    }

    fn is_wrong(&self, what: String) {
        self.wrong.lock().unwrap().get_or_insert(what);
    }

    /// An operator's import: many transactions, joined into few.
    async fn imports(&self, crash: u32) {
        let mut rng = self.fork();
        for batch in 0..2 {
            sleep(pause(&mut rng)).await;
            let process = self.process(&mut rng);
            let import = async {
                let store = &process.app.store;
                let ids = store.next_ids(Sequence::StepchatUser, 5, UserId::new).await?;
                let leads = LeadCounter::read(store).await?;
                let txns = ids.iter().enumerate().map(|(n, id)| {
                    let name = Name::parse(&format!("Импорт{batch}x{n}")).unwrap();
                    let kind = if n % 2 == 0 { UserType::Lead } else { UserType::User };
                    let new = NewUser { first_name: Some(name.clone()), user_type: Some(kind), ..NewUser::default() };
                    let user = new.into_user(*id, process.app.clock.now(), &name, 0);
                    let secrets = Secrets { password: None, token: TokenHash::of("none") };
                    creation::of(&user, &[], &secrets, false, &leads)
                });
                let txns = txns.collect::<Result<Vec<_>, _>>()?;
                store.commit_each(&txns).await
            };
            mortal(import, dies(&mut rng, crash)).await;
        }
    }

    /// The schedule: jobs with little time, at any moment, several at once.
    async fn jobs(&self, crash: u32) {
        let schedule = |mut rng: Rng, pauses: Range<u64>| async move {
            while !self.over.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(rng.u64(pauses.clone()))).await;
                let time = Duration::from_millis(rng.u64(500..20_000));
                let process = self.process(&mut rng);
                mortal(process.run_jobs(time), dies(&mut rng, crash).map(|polls| polls * 4)).await;
            }
        };
        futures_util::join!(schedule(self.fork(), 200..30_000), schedule(self.fork(), 20_000..90_000));
    }

    /// Good weather: what was promised comes to its end, and everything is right.
    pub(crate) async fn calm(&self, seed: u64, mut transfers: Vec<Call>) -> Result<(), String> {
        let sim = self.sim;
        // Half of the seeds: the schedule comes first, in the storm still; then the callers come back in good weather.
        if seed.is_multiple_of(2) {
            sim.run_jobs().await;
        }
        sim.network.set(Faults::none());
        sim.network.make_mistake(None);
        sleep(Duration::from_mins(1)).await;
        for call in &mut transfers {
            if !call.refused {
                sim.make(call).await;
            }
        }
        if !sim.finish_jobs(3).await {
            return Err("the jobs fail in good weather".to_owned());
        }
        if let Some(wrong) = self.wrong.lock().unwrap().take() {
            return Err(wrong);
        }
        check::all(sim, &transfers).await?;
        check::counts(sim).await?;
        deletes::check(sim, &self.told.lock().unwrap())?;
        settled(sim)
    }
}

/// Nothing is left to do, of nobody is anything left, and everybody is found.
pub(crate) fn settled(sim: &Deployment) -> Result<(), String> {
    let items = sim.app.items();
    let mut wrong = invariants::broken(&items);
    wrong.extend(invariants::promised(&items));
    wrong.extend(search::wrong(&sim.app.database, true).0);
    wrong.into_iter().next().map_or(Ok(()), Err)
}

fn dies(rng: &mut Rng, crash: u32) -> Option<u32> {
    (rng.u32(0..1000) < crash).then(|| rng.u32(1..250))
}

/// Mostly no time at all; sometimes longer than any request takes.
fn pause(rng: &mut Rng) -> Duration {
    Duration::from_millis(match rng.u32(0..10) {
        0..7 => rng.u64(0..400),
        7..9 => rng.u64(1_000..6_000),
        _ => rng.u64(35_000..130_000),
    })
}

/// A call of StepChat. The first user is left alone: its token makes the calls.
fn stepchat(rng: &mut Rng, _: &Deployment, caller: u64, n: usize) -> (&'static str, Value) {
    let kind = TYPES[rng.usize(0..TYPES.len())];
    let user = rng.u64(2..=STEPCHAT_USERS);
    let word = ["Абв", "Где", "Клм", "слово", "Эюя"][rng.usize(0..5)];
    match rng.u32(0..16) {
        0 => ("add-user", json!({ "user_type": kind })),
        1 => ("add-user", json!({ "user_type": kind, "email": format!("{}@example.com", rng.u32(0..16)) })),
        2..5 => {
            let mark = format!("own{caller}x{n}");
            let email = format!("{mark}@own.example");
            ("add-user", json!({ "user_type": "user", "email": email, "first_name": mark, "mark": mark }))
        }
        5 | 6 => ("update-user", json!({ "user_id": user, "user_type": kind })),
        7..10 => {
            let extra = json!({ "city": word, "note": if rng.bool() { word } else { "" } });
            ("update-user", json!({ "user_id": user, "first_name": word, "settings_extra": extra }))
        }
        10 => ("update-user-to-lead", json!({ "user_id": user })),
        11 => ("delete-user", json!({ "user_id": user })),
        12 => ("delete-users", json!({ "user_ids": [user, user + 1] })),
        13 => ("delete-leads", json!({})),
        14 => ("new-conversation", json!({ "user_id": user })),
        _ => ("send-message", json!({ "user_id": user, "conversation_id": rng.u32(1..4), "message": word })),
    }
}

/// A call of Voximplant, about users whose money nobody follows.
fn voximplant(rng: &mut Rng, sim: &Deployment, caller: u64, n: usize) -> (&'static str, Value) {
    let first = sim.users.last().unwrap().get() + 1;
    let user = rng.u64(first..first + 16);
    let [stays, doomed] = sim.others;
    let application = if rng.u32(0..4) == 0 { doomed } else { stays };
    match rng.u32(0..16) {
        0 | 1 => {
            let mark = format!("own-{caller}-{n}");
            let fields = json!({
                "application_id": application, "user_name": mark, "user_display_name": "U",
                "user_password": "Passw0rd!", "mark": mark
            });
            ("AddUser", fields)
        }
        2..5 => ("DelUser", json!({ "user_id": format!("{user};{}", user + 1), "application_id": application })),
        5 => ("DelUser", json!({ "user_id": "all", "application_id": stays })),
        6 => ("DelApplication", json!({ "application_id": doomed })),
        7..11 => {
            let fields = json!({
                "user_id": user, "parent_accounting": rng.bool(), "user_display_name": format!("D{n}"),
            });
            ("SetUserInfo", fields)
        }
        _ => {
            let amount = if rng.bool() { "0.5" } else { "-0.3" };
            ("TransferMoneyToUser", json!({ "user_id": user, "amount": amount }))
        }
    }
}
