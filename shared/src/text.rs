//! Text as people compare it: without case, accents or trailing blanks.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Folds text for equality, order and search: compatibility decomposition, no combining marks, lower case,
/// no control characters, no trailing blanks.
///
/// Both originals compare this way: StepChat by its database collation (reference/stepchat.md §2), Voximplant by
/// decision D12. Control characters go because stored sort keys use NUL as a separator.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded: String = text
        .nfkd()
        .filter(|letter| !is_combining_mark(*letter))
        .flat_map(char::to_lowercase)
        // Lower-casing can decompose again (İ → i + dot above).
        .filter(|letter| !is_combining_mark(*letter) && !letter.is_control())
        .collect();
    folded.truncate(folded.trim_end().len());
    folded
}

/// Bytes as lower-case hex digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The longest beginning of `text` that fits in `bytes` bytes and ends between two characters.
#[must_use]
pub fn prefix(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_accents_width_and_trailing_blanks_do_not_count() {
        assert_eq!(fold("ÉLODIE  "), "elodie");
        assert_eq!(fold("Ｉｖａｎ"), "ivan");
        assert_eq!(fold("ЁЖ"), "еж");
        assert_eq!(fold("İstanbul"), "istanbul");
        assert_eq!(fold("a\0b"), "ab");
    }

    #[test]
    fn hex_has_two_lower_case_digits_a_byte() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa5, 0xff]), "000fa5ff");
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }

        #[test]
        fn a_prefix_fits_and_begins_the_text(text in "\\PC{0,40}", bytes in 0_usize..60) {
            let short = prefix(&text, bytes);
            prop_assert!(short.len() <= bytes && text.starts_with(short));
        }
    }
}
