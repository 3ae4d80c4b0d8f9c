//! Lists of StepChat users against a naive model.

use super::search::{cost, workspace};
use super::seeds;
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::ids::UserId;
use shared::store::stepchat::lists::{Column, SortOrder};
use shared::store::stepchat::users;
use tests::App;

const COLUMNS: [&str; 9] = [
    "id",
    "first_name",
    "last_name",
    "email",
    "profile_image",
    "user_type",
    "creation_time",
    "last_activity",
    "department",
];
const TYPES: [&str; 5] = ["visitor", "lead", "user", "agent", "admin"];
const NAMES: [&str; 5] = ["анна", "Інна", "Béa", "bea", "Zoë"];

/// What `ORDER BY column, id` sees: absent before empty before text, text without case and accents.
fn key(row: &Value, column: &str) -> (Option<String>, u64) {
    // The default picture is shown where none is stored.
    let stored = row[column].as_str().filter(|text| column != "profile_image" || text.contains("example.com"));
    let padded = |text: &str| match column {
        "department" => format!("{text:0>3}"),
        "id" => format!("{text:0>12}"),
        _ => shared::text::collation_key(&shared::text::fold(text)),
    };
    (stored.map(padded), row["id"].as_str().unwrap().parse().unwrap())
}

/// A user of the model: name, type, department, whether there is an address, whether there is a picture.
type Drawn = (usize, usize, u8, bool, bool);

async fn fill(app: &App, drawn: &[Drawn]) {
    for (number, (name, kind, department, email, image)) in drawn.iter().enumerate() {
        let mut fields = json!({
            "first_name": NAMES[*name], "last_name": NAMES[(name + kind) % 5], "user_type": TYPES[*kind],
            "extra": { "city": NAMES[(name + 1) % 5] },
        });
        if *email {
            fields["email"] = json!(format!("{}{number}@example.com", NAMES[*name]));
        }
        if *image {
            fields["profile_image"] = json!(format!("https://example.com/{department}.png"));
        }
        if *department > 0 {
            fields["department"] = json!(department);
        }
        // Some share a second, some do not.
        app.wait_millis(i64::from(*department) * 400);
        app.add_stepchat_user(fields).await;
    }
}

/// What is asked: orders, types, a search.
#[derive(Debug, Clone)]
struct Asked {
    orders: Vec<(&'static str, &'static str)>,
    types: Vec<&'static str>,
    search: &'static str,
}

fn asked() -> impl Strategy<Value = Asked> {
    let order = (proptest::sample::select(&COLUMNS[..]), proptest::sample::select(&["ASC", "DESC"][..]));
    let types = proptest::sample::subsequence(TYPES.to_vec(), 1..=5);
    let search = proptest::sample::select(&["", "", "an", "bea", "example", "АНН", "nobody zo"][..]);
    (proptest::collection::vec(order, 3), types, search).prop_map(|(orders, types, search)| Asked {
        orders,
        types,
        search,
    })
}

async fn pages(app: &App, fields: &Value) -> Vec<Value> {
    let mut rows = Vec::new();
    for page in 1.. {
        let mut fields = fields.clone();
        fields["pagination"] = json!(page);
        let found = app.stepchat("get-users", fields).await.response().as_array().unwrap().clone();
        if found.is_empty() {
            return rows;
        }
        assert!(found.len() <= 100);
        rows.extend(found);
    }
    rows
}

/// Columns in both directions, some types, with and without a search: the pages concatenate to exactly the sorted and
/// filtered list.
#[test]
fn pages_concatenate_to_exactly_the_sorted_list() {
    let drawn = || (0_usize..5, 0_usize..5, 0_u8..4, any::<bool>(), any::<bool>());
    let world = || (proptest::collection::vec(drawn(), 1..12), asked());
    seeds::hold(world, |(drawn, asked)| seeds::run(same_as_the_model(&drawn, &asked)));
}

