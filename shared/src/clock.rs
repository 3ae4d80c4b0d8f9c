//! The one place that reads the time; tests use clocks of their own.

use crate::timestamp::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Where "now" comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that moves only when told to.
    Manual(Arc<AtomicI64>),
    /// A clock that advances with the runtime's own, which a test can pause: the time it showed first, and the instant
    /// at which it did.
    Runtime(Arc<AtomicI64>, Instant),
}

impl Clock {
    /// A manual clock that shows `start`.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(start.millis())))
    }

    /// A clock that shows `start` now, and advances with the runtime's clock.
    #[must_use]
    pub fn of_runtime(start: Timestamp) -> Self {
        Self::Runtime(Arc::new(AtomicI64::new(start.millis())), Instant::now())
    }

    /// The current moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
            }
            Self::Manual(millis) => Timestamp::from_millis(millis.load(Ordering::SeqCst)),
            Self::Runtime(start, began) => {
                let gone = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
                Timestamp::from_millis(start.load(Ordering::SeqCst).saturating_add(gone))
            }
        }
    }

    /// Sets a test's clock forward, or back; the system clock stays as it is.
    pub fn advance_millis(&self, millis: i64) {
        if let Self::Manual(now) | Self::Runtime(now, _) = self {
            now.fetch_add(millis, Ordering::SeqCst);
        }
    }
}
