//! StepChat's errors: which body, which code, which status (reference/stepchat.md §1.2, §1.3; decisions, "StepChat").

use crate::stepchat::Refusal;
use crate::store::{CommitError, StoreError};
use crate::wire::{Blame, DecodeError, Failure, Malformed};
use http::StatusCode;
use serde::Serialize;
use thiserror::Error as ThisError;

/// Everything a StepChat method can answer instead of a result.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum Error {
    /// A business rule said no: `{"success":false,"response":CODE}`.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// No `function` at the front door.
    #[error("The function parameter is missing.")]
    MissingFunctionName,
    /// No such function.
    #[error("The function does not exist.")]
    FunctionNotFound,
    /// No token.
    #[error("The token parameter is missing.")]
    TokenNotFound,
    /// Not the token of an admin.
    #[error("Use a token of an administrator.")]
    InvalidToken,
    /// An API token with the scope `read`, and a method that writes.
    #[error("This token may only read.")]
    ScopeTooSmall,
    /// A required field is not there.
    #[error("Missing argument: {0}")]
    MissingArgument(&'static str),
    /// The request cannot be read.
    #[error("The request cannot be read: {0}.")]
    Malformed(#[from] Malformed),
    /// A field's value cannot be used; the reason is for the log.
    #[error("Invalid argument: {field}")]
    InvalidArgument {
        /// The field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The idempotency key belongs to another payload.
    #[error("This idempotency key came with other parameters before. Nothing was done: use another key.")]
    KeyReused,
    /// The idempotency key already has its answer; the pipeline fetches it.
    #[error("This idempotency key is already answered.")]
    AlreadyAnswered,
    /// A panic or another defect of ours.
    #[error("Internal error.")]
    Internal,
    /// No answer before the deadline.
    #[error("The request took too long and may still happen. Look, or repeat it with the same idempotency key.")]
    TimedOut,
    /// The database failed.
    #[error("{}", of_store(.0))]
    Store(StoreError),
}

impl Error {
    /// The code: one that clients know, or one in the same style.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::MissingFunctionName => "missing-function-name",
            Self::FunctionNotFound => "function-not-found",
            Self::TokenNotFound => "token-not-found",
            Self::InvalidToken => "invalid-token",
            Self::ScopeTooSmall => "security-error",
            Self::MissingArgument(_) => "missing-argument",
            Self::Malformed(_) => "invalid-request",
            Self::InvalidArgument { .. } => "invalid-argument",
            Self::KeyReused | Self::AlreadyAnswered => "idempotency-key-reused",
            Self::Internal => "internal-error",
            Self::TimedOut => "timeout",
            Self::Store(error) if error.is_pressure() => "too-many-requests",
            Self::Store(_) => "db-error",
        }
    }

    /// 200 for application answers, 429 for throttling, 503 for outages.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Store(error) if error.is_pressure() => StatusCode::TOO_MANY_REQUESTS,
            Self::Store(StoreError::Unavailable(_)) | Self::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::OK,
        }
    }

    /// The body: the short form for validation errors, the long one for the rest.
    #[must_use]
    pub fn body(&self) -> String {
        let message = (!matches!(self, Self::Refused(_))).then(|| self.to_string());
        let status = message.as_ref().map(|_| "error");
        let body = Body { success: false, status, response: self.code(), message };
        // Three texts and a flag: it cannot fail.
        serde_json::to_string(&body).unwrap_or_default()
    }
}

/// What a caller is told of a failure of the database: what has happened, and what to do.
fn of_store(error: &StoreError) -> &'static str {
    match error {
        error if error.is_pressure() => "Too much at once: nothing was changed. Try again later.",
        StoreError::Unavailable(_) => {
            "The database did not answer clearly; a change may have happened. Look, or repeat it with the same \
             idempotency key."
        }
        _ => "The database failed; the log says why.",
    }
}

#[derive(Serialize)]
struct Body<'a> {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    response: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Missing(field) => Self::MissingArgument(field),
            DecodeError::Invalid { field, reason } => {
                Self::InvalidArgument { field: field.unwrap_or_else(|| "request".into()), reason }
            }
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<CommitError<Refusal>> for Error {
    fn from(error: CommitError<Refusal>) -> Self {
        match error {
            CommitError::Refused(refusal) => Self::Refused(refusal),
            CommitError::Stale => Self::Store(StoreError::Contended(1)),
            CommitError::AlreadyAnswered => Self::AlreadyAnswered,
            CommitError::Store(error) => Self::Store(error),
        }
    }
}

impl Failure for Error {
    fn missing_method() -> Self {
        Self::MissingFunctionName
    }

    fn unknown_method() -> Self {
        Self::FunctionNotFound
    }

    fn internal() -> Self {
        Self::Internal
    }

    fn timed_out() -> Self {
        Self::TimedOut
    }

    /// Unchanged: the message of a timeout suggests another try for every method.
    fn of_read(self) -> Self {
        self
    }

    fn key_reused() -> Self {
        Self::KeyReused
    }

    fn from_store(error: StoreError) -> Self {
        Self::Store(error)
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Store(error) if error.is_pressure() => Blame::Pressure,
            Self::Store(_) | Self::TimedOut | Self::Internal => Blame::Service,
            _ => Blame::Caller,
        }
    }

    fn cause(&self) -> Option<String> {
        match self {
            Self::Store(error) => Some(error.to_string()),
            Self::InvalidArgument { field, reason } => Some(format!("{field}: {reason}")),
            Self::Malformed(error) => Some(error.to_string()),
            Self::MissingArgument(field) => Some(format!("{field}: not sent")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn validation_errors_are_short_api_errors_are_long() {
        assert_eq!(Error::from(Refusal::DuplicateEmail).body(), r#"{"success":false,"response":"duplicate-email"}"#);
        let body: serde_json::Value = serde_json::from_str(&Error::MissingArgument("user_id").body()).unwrap();
        let expected = json!({
            "success": false, "status": "error", "response": "missing-argument", "message": "Missing argument: user_id"
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn only_throttling_and_outages_leave_status_200() {
        assert_eq!(Error::Internal.status(), 200);
        assert_eq!(Error::Store(StoreError::Corrupt(String::new())).status(), 200);
        assert_eq!(Error::Store(StoreError::Throttled(String::new())).status(), 429);
        assert_eq!(Error::Store(StoreError::Unavailable(String::new())).status(), 503);
    }

    #[test]
    fn what_the_database_said_is_for_the_log_only() {
        let error = Error::Store(StoreError::Refused("secret detail".into()));
        assert!(!error.body().contains("secret detail") && error.cause().unwrap().contains("secret detail"));
    }
}
