//! Voximplant's users: filters against a model, renames under races, deletes that are whole or not at all.

use super::seeds;
use futures_util::future::join_all;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use shared::crypto::{Secret, hash_password};
use shared::grams::{Extent, IndexedText};
use shared::ids::{AccountId, ApplicationId, PhoneUserId};
use shared::limits::INDEX_SETTLED_MILLIS;
use shared::store::backlog::Progress;
use shared::store::search::Limits;
use shared::store::voximplant::deferred::{self, DeferredWork};
use shared::store::voximplant::users::{Place, creation};
use shared::store::{Sequence, Table, Txn};
use shared::voximplant::{AcdStatus, CustomData, DisplayName, NewPhoneUser, Refusal, UserName};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use switchboard::load::Load;
use tests::App;
use tokio::time::Instant;

/// A user as the model knows it.
#[derive(Debug, Clone)]
struct Known {
    id: u64,
    application: u64,
    name: String,
    display: String,
    active: bool,
    status: &'static str,
    skills: Vec<usize>,
    queues: Vec<usize>,
}

/// A population and the ids it needs.
struct World {
    app: App,
    applications: Vec<u64>,
    skills: Vec<u64>,
    queues: Vec<u64>,
    users: Vec<Known>,
}

async fn added(app: &App, method: &str, fields: Value, key: &str) -> u64 {
    let answer = app.voximplant(method, fields).await;
    answer.json()[key].as_u64().unwrap_or_else(|| panic!("{method}: {}", answer.text))
}

async fn done(app: &App, method: &str, fields: Value) {
    let answer = app.voximplant(method, fields).await;
    assert_eq!(answer.json(), json!({ "result": 1 }), "{method}");
}

const PREFIXES: [&str; 3] = ["anna", "bob", "an-x"];
const DISPLAYS: [&str; 4] = ["Ärger", "zeta", "Omega", "alpha"];
const STATES: [(AcdStatus, &str); 3] =
    [(AcdStatus::Offline, "OFFLINE"), (AcdStatus::Ready, "READY"), (AcdStatus::Dnd, "DND")];

/// A user of a world, drawn: application, name, display name, active, state, skills, whether it serves its queue.
type Drawn = (usize, usize, (usize, usize), bool, usize, Vec<bool>, bool);

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let user = (
        0_usize..2,
        0..PREFIXES.len(),
        (0..DISPLAYS.len(), 0_usize..5),
        any::<bool>(),
        0..STATES.len(),
        proptest::collection::vec(any::<bool>(), 3),
        any::<bool>(),
    );
    proptest::collection::vec(user, 1..12)
}

/// All by search entries; by a walk among those found; by a walk alone; and what no test can reach by accident.
fn limits() -> impl Strategy<Value = Limits> {
    let limits = [(50_000, 500), (50_000, 1), (1, 1_000), (4, 2)];
    proptest::sample::select(limits.to_vec()).prop_map(|(entries, together)| Limits { entries, together })
}

