//! The order of texts: by the primary weights of the root collation (decision E1).

use super::find_run;
use super::order_tables::RANKS;
use unicode_normalization::char::decompose_canonical;

/// How many values a byte of a key can have. Zero is not used: it separates the parts of stored keys.
const BASE: u32 = 127;
/// Ranks after those of the table: ideographs of the first block, ideographs of the extensions, characters without a
/// place.
const IDEOGRAPHS: u32 = 0x1_0000;
const EXTENSIONS: u32 = 0x2_0000;
const OTHERS: u32 = 0x8_0000;

/// A text whose byte order is the order in which people expect the folded texts: three bytes for each character (for
/// each sound of a Hangul syllable), none of them zero. The order of code points is another: `і` would stand after `я`,
/// a hyphen between blanks and digits but a low line among the letters.
#[must_use]
pub fn collation_key(folded: &str) -> String {
    let mut key = String::with_capacity(folded.len().saturating_mul(3));
    for letter in folded.chars() {
        // A Hangul syllable sorts by its sounds; no other character of a folded text is composed in this way.
        if ('가'..='힣').contains(&letter) {
            decompose_canonical(letter, |part| key.extend(digits(rank(part))));
        } else {
            key.extend(digits(rank(letter)));
        }
    }
    key
}

fn rank(letter: char) -> u32 {
    let code = u32::from(letter);
    match find_run(&RANKS, letter) {
        Some((distance, first)) => first.saturating_add(distance),
        None if is_first_block(code) => IDEOGRAPHS.saturating_add(code),
        None if matches!(code, 0x3400..=0x4dbf | 0x2_0000..=0x3_3479) => EXTENSIONS.saturating_add(code),
        None => OTHERS.saturating_add(code),
    }
}

/// Whether a folded character has a place in the order: it is in the table or an ideograph.
#[cfg(test)]
pub(super) fn has_place(letter: char) -> bool {
    rank(letter) < OTHERS
}

/// The unified ideographs: those of the block of that name, and twelve in the block of compatibility ideographs.
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
            "", "_", "-", ",", ".", "@", "0", "9", "a", "b", "z", "þ", "α", "ω", "а", "г", "д", "е", "и", "і", "й",
            "к", "я", "ա", "א", "ا", "अ", "ก", "가", "あ", "一", "龥", "㐀",
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
            let is_syllable = |letter: &char| ('가'..='힣').contains(letter);
            let plain = text.chars().filter(|letter| !is_syllable(letter)).count();
            let syllables = text.chars().filter(is_syllable).count();
            prop_assert!(key.len() >= plain * 3 + syllables * 6 && key.len() <= plain * 3 + syllables * 9);
            prop_assert!(!key.contains('\0'));
        }
    }
}
