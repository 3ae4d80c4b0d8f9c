//! What must be true when the storm is over.

use super::story::{Call, Deployment, TYPES};
use serde_json::{Value, json};
use shared::store::Table;
use shared::store::ledger::audit;
use std::collections::{BTreeMap, BTreeSet};

/// Everything; the first thing that is wrong.
pub(crate) async fn all(sim: &Deployment, calls: &[Call]) -> Result<(), String> {
    conserved(sim)?;
    let lines = lines(sim);
    for call in calls {
        one_effect_and_one_answer(call, &lines)?;
    }
    ended_and_clean(sim).await
}

/// The sum held after every single write, and the watcher saw what is really stored.
pub(crate) fn conserved(sim: &Deployment) -> Result<(), String> {
    if let Some(broken) = sim.network.broken() {
        return Err(broken);
    }
    let mut stored = BTreeMap::new();
    for (table, item) in sim.app.items() {
        if table == Table::Ledger && item["sk"]["S"] == "B" {
            let units: i64 = item["units"]["N"].as_str().unwrap_or_default().parse().map_err(|_| item.to_string())?;
            stored.insert(item["pk"]["S"].as_str().unwrap_or_default().to_owned(), units);
        }
    }
    let seen = sim.network.balances();
    if stored != seen {
        return Err(format!("stored balances {stored:?}, written {seen:?}"));
    }
    match stored.values().sum::<i64>() {
        0 => Ok(()),
        sum => Err(format!("all balances sum to {sum}")),
    }
}

/// Lines of users' statements by their text: user and units.
pub(crate) fn lines(sim: &Deployment) -> BTreeMap<String, Vec<(u64, i64)>> {
    let mut lines: BTreeMap<String, Vec<(u64, i64)>> = BTreeMap::new();
    for (table, item) in sim.app.items() {
        if table == Table::Ledger && item["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("H#")) {
            let number = |value: &Value| value["N"].as_str().unwrap().parse::<i64>().unwrap();
            let user = u64::try_from(number(&item["user"])).unwrap();
            lines
                .entry(item["text"]["S"].as_str().unwrap().to_owned())
                .or_default()
                .push((user, number(&item["units"])));
        }
    }
    lines
}

pub(crate) fn one_effect_and_one_answer(call: &Call, lines: &BTreeMap<String, Vec<(u64, i64)>>) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{what}: {call:?}, lines {:?}", lines.get(&call.key)));
    let moved = lines.get(&call.key).map(Vec::as_slice).unwrap_or_default();
    let mut users: Vec<u64> = moved.iter().map(|(user, _)| *user).collect();
    users.sort_unstable();
    users.dedup();
    if users.len() != moved.len() {
        return wrong("more than one effect on a user");
    }
    if call.refused && !moved.is_empty() {
        return wrong("refused, and yet something moved");
    }
    if call.answers.windows(2).any(|pair| pair[0] != pair[1]) {
        return wrong("two different answers to one key");
    }
    if !call.refused && call.answers.is_empty() {
        return wrong("no answer even in good weather");
    }
    if moved.iter().any(|(_, units)| units.signum() != call.units.signum() || units.abs() > call.units.abs()) {
        return wrong("more than was asked for");
    }
    let whole = moved.iter().all(|(_, units)| *units == call.units);
    let named: BTreeSet<_> = call.users.iter().collect();
    let expected = if call.all { super::story::USERS } else { named.len() };
    if call.strict && !call.refused && !(whole && moved.len() == expected) {
        return wrong("strict, and not whole");
    }
    Ok(())
}

/// What the APIs count is what is there.
pub(crate) async fn counts(sim: &Deployment) -> Result<(), String> {
    let (mut users, mut telephony) = (BTreeMap::<String, i64>::new(), 0);
    for (table, item) in sim.app.items() {
        let text = |name: &str| item[name]["S"].as_str().unwrap_or_default();
        if text("sk") == "P" && table == Table::Stepchat && text("pk").starts_with("U#") {
            *users.entry(text("kind").to_owned()).or_default() += 1;
        } else if text("sk") == "P" && table == Table::Voximplant && text("pk").contains("#U#") {
            telephony += 1;
        }
    }
    let of = |kind: &str| users.get(kind).copied().unwrap_or(0);
    let all: i64 = TYPES.into_iter().map(of).sum();
    let shown = sim.app.stepchat("count-users", json!({})).await.response();
    let expected = json!({
        "all": all.to_string(), "lead": of("lead").to_string(), "user": of("user").to_string(),
        "visitor": of("visitor").to_string(),
    });
    if shown != expected {
        return Err(format!("count-users shows {shown}, there are {users:?}"));
    }
    let listed = sim.app.voximplant("GetUsers", json!({ "count": 1 })).await.json()["total_count"].clone();
    if listed != json!(telephony) {
        return Err(format!("GetUsers counts {listed}, there are {telephony}"));
    }
    Ok(())
}

/// Nothing is left on its way, and the journal replays to the balances and the statements.
pub(crate) async fn ended_and_clean(sim: &Deployment) -> Result<(), String> {
    let store = &sim.app.app.store;
    let left = |item: &Value| {
        let pk = item["pk"]["S"].as_str().unwrap_or_default();
        pk == "J#transfer" || pk.contains("#P#") || pk.contains("#S#")
    };
    let ledger = sim.app.items().into_iter().filter(|(table, _)| *table == Table::Ledger);
    if let Some((_, item)) = ledger.into_iter().find(|(_, item)| left(item)) {
        return Err(format!("never ended, or not cleared away: {item}"));
    }
    let audited = audit::audit(store, sim.app.account.id, |_| {}).await.map_err(|error| error.to_string())?;
    if !audited.findings.is_empty() {
        return Err(format!("the audit finds {:#?}", audited.findings));
    }
    let shown =
        sim.app.voximplant("GetTransactionHistory", json!({ "count": 5_000, "users_transactions_only": true })).await;
    let ids: Vec<String> = shown.json()["result"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|line| line["transaction_id"].to_string())
        .collect();
    if ids.iter().collect::<BTreeSet<_>>().len() != ids.len() {
        return Err(format!("two lines of the statement have one id: {ids:?}"));
    }
    let lines: usize = lines(sim).values().map(Vec::len).sum();
    if shown.json()["total_count"] != json!(lines) {
        return Err(format!("history shows {}, users have {lines} lines", shown.text));
    }
    Ok(())
}