/// Two applications, three skills, a queue by hand in each application, and the drawn users.
async fn world(drawn: &[Drawn], limits: Limits) -> World {
    let app = App::searching(limits).await;
    let second = added(&app, "AddApplication", json!({ "application_name": "second" }), "application_id").await;
    let applications = vec![app.application, second];
    let mut skills = Vec::new();
    for name in ["one", "two", "three"] {
        skills.push(added(&app, "AddSkill", json!({ "skill_name": name }), "skill_id").await);
    }
    let mut queues = Vec::new();
    for application in &applications {
        let fields = json!({ "acd_queue_name": "queue", "application_id": application, "auto_binding": false });
        queues.push(added(&app, "AddQueue", fields, "acd_queue_id").await);
    }
    let (mut users, mut load) = (Vec::new(), Load::default());
    let store = &app.app.store;
    let password = hash_password(Secret::new("Passw0rd!")).await.unwrap();
    for (n, (application, prefix, (display, number), active, state, held, serves)) in drawn.iter().enumerate() {
        let known = Known {
            id: store.next_id(Sequence::PhoneUser, PhoneUserId::new).await.unwrap().get(),
            application: applications[*application],
            name: format!("{}{n:02}", PREFIXES[*prefix]),
            display: format!("{} {number}", DISPLAYS[*display]),
            active: *active,
            status: STATES[*state].1,
            skills: (0..3).filter(|skill| held[*skill]).collect(),
            queues: if *serves { vec![*application] } else { Vec::new() },
        };
        let new = NewPhoneUser {
            name: UserName::parse(&known.name).unwrap(),
            display_name: DisplayName::parse(&known.display).unwrap(),
            active: known.active,
            parent_accounting: true,
            custom_data: None,
            mobile_phone: None,
        };
        let (id, application) = (PhoneUserId::new(known.id), ApplicationId::new(known.application));
        let mut user = new.into_user(id.unwrap(), application.unwrap(), app.app.clock.now());
        user.acd_status = STATES[*state].0;
        let place = Place::unread(app.account.id, user.application);
        load.add(creation(app.account.id, &user, &password, None, &place).unwrap()).unwrap();
        users.push(known);
    }
    app.load(load).await;
    let of = |wanted: &dyn Fn(&Known) -> bool| {
        joined(&users.iter().filter(|user| wanted(user)).map(|user| user.id).collect::<Vec<_>>())
    };
    for (n, skill) in skills.iter().enumerate() {
        let holders = of(&|user| user.skills.contains(&n));
        if !holders.is_empty() {
            done(&app, "BindSkill", json!({ "skill_id": skill, "user_id": holders })).await;
        }
    }
    for (n, queue) in queues.iter().enumerate() {
        let servers = of(&|user| user.queues.contains(&n));
        if !servers.is_empty() {
            let fields = json!({ "application_id": applications[n], "user_id": servers, "acd_queue_id": queue });
            done(&app, "BindUserToQueue", fields).await;
        }
    }
    World { app, applications, skills, queues, users }
}

/// A random call: each filter mostly absent.
#[derive(Debug, Clone)]
struct Query {
    application: Option<usize>,
    application_part: Option<&'static str>,
    user: Option<proptest::sample::Index>,
    name: Option<&'static str>,
    display: Option<&'static str>,
    active: Option<bool>,
    statuses: Vec<&'static str>,
    skill: Option<usize>,
    excluded_skill: Option<usize>,
    queue: Option<usize>,
    excluded_queue: Option<usize>,
    order: &'static str,
    count: Option<usize>,
    offset: usize,
}

fn query() -> impl Strategy<Value = Query> {
    let some = |limit: usize| proptest::option::weighted(0.25, 0..limit);
    let part = |parts: &'static [&'static str]| proptest::option::weighted(0.25, proptest::sample::select(parts));
    let first = (
        some(2),
        part(&["dem", "SECOND", "voximplant", "nosuch"]),
        proptest::option::weighted(0.1, any::<proptest::sample::Index>()),
        part(&["an", "BOB", "-x", "1", "anna0", "bob bob", "zzz"]),
        part(&["ä", "OME", "a", " 3", "a 1", "Omega 2", "ga 3", " ", "zzz"]),
        proptest::option::weighted(0.25, any::<bool>()),
        proptest::collection::vec(proptest::sample::select(&["OFFLINE", "READY", "DND", "BANNED"][..]), 0..2),
    );
    let second = (
        some(3),
        some(3),
        some(2),
        some(2),
        proptest::sample::select(&["user_name", "user_id", "user_display_name"][..]),
        proptest::option::of(0..6_usize),
        0..4_usize,
    );
    (first, second).prop_map(|(first, second)| {
        let (application, application_part, user, name, display, active, statuses) = first;
        let (skill, excluded_skill, queue, excluded_queue, order, count, offset) = second;
        Query {
            application,
            application_part,
            user,
            name,
            display,
            active,
            statuses,
            skill,
            excluded_skill,
            queue,
            excluded_queue,
            order,
            count,
            offset,
        }
    })
}

