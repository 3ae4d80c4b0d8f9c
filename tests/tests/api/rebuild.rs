//! Data that an earlier comparison has written is brought along, and nobody is lost.

use serde_json::{Value, json};
use shared::ids::UserId;
use shared::store::Table;
use shared::store::stepchat::rebuild::{self as users, Collision as Shared};
use shared::text::{collation_key, fold};
use shared::voximplant::Account;
use std::collections::BTreeSet;
use switchboard::embedded;
use switchboard::rebuild::{Collision, Rebuilt, Step, rebuild};
use tests::App;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// How texts were compared before decision E1, as it was.
fn old_fold(text: &str) -> String {
    let folded: String = text
        .nfkd()
        .filter(|letter| !is_combining_mark(*letter))
        .flat_map(char::to_lowercase)
        .filter(|letter| !is_combining_mark(*letter) && !letter.is_control())
        .collect();
    folded.trim_end().to_owned()
}

/// What a test's database is told.
fn perform(app: &App, action: &str, table: Table, mut request: Value) {
    request["TableName"] = json!(app.app.store.table_name(table));
    let (status, body) = embedded::perform(&app.database, action, request.to_string().as_bytes());
    assert_eq!(status, 200, "{body}");
}

fn put(app: &App, table: Table, item: &Value) {
    perform(app, "PutItem", table, json!({ "Item": item }));
}

fn delete(app: &App, table: Table, item: &Value) {
    let mut key = json!({ "pk": item["pk"] });
    if let Some(sk) = item.get("sk") {
        key["sk"] = sk.clone();
    }
    perform(app, "DeleteItem", table, json!({ "Key": key }));
}

fn text<'a>(item: &'a Value, name: &str) -> Option<&'a str> {
    item[name]["S"].as_str()
}

/// A change of texts as if they had been given before: what is stored, and what it was meant to be.
type Meant = [(&'static str, &'static str)];

/// Writes everything as the earlier version would have: other texts where two could be different, sort keys, look-ups,
/// guards and search entries by the earlier fold.
fn age(app: &App, meant: &Meant) {
    let old_text = |value: &str| {
        meant.iter().find(|(now, _)| *now == value).map_or_else(|| value.to_owned(), |(_, then)| (*then).to_owned())
    };
    let items = app.items();
    for (table, item) in &items {
        let (pk, sk) = (text(item, "pk").unwrap(), text(item, "sk").unwrap_or_default());
        let is_guard = ["E#", "AE#"].iter().any(|start| pk.starts_with(start))
            || ["SKNAME#", "QNAME#"].iter().any(|start| sk.starts_with(start));
        if pk.starts_with("G#") || is_guard {
            delete(app, *table, item);
        }
    }
    for (table, mut item) in items {
        let (pk, sk) = (text(&item, "pk").unwrap().to_owned(), text(&item, "sk").unwrap_or_default().to_owned());
        match table {
            // No list shows the bot, and no search.
            Table::Stepchat if pk.starts_with("U#") && sk == "P" && item.get("lp").is_some() => {
                age_profile(app, &mut item, &old_text);
            }
            Table::Stepchat if pk.starts_with("U#") && sk.starts_with("D#") => {
                let value = old_text(text(&item, "val").unwrap());
                let owner = pk.trim_start_matches("U#").to_owned();
                item["vs"] = json!({ "S": format!("{}\0{owner}", old_fold(&value)) });
                item["val"] = json!({ "S": value });
                item["g"] = json!({ "S": post(app, table, "other", &value, &owner) });
                put(app, table, &item);
            }
            Table::Voximplant => age_voximplant(app, &mut item, &pk, &sk, &old_text),
            Table::Auth if pk.starts_with("A#") => {
                let address = old_fold(&old_text(text(&item, "account_email").unwrap()));
                item["account_email"] = json!({ "S": address });
                put(app, table, &item);
            }
            _ => {}
        }
    }
}

/// An earlier version's search entries of a text; their stamp.
fn post(app: &App, table: Table, list: &str, value: &str, owner: &str) -> String {
    let stamp = format!("{:016x}", fastrand::u64(..));
    let owner: u64 = owner.trim_start_matches('0').parse().unwrap();
    for token in old_fold(value).split_whitespace() {
        let letters: Vec<char> = token.chars().collect();
        for start in 0..letters.len() {
            let rest: String = letters[start + 1..].iter().take(7).collect();
            let pk = format!("G#{list}#{}", letters[start]);
            let uid = json!({ "N": owner.to_string() });
            put(app, table, &json!({ "pk": { "S": pk }, "sk": { "S": format!("{rest}\0{stamp}") }, "uid": uid }));
        }
    }
    stamp
}

