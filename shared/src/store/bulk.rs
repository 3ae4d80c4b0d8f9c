//! Many transactions of an operator's import: what they announce and post is written for all of them together, and by
//! a faster way than the SDK's where there is one.

use super::{Attributes, CommitError, Store, StoreError, Table, Txn};
use crate::limits::MAX_PARALLEL;
use futures_util::future::{BoxFuture, ready};
use futures_util::stream::{self, StreamExt};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

/// A way past the SDK to write items that are new and stand in no index: announcements and postings are such.
pub trait Bulk: Debug + Send + Sync {
    /// Writes them; when this is done, a process that dies loses none.
    fn put(&self, table: Table, items: Vec<Attributes>) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// Keeps what would be written.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<(Table, Vec<Attributes>)>>);

impl Kept {
    fn take(&self) -> Vec<(Table, Vec<Attributes>)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Bulk for Kept {
    fn put(&self, table: Table, items: Vec<Attributes>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((table, items));
        Box::pin(ready(Ok(())))
    }
}

impl Store {
    /// The same store, which writes in batches by this way.
    #[must_use]
    pub fn in_bulk(self, bulk: Arc<dyn Bulk>) -> Self {
        Self { bulk: Some(bulk), ..self }
    }

    /// Commits transactions that have nothing to do with each other, each alone; what became of each, in their order. What
    /// they change about postings is written for all together, before the first of them.
    pub async fn commit_each<R: Clone>(&self, txns: &[Txn<R>]) -> Result<Vec<Result<(), CommitError<R>>>, StoreError> {
        let kept = Arc::new(Kept::default());
        let keeping = self.clone().in_bulk(Arc::<Kept>::clone(&kept));
        let mut announced = Vec::with_capacity(txns.len());
        // What one of them writes first must be there first, whatever the others write.
        let mut rounds: Vec<BTreeMap<Table, Vec<Attributes>>> = Vec::new();
        for txn in txns {
            announced.push(txn.announced(&keeping).await?);
            for (round, (table, items)) in kept.take().into_iter().enumerate() {
                if rounds.len() <= round {
                    rounds.push(BTreeMap::new());
                }
                if let Some(round) = rounds.get_mut(round) {
                    round.entry(table).or_default().extend(items);
                }
            }
        }
        for (table, items) in rounds.into_iter().flatten() {
            self.batch_put(table, items).await?;
        }
        let transactions: Vec<_> = announced.iter().map(|txn| self.transact(txn)).collect();
        Ok(stream::iter(transactions).buffered(MAX_PARALLEL).collect().await)
    }
}