async fn same_as_the_model(drawn: &[Drawn], asked: &Asked) -> Result<(), TestCaseError> {
    let app = App::new().await;
    fill(&app, drawn).await;
    let all = pages(&app, &json!({ "extra": true })).await;
    prop_assert_eq!(all.len(), drawn.len() + 1, "everybody is listed, and the first admin");
    let words: Vec<String> = shared::text::fold(asked.search).split_whitespace().map(str::to_owned).collect();
    let found = |row: &Value| {
        let folded = |name: &str| shared::text::fold(row[name].as_str().unwrap_or_default());
        let first = words.first();
        words.is_empty()
            || words.iter().any(|word| folded("first_name").contains(word) || folded("last_name").contains(word))
            || first.is_some_and(|word| folded("email").contains(word))
            || first.is_some_and(|word| {
                shared::text::fold(row["extra"]["city"].as_str().unwrap_or_default()).contains(word)
            })
    };
    let kept = |row: &&Value| asked.types.contains(&row["user_type"].as_str().unwrap()) && found(row);
    for (column, order) in &asked.orders {
        let fields = json!({
            "sorting": [column, order], "user_types": asked.types, "search": asked.search, "extra": true
        });
        let listed = pages(&app, &fields).await;
        let mut expected: Vec<Value> = all.iter().filter(kept).cloned().collect();
        expected.sort_by_key(|row| key(row, column));
        if *order == "DESC" {
            expected.reverse();
        }
        let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].clone()).collect::<Vec<_>>();
        prop_assert_eq!(ids(&listed), ids(&expected), "{} {}", column, order);
    }
    Ok(())
}

/// More than one answer holds: nothing is lost between the parts, and each begins behind the one before.
#[tokio::test]
async fn details_of_more_users_than_one_answer_holds_go_on_behind_a_cursor() {
    let app = App::new().await;
    let note = "n".repeat(60_000);
    let mut ids = Vec::new();
    for number in 0..100 {
        let fields = json!({ "first_name": format!("n{number}"), "extra": { "note": note } });
        ids.push(app.add_stepchat_user(fields).await.parse::<u64>().unwrap());
    }
    let ask = json!({ "details": ["note", "first_name", "vat"], "user_ids": "all" });
    let (mut seen, mut named, mut parts, mut cursor) = (Vec::new(), Vec::new(), 0, json!(""));
    while !cursor.is_null() {
        let mut ask = ask.clone();
        ask["cursor"] = cursor;
        let answer = app.stepchat("get-users-with-details", ask).await;
        assert!(answer.text.len() < 6_000_000);
        let whole = answer.response();
        let of = |name: &str| whole[name].as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect();
        let (notes, first_names): (Vec<u64>, Vec<u64>) = (of("note"), of("first_name"));
        assert!(whole["vat"].as_array().unwrap().is_empty());
        seen.extend(notes);
        named.extend(first_names);
        parts += 1;
        cursor = answer.json()["next_cursor"].clone();
    }
    assert_eq!((seen, parts), (ids.clone(), 2));
    assert_eq!(named, [vec![1], ids].concat(), "the first admin has a name and no note");
    let bad = app.stepchat("get-users-with-details", json!({ "details": "note", "cursor": "x" })).await;
    assert_eq!(bad.json()["success"], json!(false));
}

#[tokio::test]
async fn page_n_is_what_offset_and_limit_would_give() {
    let app = App::new().await;
    for number in 0..205 {
        app.add_stepchat_user(json!({ "first_name": format!("n{number:03}"), "last_name": "" })).await;
    }
    let fields = json!({ "sorting": ["first_name", "ASC"], "user_types": ["visitor"] });
    let names: Vec<Value> = pages(&app, &fields).await.iter().map(|row| row["first_name"].clone()).collect();
    assert_eq!(names, (0..205).map(|number| json!(format!("n{number:03}"))).collect::<Vec<_>>());
    let mut second = fields.clone();
    second["pagination"] = json!("2");
    let page = app.stepchat("get-users", second).await.response();
    assert_eq!((page.as_array().unwrap().len(), page[0]["first_name"].as_str()), (100, Some("n100")));
    let found = app.stepchat("get-users", json!({ "search": "n20", "pagination": 1 })).await.response();
    assert_eq!(found.as_array().unwrap().len(), 5);
    let all = app.stepchat("search-users", json!({ "search": "n" })).await.response();
    assert_eq!(all.as_array().unwrap().len(), 206, "205 visitors, and the n of Admin");
}