fn old_sort_key(value: &str, id: &str) -> Value {
    json!({ "S": format!("1{}\0{id}", old_fold(value)) })
}

fn age_profile(app: &App, item: &mut Value, old_text: &dyn Fn(&str) -> String) {
    let id = text(item, "pk").unwrap().trim_start_matches("U#").to_owned();
    for (name, sort, mark, list) in [
        ("first", "s_first", "g_first", "name"),
        ("last", "s_last", "g_last", "name"),
        ("email", "s_email", "g_email", "other"),
    ] {
        let Some(value) = text(item, name).map(old_text).filter(|value| !value.is_empty()) else { continue };
        item[sort] = old_sort_key(&value, &id);
        item[mark] = json!({ "S": post(app, Table::Stepchat, list, &value, &id) });
        if name == "email" {
            let uid = item["id"].clone();
            let guard = format!("E#{}", old_fold(&value));
            put(app, Table::Stepchat, &json!({ "pk": { "S": guard }, "sk": { "S": "E" }, "uid": uid }));
        }
        item[name] = json!({ "S": value });
    }
    put(app, Table::Stepchat, item);
}

fn age_voximplant(app: &App, item: &mut Value, pk: &str, sk: &str, old_text: &dyn Fn(&str) -> String) {
    let table = Table::Voximplant;
    let account = pk.trim_start_matches("A#").split('#').next().unwrap_or_default().to_owned();
    let guard = |pk: String, sk: String, name: &str, id: &Value| {
        put(app, table, &json!({ "pk": { "S": pk }, "sk": { "S": sk }, name: id }));
    };
    if sk == "A" {
        let address = old_text(text(item, "email").unwrap());
        guard(format!("AE#{}", old_fold(&address)), "AE".into(), "account", &item["id"]);
        item["email"] = json!({ "S": address });
    } else if sk.starts_with("SK#") && item.get("sname").is_some() {
        let name = old_text(text(item, "sname").unwrap());
        guard(pk.into(), format!("SKNAME#{name}"), "id", &item["id"]);
        item["sname"] = json!({ "S": name });
    } else if sk == "P" {
        let id = pk.rsplit('#').next().unwrap().to_owned();
        let (name, display) = (text(item, "uname").unwrap().to_owned(), old_text(text(item, "display").unwrap()));
        item["s_name"] = json!({ "S": format!("1{name}\0{id}") });
        item["s_display"] = old_sort_key(&display, &id);
        item["g_name"] = json!({ "S": post(app, table, &format!("name#{account}"), &name, &id) });
        item["g_display"] = json!({ "S": post(app, table, &format!("display#{account}"), &display, &id) });
        item["display"] = json!({ "S": display });
    } else {
        return;
    }
    put(app, table, item);
}

async fn rebuilt(app: &App) -> Rebuilt {
    let (mut users, mut items) = (0, 0);
    let done = rebuild(&app.app, |step| match step {
        Step::User => users += 1,
        Step::Items(number) => items += number,
    });
    let done = done.await.unwrap();
    assert_eq!(users, done.users);
    assert!(items > 0);
    done
}

/// What must be as if the present version had written everything.
fn assert_nothing_is_left(app: &App) {
    for (_, item) in app.items() {
        let (pk, sk) = (text(&item, "pk").unwrap(), text(&item, "sk").unwrap_or_default());
        assert!(!pk.starts_with("G#") || sk.rsplit('\0').next().unwrap().starts_with("2."), "{item}");
        for (name, place) in [("first", "s_first"), ("email", "s_email"), ("display", "s_display"), ("uname", "s_name")]
        {
            let (Some(value), Some(key)) = (text(&item, name), text(&item, place)) else { continue };
            let expected = format!("1{}\0", collation_key(&fold(value)));
            assert!(key.starts_with(&expected), "{place} {item}");
        }
    }
}

