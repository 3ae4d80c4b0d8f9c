//! Substring search by prefix: what an index holds of a text, and what is looked up for a word.
//!
//! A word has no white space, so whatever it matches lies within one token of a text. Every character of a token begins a
//! gram: that character and up to seven behind it. Hence a text contains a word of up to eight characters exactly if one
//! of the text's grams begins with the word; a longer word is looked up by pieces that are whole grams
//! (`docs/adr/0013`).

use crate::text::fold;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Characters of a gram.
const WIDTH: usize = 8;
/// Bytes of a folded text beyond which it is not cut into grams: it is looked into by every search instead.
const LONGEST: usize = 8_192;
/// Pieces by which a word longer than a gram is looked up.
const PIECES: usize = 4;

/// A text in the form in which an index keeps it: folded, and nothing at all if it is too long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IndexedText(String);

impl IndexedText {
    /// `None` for a text in which no word can be found.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let folded = fold(text);
        match folded.len() {
            _ if folded.trim().is_empty() => None,
            0..=LONGEST => Some(Self(folded)),
            _ => Some(Self(String::new())),
        }
    }

    /// Bytes that it takes to keep it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the text is too long to have grams of its own.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The grams under which the text is found: one per character outside white space, each once. This is the one
    /// definition that writers, removers, searches and bulk loads share.
    #[must_use]
    pub fn grams(&self) -> BTreeSet<Gram> {
        if self.is_empty() {
            return BTreeSet::from([Gram::ANY]);
        }
        let tails = |token: &str| -> Vec<Gram> {
            token.char_indices().filter_map(|(start, _)| token.get(start..)).map(Gram::beginning).collect()
        };
        self.0.split_whitespace().flat_map(tails).collect()
    }
}

/// A character and up to seven that follow it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gram(String);

impl Gram {
    /// The gram of all texts that are too long: it begins with nothing, so no word has it.
    pub const ANY: Self = Self(String::new());

    fn beginning(text: &str) -> Self {
        Self(text.chars().take(WIDTH).collect())
    }

    /// The first character, and what follows.
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        let first = self.0.chars().next().map_or(0, char::len_utf8);
        self.0.split_at_checked(first).unwrap_or_default()
    }
}

/// What a folded word without white space is looked up by: every text that contains the word has, for each of these, a gram
/// that begins with it.
#[must_use]
pub fn pieces(word: &str) -> Vec<Gram> {
    let letters: Vec<char> = word.chars().collect();
    let Some(last) = letters.len().checked_sub(WIDTH).filter(|last| *last > 0) else {
        return vec![Gram(word.to_owned())];
    };
    // From the first to the last possible one, evenly: what many words share is often only one end.
    let steps = last.min(PIECES - 1);
    let piece = |step: usize| letters.iter().skip(step * last / steps).take(WIDTH).collect();
    (0..=steps).map(|step| Gram(piece(step))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grams(text: &str) -> Vec<String> {
        IndexedText::of(text).map_or_else(Vec::new, |text| text.grams().into_iter().map(|gram| gram.0).collect())
    }

    /// Whether an index with the grams of `text` finds `word`.
    fn finds(text: &str, word: &str) -> bool {
        let grams = grams(text);
        pieces(word).iter().all(|piece| grams.iter().any(|gram| gram.starts_with(&piece.0)))
    }

    #[test]
    fn every_character_begins_a_gram() {
        assert_eq!(grams("Ёж!"), ["!", "еж!", "ж!"]);
        assert_eq!(grams("a b"), ["a", "b"]);
        assert_eq!(grams("abcdefghij").first().map(String::as_str), Some("abcdefgh"));
        assert_eq!(grams(" \t "), Vec::<String>::new());
        assert_eq!(grams(&"x".repeat(LONGEST + 1)), [""]);
        assert_eq!(grams(&"x".repeat(LONGEST)).len(), WIDTH);
    }

    #[test]
    fn pieces_cover_both_ends_of_a_long_word() {
        let text = |word: &str| pieces(word).into_iter().map(|piece| piece.0).collect::<Vec<_>>();
        assert_eq!(text("a"), ["a"]);
        assert_eq!(text("abcdefgh"), ["abcdefgh"]);
        assert_eq!(text("abcdefghi"), ["abcdefgh", "bcdefghi"]);
        assert_eq!(text("0123456789abcdef").len(), PIECES);
        assert_eq!(text("0123456789abcdef").last().map(String::as_str), Some("89abcdef"));
    }

    #[test]
    fn parts_are_a_character_and_the_rest() {
        assert_eq!(Gram("ёж".into()).parts(), ("ё", "ж"));
        assert_eq!(Gram::ANY.parts(), ("", ""));
    }

    proptest! {
        #[test]
        fn what_a_text_contains_is_found(text in "[abц ]{0,30}", start in 0_usize..30, length in 1_usize..20) {
            let part: String = fold(&text).chars().skip(start).take(length).collect();
            for word in part.split_whitespace() {
                prop_assert!(finds(&text, word), "{:?}", word);
            }
        }

        #[test]
        fn a_short_word_is_found_only_where_it_is(text in "[abц ]{0,20}", word in "[abц]{1,8}") {
            prop_assert_eq!(finds(&text, &word), fold(&text).contains(&word));
        }

        #[test]
        fn any_script_is_found(text in "\\PC{1,30}", start in 0_usize..30, length in 1_usize..12) {
            let folded = fold(&text);
            let part: String = folded.chars().skip(start).take(length).collect();
            for word in part.split_whitespace() {
                prop_assert!(finds(&text, word), "{:?} in {:?}", word, folded);
            }
        }
    }
}
