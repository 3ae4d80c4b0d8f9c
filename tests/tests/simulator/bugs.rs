//! The simulator can fail: planted mistakes, each of which its checks catch. Those of [`Bug`] are made by every process, as
//! if the code had them; the others are written out.

use super::check;
use super::network::Faults;
use super::storm::{self, Storm};
use super::story::{Call, Deployment, mortal, runtime};
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::ids::PhoneUserId;
use shared::ledger::Texts;
use shared::store::Table;
use shared::store::ledger::operation::OperationId;
use shared::store::ledger::transfer::{Draft, TransferOrder, draft};
use std::time::Duration;
use switchboard::embedded;
use tokio::time::{sleep, timeout};

/// A mistake that the code could make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// It reads without `ConsistentRead`.
    EventualReads,
    /// It repeats a transaction under another token.
    OtherToken,
    /// It takes a batch for done that was processed in part.
    DropsUnprocessed,
    /// It takes throttling inside a cancelled transaction for a condition that has failed.
    ThrottlingIsRefusal,
    /// It takes a single write that met a conflict for done.
    ConflictIsSuccess,
    /// It reads a user's extras before the profile whose version decides, and relies on that version alone.
    ExtrasFirst,
    /// It promises to delete all without saying as of when.
    PromiseWithoutMoment,
    /// It changes a profile whatever has become of it since it was read: a message that comes late changes it back.
    WithoutVersion,
    /// It dates promises by a clock that is far behind, and so believes that indexes have caught up.
    ClockFarBehind,
}

impl Bug {
    /// A request as the mistake makes it.
    pub(crate) fn spoil(self, operation: &str, body: Vec<u8>) -> Vec<u8> {
        let mut request: Value = serde_json::from_slice(&body).unwrap();
        match (self, operation) {
            (Self::EventualReads, "BatchGetItem") => {
                for (_, keys) in request["RequestItems"].as_object_mut().into_iter().flatten() {
                    keys["ConsistentRead"] = false.into();
                }
            }
            (Self::EventualReads, "GetItem" | "Query") => request["ConsistentRead"] = false.into(),
            (Self::OtherToken, "TransactWriteItems") => {
                request["ClientRequestToken"] = format!("{:032x}", fastrand::u128(..)).into();
            }
            (Self::ExtrasFirst, "Query") if request["ExpressionAttributeValues"][":low"]["S"] == "D#" => {
                request["ScanIndexForward"] = true.into();
            }
            (Self::ExtrasFirst, "TransactWriteItems") => {
                for action in request["TransactItems"].as_array_mut().into_iter().flatten() {
                    let Some(write) = action.as_object_mut().and_then(|action| action.values_mut().next()) else {
                        continue;
                    };
                    let condition = write["ConditionExpression"].as_str().unwrap_or_default();
                    if ["g = :stamp", "attribute_not_exists(g)"].contains(&condition) {
                        let write = write.as_object_mut().unwrap();
                        write.remove("ConditionExpression");
                        write.remove("ExpressionAttributeValues");
                    }
                }
            }
            (Self::PromiseWithoutMoment, "TransactWriteItems") => {
                for action in request["TransactItems"].as_array_mut().into_iter().flatten() {
                    let Some(put) = action.get_mut("Put") else { continue };
                    let item = &mut put["Item"];
                    let ever = json!({ "N": u32::MAX.to_string() });
                    if item.pointer("/whom/M/LeadsBefore").is_some() {
                        item["whom"]["M"]["LeadsBefore"] = ever;
                    } else if item["kind"]["S"] == "everyone" {
                        item["before"] = ever.clone();
                        item["up_to"] = ever;
                    }
                }
            }
            (Self::WithoutVersion, "TransactWriteItems") => {
                for action in request["TransactItems"].as_array_mut().into_iter().flatten() {
                    let Some(put) = action.get_mut("Put").and_then(Value::as_object_mut) else { continue };
                    if put["Item"]["sk"]["S"] == "P" {
                        put.remove("ConditionExpression");
                        put.remove("ExpressionAttributeValues");
                    }
                }
            }
            (Self::ClockFarBehind, "TransactWriteItems") => {
                for action in request["TransactItems"].as_array_mut().into_iter().flatten() {
                    let Some(put) = action.get_mut("Put") else { continue };
                    if put["Item"]["pk"]["S"] == "J#remove-users" {
                        put["Item"]["at"] = json!({ "N": "0" });
                    }
                }
            }
            _ => return body,
        }
        request.to_string().into_bytes()
    }

