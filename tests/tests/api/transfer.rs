//! Transfers beyond their golden stories: bad amounts, contention, many users, texts, rates, repeated keys.

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::ids::{ApplicationId, PhoneUserId};
use shared::ledger::{Money, Rate};
use shared::store::Table;
use shared::store::ledger::numbering::number;
use shared::store::voximplant::rates;
use shared::voximplant::Currency;
use std::time::Duration;
use switchboard::embedded;
use tests::App;
use tokio::time::Instant;
use xtask::seed::{Place, Sink};

/// The sum of all balances, the world's and suspense included, in ten-thousandths; nothing may be below zero but the
/// world.
fn check_sums(app: &App) {
    let mut sum = 0_i64;
    for (table, item) in app.items() {
        if table == Table::Ledger && item["sk"]["S"] == "B" {
            let units: i64 = item["units"]["N"].as_str().unwrap().parse().unwrap();
            assert!(units >= 0 || item["pk"]["S"].as_str().unwrap().ends_with("#W"), "{item}");
            sum += units;
        }
    }
    assert_eq!(sum, 0);
}

async fn payees(app: &App, count: usize) -> Vec<u64> {
    let mut ids = Vec::new();
    for n in 0..count {
        ids.push(app.add_voximplant_user(&format!("payee{n:03}"), json!({ "parent_accounting": false })).await);
    }
    ids
}

/// Users with a balance of their own, by the hundred.
async fn crowd(app: &App, count: u64) -> Vec<u64> {
    let application = ApplicationId::new(app.application).unwrap();
    let place = Place { account: app.account.id, application, own_balances: 100 };
    let ids = xtask::seed::voximplant(&app.app, Sink::shared(&app.database), place, count, 1, |_| ()).await.unwrap();
    ids.iter().map(|id| id.get()).collect()
}

/// The money of each user, in their order, in ten-thousandths.
async fn balances(app: &App, ids: &[u64]) -> Vec<i64> {
    let account = app.account.id;
    let ids: Vec<PhoneUserId> = ids.iter().map(|id| PhoneUserId::new(*id).unwrap()).collect();
    let known = shared::store::ledger::user_balances(&app.app.store, account, &ids).await.unwrap();
    ids.iter().map(|id| known.get(id).map_or(0, |money| money.units().unwrap())).collect()
}

async fn transfer(app: &App, fields: Value) -> Value {
    app.voximplant("TransferMoneyToUser", fields).await.json()
}

async fn account_balance(app: &App) -> String {
    app.voximplant("GetAccountInfo", json!({})).await.json()["result"]["balance"].to_string()
}

async fn user_balance(app: &App, user: u64) -> String {
    app.voximplant("GetUsers", json!({ "user_id": user })).await.json()["result"][0]["balance"].to_string()
}

fn list(ids: &[u64]) -> String {
    ids.iter().map(u64::to_string).collect::<Vec<_>>().join(";")
}

#[tokio::test]
async fn bad_amounts_answer_225_and_move_nothing() {
    let app = App::new().await;
    let user = payees(&app, 1).await[0];
    let long = format!("1{}", "0".repeat(30));
    let before = app.items();
    for amount in [
        "0", "0.001", "-0.001", "0.00999", " 5", "5 ", "5,0", "NaN", "Infinity", "1_0", "0x10", "1.00001", "-5.12345",
        "--1", "1e-3", "1e400", &long, "١",
    ] {
        let answer = transfer(&app, json!({ "user_id": user, "amount": amount })).await;
        assert_eq!(answer["error"]["code"], 225, "{amount:?}: {answer}");
        assert_eq!(answer["error"]["field_name"], "amount", "{amount:?}");
    }
    assert_eq!(transfer(&app, json!({ "user_id": user })).await["error"]["code"], 485);
    assert_eq!(transfer(&app, json!({ "user_id": user, "amount": "" })).await["error"]["code"], 485);
    assert_eq!(app.items(), before);
    for (amount, balance) in [("1e2", "900"), ("-1E+1", "910"), ("0.01", "909.99"), ("0.0101", "909.9799")] {
        let answer = app.voximplant("TransferMoneyToUser", json!({ "user_id": user, "amount": amount })).await;
        assert_eq!(answer.text, format!("{{\"result\":1,\"balance\":{balance}}}"), "{amount}");
    }
}

