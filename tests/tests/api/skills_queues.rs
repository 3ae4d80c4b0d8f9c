//! Voximplant's skills and queues: who serves what follows from bindings by hand and from skills, whoever changes at once.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use shared::limits::INDEX_SETTLED_MILLIS;
use shared::store::backlog::Progress;
use shared::store::voximplant::deferred;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tests::App;
use tokio::time::Instant;

async fn added(app: &App, method: &str, fields: Value, key: &str) -> u64 {
    let answer = app.voximplant(method, fields).await;
    answer.json()[key].as_u64().unwrap_or_else(|| panic!("{method}: {}", answer.text))
}

async fn done(app: &App, method: &str, fields: Value) {
    let answer = app.voximplant(method, fields).await;
    assert_eq!(answer.json(), json!({ "result": 1 }), "{method}");
}

/// One change: of a user's skill, of a queue's skill, or of a binding by hand.
#[derive(Debug, Clone, Copy)]
enum Change {
    UserSkill(usize, usize, bool),
    QueueSkill(usize, usize, bool),
    ByHand(usize, usize, bool),
    Everybody(usize, bool),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (0..3_usize, 0..3_usize, any::<bool>()).prop_map(|(user, skill, bind)| Change::UserSkill(user, skill, bind)),
        4 => (0..3_usize, 0..3_usize, any::<bool>()).prop_map(|(queue, skill, bind)| Change::QueueSkill(queue, skill, bind)),
        2 => (0..3_usize, 0..3_usize, any::<bool>()).prop_map(|(user, queue, bind)| Change::ByHand(user, queue, bind)),
        1 => (0..3_usize, any::<bool>()).prop_map(|(skill, bind)| Change::Everybody(skill, bind)),
    ]
}

#[derive(Debug, Default)]
struct Model {
    users: [BTreeSet<usize>; 3],
    queues: [BTreeSet<usize>; 3],
    by_hand: BTreeSet<(usize, usize)>,
}

/// The third queue does not bind by skill.
const MANUAL: usize = 2;

fn set(members: &mut BTreeSet<usize>, member: usize, bind: bool) {
    if bind {
        members.insert(member);
    } else {
        members.remove(&member);
    }
}

impl Model {
    fn apply(&mut self, change: Change) {
        match change {
            Change::UserSkill(user, skill, bind) => set(&mut self.users[user], skill, bind),
            Change::QueueSkill(queue, skill, bind) => set(&mut self.queues[queue], skill, bind),
            Change::Everybody(skill, bind) => self.users.iter_mut().for_each(|user| set(user, skill, bind)),
            Change::ByHand(user, queue, true) => drop(self.by_hand.insert((user, queue))),
            Change::ByHand(user, queue, false) => drop(self.by_hand.remove(&(user, queue))),
        }
    }

    /// Queue to `auto_link`.
    fn links(&self, user: usize) -> BTreeMap<usize, bool> {
        let taken = |queue: &usize| {
            let needed = &self.queues[*queue];
            *queue != MANUAL && !needed.is_empty() && needed.is_subset(&self.users[user])
        };
        let by_skill = (0..3).filter(taken).map(|queue| (queue, true));
        let by_hand = self.by_hand.iter().filter(|(bound, _)| *bound == user).map(|(_, queue)| (*queue, false));
        by_skill.chain(by_hand).collect()
    }
}

struct World {
    app: App,
    users: Vec<u64>,
    skills: Vec<u64>,
    queues: Vec<u64>,
}

async fn world() -> World {
    let app = App::new().await;
    let (mut users, mut skills, mut queues) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..3 {
        users.push(app.add_voximplant_user(&format!("user{n}"), json!({})).await);
        skills.push(added(&app, "AddSkill", json!({ "skill_name": format!("skill{n}") }), "skill_id").await);
        let fields = json!({ "acd_queue_name": format!("queue{n}"), "application_id": 1, "auto_binding": n != MANUAL });
        queues.push(added(&app, "AddQueue", fields, "acd_queue_id").await);
    }
    World { app, users, skills, queues }
}

impl World {
    async fn apply(&self, change: Change) {
        let (method, fields) = match change {
            Change::UserSkill(user, skill, bind) => {
                ("BindSkill", json!({ "skill_id": self.skills[skill], "user_id": self.users[user], "bind": bind }))
            }
            Change::QueueSkill(queue, skill, bind) => (
                "BindSkill",
                json!({ "skill_id": self.skills[skill], "acd_queue_id": self.queues[queue], "bind": bind }),
            ),
            Change::Everybody(skill, bind) => {
                ("BindSkill", json!({ "skill_id": self.skills[skill], "user_id": "all", "bind": bind }))
            }
            Change::ByHand(user, queue, bind) => (
                "BindUserToQueue",
                json!({ "application_id": 1, "user_id": self.users[user], "acd_queue_id": self.queues[queue], "bind": bind }),
            ),
        };
        done(&self.app, method, fields).await;
    }

    /// The skills and links of every user as GetUsers shows them, and as its filters find them.
    async fn seen(&self) -> Vec<(BTreeSet<usize>, BTreeMap<usize, bool>)> {
        let fields = json!({ "order_by": "user_id", "with_skills": true, "with_queues": true });
        let answer = self.app.voximplant("GetUsers", fields).await.json();
        let place = |ids: &[u64], id: &Value| ids.iter().position(|known| Some(*known) == id.as_u64()).unwrap();
        let users = answer["result"].as_array().unwrap().iter().map(|user| {
            let skills = user["skills"].as_array().unwrap().iter();
            let queues = user["acd_queues"].as_array().unwrap().iter();
            (
                skills.map(|skill| place(&self.skills, &skill["skill_id"])).collect(),
                queues.map(|queue| (place(&self.queues, &queue["acd_queue_id"]), queue["auto_link"] == true)).collect(),
            )
        });
        users.collect()
    }