    /// The first thing that goes wrong in storms in which every process makes this mistake.
    fn caught(self) -> String {
        let storm = |seed| {
            runtime().block_on(async {
                let sim = Deployment::new(seed).await;
                sim.app.expect_damage();
                sim.network.set(Faults::storm());
                sim.network.make_mistake(Some(self));
                let storm = Storm::new(&sim, seed);
                let transfers = storm.blow(Faults::storm().crash).await;
                storm.calm(seed, transfers).await
            })
        };
        let caught = (0..200).find_map(|seed| storm(seed).err().map(|caught| (seed, caught)));
        let (seed, caught) = caught.unwrap_or_else(|| panic!("{self:?} is not caught"));
        eprintln!("{self:?} at seed {seed}: {caught}");
        caught
    }
}

#[test]
fn reads_without_consistency_are_caught() {
    Bug::EventualReads.caught();
}

/// How many people are told that an address of their own is taken, where only answers are lost.
fn told_of_themselves(mistake: Option<Bug>) -> usize {
    let told = |seed| async move {
        let sim = Deployment::new(seed).await;
        sim.app.expect_damage();
        sim.network.set(Faults { lost_after: 300, latency_millis: 8, ..Faults::none() });
        sim.network.make_mistake(mistake);
        let mut told = 0;
        for n in 0..8 {
            let fields = json!({ "user_type": "user", "email": format!("own{n}@own.example") });
            let answer = sim.processes[0].call(&sim.app, "add-user", &fields, None).await;
            told += usize::from(answer["response"] == "duplicate-email");
        }
        told
    };
    (0..10).map(|seed| runtime().block_on(told(seed))).sum()
}

#[test]
fn a_repetition_under_another_token_is_caught() {
    assert_eq!(told_of_themselves(None), 0);
    assert!(told_of_themselves(Some(Bug::OtherToken)) > 0);
}

#[test]
fn an_unprocessed_item_that_is_not_sent_again_is_caught() {
    Bug::DropsUnprocessed.caught();
}

#[test]
fn throttling_that_is_taken_for_a_refusal_is_caught() {
    Bug::ThrottlingIsRefusal.caught();
}

#[test]
fn a_conflict_that_is_taken_for_success_is_caught() {
    Bug::ConflictIsSuccess.caught();
}

/// What is wrong after processes have changed one extra of one user beside each other, each of their reads seeing the
/// others' transactions half. In a storm this is too rare to be relied on.
fn after_changes_of_one_extra(mistake: Option<Bug>) -> Result<(), String> {
    let changed = |seed| async move {
        let sim = Deployment::new(seed).await;
        sim.app.expect_damage();
        sim.network.set(Faults { torn: 1000, latency_millis: 8, ..Faults::none() });
        sim.network.make_mistake(mistake);
        join_all(sim.processes.iter().zip('а'..).map(|(process, letter)| {
            let app = &sim.app;
            async move {
                for n in 0..6 {
                    let fields = json!({ "user_id": 2, "settings_extra": { "city": format!("{letter}{n}") } });
                    process.call(app, "update-user", &fields, None).await;
                }
            }
        }))
        .await;
        sim.network.set(Faults::none());
        sim.network.make_mistake(None);
        assert!(sim.finish_jobs(2).await);
        storm::settled(&sim)
    };
    (0..20).try_for_each(|seed| runtime().block_on(changed(seed)))
}

#[test]
fn extras_that_are_read_before_the_profile_are_caught() {
    assert_eq!(after_changes_of_one_extra(None), Ok(()));
    let caught = after_changes_of_one_extra(Some(Bug::ExtrasFirst)).unwrap_err();
    assert!(caught.contains("search entry"), "{caught}");
}

