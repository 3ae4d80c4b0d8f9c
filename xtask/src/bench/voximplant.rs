//! How Voximplant's methods are called.

use super::scenario::Target::{Flat, RoundTrips};
use super::scenario::{Scenario, Target};
use super::world::World;
use serde_json::{Value, json};

/// Reads whose place the request names: they go out together with the authentication.
const POINT: &[Target] = &[RoundTrips(1), Flat];
/// Reads that first look up what is to be read.
const LED: &[Target] = &[RoundTrips(2), Flat];
const FLAT: &[Target] = &[Flat];

fn ordered(order: &'static str) -> impl Fn(&World, usize) -> Value {
    move |world, _| json!({ "application_id": world.app.application, "order_by": order })
}

fn user(world: &World, n: usize) -> Value {
    world.of(n, "user_id")
}

/// Reads come first; what deletes comes last.
pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = reads();
    all.extend(writes());
    all
}

fn reads() -> Vec<Scenario> {
    vec![
        Scenario::new("GetAccountInfo", "", |_, _| json!({})).must(POINT),
        Scenario::new("GetUsers", "page 1, by name", ordered("user_name")).must(LED),
        Scenario::new("GetUsers", "page 1, by display name", ordered("user_display_name")).must(LED),
        Scenario::new("GetUsers", "page 1, by id", ordered("user_id")).must(LED),
        Scenario::new(
            "GetUsers",
            "page 1 of 1,000",
            |world, _| json!({ "application_id": world.app.application, "count": 1000 }),
        )
        .times(3),
        Scenario::new("GetUsers", "one user", |world, n| json!({ "user_id": user(world, n) })).must(LED).times(3),
        Scenario::new("GetUsers", "10 with a part in their names", |_, _| json!({ "user_display_name": "zalcoa" }))
            .must(LED)
            .times(3),
        Scenario::new("GetUsers", "10 with a skill", |world, _| json!({ "skill_id": world.skill })).must(LED).times(3),
        Scenario::new("GetUsers", "a part that very many have", |_, _| json!({ "user_name": "an" })).times(3),
        Scenario::new("GetUsers", "at most 10,000", |_, _| json!({ "count": 10_000 })).times(1),
        Scenario::new("GetApplications", "", |_, _| json!({})).must(FLAT),
        Scenario::new("GetSkills", "", |_, _| json!({})).must(FLAT),
        Scenario::new("GetQueues", "", |_, _| json!({})).must(FLAT),
        Scenario::new("GetTransactionHistory", "", |_, _| json!({})).must(FLAT),
    ]
}

fn writes() -> Vec<Scenario> {
    vec![
        Scenario::new("AddApplication", "", |_, n| json!({ "application_name": format!("bench{n}") })).must(FLAT),
        Scenario::new("AddSkill", "", |_, n| json!({ "skill_name": format!("bench{n}") })).must(FLAT),
        Scenario::new("AddQueue", "", |world, n| {
            json!({
                "acd_queue_name": format!("bench{n}"), "application_id": world.app.application, "auto_binding": false
            })
        })
        .must(FLAT),
        Scenario::new("AddUser", "", |world, n| {
            json!({
                "application_id": world.app.application, "user_name": format!("bench{n:03}"),
                "user_display_name": "Bench", "user_password": "Passw0rd!", "parent_accounting": n % 2 == 0
            })
        })
        .must(FLAT),
        Scenario::new(
            "SetUserInfo",
            "",
            |world, n| json!({ "user_id": user(world, n), "user_display_name": format!("Renamed {n}") }),
        )
        .must(FLAT),
        Scenario::new(
            "SetUserInfo",
            "another name",
            |world, n| json!({ "user_id": user(world, n), "new_user_name": format!("renamed{n}") }),
        )
        .must(FLAT),
        Scenario::new(
            "BindSkill",
            "one user",
            |world, n| json!({ "skill_id": world.skill, "user_id": user(world, n + 20) }),
        )
        .must(FLAT),
        Scenario::new("BindUserToQueue", "one user", |world, n| {
            json!({
                "application_id": world.app.application, "acd_queue_id": world.queue, "user_id": user(world, n + 20)
            })
        })
        .must(FLAT),
        Scenario::new("TransferMoneyToUser", "one user", |world, n| {
            let mut own = world.some.iter().filter(|user| user["parent_accounting"] == false);
            json!({ "user_id": own.nth(n).map(|user| &user["user_id"]), "amount": "0.01" })
        })
        .must(&[RoundTrips(3), Flat]),
        Scenario::new("DelUser", "", |world, n| json!({ "user_id": user(world, n + 40) })).must(FLAT),
        Scenario::new("DelApplication", "an empty one", |_, n| json!({ "application_name": format!("bench{n}") }))
            .must(FLAT),
    ]
}
