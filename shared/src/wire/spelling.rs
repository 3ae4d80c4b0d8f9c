//! What clients mean by the values they send: nothing, a number, a list, a switch. Each is defined once, for all fields
//! of both families; dates are read by [`Timestamp::parse`](crate::timestamp::Timestamp::parse).

use super::json;
use super::node::Node;

/// Words by which programs say "nothing" or "no" when they turn a value into text: JavaScript's `String(undefined)`,
/// Python's `str(None)` and `str(False)`, and the like.
const NO_WORDS: [&str; 8] = ["", "0", "false", "null", "none", "nil", "undefined", "nan"];

/// Whether a value is `false` as callers send it: JSON `false`, the word in any case, or `0`, which is what PHP's
/// `http_build_query` makes of it.
#[must_use]
pub(super) fn is_false(node: &Node) -> bool {
    match node {
        Node::Bool(on) => !on,
        Node::Number(text) | Node::Text(text) => {
            let text = text.trim();
            text.eq_ignore_ascii_case("false") || matches!(text, "0" | "-0" | "0.0")
        }
        Node::Null | Node::List(_) | Node::Map(_) => false,
    }
}

/// Whether a field whose default the page calls `false` is not given: `null`, blank text, or [`false`](is_false)
/// (decision E6).
#[must_use]
pub(super) fn is_not_given(node: &Node) -> bool {
    is_false(node) || is_blank(node)
}

/// Whether a value is JSON `null` or blank text.
#[must_use]
pub(super) fn is_blank(node: &Node) -> bool {
    match node {
        Node::Null => true,
        Node::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// The whole number in a text: `2` also from `2.0`, ` 2 ` and `2e0`, which is how Python, pandas and Go write ids that
/// went through a float (decision E11). `None` for everything else, for negative numbers, and for numbers too large for
/// a `u64`.
#[must_use]
pub(super) fn whole_number(text: &str) -> Option<u64> {
    let (mantissa, exponent) = match text.trim().split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text.trim(), None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, fraction)) => (whole, fraction),
        None => (mantissa, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let shift = exponent.map_or(Some(0), decimal_exponent)?;
    let fraction = fraction.trim_end_matches('0');
    let zeros = shift.checked_sub(fraction.len())?;
    format!("{whole}{fraction}{}", "0".repeat(zeros)).parse().ok()
}

/// An exponent that leaves a number whole: at most twenty, since no id has more digits.
fn decimal_exponent(text: &str) -> Option<usize> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_plain = !digits.is_empty() && digits.len() <= 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|exponent| is_plain && *exponent <= 20)
}

/// Whether a switch is on by PHP's truthiness: everything is on except `null`, an empty list or object, and the words
/// for no.
#[must_use]
pub(super) fn is_on(node: &Node) -> bool {
    match node {
        Node::Null => false,
        Node::List(items) => !items.is_empty(),
        Node::Map(entries) => !entries.is_empty(),
        scalar if is_false(scalar) => false,
        scalar => scalar.as_text().is_some_and(|text| {
            let text = text.trim();
            !NO_WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
        }),
    }
}

