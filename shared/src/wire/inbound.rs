//! A request as the pipeline sees it, whichever way it came.

use super::node::Node;
use super::params::{Params, Source};
use super::{form, json, multipart};
use crate::limits::{MAX_BODY_BYTES, MAX_IDEMPOTENCY_KEY_CHARS};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, Method, Request};
use thiserror::Error;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Why a request cannot even be read. The message says what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Body above the limit.
    #[error("the request body is larger than 256 KB")]
    TooLarge,
    /// More fields than the limit.
    #[error("the request has more than 2000 fields")]
    TooManyFields,
    /// Nesting above the limit.
    #[error("a field is nested more than 8 levels deep")]
    TooDeep,
    /// Not a JSON text.
    #[error("the body is not a JSON object")]
    Json,
    /// Not a multipart body.
    #[error("the multipart body is broken")]
    Multipart,
    /// A part in a charset other than UTF-8 or ISO-8859-1.
    #[error("a part has a charset other than UTF-8 or ISO-8859-1")]
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
    /// An idempotency key that is too long.
    #[error("an idempotency key has at most 255 characters")]
    IdempotencyKey,
}

/// A request, read.
#[derive(Debug, Clone)]
pub struct Inbound {
    /// The path as it was asked for.
    pub path: String,
    /// All parameters.
    pub params: Params,
    /// The token of `Authorization: Bearer …`.
    pub bearer: Option<String>,
    /// Whether `Accept` names JSON (decision D41).
    pub accepts_json: bool,
    /// The host the caller used, without a guess when it named none.
    pub host: Option<String>,
    /// `Idempotency-Key` header, else the field `request_id`.
    pub idempotency_key: Option<String>,
}

impl Inbound {
    /// Reads a request: query and body in any of the clients' encodings.
    ///
    /// A body whose content type says nothing of forms is read as JSON only if it is a JSON object; anything else is
    /// ignored, because hand-written Voximplant callers post meaningless bodies (reference/voximplant.md §0.1).
    pub async fn read(request: Request<Bytes>) -> Result<Self, Malformed> {
        let (head, body) = request.into_parts();
        if body.len() > MAX_BODY_BYTES {
            return Err(Malformed::TooLarge);
        }
        if head.method != Method::GET && head.method != Method::POST {
            return Err(Malformed::Verb);
        }
        let mut sources = vec![Source::Pairs(form::parse(head.uri.query().unwrap_or_default())?)];
        let content_type = text(&head.headers, &CONTENT_TYPE).unwrap_or_default();
        if let Some(source) = body_source(content_type, body).await? {
            sources.push(source);
        }
        let params = Params::merge(sources)?;
        let header = text(&head.headers, &IDEMPOTENCY_KEY);
        let idempotency_key = header.or_else(|| params.text("request_id")).map(str::to_owned);
        if idempotency_key
            .as_ref()
            .is_some_and(|key| key.chars().count() > MAX_IDEMPOTENCY_KEY_CHARS)
        {
            return Err(Malformed::IdempotencyKey);
        }
        Ok(Self {
            path: head.uri.path().to_owned(),
            bearer: text(&head.headers, &AUTHORIZATION).and_then(bearer),
            accepts_json: text(&head.headers, &ACCEPT).is_some_and(|accept| accept.contains("application/json")),
            host: text(&head.headers, &HOST).map(str::to_owned),
            idempotency_key,
            params,
        })
    }

    /// What a request that could not be read still tells: enough to answer it in its own way.
    #[must_use]
    pub fn accepts_json(headers: &HeaderMap) -> bool {
        text(headers, &ACCEPT).is_some_and(|accept| accept.contains("application/json"))
    }
}

async fn body_source(content_type: &str, body: Bytes) -> Result<Option<Source>, Malformed> {
    if body.is_empty() {
        return Ok(None);
    }
    let kind = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match kind.as_str() {
        "multipart/form-data" => multipart::parse(content_type, body)
            .await
            .map(|pairs| Some(Source::Pairs(pairs))),
        "application/x-www-form-urlencoded" => {
            let text = std::str::from_utf8(&body).map_err(|_| Malformed::NotUtf8)?;
            form::parse(text).map(|pairs| Some(Source::Pairs(pairs)))
        }
        "application/json" => {
            let text = std::str::from_utf8(&body).map_err(|_| Malformed::NotUtf8)?;
            match json::parse(text) {
                Ok(Node::Map(members)) => Ok(Some(Source::Object(members))),
                Err(Malformed::TooDeep) => Err(Malformed::TooDeep),
                _ => Err(Malformed::Json),
            }
        }
        _ => Ok(None),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .filter(|value| !value.is_empty())
}

fn bearer(value: &str) -> Option<String> {
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(content_type: &str, body: &'static [u8]) -> Result<Inbound, Malformed> {
        let request = Request::post("/stepchat?a=query&b=query").header(CONTENT_TYPE, content_type);
        Inbound::read(request.body(Bytes::from_static(body)).unwrap()).await
    }

    #[tokio::test]
    async fn every_encoding_gives_the_same_parameters() {
        let form = read("application/x-www-form-urlencoded", b"a=1").await.unwrap();
        let json = read("application/json; charset=utf-8", b"{\"a\":\"1\"}").await.unwrap();
        let multipart = read(
            "multipart/form-data; boundary=B",
            b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B--\r\n",
        );
        assert_eq!(form.params.text("a"), Some("1"));
        assert_eq!(form.params.text("b"), Some("query"));
        assert_eq!(json.params, form.params);
        assert_eq!(multipart.await.unwrap().params, form.params);
    }

    #[tokio::test]
    async fn bodies_above_the_limit_are_refused_unread() {
        let body = Bytes::from(vec![b'a'; MAX_BODY_BYTES + 1]);
        let refused = Inbound::read(Request::post("/").body(body).unwrap()).await;
        assert_eq!(refused.unwrap_err(), Malformed::TooLarge);
    }

    #[tokio::test]
    async fn a_meaningless_body_without_a_form_type_is_ignored() {
        assert_eq!(
            read("text/plain", b"whatever").await.unwrap().params.text("a"),
            Some("query")
        );
        assert_eq!(read("application/json", b"[]").await.unwrap_err(), Malformed::Json);
    }

    #[test]
    fn only_the_bearer_scheme_is_a_token() {
        assert_eq!(bearer("Bearer abc"), Some("abc".into()));
        assert_eq!(bearer("bearer  abc "), Some("abc".into()));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("Bearer "), None);
    }
}
