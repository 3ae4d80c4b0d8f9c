//! A request as the pipeline sees it, however it came.

use super::content::{self, Charset, Encoding};
use super::cookie::Cookies;
use super::malformed::Malformed;
use super::node::Node;
use super::params::{Params, Source};
use super::{form, json, multipart};
use crate::limits::{MAX_BODY_BYTES, MAX_IDEMPOTENCY_KEY_CHARS};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Method, Request};
use std::fmt;
use std::net::IpAddr;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The field that holds an idempotency key where there is no header (decision E8).
pub const IDEMPOTENCY_FIELD: &str = "idempotency_key";
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// How a body is treated that is declared as JSON but is no object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonObjectJson {
    /// The request is refused.
    Refused,
    /// The body is ignored: hand-written Voximplant callers post meaningless bodies in addition to their query
    /// (reference/voximplant.md §0.1).
    Ignored,
}

/// A request, read.
#[derive(Clone)]
pub struct Inbound {
    /// The path as it was asked for.
    pub path: String,
    /// All parameters.
    pub params: Params,
    /// The token of `Authorization: Bearer …`.
    pub bearer: Option<String>,
    /// Whether `Accept` asks for JSON's own content type (decisions D41 and E13).
    pub accepts_json: bool,
    /// The host the caller used; `None` if it named none, or one that cannot be part of an address.
    pub host: Option<String>,
    /// `Idempotency-Key` header, else the field `idempotency_key` (decision E8).
    pub idempotency_key: Option<String>,
    /// The cookies.
    pub cookies: Cookies,
    /// Whether the caller used HTTPS, according to the server that ended the encryption.
    pub https: bool,
    /// The address that the connection comes from: often a server that calls for its users.
    pub source: Option<IpAddr>,
}

/// The address at the other end of the connection. The server that accepted it adds this extension to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Says that the server that accepted the request could not read it. As an extension of a substitute request, it makes
/// the pipeline refuse it like any other unreadable request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable(pub Malformed);

/// Parameters and tokens are secrets: only the path is shown.
impl fmt::Debug for Inbound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Inbound").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Inbound {
    /// Reads a request: query and body in any of the clients' encodings.
    ///
    /// A body is ignored if its content type names no encoding of fields, or if it has no type and is no form;
    /// `non_object` says how a body is treated that is declared as JSON but is no object.
    pub async fn read(request: Request<Bytes>, non_object: NonObjectJson) -> Result<Self, Malformed> {
        let (head, body) = request.into_parts();
        if let Some(Unreadable(reason)) = head.extensions.get() {
            return Err(*reason);
        }
        if body.len() > MAX_BODY_BYTES {
            return Err(Malformed::TooLarge);
        }
        if head.method != Method::GET && head.method != Method::POST {
            return Err(Malformed::Verb);
        }
        let query = head.uri.query().unwrap_or_default();
        let mut sources = vec![Source::Pairs(form::parse(query.as_bytes(), Charset::Utf8)?)];
        let content_type = text(&head.headers, &CONTENT_TYPE).unwrap_or_default();
        if let Some(source) = body_source(content_type, body, non_object).await? {
            sources.push(source);
        }
        let params = Params::merge(sources)?;
        let header = match head.headers.get(IDEMPOTENCY_KEY) {
            // If a key that cannot be read were dropped, the effect could happen twice.
            Some(value) => Some(value.to_str().map_err(|_| Malformed::IdempotencyKey)?),
            None => None,
        };
        let key = header.filter(|key| !key.is_empty()).or_else(|| params.text(IDEMPOTENCY_FIELD));
        if key.is_some_and(|key| key.chars().count() > MAX_IDEMPOTENCY_KEY_CHARS) {
            return Err(Malformed::IdempotencyKey);
        }
        let idempotency_key = key.map(str::to_owned);
        Ok(Self {
            path: head.uri.path().to_owned(),
            bearer: text(&head.headers, &AUTHORIZATION).and_then(bearer),
            accepts_json: Self::accepts_json(&head.headers),
            host: text(&head.headers, &HOST).filter(|host| is_host(host)).map(str::to_owned),
            https: text(&head.headers, &FORWARDED_PROTO) == Some("https"),
            cookies: Cookies::read(&head.headers),
            source: head.extensions.get::<Peer>().map(|peer| peer.0),
            idempotency_key,
            params,
        })
    }

    /// Whether the caller wants JSON. The headers tell this even if the request cannot be read.
    #[must_use]
    pub fn accepts_json(headers: &HeaderMap) -> bool {
        content::prefers_json(headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()))
    }
}

async fn body_source(content_type: &str, body: Bytes, non_object: NonObjectJson) -> Result<Option<Source>, Malformed> {
    if body.is_empty() {
        return Ok(None);
    }
    match Encoding::of(content_type) {
        Encoding::Multipart => multipart::parse(content_type, body).await.map(|pairs| Some(Source::Pairs(pairs))),
        Encoding::Form => form_source(&body, content_type).map(Some),
        // An editor's line break after the last pair is no part of its value.
        Encoding::Untyped if content::reads_as_form(&body) => form_source(body.trim_ascii(), content_type).map(Some),
        Encoding::Json => {
            let text = content::charset(content_type)?.decode(&body)?;
            match json::parse(&text) {
                Ok(Node::Map(members)) => Ok(Some(Source::Object(members))),
                // A body that is no object is ignored, if the family's callers are known to send such bodies.
                Ok(_) | Err(Malformed::Json) if non_object == NonObjectJson::Ignored => Ok(None),
                Ok(_) => Err(Malformed::Json),
                Err(error) => Err(error),
            }
        }
        Encoding::Untyped | Encoding::Other => Ok(None),
    }
}

