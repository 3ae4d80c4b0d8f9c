//! Traffic, and what it does to single partitions and items: `DynamoDB` serves a partition 1,000 write units and 3,000 read
//! units a second, and one item some 50 transactions. Whatever all traffic of a kind has to pass is found here by running
//! that traffic through the real methods and adding up.
//!
//! A partition can be divided by `DynamoDB` if what is written comes down all over its sort keys, and not if they rise with
//! time: then the newest end takes it all.

mod book;
mod kinds;

pub use book::{Asked, Place};
pub use kinds::{Kind, all};

use std::collections::BTreeMap;

/// Write units that one partition takes in a second.
pub const PARTITION_WRITES: f64 = 1_000.0;
/// Read units that one partition gives in a second.
pub const PARTITION_READS: f64 = 3_000.0;
/// Transactions that one item takes in a second: each holds it for some 20 ms.
pub const ITEM_TRANSACTIONS: f64 = 50.0;
/// Of writes that come down all over a partition's sort keys, each half has at least this share.
const EVEN: f64 = 0.2;

/// A run of one kind of traffic.
#[derive(Debug)]
pub struct Measured {
    /// The traffic.
    pub kind: &'static Kind,
    /// Calls that were made.
    pub calls: usize,
    asked: BTreeMap<Place, Asked>,
}

/// What one place is asked for at the wanted rate, as a share of what it can take.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// The partition.
    pub place: Place,
    /// Of which limit.
    pub limit: Limit,
    /// 1 is all that it can take.
    pub share: f64,
}

/// What there is so much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Writes of a partition that cannot be divided, or of one item.
    Writes,
    /// Strong reads of one item.
    Reads,
    /// Transactions that hold one item.
    Transactions,
}

impl Measured {
    /// What every place where callers meet is asked for, the most first.
    pub fn loads(&self) -> Vec<Load> {
        #[expect(clippy::cast_precision_loss, reason = "some thousands of calls")]
        let times = self.kind.wanted / self.calls as f64;
        let mut loads = Vec::new();
        for (place, asked) in self.asked.iter().filter(|(_, asked)| asked.callers.len() > 1) {
            let mut load = |limit, share| loads.push(Load { place: place.clone(), limit, share });
            load(Limit::Writes, asked.writes() * times / PARTITION_WRITES);
            load(Limit::Reads, most(asked.read.values().copied()) * times / PARTITION_READS);
            load(Limit::Transactions, most(asked.locked.values().map(|n| f64::from(*n))) * times / ITEM_TRANSACTIONS);
        }
        loads.sort_by(|left, right| right.share.total_cmp(&left.share));
        loads
    }

    /// What gives way first, and at how many calls a second.
    pub fn first(&self) -> Option<(Load, f64)> {
        let first = self.loads().into_iter().next()?;
        let rate = self.kind.wanted / first.share;
        Some((first, rate))
    }
}

impl Asked {
    /// The write units that one place must take: all of them, or those of the busiest item where the rest can be divided.
    pub fn writes(&self) -> f64 {
        let all: f64 = self.written.iter().map(|(_, units)| units).sum();
        if !self.is_divisible() {
            return all;
        }
        let mut items: BTreeMap<&str, f64> = BTreeMap::new();
        for (sort, units) in &self.written {
            *items.entry(sort).or_default() += units;
        }
        most(items.into_values())
    }

    /// Whether what is written later comes down on both sides of the middle of what was written before.
    fn is_divisible(&self) -> bool {
        let (before, after) = self.written.split_at(self.written.len() / 2);
        let mut keys: Vec<&str> = before.iter().map(|(sort, _)| sort.as_str()).collect();
        keys.sort_unstable();
        let Some(middle) = keys.get(keys.len() / 2) else { return false };
        let below: f64 = after.iter().filter(|(sort, _)| sort.as_str() < *middle).map(|(_, units)| units).sum();
        let all: f64 = after.iter().map(|(_, units)| units).sum();
        (EVEN..=1.0 - EVEN).contains(&(below / all))
    }
}

fn most(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(0.0, f64::max)
}