async fn ids_found(app: &App, search: &str) -> BTreeSet<String> {
    let rows = app.stepchat("search-users", json!({ "search": search })).await.response();
    rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

async fn id_by(app: &App, by: &str, value: &str) -> Value {
    let answer = app.stepchat("get-user-by", json!({ "by": by, "value": value })).await;
    answer.response()["id"].clone()
}

#[tokio::test]
async fn users_of_an_earlier_comparison_are_found_ordered_and_told_apart_by_the_present_one() {
    let app = App::new().await;
    let mut ids = Vec::new();
    for (first, email, city) in [
        ("Anna", "first@x.y", "Łódź"),
        ("रमा", "soren@x.y", "Straße"),
        ("राम", "андрей@x.y", "कमल"),
        ("Інна", "plain@x.y", "Київ"),
        ("Ґанна", "other@x.y", "Ёлкино"),
    ] {
        let fields = json!({ "first_name": first, "last_name": "", "email": email, "extra": { "city": city } });
        ids.push(app.add_stepchat_user(fields).await);
    }
    app.stepchat("update-bot", json!({ "name": "Bot" })).await.response();
    // What is equal now could be different before: the older user, by its number, keeps the address.
    age(&app, &[("first@x.y", "søren@x.y")]);
    assert!(ids_found(&app, "lodz").await.is_empty(), "the earlier look-up is by other keys");
    app.wait_millis(60_000);
    let done = rebuilt(&app).await;
    let [first, second] = [&ids[0], &ids[1]].map(|id| UserId::parse(id).unwrap());
    let shared = Collision::StepChat(Shared::Email { user: second, keeper: first });
    assert_eq!(done.collisions, BTreeSet::from([shared.clone()]));
    assert!(done.changed >= 6 && done.entries > 50 && done.left > 0, "{done:?}");
    assert_nothing_is_left(&app);

    // Nobody is lost, and everybody is found by the present comparison.
    for address in ["soren@x.y", "SØREN@x.y"] {
        assert_eq!(id_by(&app, "email", address).await, ids[0].as_str());
    }
    assert_eq!(id_by(&app, "first_name", "रमा").await, ids[1].as_str());
    assert_eq!(id_by(&app, "first_name", "राम").await, ids[2].as_str());
    assert_eq!(id_by(&app, "city", "LODZ").await, ids[0].as_str());
    assert_eq!(id_by(&app, "city", "strasse").await, ids[1].as_str());
    assert_eq!(id_by(&app, "email", "Андрей@x.y").await, ids[2].as_str());
    assert_eq!(ids_found(&app, "soren").await, BTreeSet::from([ids[0].clone(), ids[1].clone()]));
    assert_eq!(ids_found(&app, "елк").await, BTreeSet::from([ids[4].clone()]));
    let fields = json!({ "sorting": ["first_name", "ASC"], "user_types": ["user"] });
    let rows = app.stepchat("get-users", fields).await.response();
    let order: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["first_name"].as_str().unwrap()).collect();
    assert_eq!(order, ["Anna", "Ґанна", "Інна", "रमा", "राम"]);

    // Again it finds nothing to do, and says again what is shared.
    let again = rebuilt(&app).await;
    assert_eq!(again, Rebuilt { users: done.users, collisions: done.collisions, ..Rebuilt::default() });

    // The address stays with the one who keeps it, whatever becomes of the other.
    app.stepchat("update-user", json!({ "user_id": ids[1], "last_name": "S" })).await.response();
    app.stepchat("delete-user", json!({ "user_id": ids[1] })).await.response();
    app.run_jobs().await;
    assert_eq!(id_by(&app, "email", "soren@x.y").await, ids[0].as_str());
    let taken = app.stepchat("add-user", json!({ "email": "Søren@x.y" })).await;
    assert_eq!(taken.code(), json!("duplicate-email"));
    assert!(rebuilt(&app).await.collisions.is_empty());
}

#[tokio::test]
async fn an_address_becomes_its_second_owners_when_the_first_one_goes() {
    let app = App::new().await;
    let mut ids = Vec::new();
    for email in ["soren@x.y", "second@x.y", "third@x.y"] {
        ids.push(app.add_stepchat_user(json!({ "first_name": "A", "email": email })).await);
    }
    age(&app, &[("second@x.y", "søren@x.y"), ("third@x.y", "s\u{200b}oren@x.y")]);
    // One of them alone, as in a run that was interrupted.
    let last = UserId::parse(&ids[2]).unwrap();
    users::user(&app.app.store, last, app.app.clock.now()).await.unwrap().unwrap();
    assert_eq!(rebuilt(&app).await.collisions.len(), 2);
    // Whoever gets another address has it alone.
    app.stepchat("update-user", json!({ "user_id": ids[1], "email": "own@x.y" })).await.response();
    assert_eq!(id_by(&app, "email", "own@x.y").await, ids[1].as_str());
    assert_eq!(id_by(&app, "email", "soren@x.y").await, ids[0].as_str());
    app.stepchat("delete-user", json!({ "user_id": ids[0] })).await.response();
    assert_eq!(rebuilt(&app).await.collisions.len(), 0);
    assert_eq!(id_by(&app, "email", "soren@x.y").await, ids[2].as_str());
    app.stepchat("delete-user", json!({ "user_id": ids[2] })).await.response();
    app.run_jobs().await;
    let free = app.stepchat("add-user", json!({ "email": "soren@x.y" })).await;
    assert!(free.response().is_u64(), "{}", free.text);
}

