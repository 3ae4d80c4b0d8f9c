//! What must be said of a failure in every family.

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The caller's, or no fault at all: a rule said no.
    Caller,
    /// Too much at once: a later try will succeed.
    Pressure,
    /// Ours.
    Service,
}

/// What the pipeline must be able to say in every family.
pub trait Failure {
    /// The front door found no method name.
    fn missing_method() -> Self;
    /// The front door does not know the method.
    fn unknown_method() -> Self;
    /// A panic or another defect of ours.
    fn internal() -> Self;
    /// The handler did not finish before the deadline.
    fn timed_out() -> Self;
    /// The same failure for a call that only reads, which may always be repeated.
    #[must_use]
    fn of_read(self) -> Self;
    /// The idempotency key was used with another payload.
    fn key_reused() -> Self;
    /// The store failed.
    fn from_store(error: crate::store::StoreError) -> Self
    where
        Self: Sized;
    /// Whose fault it is, for the metrics.
    fn blame(&self) -> Blame;
    /// The full cause, for the log only.
    fn cause(&self) -> Option<String>;
}
