//! Voximplant beyond its golden stories.

use serde_json::{Value, json};
use tests::App;

#[tokio::test]
async fn pages_concatenate_to_exactly_the_sorted_list_by_offset_in_every_order() {
    let app = App::new().await;
    for name in ["delta", "alpha", "echo", "bravo", "charlie", "foxtrot", "golf"] {
        let display = name.chars().rev().collect::<String>();
        app.add_voximplant_user(name, json!({ "user_display_name": display })).await;
    }
    for (order, key) in [("user_name", "user_name"), ("user_display_name", "user_display_name"), ("user_id", "user_id")]
    {
        let whole = app.voximplant("GetUsers", json!({ "order_by": order })).await.json();
        let mut sorted = whole["result"].as_array().unwrap().clone();
        sorted.sort_by_key(|user| user[key].as_str().map_or_else(|| format!("{:05}", user[key]), str::to_owned));
        assert_eq!(whole["result"], json!(sorted), "{order}");
        let mut pages = Vec::new();
        for offset in (0..9).step_by(2) {
            let page =
                app.voximplant("GetUsers", json!({ "order_by": order, "count": 2, "offset": offset })).await.json();
            assert_eq!(page["total_count"], 7);
            assert_eq!(page["count"], page["result"].as_array().unwrap().len());
            pages.extend(page["result"].as_array().unwrap().clone());
        }
        assert_eq!(json!(pages), whole["result"], "{order}");
    }
}

#[tokio::test]
async fn a_count_of_nothing_still_tells_the_total() {
    let app = App::new().await;
    app.add_voximplant_user("alpha", json!({})).await;
    let answer = app.voximplant("GetUsers", json!({ "count": 0 })).await.json();
    assert_eq!(answer, json!({ "result": [], "count": 0, "total_count": 1 }));
}

#[tokio::test]
async fn an_answer_too_large_is_continued_by_its_cursor() {
    let app = App::new().await;
    // 8191 characters of 4 bytes each: about 32 KB a user, 5 MB after some 160 users.
    let data = "𝄞".repeat(8191);
    for n in 0..170 {
        app.add_voximplant_user(&format!("user{n:03}"), json!({ "user_custom_data": data })).await;
    }
    let first = app.voximplant("GetUsers", json!({ "count": 1000 })).await;
    assert!(first.text.len() < 6_000_000, "{}", first.text.len());
    let first = first.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = app.voximplant("GetUsers", json!({ "count": 1000, "offset": 0, "cursor": cursor })).await.json();
    let repeated = app.voximplant("GetUsers", json!({ "count": 1000, "offset": 3, "cursor": cursor })).await.json();
    assert_eq!(repeated, rest, "an offset is not counted twice");
    let names = |answer: &Value| {
        answer["result"].as_array().unwrap().iter().map(|user| user["user_name"].clone()).collect::<Vec<_>>()
    };
    let all = [names(&first), names(&rest)].concat();
    assert_eq!(all, (0..170).map(|n| json!(format!("user{n:03}"))).collect::<Vec<_>>());
    assert_eq!((first["total_count"].clone(), rest["total_count"].clone()), (json!(170), json!(170)));
    assert!(rest.get("next_cursor").is_none());
    let filtered =
        app.voximplant("GetUsers", json!({ "count": 1000, "cursor": cursor, "user_name": "user" })).await.json();
    assert_eq!(names(&filtered), names(&rest));
    assert_eq!(app.voximplant("GetUsers", json!({ "cursor": "!" })).await.code(), 496);
}

#[tokio::test]
async fn the_limit_of_users_holds_exactly_when_it_is_set() {
    let app = App::with(|name| (name == "VOXIMPLANT_MAX_USERS_PER_ACCOUNT").then(|| "3".into())).await;
    let add = async |name: String| {
        let fields =
            json!({ "application_id": 1, "user_name": name, "user_display_name": "U", "user_password": "Passw0rd!" });
        app.voximplant("AddUser", fields).await.json()["error"]["code"].clone()
    };
    let codes = futures_util::future::join_all((0..6).map(|n| add(format!("user{n}")))).await;
    assert_eq!(codes.iter().filter(|code| code.is_null()).count(), 3, "{codes:?}");
    assert_eq!(add("late".into()).await, 109);
}

#[tokio::test]
async fn an_empty_text_leaves_the_custom_data_and_one_blank_empties_it() {
    let app = App::new().await;
    let user = app.add_voximplant_user("custom", json!({ "user_custom_data": "x" })).await;
    for (sent, stored) in [("", "x"), (" ", " "), ("y", "y")] {
        let fields = json!({ "user_id": user, "user_custom_data": sent });
        assert_eq!(app.voximplant("SetUserInfo", fields).await.json()["result"], 1);
        let users = app.voximplant("GetUsers", json!({ "user_id": user })).await.json();
        assert_eq!(users["result"][0]["user_custom_data"], stored, "{sent:?}");
    }
}
