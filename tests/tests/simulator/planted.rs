//! What a storm seldom hits, planted: an answer lost before others, a rival that always wins, a driver that stalls.

use super::check;
use super::network::{Fate, Network};
use super::story::{Deployment, USERS, mortal, runtime};
use dynoxide::Database;
use futures_util::poll;
use serde_json::{Value, json};
use shared::ids::PhoneUserId;
use shared::ledger::{Money, Texts};
use shared::store::ledger::bulk;
use shared::store::ledger::operation::OperationId;
use shared::store::ledger::transfer::{Draft, TransferOrder, draft};
use shared::store::ledger::user_balances;
use shared::store::{CommitError, StoreError, Table, Txn, Write};
use shared::voximplant::Refusal;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::App;

const TRANSACTION: &str = "TransactWriteItems";

/// The items that a transaction puts.
fn puts(body: &Value) -> impl Iterator<Item = &Value> {
    body["TransactItems"].as_array().into_iter().flatten().map(|action| &action["Put"]["Item"])
}

/// Whether a large transfer begins with this transaction.
fn begins(body: &Value) -> bool {
    puts(body).any(|item| item["bulk"]["M"]["state"]["S"].as_str().is_some_and(|state| state != "posted"))
}

fn is_chunk(item: &Value) -> bool {
    item["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("C#"))
}

/// A commit whose calls have these fates; the last one has no end.
async fn committed(fates: &'static [Fate]) -> Result<(), CommitError<Refusal>> {
    let database = Database::memory().unwrap();
    let network = Network::new(&database, 1);
    let app = App::on(database, network.client(), |_| None).await;
    let mut next = 0;
    network.plant(move |operation, _| {
        assert_eq!(operation, TRANSACTION);
        next += 1;
        fates.get(next - 1).or(fates.last()).copied()
    });
    let mut txn = Txn::default();
    txn.push(Write::put(Table::Auth, &json!({ "pk": "planted" })).unwrap().if_absent().or(Refusal::KeyReused));
    app.app.store.commit(&txn).await
}

#[test]
fn a_failure_says_that_nothing_happened_only_if_that_is_known() {
    use Fate::{Answer, Conflict, InProgress, LostAfter, LostBefore, Stale, Throttle};
    runtime().block_on(async {
        let (happened, in_progress, unknown, throttled, contended, on_its_way, refused) = futures_util::join!(
            committed(&[LostAfter, Answer]),
            committed(&[InProgress]),
            committed(&[LostAfter, Throttle]),
            committed(&[Throttle]),
            committed(&[Conflict]),
            // The message that got no answer may still be on its way, although what came after it was cancelled.
            committed(&[LostBefore, Conflict]),
            committed(&[LostBefore, Stale]),
        );
        assert_eq!(happened, Ok(()));
        for open in [in_progress, unknown, on_its_way] {
            assert!(matches!(open, Err(CommitError::Store(StoreError::Unavailable(_)))), "{open:?}");
        }
        assert!(matches!(throttled, Err(CommitError::Store(StoreError::Throttled(_)))), "{throttled:?}");
        assert!(matches!(contended, Err(CommitError::Store(StoreError::Contended(_)))), "{contended:?}");
        assert_eq!(refused, Err(CommitError::Refused(Refusal::KeyReused)));
    });
}

impl Deployment {
    async fn transfer(&self, mut fields: Value) -> Value {
        if fields["user_id"] == "all" {
            fields["application_id"] = self.app.application.into();
        }
        self.app.voximplant("TransferMoneyToUser", fields).await.json()
    }

    /// The money of all users, in ten-thousandths.
    async fn balances(&self) -> BTreeMap<PhoneUserId, i64> {
        let known = user_balances(&self.app.app.store, self.app.account.id, &self.users).await.unwrap();
        known.into_iter().map(|(user, money)| (user, money.units().unwrap())).collect()
    }

    /// Everybody has this much, and the account the rest.
    async fn all_have(&self, units: i64) {
        let expected: BTreeMap<PhoneUserId, i64> = self.users.iter().map(|user| (*user, units)).collect();
        assert_eq!(self.balances().await, expected);
        let rest = Money::from_units(10_000_000 - units * i64::try_from(self.users.len()).unwrap());
        let shown = self.app.voximplant("GetAccountInfo", json!({})).await.json();
        assert_eq!(shown["result"]["balance"].to_string(), rest.to_string());
    }

    async fn clean(&self) {
        assert_eq!(check::conserved(self), Ok(()));
        assert_eq!(check::ended_and_clean(self).await, Ok(()));
    }

    /// A strict order over everybody, of an operation of this name.
    fn order(&self, name: &str, amount: i64) -> TransferOrder {
        TransferOrder {
            account: self.app.account.id,
            operation: OperationId::random(name),
            users: self.users.clone(),
            all: false,
            application: None,
            amount,
            strict: true,
            texts: Texts::by_direction(amount),
            rate: None,
            now: self.app.app.clock.now(),
        }
    }

    async fn begin(&self, order: &TransferOrder, plan: &str) -> Result<(), CommitError<Refusal>> {
        let store = &self.app.app.store;
        let Draft::Large(drafted) = draft(store, order).await? else { panic!("{USERS} users fit in one") };
        bulk::begin(store, order, drafted, plan).await
    }

    /// Whether the ledger has a chunk in this state.
    fn has_chunk(&self, state: &str) -> bool {
        self.app.items().iter().any(|(_, item)| is_chunk(item) && item["state"]["S"] == state)
    }

    /// The last user spends what it has, or gets it back.
    async fn last_user(&self, amount: &str) {
        let answer = self.transfer(json!({ "user_id": self.users[USERS - 1].get(), "amount": amount })).await;
        assert_eq!(answer["result"], 1, "{answer}");
    }
}

#[test]
fn a_transfer_that_has_begun_is_never_answered_as_if_it_had_not() {
    runtime().block_on(async {
        let sim = Deployment::new(1).await;
        let begun = Arc::new(AtomicBool::new(false));
        let storm = Arc::new(AtomicBool::new(true));
        let weather = Arc::clone(&storm);
        sim.network.plant(move |operation, body| {
            let late = begun.load(Ordering::Relaxed) && storm.load(Ordering::Relaxed);
            begun.fetch_or(begins(body), Ordering::Relaxed);
            (operation == TRANSACTION && late).then_some(Fate::Conflict)
        });
        let answer = sim.transfer(json!({ "user_id": "all", "amount": "0.01" })).await;
        assert_eq!(answer["error"]["code"], 2, "on 340 a caller without a key would pay twice: {answer}");
        weather.store(false, Ordering::Relaxed);
        assert!(sim.run_jobs().await);
        sim.all_have(100).await;
        sim.clean().await;
    });
}

#[test]
fn a_transfer_whose_plan_cannot_be_cleared_away_has_happened_and_the_jobs_clear_it() {
    runtime().block_on(async {
        let sim = Deployment::new(1).await;
        let storm = Arc::new(AtomicBool::new(true));
        let weather = Arc::clone(&storm);
        sim.network.plant(move |operation, _| {
            (operation == "BatchWriteItem" && storm.load(Ordering::Relaxed)).then_some(Fate::Throttle)
        });
        let answer = sim.transfer(json!({ "user_id": "all", "amount": "0.01" })).await;
        assert_eq!(answer["result"], 1, "{answer}");
        assert!(sim.has_chunk("done"));
        weather.store(false, Ordering::Relaxed);
        assert!(sim.run_jobs().await);
        sim.all_have(100).await;
        sim.clean().await;
    });
}

#[test]
fn a_driver_that_keeps_losing_races_goes_on_as_long_as_somebody_gets_ahead() {
    runtime().block_on(async {
        let sim = Deployment::new(1).await;
        let mut lost: BTreeMap<String, u32> = BTreeMap::new();
        sim.network.plant(move |_, body| {
            let chunk = puts(body).find(|item| is_chunk(item) && item["state"]["S"] == "done")?;
            let races = lost.entry(chunk["sk"]["S"].to_string()).or_default();
            *races += 1;
            // Fewer than one may lose at a chunk, more than one may lose in all.
            (*races <= 5).then_some(Fate::Stale)
        });
        let order = sim.order("races", 100);
        sim.begin(&order, "plan").await.unwrap();
        let rest = Money::from_units(10_000_000 - order.amount * i64::try_from(USERS).unwrap());
        assert_eq!(bulk::finish(&sim.app.app.store, &order).await, Ok(rest));
        sim.all_have(100).await;
        sim.clean().await;
    });
}

#[test]
fn a_plan_that_never_began_is_cleared_away_and_its_request_may_not_begin_it_any_more() {
    runtime().block_on(async {
        let sim = Deployment::new(1).await;
        let order = sim.order("late", 100);
        let mut beginning = pin!(sim.begin(&order, "plan"));
        while !sim.has_chunk("planned") {
            assert!(poll!(beginning.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
        sim.app.run_jobs().await;
        assert!(sim.has_chunk("planned"), "its request may still be at work");
        assert!(sim.run_jobs().await);
        sim.clean().await;
        assert_eq!(beginning.await, Err(CommitError::Stale));
        sim.clean().await;
    });
}

#[test]
fn what_was_held_of_a_user_that_was_deleted_since_is_on_the_statements() {
    runtime().block_on(async {
        let sim = Deployment::new(1).await;
        assert_eq!(sim.transfer(json!({ "user_id": "all", "amount": "0.01" })).await["result"], 1);
        let order = sim.order("short", -100);
        sim.begin(&order, "plan").await.unwrap();
        for polls in 1.. {
            let ended = mortal(bulk::finish(&sim.app.app.store, &order), Some(polls)).await;
            assert_eq!(ended, None);
            if sim.has_chunk("held") {
                break;
            }
        }
        assert!(sim.has_chunk("planned"), "the second chunk is not held yet");
        let gone = json!({ "user_id": sim.users[0].get() });
        assert_eq!(sim.app.voximplant("DelUser", gone.clone()).await.json()["result"], 1);
        sim.last_user("-0.01").await;
        let ended = bulk::finish(&sim.app.app.store, &order).await;
        assert_eq!(ended, Err(CommitError::Refused(Refusal::InsufficientMoney)));
        sim.clean().await;
        let history = sim.app.voximplant("GetTransactionHistory", gone).await.json();
        let lines: Vec<(String, &str)> = history["result"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| (line["amount"].to_string(), line["transaction_description"].as_str().unwrap()))
            .collect();
        let back = "returned: the user was closed";
        assert_eq!(lines, [("0.01".to_owned(), "From account"), ("-0.01".to_owned(), back)]);
    });
}

/// A driver of the first try stalls wherever it may, the try is void, and the same key begins again: what the driver has
/// seen of the first is nothing to the second.
#[test]
fn a_voided_transfer_may_begin_again_whoever_still_drives_the_first_try() {
    runtime().block_on(async {
        let sim = Deployment::new(1).await;
        let store = &sim.app.app.store;
        // Without pauses of its own, the network lets a driver stall before and behind each call, and nowhere else.
        sim.network.plant(|_, _| Some(Fate::Answer));
        for polls in 0.. {
            // Of one second, no more than so many transfers begin.
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            assert_eq!(sim.transfer(json!({ "user_id": "all", "amount": "0.01" })).await["result"], 1);
            let order = sim.order(&format!("key {polls}"), -100);
            sim.begin(&order, &format!("first {polls}")).await.unwrap();
            sim.last_user("-0.01").await;
            let mut stalled = pin!(bulk::finish(store, &order));
            let mut ended = false;
            for _ in 0..polls {
                ended = poll!(stalled.as_mut()).is_ready();
                if ended {
                    break;
                }
                tokio::task::yield_now().await;
            }
            if !ended {
                let void = bulk::finish(store, &order).await;
                assert_eq!(void, Err(CommitError::Refused(Refusal::InsufficientMoney)), "{polls}");
            }
            sim.last_user("0.01").await;
            sim.all_have(100).await;
            sim.begin(&order, &format!("second {polls}")).await.unwrap();
            if !ended {
                // Drives the second, or finds nothing to do.
                let _ = stalled.await;
            }
            assert_eq!(bulk::finish(store, &order).await, Ok(Money::from_units(10_000_000)), "{polls}");
            sim.all_have(0).await;
            if ended {
                assert!(polls > 20, "the driver was stalled everywhere on its way");
                break;
            }
        }
        sim.clean().await;
    });
}