impl Query {
    fn fields(&self, world: &World) -> Value {
        let mut fields = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                fields.insert(name.into(), value);
            }
        };
        set("application_id", self.application.map(|n| world.applications[n].into()));
        set("application_name", self.application_part.map(Value::from));
        set("user_id", self.user.map(|n| n.get(&world.users).id.into()));
        set("user_name", self.name.map(Value::from));
        set("user_display_name", self.display.map(Value::from));
        set("user_active", self.active.map(Value::from));
        set("acd_status", (!self.statuses.is_empty()).then(|| self.statuses.join(";").into()));
        set("skill_id", self.skill.map(|n| world.skills[n].into()));
        set("excluded_skill_id", self.excluded_skill.map(|n| world.skills[n].into()));
        set("acd_queue_id", self.queue.map(|n| world.queues[n].into()));
        set("excluded_acd_queue_id", self.excluded_queue.map(|n| world.queues[n].into()));
        set("order_by", Some(self.order.into()));
        set("count", self.count.map(Value::from));
        set("offset", Some(self.offset.into()));
        Value::Object(fields)
    }

    fn passes(&self, user: &Known, world: &World) -> bool {
        let has = |part: Option<&str>, text: &str| {
            part.is_none_or(|part| shared::text::fold(text).contains(&shared::text::fold(part)))
        };
        let full = if user.application == world.applications[0] { "demo" } else { "second" };
        let full = format!("{full}.demo.voximplant.com");
        self.application.is_none_or(|n| world.applications[n] == user.application)
            && has(self.application_part, &full)
            && self.user.is_none_or(|n| n.get(&world.users).id == user.id)
            && has(self.name, &user.name)
            && has(self.display, &user.display)
            && self.active.is_none_or(|active| active == user.active)
            && (self.statuses.is_empty() || self.statuses.contains(&user.status))
            && self.skill.is_none_or(|skill| user.skills.contains(&skill))
            && self.excluded_skill.is_none_or(|skill| !user.skills.contains(&skill))
            && self.queue.is_none_or(|queue| user.queues.contains(&queue))
            && self.excluded_queue.is_none_or(|queue| !user.queues.contains(&queue))
    }

    /// The ids and the total that the naive reading gives.
    fn expected(&self, world: &World) -> (Vec<u64>, usize) {
        let mut users: Vec<&Known> = world.users.iter().filter(|user| self.passes(user, world)).collect();
        let order = |text: &str| shared::text::collation_key(&shared::text::fold(text));
        users.sort_by_key(|user| match self.order {
            "user_name" => (order(&user.name), user.id),
            "user_display_name" => (order(&user.display), user.id),
            _ => (String::new(), user.id),
        });
        let total = users.len();
        let page = users.iter().skip(self.offset).take(self.count.unwrap_or(20));
        (page.map(|user| user.id).collect(), total)
    }
}

#[test]
fn every_filter_alone_and_combined_finds_what_a_naive_reading_finds() {
    seeds::hold(
        || (drawn(), limits(), proptest::collection::vec(query(), 4)),
        |(drawn, limits, queries)| {
            seeds::run(async {
                let world = world(&drawn, limits).await;
                for query in queries {
                    let answer = world.app.voximplant("GetUsers", query.fields(&world)).await.json();
                    let records = answer["result"].as_array().cloned().unwrap_or_default();
                    let ids: Vec<u64> = records.iter().filter_map(|record| record["user_id"].as_u64()).collect();
                    let (expected, total) = query.expected(&world);
                    prop_assert_eq!(&ids, &expected, "{:?}\n{}", query, answer);
                    prop_assert_eq!(&answer["total_count"], &json!(total), "{:?}", query);
                    prop_assert_eq!(&answer["count"], &json!(expected.len()), "{:?}", query);
                }
                Ok(())
            })
        },
    );
}