/// What is wrong after a process has died while a change was on its way, and the user was deleted before it arrived.
fn after_a_change_that_came_late(mistake: Option<Bug>) -> Result<(), String> {
    let died = |seed: u64| async move {
        let sim = Deployment::new(seed).await;
        sim.app.expect_damage();
        sim.network.set(Faults { late: 1000, ..Faults::none() });
        sim.network.make_mistake(mistake);
        let fields = json!({ "user_id": 2, "first_name": "Поздно" });
        let change = sim.processes[0].call(&sim.app, "update-user", &fields, None);
        let _ = timeout(Duration::from_millis(500 * seed), change).await;
        sim.network.set(Faults::none());
        sim.processes[1].call(&sim.app, "delete-user", &json!({ "user_id": 2 }), None).await;
        sleep(Duration::from_secs(15)).await;
        sim.network.make_mistake(None);
        assert!(sim.finish_jobs(2).await);
        storm::settled(&sim)
    };
    (0..40).try_for_each(|seed| runtime().block_on(died(seed)))
}

#[test]
fn a_change_that_comes_late_and_is_taken_is_caught() {
    assert_eq!(after_a_change_that_came_late(None), Ok(()));
    let caught = after_a_change_that_came_late(Some(Bug::WithoutVersion)).unwrap_err();
    // The purge looks once more, and takes away who has come back; what searches find of them stays.
    assert!(caught.contains("search entry"), "{caught}");
}

/// Who is left of some leads after a delete of all leads, if the jobs run before the index knows all of them.
fn leads_left(mistake: Option<Bug>) -> usize {
    let left = |seed| async move {
        let sim = Deployment::new(seed).await;
        sim.app.expect_damage();
        sim.network.set(Faults { lag_millis: 3_000, ..Faults::none() });
        sim.network.make_mistake(mistake);
        let process = &sim.processes[0];
        for n in 0..8 {
            let fields = json!({ "user_type": "lead", "first_name": format!("Lead{n}") });
            process.call(&sim.app, "add-user", &fields, None).await;
        }
        let told = process.call(&sim.app, "delete-leads", &json!({}), None).await;
        assert_eq!(told["success"], true, "{told}");
        assert!(process.run_jobs(Duration::from_mins(1)).await);
        sim.network.make_mistake(None);
        assert!(sim.finish_jobs(2).await);
        let items = sim.app.items();
        items.iter().filter(|(_, item)| item["sk"]["S"] == "P" && item["kind"]["S"] == "lead").count()
    };
    (0..10).map(|seed| runtime().block_on(left(seed))).sum()
}

#[test]
fn a_promise_that_is_dated_by_a_clock_far_behind_is_caught() {
    assert_eq!(leads_left(None), 0);
    assert!(leads_left(Some(Bug::ClockFarBehind)) > 0);
}

#[test]
fn a_promise_without_its_moment_is_caught() {
    assert!(Bug::PromiseWithoutMoment.caught().contains("no call asked for it"));
}

#[test]
fn a_change_without_its_counter_is_caught() {
    let caught = runtime().block_on(async {
        let sim = Deployment::new(1).await;
        sim.app.expect_damage();
        assert_eq!(storm::settled(&sim), Ok(()));
        let mut items = sim.app.items().into_iter();
        let (_, mut profile) = items.find(|(_, item)| item["sk"]["S"] == "P" && item["kind"]["S"] == "lead").unwrap();
        profile["kind"] = json!({ "S": "agent" });
        sim.put(Table::Stepchat, &profile);
        storm::settled(&sim)
    });
    assert!(caught.unwrap_err().contains("counted are"));
}

fn call(sim: &Deployment, key: &str, all: bool, units: i64) -> Call {
    let users = vec![sim.users[0]];
    Call { key: key.into(), users, all, units, strict: true, answers: Vec::new(), refused: false }
}

/// Bug one: balances changed by a bare `ADD` each, without versions, without a transaction.
async fn bare_add(sim: &Deployment, user: PhoneUserId, units: i64) {
    let store = &sim.app.app.store;
    let account = sim.app.account.id.padded();
    for (pk, change) in [(format!("A#{account}"), -units), (format!("A#{account}#U#{}", user.padded()), units)] {
        let key = |name: &str, value: &str| (name.to_owned(), AttributeValue::S(value.to_owned()));
        let _ = store
            .client()
            .update_item()
            .table_name(store.table_name(Table::Ledger))
            .set_key(Some([key("pk", &pk), key("sk", "B")].into()))
            .update_expression("ADD units :change")
            .expression_attribute_values(":change", AttributeValue::N(change.to_string()))
            .send()
            .await;
    }
}

