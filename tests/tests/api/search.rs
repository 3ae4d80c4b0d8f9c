//! Searches against a naive model, at whatever limits, and what they cost.

use super::gate::Gate;
use fastrand::Rng;
use serde_json::{Value, json};
use shared::ids::UserId;
use shared::stepchat::{Detail, DetailValue, Email, Name, NewUser, Search, Slug, UserType};
use shared::store::auth::TokenHash;
use shared::store::search::Limits;
use shared::store::stepchat::counters::LeadCounter;
use shared::store::stepchat::creation;
use shared::store::stepchat::finding;
use shared::store::stepchat::lists::{Column, SortOrder};
use shared::store::stepchat::users::{self, Secrets};
use shared::store::{Store, Table};
use shared::text::fold;
use std::time::Duration;
use switchboard::embedded;
use switchboard::load::Load;
use tests::App;
use tests::seeds::Seeds;

/// Few letters, so that much is found; of many scripts, with case, accents, width, and characters that are several.
const LETTERS: [&str; 14] = ["a", "A", "b", "é", "я", "Я", "ё", "王", "ก็", "ß", "ﷺ", "Ｉ", "1", "-"];
const TYPES: [&str; 5] = ["visitor", "lead", "user", "agent", "admin"];
const COLUMNS: [(&str, Column); 4] = [
    ("first_name", Column::FirstName),
    ("email", Column::Email),
    ("creation_time", Column::CreationTime),
    ("user_type", Column::UserType),
];
/// All by search entries; by an index and search entries; by an index alone; and what no test can reach by accident.
const LIMITS: [(usize, usize); 5] = [(50_000, 500), (50_000, 2), (1, 1_000), (4, 1), (9, 3)];

fn text(rng: &mut Rng, most: usize) -> String {
    let letter = |rng: &mut Rng| if rng.u8(0..9) == 0 { " " } else { LETTERS[rng.usize(0..LETTERS.len())] };
    (0..rng.usize(0..=most)).map(|_| letter(rng)).collect()
}

fn fields(rng: &mut Rng, number: usize) -> Value {
    let mut fields = json!({
        "first_name": text(rng, 6), "last_name": text(rng, 14), "user_type": TYPES[rng.usize(0..4)],
        "extra": { "city": text(rng, 12), "note": text(rng, 30), "current_url": text(rng, 9) },
    });
    if rng.bool() {
        fields["email"] = json!(format!("{}@{number}.{}", text(rng, 4), text(rng, 3)));
    }
    fields
}

/// What the page says, word for word: any word in a name, the first word in the address or an extra. A search of blanks
/// asks for nothing and finds everybody; one of ignorable characters finds nobody.
fn naive(row: &Value, words: &[String], asks_nothing: bool) -> bool {
    let folded = |value: &Value| fold(value.as_str().unwrap_or_default());
    let extras = row["extra"].as_object().into_iter().flatten();
    let mut extras = extras.filter(|(slug, _)| *slug != "current_url").map(|(_, value)| folded(value));
    let Some(first) = words.first() else { return asks_nothing };
    words.iter().any(|word| folded(&row["first_name"]).contains(word) || folded(&row["last_name"]).contains(word))
        || folded(&row["email"]).contains(first)
        || extras.any(|extra| extra.contains(first))
}

fn ids(rows: &Value) -> Vec<u64> {
    rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().parse().unwrap()).collect()
}

async fn found(store: &Store, search: &str, types: &[UserType], order: SortOrder) -> Vec<u64> {
    let search = Search::parse(search);
    let mut found = finding::find(store, &search, types, order).await.unwrap();
    let mut ids = Vec::new();
    while let Some(users) = found.more().await.unwrap() {
        ids.extend(users.iter().map(|user| user.id.get()));
    }
    ids
}