#[tokio::test]
async fn presence_ends_after_its_window_and_heartbeats_renew_it() {
    let app = App::new().await;
    let id = app.add_stepchat_user(json!({})).await;
    let online = async || app.stepchat("is-online", json!({ "user_id": id })).await.response();
    app.wait_millis(29_000);
    assert_eq!(online().await, json!(true));
    app.stepchat("update-users-last-activity", json!({ "user_id": id })).await.response();
    app.wait_millis(29_000);
    assert_eq!(online().await, json!(true));
    assert_eq!(app.stepchat("agents-online", json!({})).await.response(), json!(false), "a token is no activity");
    let rows = app.stepchat("get-online-users", json!({})).await.response();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    app.wait_millis(1_000);
    assert_eq!(online().await, json!(false), "strictly newer than 30 s");
    assert_eq!(app.stepchat("get-online-users", json!({})).await.response(), json!([]));
}

#[tokio::test]
async fn heartbeats_cost_a_write_every_few_seconds_only_and_survive_updates() {
    let app = App::new().await;
    let id = app.add_stepchat_user(json!({})).await;
    let beat = async || {
        app.stepchat("update-users-last-activity", json!({ "user_id": id })).await.response();
        app.last_line()["write_units"].as_f64().unwrap() > 0.0
    };
    assert!(!beat().await);
    app.wait_millis(6_000);
    assert!(beat().await);
    assert!(!beat().await);
    let before = app.stepchat("get-user", json!({ "user_id": id })).await.response()["last_activity"].clone();
    app.stepchat("update-user", json!({ "user_id": id, "first_name": "X" })).await.response();
    let after = app.stepchat("get-user", json!({ "user_id": id })).await.response()["last_activity"].clone();
    assert_eq!(before, after);
}

/// The cursor behind this user in an order.
async fn behind(app: &App, order: &SortOrder, id: &str) -> String {
    let user = users::find_profile(&app.app.store, UserId::parse(id).unwrap()).await.unwrap().unwrap();
    order.place(&user).text()
}

