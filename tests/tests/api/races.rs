//! Unique things stay unique and counters stay right, whoever writes at once.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::App;

fn count_of(codes: &[Value], wanted: &Value) -> usize {
    codes.iter().filter(|code| *code == wanted).count()
}

#[tokio::test]
async fn of_32_users_with_one_address_one_is_added() {
    let app = App::new().await;
    let calls = (0..32).map(|_| app.stepchat("add-user", json!({ "email": "same@example.com" })));
    let answers: Vec<Value> = join_all(calls).await.iter().map(|answer| answer.json()["response"].clone()).collect();
    assert_eq!(count_of(&answers, &json!("duplicate-email")), 31, "{answers:?}");
    assert_eq!(app.stepchat("count-users", json!({})).await.response()["user"], "1");
}

#[tokio::test]
async fn of_32_users_with_one_phone_number_one_is_added() {
    let app = App::new().await;
    let calls = (0..32).map(|n| {
        let spelling = ["+7919", "007919", "7919"][n % 3];
        app.stepchat("add-user", json!({ "extra": { "phone": spelling } }))
    });
    let answers: Vec<Value> = join_all(calls).await.iter().map(|answer| answer.json()["response"].clone()).collect();
    assert_eq!(count_of(&answers, &json!("duplicate-phone")), 31, "{answers:?}");
}

#[tokio::test]
async fn of_32_voximplant_users_with_one_name_one_is_added() {
    let app = App::new().await;
    let fields =
        json!({ "application_id": 1, "user_name": "same", "user_display_name": "S", "user_password": "Passw0rd!" });
    let answers = join_all((0..32).map(|_| app.voximplant("AddUser", fields.clone()))).await;
    let codes: Vec<Value> = answers.iter().map(|answer| answer.json()["error"]["code"].clone()).collect();
    assert_eq!((count_of(&codes, &json!(118)), count_of(&codes, &Value::Null)), (31, 1), "{codes:?}");
    assert_eq!(app.voximplant("GetUsers", json!({ "application_id": 1 })).await.json()["total_count"], 1);
}

#[tokio::test]
async fn concurrent_changes_of_one_user_all_take_effect() {
    let app = App::new().await;
    let id = app.add_stepchat_user(json!({})).await;
    let calls =
        (0..6).map(|n| app.stepchat("update-user", json!({ "user_id": id, "extra": { (format!("slug{n}")): "v" } })));
    for answer in join_all(calls).await {
        answer.response();
    }
    let details = app.stepchat("get-user", json!({ "user_id": id, "extra": true })).await.response()["details"].clone();
    assert_eq!(details.as_array().unwrap().len(), 6, "{details}");
}

#[tokio::test]
async fn counters_equal_reality_after_a_mix_of_everything() {
    let app = App::new().await;
    let types = ["visitor", "lead", "user", "agent"];
    let ids: Vec<String> = join_all((0..24).map(|n| app.add_stepchat_user(json!({ "user_type": types[n % 4] })))).await;
    let changes = ids.iter().enumerate().map(async |(n, id)| match n % 3 {
        0 => app.stepchat("delete-user", json!({ "user_id": id })).await,
        1 => app.stepchat("update-user", json!({ "user_id": id, "user_type": types[(n + 1) % 4] })).await,
        _ => app.stepchat("update-user", json!({ "user_id": id, "first_name": "X" })).await,
    });
    for answer in join_all(changes).await {
        answer.response();
    }
    let mut real = std::collections::BTreeMap::from([("visitor", 0), ("lead", 0), ("user", 0)]);
    let mut all = 0;
    for (_, item) in app.items() {
        if let Some(kind) = item.pointer("/kind/S").and_then(Value::as_str) {
            all += 1;
            if let Some(count) = real.get_mut(kind) {
                *count += 1;
            }
        }
    }
    let counted = app.stepchat("count-users", json!({})).await.response();
    let expected: Value = real
        .iter()
        .map(|(kind, count)| ((*kind).to_owned(), json!(count.to_string())))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let mut expected = expected;
    expected["all"] = json!(all.to_string());
    assert_eq!(counted, expected);
}

#[tokio::test]
async fn a_large_transfer_that_is_repeated_while_it_is_under_way_has_one_effect_and_one_answer() {
    let app = App::new().await;
    for n in 0..120 {
        app.add_voximplant_user(&format!("payee{n}"), json!({ "parent_accounting": false })).await;
    }
    for round in 0..4 {
        let fields = json!({
            "application_id": app.application, "user_id": "all", "amount": "0.03", "idempotency_key": format!("r{round}")
        });
        let answers = join_all((0..4).map(|_| app.voximplant("TransferMoneyToUser", fields.clone()))).await;
        let told: Vec<Value> = answers.iter().map(tests::Answer::json).collect();
        let left = 1000.0 - 3.6 * f64::from(round + 1);
        for answer in &told {
            let balance = answer["balance"].as_f64().unwrap_or_else(|| panic!("{told:?}"));
            assert!((balance - left).abs() < 0.000_1, "{told:?}");
        }
    }
    assert!(app.log().iter().all(|line| !line.contains("corrupt")));
}

#[tokio::test]
async fn a_large_transfer_that_somebody_cannot_pay_is_refused_alike_however_often_it_is_repeated() {
    let app = App::new().await;
    for n in 0..60 {
        app.add_voximplant_user(&format!("payer{n}"), json!({ "parent_accounting": false })).await;
    }
    let transfer = async |amount: &str, user: Value, key: String| {
        let fields = json!({
            "application_id": app.application, "user_id": user, "amount": amount, "strict_mode": true, "idempotency_key": key
        });
        app.voximplant("TransferMoneyToUser", fields).await.json()
    };
    assert_eq!(transfer("1", json!("all"), "fill".into()).await["result"], 1);
    // The last user is short, which a driver finds out when the others have paid.
    let users =
        app.voximplant("GetUsers", json!({ "application_id": app.application, "order_by": "user_id" })).await.json();
    let last = users["result"].as_array().unwrap().last().unwrap()["user_id"].clone();
    assert_eq!(transfer("-0.5", last, "short".into()).await["result"], 1);
    for round in 0..6 {
        let told = join_all((0..3).map(|_| transfer("-1", json!("all"), format!("r{round}")))).await;
        assert!(told.iter().all(|answer| answer["error"]["code"] == 127), "{told:?}");
    }
}

#[tokio::test]
async fn of_two_admins_who_delete_each_other_one_stays() {
    let app = App::new().await;
    let second = app.add_stepchat_user(json!({ "user_type": "admin" })).await;
    let token = app.stepchat("get-user", json!({ "user_id": second })).await.response()["token"].clone();
    let (first_call, second_call) = futures_util::join!(
        app.stepchat("delete-user", json!({ "user_id": second })),
        app.stepchat("delete-user", json!({ "user_id": 1, "token": token })),
    );
    let outcomes = [first_call.json()["success"].clone(), second_call.json()["success"].clone()];
    assert!(outcomes.contains(&json!(false)), "{outcomes:?}");
    let admins = app.items().iter().filter(|(_, item)| item.pointer("/kind/S") == Some(&json!("admin"))).count();
    assert_eq!(admins, 1);
}
