//! What a `Content-Type` says, read in one place: for a whole body, for a part of a multipart body, for JSON.

use super::malformed::Malformed;

/// A UTF-8 byte order mark. Editors and spreadsheets add it; it is no part of the text (decision E2).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The encoding of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    /// UTF-8, and ASCII as a part of it. The default if no encoding is named.
    Utf8,
    /// Windows-1252, which is also what `ISO-8859-1` means.
    Latin1,
}

impl Charset {
    /// The encoding that a label names. The labels are those of the WHATWG Encoding Standard, by which `iso-8859-1`,
    /// `latin1` and `windows-1252` are one encoding; but a text labelled ASCII is read as UTF-8, since clients that
    /// send more than ASCII under that label send UTF-8.
    fn named(label: &str) -> Result<Self, Malformed> {
        match label.trim().to_ascii_lowercase().as_str() {
            "" | "utf-8" | "utf8" | "utf_8" | "unicode-1-1-utf-8" | "unicode11utf8" | "unicode20utf8"
            | "x-unicode20utf8" | "us-ascii" | "ascii" | "ansi_x3.4-1968" => Ok(Self::Utf8),
            "iso-8859-1" | "iso8859-1" | "iso88591" | "iso_8859-1" | "iso_8859-1:1987" | "iso-ir-100"
            | "csisolatin1" | "latin1" | "latin-1" | "l1" | "cp819" | "ibm819" | "windows-1252" | "cp1252"
            | "x-cp1252" => Ok(Self::Latin1),
            _ => Err(Malformed::Charset),
        }
    }

    /// The text of these bytes. A byte order mark is removed and means that the rest is UTF-8.
    pub(super) fn decode(self, bytes: &[u8]) -> Result<String, Malformed> {
        let (bytes, charset) = match bytes.strip_prefix(BYTE_ORDER_MARK) {
            Some(marked) => (marked, Self::Utf8),
            None => (bytes, self),
        };
        charset.decode_value(bytes)
    }

    /// The text of these bytes, including a byte order mark.
    pub(super) fn decode_value(self, bytes: &[u8]) -> Result<String, Malformed> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Malformed::NotUtf8),
            Self::Latin1 => Ok(bytes.iter().map(|byte| windows_1252(*byte)).collect()),
        }
    }
}

/// The character of a byte of Windows-1252: the one of the same number, except for 80 to 9F (WHATWG Encoding Standard,
/// index windows-1252).
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    let high = byte.checked_sub(0x80).and_then(|place| HIGH.get(usize::from(place)));
    high.copied().unwrap_or(char::from(byte))
}

/// How a body carries fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`.
    Multipart,
    /// `application/json`, `text/json` and everything that ends in `+json`.
    Json,
    /// No type, or `text/plain`: a form, if the body reads as one. Go's official 1.x client, and a browser's `fetch`
    /// with a text, send forms in this way (decision E2).
    Untyped,
    /// Anything else: it carries no fields.
    Other,
}

impl Encoding {
    /// The encoding that a `Content-Type` names; the text is empty if there is no such header or it cannot be read.
    pub(super) fn of(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Self::Form,
            "multipart/form-data" => Self::Multipart,
            "application/json" | "text/json" => Self::Json,
            "" | "text/plain" => Self::Untyped,
            other if other.ends_with("+json") => Self::Json,
            _ => Self::Other,
        }
    }
}

/// The encoding that the value of a `Content-Type` header names for its text.
pub(super) fn charset(content_type: &str) -> Result<Charset, Malformed> {
    let named = content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    });
    named.map_or(Ok(Charset::Utf8), Charset::named)
}

/// Whether a body without a type reads as a form: its first pair has a value, and every name has only characters that
/// field names have. Other texts are not parsed: they may be anything.
pub(super) fn reads_as_form(body: &[u8]) -> bool {
    let odd = |byte: &u8| byte.is_ascii_control() || b" {}\"<>".contains(byte);
    let mut pairs = body.trim_ascii().split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        (!name.is_empty() && !name.iter().any(odd), name.len() < pair.len())
    });
    let first = pairs.next();
    first == Some((true, true)) && pairs.all(|(named, _)| named)
}

