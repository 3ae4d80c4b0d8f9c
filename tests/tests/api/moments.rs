//! A delete means those who were there when it was called (decision E20): whoever came to be, or came to fit, after that
//! stays, however late the jobs run and however long a request was on its way.

use super::gate::Gate;
use fastrand::Rng;
use serde_json::{Value, json};
use shared::limits::INDEX_SETTLED_MILLIS;
use std::collections::BTreeSet;
use std::time::Duration;
use tests::App;
use tests::seeds::Seeds;

/// Runs the jobs until nothing that was promised can be left, whatever an index shows late.
async fn all_jobs(app: &App) {
    app.run_jobs().await;
    app.wait_millis(INDEX_SETTLED_MILLIS);
    app.run_jobs().await;
    app.wait_millis(INDEX_SETTLED_MILLIS);
    app.run_jobs().await;
    let promised = ["J#remove-users", "J#voximplant", "J#purge-user"];
    let left: Vec<_> = app
        .items()
        .into_iter()
        .map(|(_, item)| item)
        .filter(|item| promised.contains(&item["pk"]["S"].as_str().unwrap()))
        .collect();
    assert_eq!(left, Vec::<Value>::new());
}

async fn is_there(app: &App, user: &str) -> bool {
    app.stepchat("get-user", json!({ "user_id": user })).await.response() != json!(false)
}

async fn phone_users(app: &App) -> Vec<u64> {
    let listed = app.voximplant("GetUsers", json!({ "count": 1000, "order_by": "user_id" })).await.json();
    let users = listed["result"].as_array().unwrap_or_else(|| panic!("{listed}")).iter();
    let ids: Vec<u64> = users.map(|user| user["user_id"].as_u64().unwrap()).collect();
    assert_eq!(listed["total_count"], ids.len(), "the counters agree with the list");
    ids
}

#[tokio::test]
async fn who_becomes_a_lead_after_delete_leads_stays_with_the_conversations() {
    let app = App::new().await;
    let lead = app.add_stepchat_user(json!({ "user_type": "lead" })).await;
    let (visitor, user) =
        (app.add_stepchat_user(json!({})).await, app.add_stepchat_user(json!({ "email": "a@b" })).await);
    app.stepchat("delete-leads", json!({})).await.response();
    // A visitor becomes a lead by a conversation, a user by word.
    let started = app.stepchat("new-conversation", json!({ "user_id": visitor })).await.response();
    let conversation = started["details"]["id"].as_str().unwrap().to_owned();
    app.stepchat("update-user-to-lead", json!({ "user_id": user })).await.response();
    let later = app.add_stepchat_user(json!({ "user_type": "lead" })).await;
    all_jobs(&app).await;
    assert!(!is_there(&app, &lead).await);
    for one in [&visitor, &user, &later] {
        assert!(is_there(&app, one).await, "{one}");
    }
    let row = app.stepchat("get-conversation", json!({ "conversation_id": conversation })).await.response();
    assert_eq!(row["details"]["user_id"], visitor);
    assert_eq!(app.stepchat("count-users", json!({})).await.response()["lead"], "3");
    // The next delete means them too, but not who is one no longer.
    app.stepchat("update-user", json!({ "user_id": user, "user_type": "user" })).await.response();
    app.stepchat("delete-leads", json!({})).await.response();
    all_jobs(&app).await;
    assert!(!is_there(&app, &visitor).await && !is_there(&app, &later).await && is_there(&app, &user).await);
}

#[tokio::test]
async fn a_lead_who_is_added_while_leads_are_deleted_is_not_deleted_afterwards() {
    let (gate, app) = Gate::app().await;
    let fields = json!({ "user_type": "lead", "email": "late@example.com" });
    gate.hold(|operation, request| operation == "TransactWriteItems" && request.to_string().contains("late@example"));
    let adding = app.stepchat("add-user", fields);
    let deleting = async {
        gate.arrived().await;
        app.stepchat("delete-leads", json!({})).await.response();
        gate.open();
    };
    let (added, ()) = tokio::join!(adding, deleting);
    let id = added.response().to_string();
    all_jobs(&app).await;
    assert!(is_there(&app, &id).await);
}

fn adds_user(operation: &str, request: &Value) -> bool {
    operation == "TransactWriteItems" && request.to_string().contains("\"uname\"")
}

#[tokio::test]
async fn a_user_who_is_added_while_all_are_deleted_is_not_deleted_afterwards() {
    let (gate, app) = Gate::app().await;
    app.add_voximplant_user("early", json!({})).await;
    for whom in [json!({ "user_id": "all" }), json!({ "user_id": "all", "application_id": app.application })] {
        gate.hold(adds_user);
        let adding = app.add_voximplant_user("late", json!({}));
        let deleting = async {
            gate.arrived().await;
            assert_eq!(app.voximplant("DelUser", whom).await.json()["result"], 1);
            gate.open();
        };
        let (late, ()) = tokio::join!(adding, deleting);
        all_jobs(&app).await;
        assert_eq!(phone_users(&app).await, [late]);
        app.voximplant("DelUser", json!({ "user_id": late })).await;
    }
}

