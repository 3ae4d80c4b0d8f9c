//! The background function does every kind of work that a request may leave, with its own grants and no others.

use super::budgets::granted;
use super::cascades::{busy, delete_and_die};
use serde_json::{Value, json};
use shared::ids::{ApplicationId, PhoneUserId, SkillId, UserId};
use shared::ledger::Texts;
use shared::limits::INDEX_SETTLED_MILLIS;
use shared::runtime::{ScheduledJob, perform};
use shared::stepchat::{Scope, TokenName};
use shared::store::grants::Grant;
use shared::store::ledger::bulk;
use shared::store::ledger::operation::OperationId;
use shared::store::ledger::transfer::{Draft, TransferOrder, draft};
use shared::store::meter::metered;
use shared::store::stepchat::removals;
use shared::store::voximplant::deferred::{self, DeferredWork};
use shared::store::voximplant::queues;
use shared::voximplant::Refusal;
use std::collections::BTreeSet;
use std::time::Duration;
use switchboard::methods::JOBS;
use tests::App;
use tokio::time::Instant;

/// More than one transaction serves.
const MANY: usize = 50;

/// Runs the job without any time and with time enough, until the search entries' time has come too: what it needed, and that
/// all of this was finished and nothing is left.
async fn uses(app: &App, job: &ScheduledJob, finished: usize) -> BTreeSet<Grant> {
    let (mut done, mut uses) = (Vec::new(), BTreeSet::new());
    for seconds in [0, 60, 60, 60] {
        // An index may be late: some work waits for that.
        app.wait_millis(INDEX_SETTLED_MILLIS);
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let (finished, readings) = metered(perform(job, app.app.clone(), deadline)).await;
        done.push(finished.unwrap());
        uses.extend(readings.uses.iter().map(|need| granted(app, need)));
    }
    assert!(done.iter().sum::<usize>() >= finished && done[3] == 0, "{done:?}, {:?}", app.log().last());
    uses
}

/// A user and an admin with everything they may have, deleted by requests that died.
async fn purges(job: &ScheduledJob) -> BTreeSet<Grant> {
    let app = App::new().await;
    let gone = busy(&app, "user").await;
    delete_and_die(&app, &gone.id).await;
    let admin = app.add_stepchat_user(json!({ "user_type": "admin" })).await;
    let (name, owner) = (TokenName::parse("left-token").unwrap(), UserId::parse(&admin));
    app.operator.create_token(name, Scope::Read, owner).await.unwrap();
    delete_and_die(&app, &admin).await;
    let uses = uses(&app, job, 2).await;
    assert!(!app.items().iter().any(|(_, item)| item.to_string().contains("left-token")));
    uses
}

/// Deletes of many that were only promised.
async fn removed(job: &ScheduledJob) -> BTreeSet<Grant> {
    let app = App::new().await;
    let single = app.add_stepchat_user(json!({ "email": "a@example.com", "password": "x" })).await;
    // A write intent without an owner: only its search entries say whose they are.
    let refused = app.stepchat("add-user", json!({ "email": "a@example.com" })).await;
    assert_eq!(refused.code(), "duplicate-email");
    for n in 0..3 {
        app.add_stepchat_user(json!({ "user_type": "lead", "email": format!("lead{n}@example.com") })).await;
    }
    let store = &app.app.store;
    let now = app.app.clock.now();
    let admin = app.add_stepchat_user(json!({ "user_type": "admin" })).await;
    let by_id = removals::users([single, admin].iter().filter_map(|id| UserId::parse(id)).collect(), now);
    for removal in [by_id, removals::leads(store, now).await.unwrap()] {
        store.commit(&removal.promise().unwrap()).await.unwrap();
    }
    let uses = uses(&app, job, 2).await;
    assert_eq!(app.stepchat("count-users", json!({})).await.response()["all"], "1");
    uses
}

async fn added(app: &App, method: &str, fields: Value, key: &str) -> u64 {
    let answer = app.voximplant(method, fields).await;
    answer.json()[key].as_u64().unwrap_or_else(|| panic!("{method}: {}", answer.text))
}

async fn done(app: &App, method: &str, fields: Value) {
    let answer = app.voximplant(method, fields).await;
    assert_eq!(answer.json()["result"], 1, "{method}: {}", answer.text);
}

/// Users with a skill and money of their own, and a queue; the skill.
async fn served(app: &App, application: u64, count: usize) -> (Vec<PhoneUserId>, SkillId) {
    let skill = added(app, "AddSkill", json!({ "skill_name": format!("skill{application}") }), "skill_id").await;
    let fields = json!({ "acd_queue_name": "queue", "application_id": application, "auto_binding": true });
    added(app, "AddQueue", fields, "acd_queue_id").await;
    let mut users = Vec::new();
    for n in 0..count {
        let fields = json!({ "parent_accounting": false, "application_id": application });
        let user = app.add_voximplant_user(&format!("user{n}"), fields).await;
        done(app, "BindSkill", json!({ "skill_id": skill, "user_id": user })).await;
        users.push(PhoneUserId::new(user).unwrap());
    }
    done(app, "TransferMoneyToUser", json!({ "user_id": "all", "application_id": application, "amount": 1 })).await;
    (users, SkillId::new(skill).unwrap())
}

