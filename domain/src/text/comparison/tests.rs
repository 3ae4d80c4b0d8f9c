//! Compares the fold with known right values, with another implementation of the root collation, and with itself.

use super::*;
use crate::text::collation::{collation_key, has_place};
use icu_collator::options::{CollatorOptions, Strength};
use icu_collator::{Collator, CollatorBorrowed};
use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;
use proptest::prelude::*;
use ring::digest::{SHA256, digest};
use std::cmp::Ordering;

/// Right values with their reasons, made with ICU 78.3 (Unicode 17, root collation of CLDR, primary strength, nothing
/// but blanks shifted); decision E1 names both files. Invisible characters are written `\uXXXX`.
const ORACLE: &str = include_str!("../testdata/oracle.tsv");
const SEARCH: &str = include_str!("../testdata/search.tsv");

fn rows(table: &str) -> impl Iterator<Item = [String; 3]> {
    table.lines().skip(1).map(|line| {
        let mut cells = line.split('\t').map(unescaped);
        [(); 3].map(|()| cells.next().unwrap())
    })
}

fn unescaped(cell: &str) -> String {
    let mut parts = cell.split("\\u");
    let first = parts.next().unwrap_or_default().to_owned();
    // Two escapes side by side may be the surrogate halves of one character.
    let units = parts.fold(first.encode_utf16().collect::<Vec<u16>>(), |mut units, part| {
        units.push(u16::from_str_radix(&part[..4], 16).unwrap());
        units.extend(part[4..].encode_utf16());
        units
    });
    String::from_utf16(&units).unwrap()
}