fn form_source(body: &[u8], content_type: &str) -> Result<Source, Malformed> {
    Ok(Source::Pairs(form::parse(body, content::charset(content_type)?)?))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}

fn bearer(value: &str) -> Option<String> {
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim().to_owned())
}

/// Whether a text is a host and perhaps a port: it becomes part of the addresses in answers.
fn is_host(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    text.bytes().all(legal) && text.parse::<Authority>().is_ok_and(|authority| !authority.host().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_host_is_told_in_addresses() {
        for host in ["localhost:9000", "127.0.0.1", "[::1]:9000", "users.example.com"] {
            assert!(is_host(host), "{host}");
        }
        for host in ["", "a b", "x\"><script>", "[::1", "a?b", "a/b", "user@host", ":80"] {
            assert!(!is_host(host), "{host}");
        }
    }

    async fn read(content_type: &str, body: &[u8]) -> Result<Inbound, Malformed> {
        let request = Request::post("/stepchat?a=query&b=query").header(CONTENT_TYPE, content_type);
        Inbound::read(request.body(Bytes::copy_from_slice(body)).unwrap(), NonObjectJson::Refused).await
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
    async fn a_form_needs_no_type_and_a_byte_order_mark_no_notice() {
        for (content_type, body) in [
            ("text/plain;charset=UTF-8", "a=1"),
            ("text/plain", "a=1\r\n"),
            ("application/x-www-form-urlencoded", "\u{feff}a=1"),
            ("text/json", "{\"a\":1}"),
            ("application/vnd.x+json", "\u{feff}{\"a\":\"1\"}"),
        ] {
            let inbound = read(content_type, body.as_bytes()).await.unwrap();
            assert_eq!(inbound.params.text("a"), Some("1"), "{content_type} {body:?}");
        }
        let untyped = Request::post("/?b=2").body(Bytes::from_static(b"a=1")).unwrap();
        assert_eq!(Inbound::read(untyped, NonObjectJson::Refused).await.unwrap().params.text("a"), Some("1"));
    }

    #[tokio::test]
    async fn a_charset_means_the_same_in_every_encoding() {
        let form = read("application/x-www-form-urlencoded; charset=ISO-8859-1", b"a=Caf%E9").await.unwrap();
        let json = read("application/json; charset=latin1", b"{\"a\":\"Caf\xe9\"}").await.unwrap();
        let part =
            b"--B\r\nContent-Disposition: form-data; name=a\r\nContent-Type: text/plain; charset=windows-1252\r\n\r\n\
                     Caf\xe9\r\n--B--\r\n";
        let multipart = read("multipart/form-data; boundary=B", part).await.unwrap();
        for inbound in [form, json, multipart] {
            assert_eq!(inbound.params.text("a"), Some("Café"));
        }
        let other = read("application/x-www-form-urlencoded; charset=koi8-r", b"a=1").await;
        assert_eq!(other.unwrap_err(), Malformed::Charset);
    }

    #[tokio::test]
    async fn bodies_above_the_limit_are_refused_unread() {
        let body = Bytes::from(vec![b'a'; MAX_BODY_BYTES + 1]);
        let refused = Inbound::read(Request::post("/").body(body).unwrap(), NonObjectJson::Refused).await;
        assert_eq!(refused.unwrap_err(), Malformed::TooLarge);
    }

    #[tokio::test]
    async fn a_meaningless_body_without_a_form_type_is_ignored() {
        assert_eq!(read("text/plain", b"whatever").await.unwrap().params.text("a"), Some("query"));
        assert_eq!(read("application/json", b"[]").await.unwrap_err(), Malformed::Json);
    }

    #[tokio::test]
    async fn where_junk_is_ignored_the_query_still_counts() {
        for non_object in ["[]", "\"\"", "{", "5"] {
            let request =
                Request::post("/?a=query").header(CONTENT_TYPE, "application/json").body(Bytes::from(non_object));
            let inbound = Inbound::read(request.unwrap(), NonObjectJson::Ignored).await.unwrap();
            assert_eq!(inbound.params.text("a"), Some("query"), "{non_object}");
        }
    }

    #[tokio::test]
    async fn an_idempotency_key_that_cannot_be_read_is_refused_not_dropped() {
        let request = Request::post("/").header("idempotency-key", "ключ".as_bytes()).body(Bytes::new()).unwrap();
        assert_eq!(Inbound::read(request, NonObjectJson::Refused).await.unwrap_err(), Malformed::IdempotencyKey);
    }

    #[test]
    fn only_the_bearer_scheme_is_a_token() {
        assert_eq!(bearer("Bearer abc"), Some("abc".into()));
        assert_eq!(bearer("bearer  abc "), Some("abc".into()));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("Bearer "), None);
    }
}
