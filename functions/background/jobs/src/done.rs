//! What one part of a run did.

use shared::store::StoreError;
use shared::store::backlog::Progress;

/// How much work was finished, how much is left, and a failure if there was one.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) finished: usize,
    pub(crate) left: usize,
    pub(crate) failure: Option<StoreError>,
}

impl Done {
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

    /// Counts work that is either done or not.
    pub(crate) fn note_done(&mut self, done: Result<bool, StoreError>) {
        self.note(done.map(|done| if done { Progress::Finished } else { Progress::Left }));
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
