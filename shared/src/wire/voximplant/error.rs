//! Voximplant's errors: always HTTP 200, `error` and `errors` (reference/voximplant.md §1.5).

use crate::store::{CommitError, StoreError};
use crate::voximplant::{Parameter, Refusal};
use crate::wire::{Blame, DecodeError, Failure, Malformed};
use serde::Serialize;
use thiserror::Error as ThisError;

/// Everything a Voximplant method can answer instead of a result.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum Error {
    /// An API error.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// A parameter whose value does not decode, under a name this build does not know; the reason is for the log.
    #[error("invalid parameter {field}: {reason}")]
    InvalidParameter {
        /// The parameter.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The idempotency key already has its answer; the pipeline fetches it.
    #[error("already answered")]
    AlreadyAnswered,
    /// No answer before the deadline.
    #[error("timed out")]
    TimedOut,
    /// Nothing could be read in time; nothing was to be written.
    #[error("{0}")]
    ReadFailed(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// What the caller is told.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal.clone(),
            Self::InvalidParameter { field, .. } => Refusal::InvalidArguments(format!("'{field}' cannot be read")),
            Self::AlreadyAnswered => Refusal::KeyReused,
            // Not 340, on which callers retry: the write may have happened.
            Self::TimedOut | Self::Store(StoreError::Unavailable(_)) => Refusal::TimedOut,
            // Decision D15: pressure is 340, still with HTTP 200.
            Self::Store(error) if error.is_pressure() => Refusal::RateLimit,
            Self::ReadFailed(_) => Refusal::RateLimit,
            Self::Store(_) => Refusal::Database,
        }
    }

    /// `{"error":{msg,code,field_name?},"errors":[…]}`.
    #[must_use]
    pub fn body(&self) -> String {
        let refusal = self.refusal();
        let mut message = refusal.to_string();
        if !message.ends_with('.') {
            message.push('.');
        }
        let error = Shown { msg: message, code: refusal.code(), field_name: refusal.field_name() };
        let body = Body { errors: [&error], error: &error };
        // Two texts and a number: it cannot fail.
        serde_json::to_string(&body).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a Shown,
    errors: [&'a Shown; 1],
}

#[derive(Serialize)]
struct Shown {
    msg: String,
    code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    field_name: Option<&'static str>,
}

impl From<Malformed> for Error {
    fn from(error: Malformed) -> Self {
        Self::Refused(Refusal::InvalidArguments(error.to_string()))
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Missing(field) => Self::Refused(Refusal::Missing(field)),
            DecodeError::Invalid { field, reason } => {
                let field = field.unwrap_or_else(|| "request".into());
                match PARAMETERS.iter().find(|name| **name == field) {
                    Some(name) => Self::Refused(Refusal::Invalid(Parameter(name))),
                    None => Self::InvalidParameter { field, reason },
                }
            }
        }
    }
}

/// Every parameter of every method; a value that does not decode is blamed on it in `field_name`.
const PARAMETERS: &[&str] = &[
    "account_id",
    "account_transaction_description",
    "acd_queue_id",
    "acd_queue_name",
    "acd_queue_priority",
    "acd_status",
    "amount",
    "application_id",
    "application_name",
    "auto_binding",
    "average_service_time",
    "bind",
    "count",
    "currency",
    "cursor",
    "desc_order",
    "excluded_acd_queue_id",
    "excluded_skill_id",
    "from_date",
    "max_queue_size",
    "max_waiting_time",
    "mobile_phone",
    "new_user_name",
    "offset",
    "order_by",
    "parent_accounting",
    "return_live_balance",
    "secure_record_storage",
    "service_probability",
    "showing_skill_id",
    "skill_id",
    "skill_name",
    "strict_mode",
    "to_date",
    "transaction_id",
    "transaction_type",
    "user_active",
    "user_custom_data",
    "user_display_name",
    "user_id",
    "user_name",
    "user_password",
    "user_transaction_description",
    "users_transactions_only",
    "with_operatorcount",
    "with_queues",
    "with_skills",
    "with_total_count",
];

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
        Self::Refused(Refusal::MissingCmd)
    }

    fn unknown_method() -> Self {
        Self::Refused(Refusal::UnknownCommand)
    }

    fn internal() -> Self {
        Self::Refused(Refusal::Internal)
    }

    fn timed_out() -> Self {
        Self::TimedOut
    }

    fn of_read(self) -> Self {
        match self {
            error @ (Self::TimedOut | Self::Store(StoreError::Unavailable(_))) => Self::ReadFailed(error.to_string()),
            other => other,
        }
    }

    fn key_reused() -> Self {
        Self::Refused(Refusal::KeyReused)
    }

    fn from_store(error: StoreError) -> Self {
        Self::Store(error)
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Store(error) if error.is_pressure() => Blame::Pressure,
            Self::Store(_) | Self::TimedOut | Self::ReadFailed(_) | Self::Refused(Refusal::Internal) => Blame::Service,
            _ => Blame::Caller,
        }
    }

    fn cause(&self) -> Option<String> {
        match self {
            Self::Store(_) | Self::InvalidParameter { .. } | Self::TimedOut | Self::ReadFailed(_) => {
                Some(self.to_string())
            }
            // For a defect, the pipeline's own note says more than this message.
            Self::Refused(Refusal::Internal) | Self::AlreadyAnswered => None,
            Self::Refused(refusal) => Some(refusal.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body(error: &Error) -> serde_json::Value {
        serde_json::from_str(&error.body()).unwrap()
    }

    #[test]
    fn error_and_errors_say_the_same() {
        let error = Error::Refused(Refusal::UserNameNotUnique);
        let expected = json!({ "msg": "The user name is not unique.", "code": 118, "field_name": "user_name" });
        assert_eq!(body(&error), json!({ "error": expected, "errors": [expected] }));
    }

    #[test]
    fn a_value_that_does_not_decode_blames_its_parameter_with_its_own_code() {
        let invalid = |field: &str| {
            let error = DecodeError::Invalid { field: Some(field.into()), reason: String::new() };
            body(&Error::from(error))["error"].clone()
        };
        assert_eq!(invalid("application_id")["code"], 116);
        assert_eq!(invalid("count")["code"], 496);
        assert_eq!(invalid("count")["field_name"], "count");
        assert_eq!(invalid("something")["code"], 101);
    }

    #[test]
    fn pressure_is_340_what_may_have_happened_2_and_other_failures_4() {
        let code = |error: StoreError| body(&Error::Store(error))["error"]["code"].clone();
        assert_eq!(code(StoreError::Contended(8)), 340);
        assert_eq!(code(StoreError::Contended(8).in_doubt()), 2);
        assert_eq!(code(StoreError::Refused("x".into())), 4);
    }

    #[test]
    fn a_read_that_took_too_long_may_be_repeated_and_is_no_fault_of_the_caller() {
        for error in [Error::TimedOut, Error::Store(StoreError::Contended(8).in_doubt())] {
            let cause = error.to_string();
            let error = error.of_read();
            assert_eq!(body(&error)["error"]["code"], 340, "{error}");
            assert_eq!((error.blame(), error.cause()), (Blame::Service, Some(cause)));
        }
        let refused = Error::Store(StoreError::Refused("x".into())).of_read();
        assert_eq!(body(&refused)["error"]["code"], 4);
    }
}
