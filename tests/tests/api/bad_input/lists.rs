//! Lists that are too long or that cannot be read whole, and values that cannot be read at all.

use super::post;
use super::world::Parameters;
use serde_json::{Value, json};
use shared::limits::MAX_LISTED;
use switchboard::methods::families;
use tests::{Answer, App};

fn numbers(separator: &str, count: usize) -> String {
    (1..=count).map(|id| id.to_string()).collect::<Vec<_>>().join(separator)
}

async fn call(app: &App, method: &str, fields: Value) -> Answer {
    let path = format!("/platform_api/{method}");
    post(app, &path, "application/json", &app.bearer(&app.key), fields.to_string()).await
}

#[tokio::test]
async fn a_value_that_cannot_be_read_is_blamed_on_its_parameter() {
    let app = App::new().await;
    let voximplant = families().into_iter().find(|family| family.name == "voximplant").unwrap();
    for entry in voximplant.methods {
        for name in Parameters::of(entry).names {
            for value in [json!({ "a": { "b": "c" } }), json!([{ "a": "b" }])] {
                let answer = call(&app, entry.name, json!({ &name: value })).await;
                let error = &answer.json()["error"];
                assert_eq!(error["field_name"], json!(name), "{} {name}={value}: {error}", entry.name);
                assert_ne!(error["code"], json!(101), "{} {name}={value}", entry.name);
            }
        }
    }
}

#[tokio::test]
async fn a_history_of_more_users_or_transactions_than_a_list_may_name_is_refused() {
    let app = App::new().await;
    let asked = async |name: &str, count: usize| {
        call(&app, "GetTransactionHistory", json!({ name: numbers(";", count) })).await
    };
    // The account's credit has the first transaction id.
    for (name, found) in [("user_id", 0), ("transaction_id", 1)] {
        assert_eq!(asked(name, MAX_LISTED).await.json()["count"], json!(found), "{name}");
        let answer = asked(name, MAX_LISTED + 1).await;
        assert_eq!((answer.code(), &answer.json()["error"]["field_name"]), (json!(499), &json!(name)));
    }
    let kinds = "adjustment;".repeat(MAX_LISTED + 1);
    let answer = call(&app, "GetTransactionHistory", json!({ "transaction_type": kinds })).await;
    assert_eq!((answer.code(), &answer.json()["error"]["field_name"]), (json!(499), &json!("transaction_type")));
}

#[tokio::test]
async fn an_item_of_a_list_that_cannot_be_read_is_not_passed_over() {
    let app = App::new().await;
    let user = app.add_voximplant_user("first", json!({ "parent_accounting": false })).await;
    let before = app.items();
    let lists: [Value; 3] = [json!([user, [2]]), json!([user, { "id": 2 }]), json!({ "0": user, "2": 2 })];
    for list in lists {
        let answer = call(&app, "DelUser", json!({ "user_id": list })).await;
        assert_eq!(answer.code(), 117, "{list}");
        let answer = call(&app, "TransferMoneyToUser", json!({ "user_id": list, "amount": 1 })).await;
        assert_eq!(answer.code(), 117, "{list}");
        let answer = call(&app, "GetTransactionHistory", json!({ "user_id": list })).await;
        assert_eq!(answer.code(), 117, "{list}");
    }
    assert_eq!(app.items(), before);
    // What says nothing is no item.
    let answer = call(&app, "DelUser", json!({ "user_id": [null, user, ""] })).await;
    assert_eq!(answer.json(), json!({ "result": 1 }));
}

#[tokio::test]
async fn a_parameter_sent_twice_of_which_one_is_empty_is_sent_once() {
    let app = App::new().await;
    let path = format!("/platform_api/GetUsers?account_id={}", app.account.id);
    for active in ["user_active=&user_active=", "user_active=&user_active=true", "user_active=true&user_active="] {
        let answer = app.post(&path, format!("api_key={}&{active}", app.api_key)).await;
        assert_eq!(answer.json()["count"], json!(0), "{active}: {}", answer.text);
    }
}

/// 80 extras of tens of thousands of users were that many look-ups, and the answer never came.
#[tokio::test]
async fn details_of_many_named_users_are_those_of_each_of_them() {
    let app = App::new().await;
    for n in 0..4 {
        app.add_stepchat_user(json!({ "extra": { "company": format!("Firma {n}"), "city": "Riga" } })).await;
    }
    let asked = async |ids: Value| {
        let fields = json!({ "details": ["company", "city", "first_name"], "user_ids": ids });
        app.stepchat("get-users-with-details", fields).await.response()
    };
    let few = asked(json!([2, 4, 987_654])).await;
    assert_eq!(few["company"], json!([{ "id": 2, "value": "Firma 0" }, { "id": 4, "value": "Firma 2" }]));
    let but_one = (1..=5_000).filter(|id| *id != 3 && *id != 5).collect::<Vec<_>>();
    assert_eq!(asked(json!(but_one)).await["company"], few["company"]);
    assert_eq!(asked(json!(but_one)).await["city"], few["city"]);
    let details: Vec<String> = (0..80).map(|n| format!("slug-{n}")).collect();
    let fields = json!({ "details": details, "user_ids": numbers(",", 20_000) });
    app.stepchat("get-users-with-details", fields).await.response();
    let trips = app.last_line()["round_trips"].as_u64().unwrap();
    assert!(trips <= 90, "{trips} round trips");
}