#[tokio::test]
async fn accounts_skills_and_telephone_users_are_brought_along() {
    let app = App::new().await;
    let mut accounts: Vec<Account> = Vec::new();
    for (name, email) in [("north", "one@x.y"), ("south", "odegard@x.y")] {
        accounts.push(app.operator.create_account(name, email, "USD", None).await.unwrap());
    }
    let key = app.operator.create_api_key(&accounts[0]).await.unwrap();
    for name in ["first", "Ёлка"] {
        app.voximplant("AddSkill", json!({ "skill_name": name })).await.json();
    }
    for (name, display) in [("a_bc", "Ґанна"), ("a-bc", "Дарина"), ("abc", "Андрей")] {
        app.add_voximplant_user(name, json!({ "user_display_name": display })).await;
    }
    age(&app, &[("one@x.y", "ØDEGÅRD@x.y"), ("first", "елка")]);
    let done = rebuilt(&app).await;
    let expected = [
        Collision::Account(accounts[1].id, accounts[0].id),
        Collision::Name(app.account.id, "skill", 2, 1, "Ёлка".into()),
    ];
    assert_eq!(done.collisions, BTreeSet::from(expected));
    assert_nothing_is_left(&app);
    let names = async |order: &str| -> Vec<String> {
        let answer = app.voximplant("GetUsers", json!({ "order_by": order })).await.json();
        let rows = answer["result"].as_array().unwrap().iter();
        rows.map(|row| row["user_name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("user_name").await, ["a_bc", "a-bc", "abc"]);
    assert_eq!(names("user_display_name").await, ["abc", "a_bc", "a-bc"]);
    let parts = async |part: &str| {
        let answer = app.voximplant("GetUsers", json!({ "user_display_name": part })).await.json();
        answer["total_count"].clone()
    };
    assert_eq!((parts("ґан").await, parts("рей").await, parts("реи").await), (json!(1), json!(1), json!(0)));
    let taken = app.voximplant("AddSkill", json!({ "skill_name": "ЁЛКА" })).await.json();
    assert_eq!(taken["error"]["code"], 221);
    // The account is named by its address, as it is compared now.
    let fields = json!({ "account_email": "odegard@X.y", "api_key": key });
    let form = tests::app::encode(fields.as_object().unwrap());
    let info = app.post("/platform_api/GetAccountInfo", form).await.json();
    assert_eq!(info["result"]["account_id"], accounts[0].id.get(), "{info}");
    let again = rebuilt(&app).await;
    assert_eq!((again.changed, again.guards, again.entries, again.left), (0, 0, 0, 0));
    let exists = app.operator.create_account("third", "odegård@x.y", "USD", None).await;
    assert!(exists.is_err());
}

/// Phone numbers were compared with their blanks and brackets (before decision E17).
#[tokio::test]
async fn a_phone_number_is_found_by_its_digits_afterwards() {
    let app = App::new().await;
    let id = app.add_stepchat_user(json!({ "extra": { "phone": "+7 (919) 1" } })).await;
    let padded = format!("{id:0>12}");
    for (table, mut item) in app.items() {
        let (pk, sk) = (text(&item, "pk").unwrap().to_owned(), text(&item, "sk").unwrap_or_default().to_owned());
        if pk == "F#79191" {
            delete(&app, table, &item);
            item["pk"] = json!({ "S": "F#7 (919) 1" });
        } else if pk == format!("U#{padded}") && sk == "P" {
            item["phone"] = json!({ "S": "7 (919) 1" });
        } else if pk == format!("U#{padded}") && sk == "D#phone" {
            item["vs"] = json!({ "S": format!("+7 (919) 1\0{padded}") });
            item.as_object_mut().unwrap().remove("n");
        } else {
            continue;
        }
        put(&app, table, &item);
    }
    let user = UserId::parse(&id).unwrap();
    for changed in [true, false] {
        let rebuilt = users::user(&app.app.store, user, app.app.clock.now()).await.unwrap().unwrap();
        assert_eq!((rebuilt.changed, rebuilt.collisions.len()), (changed, 0));
    }
    let found = app.stepchat("get-user-by", json!({ "by": "phone", "value": "0079191" })).await.response();
    assert_eq!(found["id"], json!(id));
    let twice = app.stepchat("add-user", json!({ "extra": { "phone": "7-919-1" } })).await;
    assert_eq!(twice.code(), "duplicate-phone");
    let guards: Vec<Value> = app.items().into_iter().map(|(_, item)| item["pk"]["S"].clone()).collect();
    assert_eq!(guards.iter().filter(|pk| pk.as_str().unwrap().starts_with("F#")).count(), 1, "{guards:?}");
}

/// From before there were copies of admins' tokens, steps of last activity, and extras without an index entry.
#[tokio::test]
async fn tokens_get_their_copies_and_what_finds_nobody_leaves_its_index() {
    let app = App::new().await;
    let user = app.add_stepchat_user(json!({})).await;
    app.stepchat("current-url", json!({ "user_id": user, "url": "https://example.com/" })).await.response();
    let copies = || app.items().into_iter().filter(|(_, item)| text(item, "pk").unwrap().starts_with("T#"));
    let before: Vec<(Table, Value)> = copies().collect();
    assert_eq!(before.len(), 4);
    for (table, copy) in before.iter().filter(|(_, copy)| text(copy, "pk").unwrap().matches('#').count() > 1) {
        delete(&app, *table, copy);
    }
    assert_eq!(copies().count(), 1, "as an earlier state kept them");
    let items = app.items();
    let mut visit = items.iter().find(|(_, item)| text(item, "sk") == Some("D#current_url")).unwrap().1.clone();
    visit["vp"] = json!({ "S": "current_url" });
    visit["vs"] = json!({ "S": format!("https://example.com/\0{user:0>12}") });
    put(&app, Table::Stepchat, &visit);
    let mut profile = items
        .iter()
        .find(|(_, item)| text(item, "s_active").is_some_and(|key| key.ends_with(&format!("{user:0>12}"))))
        .unwrap()
        .1
        .clone();
    let (stepped, exact) =
        (profile["s_active"].clone(), format!("1{:012}\0{user:0>12}", app.app.clock.now().seconds()));
    profile["s_active"] = json!({ "S": exact });
    put(&app, Table::Stepchat, &profile);
    assert_eq!(rebuilt(&app).await.changed, 2);
    let now: Vec<(Table, Value)> = copies().collect();
    assert_eq!(now, before);
    let items = app.items();
    let item = |sk: &str, pk: &Value| {
        items.iter().find(|(_, item)| text(item, "sk") == Some(sk) && item["pk"] == *pk).unwrap().1.clone()
    };
    let visit = item("D#current_url", &visit["pk"]);
    assert!(visit.get("vp").is_none() && visit.get("vs").is_none(), "{visit}");
    assert_eq!(item("P", &profile["pk"])["s_active"], stepped);
    // Whichever copy a call reads.
    for _ in 0..20 {
        app.stepchat("count-users", json!({})).await.response();
    }
    assert_eq!(rebuilt(&app).await.changed, 0, "what is right is only read");
}

/// All copies go with the token: a call reads any of them.
#[tokio::test]
async fn of_a_token_that_opens_nothing_any_more_no_copy_is_left() {
    let app = App::new().await;
    for function in ["delete-user", "update-user"] {
        let admin = app.add_stepchat_user(json!({ "user_type": "admin" })).await;
        let row = app.stepchat("get-user", json!({ "user_id": admin })).await.response();
        let token = row["token"].as_str().unwrap();
        app.stepchat("count-users", json!({ "token": token })).await.response();
        let fields = json!({ "user_id": admin, "user_type": "agent" });
        app.stepchat(function, fields).await.response();
        for _ in 0..20 {
            let refused = app.stepchat("count-users", json!({ "token": token })).await;
            assert_eq!(refused.code(), "invalid-token", "{function}");
        }
    }
    let copies = app.items().into_iter().filter(|(_, item)| text(item, "pk").unwrap().starts_with("T#")).count();
    assert_eq!(copies, 4, "those of the first admin");
}
