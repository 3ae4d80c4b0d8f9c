//! Counters equal reality: after any mix of concurrent creates, changes of type and deletes, some of which died or lost
//! their answers on the way.

use super::network::Faults;
use super::story::{Deployment, mortal, runtime};
use fastrand::Rng;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::store::Table;
use std::collections::BTreeMap;

const CALLERS: u64 = 4;
const CALLS: usize = 7;
const TYPES: [&str; 5] = ["visitor", "lead", "user", "agent", "admin"];

/// Runs one seed; what is wrong, if anything is.
pub(crate) fn run(seed: u64, faults: Faults) -> Result<(), String> {
    fastrand::seed(seed);
    runtime().block_on(async {
        let sim = Deployment::new(seed).await;
        let mut rng = Rng::with_seed(seed ^ 0xc0);
        // Somebody to change and to delete.
        for n in 0..6 {
            sim.app.add_stepchat_user(json!({ "user_type": TYPES[n % 4], "email": format!("{n}@example.com") })).await;
        }
        sim.network.set(faults);
        let callers = (0..CALLERS).map(|caller| {
            let (sim, mut own) = (&sim, rng.fork());
            async move {
                for n in 0..CALLS {
                    let (method, mut fields) = call(&mut own, caller, n);
                    let keyed = own.bool();
                    if keyed {
                        fields["idempotency_key"] = json!(format!("c{caller}-{n}"));
                    }
                    // With a key, the same call may come again whatever became of it.
                    for _ in 0..if keyed { 2 } else { 1 } {
                        let polls = (own.u32(0..1000) < faults.crash).then(|| own.u32(1..80));
                        mortal(made(sim, method, fields.clone()), polls).await;
                    }
                }
            }
        });
        join_all(callers).await;
        sim.network.set(Faults::none());
        if !sim.run_jobs().await {
            return Err("the jobs fail in good weather".to_owned());
        }
        check(&sim).await
    })
}

/// A call that creates, changes or deletes. Of StepChat's users the first is left alone: its token makes the calls.
fn call(rng: &mut Rng, caller: u64, n: usize) -> (&'static str, Value) {
    let kind = TYPES[rng.usize(0..TYPES.len())];
    let user = rng.u64(2..14);
    match rng.u32(0..8) {
        0 => ("add-user", json!({ "user_type": kind })),
        1 => ("add-user", json!({ "user_type": kind, "email": format!("{}@example.com", rng.u32(0..9)) })),
        2 => ("update-user", json!({ "user_id": user, "user_type": kind })),
        3 => ("update-user-to-lead", json!({ "user_id": user })),
        4 => ("delete-user", json!({ "user_id": user })),
        5 => ("delete-users", json!({ "user_ids": [user, user + 1] })),
        6 => ("DelUser", json!({ "user_id": rng.u64(1..60) })),
        _ => (
            "AddUser",
            json!({
                "application_id": 1, "user_name": format!("new-{caller}-{}", n % 3), "user_display_name": "U",
                "user_password": "Passw0rd!"
            }),
        ),
    }
}

async fn made(sim: &Deployment, method: &str, fields: Value) {
    if method.starts_with(char::is_uppercase) {
        sim.app.voximplant(method, fields).await;
    } else {
        sim.app.stepchat(method, fields).await;
    }
}

async fn check(sim: &Deployment) -> Result<(), String> {
    let (mut there, mut counted) = (BTreeMap::<String, i64>::new(), BTreeMap::<String, i64>::new());
    for (table, item) in sim.app.items() {
        let text = |name: &str| item[name]["S"].as_str().unwrap_or_default();
        let (pk, sk) = (text("pk"), text("sk"));
        let number = item["n"]["N"].as_str().map_or(0, |number| number.parse::<i64>().unwrap());
        match table {
            Table::Stepchat if pk.starts_with("U#") && sk == "P" => {
                *there.entry(text("kind").to_owned()).or_default() += 1;
            }
            Table::Voximplant if pk.contains("#U#") && sk == "P" => {
                *there.entry("telephony".to_owned()).or_default() += 1;
            }
            Table::Stepchat if pk == "N" => {
                *counted.entry(sk.split('#').next().unwrap().to_owned()).or_default() += number;
            }
            Table::Voximplant if pk.ends_with("#C") => *counted.entry("telephony".to_owned()).or_default() += number,
            _ => {}
        }
    }
    counted.retain(|_, count| *count != 0);
    if there != counted {
        return Err(format!("there are {there:?}, counted are {counted:?}"));
    }
    let shown = sim.app.stepchat("count-users", json!({})).await.response();
    let of = |kind: &str| there.get(kind).copied().unwrap_or(0);
    let all: i64 = TYPES.into_iter().map(of).sum();
    let expected = json!({
        "all": all.to_string(), "lead": of("lead").to_string(), "user": of("user").to_string(),
        "visitor": of("visitor").to_string(),
    });
    if shown != expected {
        return Err(format!("count-users shows {shown}, there are {there:?}"));
    }
    let listed = sim.app.voximplant("GetUsers", json!({ "count": 1 })).await.json()["total_count"].clone();
    if listed != json!(of("telephony")) {
        return Err(format!("GetUsers counts {listed}, there are {there:?}"));
    }
    Ok(())
}

#[test]
fn a_change_without_its_counter_is_caught() {
    let caught = runtime().block_on(async {
        let sim = Deployment::new(1).await;
        let id: u64 = sim.app.add_stepchat_user(json!({ "user_type": "agent" })).await.parse().unwrap();
        assert_eq!(check(&sim).await, Ok(()));
        let mut items = sim.app.items().into_iter().map(|(_, item)| item);
        let mut profile = items.find(|item| item["pk"]["S"] == format!("U#{id:012}")).unwrap();
        profile["kind"] = json!({ "S": "lead" });
        let request = json!({ "TableName": "stepchat", "Item": profile }).to_string();
        let (status, body) = switchboard::embedded::perform(&sim.app.database, "PutItem", request.as_bytes());
        assert_eq!(status, 200, "{body}");
        check(&sim).await
    });
    assert!(caught.is_err_and(|caught| caught.contains("counted are")));
}