#[tokio::test]
async fn nobody_is_added_to_an_application_once_its_delete_is_answered() {
    let (gate, app) = Gate::app().await;
    // With users on every counter, and with none.
    for users in [0, 40] {
        let name = format!("app{users}");
        let added = app.voximplant("AddApplication", json!({ "application_name": name })).await.json();
        let application = added["application_id"].as_u64().unwrap();
        for n in 0..users {
            app.add_voximplant_user(&format!("user{n}"), json!({ "application_id": application })).await;
        }
        gate.hold(adds_user);
        let fields = json!({
            "user_name": "late", "user_display_name": "Late", "user_password": "Passw0rd!", "application_id": application
        });
        let adding = app.voximplant("AddUser", fields);
        let deleting = async {
            gate.arrived().await;
            assert_eq!(
                app.voximplant("DelApplication", json!({ "application_id": application })).await.json()["result"],
                1
            );
            gate.open();
        };
        let (late, ()) = tokio::join!(adding, deleting);
        assert_eq!(late.code(), 116, "{}", late.text);
        all_jobs(&app).await;
        assert_eq!(phone_users(&app).await, Vec::<u64>::new());
        let left =
            app.items().into_iter().filter(|(_, item)| item.to_string().contains(&format!("{application:012}#")));
        assert_eq!(left.count(), 0, "nothing of it is left");
    }
}

#[tokio::test]
async fn more_applications_than_fit_into_one_transaction_are_gone_when_the_call_is_answered() {
    let app = App::new().await;
    for n in 0..45 {
        app.voximplant("AddApplication", json!({ "application_name": format!("many{n}") })).await;
    }
    assert_eq!(app.voximplant("DelApplication", json!({ "application_id": "all" })).await.json()["result"], 1);
    assert_eq!(app.voximplant("GetApplications", json!({})).await.json()["total_count"], 0);
}

#[tokio::test]
async fn a_delete_of_everybody_spares_applications_that_came_later() {
    let app = App::new().await;
    app.add_voximplant_user("early", json!({})).await;
    app.voximplant("DelUser", json!({ "user_id": "all" })).await;
    let added = app.voximplant("AddApplication", json!({ "application_name": "later" })).await.json();
    let late = app.add_voximplant_user("late", json!({ "application_id": added["application_id"] })).await;
    all_jobs(&app).await;
    assert_eq!(phone_users(&app).await, [late]);
}

/// What a workspace should hold, by what was answered.
#[derive(Default)]
struct Expected {
    leads: BTreeSet<String>,
    others: Vec<String>,
    phones: BTreeSet<u64>,
}

/// One call, or the jobs: after it the model says who must be there.
async fn step(app: &App, rng: &mut Rng, expected: &mut Expected, n: usize) {
    match rng.u32(0..10) {
        0 | 1 => drop(expected.leads.insert(app.add_stepchat_user(json!({ "user_type": "lead" })).await)),
        2 => expected.others.push(app.add_stepchat_user(json!({})).await),
        3 if !expected.others.is_empty() => {
            let one = expected.others.swap_remove(rng.usize(..expected.others.len()));
            app.stepchat("update-user-to-lead", json!({ "user_id": one })).await.response();
            expected.leads.insert(one);
        }
        4 if !expected.leads.is_empty() => {
            let one = expected.leads.pop_first().unwrap();
            app.stepchat("update-user", json!({ "user_id": one, "user_type": "user" })).await.response();
            expected.others.push(one);
        }
        5 => {
            app.stepchat("delete-leads", json!({})).await.response();
            expected.leads.clear();
        }
        6 | 7 => drop(expected.phones.insert(app.add_voximplant_user(&format!("user{n}"), json!({})).await)),
        8 => {
            let all = json!({ "user_id": "all" });
            assert_eq!(app.voximplant("DelUser", all).await.json()["result"], 1);
            expected.phones.clear();
        }
        _ => {
            app.run_jobs().await;
            app.wait_millis(rng.i64(0..INDEX_SETTLED_MILLIS));
        }
    }
}

async fn holds(seed: u64) -> Result<(), String> {
    let app = App::new().await;
    let (mut rng, mut expected) = (Rng::with_seed(seed), Expected::default());
    for n in 0..40 {
        step(&app, &mut rng, &mut expected, n).await;
        if rng.u32(0..4) == 0 {
            app.run_jobs().await;
        }
    }
    all_jobs(&app).await;
    for one in expected.leads.iter().chain(&expected.others) {
        if !is_there(&app, one).await {
            return Err(format!("user {one} has gone"));
        }
    }
    let counts = app.stepchat("count-users", json!({})).await.response();
    if counts["lead"] != expected.leads.len().to_string() {
        return Err(format!("{counts}, expected are the leads {:?}", expected.leads));
    }
    let (found, wanted) = (phone_users(&app).await, expected.phones.into_iter().collect::<Vec<_>>());
    if found != wanted {
        return Err(format!("telephony users {found:?}, expected {wanted:?}"));
    }
    Ok(())
}

#[test]
fn whatever_happens_between_deletes_and_jobs_exactly_those_go_who_were_there() {
    Seeds::asked("MOMENT_SEEDS", 0..200, Duration::from_secs(20))
        .hold(|seed| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(holds(seed)));
}
