//! What one part of a run did.

use shared::store::StoreError;

/// What was finished, what was left, and why.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) finished: usize,
    pub(crate) left: usize,
    pub(crate) failure: Option<StoreError>,
}

impl Done {
    /// Counts one piece of work: finished, left for a later run, or failed and so left too.
    pub(crate) fn note(&mut self, done: Result<bool, StoreError>) {
        match done {
            Ok(true) => self.finished = self.finished.saturating_add(1),
            Ok(false) => self.left = self.left.saturating_add(1),
            Err(error) => self.fail(error),
        }
    }

    /// Counts work that could not be done, or not even be listed.
    pub(crate) fn fail(&mut self, error: StoreError) {
        self.left = self.left.saturating_add(1);
        self.failure = Some(error);
    }

    /// Both parts.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            finished: self.finished.saturating_add(other.finished),
            left: self.left.saturating_add(other.left),
            failure: other.failure.or(self.failure),
        }
    }
}
