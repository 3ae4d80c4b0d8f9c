//! Text as people compare it: without case, accents, width and invisible characters (decision E1).

mod collation;
mod comparison;
pub mod formula;

#[rustfmt::skip]
#[allow(clippy::unreadable_literal, reason = "generated")]
mod fold_tables;
#[rustfmt::skip]
#[allow(clippy::unreadable_literal, reason = "generated")]
mod order_tables;

pub use collation::collation_key;
pub use comparison::{FOLD_VERSION, Part, fold};

/// Whether a text is a name for credentials: lower-case letters, digits and hyphens, beginning with a letter or digit,
/// at most `most` characters.
#[must_use]
pub fn is_plain_name(text: &str, most: usize) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= most && text.bytes().next().is_some_and(plain) && text.bytes().all(|byte| plain(byte) || byte == b'-')
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

/// How far a character is after the first one of its run, and the run's value; `None` outside all runs.
///
/// A table is sorted; each of its numbers is a run of characters: the first one (22 bits), how many there are and a
/// value (21 bits each).
fn find_run(table: &[u64], letter: char) -> Option<(u32, u32)> {
    const BITS: u32 = 21;
    let field = |run: u64, place: u32| u32::try_from((run >> (place * BITS)) & ((1 << BITS) - 1)).unwrap_or_default();
    let letter = u32::from(letter);
    let behind = table.partition_point(|run| field(*run, 2) <= letter);
    let run = *table.get(behind.checked_sub(1)?)?;
    let distance = letter.checked_sub(field(run, 2))?;
    (distance < field(run, 1)).then_some((distance, field(run, 0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hex_has_two_lower_case_digits_a_byte() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa5, 0xff]), "000fa5ff");
    }

    #[test]
    fn a_run_holds_its_own_characters_and_no_others() {
        let table = [(97_u64 << 42) | (3 << 21) | 7, (200 << 42) | (1 << 21)];
        for (letter, found) in [
            ('`', None),
            ('a', Some((0, 7))),
            ('c', Some((2, 7))),
            ('d', None),
            ('\u{c8}', Some((0, 0))),
            ('\u{c9}', None),
        ] {
            assert_eq!(find_run(&table, letter), found, "{letter}");
        }
    }

    proptest! {
        #[test]
        fn a_prefix_fits_and_begins_the_text(text in "\\PC{0,40}", bytes in 0_usize..60) {
            let short = prefix(&text, bytes);
            prop_assert!(short.len() <= bytes && text.starts_with(short));
        }
    }
}