/// A few users who come, change and go; then searches of one to three words, most of them parts of what somebody has.
async fn model(seed: u64) -> Result<(), String> {
    let mut rng = Rng::with_seed(seed);
    let app = App::new().await;
    let mut there: Vec<String> = Vec::new();
    for number in 0..12 {
        there.push(app.add_stepchat_user(fields(&mut rng, number)).await);
    }
    for number in 12..20 {
        let place = rng.usize(0..there.len());
        if rng.u8(0..4) == 0 {
            let gone = there.swap_remove(place);
            app.stepchat("delete-user", json!({ "user_id": gone })).await.response();
        } else {
            let mut change = fields(&mut rng, number);
            change["user_id"] = json!(there[place]);
            app.stepchat("update-user", change).await.response();
        }
    }
    app.stepchat("update-bot", json!({ "name": LETTERS.concat() })).await.response();
    for _ in 0..10 {
        let (name, column) = COLUMNS[rng.usize(0..COLUMNS.len())];
        let descending = rng.bool();
        let types: Vec<usize> = (0..5).filter(|_| rng.u8(0..3) > 0).collect();
        let named: Vec<&str> = types.iter().map(|kind| TYPES[*kind]).collect();
        let kinds: Vec<UserType> = types.iter().map(|kind| UserType::LISTED[*kind]).collect();
        let sorting = [name, if descending { "DESC" } else { "ASC" }];
        let every = json!({ "sorting": sorting, "extra": true });
        let all = app.stepchat("get-users", every).await.response();
        let search = term(&mut rng, &all);
        let words: Vec<String> = fold(&search).split_whitespace().map(str::to_owned).collect();
        let matching: Vec<Value> = all
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| naive(row, &words, search.trim().is_empty()))
            .cloned()
            .collect();
        let wanted = matching.iter().filter(|row| named.contains(&row["user_type"].as_str().unwrap()));
        let expected = ids(&Value::Array(wanted.cloned().collect()));
        for (entries, together) in LIMITS {
            let store = app.app.store.clone().searching(Limits { entries, together });
            let listed = found(&store, &search, &kinds, SortOrder::by(column, descending)).await;
            if listed != expected {
                let limits = (entries, together);
                return Err(format!("{search:?} {sorting:?} {named:?} {limits:?}: {listed:?}, expected {expected:?}"));
            }
        }
        let fields = json!({ "sorting": sorting, "user_types": named, "search": search });
        // No type at all means every type.
        let expected = if named.is_empty() { ids(&Value::Array(matching.clone())) } else { expected };
        let listed = ids(&app.stepchat("get-users", fields).await.response());
        if listed != expected {
            return Err(format!("get-users {search:?} {sorting:?} {named:?}: {listed:?}, expected {expected:?}"));
        }
        let mut expected = ids(&Value::Array(matching));
        // Everybody was created in the same second.
        expected.sort_unstable_by(|left, right| right.cmp(left));
        let listed = ids(&app.stepchat("search-users", json!({ "search": search })).await.response());
        if listed != expected {
            return Err(format!("search-users {search:?}: {listed:?}, expected {expected:?}"));
        }
    }
    Ok(())
}

/// One to three words; most of them are somewhere.
fn term(rng: &mut Rng, rows: &Value) -> String {
    let rows = rows.as_array().unwrap();
    let word = |rng: &mut Rng| {
        let row = &rows[rng.usize(0..rows.len())];
        let texts =
            [&row["first_name"], &row["last_name"], &row["email"], &row["extra"]["city"], &row["extra"]["note"]];
        let whole: Vec<char> = texts[rng.usize(0..texts.len())].as_str().unwrap_or_default().chars().collect();
        let start = rng.usize(0..=whole.len());
        let length = [1, 1, 2, 3, 4, 6, 9, 20][rng.usize(0..8)];
        let part: String = whole[start..].iter().take(length).collect();
        if part.trim().is_empty() || rng.u8(0..6) == 0 { text(rng, 3) } else { part }
    };
    let words: Vec<String> = (0..rng.usize(1..=3)).map(|_| word(rng)).collect();
    words.join(" ")
}

/// `SEARCH_MODEL_SEEDS=0..1000` for more; a failure names its seed.
#[test]
fn searches_find_what_the_naive_model_finds_in_its_order_at_any_limits() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    Seeds::asked("SEARCH_MODEL_SEEDS", 0..200, Duration::from_secs(30)).hold(|seed| runtime().block_on(model(seed)));
}

/// Loads users like those of a real workspace: much in common, and ten who are looked for.
pub(super) async fn workspace(population: u64) -> App {
    let app = App::new().await;
    let mut load = Load::default();
    for number in 2..2 + population {
        let id = UserId::new(number).unwrap();
        let looked_for = number % (population / 10) == 0;
        let name = |text: &str| Some(Name::parse(text).unwrap());
        let new = NewUser {
            first_name: name(["Анна", "Иван", "Ольга"][usize::try_from(number % 3).unwrap()]),
            last_name: name(if looked_for { "Щёголев" } else { "Иванова" }),
            email: Some(Email::parse(&format!("user{number}@example.com")).unwrap()),
            ..NewUser::default()
        };
        let user = new.into_user(id, app.app.clock.now(), &Name::parse("x").unwrap(), 0);
        let phone = format!("+7916{:07}", (number * 7_919) % 10_000_000);
        let slug = Slug::parse("phone").unwrap();
        let details = [Detail { slug, name: "Phone".into(), value: DetailValue::parse(&phone).unwrap().unwrap() }];
        let secrets = Secrets { password: None, token: TokenHash::of("token") };
        load.add(creation::of(&user, &details, &secrets, true, &LeadCounter::unread()).unwrap()).unwrap();
    }
    app.load(load).await;
    app
}