/// Every kind of telephony task, only promised.
async fn tasks(job: &ScheduledJob) -> BTreeSet<Grant> {
    let app = App::new().await;
    let store = &app.app.store;
    let other = added(&app, "AddApplication", json!({ "application_name": "other" }), "application_id").await;
    let (users, skill) = served(&app, app.application, 3).await;
    served(&app, other, 2).await;
    // A queue that needs a skill, and nobody bound by it yet.
    let queues = queues::list(store, app.account.id).await.unwrap();
    let (txn, _) = deferred::reskilling(app.account.id, &queues[..1], &[skill], true, app.app.clock.now()).unwrap();
    store.commit(&txn).await.unwrap();
    let mut all = uses(&app, job, 1).await;
    let served = app.voximplant("GetUsers", json!({ "acd_queue_id": queues[0].id.get() })).await;
    assert_eq!(served.json()["total_count"], 3, "{}", served.text);
    let work = [
        deferred::DeferredKind::Users { ids: users[..1].to_vec() },
        deferred::everyone(store, app.account.id, ApplicationId::new(app.application)).await.unwrap(),
        deferred::DeferredKind::Applications { ids: vec![ApplicationId::new(other).unwrap()] },
    ];
    // One after another: they are kept in no order, and one may leave nothing for the next.
    for work in work {
        let task = DeferredWork::new(app.account.id, work, app.app.clock.now());
        let mut txn = shared::store::Txn::<Refusal>::default();
        txn.push(task.promise().unwrap());
        store.commit(&txn).await.unwrap();
        // The work, and the search entries of the names that went.
        all.extend(uses(&app, job, 2).await);
    }
    assert_eq!(app.voximplant("GetUsers", json!({})).await.json()["total_count"], 0);
    assert_eq!(app.voximplant("GetAccountInfo", json!({})).await.json()["result"]["balance"], 1000);
    all
}

/// Large transfers in every state in which they may end: spread, collected, and void.
async fn transfers(job: &ScheduledJob) -> BTreeSet<Grant> {
    let app = App::new().await;
    let store = &app.app.store;
    let mut users = Vec::new();
    for n in 0..MANY + 2 {
        let id = app.add_voximplant_user(&format!("user{n}"), json!({ "parent_accounting": false })).await;
        users.push(PhoneUserId::new(id).unwrap());
    }
    let mut all = BTreeSet::new();
    for (amount, closed, strict) in [(10_000, true, false), (-10_000, false, false), (-10_000, true, true)] {
        if strict {
            // Everybody can pay when it is planned; one cannot when it is done.
            done(&app, "TransferMoneyToUser", json!({ "user_id": "all", "amount": 1 })).await;
        }
        let order = TransferOrder {
            account: app.account.id,
            operation: OperationId::random(&format!("{amount} {closed}")),
            users: users.clone(),
            all: true,
            application: None,
            amount,
            strict,
            texts: Texts::by_direction(amount),
            rate: None,
            now: app.app.clock.now(),
        };
        let Draft::Large(plan) = draft(store, &order).await.unwrap() else { panic!("{MANY} users fit in one") };
        bulk::begin(store, &order, plan, &format!("plan {amount} {closed}")).await.unwrap();
        if closed {
            let last = users.pop().unwrap();
            done(&app, "DelUser", json!({ "user_id": last.get() })).await;
        }
        // Until then the transfer is left to the request that began it.
        app.wait_millis(60 * 1000);
        // The transfer, and the search entries of the name that went.
        all.extend(uses(&app, job, 1 + usize::from(closed)).await);
        let audited = app.operator.audit(app.account.id, |_| {}).await.unwrap();
        assert_eq!((audited.findings, audited.pending), (Vec::new(), 0));
    }
    all
}

#[tokio::test]
async fn every_grant_of_the_job_is_used_and_every_use_is_granted() {
    let [job] = JOBS;
    let mut used = BTreeSet::new();
    for part in [purges(job).await, removed(job).await, tasks(job).await, transfers(job).await] {
        used.extend(part);
    }
    let granted: BTreeSet<Grant> = job.grants.iter().flat_map(|list| list.iter()).copied().collect();
    let never: Vec<String> = granted.difference(&used).map(ToString::to_string).collect();
    let missing: Vec<String> = used.difference(&granted).map(ToString::to_string).collect();
    assert_eq!((never, missing), (Vec::new(), Vec::new()), "(never used, not granted)");
}
