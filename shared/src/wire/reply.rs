//! An answer on its way out.

use super::cookie::Cookie;
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use http::{Response, StatusCode};

/// The content types answers have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyType {
    /// `application/json; charset=utf-8`: Java's official clients read JSON without a charset as ISO-8859-1 (decision
    /// E3).
    Json,
    /// `text/plain; charset=utf-8`, which keeps the documented jQuery snippet working (reference/stepchat.md §1.3).
    Text,
}

/// An answer: status, type, body, and the outcome for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200, or 429/503 for StepChat's throttling and outages; a picture that is not there has 404.
    pub status: StatusCode,
    /// Type of the body.
    pub kind: ReplyType,
    /// The body: JSON text, or a plain sentence if a picture cannot be served.
    pub body: String,
    /// `ok`, or the error code, for log and metrics.
    pub outcome: String,
    /// A cookie to set or to remove.
    pub cookie: Option<Cookie>,
}

impl From<Reply> for Response<Bytes> {
    fn from(reply: Reply) -> Self {
        let mut response = Response::new(Bytes::from(reply.body));
        *response.status_mut() = reply.status;
        let kind = match reply.kind {
            ReplyType::Json => "application/json; charset=utf-8",
            ReplyType::Text => "text/plain; charset=utf-8",
        };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // As the original sends it; which origins may call is the deployment's decision (reference/stepchat.md §1.3).
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
        if let Some(cookie) = reply.cookie.as_ref().and_then(Cookie::header) {
            headers.insert(SET_COOKIE, cookie);
        }
        response
    }
}