/// Users with long texts: an answer that is full before the page ends goes on behind its cursor, and the step it ended in is
/// the last one read.
#[tokio::test]
async fn a_page_larger_than_one_answer_goes_on_behind_a_cursor_and_is_not_read_to_its_end() {
    let app = App::new().await;
    let (mut load, store) = (Load::default(), &app.app.store);
    let password = hash_password(Secret::new("Passw0rd!")).await.unwrap();
    let ids = store.next_ids(Sequence::PhoneUser, 3_000, PhoneUserId::new).await.unwrap();
    let application = ApplicationId::new(app.application).unwrap();
    for id in &ids {
        let new = NewPhoneUser {
            name: UserName::parse(&format!("user{id}")).unwrap(),
            display_name: DisplayName::parse("U").unwrap(),
            active: true,
            parent_accounting: true,
            custom_data: Some(CustomData::parse(&"x".repeat(8_000)).unwrap()),
            mobile_phone: None,
        };
        let user = new.into_user(*id, application, app.app.clock.now());
        let place = Place::unread(app.account.id, user.application);
        load.add(creation(app.account.id, &user, &password, None, &place).unwrap()).unwrap();
    }
    app.load(load).await;
    let (mut seen, mut cursor, mut units) = (Vec::new(), json!(null), Vec::new());
    loop {
        let mut fields = json!({ "count": 3_000, "order_by": "user_id" });
        if !cursor.is_null() {
            fields["cursor"] = cursor;
        }
        let answer = app.voximplant("GetUsers", fields).await;
        assert!(answer.text.len() < 6_000_000);
        let answer = answer.json();
        assert_eq!(answer["total_count"], 3_000);
        seen.extend(answer["result"].as_array().unwrap().iter().map(|user| user["user_id"].as_u64().unwrap()));
        units.push(app.last_line()["read_units"].as_f64().unwrap());
        cursor = answer["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(seen, ids.iter().map(|id| id.get()).collect::<Vec<_>>());
    // A user of 8 KB costs three units; one answer holds some 630 of them.
    assert!(units.len() > 3 && units[0] < 4_000.0, "{units:?}");
}

/// The keys of the search entries that there are.
fn entries(app: &App) -> BTreeSet<(String, String)> {
    let items = app.items().into_iter().filter(|(table, _)| *table == Table::Voximplant);
    let key = |item: &Value| Some((item["pk"]["S"].as_str()?.to_owned(), item["sk"]["S"].as_str()?.to_owned()));
    items.filter_map(|(_, item)| key(&item)).filter(|(pk, _)| pk.starts_with("G#")).collect()
}

/// The keys of the search entries that the users that there are need.
fn needed(app: &App) -> BTreeSet<(String, String)> {
    let mut needed = BTreeSet::new();
    for (table, item) in app.items() {
        let Some(account) = item["pk"]["S"].as_str().and_then(|pk| pk.strip_prefix("A#")?.split_once("#U#")) else {
            continue;
        };
        if table != Table::Voximplant || item["sk"]["S"] != "P" {
            continue;
        }
        for (list, text, stamp) in [("name", "uname", "g_name"), ("display", "display", "g_display")] {
            let Some(text) = IndexedText::of(item[text]["S"].as_str().unwrap(), Extent::Whole) else { continue };
            let stamp = item[stamp]["S"].as_str().unwrap_or("no stamp");
            for gram in text.grams(Extent::Whole) {
                let (first, rest) = gram.parts();
                needed.insert((format!("G#{list}#{}#{first}", account.0), format!("{rest}\0{stamp}")));
            }
        }
    }
    needed
}

#[tokio::test]
async fn every_change_leaves_exactly_the_search_entries_of_the_names_that_there_are() {
    let app = App::new().await;
    let skill = added(&app, "AddSkill", json!({ "skill_name": "one" }), "skill_id").await;
    let [anna, bob] =
        [app.add_voximplant_user("anna", json!({})).await, app.add_voximplant_user("bob", json!({})).await];
    let found = async |fields: Value| {
        let answer = app.voximplant("GetUsers", fields).await.json();
        let rows = answer["result"].as_array().unwrap().iter().map(|row| row["user_id"].as_u64().unwrap());
        rows.collect::<Vec<_>>()
    };
    assert_eq!(found(json!({ "user_name": "nn" })).await, [anna]);
    done(&app, "BindSkill", json!({ "skill_id": skill, "user_id": anna })).await;
    app.operator.set_acd_status(app.account.id, PhoneUserId::new(anna).unwrap(), AcdStatus::Ready).await.unwrap();
    done(&app, "SetUserInfo", json!({ "user_id": anna, "user_display_name": "Änne von # Berg" })).await;
    done(&app, "SetUserInfo", json!({ "user_id": anna, "user_custom_data": "nothing about names" })).await;
    done(&app, "SetUserInfo", json!({ "user_id": bob, "new_user_name": "robert", "user_display_name": " " })).await;
    // A name that is taken: the search entries of the refused change are swept.
    let taken = app.voximplant("SetUserInfo", json!({ "user_id": bob, "new_user_name": "anna" })).await;
    assert_eq!(taken.code(), 118);
    later(&app).await;
    assert_eq!(entries(&app), needed(&app));
    for (part, expected) in [("anne VON", vec![anna]), ("# b", vec![anna]), ("von  #", vec![]), ("berg", vec![anna])] {
        assert_eq!(found(json!({ "user_display_name": part })).await, expected, "{part}");
    }
    assert_eq!(found(json!({ "user_name": "bob" })).await, Vec::<u64>::new());
    assert_eq!(found(json!({ "user_name": "bert", "user_display_name": "anne" })).await, Vec::<u64>::new());
    assert_eq!(found(json!({ "user_name": "ERT", "user_display_name": " " })).await, [bob]);
    done(&app, "DelUser", json!({ "user_id": format!("{anna};{bob}") })).await;
    later(&app).await;
    assert_eq!(entries(&app), BTreeSet::new());
}

#[tokio::test]
async fn users_from_before_there_were_search_entries_are_completed() {
    let app = App::new().await;
    let [anna, bob] =
        [app.add_voximplant_user("anna", json!({})).await, app.add_voximplant_user("bob", json!({})).await];
    // As an earlier version has left them.
    for (table, mut item) in app.items() {
        let name = app.app.store.table_name(table);
        let pk = item["pk"]["S"].as_str().unwrap_or_default();
        let (action, request) = if table == Table::Voximplant && pk.starts_with("G#") {
            ("DeleteItem", json!({ "TableName": name, "Key": { "pk": item["pk"], "sk": item["sk"] } }))
        } else {
            item.as_object_mut().unwrap().retain(|name, _| !name.starts_with("g_"));
            ("PutItem", json!({ "TableName": name, "Item": item }))
        };
        let done = switchboard::embedded::perform(&app.database, action, request.to_string().as_bytes());
        assert_eq!(done.0, 200, "{}", done.1);
    }
    let total = async |part: &str| {
        app.voximplant("GetUsers", json!({ "user_name": part })).await.json()["total_count"].as_u64().unwrap()
    };
    assert_eq!((total("ann").await, total("bob").await), (0, 0));
    // Any change completes a user; the operator completes the others.
    done(&app, "SetUserInfo", json!({ "user_id": bob, "user_active": false })).await;
    assert_eq!((total("ann").await, total("bob").await), (0, 1));
    // The first admin of the other API is one more.
    let rebuilt = switchboard::rebuild::rebuild(&app.app, |_| {}).await.unwrap();
    assert_eq!((rebuilt.users, rebuilt.changed), (3, 2));
    let again = switchboard::rebuild::rebuild(&app.app, |_| {}).await.unwrap();
    assert_eq!((again.users, again.changed), (3, 0), "nothing is missing any more");
    assert_eq!(total("ann").await, 1);
    done(&app, "DelUser", json!({ "user_id": anna })).await;
    later(&app).await;
    assert_eq!(entries(&app), needed(&app));
}

/// Loads users `from..to`, ten of whom have a rare name and a skill.
async fn populate(app: &App, users: std::ops::Range<u64>) {
    let (mut load, store) = (Load::default(), &app.app.store);
    let password = hash_password(Secret::new("Passw0rd!")).await.unwrap();
    let application = ApplicationId::new(app.application).unwrap();
    for n in users {
        let id = store.next_id(Sequence::PhoneUser, PhoneUserId::new).await.unwrap();
        let rare = if n < 10 { "rare" } else { "some" };
        let new = NewPhoneUser {
            name: UserName::parse(&format!("user-{n}")).unwrap(),
            display_name: DisplayName::parse(&format!("A {rare} name")).unwrap(),
            active: true,
            parent_accounting: true,
            custom_data: None,
            mobile_phone: None,
        };
        let user = new.into_user(id, application, app.app.clock.now());
        let place = Place::unread(app.account.id, user.application);
        load.add(creation(app.account.id, &user, &password, None, &place).unwrap()).unwrap();
    }
    app.load(load).await;
}

#[tokio::test]
async fn what_a_name_a_skill_or_an_id_leads_to_costs_the_same_among_very_many_users() {
    let app = App::new().await;
    populate(&app, 0..20).await;
    let skill = added(&app, "AddSkill", json!({ "skill_name": "rare" }), "skill_id").await;
    let rows = app.voximplant("GetUsers", json!({ "user_display_name": "rare" })).await.json()["result"].clone();
    let holders: Vec<u64> = rows.as_array().unwrap().iter().map(|row| row["user_id"].as_u64().unwrap()).collect();
    done(&app, "BindSkill", json!({ "skill_id": skill, "user_id": joined(&holders) })).await;
    let costs = async || {
        let mut costs = Vec::new();
        for (fields, total) in [
            (json!({ "user_display_name": "RARE" }), 10),
            (json!({ "user_display_name": "a rare n", "user_active": true, "order_by": "user_id" }), 10),
            (json!({ "user_name": "user-3", "user_display_name": "rare" }), 1),
            (json!({ "skill_id": skill, "count": 3 }), 10),
            (json!({ "user_id": holders[0] }), 1),
        ] {
            let answer = app.voximplant("GetUsers", fields.clone()).await.json();
            assert_eq!(answer["total_count"], total, "{fields}");
            let line = app.last_line();
            let trips = line["round_trips"].as_u64().unwrap();
            costs.push((line["read_units"].as_f64().unwrap(), trips));
            assert!(trips <= 4, "{fields}: {trips}");
        }
        costs
    };
    let few = costs().await;
    populate(&app, 20..1_500).await;
    let many = costs().await;
    for (n, (few, many)) in few.into_iter().zip(many).enumerate() {
        // Search entries of a common part are read as far as a rare one goes.
        assert!(many.0 <= few.0 + 4.0 && many.1 <= few.1 + 1, "query {n}: {few:?}, then {many:?}");
    }
}

#[tokio::test]
async fn of_32_renames_to_one_name_one_wins() {
    let app = App::new().await;
    let mut ids = Vec::new();
    for n in 0..32 {
        ids.push(app.add_voximplant_user(&format!("user{n:02}"), json!({})).await);
    }
    let renames =
        ids.iter().map(|id| app.voximplant("SetUserInfo", json!({ "user_id": id, "new_user_name": "wanted" })));
    let answers: Vec<Value> = join_all(renames).await.iter().map(tests::Answer::json).collect();
    let won = answers.iter().filter(|answer| answer["result"] == 1).count();
    let lost = answers.iter().filter(|answer| answer["error"]["code"] == 118).count();
    assert_eq!((won, lost), (1, 31), "{answers:?}");
    // The name that was given up is free again, the others are not.
    let free = (0..32).map(|n| {
        app.voximplant(
            "AddUser",
            json!({ "application_id": 1, "user_name": format!("user{n:02}"), "user_display_name": "U", "user_password": "Passw0rd!" }),
        )
    });
    let added = join_all(free).await.iter().filter(|answer| answer.json()["result"] == 1).count();
    assert_eq!(added, 1);
}

#[tokio::test]
async fn concurrent_changes_of_one_user_all_take_effect() {
    let app = App::new().await;
    let id = app.add_voximplant_user("shared", json!({})).await;
    let skill = added(&app, "AddSkill", json!({ "skill_name": "one" }), "skill_id").await;
    let calls = [
        app.voximplant("SetUserInfo", json!({ "user_id": id, "new_user_name": "renamed" })),
        app.voximplant("SetUserInfo", json!({ "user_id": id, "user_custom_data": "data" })),
        app.voximplant("SetUserInfo", json!({ "user_id": id, "user_active": false })),
        app.voximplant("BindSkill", json!({ "user_id": id, "skill_id": skill })),
    ];
    for answer in join_all(calls).await {
        assert_eq!(answer.json(), json!({ "result": 1 }));
    }
    let user = app.voximplant("GetUsers", json!({ "with_skills": true })).await.json()["result"][0].clone();
    let seen = ["user_name", "user_custom_data", "user_active", "skills"].map(|field| user[field].clone());
    let skills = json!([{ "skill_id": skill, "skill_name": "one" }]);
    assert_eq!(seen, [json!("renamed"), json!("data"), json!(false), skills]);
}

/// Some minutes later, when the jobs have run.
async fn later(app: &App) {
    app.wait_millis(180_000);
    app.run_jobs().await;
}

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

fn joined(ids: &[u64]) -> String {
    ids.iter().map(u64::to_string).collect::<Vec<_>>().join(";")
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

/// Arguments of account 1 with which each method does something there.
fn useful(app: &App, user: u64, skill: u64, queue: u64) -> BTreeMap<&'static str, Value> {
    let application = app.application;
    BTreeMap::from([
        ("SetUserInfo", json!({ "user_id": user, "new_user_name": "stolen" })),
        ("DelUser", json!({ "user_id": user })),
        ("GetApplications", json!({ "application_id": application })),
        ("DelApplication", json!({ "application_id": application })),
        ("AddSkill", json!({ "skill_name": "another" })),
        ("GetSkills", json!({ "skill_id": skill })),
        ("BindSkill", json!({ "skill_id": skill, "user_id": user, "bind": false })),
        ("AddQueue", json!({ "acd_queue_name": "another", "application_id": application })),
        ("GetQueues", json!({ "acd_queue_id": queue })),
        (
            "BindUserToQueue",
            json!({ "application_id": application, "user_id": user, "acd_queue_id": queue, "bind": false }),
        ),
        ("GetUsers", json!({ "application_id": application })),
    ])
}

/// What account 1 has.
fn belongings(app: &App) -> Vec<String> {
    let ours = |item: &Value| item["pk"]["S"].as_str().is_some_and(|key| key.starts_with("A#000000000001"));
    let mut items: Vec<String> = app
        .items()
        .into_iter()
        .filter(|(table, item)| *table == Table::Voximplant && ours(item))
        .map(|(_, item)| item.to_string())
        .collect();
    items.sort();
    items
}

#[tokio::test]
async fn no_other_account_child_account_small_role_or_revoked_key_reaches_anything() {
    let app = App::new().await;
    let user = app.add_voximplant_user("mine", json!({})).await;
    let skill = added(&app, "AddSkill", json!({ "skill_name": "one" }), "skill_id").await;
    let fields = json!({ "acd_queue_name": "queue", "application_id": app.application });
    let queue = added(&app, "AddQueue", fields, "acd_queue_id").await;
    done(&app, "BindSkill", json!({ "skill_id": skill, "user_id": user })).await;
    let fields = json!({ "application_id": app.application, "user_id": user, "acd_queue_id": queue });
    done(&app, "BindUserToQueue", fields).await;
    let (_, other) = app.other_account("other", None).await;
    let (_, child) = app.other_account("child", Some(app.account.id)).await;
    let small = app.key_with(&[shared::voximplant::Role::Payer]).await;
    let revoked = app.key_with(&[shared::voximplant::Role::Owner]).await;
    let had = shared::store::voximplant::credentials::revoke(&app.app.store, app.account.id, &revoked.key_id).await;
    assert!(had.unwrap());
    let before = belongings(&app);
    for (method, fields) in useful(&app, user, skill, queue) {
        for (who, key) in [("small role", &small), ("revoked", &revoked)] {
            let answer = app.voximplant_as(&app.bearer(key), method, fields.clone()).await;
            assert_eq!(answer.code(), 100, "{method}, {who}");
        }
        for key in [&other, &child] {
            let answer = app.voximplant_as(&app.bearer(key), method, fields.clone()).await.json();
            let found_nothing = answer["total_count"] == 0 || !answer["error"].is_null() || method == "AddSkill";
            assert!(found_nothing, "{method}: {answer}");
            assert_eq!(belongings(&app), before, "{method}");
        }
        // A child's key that claims to act for its parent.
        let now = app.app.clock.now().seconds();
        let claims = json!({ "iss": 1, "iat": now, "exp": now + 30 });
        let token = tests::jwt::sign(&claims, &child.key_id, tests::jwt::private_key());
        assert_eq!(app.voximplant_as(&token, method, fields).await.code(), 100, "{method}");
    }
    assert_eq!(belongings(&app), before);
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
