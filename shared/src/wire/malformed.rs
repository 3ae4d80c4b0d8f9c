//! Why a request cannot be read.

use thiserror::Error;

/// Why a request cannot even be read. The message says what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Body above the limit.
    #[error("the request body is larger than 256 KB")]
    TooLarge,
    /// A path and query longer than a URL may be.
    #[error("the URL is longer than 64 KB: send the fields in the body")]
    UrlTooLong,
    /// More fields than the limit.
    #[error("the request has more than 2000 fields")]
    TooManyFields,
    /// More values than the limit, counting those of lists.
    #[error("the request has more than 20000 values")]
    TooManyValues,
    /// Nesting above the limit.
    #[error("a field is nested more than 8 levels deep")]
    TooDeep,
    /// Not a JSON text.
    #[error("the body is not a JSON object")]
    Json,
    /// Not a multipart body.
    #[error("the multipart body is broken")]
    Multipart,
    /// A charset other than UTF-8 or ISO-8859-1.
    #[error("the body or a part of it has a charset other than UTF-8 or ISO-8859-1")]
    Charset,
    /// Bytes that are no UTF-8.
    #[error("the request is not UTF-8 text")]
    NotUtf8,
    /// A NUL character in a name or value.
    #[error("a field contains a NUL character")]
    Nul,
    /// A verb other than GET and POST.
    #[error("use GET or POST")]
    Verb,
    /// An idempotency key that is too long or cannot be read.
    #[error("an idempotency key has at most 255 characters, all of them ASCII in a header")]
    IdempotencyKey,
    /// The server that accepted the request passed on a body that is not what it claims to be.
    #[error("the body did not arrive whole")]
    Body,
    /// The server that accepted the request passed on something that is no request.
    #[error("the request did not arrive whole")]
    Event,
}
