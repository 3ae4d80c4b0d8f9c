//! How StepChat's methods are called.

use super::scenario::Target::{Flat, RoundTrips};
use super::scenario::{Scenario, Target};
use super::world::{NEEDLE, World};
use serde_json::{Value, json};

/// Reads whose place the request names: they go out together with the authentication.
const POINT: &[Target] = &[RoundTrips(1), Flat];
/// Reads that first look up what is to be read.
const LED: &[Target] = &[RoundTrips(2), Flat];
const FLAT: &[Target] = &[Flat];

fn user(world: &World, n: usize) -> Value {
    json!({ "user_id": world.of(n, "id") })
}

fn on_page(sorting: [&'static str; 2]) -> impl Fn(&World, usize) -> Value {
    move |_, _| json!({ "sorting": sorting })
}

fn conversation(world: &World, _: usize) -> Value {
    json!({ "conversation_id": world.conversation })
}

/// Reads come first, so that they do not see what writes have changed. Scenarios that delete much come last.
pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = presence();
    all.extend(points());
    all.extend(lists());
    all.extend(conversations());
    all.extend(writes());
    all
}

/// Ten users are online: the needles, which were just made.
fn presence() -> Vec<Scenario> {
    vec![
        Scenario::new("get-online-users", "10 of them", |_, _| json!({})).must(LED),
        Scenario::new("agents-online", "", |_, _| json!({})).must(POINT),
        Scenario::new("count-users", "", |_, _| json!({})).must(POINT),
        Scenario::new("is-online", "", |world, n| json!({ "user_id": world.needles.get(n) })).must(POINT),
        Scenario::new(
            "get-new-users",
            "10 of them",
            |world, _| json!({ "datetime": world.needles.first().map(|id| (id - 1).to_string()) }),
        )
        .must(LED),
    ]
}

fn points() -> Vec<Scenario> {
    let by = |name: &'static str, place: &'static str| move |world: &World, n: usize| json!({ "by": name, "value": world.user(n).pointer(place) });
    vec![
        Scenario::new("get-user", "", user).must(POINT),
        Scenario::new("get-user", "with extras", |world, n| json!({ "user_id": world.of(n, "id"), "extra": true }))
            .must(POINT),
        Scenario::new("get-user-by", "e-mail address", by("email", "/email")).must(LED),
        Scenario::new("get-user-by", "phone", by("phone", "/extra/phone")).must(LED),
        Scenario::new("get-user-by", "last name", |_, _| json!({ "by": "last_name", "value": NEEDLE })).must(LED),
        Scenario::new("get-user-extra", "", user).must(POINT),
        Scenario::new("get-user-extra", "one", |world, n| json!({ "user_id": world.of(n, "id"), "slug": "phone" }))
            .must(POINT),
        Scenario::new("get-user-language", "", user).must(POINT),
        Scenario::new("get-agent", "", |_, _| json!({ "agent_id": 1 })).must(POINT),
        Scenario::new("get-bot-id", "", |_, _| json!({})).must(FLAT),
        Scenario::new("current-url", "reading", user).must(POINT),
    ]
}

fn lists() -> Vec<Scenario> {
    vec![
        Scenario::new("get-users", "page 1, newest first", on_page(["creation_time", "DESC"])).must(LED),
        Scenario::new("get-users", "page 1, by first name", on_page(["first_name", "ASC"])).must(LED),
        Scenario::new("get-users", "page 1, by last name", on_page(["last_name", "DESC"])).must(LED),
        Scenario::new("get-users", "page 1, by address", on_page(["email", "DESC"])).must(LED),
        Scenario::new("get-users", "page 1, by activity", on_page(["last_activity", "DESC"])).must(LED),
        Scenario::new("get-users", "page 1, by type", on_page(["user_type", "ASC"])).must(LED),
        Scenario::new("get-users", "page 1, by department", on_page(["department", "DESC"])).must(LED),
        Scenario::new("get-users", "page 1, with extras", |_, _| json!({ "extra": true })),
        Scenario::new("get-users", "page 10", |_, _| json!({ "pagination": 10 })),
        Scenario::new("get-users", "a search with 10 hits", |_, _| json!({ "search": NEEDLE })).must(LED).times(3),
        Scenario::new("search-users", "10 hits", |_, _| json!({ "search": NEEDLE })).must(LED).times(3),
        Scenario::new("search-users", "10 hits, part of a word", |_, _| json!({ "search": "zalcoa" }))
            .must(LED)
            .times(3),
        Scenario::new("search-users", "no hit", |_, _| json!({ "search": "xyzzy" })).must(LED).times(3),
        Scenario::new("get-agents-ids", "", |_, _| json!({})).times(3),
        Scenario::new("get-users-with-details", "of 5 users", |world, n| {
            let ids: Vec<Value> = (n..n + 5).map(|n| world.of(n, "id")).collect();
            json!({ "details": ["email", "phone"], "user_ids": ids })
        })
        .must(LED),
        Scenario::new("get-users-with-details", "an extra of everybody", |_, _| json!({ "details": "phone" })).times(1),
    ]
}

