//! Many transactions of an operator's import: their write intents and search entries are written for all of them together, and they
//! are sent as few as they can. Into a database that nobody else uses, they go past the SDK where there is a way.

use super::load::Load;
use super::search::WritesBefore;
use super::txn::Joined;
use super::{CommitError, Store, StoreError, Txn};
use crate::limits::MAX_PARALLEL;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use std::fmt::Debug;
use std::sync::Arc;

/// A way past the SDK, into a database that nobody else uses meanwhile.
pub trait BulkWriter: Debug + Send + Sync {
    /// Writes the items and moves the counters, together; nothing if one of the keys that must be new is there. Whether it
    /// did. Where those are new, all items are. When this is done, a process that dies loses none of it.
    fn create(&self, load: Load) -> BoxFuture<'_, Result<bool, StoreError>>;
}

impl Store {
    /// The same store, which creates many things at once by this way.
    #[must_use]
    pub fn in_bulk(self, bulk: Arc<dyn BulkWriter>) -> Self {
        Self { bulk: Some(bulk), ..self }
    }

    /// Commits transactions that have nothing to do with each other: some may happen and others not; what became of each, in
    /// their order.
    pub async fn commit_each<R: Clone>(&self, txns: &[Txn<R>]) -> Result<Vec<Result<(), CommitError<R>>>, StoreError> {
        if let (Some(bulk), Some(load)) = (&self.bulk, Load::of_new(txns)?) {
            // What happens at once needs no write intent.
            if bulk.create(load).await? {
                return Ok(vec![Ok(()); txns.len()]);
            }
        }
        let (mut prepared, mut before) = (Vec::with_capacity(txns.len()), WritesBefore::default());
        for txn in txns {
            let (txn, its) = txn.prepared()?;
            prepared.push(txn);
            before.extend(its);
        }
        before.write(self).await?;
        let mut joined: Vec<(Joined<R>, Vec<&Txn<R>>)> = Vec::new();
        for txn in &prepared {
            match joined.last_mut().and_then(|(last, members)| last.take(txn).then_some(members)) {
                Some(members) => members.push(txn),
                None => joined.push((Joined::of(txn), vec![txn])),
            }
        }
        let sent: Vec<_> = joined.iter().map(|(together, members)| self.transact_joined(together, members)).collect();
        let outcomes: Vec<Vec<_>> = stream::iter(sent).buffered(MAX_PARALLEL).collect().await;
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// All of them as one, and each alone if they cannot happen together.
    async fn transact_joined<R: Clone>(
        &self,
        joined: &Joined<R>,
        members: &[&Txn<R>],
    ) -> Vec<Result<(), CommitError<R>>> {
        let outcome = self.transact(joined.txn()).await;
        let refused = match &outcome {
            Ok(()) => false,
            // The database takes less at once, or one of them is not as it should be.
            Err(CommitError::Store(error)) => matches!(error, StoreError::Refused(_)),
            Err(_) => true,
        };
        if !refused || members.len() == 1 {
            return vec![outcome; members.len()];
        }
        let alone: Vec<_> = members.iter().map(|txn| self.transact(txn)).collect();
        stream::iter(alone).buffered(MAX_PARALLEL).collect().await
    }
}
