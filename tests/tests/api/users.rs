//! Voximplant's users: filters against a model, renames under races, and that nobody else reaches them.

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::crypto::{Secret, hash_password};
use shared::grams::{Extent, IndexedText};
use shared::ids::{ApplicationId, PhoneUserId};
use shared::store::voximplant::users::{Place, creation};
use shared::store::{Sequence, Table};
use shared::voximplant::{AcdStatus, CustomData, DisplayName, NewPhoneUser, UserName};
use std::collections::{BTreeMap, BTreeSet};
use switchboard::load::Load;
use tests::App;

pub(super) async fn added(app: &App, method: &str, fields: Value, key: &str) -> u64 {
    let answer = app.voximplant(method, fields).await;
    answer.json()[key].as_u64().unwrap_or_else(|| panic!("{method}: {}", answer.text))
}

pub(super) async fn done(app: &App, method: &str, fields: Value) {
    let answer = app.voximplant(method, fields).await;
    assert_eq!(answer.json(), json!({ "result": 1 }), "{method}");
}

/// Some minutes later, when the jobs have run.
pub(super) async fn later(app: &App) {
    app.wait_millis(180_000);
    app.run_jobs().await;
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

pub(super) fn joined(ids: &[u64]) -> String {
    ids.iter().map(u64::to_string).collect::<Vec<_>>().join(";")
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
