//! The target of a request, made legal. Callers put raw quotes, braces and blanks into a query (PHP's
//! `file_get_contents`, `curl -g`), and a gateway passes them on unchanged.

use percent_encoding::{AsciiSet, CONTROLS, percent_encode, utf8_percent_encode};

/// What no path may hold as it is (RFC 3986, 3.3); `%` is left, so that what is already encoded stays so.
const PATH: &AsciiSet = &QUERY.add(b'?');
/// What no query may hold as it is (RFC 3986, 3.4). Brackets are left: PHP's lists use them, and every server takes
/// them.
const QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A path and a query as the target of a request, with everything percent-encoded that is not legal there.
#[must_use]
pub fn legal_target(path: &str, query: &str) -> String {
    let slash = if path.starts_with('/') { "" } else { "/" };
    let path = utf8_percent_encode(path, PATH);
    if query.is_empty() {
        format!("{slash}{path}")
    } else {
        format!("{slash}{path}?{}", utf8_percent_encode(query, QUERY))
    }
}

/// The same for a target as it came over the wire, which may be no text at all.
#[must_use]
pub fn legal_raw_target(target: &[u8]) -> String {
    let mut parts = target.splitn(2, |byte| *byte == b'?');
    let (path, query) = (parts.next().unwrap_or_default(), parts.next());
    let query = query.map(|query| format!("?{}", percent_encode(query, QUERY))).unwrap_or_default();
    format!("{}{query}", percent_encode(path, PATH))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Uri;
    use proptest::prelude::*;

    #[test]
    fn what_is_illegal_is_encoded_and_the_rest_stays() {
        assert_eq!(
            legal_target("/platform_api/AddUser", "user_custom_data={\"a\":1} <x>&b=%20+1&c[]=И#"),
            "/platform_api/AddUser?user_custom_data=%7B%22a%22:1%7D%20%3Cx%3E&b=%20+1&c[]=%D0%98%23"
        );
        assert_eq!(legal_target("a b?c", ""), "/a%20b%3Fc");
        assert_eq!(legal_raw_target(b"/a b?c=\"\xff"), "/a%20b?c=%22%FF");
    }

    proptest! {
        #[test]
        fn every_target_is_a_uri(path in "\\PC{0,20}", query in any::<String>(), raw in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(legal_target(&path, &query).parse::<Uri>().is_ok());
            let raw = [b"/", &raw[..]].concat();
            prop_assert!(legal_raw_target(&raw).parse::<Uri>().is_ok());
        }
    }
}
