//! The number of a statement's lines: told by the journal's own count where there is one, never another than a reader's.

use serde_json::{Value, json};
use shared::ledger::Money;
use shared::store::Table;
use shared::store::ledger::numbering::number;
use switchboard::embedded;
use tests::App;

/// An account with lines of both kinds and on both sides, some seconds apart; its users.
async fn busy(app: &App) -> Vec<u64> {
    let mut users = Vec::new();
    for n in 0..3 {
        users.push(app.add_voximplant_user(&format!("payee{n}"), json!({ "parent_accounting": false })).await);
    }
    for n in 1..=6 {
        app.wait_millis(1_500);
        let fields = json!({ "user_id": format!("{};{}", users[0], users[n % 2 + 1]), "amount": "1" });
        assert_eq!(app.voximplant("TransferMoneyToUser", fields).await.json()["result"], 1);
        if n % 2 == 0 {
            app.operator.credit(app.account.id, Money::from_units(10_000), &format!("credit {n}")).await.unwrap();
        }
    }
    users
}

/// Everything that narrows a statement down.
fn narrowings(users: &[u64]) -> Vec<Value> {
    vec![
        json!({}),
        json!({ "desc_order": true }),
        json!({ "users_transactions_only": true }),
        json!({ "transaction_type": "adjustment" }),
        json!({ "transaction_type": "user_money_transfer" }),
        json!({ "transaction_type": "adjustment", "users_transactions_only": true }),
        json!({ "from_date": "2026-11-22 00:00:04" }),
        json!({ "to_date": "2026-11-22 00:00:04" }),
        json!({ "from_date": "2026-11-22 00:00:03", "to_date": "2026-11-22 00:00:06" }),
        json!({ "from_date": "2026-11-22 00:00:04", "to_date": "2026-11-22 00:00:04", "transaction_type": "user_money_transfer" }),
        json!({ "from_date": "2026-11-22 00:00:08", "to_date": "2030-01-01 00:00:00" }),
        json!({ "user_id": users[0] }),
        json!({ "transaction_id": "2;3;4;9999" }),
    ]
}

/// Whether every way of asking for a part of a statement is told the number of lines of the whole.
async fn check(app: &App, users: &[u64]) {
    let ask = async |narrowing: &Value, extra: Value| {
        let mut fields = narrowing.as_object().unwrap().clone();
        fields.extend(extra.as_object().unwrap().clone());
        app.voximplant("GetTransactionHistory", Value::Object(fields)).await.json()
    };
    for narrowing in narrowings(users) {
        let all = ask(&narrowing, json!({ "count": 1000, "with_total_count": false })).await["count"].as_u64().unwrap();
        for page in
            [json!({ "count": 1000 }), json!({ "count": 1 }), json!({ "count": 0 }), json!({ "count": 2, "offset": 3 })]
        {
            let answer = ask(&narrowing, page.clone()).await;
            assert_eq!(answer["total_count"], all, "{narrowing} {page}");
            if !answer["next_cursor"].is_null() {
                let next = ask(&narrowing, json!({ "count": 1, "cursor": answer["next_cursor"] })).await;
                assert_eq!(next["total_count"], all, "{narrowing} behind {page}");
            }
        }
    }
}

/// Makes the ledger look as if no line had ever been counted.
fn forget_counts(app: &App) {
    for (table, mut item) in app.items() {
        if table == Table::Ledger && item.as_object_mut().unwrap().remove("tally").is_some() {
            let request = json!({ "TableName": app.app.store.table_name(table), "Item": item }).to_string();
            assert_eq!(embedded::perform(&app.database, "PutItem", request.as_bytes()).0, 200);
        }
    }
}

fn counts(app: &App) -> usize {
    app.items().iter().filter(|(table, item)| *table == Table::Ledger && !item["tally"].is_null()).count()
}

#[tokio::test]
async fn a_page_tells_the_number_of_all_lines_that_match() {
    let app = App::new().await;
    let users = busy(&app).await;
    check(&app, &users).await;
    assert_eq!(app.operator.audit(app.account.id, |_| {}).await.unwrap().findings, Vec::<String>::new());
}

#[tokio::test]
async fn a_statement_of_an_earlier_state_is_read_to_be_counted_until_it_is_rebuilt() {
    let app = App::new().await;
    let users = busy(&app).await;
    let counted = counts(&app);
    assert!(counted > 9, "the head and every entry: {counted}");
    forget_counts(&app);
    check(&app, &users).await;
    let fields = json!({ "user_id": users[0], "amount": "1" });
    assert_eq!(app.voximplant("TransferMoneyToUser", fields.clone()).await.json()["result"], 1);
    assert_eq!(counts(&app), 0, "nobody counts on from an unknown number");
    assert_eq!(number(&app.app.store, app.account.id).await, Ok(0), "the lines have their numbers");
    assert_eq!(counts(&app), counted + 1);
    check(&app, &users).await;
    assert_eq!(app.voximplant("TransferMoneyToUser", fields).await.json()["result"], 1);
    check(&app, &users).await;
    assert_eq!(app.operator.audit(app.account.id, |_| {}).await.unwrap().findings, Vec::<String>::new());
}

#[tokio::test]
async fn an_audit_finds_a_wrong_count() {
    let app = App::new().await;
    busy(&app).await;
    let (table, mut head) = app
        .items()
        .into_iter()
        .find(|(table, item)| *table == Table::Ledger && item["sk"]["S"] == "B" && !item["tally"].is_null())
        .unwrap();
    head["tally"]["M"]["t"]["N"] = json!("1");
    let request = json!({ "TableName": app.app.store.table_name(table), "Item": head }).to_string();
    assert_eq!(embedded::perform(&app.database, "PutItem", request.as_bytes()).0, 200);
    let findings = app.operator.audit(app.account.id, |_| {}).await.unwrap().findings;
    assert_eq!(findings, ["the account's count of lines is not the journal's"]);
}

#[tokio::test]
async fn the_cost_of_a_page_does_not_grow_with_the_statement() {
    let app = App::new().await;
    let user = app.add_voximplant_user("payee", json!({ "parent_accounting": false })).await;
    let units = async |app: &App| {
        app.voximplant("GetTransactionHistory", json!({ "count": 1 })).await;
        let line = app.last_line();
        (line["round_trips"].as_u64().unwrap(), line["read_units"].as_f64().unwrap())
    };
    let fill = async |transfers: usize| {
        for _ in 0..transfers {
            app.voximplant("TransferMoneyToUser", json!({ "user_id": user, "amount": "0.01" })).await;
        }
    };
    fill(260).await;
    let (trips, before) = units(&app).await;
    fill(300).await;
    let (trips_after, after) = units(&app).await;
    assert_eq!(trips, trips_after);
    assert!(trips <= 3, "{trips}");
    assert!(after <= before + 1.0, "{before} with 260 entries, {after} with 560");
}