/// Rows found, read units, round trips.
pub(super) async fn cost(app: &App, function: &str, fields: Value) -> (usize, f64, u64) {
    let rows = app.stepchat(function, fields).await.response().as_array().unwrap().len();
    let line = app.last_line();
    (rows, line["read_units"].as_f64().unwrap(), line["round_trips"].as_u64().unwrap())
}

#[tokio::test]
async fn the_cost_follows_what_is_found_and_not_how_many_users_there_are() {
    let (small, large) = (workspace(50).await, workspace(1_000).await);
    for (search, hits) in [("щеголев", 10), ("голе", 10), ("nobody щёг", 10), ("ser27@", 1), ("user27@example.com", 1)]
    {
        let fields = json!({ "search": search });
        let few = cost(&small, "search-users", fields.clone()).await;
        let many = cost(&large, "search-users", fields).await;
        assert_eq!((few.0, many.0), (hits, hits), "{search}");
        assert!(many.1 <= few.1 * 1.2 && few.1 <= many.1 * 1.2, "{search}: {few:?}, {many:?}");
        assert_eq!(few.2, many.2, "{search}");
        let listed = json!({ "search": search, "sorting": ["email", "ASC"] });
        let few = cost(&small, "get-users", listed.clone()).await;
        let many = cost(&large, "get-users", listed).await;
        assert!(many.1 <= few.1 * 1.2 && few.1 <= many.1 * 1.2, "get-users {search}: {few:?}, {many:?}");
    }
    // Half of everybody: a page, and the keys of the way to it.
    let (rows, units, _) = cost(&large, "get-users", json!({ "search": "user" })).await;
    assert_eq!(rows, 100);
    assert!(units < 300.0, "{units}");
}

#[tokio::test]
async fn a_search_goes_on_behind_a_cursor_though_its_user_has_gone() {
    let app = App::new().await;
    let mut users = Vec::new();
    for number in 0..5 {
        app.wait_millis(700);
        users.push(app.add_stepchat_user(json!({ "first_name": format!("Юля{number}") })).await);
    }
    let newest = SortOrder::by(Column::CreationTime, true);
    let user = UserId::parse(&users[3]).unwrap();
    let place = newest.place(&users::find_profile(&app.app.store, user).await.unwrap().unwrap());
    app.stepchat("delete-user", json!({ "user_id": users[3] })).await.response();
    for limits in [(50_000, 1_000), (1, 1)] {
        let order = SortOrder { after: Some(place.clone()), ..newest.clone() };
        let store = app.app.store.clone().searching(Limits { entries: limits.0, together: limits.1 });
        let listed = found(&store, "юля", &UserType::LISTED, order).await;
        let expected: Vec<u64> = users[..3].iter().rev().map(|id| id.parse().unwrap()).collect();
        assert_eq!(listed, expected);
    }
    let rows = app.stepchat("search-users", json!({ "search": "юля", "cursor": place.text() })).await.response();
    assert_eq!(ids(&rows), users[..3].iter().rev().map(|id| id.parse().unwrap()).collect::<Vec<u64>>());
    for junk in ["7", "x-7", "MTIzNDU2Nzg5MDFi", "/////////////////w"] {
        let refused = app.stepchat("search-users", json!({ "search": "юля", "cursor": junk })).await;
        assert_eq!(refused.code(), json!("invalid-cursor"), "{junk}");
    }
}

#[tokio::test]
async fn texts_of_any_length_are_found_and_their_search_entries_go_with_them() {
    let app = App::new().await;
    let entries = || app.items().into_iter().filter(|(_, item)| item["pk"]["S"].as_str().unwrap().starts_with("G#"));
    let before = entries().count();
    // Repeated and random, below and above what is cut into grams.
    let mut rng = Rng::with_seed(7);
    let random = |rng: &mut Rng, length: usize| (0..length).map(|_| rng.lowercase()).collect::<String>();
    let texts = ["слово ".repeat(1_300), random(&mut rng, 900), random(&mut rng, 9_000), "王".repeat(20_000)];
    for long in &texts {
        let id = app.add_stepchat_user(json!({ "first_name": "L", "last_name": "", "extra": { "note": long } })).await;
        let letters: Vec<char> = long.trim_end().chars().collect();
        for part in
            [&letters[letters.len() - 5..], &letters[100..105], &letters[letters.len() - 60..letters.len() - 30]]
        {
            let part: String = part.iter().collect();
            let rows = app.stepchat("search-users", json!({ "search": part.trim() })).await.response();
            assert!(ids(&rows).contains(&id.parse().unwrap()), "{}", part.trim());
        }
        let nothing = app.stepchat("search-users", json!({ "search": "Щ" })).await.response();
        assert_eq!(nothing, json!([]));
        app.stepchat("delete-user", json!({ "user_id": id })).await.response();
        app.run_jobs_to_the_end().await;
        assert_eq!(entries().count(), before);
    }
    let many: String = (0..40).map(|n| format!("w{n} ")).collect();
    let id = app.add_stepchat_user(json!({ "first_name": "w39" })).await;
    let rows = app.stepchat("search-users", json!({ "search": many })).await.response();
    assert_eq!(ids(&rows), [id.parse::<u64>().unwrap()]);
}

