//! Many transactions of an operator's import: the write intents and search entries of all are written together, and the
//! transactions are joined into as few requests as possible.

use super::search::WritesBefore;
use super::txn::Joined;
use super::{CommitError, Store, StoreError, Txn};
use crate::limits::MAX_PARALLEL;
use futures_util::stream::{self, StreamExt};

impl Store {
    /// Commits independent transactions: some may happen and others not. Returns the outcome of each, in their order.
    pub async fn commit_each<R: Clone>(&self, txns: &[Txn<R>]) -> Result<Vec<Result<(), CommitError<R>>>, StoreError> {
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

    /// Commits the members as one transaction, or each alone if that is refused.
    async fn transact_joined<R: Clone>(
        &self,
        joined: &Joined<R>,
        members: &[&Txn<R>],
    ) -> Vec<Result<(), CommitError<R>>> {
        let outcome = self.transact(joined.txn()).await;
        let refused = match &outcome {
            Ok(()) => false,
            // They are too much for one request, or one of them is malformed.
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