#[tokio::test]
async fn bad_recipients_and_texts_have_their_own_codes_and_move_nothing() {
    let app = App::new().await;
    let ids = payees(&app, 2).await;
    let parent = app.add_voximplant_user("parent", json!({})).await;
    let one = ids[0];
    let many = list(&(1..=1001).collect::<Vec<_>>());
    // Numbers that a refused call has taken are a gap.
    let stored = || app.items().into_iter().filter(|(_, item)| item["pk"]["S"] != "S").collect::<Vec<_>>();
    let before = stored();
    for (fields, code) in [
        (json!({}), 485),
        (json!({ "user_id": "" }), 485),
        (json!({ "user_id": one, "user_name": "payee000", "application_id": 1 }), 458),
        (json!({ "user_name": "payee000" }), 485),
        (json!({ "user_name": "nobody", "application_id": 1 }), 496),
        (json!({ "user_id": "-1" }), 117),
        (json!({ "user_id": "9223372036854775808" }), 117),
        (json!({ "user_id": format!("{one};999") }), 117),
        (json!({ "user_id": format!("{one};{parent}") }), 573),
        (json!({ "user_id": one, "application_id": 77 }), 116),
        (json!({ "user_id": many }), 499),
        (json!({ "user_id": one, "currency": "usd" }), 210),
        (json!({ "user_id": one, "strict_mode": "perhaps" }), 496),
        (json!({ "user_id": one, "account_transaction_description": "я".repeat(120) }), 234),
        (json!({ "user_id": one, "user_transaction_description": "x".repeat(120) }), 235),
    ] {
        let mut fields = fields;
        fields["amount"] = json!("1");
        let answer = transfer(&app, fields.clone()).await;
        assert_eq!(answer["error"]["code"], code, "{fields}: {answer}");
    }
    assert_eq!(stored(), before);
    let doubled = transfer(&app, json!({ "user_id": format!("{one};{one}"), "amount": "1" })).await;
    assert_eq!(doubled["balance"], 999, "duplicates count once");
}

#[tokio::test]
async fn without_strict_mode_the_money_goes_in_list_order_and_nobody_without_gets_an_entry() {
    let app = App::new().await;
    let ids = payees(&app, 3).await;
    let order = [ids[2], ids[0], ids[1]];
    let answer = transfer(&app, json!({ "user_id": list(&order), "amount": "600", "strict_mode": false })).await;
    assert_eq!(answer, json!({ "result": 1, "balance": 0 }));
    let balances = join_all(ids.iter().map(|id| user_balance(&app, *id))).await;
    assert_eq!(balances, ["400", "0", "600"]);
    let history = app.voximplant("GetTransactionHistory", json!({ "users_transactions_only": true })).await.json();
    assert_eq!(history["total_count"], 2, "{history}");
    let none = transfer(&app, json!({ "user_id": ids[1], "amount": "1", "strict_mode": false })).await;
    assert_eq!(none, json!({ "result": 1, "balance": 0 }));
    let back = transfer(&app, json!({ "user_id": list(&ids), "amount": "-500", "strict_mode": false })).await;
    assert_eq!(back["balance"], 900);
    check_sums(&app);
}

#[tokio::test]
async fn users_named_by_name_are_paid_in_the_order_of_their_names() {
    let app = App::new().await;
    let ids = payees(&app, 150).await;
    // More names than one batch reads, in an order of their own.
    let order: Vec<usize> = (0..ids.len()).map(|place| place * 77 % ids.len()).collect();
    let names: Vec<String> = order.iter().map(|n| format!("payee{n:03}")).collect();
    let fields = json!({
        "user_name": names.join(";"), "application_id": 1, "amount": "10", "strict_mode": false
    });
    assert_eq!(transfer(&app, fields).await, json!({ "result": 1, "balance": 0 }));
    let listed: Vec<u64> = order.iter().map(|n| ids[*n]).collect();
    let expected: Vec<i64> = (0..ids.len()).map(|place| if place < 100 { 100_000 } else { 0 }).collect();
    assert_eq!(balances(&app, &listed).await, expected);
}

