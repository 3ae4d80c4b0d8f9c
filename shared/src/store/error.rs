//! What can go wrong between us and the database, independent of any rule.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use std::error::Error as _;
use thiserror::Error;

/// A failure of the store. The text is for the log; callers get their family's generic error.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// `DynamoDB` throttled the call, and retries did not help.
    #[error("the database is throttled, try again in a minute: {0}")]
    Throttled(String),
    /// Others kept changing the same items until the attempts ran out.
    #[error("others kept changing the same data, {0} times in a row: try again")]
    Contended(u32),
    /// No answer, or a server error: whether the write happened may be unknown.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A stored item does not have the form this version writes.
    #[error("the database holds a corrupt item: {0}")]
    Corrupt(String),
    /// The call itself was wrong: a defect of ours or a missing grant.
    #[error("the database refused the call: {0}")]
    Refused(String),
}

impl StoreError {
    /// Whether waiting and trying again may help.
    #[must_use]
    pub fn is_pressure(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Contended(_))
    }

    /// The same failure, where something may have been written before it: it must not read as a call that did nothing.
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
    // S3's code for throttling.
    "SlowDown",
];

impl<E> From<SdkError<E>> for StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        let text = said(&error);
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

/// The service's error, or why the service could not be asked: for people, so without the answer's bytes and headers.
fn said<E: ProvideErrorMetadata + std::error::Error + 'static>(error: &SdkError<E>) -> String {
    if let SdkError::ServiceError(service) = error {
        let (code, message) = (service.err().code(), service.err().message());
        return format!("{}: {}", code.unwrap_or("no code"), message.unwrap_or("no message"));
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(because) = cause {
        text.push_str(": ");
        text.push_str(&because.to_string());
        cause = because.source();
    }
    text
}

impl From<serde_dynamo::Error> for StoreError {
    fn from(error: serde_dynamo::Error) -> Self {
        Self::Corrupt(error.to_string())
    }
}
