//! Cookies of requests and of answers.

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};
use std::fmt;

/// The cookies of a request.
#[derive(Clone, Default)]
pub struct Cookies(Vec<(String, String)>);

/// Their values may be secrets.
impl fmt::Debug for Cookies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Cookies({})", self.0.len())
    }
}

impl Cookies {
    /// Reads every `Cookie` header; pairs that are no text or have no name are skipped.
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Self {
        let texts = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.split_once('='));
        Self(pairs.map(|(name, value)| (name.trim().to_owned(), unquoted(value.trim()).to_owned())).collect())
    }

    /// The value of a cookie; browsers send the most specific one first.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// A cookie of an answer, for every path of the host. It is never sent over plain HTTP and never visible to scripts.
/// Other sites can make a browser send it only by a link to us.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie {
    name: &'static str,
    value: String,
    seconds: i64,
}

/// Its value is a secret.
impl fmt::Debug for Cookie {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Cookie({})", self.name)
    }
}

impl Cookie {
    /// A cookie that is kept for so many seconds.
    #[must_use]
    pub fn new(name: &'static str, value: &str, seconds: i64) -> Self {
        Self { name, value: value.to_owned(), seconds }
    }

    /// The removal of a cookie: it has the same path, else it would be another cookie.
    #[must_use]
    pub fn removed(name: &'static str) -> Self {
        Self::new(name, "", 0)
    }

    /// The value of `Set-Cookie`; `None` if the cookie's value cannot be in one.
    #[must_use]
    pub fn header(&self) -> Option<HeaderValue> {
        let Self { name, value, seconds } = self;
        let text = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
        let mut header = HeaderValue::try_from(text).ok().filter(|_| !value.contains([';', ',', '"', '\\', ' ']))?;
        header.set_sensitive(true);
        Some(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cookies(text: &str) -> Cookies {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_str(text).unwrap());
        Cookies::read(&headers)
    }

    #[test]
    fn the_first_cookie_of_a_name_counts_quoted_or_not() {
        let cookies = cookies("a=1; sb-login=first; sb-login=second;c=\"quoted\"; bare; d=x=y");
        assert_eq!(cookies.get("sb-login"), Some("first"));
        assert_eq!(cookies.get("c"), Some("quoted"));
        assert_eq!(cookies.get("d"), Some("x=y"));
        assert_eq!(cookies.get("bare"), None);
        assert_eq!(format!("{cookies:?}"), "Cookies(5)");
    }

    #[test]
    fn a_cookie_is_for_all_paths_secure_and_out_of_reach_of_scripts() {
        let header = Cookie::new("sb-login", "abc", 60).header().unwrap();
        assert_eq!(header.to_str().unwrap(), "sb-login=abc; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax");
        let removed = Cookie::removed("sb-login").header().unwrap();
        assert_eq!(removed.to_str().unwrap(), "sb-login=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax");
        assert_eq!(Cookie::new("sb-login", "a; Domain=evil", 60).header(), None);
        assert_eq!(Cookie::new("sb-login", "a\r\nx: y", 60).header(), None);
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in "[ -~]{0,60}") {
            let _ = cookies(&text).get("a");
        }
    }
}
