//! Follows every balance through every write: the sum is zero after each.

use super::cloud::Change;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Balances {
    balances: BTreeMap<String, i64>,
    broken: Option<String>,
}

/// The partition and the units of a balance.
fn balance(item: &Value) -> Option<(String, i64)> {
    let is_balance = item["sk"]["S"] == "B";
    let units = item["units"]["N"].as_str().and_then(|units| units.parse().ok()).unwrap_or(0);
    is_balance.then(|| (item["pk"]["S"].as_str().unwrap_or_default().to_owned(), units))
}

impl Balances {
    /// Begins with these items of the ledger.
    pub(crate) fn begin<'a>(&mut self, items: impl Iterator<Item = &'a Value>) {
        *self = Self { balances: items.filter_map(balance).collect(), broken: None };
    }

    /// What one write has changed, all of it together.
    pub(crate) fn watch(&mut self, operation: &str, changes: &[Change]) {
        let mut moved = false;
        for change in changes.iter().filter(|change| change.table == "ledger") {
            let Some((account, units)) = balance(change.item.as_ref().unwrap_or(&change.key)) else { continue };
            moved = true;
            if change.item.is_none() {
                self.balances.remove(&account);
                continue;
            }
            if units < 0 && !account.ends_with("#W") {
                self.broken.get_or_insert(format!("{account} is below zero: {units}"));
            }
            self.balances.insert(account, units);
        }
        let sum: i64 = self.balances.values().sum();
        if moved && sum != 0 {
            self.broken.get_or_insert(format!("after a {operation} all balances sum to {sum}"));
        }
    }

    /// The first step after which money was not conserved.
    pub(crate) fn broken(&self) -> Option<String> {
        self.broken.clone()
    }

    /// Balances as the writes have left them.
    pub(crate) fn now(&self) -> BTreeMap<String, i64> {
        self.balances.clone()
    }
}
