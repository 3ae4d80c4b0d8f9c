//! What is true of every database at every moment between two requests, whatever the requests were. [`App`](crate::App)
//! holds each test's database against it at the end, the simulator after every storm.

use serde_json::Value;
use shared::store::Table;
use std::collections::{BTreeMap, BTreeSet};

/// An item with the two texts that everything is told by.
#[allow(clippy::struct_field_names, reason = "what DynamoDB calls it")]
struct Item<'a> {
    table: Table,
    pk: &'a str,
    sk: &'a str,
    item: &'a Value,
}

impl Item<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.item[name]["S"].as_str()
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.item[name]["N"].as_str()?.parse().ok()
    }
}

/// Everything that is wrong with these items of a whole deployment.
pub fn broken(items: &[(Table, Value)]) -> Vec<String> {
    let items: Vec<Item<'_>> = items
        .iter()
        .map(|(table, item)| {
            let text = |name: &str| item[name]["S"].as_str().unwrap_or_default();
            Item { table: *table, pk: text("pk"), sk: text("sk"), item }
        })
        .collect();
    let mut wrong = Vec::new();
    wrong.extend(money(&items));
    wrong.extend(counters(&items));
    wrong.extend(stepchat_guards(&items));
    wrong.extend(voximplant_guards(&items));
    wrong.extend(orphans(&items));
    wrong
}

