//! Independent transactions, sent as one: fewer requests, and a counter that all of them move is moved once.

use super::Txn;
use crate::limits::MAX_TRANSACTION_ACTIONS;
use crate::store::write::{CHANGE, COUNT, Kind, Step, Write, is_unchanged};
use crate::store::{Key, Table};
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;

/// Several transactions as one.
#[derive(Debug)]
pub(in crate::store) struct Joined<R> {
    txn: Txn<R>,
    /// Which step writes an item: `DynamoDB` takes each item only once in a transaction.
    places: HashMap<(Table, Key), usize>,
}

impl<R: Clone> Joined<R> {
    /// A single transaction to begin with.
    pub(in crate::store) fn of(txn: &Txn<R>) -> Self {
        let mut joined = Self { txn: Txn::default(), places: HashMap::new() };
        joined.add(txn);
        joined
    }

    /// Adds another transaction, if one transaction can hold them all and no item but a counter is written twice;
    /// returns whether it was added.
    pub(in crate::store) fn take(&mut self, txn: &Txn<R>) -> bool {
        let mut new = 0_usize;
        for step in &txn.steps {
            match self.place(&step.write).map(|place| place.counts_like(step)) {
                Some(true) => {}
                Some(false) => return false,
                None => new = new.saturating_add(1),
            }
        }
        let fits = self.txn.len().saturating_add(new) <= MAX_TRANSACTION_ACTIONS;
        if fits {
            self.add(txn);
        }
        fits
    }

    /// What is to be committed.
    pub(in crate::store) fn txn(&self) -> &Txn<R> {
        &self.txn
    }

    fn place(&self, write: &Write) -> Option<&Step<R>> {
        self.places.get(&write.item()).and_then(|place| self.txn.steps.get(*place))
    }

    fn add(&mut self, txn: &Txn<R>) {
        for step in &txn.steps {
            let item = step.write.item();
            let counted = self.places.get(&item).and_then(|place| self.txn.steps.get_mut(*place));
            match (counted, step.change()) {
                (Some(counted), Some(change)) => counted.count(change),
                _ => {
                    self.places.insert(item, self.txn.steps.len());
                    self.txn.steps.push(step.clone());
                }
            }
        }
    }
}

impl<R> Step<R> {
    /// Whether both steps move the counter, under the same condition.
    fn counts_like(&self, other: &Self) -> bool {
        let demanded =
            |step: &Self| -> Vec<_> { step.write.values.iter().filter(|(name, _)| *name != CHANGE).cloned().collect() };
        self.change().is_some()
            && other.change().is_some()
            && self.write.condition == other.write.condition
            && demanded(self) == demanded(other)
    }

    /// By how much it moves a counter, unless its condition depends on the counter's number.
    fn change(&self) -> Option<i64> {
        match self.write.kind {
            Kind::Update(_, COUNT) if self.write.condition.is_none_or(is_unchanged) => self.write.change(),
            _ => None,
        }
    }

    /// Moves the counter by this much more.
    fn count(&mut self, more: i64) {
        let sum = self.write.change().unwrap_or_default().saturating_add(more);
        for (name, value) in &mut self.write.values {
            if *name == CHANGE {
                *value = AttributeValue::N(sum.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: usize = MAX_TRANSACTION_ACTIONS;

    fn counting(change: i64) -> Write {
        Write::count(Table::Stepchat, Key::new("COUNT", "all"), change)
    }

    /// Writes so many items of its own, and counts.
    fn txn(name: &str, items: usize) -> Txn<&'static str> {
        let mut txn = Txn::default();
        for n in 0..items {
            txn.push(Write::delete(Table::Stepchat, Key::new(name, n.to_string())).if_absent().or("taken"));
        }
        txn.push(counting(1));
        txn
    }

    #[test]
    fn a_counter_of_all_is_moved_once_by_the_sum() {
        let mut joined = Joined::of(&txn("a", 2));
        assert!(joined.take(&txn("b", 3)) && joined.take(&txn("c", 0)));
        assert_eq!(joined.txn().len(), 6);
        let counted: Vec<_> = joined.txn().steps.iter().filter_map(Step::change).collect();
        assert_eq!(counted, [3]);
    }

    #[test]
    fn no_item_is_written_twice() {
        let mut joined = Joined::of(&txn("a", 2));
        assert!(!joined.take(&txn("a", 1)));
        // Not even a counter, if the other transaction removes it.
        let mut whole: Txn<&str> = Txn::default();
        whole.push(Write::delete(Table::Stepchat, Key::new("COUNT", "all")));
        assert!(!joined.take(&whole));
        assert_eq!(joined.txn().len(), 3);
    }

    #[test]
    fn a_counter_that_must_stand_somewhere_is_not_summed() {
        let mut bounded: Txn<&str> = Txn::default();
        bounded.push(counting(1).if_("n < :change").or("full"));
        assert!(!Joined::of(&bounded).take(&bounded));
    }

    #[test]
    fn counters_of_one_generation_are_summed_and_those_of_two_are_not() {
        let of_generation = |generation: i64| {
            let mut txn: Txn<&str> = Txn::default();
            let count = counting(1).number(":generation", generation);
            txn.push(count.if_("attribute_not_exists(gen) OR gen = :generation").or_stale());
            txn
        };
        let mut joined = Joined::of(&of_generation(3));
        assert!(joined.take(&of_generation(3)));
        let step = joined.txn().steps.first().unwrap();
        assert_eq!((joined.txn().len(), step.change(), step.write.values.len()), (1, Some(2), 2));
        assert!(!joined.take(&of_generation(4)) && !joined.take(&txn("a", 0)));
    }

    #[test]
    fn one_transaction_holds_no_more_than_the_database_takes() {
        let mut joined = Joined::of(&txn("a", ALL - 2));
        assert!(!joined.take(&txn("b", 2)), "101 actions");
        assert!(joined.take(&txn("b", 1)), "the counter is there already");
        assert_eq!(joined.txn().len(), ALL);
        // A single transaction that is too large is not refused here.
        assert_eq!(Joined::of(&txn("a", 200)).txn().len(), 201);
    }
}