fn conversations() -> Vec<Scenario> {
    vec![
        Scenario::new("get-conversation", "", conversation).must(FLAT),
        Scenario::new("get-user-conversations", "", |world, _| json!({ "user_id": world.of(0, "id") })).must(FLAT),
        Scenario::new("get-user-from-conversation", "", conversation).must(FLAT),
        Scenario::new("is-agent-typing", "", conversation).must(FLAT),
        Scenario::new("is-typing", "", user).must(POINT),
        Scenario::new("set-typing", "", |world, n| {
            json!({ "user_id": world.of(n, "id"), "conversation_id": world.conversation })
        })
        .must(FLAT),
        Scenario::new("send-message", "", |world, n| {
            json!({ "user_id": world.of(0, "id"), "conversation_id": world.conversation, "message": format!("m{n}") })
        })
        .must(FLAT),
        Scenario::new("new-conversation", "", user).must(FLAT),
    ]
}

fn writes() -> Vec<Scenario> {
    vec![
        Scenario::new("add-user", "a visitor", |_, _| json!({})).must(&[RoundTrips(4), Flat]),
        Scenario::new("add-user", "with an address and three extras", |_, n| {
            json!({
                "first_name": "Ada", "last_name": "Lovelace", "email": format!("ada{n}@bench.example"),
                "extra": { "phone": format!("+44200000{n}"), "city": "London", "company": "Analytical Engines" }
            })
        })
        .must(FLAT),
        Scenario::new(
            "update-user",
            "another name",
            |world, n| json!({ "user_id": world.of(n, "id"), "first_name": format!("Renamed{n}") }),
        )
        .must(FLAT),
        Scenario::new(
            "update-user",
            "another type",
            |world, n| json!({ "user_id": world.of(n, "id"), "user_type": "agent" }),
        )
        .must(FLAT),
        Scenario::new(
            "update-user",
            "another department",
            |world, n| json!({ "user_id": world.of(n, "id"), "department": 100 + n }),
        )
        .must(&[RoundTrips(2), Flat]),
        Scenario::new("update-user-to-lead", "", |world, n| json!({ "user_id": world.needles.get(n) })).must(FLAT),
        Scenario::new("update-users-last-activity", "", |world, n| {
            world.app.wait_millis(10_000);
            json!({ "user_id": world.needles.get(n) })
        })
        .must(FLAT),
        Scenario::new(
            "current-url",
            "writing",
            |world, n| json!({ "user_id": world.of(n, "id"), "url": format!("https://example.com/{n}") }),
        )
        .must(FLAT),
        Scenario::new("update-bot", "", |_, n| json!({ "name": format!("Bot {n}") })).must(FLAT),
        Scenario::new("delete-user", "with extras", |world, n| json!({ "user_id": world.of(n + 10, "id") })).must(FLAT),
        Scenario::new("delete-users", "5 of them", |world, _| {
            let ids: Vec<Value> = (20..25).map(|n| world.of(n, "id")).collect();
            json!({ "user_ids": ids })
        })
        .times(1),
        Scenario::new("delete-leads", "all there are, as far as the time goes", |_, _| json!({})).times(1),
    ]
}