/// The sum of all balances is zero, and nobody but the world owes anything.
fn money(items: &[Item<'_>]) -> Option<String> {
    let balances = items.iter().filter(|item| item.table == Table::Ledger && item.sk == "B");
    let balances: Vec<(&str, i64)> =
        balances.map(|item| (item.pk, item.number("units").unwrap_or(i64::MIN / 4))).collect();
    let sum: i64 = balances.iter().map(|(_, units)| units).sum();
    if sum != 0 {
        return Some(format!("all balances sum to {sum}"));
    }
    let owing = balances.into_iter().find(|(pk, units)| *units < 0 && !pk.ends_with("#W"));
    owing.map(|(pk, units)| format!("{pk} is below zero: {units}"))
}

/// Counters equal what they count.
fn counters(items: &[Item<'_>]) -> Option<String> {
    let (mut there, mut counted) = (BTreeMap::<String, i64>::new(), BTreeMap::<String, i64>::new());
    for item in items {
        let mut count = |name: String| *there.entry(name).or_default() += 1;
        match item.table {
            Table::Stepchat if item.pk.starts_with("U#") && item.sk == "P" => match item.text("kind") {
                Some("bot") | None => {}
                Some(kind) => count(kind.to_owned()),
            },
            Table::Voximplant if item.pk.contains("#U#") && item.sk == "P" => {
                let account = item.pk.split("#U#").next().unwrap_or_default();
                count(format!("{account}#C {}", item.number("application").unwrap_or(-1)));
            }
            Table::Stepchat if item.pk == "N" => {
                let kind = item.sk.split('#').next().unwrap_or_default();
                *counted.entry(kind.to_owned()).or_default() += item.number("n").unwrap_or(0);
            }
            Table::Voximplant if item.pk.ends_with("#C") => {
                let application = item.sk.split('#').next().unwrap_or_default().trim_start_matches('0');
                let name = format!("{} {application}", item.pk);
                *counted.entry(name).or_default() += item.number("n").unwrap_or(0);
            }
            _ => {}
        }
    }
    counted.retain(|_, count| *count != 0);
    (there != counted).then(|| format!("there are {there:?}, counted are {counted:?}"))
}

/// Ids of the StepChat users who are there.
fn stepchat_users<'a>(items: &'a [Item<'a>]) -> BTreeSet<&'a str> {
    let profiles = items.iter().filter(|item| item.table == Table::Stepchat && item.sk == "P");
    profiles.filter_map(|item| item.pk.strip_prefix("U#")).collect()
}

/// Every e-mail address, phone guard, password and admin look-up is that of a user who is there, and every address has
/// its guard.
fn stepchat_guards(items: &[Item<'_>]) -> Vec<String> {
    let users = stepchat_users(items);
    let numbers: BTreeSet<i64> = users.iter().filter_map(|user| user.parse().ok()).collect();
    let mut wrong = Vec::new();
    let mut guarded = BTreeSet::new();
    for item in items {
        let owner = match item.table {
            Table::Stepchat if item.pk.starts_with("E#") || item.pk.starts_with("F#") => item.number("uid"),
            Table::Auth if item.pk.starts_with("T#") => item.number("uid"),
            Table::Auth => item.pk.strip_prefix("P#S#").and_then(|user| user.parse().ok()),
            _ => continue,
        };
        let Some(owner) = owner else { continue };
        if !numbers.contains(&owner) {
            wrong.push(format!("{} is of user {owner}, who is not there", item.pk));
        }
        if item.pk.starts_with("E#") {
            guarded.insert(owner);
        }
    }
    for item in items.iter().filter(|item| item.table == Table::Stepchat && item.sk == "P") {
        let number = item.number("id").unwrap_or(-1);
        if item.text("email").is_some() && !guarded.contains(&number) {
            wrong.push(format!("user {number} has an e-mail address without a guard"));
        }
    }
    wrong
}

/// Every name guard, password and membership is that of a telephony user who is there, and every user has a name guard.
fn voximplant_guards(items: &[Item<'_>]) -> Vec<String> {
    let profiles = || items.iter().filter(|item| item.table == Table::Voximplant && item.pk.contains("#U#"));
    let users: BTreeSet<i64> = profiles().filter(|item| item.sk == "P").filter_map(|item| item.number("id")).collect();
    let mut wrong = Vec::new();
    let mut named = BTreeSet::new();
    for item in items {
        let owner = match item.table {
            Table::Voximplant if item.pk.contains("#N#") && item.sk == "N" => item.number("uid"),
            Table::Auth => item.pk.strip_prefix("P#V#").and_then(|rest| rest.rsplit('#').next()?.parse().ok()),
            _ => continue,
        };
        let Some(owner) = owner else { continue };
        if !users.contains(&owner) {
            wrong.push(format!("{} is of telephony user {owner}, who is not there", item.pk));
        }
        if item.table == Table::Voximplant {
            named.insert(owner);
        }
    }
    wrong.extend(users.difference(&named).map(|user| format!("telephony user {user} has no name guard")));
    let there: BTreeSet<&str> = profiles().filter(|item| item.sk == "P").map(|item| item.pk).collect();
    let memberships = profiles().filter(|item| item.sk != "P" && !there.contains(item.pk));
    wrong.extend(memberships.map(|item| format!("{} {} is left of a user who is gone", item.pk, item.sk)));
    wrong
}

/// What is left of a StepChat user who is gone is promised to go.
fn orphans(items: &[Item<'_>]) -> Vec<String> {
    let users = stepchat_users(items);
    let stepchat = || items.iter().filter(|item| item.table == Table::Stepchat);
    let promised: BTreeSet<&str> = stepchat().filter(|item| item.pk == "J#purge-user").map(|item| item.sk).collect();
    let left = stepchat().filter(|item| {
        let pointer = || item.pk.strip_prefix("X#").and_then(|rest| rest.split('#').next());
        let owner = item.pk.strip_prefix("U#").or_else(pointer);
        owner.is_some_and(|owner| !users.contains(owner) && !promised.contains(owner))
    });
    left.map(|item| format!("{} {} is left of a user who is gone, and nobody promised to remove it", item.pk, item.sk))
        .collect()
}

/// Promised work of any kind. None is left once the jobs have run long enough.
pub fn promised(items: &[(Table, Value)]) -> Vec<String> {
    let text = |item: &Value, name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
    let work = items.iter().filter(|(_, item)| {
        let pk = text(item, "pk");
        pk.starts_with("J#") && pk != "J#state"
    });
    work.map(|(_, item)| format!("left to do: {} {}", text(item, "pk"), text(item, "sk"))).collect()
}
