//! Lists of StepChat users against a naive model.

use proptest::prelude::*;
use serde_json::{Value, json};
use tests::App;

const COLUMNS: [&str; 8] =
    ["first_name", "last_name", "email", "profile_image", "user_type", "creation_time", "last_activity", "department"];
const TYPES: [&str; 5] = ["visitor", "lead", "user", "agent", "admin"];
const NAMES: [&str; 5] = ["анна", "Anna", "Béa", "bea", "Zoë"];

/// What `ORDER BY column, id` sees: absent before empty before text, text without case and accents.
fn key(row: &Value, column: &str) -> (Option<String>, u64) {
    // The default picture is shown where none is stored.
    let stored = row[column].as_str().filter(|text| column != "profile_image" || text.contains("example.com"));
    let padded = |text: &str| if column == "department" { format!("{text:0>3}") } else { shared::text::fold(text) };
    (stored.map(padded), row["id"].as_str().unwrap().parse().unwrap())
}

async fn fill(app: &App, seeds: &[(usize, usize, u8, bool, bool)]) {
    for (number, (name, kind, department, email, image)) in seeds.iter().enumerate() {
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every column, both directions, some types, with and without a search: the pages concatenate to exactly the sorted
    /// and filtered list.
    #[test]
    fn pages_concatenate_to_exactly_the_sorted_list(
        seeds in proptest::collection::vec((0_usize..5, 0_usize..5, 0_u8..4, any::<bool>(), any::<bool>()), 1..14),
        types in proptest::sample::subsequence(TYPES.to_vec(), 1..=5),
        search in proptest::sample::select(vec!["", "an", "bea", "example", "АНН", "nobody zo"]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let app = App::new().await;
            fill(&app, &seeds).await;
            let all = pages(&app, &json!({ "extra": true })).await;
            let words: Vec<String> = shared::text::fold(search).split_whitespace().map(str::to_owned).collect();
            let found = |row: &Value| {
                let folded = |name: &str| shared::text::fold(row[name].as_str().unwrap_or_default());
                let first = words.first();
                words.is_empty()
                    || words.iter().any(|word| folded("first_name").contains(word) || folded("last_name").contains(word))
                    || first.is_some_and(|word| folded("email").contains(word))
                    || first.is_some_and(|word| shared::text::fold(row["extra"]["city"].as_str().unwrap_or_default()).contains(word))
            };
            for column in COLUMNS {
                for order in ["ASC", "DESC"] {
                    let fields = json!({ "sorting": [column, order], "user_types": types, "search": search, "extra": true });
                    let listed = pages(&app, &fields).await;
                    let mut expected: Vec<Value> = all
                        .iter()
                        .filter(|row| types.contains(&row["user_type"].as_str().unwrap()) && found(row))
                        .cloned()
                        .collect();
                    expected.sort_by_key(|row| key(row, column));
                    if order == "DESC" {
                        expected.reverse();
                    }
                    let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].clone()).collect::<Vec<_>>();
                    assert_eq!(ids(&listed), ids(&expected), "{column} {order} {types:?} {search:?}");
                }
            }
        });
    }
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