#[tokio::test]
async fn macros_stand_for_each_user() {
    let app = App::new().await;
    let ids = payees(&app, 2).await;
    let fields = json!({
        "user_id": list(&ids), "amount": "1", "account_transaction_description": "${user_id}=${user_name} ${other}",
        "user_transaction_description": "hello ${user_name}"
    });
    transfer(&app, fields).await;
    let history = app.voximplant("GetTransactionHistory", json!({})).await.json();
    let texts: Vec<&str> = history["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["transaction_description"].as_str().unwrap())
        .collect();
    let expected = [
        "test money".to_owned(),
        format!("{}=payee000 ${{other}}", ids[0]),
        "hello payee000".to_owned(),
        format!("{}=payee001 ${{other}}", ids[1]),
        "hello payee001".to_owned(),
    ];
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn another_currency_is_converted_by_the_operators_rate_and_the_line_names_it() {
    let app = App::new().await;
    let user = payees(&app, 1).await[0];
    let (eur, usd) = (Currency::parse("EUR").unwrap(), Currency::parse("USD").unwrap());
    rates::set(&app.app.store, &eur, &usd, Rate::parse("1.083755")).await.unwrap();
    let answer = transfer(&app, json!({ "user_id": user, "amount": "10", "currency": "EUR" })).await;
    assert_eq!(answer["balance"].to_string(), "989.1624", "10.83755 rounds half away from zero to 10.8376");
    let history = app.voximplant("GetTransactionHistory", json!({ "user_id": user })).await.json();
    assert_eq!(history["result"][0]["transaction_description"], "From account (1 EUR = 1.083755 USD)");
    rates::set(&app.app.store, &eur, &usd, None).await.unwrap();
    let answer = transfer(&app, json!({ "user_id": user, "amount": "10", "currency": "EUR" })).await;
    assert_eq!(answer["error"]["code"], 210);
}

#[tokio::test]
async fn of_32_transfers_at_once_each_finishes_or_answers_340_and_none_is_lost() {
    let app = App::new().await;
    let ids = payees(&app, 4).await;
    let calls = (0..32).map(|n| transfer(&app, json!({ "user_id": ids[n % 4], "amount": "1.0001" })));
    let answers = join_all(calls).await;
    let done = answers.iter().filter(|answer| answer["result"] == 1).count();
    assert!(answers.iter().all(|answer| answer["result"] == 1 || answer["error"]["code"] == 340), "{answers:?}");
    assert!(done >= 8, "only {done} of 32 went through");
    let moved = i64::try_from(done).unwrap() * 10_001;
    assert_eq!(account_balance(&app).await, Money::from_units(10_000_000 - moved).to_string());
    let mut balances: Vec<String> =
        answers.iter().filter(|answer| answer["result"] == 1).map(|answer| answer["balance"].to_string()).collect();
    balances.sort_unstable();
    balances.dedup();
    assert_eq!(balances.len(), done, "every answer was the exact balance of its own instant");
    let history = app.voximplant("GetTransactionHistory", json!({ "users_transactions_only": true })).await.json();
    assert_eq!(history["total_count"], done);
    check_sums(&app);
}

#[tokio::test]
async fn a_repeated_key_has_one_effect_and_one_answer_for_48_hours() {
    let app = App::new().await;
    let user = payees(&app, 1).await[0];
    let fields = json!({ "user_id": user, "amount": "1", "idempotency_key": "k" });
    let answers = join_all((0..6).map(|_| transfer(&app, fields.clone()))).await;
    assert!(answers.iter().all(|answer| *answer == json!({ "result": 1, "balance": 999 })), "{answers:?}");
    transfer(&app, json!({ "user_id": user, "amount": "1" })).await;
    app.wait_millis(47 * 60 * 60 * 1000);
    assert_eq!(transfer(&app, fields.clone()).await["balance"], 999, "the first answer again");
    let other = transfer(&app, json!({ "user_id": user, "amount": "2", "idempotency_key": "k" })).await;
    assert_eq!(other["error"]["code"], 496);
    assert_eq!(account_balance(&app).await, "998");
    app.wait_millis(2 * 60 * 60 * 1000);
    assert_eq!(transfer(&app, fields).await["balance"], 997, "a key that is forgotten is a new one");
}

#[tokio::test]
async fn more_users_than_one_transaction_holds_are_served_in_chunks_both_ways() {
    let app = App::new().await;
    let ids = payees(&app, 100).await;
    let started = Instant::now();
    let answer = transfer(&app, json!({ "user_id": "all", "amount": "1.5", "idempotency_key": "big" })).await;
    assert_eq!(answer, json!({ "result": 1, "balance": 850 }));
    check_sums(&app);
    assert_eq!(transfer(&app, json!({ "user_id": "all", "amount": "1.5", "idempotency_key": "big" })).await, answer);
    assert_eq!(user_balance(&app, ids[99]).await, "1.5");
    let history = app.voximplant("GetTransactionHistory", json!({ "count": 1000 })).await.json();
    assert_eq!(history["total_count"], 201, "the credit, and two lines a user");
    // One short of the strict sum: whole or nothing.
    transfer(&app, json!({ "user_id": ids[60], "amount": "-0.01" })).await;
    let before = ledger(&app);
    let short = transfer(&app, json!({ "user_id": list(&ids), "amount": "-1.5", "idempotency_key": "short" })).await;
    assert_eq!(short["error"]["code"], 127);
    assert_eq!(ledger(&app), before, "a refused transfer leaves no trace");
    let back = transfer(&app, json!({ "user_id": list(&ids), "amount": "-1.5", "strict_mode": false })).await;
    assert_eq!(back, json!({ "result": 1, "balance": 1000 }));
    check_sums(&app);
    let partly = transfer(&app, json!({ "user_id": list(&ids), "amount": "15", "strict_mode": false })).await;
    assert_eq!(partly["balance"], 0);
    assert_eq!(user_balance(&app, ids[66]).await, "10");
    let user = app.voximplant("GetTransactionHistory", json!({ "user_id": ids[66] })).await.json();
    assert_eq!(user["count"], 3, "{user}");
    check_sums(&app);
    assert!(!app.items().iter().any(|(_, item)| item["pk"]["S"] == "J#transfer"), "no work is left");
    assert!(started.elapsed() < Duration::from_mins(1));
}

#[tokio::test]
async fn a_thousand_named_users_get_their_money_whole_and_in_list_order() {
    let app = App::new().await;
    let ids = crowd(&app, 1_000).await;
    let answer = transfer(&app, json!({ "user_id": list(&ids), "amount": "0.5" })).await;
    assert_eq!(answer, json!({ "result": 1, "balance": 500 }));
    assert_eq!(balances(&app, &ids).await, vec![5_000; 1_000]);
    check_sums(&app);
    let history = app.voximplant("GetTransactionHistory", json!({ "users_transactions_only": true, "count": 1 })).await;
    assert_eq!(history.json()["total_count"], 1_000);
    // What is left is enough for 666 and two thirds, in the order of the list: here backwards.
    let backwards: Vec<u64> = ids.iter().rev().copied().collect();
    let fields = json!({ "user_id": list(&backwards), "amount": "0.75", "strict_mode": false });
    assert_eq!(transfer(&app, fields).await, json!({ "result": 1, "balance": 0 }));
    let expected: Vec<i64> = (0..1_000)
        .map(|place| 5_000 + [7_500, 5_000, 0][usize::from(place >= 666) + usize::from(place > 666)])
        .collect();
    assert_eq!(balances(&app, &backwards).await, expected);
    let history = app.voximplant("GetTransactionHistory", json!({ "users_transactions_only": true, "count": 1 })).await;
    assert_eq!(history.json()["total_count"], 1_667, "nobody without a share has a line");
    // One of a thousand is short: nothing moves at all.
    let short = transfer(&app, json!({ "user_id": list(&ids), "amount": "-0.6" })).await;
    assert_eq!(short["error"]["code"], 127);
    assert_eq!(balances(&app, &backwards).await, expected);
    let back = transfer(&app, json!({ "user_id": list(&ids), "amount": "-2", "strict_mode": false })).await;
    assert_eq!(back, json!({ "result": 1, "balance": 1000 }));
    assert_eq!(balances(&app, &ids).await, vec![0; 1_000]);
    check_sums(&app);
    let audited = app.operator.audit(app.account.id, |_| {}).await.unwrap();
    assert!(audited.findings.is_empty(), "{:?}", audited.findings);
}

#[tokio::test]
async fn all_of_ten_thousand_users_get_their_money_once() {
    let app = App::new().await;
    let ids = crowd(&app, 10_000).await;
    let fields = json!({ "user_id": "all", "amount": "0.01", "idempotency_key": "everybody" });
    let (began, mut answer) = (Instant::now(), transfer(&app, fields.clone()).await);
    // A machine that is busy otherwise may not come to the end in the time of one request; the same key goes on.
    while answer["error"]["code"] == 2 && began.elapsed() < Duration::from_mins(3) {
        answer = transfer(&app, fields.clone()).await;
    }
    assert_eq!(answer, json!({ "result": 1, "balance": 900 }));
    assert_eq!(balances(&app, &ids).await, vec![100; 10_000]);
    check_sums(&app);
    assert_eq!(transfer(&app, fields).await, answer);
    let history = app.voximplant("GetTransactionHistory", json!({ "users_transactions_only": true, "count": 1 })).await;
    assert_eq!(history.json()["total_count"], 10_000);
    assert_eq!(balances(&app, &ids).await, vec![100; 10_000]);
    let audited = app.operator.audit(app.account.id, |_| {}).await.unwrap();
    assert!(audited.findings.is_empty(), "{:?}", audited.findings);
    assert!(!app.items().iter().any(|(_, item)| item["pk"]["S"] == "J#transfer"), "no work is left");
}

fn ledger(app: &App) -> Vec<Value> {
    app.items().into_iter().filter(|(table, _)| *table == Table::Ledger).map(|(_, item)| item).collect()
}

#[tokio::test]
async fn pages_of_history_concatenate_to_the_whole_in_both_orders() {
    let app = App::new().await;
    let ids = payees(&app, 2).await;
    for n in 0..7 {
        app.wait_millis(1500);
        transfer(&app, json!({ "user_id": list(&ids), "amount": format!("{}", n + 1) })).await;
    }
    for fields in [json!({}), json!({ "user_id": list(&ids) }), json!({ "users_transactions_only": true })] {
        for descending in [false, true] {
            let ask = async |extra: Value| {
                let mut all = fields.clone();
                all["desc_order"] = json!(descending);
                for (name, value) in extra.as_object().unwrap() {
                    all[name] = value.clone();
                }
                app.voximplant("GetTransactionHistory", all).await.json()
            };
            let whole = ask(json!({ "count": 1000 })).await;
            let ids = |answer: &Value| {
                let lines = answer["result"].as_array().unwrap().iter();
                lines.map(|line| line["transaction_id"].as_u64().unwrap()).collect::<Vec<_>>()
            };
            let mut sorted = ids(&whole);
            sorted.sort_unstable();
            if descending {
                sorted.reverse();
            }
            assert_eq!(ids(&whole), sorted);
            let mut pages = Vec::new();
            for offset in (0..sorted.len()).step_by(3) {
                pages.extend(ids(&ask(json!({ "count": 3, "offset": offset })).await));
            }
            assert_eq!(pages, sorted);
            let (mut pages, mut cursor) = (Vec::new(), json!(""));
            while !cursor.is_null() {
                // The offset is counted on the first page only.
                let page = ask(json!({ "count": 4, "offset": 2, "cursor": cursor, "with_total_count": false })).await;
                pages.extend(ids(&page));
                cursor = page["next_cursor"].clone();
            }
            assert_eq!(pages, sorted[2..], "{fields} {descending}");
        }
    }
    let third = json!({ "from_date": "2026-11-22 00:00:04", "to_date": "2026-11-22 00:00:04", "users_transactions_only": true });
    let lines = app.voximplant("GetTransactionHistory", third).await.json();
    assert_eq!(lines["total_count"], 2, "{lines}");
    assert_eq!(lines["result"][0]["amount"], 3);
}

#[tokio::test]
async fn transaction_ids_are_the_next_numbers_of_the_deployment_one_for_each_line() {
    let app = App::new().await;
    let ids = payees(&app, 2).await;
    let (other, key) = app.other_account("other", None).await;
    let of = async |bearer: String| {
        let history = app.voximplant_as(&bearer, "GetTransactionHistory", json!({ "count": 1000 })).await.json();
        let lines = history["result"].as_array().unwrap().iter();
        lines.map(|line| line["transaction_id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    transfer(&app, json!({ "user_id": list(&ids), "amount": "1" })).await;
    app.operator.credit(other.id, Money::from_units(10_000), "elsewhere").await.unwrap();
    transfer(&app, json!({ "user_id": ids[0], "amount": "-1" })).await;
    assert_eq!(of(app.bearer(&app.key)).await, [1, 2, 3, 4, 5, 7, 8]);
    assert_eq!(of(app.bearer(&key)).await, [6], "no id stands for lines of two accounts");
}

#[tokio::test]
async fn statements_of_earlier_states_are_shown_once_they_have_their_numbers() {
    let app = App::new().await;
    let ids = payees(&app, 2).await;
    transfer(&app, json!({ "user_id": list(&ids), "amount": "1" })).await;
    let fields = json!({ "user_id": list(&ids) });
    let lines = app.voximplant("GetTransactionHistory", fields.clone()).await.json()["result"].clone();
    for mut item in ledger(&app) {
        if item["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("H#")) {
            item["id"] = json!({ "N": "20000001" });
        }
        item.as_object_mut().unwrap().remove("first_line");
        let request = json!({ "TableName": app.app.store.table_name(Table::Ledger), "Item": item });
        let (status, body) = embedded::perform(&app.database, "PutItem", request.to_string().as_bytes());
        assert_eq!(status, 200, "{body}");
    }
    let store = &app.app.store;
    let unnumbered = app.voximplant("GetTransactionHistory", json!({})).await;
    assert!(unnumbered.json()["error"].is_object(), "{}", unnumbered.text);
    assert!(app.last_line()["cause"].as_str().unwrap().contains("operator rebuild"), "{}", app.last_line());
    assert_eq!(number(store, app.account.id).await, Ok(5));
    assert_eq!(number(store, app.account.id).await, Ok(0), "once is enough");
    let numbered = app.voximplant("GetTransactionHistory", fields).await.json()["result"].clone();
    for (line, before) in numbered.as_array().unwrap().iter().zip(lines.as_array().unwrap()) {
        assert_eq!((&line["amount"], &line["performed_at"]), (&before["amount"], &before["performed_at"]));
    }
    assert_eq!((&numbered[0]["transaction_id"], &numbered[1]["transaction_id"]), (&json!(8), &json!(10)));
    assert_eq!(app.operator.audit(app.account.id, |_| {}).await.unwrap().findings, Vec::<String>::new());
    transfer(&app, json!({ "user_id": ids[0], "amount": "1" })).await;
    assert_eq!(app.operator.audit(app.account.id, |_| {}).await.unwrap().findings, Vec::<String>::new());
}

#[tokio::test]
async fn a_transfer_to_one_user_takes_three_round_trips() {
    let app = App::new().await;
    let user = payees(&app, 1).await[0];
    for fields in [json!({}), json!({ "currency": "USD" }), json!({ "strict_mode": false, "application_id": 1 })] {
        let mut fields = fields;
        (fields["user_id"], fields["amount"]) = (json!(user), json!("1"));
        assert_eq!(transfer(&app, fields.clone()).await["result"], 1);
        // The currency or the application is looked up first.
        let more = u64::from(fields.as_object().unwrap().len() > 2 && fields["strict_mode"] != json!(null))
            + u64::from(fields["currency"] != json!(null));
        let line = app.last_line();
        assert!(line["round_trips"].as_u64().unwrap() <= 3 + more, "{line}");
    }
}

#[tokio::test]
async fn money_left_on_a_deleted_or_joined_user_returns_with_a_line_and_closed_users_take_no_more() {
    let app = App::new().await;
    let ids = payees(&app, 2).await;
    transfer(&app, json!({ "user_id": list(&ids), "amount": "10" })).await;
    let joined = json!({ "user_id": ids[0], "parent_accounting": true });
    assert_eq!(app.voximplant("SetUserInfo", joined).await.json()["result"], 1);
    assert_eq!(account_balance(&app).await, "990");
    assert_eq!(app.voximplant("DelUser", json!({ "user_id": ids[1] })).await.json()["result"], 1);
    assert_eq!(account_balance(&app).await, "1000");
    assert_eq!(transfer(&app, json!({ "user_id": ids[0], "amount": "1" })).await["error"]["code"], 573);
    assert_eq!(transfer(&app, json!({ "user_id": ids[1], "amount": "1" })).await["error"]["code"], 117);
    let parted = json!({ "user_id": ids[0], "parent_accounting": false });
    assert_eq!(app.voximplant("SetUserInfo", parted).await.json()["result"], 1);
    assert_eq!(transfer(&app, json!({ "user_id": ids[0], "amount": "1" })).await["balance"], 999);
    let audited = app.operator.audit(app.account.id, |_| {}).await.unwrap();
    assert_eq!((audited.findings, audited.entries), (Vec::new(), 5));
    check_sums(&app);
}