/// A switch that accepts only `true`, `false`, `1` and `0`, the numbers also as `1.0` and `0.0`.
#[must_use]
pub(super) fn boolean(text: &str) -> Option<bool> {
    let text = text.trim();
    match text {
        "1" | "1.0" => Some(true),
        "0" | "0.0" => Some(false),
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// JSON text in a field, read as JSON. If that is JSON text again, it is read once more, since some clients encode what
/// is already encoded (decision E11). Other text stays text.
#[must_use]
pub(super) fn unfolded(node: Node) -> Node {
    let once = |node: Node| match node {
        Node::Text(text) => json::parse(&text).unwrap_or(Node::Text(text)),
        other => other,
    };
    match once(node) {
        // Only a text that looks like a list or an object is read again: the text `"5"` is a text.
        Node::Text(text) if text.trim_start().starts_with(['[', '{']) => once(Node::Text(text)),
        other => other,
    }
}

/// The value of a field whose default the page calls `false`: unfolded, or `None` if nothing was given.
#[must_use]
pub(super) fn given(node: Node) -> Option<Node> {
    if is_not_given(&node) {
        return None;
    }
    Some(unfolded(node)).filter(|node| !is_not_given(node))
}

/// The texts of a list: its scalars, or the parts of a text between commas. Blank ones are dropped.
#[must_use]
pub(super) fn texts(node: &Node) -> Vec<String> {
    let texts: Vec<&str> = match node {
        Node::List(items) => items.iter().filter_map(Node::as_text).collect(),
        Node::Map(entries) => entries.iter().filter_map(|(_, item)| item.as_text()).collect(),
        scalar => scalar.as_text().map_or_else(Vec::new, |text| text.split(',').collect()),
    };
    let texts = texts.into_iter().map(str::trim).filter(|text| !text.is_empty());
    texts.map(str::to_owned).collect()
}

/// Whether a list or an object has nothing in it.
#[must_use]
pub(super) fn is_empty_list(node: &Node) -> bool {
    match node {
        Node::List(items) => items.is_empty(),
        Node::Map(entries) => entries.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    #[test]
    fn whole_numbers_are_read_as_floats_print_them() {
        for (spelled, number) in [
            ("2", 2),
            ("2.0", 2),
            ("2.00", 2),
            (" 2 ", 2),
            ("007", 7),
            ("0", 0),
            ("2e0", 2),
            ("1e+06", 1_000_000),
            ("1.234567E6", 1_234_567),
            ("1.50e1", 15),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(whole_number(spelled), Some(number), "{spelled}");
        }
        for other in [
            "",
            " ",
            "2.5",
            "-1",
            "-0",
            "+2",
            "2.",
            ".5",
            "1e400",
            "1e-2",
            "1.5e0",
            "e3",
            "1e",
            "1e+",
            "1_000",
            "٣",
            "0x1",
            "NaN",
            "undefined",
            "[object Object]",
            "18446744073709551616",
            "9e20",
        ] {
            assert_eq!(whole_number(other), None, "{other:?}");
        }
    }

    #[test]
    fn nothing_is_said_in_every_language() {
        let nothing = [
            Node::Null,
            Node::Bool(false),
            Node::Number("0".into()),
            text(""),
            text(" "),
            text("0"),
            text("false"),
            text("False"),
        ];
        for node in nothing {
            assert!(is_not_given(&node) && given(node.clone()).is_none(), "{node:?}");
        }
        for node in [text("\"0\""), text("\"false\""), text("null")] {
            assert_eq!(given(node.clone()), None, "{node:?}");
        }
        for node in [Node::Bool(true), text("1"), text("x"), text("00"), Node::List(Vec::new())] {
            assert!(!is_not_given(&node), "{node:?}");
        }
    }

    #[test]
    fn one_more_level_of_json_is_read_and_no_text_is_harmed() {
        let list = Node::List(vec![Node::Number("2".into()), Node::Number("3".into())]);
        for spelled in ["[2,3]", "\"[2,3]\"", " [2, 3] "] {
            assert_eq!(unfolded(text(spelled)), list, "{spelled}");
        }
        assert_eq!(unfolded(text("\"5\"")), text("5"));
        assert_eq!(unfolded(text("[2")), text("[2"));
    }

    #[test]
    fn switches_follow_php_and_know_the_words_for_no() {
        for on in ["true", "1", "True", "yes", "on", "2", "no"] {
            assert!(is_on(&text(on)), "{on}");
        }
        for off in ["", " ", "0", "false", "False", "None", "null", "undefined", "NaN"] {
            assert!(!is_on(&text(off)), "{off}");
        }
        for (spelled, value) in [("TRUE", Some(true)), (" 0 ", Some(false)), ("yes", None), ("", None)] {
            assert_eq!(boolean(spelled), value, "{spelled}");
        }
    }

    proptest! {
        #[test]
        fn every_number_is_read_back_from_all_its_spellings(number in 0_u64..1_000_000_000_000) {
            prop_assert_eq!(whole_number(&number.to_string()), Some(number));
            prop_assert_eq!(whole_number(&format!("{number}.0")), Some(number));
            prop_assert_eq!(whole_number(&format!("{number}e0")), Some(number));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = (whole_number(&text), given(Node::Text(text)));
        }
    }
}
