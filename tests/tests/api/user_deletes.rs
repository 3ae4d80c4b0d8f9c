//! Deletes of Voximplant's users: whole or not at all, and nothing is left.

use super::users::{added, done, joined, later};
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::ids::AccountId;
use shared::limits::INDEX_SETTLED_MILLIS;
use shared::store::backlog::Progress;
use shared::store::voximplant::deferred::{self, DeferredWork};
use shared::store::{Table, Txn};
use shared::voximplant::Refusal;
use std::time::Duration;
use tests::App;
use tokio::time::Instant;

/// Everything of users that is stored once the jobs have run: their items, names, memberships, search entries, passwords.
async fn traces(app: &App) -> Vec<String> {
    later(app).await;
    let keys = app.items().into_iter().filter_map(|(table, item)| {
        let key = item["pk"]["S"].as_str()?.to_owned();
        let ours = match table {
            Table::Voximplant => {
                key.contains("#U#") || key.contains("#N#") || key.starts_with("J#") || key.starts_with("G#")
            }
            Table::Auth => key.starts_with("P#V#"),
            Table::Stepchat | Table::Ledger => false,
        };
        ours.then_some(key)
    });
    keys.collect()
}

async fn populated(users: usize) -> (App, Vec<u64>) {
    let app = App::new().await;
    let mut ids = Vec::new();
    for n in 0..users {
        ids.push(app.add_voximplant_user(&format!("user{n:03}"), json!({})).await);
    }
    let skill = added(&app, "AddSkill", json!({ "skill_name": "one" }), "skill_id").await;
    done(&app, "BindSkill", json!({ "skill_id": skill, "user_id": "all" })).await;
    (app, ids)
}

#[tokio::test]
async fn a_list_is_deleted_whole_or_not_at_all_and_leaves_nothing() {
    let (app, ids) = populated(60).await;
    // A user, a name, a skill and a password each, and the search entries of both names: the test would see what a delete forgot.
    let traces_of_all = traces(&app).await;
    assert_eq!(traces_of_all.iter().filter(|key| !key.starts_with("G#")).count(), 240);
    assert!(traces_of_all.len() > 240 + 60 * "user000".len(), "{}", traces_of_all.len());
    let before = app.items().len();
    for bad in [format!("{};999", joined(&ids)), format!("{};x", joined(&ids)), format!("{};0", joined(&ids))] {
        assert_eq!(app.voximplant("DelUser", json!({ "user_id": bad })).await.code(), 117);
    }
    assert_eq!(app.items().len(), before);
    done(&app, "DelUser", json!({ "user_id": joined(&ids[..3]) })).await;
    let total = app.voximplant("GetUsers", json!({})).await.json()["total_count"].clone();
    assert_eq!(total, 57);
    // More than one transaction holds, with everyone named twice.
    let twice = format!("{};{}", joined(&ids[3..]), joined(&ids[3..]));
    done(&app, "DelUser", json!({ "user_id": twice })).await;
    assert_eq!(app.voximplant("GetUsers", json!({})).await.json()["total_count"], 0);
    assert_eq!(traces(&app).await, Vec::<String>::new());
}

#[tokio::test]
async fn of_deletes_and_changes_at_once_nothing_half_done_is_left() {
    let (app, ids) = populated(8).await;
    let all = joined(&ids);
    let deletes = (0..3).map(|_| app.voximplant("DelUser", json!({ "user_id": all })));
    let changes = ids
        .iter()
        .map(|id| app.voximplant("SetUserInfo", json!({ "user_id": id, "new_user_name": format!("new-{id}") })));
    let (removed, _) = futures_util::join!(join_all(deletes), join_all(changes));
    let won = removed.iter().filter(|answer| answer.json()["result"] == 1).count();
    assert_eq!(won, 1, "{removed:?}");
    assert_eq!(traces(&app).await, Vec::<String>::new());
    assert_eq!(app.voximplant("GetUsers", json!({})).await.json()["total_count"], 0);
}

