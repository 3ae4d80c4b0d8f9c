//! Bulk loading: new items by the hundred thousand, made by the same functions that make one and written past the SDK.
//!
//! A batch has no conditions: the caller makes sure that every key is new, or checks [`Load::must_be_new`]. Counters
//! are summed, and moved once when all items are written; if a load is cut off before that, its items are not counted.

use aws_sdk_dynamodb::types::AttributeValue;
use shared::limits::MAX_TRANSACTION_ACTIONS;
use shared::store::{CommitError, InitialEffect, Key, Store, StoreError, Table, Txn, Write};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;

type Attributes = HashMap<String, AttributeValue>;

/// Items that wait to be written, and what they add to counters.
#[derive(Debug, Clone, Default)]
pub struct Load {
    items: BTreeMap<Table, Vec<Attributes>>,
    /// The keys that must not exist yet.
    new: Vec<(Table, Key)>,
    sums: Sums,
}

/// What loaded items add to counters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums(BTreeMap<(Table, String, Option<String>), i64>);

impl Load {
    /// Takes over the writes of a transaction that would create something.
    pub fn add<R: Clone>(&mut self, txn: Txn<R>) -> Result<(), StoreError> {
        txn.into_writes().try_for_each(|write| self.write(write))
    }

    fn write(&mut self, write: Write) -> Result<(), StoreError> {
        match write.initial_effect()? {
            InitialEffect::Item(table, item) => self.items.entry(table).or_default().push(item),
            InitialEffect::Count(table, key, change) => self.sums.add((table, key.pk, key.sk), change),
            InitialEffect::Nothing => {}
        }
        Ok(())
    }

    /// The load that these transactions amount to; `None` if they do more than create and count, or if two create the
    /// same item.
    pub fn of_new<R: Clone>(txns: &[Txn<R>]) -> Result<Option<Self>, StoreError> {
        let mut load = Self::default();
        for write in txns.iter().flat_map(|txn| txn.clone().into_writes()) {
            if !write.creates() {
                return Ok(None);
            }
            load.new.extend(write.must_be_new());
            load.write(write)?;
        }
        let distinct: HashSet<_> = load.new.iter().collect();
        Ok(if distinct.len() == load.new.len() { Some(load) } else { None })
    }

    /// The keys that must not exist yet.
    #[must_use]
    pub fn must_be_new(&self) -> &[(Table, Key)] {
        &self.new
    }

    /// Takes the items out, for an embedded database that is written directly, past the SDK.
    pub fn take(&mut self) -> impl Iterator<Item = (Table, Vec<Attributes>)> + use<> {
        std::mem::take(&mut self.items).into_iter()
    }

    /// What the items add to counters.
    #[must_use]
    pub fn sums(&self) -> &Sums {
        &self.sums
    }

    /// The sums alone, taken out of the load.
    #[must_use]
    pub fn into_sums(self) -> Sums {
        self.sums
    }

    /// How many items wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.values().map(Vec::len).sum()
    }

    /// Whether no item waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Sums {
    fn add(&mut self, counter: (Table, String, Option<String>), change: i64) {
        let sum = self.0.entry(counter).or_default();
        *sum = sum.saturating_add(change);
    }

    /// The counters, and how each is moved.
    pub fn iter(&self) -> impl Iterator<Item = (Table, Key, i64)> {
        self.0.iter().map(|((table, pk, sk), change)| (*table, Key { pk: pk.clone(), sk: sk.clone() }, *change))
    }

    /// Moves the counters of a store.
    pub async fn count(&self, store: &Store) -> Result<(), StoreError> {
        let sums: Vec<_> = self.iter().collect();
        for group in sums.chunks(MAX_TRANSACTION_ACTIONS) {
            let mut txn: Txn<Infallible> = Txn::default();
            for (table, key, change) in group {
                txn.push(Write::count(*table, key.clone(), *change));
            }
            store.commit(&txn).await.map_err(|error| match error {
                CommitError::Store(error) => error,
                // The transaction has no conditions that could fail.
                other => StoreError::Refused(other.to_string()),
            })?;
        }
        Ok(())
    }

    /// Adds what another load has counted.
    pub fn merge(&mut self, other: Self) {
        for (counter, change) in other.0 {
            self.add(counter, change);
        }
    }
}
