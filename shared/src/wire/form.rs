//! `application/x-www-form-urlencoded`, in bodies and query strings.

use super::inbound::Malformed;
use percent_encoding::percent_decode_str;

/// The pairs of a urlencoded text, in order. `+` is a space; bytes that are no UTF-8 are refused, not replaced.
/// `;` does not separate: Voximplant's lists carry it unencoded (reference/voximplant.md §1.2).
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, Malformed> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        })
        .collect()
}

fn decoded(text: &str) -> Result<String, Malformed> {
    let spaced = text.replace('+', " ");
    let bytes: Vec<u8> = percent_decode_str(&spaced).collect();
    String::from_utf8(bytes).map_err(|_| Malformed::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plus_and_percent_20_are_spaces_and_semicolons_stay() {
        let pairs = parse("a=1+2%203&user_id=3;55&empty=&bare&&x=%2B").unwrap();
        let expected = [("a", "1 2 3"), ("user_id", "3;55"), ("empty", ""), ("bare", ""), ("x", "+")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn bytes_that_are_no_utf8_are_refused() {
        assert_eq!(parse("a=%FF%FE"), Err(Malformed::NotUtf8));
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_is_read_back(value in "\\PC{0,30}") {
            let encoded = percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC);
            prop_assert_eq!(parse(&format!("k={encoded}")).unwrap(), [("k".to_owned(), value)]);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }
    }
}