fn ids(rows: &Value) -> Vec<String> {
    rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_page_too_long_for_one_answer_goes_on_behind_a_user_who_has_gone() {
    let app = App::new().await;
    let note = "n".repeat(60_000);
    let mut expected = Vec::new();
    for number in 0..95 {
        let fields = json!({ "first_name": format!("n{number:02}"), "extra": { "note": note } });
        expected.push(app.add_stepchat_user(fields).await);
    }
    let ask = json!({ "sorting": ["first_name", "ASC"], "user_types": ["visitor"], "extra": ["Note"] });
    let (mut listed, mut rest) = (Vec::new(), ask);
    loop {
        let part = app.stepchat("get-users", rest.clone()).await;
        listed.extend(ids(&part.response()));
        assert!(listed.len() <= expected.len(), "it begins again");
        match part.json().get("next_cursor") {
            Some(next) => rest["cursor"] = next.clone(),
            None => break,
        }
        app.stepchat("delete-user", json!({ "user_id": listed.last().unwrap() })).await.response();
    }
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn every_list_goes_on_behind_a_place_and_refuses_what_is_none() {
    let app = App::new().await;
    let mut all = Vec::new();
    for number in 0..6 {
        app.wait_millis(700);
        let kind = ["lead", "visitor", "agent"][number % 3];
        let fields = json!({ "user_type": kind, "first_name": NAMES[number % 5], "email": format!("{number}@x.y") });
        all.push(app.add_stepchat_user(fields).await);
    }
    let created = app.stepchat("get-user", json!({ "user_id": all[0] })).await.response()["creation_time"].clone();
    let newest = SortOrder::by(Column::CreationTime, true);
    for (method, fields, order) in [
        ("get-users", json!({}), newest.clone()),
        ("get-users", json!({ "sorting": ["user_type", "ASC"] }), SortOrder::by(Column::UserType, false)),
        (
            "get-users",
            json!({ "sorting": ["user_type", "DESC"], "search": "@" }),
            SortOrder::by(Column::UserType, true),
        ),
        ("get-users", json!({ "sorting": ["id", "ASC"], "user_ids": all }), SortOrder::by(Column::Id, false)),
        ("get-online-users", json!({ "sorting": "first_name" }), SortOrder::by(Column::FirstName, true)),
        ("search-users", json!({ "search": "@" }), newest.clone()),
        ("get-new-users", json!({ "datetime": 1 }), SortOrder::by(Column::Id, true)),
        ("get-new-users", json!({ "datetime": all[1] }), SortOrder::by(Column::Id, true)),
        ("get-new-users", json!({ "datetime": created }), newest),
    ] {
        let whole = ids(&app.stepchat(method, fields.clone()).await.response());
        assert!(whole.len() >= 4, "{method} {fields}: {whole:?}");
        for (place, id) in whole.iter().enumerate() {
            let mut rest = fields.clone();
            rest["cursor"] = behind(&app, &order, id).await.into();
            let rest = ids(&app.stepchat(method, rest).await.response());
            assert_eq!(rest, whole[place + 1..], "{method} {fields} behind {id}");
        }
        for junk in ["x", "7", "9999"] {
            let mut fields = fields.clone();
            fields["cursor"] = junk.into();
            let refused = app.stepchat(method, fields).await;
            assert_eq!(refused.code(), "invalid-cursor", "{method} {junk}");
        }
    }
    // Behind the place where the list ends there is nothing, not a failure.
    let end = behind(&app, &SortOrder::by(Column::Id, true), "1").await;
    let none = app.stepchat("get-new-users", json!({ "datetime": all[0], "cursor": end })).await;
    assert_eq!(none.response(), json!([]));
}

#[tokio::test]
async fn new_users_cost_what_is_left_of_their_list() {
    let app = workspace(1_000).await;
    let place = behind(&app, &SortOrder::by(Column::Id, true), "12").await;
    let (rows, units, _) = cost(&app, "get-new-users", json!({ "datetime": 1, "cursor": place })).await;
    assert_eq!(rows, 10);
    assert!(units < 20.0, "{units}");
}

#[tokio::test]
async fn a_list_of_ids_that_are_none_names_nobody_and_a_blank_one_everybody() {
    let app = App::new().await;
    let id = app.add_stepchat_user(json!({})).await;
    let listed = async |fields: Value| ids(&app.stepchat("get-users", fields).await.response());
    for nobody in [json!(["abc"]), json!([0]), json!("abc,-1"), json!([""]), json!([null])] {
        assert!(listed(json!({ "user_ids": nobody })).await.is_empty(), "{nobody}");
        assert!(listed(json!({ "users_id": nobody })).await.is_empty(), "{nobody}");
    }
    for everybody in [json!(""), json!("0"), json!([]), json!(false)] {
        assert_eq!(listed(json!({ "user_ids": everybody })).await.len(), 2, "{everybody}");
        assert_eq!(
            listed(json!({ "user_ids": everybody, "users_id": [id] })).await,
            std::slice::from_ref(&id),
            "{everybody}"
        );
    }
}

#[tokio::test]
async fn nobody_has_details_whose_user_has_gone_and_no_list_shows_the_bot() {
    let app = App::new().await;
    let extra = json!({ "company": "ACME", "city": "Tver" });
    let gone = app.add_stepchat_user(json!({ "extra": extra })).await;
    let stays = app.add_stepchat_user(json!({ "extra": extra })).await;
    let bot = app.stepchat("get-bot-id", json!({})).await.response();
    app.stepchat("update-user", json!({ "user_id": bot, "extra": extra })).await.response();
    // The deleting request dies right after its transaction.
    let stored = users::load(&app.app.store, UserId::parse(&gone).unwrap()).await.unwrap().unwrap();
    app.app.store.commit(&users::deletion(&stored, app.app.clock.now()).unwrap()).await.unwrap();
    for whom in [json!("all"), json!([gone, stays, bot])] {
        for details in [json!(["company", "City"]), json!(["company", "City", "first_name"])] {
            let asked = json!({ "details": details, "user_ids": whom });
            let having = app.stepchat("get-users-with-details", asked.clone()).await.response();
            let id: u64 = stays.parse().unwrap();
            assert_eq!(having["company"], json!([{ "id": id, "value": "ACME" }]), "{asked}");
            assert_eq!(having["City"], json!([{ "id": id, "value": "Tver" }]), "{asked}");
        }
    }
}

#[tokio::test]
async fn extras_are_asked_for_by_their_slugs_in_any_case() {
    let app = App::new().await;
    let id = app.add_stepchat_user(json!({ "extra": { "phone": "+7919", "city": "Tver" } })).await;
    for slugs in [json!(["Phone"]), json!(" [\" PHONE \"]"), json!({ "0": "phone" })] {
        let rows = app.stepchat("get-users", json!({ "user_ids": id, "extra": slugs })).await.response();
        assert_eq!(rows[0]["extra"], json!({ "phone": "+7919" }), "{slugs}");
        assert_eq!(rows[0]["details"].as_array().unwrap().len(), 1, "{slugs}");
    }
}
