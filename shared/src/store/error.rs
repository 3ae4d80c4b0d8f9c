//! What can go wrong between us and the database, independent of any rule.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use thiserror::Error;

/// A failure of the store. The text is for the log; callers get their family's generic error.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// `DynamoDB` throttled the call, and retries did not help.
    #[error("throttled: {0}")]
    Throttled(String),
    /// Others kept changing the same items until the attempts ran out.
    #[error("contention outlasted {0} attempts")]
    Contended(u32),
    /// No answer, or a server error: whether the write happened may be unknown.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// A stored item does not have the form this version writes.
    #[error("corrupt item: {0}")]
    Corrupt(String),
    /// The call itself was wrong: a defect of ours or a missing grant.
    #[error("refused: {0}")]
    Refused(String),
}

impl StoreError {
    /// Whether waiting and trying again may help.
    #[must_use]
    pub fn is_pressure(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Contended(_))
    }

    /// The same failure where something may have happened before it: nobody may take it for a call that did nothing.
    #[must_use]
    pub fn in_doubt(self) -> Self {
        match self {
            Self::Unavailable(_) => self,
            certain => Self::Unavailable(certain.to_string()),
        }
    }
}

pub(crate) const THROTTLING: [&str; 6] = [
    "ProvisionedThroughputExceededException",
    "ProvisionedThroughputExceeded",
    "ThrottlingException",
    "ThrottlingError",
    "RequestLimitExceeded",
    // S3's word.
    "SlowDown",
];

impl<E> From<SdkError<E>> for StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        let text = DisplayErrorContext(&error).to_string();
        match &error {
            SdkError::ServiceError(service) => match service.err().code() {
                Some(code) if THROTTLING.contains(&code) => Self::Throttled(text),
                Some("TransactionConflictException") => Self::Throttled(text),
                Some(
                    "TransactionInProgressException"
                    | "InternalServerError"
                    | "InternalServerErrorException"
                    | "InternalError"
                    | "ServiceUnavailable",
                ) => Self::Unavailable(text),
                _ => Self::Refused(text),
            },
            SdkError::ConstructionFailure(_) => Self::Refused(text),
            _ => Self::Unavailable(text),
        }
    }
}

impl From<serde_dynamo::Error> for StoreError {
    fn from(error: serde_dynamo::Error) -> Self {
        Self::Corrupt(error.to_string())
    }
}