#[tokio::test]
async fn a_change_writes_search_entries_of_what_it_changes_only() {
    let app = App::new().await;
    let extra = json!({ "city": "Санкт-Петербург", "phone": "+79161234567" });
    let id = app
        .add_stepchat_user(json!({ "first_name": "Александра", "email": "alexandra@example.com", "extra": extra }))
        .await;
    let update = async |fields: Value| {
        let mut fields = fields;
        fields["user_id"] = json!(id);
        app.stepchat("update-user", fields).await.response();
        let line = app.last_line();
        (line["write_units"].as_f64().unwrap(), line["round_trips"].as_u64().unwrap())
    };
    let (unchanged, trips) = update(json!({ "department": 3 })).await;
    assert_eq!(trips, 2);
    // Compares equal, so the search entries stay.
    assert_eq!(update(json!({ "first_name": "АЛЕКСАНДРА" })).await.1, 2);
    let (renamed, trips) = update(json!({ "first_name": "Яна" })).await;
    assert_eq!(trips, 4);
    assert!(renamed < unchanged + 20.0, "{renamed}, {unchanged}");
    assert_eq!(update(json!({ "user_type": "agent" })).await.1, 2);
}

/// How many search entries there are.
fn entries(app: &App) -> usize {
    app.items().into_iter().filter(|(_, item)| item["pk"]["S"].as_str().unwrap().starts_with("G#")).count()
}