    async fn serving(&self, queue: usize) -> BTreeSet<u64> {
        let answer = self.app.voximplant("GetUsers", json!({ "acd_queue_id": self.queues[queue] })).await.json();
        answer["result"].as_array().unwrap().iter().filter_map(|user| user["user_id"].as_u64()).collect()
    }
}

#[test]
fn bindings_follow_from_skills_and_hands_after_any_changes() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 4, failure_persistence: None, ..Config::default() });
    let checked = runner.run(&proptest::collection::vec(change(), 12), |changes| {
        let (seen, serving, model) = runtime.block_on(Box::pin(async {
            let world = world().await;
            let mut model = Model::default();
            for change in &changes {
                world.apply(*change).await;
                model.apply(*change);
            }
            let mut serving = Vec::new();
            for queue in 0..3 {
                let ids = world.serving(queue).await;
                serving.push((0..3).filter(|user| ids.contains(&world.users[*user])).collect::<Vec<usize>>());
            }
            (world.seen().await, serving, model)
        }));
        for (user, (skills, links)) in seen.iter().enumerate() {
            prop_assert_eq!(skills, &model.users[user]);
            prop_assert_eq!(links, &model.links(user));
        }
        for (queue, users) in serving.iter().enumerate() {
            let expected: Vec<usize> = (0..3).filter(|user| model.links(*user).contains_key(&queue)).collect();
            prop_assert_eq!(users, &expected);
        }
        Ok(())
    });
    checked.unwrap();
}

#[tokio::test]
async fn a_skill_given_to_user_and_queue_at_once_binds_them() {
    for _ in 0..6 {
        let world = world().await;
        futures_util::join!(
            world.apply(Change::UserSkill(0, 0, true)),
            world.apply(Change::QueueSkill(0, 0, true)),
            world.apply(Change::UserSkill(0, 1, true)),
            world.apply(Change::QueueSkill(1, 1, true)),
            world.apply(Change::ByHand(0, 1, true)),
        );
        let seen = world.seen().await;
        assert_eq!(seen[0], (BTreeSet::from([0, 1]), BTreeMap::from([(0, true), (1, false)])));
    }
}

#[tokio::test]
async fn more_skills_than_a_transaction_holds_are_given_and_leave_with_the_user() {
    let world = world().await;
    for n in 0..120 {
        let fields = json!({ "skill_name": format!("more{n}") });
        added(&world.app, "AddSkill", fields, "skill_id").await;
    }
    done(&world.app, "BindSkill", json!({ "skill_id": "all", "user_id": world.users[0] })).await;
    assert_eq!(shown_skills(&world).await, 123);
    done(&world.app, "BindSkill", json!({ "skill_id": "all", "acd_queue_id": world.queues[0] })).await;
    assert_eq!(world.serving(0).await, BTreeSet::from([world.users[0]]));
    done(&world.app, "DelUser", json!({ "user_id": world.users[0] })).await;
    assert_eq!(world.serving(0).await, BTreeSet::new());
    let left = world.app.items().into_iter().filter(|(_, item)| item.get("mp").is_some()).count();
    assert_eq!(left, 0);
}

async fn shown_skills(world: &World) -> usize {
    let answer = world.app.voximplant("GetUsers", json!({ "user_id": world.users[0], "with_skills": 1 })).await.json();
    answer["result"][0]["skills"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_second_look_after_a_queues_change_finds_nothing_to_do_and_ends_the_promise() {
    let world = world().await;
    world.apply(Change::UserSkill(0, 0, true)).await;
    world.apply(Change::QueueSkill(0, 0, true)).await;
    let before = world.seen().await;
    let store = &world.app.app.store;
    let promised = deferred::pending(store).await.unwrap();
    assert_eq!(promised.len(), 1);
    let soon = Instant::now() + Duration::from_mins(1);
    for task in promised {
        // When the index certainly shows everybody who had the skill.
        let later = world.app.app.clock.now().plus_millis(INDEX_SETTLED_MILLIS);
        let performed = Box::pin(task.perform(store, later, 100, soon)).await.unwrap();
        assert_eq!(performed, Progress::Finished);
    }
    assert_eq!(world.seen().await, before);
    assert!(deferred::pending(store).await.unwrap().is_empty());
}

#[tokio::test]
async fn lists_of_skills_queues_and_applications_are_continued_by_offset() {
    let world = world().await;
    for (method, key) in
        [("GetSkills", "skill_id"), ("GetQueues", "acd_queue_id"), ("GetApplications", "application_id")]
    {
        let whole = world.app.voximplant(method, json!({})).await.json();
        let ids: Vec<Value> = whole["result"].as_array().unwrap().iter().map(|record| record[key].clone()).collect();
        let mut pages = Vec::new();
        for offset in 0..=ids.len() {
            let page = world.app.voximplant(method, json!({ "count": 1, "offset": offset })).await.json();
            assert_eq!(page["total_count"], ids.len());
            pages.extend(page["result"].as_array().unwrap().iter().map(|record| record[key].clone()));
        }
        assert_eq!(pages, ids, "{method}");
        let none = world.app.voximplant(method, json!({ "count": 0 })).await.json();
        assert_eq!(none, json!({ "result": [], "count": 0, "total_count": ids.len() }));
    }
}
