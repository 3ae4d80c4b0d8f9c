//! Turns what Lambda hands a function into an HTTP request, and the answer into what the gateway expects.
//!
//! `lambda_http` does this too, but it rejects an event, or panics, if something in it is not as documented: a query
//! with a raw quote, a body that is not the base64 it claims to be, a header with a control character. The caller then
//! gets the gateway's bare 500, which no client of the families can read. So every event is accepted here: what can be
//! read is read, and the rest is refused in the family's own shape.

use crate::wire::{Malformed, Peer, Unreadable, legal_target};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use lambda_http::Body;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The gateway's id of a request, kept in the request's extensions: the gateway's access log has the same id.
#[derive(Debug, Clone)]
pub(crate) struct GatewayId(pub(crate) String);

/// Most headers of a request: a gateway takes some kilobytes of them.
const MAX_HEADERS: usize = 1_000;

/// The request of an event of an API Gateway HTTP API (payload format 2.0). A request that cannot be read is marked as
/// [`Unreadable`] and keeps the headers that could be read: they decide the form of the refusal.
pub(crate) fn request(event: &RawValue) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    match serde_json::from_str(event.get()) {
        Ok(Value::Object(event)) => {
            *request.headers_mut() = headers(&event);
            if let Err(reason) = fill(&mut request, &event) {
                request.extensions_mut().insert(Unreadable(reason));
            }
        }
        _ => {
            request.extensions_mut().insert(Unreadable(Malformed::Event));
        }
    }
    request
}

fn fill(request: &mut Request<Bytes>, event: &Map<String, Value>) -> Result<(), Malformed> {
    let context = event.get("requestContext").and_then(|context| context.get("http"));
    let told = |name: &str| context.and_then(|http| http.get(name)).and_then(Value::as_str);
    if let Some(address) = told("sourceIp").and_then(|address| address.parse().ok()) {
        request.extensions_mut().insert(Peer(address));
    }
    let id = event.get("requestContext").and_then(|context| context.get("requestId")).and_then(Value::as_str);
    if let Some(id) = id {
        request.extensions_mut().insert(GatewayId(id.to_owned()));
    }
    let path = event.get("rawPath").and_then(Value::as_str).or_else(|| told("path")).unwrap_or_default();
    let query = event.get("rawQueryString").and_then(Value::as_str).unwrap_or_default();
    // A legal target can fail only by its length.
    *request.uri_mut() = legal_target(path, query).parse().map_err(|_| Malformed::UrlTooLong)?;
    *request.method_mut() = match told("method") {
        Some(name) => Method::from_bytes(name.as_bytes()).map_err(|_| Malformed::Verb)?,
        None => Method::POST,
    };
    *request.body_mut() = match event.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) if is_base64(event) => {
            Bytes::from(STANDARD.decode(text.trim_ascii()).map_err(|_| Malformed::Body)?)
        }
        Some(Value::String(text)) => Bytes::from(text.clone()),
        Some(_) => return Err(Malformed::Body),
    };
    Ok(())
}