/// Whether `Accept` names `application/json` and not `text/html`, each only if its weight is not zero: browsers, and
/// tools that imitate them, name both (decisions D41 and E13).
pub(super) fn prefers_json<'a>(accept: impl Iterator<Item = &'a str>) -> bool {
    let (mut json, mut html) = (false, false);
    for range in accept.flat_map(|value| value.split(',')) {
        let mut parameters = range.split(';').map(str::trim);
        let name = parameters.next().unwrap_or_default();
        let weight = parameters
            .filter_map(|parameter| parameter.split_once('='))
            .find_map(|(name, value)| name.trim().eq_ignore_ascii_case("q").then(|| value.trim()));
        // `0`, `0.`, `0.0`, `0.00` and `0.000` are the spellings of "not this" (RFC 9110, 12.4.2).
        let refused =
            weight.is_some_and(|weight| weight.starts_with('0') && weight.trim_start_matches(['0', '.']).is_empty());
        if !refused {
            json |= name.eq_ignore_ascii_case("application/json");
            html |= name.eq_ignore_ascii_case("text/html");
        }
    }
    json && !html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets_go_by_every_name_they_have() {
        for label in ["utf-8", "UTF8", "\"utf-8\"", "us-ascii", ""] {
            assert_eq!(charset(&format!("text/plain; charset={label}")), Ok(Charset::Utf8), "{label}");
        }
        for label in ["ISO-8859-1", "latin1", "Windows-1252", "\"iso8859-1\"", "cp1252"] {
            assert_eq!(charset(&format!("text/plain;x=y; Charset = {label}")), Ok(Charset::Latin1), "{label}");
        }
        for label in ["utf-16", "koi8-r", "iso-8859-15", "windows-1251"] {
            assert_eq!(charset(&format!("text/plain; charset={label}")), Err(Malformed::Charset), "{label}");
        }
        assert_eq!(charset("text/plain"), Ok(Charset::Utf8));
    }

    #[test]
    fn latin_1_is_read_as_windows_1252_and_a_byte_order_mark_means_utf_8() {
        assert_eq!(Charset::Latin1.decode(b"Caf\xe9 5\x80 \x9fz").unwrap(), "Café 5€ Ÿz");
        assert_eq!(Charset::Latin1.decode(b"\xef\xbb\xbfCaf\xc3\xa9").unwrap(), "Café");
        assert_eq!(Charset::Utf8.decode(b"\xef\xbb\xbfx").unwrap(), "x");
        assert_eq!(Charset::Utf8.decode(b"\xff"), Err(Malformed::NotUtf8));
    }

    #[test]
    fn the_kinds_of_bodies_go_by_their_types() {
        for (content_type, encoding) in [
            ("application/x-www-form-urlencoded; charset=UTF-8", Encoding::Form),
            ("Multipart/Form-Data; boundary=B", Encoding::Multipart),
            ("application/json", Encoding::Json),
            ("text/json;charset=utf-8", Encoding::Json),
            ("application/vnd.api+json", Encoding::Json),
            ("application/ld+JSON; profile=x", Encoding::Json),
            ("text/plain;charset=UTF-8", Encoding::Untyped),
            ("", Encoding::Untyped),
            ("text/html", Encoding::Other),
            ("application/octet-stream", Encoding::Other),
        ] {
            assert_eq!(Encoding::of(content_type), encoding, "{content_type}");
        }
    }

    #[test]
    fn a_form_is_known_by_its_names() {
        for form in ["user_id=4711", "\r\na=&b&c=<x>\n", "extra[phone][]=%2B7&x={\"a\": 1}", "\u{feff}a=1"] {
            assert!(reads_as_form(form.as_bytes()), "{form}");
        }
        for text in ["", "whatever", "a", "&", "=1", "{\"a\":\"b=c\"}", "<a b=\"c\">", "a note: b=c", "a=1&{b}=2"] {
            assert!(!reads_as_form(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn json_is_preferred_by_who_names_it_and_does_not_name_html() {
        for accept in ["application/json", "application/json, text/plain, */*", "text/html;q=0, Application/JSON;q=0.1"]
        {
            assert!(prefers_json([accept].into_iter()), "{accept}");
        }
        for accept in [
            "*/*",
            "application/*",
            "application/json;q=0",
            "application/json; q=0.000",
            "application/json,text/html,application/xhtml+xml,*/*;q=0.8",
            "application/jsonp",
            "",
        ] {
            assert!(!prefers_json([accept].into_iter()), "{accept}");
        }
        assert!(!prefers_json(["application/json", "text/html"].into_iter()), "of two headers");
    }
}
