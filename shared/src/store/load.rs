//! Bulk loading: new items by the hundred thousand, made by the same functions that make one and written in batches.
//! Operator work: no method may do this.
//!
//! A batch knows no conditions: whoever loads sees to it that every key is new, or asks for what must be. Counters are
//! summed, and moved once when all items are there; a load that was cut off before has items that no counter knows.

use super::txn::Fresh;
use super::{Attributes, Key, Store, StoreError, Table, Txn, Write};
use crate::limits::MAX_TRANSACTION_ACTIONS;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;

/// The number of a counter's item.
pub const COUNTED: &str = "n";

/// Items that wait to be written, and what they add to counters.
#[derive(Debug, Clone, Default)]
pub struct Load {
    items: BTreeMap<Table, Vec<Attributes>>,
    /// What must not be there yet.
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
        match write.fresh()? {
            Fresh::Item(table, item) => self.items.entry(table).or_default().push(item),
            Fresh::Count(table, key, change) => self.sums.add((table, key.pk, key.sk), change),
            Fresh::Nothing => {}
        }
        Ok(())
    }

    /// What these transactions do, if all they do is to create and to count, and no two create the same.
    pub(super) fn of_new<R: Clone>(txns: &[Txn<R>]) -> Result<Option<Self>, StoreError> {
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

    /// What must not be there yet.
    #[must_use]
    pub fn must_be_new(&self) -> &[(Table, Key)] {
        &self.new
    }

    /// Takes the items out, for an embedded database that is filled past the SDK.
    pub fn take(&mut self) -> impl Iterator<Item = (Table, Vec<HashMap<String, AttributeValue>>)> + use<> {
        std::mem::take(&mut self.items).into_iter()
    }

    /// What the items add to counters.
    #[must_use]
    pub fn sums(&self) -> &Sums {
        &self.sums
    }

    /// The same, to keep.
    #[must_use]
    pub fn into_sums(self) -> Sums {
        self.sums
    }

    /// How many items wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.values().map(Vec::len).sum()
    }

    /// Whether none waits.
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

    /// Adds what another load has counted.
    pub fn merge(&mut self, other: Self) {
        for (counter, change) in other.0 {
            self.add(counter, change);
        }
    }
}

impl Store {
    /// Writes the items of a load; what is returned must still be counted.
    pub async fn load(&self, load: Load) -> Result<Sums, StoreError> {
        for (table, items) in load.items {
            self.batch_put(table, items).await?;
        }
        Ok(load.sums)
    }

    /// Moves the counters by what loads have added.
    pub async fn count(&self, sums: &Sums) -> Result<(), StoreError> {
        let sums: Vec<_> = sums.iter().collect();
        for group in sums.chunks(MAX_TRANSACTION_ACTIONS) {
            let mut txn: Txn<Infallible> = Txn::default();
            for (table, key, change) in group {
                txn.push(Write::count(*table, key.clone(), *change));
            }
            self.commit(&txn).await.map_err(|error| match error {
                super::CommitError::Store(error) => error,
                // No condition, so none can fail.
                other => StoreError::Refused(other.to_string()),
            })?;
        }
        Ok(())
    }
}