#[tokio::test]
async fn an_interrupted_delete_of_everybody_is_finished_later_and_spares_the_newcomer() {
    let (app, _) = populated(30).await;
    let store = &app.app.store;
    let task = {
        let (account, now) = (AccountId::new(1).unwrap(), app.app.clock.now());
        DeferredWork::new(account, deferred::everyone(store, account, None).await.unwrap(), now)
    };
    let mut txn: Txn<Refusal> = Txn::default();
    txn.push(task.promise().unwrap());
    store.commit(&txn).await.unwrap();
    let newcomer = app.add_voximplant_user("newcomer", json!({})).await;
    let pending = deferred::pending(store).await.unwrap();
    assert!(pending.contains(&task), "{pending:?}");
    // Cut off after ten, then after ten more, then finished.
    let now = app.app.clock.now();
    let performed = Box::pin(task.perform(store, now, 10, Instant::now())).await.unwrap();
    assert_eq!(performed, Progress::Left, "no time");
    assert_eq!(app.voximplant("GetUsers", json!({})).await.json()["total_count"], 31);
    let soon = Instant::now() + Duration::from_mins(1);
    let later = now.plus_millis(INDEX_SETTLED_MILLIS);
    for (now, limit, progress) in [
        (now, 10, Progress::Left),
        (now, 10, Progress::Left),
        // An index may show somebody late: it is looked at once more when it certainly shows all.
        (now, 100, Progress::Waits),
        (later, 100, Progress::Finished),
    ] {
        assert_eq!(Box::pin(task.perform(store, now, limit, soon)).await.unwrap(), progress);
    }
    let left = app.voximplant("GetUsers", json!({})).await.json();
    assert_eq!((left["total_count"].clone(), left["result"][0]["user_id"].clone()), (json!(1), json!(newcomer)));
    assert!(!deferred::pending(store).await.unwrap().contains(&task));
}

/// An index follows the table by moments: who was added just before `all` is deleted may not be in it yet.
#[tokio::test]
async fn a_delete_of_everybody_reaches_a_user_whom_the_index_did_not_show_yet() {
    let (app, ids) = populated(3).await;
    let put = |item: &Value| {
        let request = json!({ "TableName": app.app.store.table_name(Table::Voximplant), "Item": item });
        let done = switchboard::embedded::perform(&app.database, "PutItem", request.to_string().as_bytes());
        assert_eq!(done.0, 200, "{}", done.1);
    };
    let newest = format!("A#000000000001#U#{:012}", ids[2]);
    let is_newest = |item: &Value| item["pk"]["S"] == newest.as_str() && item["sk"]["S"] == "P";
    let (_, item) = app.items().into_iter().find(|(_, item)| is_newest(item)).unwrap();
    let mut unlisted = item.clone();
    unlisted.as_object_mut().unwrap().remove("ap");
    unlisted["ap"] = json!({ "S": "not yet" });
    put(&unlisted);
    done(&app, "DelUser", json!({ "user_id": "all" })).await;
    put(&item);
    assert_eq!(app.voximplant("GetUsers", json!({})).await.json()["total_count"], 1);
    later(&app).await;
    assert_eq!(app.voximplant("GetUsers", json!({})).await.json()["total_count"], 0);
    assert_eq!(traces(&app).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_deleted_application_leaves_nothing() {
    let (app, _) = populated(30).await;
    let fields = json!({ "acd_queue_name": "queue", "application_id": app.application });
    added(&app, "AddQueue", fields, "acd_queue_id").await;
    done(&app, "DelApplication", json!({ "application_id": app.application })).await;
    assert_eq!(app.voximplant("GetUsers", json!({})).await.json()["total_count"], 0);
    assert_eq!(traces(&app).await, Vec::<String>::new());
    let padded = format!("{:012}", app.application);
    let left: Vec<String> = app
        .items()
        .into_iter()
        .filter(|(table, item)| {
            *table == Table::Voximplant && item["sk"]["S"].as_str().is_some_and(|sk| sk.contains(&padded))
        })
        .map(|(_, item)| item.to_string())
        .filter(|item| item.contains("APP#") || item.contains("\"Q#") || item.contains("QV#") || item.contains("#C"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[tokio::test]
async fn a_repeated_key_deletes_once_and_answers_twice() {
    let (app, ids) = populated(40).await;
    for fields in [
        json!({ "user_id": ids[0], "idempotency_key": "a" }),
        json!({ "user_id": joined(&ids[1..39]), "idempotency_key": "b" }),
        json!({ "user_id": "all", "idempotency_key": "c" }),
    ] {
        done(&app, "DelUser", fields.clone()).await;
        let late = app.add_voximplant_user("latecomer", json!({})).await;
        done(&app, "DelUser", fields).await;
        done(&app, "DelUser", json!({ "user_id": late })).await;
    }
}
