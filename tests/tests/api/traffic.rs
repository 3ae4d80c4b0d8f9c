//! What a workspace and an account are meant to carry, added up per partition and item (docs/scale.md).

use serde_json::json;
use tests::App;
use tests::traffic::{self, Asked};

#[tokio::test]
async fn nothing_that_all_traffic_of_a_kind_passes_gives_way_before_the_wanted_rate() {
    for kind in traffic::all() {
        let loads = kind.measure().await.loads();
        let over: Vec<_> = loads.iter().filter(|load| load.share > 1.0 + 1e-9).collect();
        assert!(!loads.is_empty() && over.is_empty(), "{}: {over:#?}", kind.name);
    }
}

#[test]
fn a_partition_whose_sort_keys_rise_takes_it_all_and_one_whose_keys_are_scattered_is_divided() {
    let written = |sorts: &mut dyn Iterator<Item = String>| {
        let written = sorts.map(|sort| (sort, 2.0)).collect();
        Asked { written, ..Asked::default() }.writes()
    };
    assert!((written(&mut (0..100).map(|n| format!("{n:04}"))) - 200.0).abs() < 1e-9, "they rise");
    assert!((written(&mut (0..100_u32).map(|n| format!("{:04}", n * 37 % 100))) - 2.0).abs() < 1e-9, "scattered");
    assert!((written(&mut (0..100).map(|_| "S".to_owned())) - 200.0).abs() < 1e-9, "one item");
}

#[tokio::test]
async fn the_fifty_first_transfer_of_a_second_is_refused_before_anything_is_written() {
    let app = App::new().await;
    let user = app.add_voximplant_user("payee", json!({ "parent_accounting": false })).await;
    // The account's first money came in the second before.
    app.wait_millis(1_000);
    let transfer = || app.voximplant("TransferMoneyToUser", json!({ "user_id": user, "amount": "0.01" }));
    for _ in 0..50 {
        assert_eq!(transfer().await.json()["result"], 1);
    }
    let before = app.items();
    let refused = transfer().await;
    assert_eq!((refused.status.as_u16(), refused.code()), (200, json!(340)));
    assert_eq!(app.last_line()["write_units"].as_f64(), Some(0.0), "{}", app.last_line());
    assert_eq!(app.items(), before);
    app.wait_millis(1_000);
    assert_eq!(transfer().await.json()["result"], 1, "the next second is another");
}

#[tokio::test]
async fn lists_by_last_activity_are_exact_within_a_page_though_their_index_is_not() {
    let app = App::new().await;
    let mut users = Vec::new();
    for n in 0..30 {
        users.push(app.add_stepchat_user(json!({ "email": format!("{n}@example.com") })).await);
    }
    for user in users.iter().rev() {
        app.wait_millis(7_000);
        app.stepchat("update-users-last-activity", json!({ "user_id": user })).await.response();
    }
    for (order, wanted) in [("DESC", users.clone()), ("ASC", users.iter().rev().cloned().collect())] {
        let fields = json!({ "sorting": ["last_activity", order], "user_types": ["user"] });
        let rows = app.stepchat("get-users", fields).await.response();
        let ids: Vec<String> =
            rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids, wanted, "{order}");
    }
}

#[tokio::test]
async fn nobody_is_found_by_the_page_they_look_at_but_lists_show_it() {
    let app = App::new().await;
    let user = app.add_stepchat_user(json!({})).await;
    let url = "https://example.com/prices";
    app.stepchat("current-url", json!({ "user_id": user, "url": url })).await.response();
    let items = app.items();
    let item = items.iter().find(|(_, item)| item["sk"]["S"] == "D#current_url").map(|(_, item)| item).unwrap();
    assert!(item.get("vp").is_none() && item.get("vs").is_none(), "no index has it: {item}");
    let found = app.stepchat("get-user-by", json!({ "by": "current_url", "value": url })).await.response();
    assert_eq!(found, json!(false));
    for whom in [json!({}), json!({ "user_ids": [user] })] {
        let mut fields = whom;
        fields["details"] = json!(["current_url"]);
        let having = app.stepchat("get-users-with-details", fields).await.response();
        assert_eq!(having["current_url"], json!([{ "id": user.parse::<u64>().unwrap(), "value": url }]));
    }
}
