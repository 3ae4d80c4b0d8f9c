//! `application/x-www-form-urlencoded`, in bodies and query strings.

use super::content::Charset;
use super::malformed::Malformed;
use crate::limits::MAX_FIELDS;
use percent_encoding::percent_decode;

/// The pairs of a urlencoded text, in order. `+` is a space; bytes that are invalid in the charset are refused, not
/// replaced. `;` does not separate: Voximplant's lists contain it unencoded (reference/voximplant.md §1.2).
pub(super) fn parse(text: &[u8], charset: Charset) -> Result<Vec<(String, String)>, Malformed> {
    let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    // Counted before anything is decoded: a body has room for hundreds of thousands of names.
    if pairs.clone().nth(MAX_FIELDS).is_some() {
        return Err(Malformed::TooManyFields);
    }
    pairs
        .map(|pair| {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let name = charset.decode(&unescaped(name))?;
            // A byte order mark in a value is a part of the value.
            Ok((name, charset.decode_value(&unescaped(value))?))
        })
        .collect()
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utf8(text: &str) -> Result<Vec<(String, String)>, Malformed> {
        parse(text.as_bytes(), Charset::Utf8)
    }

    #[test]
    fn plus_and_percent_20_are_spaces_and_semicolons_stay() {
        let pairs = utf8("a=1+2%203&user_id=3;55&empty=&bare&&x=%2B").unwrap();
        let expected = [("a", "1 2 3"), ("user_id", "3;55"), ("empty", ""), ("bare", ""), ("x", "+")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn bytes_that_are_no_utf8_are_refused() {
        assert_eq!(utf8("a=%FF%FE"), Err(Malformed::NotUtf8));
    }

    #[test]
    fn a_latin_1_form_is_read_as_one_encoded_or_not() {
        let expected = [("a".to_owned(), "Café".to_owned()), ("b".to_owned(), "ö".to_owned())];
        assert_eq!(parse(b"a=Caf%E9&b=\xf6", Charset::Latin1).unwrap(), expected);
    }

    #[test]
    fn a_byte_order_mark_before_the_first_name_is_nothing() {
        for text in ["\u{feff}a=1", "%EF%BB%BFa=1"] {
            assert_eq!(utf8(text).unwrap(), [("a".to_owned(), "1".to_owned())], "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_is_read_back(value in "\\PC{0,30}") {
            let encoded = percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC);
            prop_assert_eq!(utf8(&format!("k={encoded}")).unwrap(), [("k".to_owned(), value)]);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = utf8(&text);
        }
    }
}