#[test]
fn a_bare_add_is_caught() {
    runtime().block_on(async {
        let sim = Deployment::new(1).await;
        sim.app.expect_damage();
        assert_eq!(check::conserved(&sim), Ok(()));
        sim.network.set(Faults::storm());
        for n in 0..20 {
            mortal(bare_add(&sim, sim.users[0], 100), (n % 3 == 0).then_some(12)).await;
        }
        sim.network.set(Faults::none());
        let caught = check::conserved(&sim).unwrap_err();
        assert!(caught.contains("sum to"), "{caught}");
        // The audit finds another balance than the journal's, or one that no version of ours has written.
        let caught = check::ended_and_clean(&sim).await.unwrap_err();
        assert!(caught.contains("replayed") || caught.contains("corrupt"), "{caught}");
    });
}

/// Bug two: every attempt is a new operation, as if the record of the first one were not asked.
async fn without_record(sim: &Deployment, call: &mut Call) {
    let store = &sim.app.app.store;
    for attempt in 0..20 {
        let order = TransferOrder {
            account: sim.app.account.id,
            operation: OperationId::random(&format!("{}-{attempt}", call.key)),
            users: call.users.clone(),
            all: false,
            application: None,
            amount: call.units,
            strict: true,
            texts: Texts { account: "x".into(), user: call.key.clone() },
            rate: None,
            now: sim.app.app.clock.now(),
        };
        let Ok(Draft::Small(txn, balance)) = draft(store, &order).await else { continue };
        if store.commit(&txn).await.is_ok() {
            call.answers.push(json!({ "result": 1, "balance": balance }));
            return;
        }
    }
}

#[test]
fn a_retry_without_the_operation_record_is_caught() {
    let caught = runtime().block_on(async {
        for seed in 0..20 {
            let sim = Deployment::new(seed).await;
            sim.app.expect_damage();
            sim.network.set(Faults::storm());
            let mut calls: Vec<Call> = (0..30).map(|n| call(&sim, &format!("k{n}"), false, 100)).collect();
            for call in &mut calls {
                without_record(&sim, call).await;
            }
            sim.network.set(Faults::none());
            let lines = check::lines(&sim);
            let mut wrong = calls.iter().filter_map(|call| check::one_effect_and_one_answer(call, &lines).err());
            if wrong.any(|wrong| wrong.contains("more than one effect")) {
                return true;
            }
        }
        false
    });
    assert!(caught);
}

impl Deployment {
    /// Writes an item past everything.
    fn put(&self, table: Table, item: &Value) {
        let request = json!({ "TableName": table.as_str(), "Item": item }).to_string();
        let (status, body) = embedded::perform(&self.app.database, "PutItem", request.as_bytes());
        assert_eq!(status, 200, "{body}");
    }
}

/// Bug three: a chunk's money has gone to its users, but the chunk is not marked done.
fn unmark(sim: &Deployment) -> usize {
    let mut unmarked = 0;
    for (table, mut item) in sim.app.items() {
        if table == Table::Ledger && item["state"]["S"] == "done" {
            item["state"] = json!({ "S": "planned" });
            sim.put(Table::Ledger, &item);
            unmarked += 1;
        }
    }
    unmarked
}

#[test]
fn a_chunk_not_marked_done_is_caught() {
    runtime().block_on(async {
        let sim = Deployment::new(3).await;
        sim.app.expect_damage();
        let mut call = call(&sim, "big", true, 100);
        let mut unmarked = 0;
        for polls in (10..400).step_by(3) {
            // The caller dies a little later each time, until it dies with one chunk done.
            mortal(sim.make(&mut call), Some(polls)).await;
            unmarked = unmark(&sim);
            if unmarked > 0 || !call.answers.is_empty() {
                break;
            }
        }
        assert!(unmarked > 0 && call.answers.is_empty(), "the caller died behind a chunk");
        sim.run_jobs().await;
        let caught = check::all(&sim, &[call]).await.unwrap_err();
        assert!(
            caught.contains("sum to") || caught.contains("never ended") || caught.contains("no answer"),
            "{caught}"
        );
    });
}
