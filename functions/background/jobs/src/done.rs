//! What one part of a run did.

use shared::slices::{Slices, rotated_randomly};
use shared::store::StoreError;
use shared::store::backlog::Progress;
use tokio::time::Instant;

/// How much work was finished, how much is left, and a failure if there was one.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) finished: usize,
    pub(crate) left: usize,
    pub(crate) failure: Option<StoreError>,
}

impl Done {
    /// Does each piece of pending work in its slice of the time. One that fails does not stop the others.
    pub(crate) async fn of_each<T, F>(
        pending: Result<Vec<T>, StoreError>,
        deadline: Instant,
        perform: impl Fn(T, Instant) -> F,
    ) -> Self
    where
        F: Future<Output = Result<Progress, StoreError>>,
    {
        let mut done = Self::default();
        match pending {
            Ok(pending) => {
                let mut slices = Slices::new(deadline, pending.len());
                for work in rotated_randomly(pending) {
                    done.note(match slices.take() {
                        Some(until) => perform(work, until).await,
                        None => Ok(Progress::Left),
                    });
                }
            }
            Err(error) => done.fail(error),
        }
        done
    }

    /// Counts one piece of work: finished, left for a later run, or failed and so left too. Work that waits for an
    /// index or for the end of requests is not counted: nothing could be done for it now.
    pub(crate) fn note(&mut self, progress: Result<Progress, StoreError>) {
        match progress {
            Ok(Progress::Finished) => self.finished = self.finished.saturating_add(1),
            Ok(Progress::Waits) => {}
            Ok(Progress::Left) => self.left = self.left.saturating_add(1),
            Err(error) => self.fail(error),
        }
    }

    /// Counts work that failed, or that could not even be listed.
    pub(crate) fn fail(&mut self, error: StoreError) {
        self.left = self.left.saturating_add(1);
        self.failure = Some(error);
    }

    /// The result of work that was cut off. How much of it is left is unknown, so it counts as one.
    pub(crate) fn cut_off() -> Self {
        Self { left: 1, ..Self::default() }
    }

    /// The sum of both parts.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            finished: self.finished.saturating_add(other.finished),
            left: self.left.saturating_add(other.left),
            failure: other.failure.or(self.failure),
        }
    }

    /// The result of a part that was run twice: the second run has found again what the first one left.
    pub(crate) fn again(self, later: Self) -> Self {
        Self { finished: self.finished.saturating_add(later.finished), ..later }
    }
}