/// The dearest calls of each method that writes texts: no more entries than a call may write (decision E9), in a time that a
/// request has.
#[tokio::test]
async fn no_call_writes_more_search_index_entries_than_it_may() {
    let app = App::new().await;
    let mut rng = Rng::with_seed(11);
    let mut extras = |count: usize, length: usize| -> Value {
        let mut text = || -> String { (0..length).map(|_| rng.lowercase()).collect() };
        Value::Object((0..count).map(|number| (format!("extra-{number}"), json!(text()))).collect())
    };
    // One character that is compared as eighteen.
    let ligatures = "ﷺ".repeat(100);
    let address = format!("{}@x.y", "ﷺ".repeat(150));
    let mut there = entries(&app);
    let mut added = |app: &App| {
        let before = std::mem::replace(&mut there, entries(app));
        there - before
    };
    let began = std::time::Instant::now();
    let extra = extras(30, 8_000);
    let fields = json!({ "first_name": "Anna", "last_name": "Long", "email": "long@x.y", "extra": extra });
    let id = app.add_stepchat_user(fields).await;
    let entries = added(&app);
    assert!((1_900..=2_000).contains(&entries), "{entries}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let extra = extras(30, 7_000);
    let fields = json!({ "first_name": &ligatures, "last_name": &ligatures, "email": &address, "extra": extra });
    app.add_stepchat_user(fields).await;
    let entries = added(&app);
    assert!((500..=2_000).contains(&entries), "{entries}");
    // Everything changes at once.
    let fields = json!({ "user_id": id, "first_name": "Bea", "email": "new@x.y", "settings_extra": extras(60, 4_000) });
    app.stepchat("update-user", fields).await.response();
    let entries = added(&app);
    assert!((1_900..=2_000).contains(&entries), "{entries}");
    let phone = app.add_voximplant_user("aaa", json!({ "user_display_name": "ﷺ".repeat(200) })).await;
    let display: String = (0..250).map(|number| char::from_u32(0x4e00 + number).unwrap()).collect();
    app.voximplant("SetUserInfo", json!({ "user_id": phone, "user_display_name": display })).await.json();
    assert!(added(&app) <= 4_000);
    let answer = app.voximplant("GetUsers", json!({ "user_display_name": "乡" })).await.json();
    assert_eq!(answer["result"][0]["user_id"], phone, "{answer}");
}

/// The SDK sends a message again that got no answer; the first copy may arrive when all is over.
#[tokio::test]
async fn search_entries_that_arrive_once_more_after_a_delete_do_not_stay() {
    let app = App::new().await;
    let user = app.add_stepchat_user(json!({ "first_name": "Latecomer", "extra": { "note": "canary" } })).await;
    let phone = app.add_voximplant_user("latecomer", json!({ "user_display_name": "Latecomer" })).await;
    let entries = || app.items().into_iter().filter(|(_, item)| item["pk"]["S"].as_str().unwrap().starts_with("G#"));
    let message: Vec<_> = entries().collect();
    assert!(message.len() > 20);
    app.stepchat("delete-user", json!({ "user_id": user })).await.response();
    app.voximplant("DelUser", json!({ "user_id": phone })).await.json();
    app.run_jobs().await;
    for (table, item) in &message {
        let request = json!({ "TableName": table.as_str(), "Item": item }).to_string();
        assert_eq!(embedded::perform(&app.database, "PutItem", request.as_bytes()).0, 200);
    }
    app.run_jobs_to_the_end().await;
    let gone = [(Table::Stepchat, user), (Table::Voximplant, phone.to_string())];
    let is_of =
        |table: Table, item: &Value| gone.iter().any(|(of, id)| *of == table && item["uid"]["N"] == id.as_str());
    let left: Vec<_> = entries().filter(|(table, item)| is_of(*table, item)).collect();
    assert_eq!(left, Vec::new());
}

/// The intent of `add-user` is written before there is a user.
#[tokio::test]
async fn a_creation_that_was_refused_leaves_no_search_entry_and_one_whose_intent_comes_again_loses_none() {
    let (gate, app) = Gate::app().await;
    let created = app.add_stepchat_user(json!({ "first_name": "Twice", "email": "twice@example.com" })).await;
    let is_intent = |request: &Value| request.to_string().contains("J#postings");
    let intent =
        gate.seen().into_iter().find(|(operation, request)| operation == "BatchWriteItem" && is_intent(request));
    let (_, intent) = intent.unwrap();
    assert!(intent.to_string().contains("\"new#"), "{intent}");
    let before = entries(&app);
    let refused = app.stepchat("add-user", json!({ "first_name": "Thrice", "email": "twice@example.com" })).await;
    assert_eq!(refused.code(), "duplicate-email");
    assert!(entries(&app) > before);
    // A second copy of its message arrives after the transaction has removed the intent.
    assert_eq!(embedded::perform(&app.database, "BatchWriteItem", intent.to_string().as_bytes()).0, 200);
    app.run_jobs_to_the_end().await;
    assert_eq!(entries(&app), before);
    let found = app.stepchat("search-users", json!({ "search": "twice" })).await.response();
    assert_eq!(found[0]["id"], created.as_str());
    assert!(!app.items().iter().any(|(_, item)| item["pk"]["S"].as_str().unwrap().starts_with("J#")));
}

#[tokio::test]
async fn what_is_not_indexed_any_more_is_found_all_the_same() {
    let app = App::new().await;
    let mut rng = Rng::with_seed(5);
    let mut random = |length: usize| -> String { (0..length).map(|_| rng.lowercase()).collect() };
    let notes: Vec<String> = (0..3).map(|_| format!("{} needle-{} {}", random(3_000), random(5), random(9))).collect();
    let extra: serde_json::Map<String, Value> =
        notes.iter().enumerate().map(|(number, note)| (format!("note-{number}"), json!(note))).collect();
    let id = app.add_stepchat_user(json!({ "first_name": "Long", "extra": extra })).await;
    app.add_stepchat_user(json!({ "first_name": "Short", "extra": { "note": "needless" } })).await;
    for note in &notes {
        // The beginning, the middle, the end, and what goes across the end of what is indexed.
        for word in
            [&note[..6], &note[600..630], &note[1_990..2_010], &note[2_995..3_000], note.split(' ').nth(1).unwrap()]
        {
            let rows = app.stepchat("search-users", json!({ "search": word })).await.response();
            assert!(ids(&rows).contains(&id.parse().unwrap()), "{word}");
        }
    }
    assert_eq!(app.stepchat("search-users", json!({ "search": "needlefish" })).await.response(), json!([]));
    // Nothing is left of it.
    app.stepchat("delete-user", json!({ "user_id": id })).await.response();
    app.run_jobs_to_the_end().await;
    let left = app.items().into_iter().filter(|(_, item)| item["uid"]["N"] == id.as_str());
    assert_eq!(left.count(), 0);
}
