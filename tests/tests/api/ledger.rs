//! Credit: the way money comes in.

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::ledger::Money;
use shared::store::Table;
use tests::App;

/// The sum of all balances, the world's included, in ten-thousandths.
fn sum_of_balances(app: &App) -> i64 {
    let items = app.items().into_iter();
    let balances = items.filter(|(table, item)| *table == Table::Ledger && item["sk"]["S"] == "B");
    balances.map(|(_, item)| item["units"]["N"].as_str().unwrap().parse::<i64>().unwrap()).sum()
}

#[tokio::test]
async fn credited_money_comes_from_the_world_and_all_balances_sum_to_zero() {
    let app = App::new().await;
    let balance = app.operator.credit(app.account.id, Money::parse("0.0001").unwrap(), "a penny's part").await.unwrap();
    assert_eq!(balance, Money::parse("1000.0001").unwrap());
    assert_eq!(sum_of_balances(&app), 0);
    let shown = app.voximplant("GetAccountInfo", json!({})).await.text;
    assert!(shown.contains("\"balance\":1000.0001,"), "{shown}");
}

#[tokio::test]
async fn a_credit_happens_once_per_name_however_often_it_is_asked_for() {
    let app = App::new().await;
    let credit = || app.operator.credit(app.account.id, Money::from_units(50_000), "invoice 7");
    for balance in join_all((0..8).map(|_| credit())).await {
        assert_eq!(balance.unwrap(), Money::from_units(10_050_000));
    }
    assert_eq!(sum_of_balances(&app), 0);
    let other = app.operator.credit(app.account.id, Money::from_units(60_000), "invoice 7").await.unwrap_err();
    assert_eq!(
        other.to_string(),
        "cannot credit account 1: 5 has been credited under this name before; say another name for another credit"
    );
    assert_eq!(credit().await.unwrap(), Money::from_units(10_050_000));
}

#[tokio::test]
async fn the_journal_is_a_chain_without_gaps() {
    let app = App::new().await;
    for n in 0..4 {
        app.operator.credit(app.account.id, Money::from_units(10_000), &format!("credit {n}")).await.unwrap();
    }
    let mut entries: Vec<Value> = app
        .items()
        .into_iter()
        .filter(|(table, item)| *table == Table::Ledger && item["pk"]["S"].as_str().unwrap().ends_with("#J"))
        .map(|(_, item)| item)
        .collect();
    entries.sort_by_key(|entry| entry["sk"]["S"].as_str().unwrap().to_owned());
    assert_eq!(entries.len(), 5);
    let mut previous = json!("0".repeat(64));
    for (index, entry) in entries.iter().enumerate() {
        assert_eq!(entry["number"]["N"], (index + 1).to_string());
        assert_eq!(entry["previous"]["S"], previous);
        previous = entry["hash"]["S"].clone();
    }
}

#[tokio::test]
async fn nothing_and_less_cannot_be_credited() {
    let app = App::new().await;
    for units in [0, -1] {
        assert!(app.operator.credit(app.account.id, Money::from_units(units), "x").await.is_err());
    }
}