#[test]
fn texts_are_equal_and_different_as_the_root_collation_says() {
    let wrong: Vec<_> =
        rows(ORACLE).filter(|[one, other, expected]| (fold(one) == fold(other)) != (expected == "equal")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(rows(ORACLE).count(), 245);
}

#[test]
fn words_are_found_within_texts_as_a_reader_expects() {
    let wrong: Vec<_> =
        rows(SEARCH).filter(|[text, word, found]| fold(text).contains(&fold(word)) != (found == "yes")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(rows(SEARCH).count(), 88);
}

#[test]
fn vowel_signs_are_letters_and_so_is_short_i() {
    for (one, other) in [("रमा", "राम"), ("কমল", "কামাল"), ("กัน", "กิน"), ("андреи", "андрей")]
    {
        assert_ne!(fold(one), fold(other));
    }
}

#[test]
fn invisible_characters_make_nobody_else() {
    for mark in "\u{200b}\u{feff}\u{2060}\u{ad}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}".chars() {
        assert_eq!(fold(&format!("{mark}+79{mark}16")), "+7916", "{mark:?}");
    }
}

#[test]
fn a_text_of_ignorable_characters_folds_to_nothing() {
    for nothing in ["", " \t", "\u{200b}\u{2060}", "\u{301}", "\u{0}\u{1}"] {
        assert_eq!(fold(nothing), "", "{nothing:?}");
    }
}

#[test]
fn tabs_and_line_breaks_stay() {
    assert_eq!(fold("A\tB\r\nC\u{85}Ё"), "a\tb\r\nc\u{85}е");
}

/// All characters except those for private use and the empty planes.
fn every_character() -> impl Iterator<Item = char> {
    ('\0'..='\u{3ffff}').chain('\u{e0000}'..='\u{e0fff}')
}

/// A version of Unicode that folds any character differently changes what is stored: it needs a new [`FOLD_VERSION`],
/// and then a new value here. Characters that have no place yet may change.
#[test]
fn the_fold_of_every_character_is_that_of_its_version() {
    let mut all = String::new();
    for letter in every_character() {
        let folded = fold(&format!("{letter}."));
        if folded.chars().all(has_place) {
            all.push_str(&folded);
            all.push('\n');
        }
    }
    let print = crate::text::hex(digest(&SHA256, all.as_bytes()).as_ref());
    assert_eq!((FOLD_VERSION, print.as_str()), (2, "7517a3c4d7e3efc80918fefc0b7cf82ba9094ab36b7e6a8e588cea01daf9421a"));
}

fn root() -> CollatorBorrowed<'static> {
    let mut options = CollatorOptions::default();
    options.strength = Some(Strength::Primary);
    Collator::try_new(icu_collator::CollatorPreferences::default(), options).unwrap()
}

/// Characters assigned in the Unicode version of our tables; the other implementation has a later version.
fn assigned() -> Vec<char> {
    use GeneralCategory::{PrivateUse, Unassigned};
    let categories = CodePointMapData::<GeneralCategory>::new();
    let has_meaning = |letter: &char| ![PrivateUse, Unassigned].contains(&categories.get(*letter));
    let (known, later): (Vec<char>, Vec<char>) =
        every_character().filter(has_meaning).partition(|letter| fold(&letter.to_string()).chars().all(has_place));
    // None of the later characters is a letter to the standard library, which has the same Unicode version as our
    // tables.
    assert!(later.len() < 13_000 && !later.iter().any(|letter| letter.is_alphanumeric()), "{}", later.len());
    known
}

/// Characters that the root collation weighs together with their neighbours, or moves: prefix vowels of Thai, Lao, Tai
/// Viet and New Tai Lue, vowel signs of Tibetan. The fold does neither, since a search for parts must find what is
/// written. The replacement character sorts after everything.
fn is_reordered(letter: char) -> bool {
    matches!(
        u32::from(letter),
        0xe40..=0xe44 | 0xec0..=0xec4 | 0xf71..=0xf81 | 0xfb2 | 0xfb3 | 0x19b5..=0x19b7 | 0x19ba | 0xaab5 | 0xaab6 | 0xaab9 | 0xaabb
            | 0xaabc | 0xfffd
    )
}

#[test]
fn single_characters_are_equal_and_stand_in_order_as_another_implementation_says() {
    let root = root();
    let mut letters: Vec<(String, String)> =
        assigned().into_iter().map(|c| c.to_string()).map(|c| (fold(&c), c)).collect();
    assert!(letters.len() > 150_000, "{}", letters.len());
    // Blanks are left out, since the fold trims a blank at the end of a text.
    letters.retain(|(_, letter)| letter.trim_end() == letter && !letter.chars().any(is_reordered));
    letters.sort_by_key(|one| collation_key(&one.0));
    let mut wrong = Vec::new();
    for pair in letters.windows(2) {
        let [(one, first), (other, second)] = pair else { continue };
        let (ours, theirs) = (collation_key(one).cmp(&collation_key(other)), root.compare(first, second));
        if ours != theirs || (one == other) != (theirs == Ordering::Equal) {
            wrong.push(format!("{first:?} {second:?} {ours:?} {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}: {:#?}", wrong.len(), letters.len(), &wrong[..wrong.len().min(40)]);
}

#[test]
fn random_texts_are_equal_and_stand_in_order_as_another_implementation_says() {
    let root = root();
    let letters: Vec<char> =
        assigned().into_iter().filter(|letter| !is_reordered(*letter) && !letter.is_whitespace()).collect();
    let mut rng = fastrand::Rng::with_seed(7);
    let mut wrong = Vec::new();
    for _ in 0..100_000 {
        // Half of the characters are from one neighbourhood: alphabets matter, not only single signs.
        let middle = rng.usize(0..letters.len());
        let text = |rng: &mut fastrand::Rng| -> String {
            let near = |rng: &mut fastrand::Rng| letters[(middle + rng.usize(0..200)) % letters.len()];
            (0..rng.usize(1..5))
                .map(|_| if rng.bool() { near(rng) } else { letters[rng.usize(0..letters.len())] })
                .collect()
        };
        let (one, other) = (text(&mut rng), text(&mut rng));
        let ours = collation_key(&fold(&one)).cmp(&collation_key(&fold(&other)));
        if ours != root.compare(&one, &other) {
            wrong.push(format!("{one:?} {other:?}: {ours:?}, {:?} {:?}", fold(&one), fold(&other)));
        }
    }
    assert!(wrong.is_empty(), "{}: {:#?}", wrong.len(), &wrong[..wrong.len().min(40)]);
}

#[test]
fn a_folded_text_is_at_most_eleven_times_longer() {
    for letter in every_character() {
        let text = letter.to_string();
        assert!(fold(&text).len() <= text.len() * 11, "{letter:?}");
        assert_eq!(fold(&fold(&text)), fold(&text), "{letter:?}");
    }
}

proptest! {
    #[test]
    fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
        prop_assert_eq!(fold(&fold(&text)), fold(&text));
    }

    #[test]
    fn plain_text_folds_alike_on_both_ways(text in "[ -~\t\n\0]{0,40}") {
        prop_assert_eq!(fold_ascii(&text), fold_any(&text));
    }
}
