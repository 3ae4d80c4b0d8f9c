//! Waiting between attempts: full jitter, a fixed number of tries.

use super::StoreError;
use crate::limits::MAX_ATTEMPTS;
use std::time::Duration;

const FIRST_MILLIS: u64 = 20;
const LONGEST_MILLIS: u64 = 1_000;

/// Counts the attempts at one read-decide-write.
#[derive(Debug, Default)]
pub struct Attempts(u32);

impl Attempts {
    /// Waits before the next attempt, or gives up.
    pub async fn again(&mut self) -> Result<(), StoreError> {
        self.0 = self.0.saturating_add(1);
        if self.0 >= MAX_ATTEMPTS {
            return Err(StoreError::Contended(MAX_ATTEMPTS));
        }
        let ceiling = FIRST_MILLIS.saturating_mul(1 << self.0.min(16)).min(LONGEST_MILLIS);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=ceiling))).await;
        super::meter::retried();
        Ok(())
    }
}
