//! In which order texts stand: by the primary weights of the root collation (decision E1).

use super::find_run;
use super::order_tables::RANKS;

/// Values of a byte of a key. Zero is left out: it separates the parts of stored keys.
const BASE: u32 = 127;
/// Ranks behind those of the table: ideographs of the first block, those of its extensions, and what has no place.
const IDEOGRAPHS: u32 = 0x1_0000;
const EXTENSIONS: u32 = 0x2_0000;
const OTHERS: u32 = 0x8_0000;

/// A text whose bytes stand in the order in which people expect the folded texts: three bytes for each character, none
/// of them zero. Code points are in no such order: `і` would stand behind `я`, a hyphen behind a blank and before a digit
/// but a low line among the letters.
#[must_use]
pub fn collation_key(folded: &str) -> String {
    folded.chars().flat_map(|letter| digits(rank(letter))).collect()
}

fn rank(letter: char) -> u32 {
    let code = u32::from(letter);
    match find_run(&RANKS, letter) {
        Some((distance, first)) => first.saturating_add(distance),
        None if is_first_block(code) => IDEOGRAPHS.saturating_add(code),
        None if (0x3400..0x4_0000).contains(&code) => EXTENSIONS.saturating_add(code),
        None => OTHERS.saturating_add(code),
    }
}

/// Unified ideographs of the block of that name, and the twelve of the block of compatibility ideographs.
const fn is_first_block(code: u32) -> bool {
    matches!(
        code,
        0x4e00..=0x9fff | 0xfa0e | 0xfa0f | 0xfa11 | 0xfa13 | 0xfa14 | 0xfa1f | 0xfa21 | 0xfa23 | 0xfa24 | 0xfa27..=0xfa29
    )
}

fn digits(rank: u32) -> [char; 3] {
    let digit = |value: u32| char::from_u32(value % BASE + 1).unwrap_or('\u{1}');
    [digit(rank / (BASE * BASE)), digit(rank / BASE), digit(rank)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fold;
    use proptest::prelude::*;

    fn key(text: &str) -> String {
        collation_key(&fold(text))
    }

    #[test]
    fn letters_stand_in_their_alphabets_behind_digits_and_signs() {
        let sorted = [
            "", "_", "-", ",", ".", "@", "0", "9", "a", "b", "z", "þ", "α", "ω", "а", "г", "ґ", "д", "е", "и", "і",
            "й", "к", "я", "ա", "א", "ا", "अ", "ก", "가", "あ", "一", "龥", "㐀",
        ];
        for pair in sorted.windows(2) {
            assert!(key(pair[0]) < key(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn what_is_equal_has_one_place() {
        for (one, other) in [("Ёлка", "елка"), ("Zoë", "ZOE"), ("Straße", "STRASSE"), ("Iv\u{200b}an", "ivan")]
        {
            assert_eq!(key(one), key(other));
        }
    }

    #[test]
    fn a_text_stands_before_those_that_go_on_behind_it() {
        assert!(key("ann") < key("anna") && key("ann") < key("ann a"));
    }

    proptest! {
        #[test]
        fn every_character_takes_three_bytes_and_none_of_them_separates(text in "\\PC{0,40}") {
            let key = collation_key(&text);
            prop_assert_eq!(key.len(), text.chars().count() * 3);
            prop_assert!(!key.contains('\0'));
        }
    }
}