fn is_base64(event: &Map<String, Value>) -> bool {
    match event.get("isBase64Encoded") {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(flag)) => flag.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

fn headers(event: &Map<String, Value>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let sent = event.get("headers").and_then(Value::as_object);
    for (name, value) in sent.into_iter().flatten().take(MAX_HEADERS) {
        if let (Ok(name), Some(value)) = (HeaderName::from_bytes(name.as_bytes()), header_value(value)) {
            headers.append(name, value);
        }
    }
    let cookies = event.get("cookies").and_then(Value::as_array);
    let cookies: Vec<&str> = cookies.into_iter().flatten().filter_map(Value::as_str).filter(is_plain).collect();
    if let Ok(value) = HeaderValue::from_str(&cookies.join("; "))
        && !cookies.is_empty()
    {
        headers.insert(COOKIE, value);
    }
    headers
}

fn is_plain(text: &&str) -> bool {
    !text.contains(|letter: char| letter.is_ascii_control())
}

/// A header's value. A control character, which no header can hold, becomes the replacement character: the header is
/// then present but unreadable, so that a broken idempotency key is refused, not dropped.
fn header_value(value: &Value) -> Option<HeaderValue> {
    let text = match value {
        Value::String(text) => text.replace(|letter: char| letter.is_ascii_control() && letter != '\t', "\u{fffd}"),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    HeaderValue::from_str(&text).ok()
}

/// An answer, as the gateway wants it.
pub(crate) fn response(response: Response<Bytes>) -> ApiGatewayV2httpResponse {
    let (mut head, body) = response.into_parts();
    // The gateway makes a header of each entry in an answer's `cookies`.
    let cookies = head.headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
    let cookies = cookies.map(str::to_owned).collect();
    head.headers.remove(SET_COOKIE);
    // A binary body is sent base64-encoded: pictures only.
    let body = match String::from_utf8(body.into()) {
        Ok(text) => Body::Text(text),
        Err(bytes) => Body::Binary(bytes.into_bytes()),
    };
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = i64::from(head.status.as_u16());
    answer.headers = head.headers;
    answer.cookies = cookies;
    answer.is_base64_encoded = matches!(body, Body::Binary(_));
    answer.body = Some(body);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(event: &Value) -> Request<Bytes> {
        request(&RawValue::from_string(event.to_string()).unwrap())
    }

    fn reason(event: &Value) -> Option<Malformed> {
        read(event).extensions().get::<Unreadable>().map(|unreadable| unreadable.0)
    }

    #[test]
    fn what_can_be_read_is_read() {
        let event = json!({
            "rawPath": "/platform_api/Add User",
            "rawQueryString": "user_custom_data={\"a\":1}",
            "headers": { "content-type": "text/plain", "x-odd": "a\u{1}b", "no name": "x", "number": 5, "list": [] },
            "cookies": ["a=1", "b=\u{7}", "c=3"],
            "body": "YT0x",
            "isBase64Encoded": "true",
            "requestContext": { "http": { "method": "POST", "sourceIp": "192.0.2.1" } },
        });
        let request = read(&event);
        assert_eq!(request.uri(), "/platform_api/Add%20User?user_custom_data=%7B%22a%22:1%7D");
        assert_eq!((request.method(), &request.body()[..]), (&Method::POST, &b"a=1"[..]));
        assert_eq!(request.extensions().get(), Some(&Peer("192.0.2.1".parse().unwrap())));
        assert_eq!(
            (&request.headers()["cookie"], &request.headers()["number"]),
            (&"a=1; c=3".parse().unwrap(), &"5".parse().unwrap())
        );
        assert!(request.headers()["x-odd"].to_str().is_err(), "there, and not readable");
    }

    #[test]
    fn what_cannot_be_read_is_marked() {
        let long = format!("a={}", "x".repeat(70_000));
        for (event, expected) in [
            (json!({ "body": "%%%", "isBase64Encoded": true }), Malformed::Body),
            (json!({ "body": { "a": 1 } }), Malformed::Body),
            (json!({ "rawQueryString": long }), Malformed::UrlTooLong),
            (json!({ "requestContext": { "http": { "method": "G ET" } } }), Malformed::Verb),
            (json!([]), Malformed::Event),
            (json!("x"), Malformed::Event),
        ] {
            assert_eq!(reason(&event), Some(expected), "{event}");
        }
        let lone_surrogate = RawValue::from_string(r#"{"rawPath":"\ud800"}"#.into()).unwrap();
        assert!(request(&lone_surrogate).extensions().get::<Unreadable>().is_some());
    }

    #[test]
    fn missing_parts_of_an_event_are_nothing() {
        assert_eq!(reason(&json!({})), None);
        assert_eq!(reason(&json!({ "requestContext": null, "headers": 5, "cookies": {}, "body": null })), None);
    }

    proptest! {
        #[test]
        fn no_event_makes_it_panic(name in any::<String>(), text in any::<String>(), flag in any::<bool>()) {
            let _ = read(&json!({
                "rawPath": text, "rawQueryString": name, "headers": { name.clone(): text }, "cookies": [text, name],
                "body": text, "isBase64Encoded": flag, "requestContext": { "http": { "method": name, "sourceIp": text } },
            }));
        }
    }
}
