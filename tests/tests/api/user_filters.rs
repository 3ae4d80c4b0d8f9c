//! The filters of Voximplant's users, held against a model.

use super::seeds;
use super::users::{added, done, joined};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use shared::crypto::{Secret, hash_password};
use shared::ids::{ApplicationId, PhoneUserId};
use shared::store::Sequence;
use shared::store::search::Limits;
use shared::store::voximplant::users::{Place, creation};
use shared::voximplant::{AcdStatus, DisplayName, NewPhoneUser, UserName};
use switchboard::load::Load;
use tests::App;

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
