//! Substring search by prefix: which grams an index holds for a text, and which are looked up for a word.
//!
//! A word has no white space, so every match lies within one token of a text. Every indexed character of a token begins
//! a gram: that character and up to seven after it. So a fully indexed text contains a word of up to eight characters
//! exactly if one of the text's grams begins with the word. A longer word is looked up by pieces, each a full gram. A
//! text of which only the beginning is indexed is read by every search (`docs/adr/0013`).

use crate::limits::MAX_SEARCH_ENTRIES;
use crate::text::fold;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Characters of a gram.
const WIDTH: usize = 8;
/// Pieces by which a word longer than a gram is looked up.
const PIECES: usize = 4;

/// How much of a text is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Every character begins a gram.
    Whole,
    /// Only this many characters, counted from the beginning, begin a gram.
    First(usize),
}

impl Extent {
    fn characters(self) -> usize {
        match self {
            Self::Whole => usize::MAX,
            Self::First(characters) => characters,
        }
    }
}

/// A text as an index keeps it: folded, and cut to what the index needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IndexedText(String);

impl IndexedText {
    /// The part of a text that is indexed; `None` for a text in which no word can be found.
    #[must_use]
    pub fn of(text: &str, extent: Extent) -> Option<Self> {
        let folded = fold(text);
        if folded.trim().is_empty() {
            return None;
        }
        // The last gram extends past the last indexed character.
        let kept = extent.characters().saturating_add(WIDTH - 1);
        Some(Self(match folded.char_indices().nth(kept) {
            Some((end, _)) => folded.get(..end).unwrap_or(&folded).to_owned(),
            None => folded,
        }))
    }

    /// Length of the kept text in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the kept text is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The grams under which the text is found: one per indexed character outside white space, each once. This is the
    /// one definition that writers, removers, searches and bulk loads share.
    #[must_use]
    pub fn grams(&self, extent: Extent) -> BTreeSet<Gram> {
        let starts = self.0.char_indices().take(extent.characters()).filter(|(_, letter)| !letter.is_whitespace());
        starts.filter_map(|(start, _)| self.0.get(start..)).map(Gram::beginning).collect()
    }
}

/// How many characters of each of these folded texts a call may index. Together they stay within a call's limit of
/// entries (decision E9), counting the one extra entry of each text that is not fully indexed. Texts flagged as first,
/// such as names, are served first. Of the others, short texts are fully indexed and the long ones share the rest
/// equally.
#[must_use]
pub fn extents(texts: &[(&str, bool)]) -> Vec<Extent> {
    let room = MAX_SEARCH_ENTRIES.saturating_sub(texts.len());
    let wanted: Vec<usize> = texts.iter().map(|(text, _)| text.chars().take(room.saturating_add(1)).count()).collect();
    let mut given = vec![0; texts.len()];
    // Names of usual length need a tenth of the room. Names get at most three fifths, so that other texts have a share.
    let mut left = room;
    for (is_first, most) in [(true, room / 5 * 3), (false, room)] {
        let mut group: Vec<usize> =
            (0..texts.len()).filter(|at| texts.get(*at).is_some_and(|(_, first)| *first == is_first)).collect();
        group.sort_by_key(|at| wanted.get(*at));
        let mut share_of = left.min(most);
        let mut waiting = group.len();
        for at in group {
            let (Some(wanted), Some(given)) = (wanted.get(at), given.get_mut(at)) else { continue };
            *given = (*wanted).min(share_of.checked_div(waiting).unwrap_or_default());
            share_of = share_of.saturating_sub(*given);
            left = left.saturating_sub(*given);
            waiting = waiting.saturating_sub(1);
        }
    }
    let extent = |(given, wanted): (usize, usize)| if given < wanted { Extent::First(given) } else { Extent::Whole };
    given.into_iter().zip(wanted).map(extent).collect()
}

/// A character and up to seven that follow it in the same token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gram(String);

impl Gram {
    fn beginning(text: &str) -> Self {
        Self(text.chars().take(WIDTH).take_while(|letter| !letter.is_whitespace()).collect())
    }

    /// The first character, and what follows.
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        let first = self.0.chars().next().map_or(0, char::len_utf8);
        self.0.split_at_checked(first).unwrap_or_default()
    }
}

/// The pieces by which a folded word without white space is looked up. A fully indexed text that contains the word has,
/// for each piece, a gram that begins with the piece.
#[must_use]
pub fn pieces(word: &str) -> Vec<Gram> {
    let letters: Vec<char> = word.chars().collect();
    let Some(last) = letters.len().checked_sub(WIDTH).filter(|last| *last > 0) else {
        return vec![Gram(word.to_owned())];
    };
    // Spread evenly from the first possible piece to the last: many words share only one end.
    let steps = last.min(PIECES - 1);
    let piece = |step: usize| letters.iter().skip(step * last / steps).take(WIDTH).collect();
    (0..=steps).map(|step| Gram(piece(step))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grams(text: &str, extent: Extent) -> Vec<String> {
        let text = IndexedText::of(text, extent);
        text.map_or_else(Vec::new, |text| text.grams(extent).into_iter().map(|gram| gram.0).collect())
    }

    /// Whether an index with the grams of `text` finds `word`.
    fn finds(text: &str, word: &str) -> bool {
        let grams = grams(text, Extent::Whole);
        pieces(word).iter().all(|piece| grams.iter().any(|gram| gram.starts_with(&piece.0)))
    }

    #[test]
    fn every_character_begins_a_gram() {
        assert_eq!(grams("Ёж!", Extent::Whole), ["!", "еж!", "ж!"]);
        assert_eq!(grams("a b", Extent::Whole), ["a", "b"]);
        assert_eq!(grams("ab\tcd\ne", Extent::Whole), ["ab", "b", "cd", "d", "e"]);
        assert_eq!(grams("abcdefghij", Extent::Whole).first().map(String::as_str), Some("abcdefgh"));
        assert_eq!(grams(" \t ", Extent::Whole), Vec::<String>::new());
        assert_eq!(grams("\u{200b}", Extent::Whole), Vec::<String>::new());
    }

    #[test]
    fn of_a_text_that_is_not_indexed_whole_the_first_characters_begin_grams() {
        assert_eq!(grams("abcdefghijkl", Extent::First(2)), ["abcdefgh", "bcdefghi"]);
        assert_eq!(grams("a cdefghijkl", Extent::First(3)), ["a", "cdefghij"]);
        // Only the characters that these grams need are kept.
        assert_eq!(IndexedText::of(&"x".repeat(1_000), Extent::First(10)).unwrap().len(), 17);
    }

    #[test]
    fn names_come_first_short_texts_are_indexed_whole_and_long_ones_share_the_rest() {
        let (name, note, long) = ("anna", "y".repeat(30), "x".repeat(65_535));
        assert_eq!(extents(&[(name, true), (&note, false)]), [Extent::Whole, Extent::Whole]);
        let shared = extents(&[(name, true), (&note, false), (&long, false), (&long, false)]);
        let part = (MAX_SEARCH_ENTRIES - 4 - 34) / 2;
        assert_eq!(shared, [Extent::Whole, Extent::Whole, Extent::First(part), Extent::First(part)]);
        assert_eq!(extents(&[(&"x".repeat(MAX_SEARCH_ENTRIES - 1), false)]), [Extent::Whole]);
        assert_eq!(extents(&[(&long, false)]), [Extent::First(MAX_SEARCH_ENTRIES - 1)]);
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
    }

    proptest! {
        #[test]
        fn no_texts_write_more_entries_than_a_call_may(
            texts in proptest::collection::vec((0_usize..5_000, proptest::bool::ANY), 1..84),
        ) {
            let kept: Vec<(String, bool)> = texts.into_iter().map(|(length, first)| ("x".repeat(length), first)).collect();
            let texts: Vec<(&str, bool)> = kept.iter().map(|(text, first)| (text.as_str(), *first)).collect();
            let entries = |(extent, (text, _)): (Extent, &(&str, bool))| match extent {
                Extent::Whole => text.len(),
                Extent::First(count) => { assert!(count < text.len() && count >= 9, "{count}"); count + 1 }
            };
            prop_assert!(extents(&texts).into_iter().zip(&texts).map(entries).sum::<usize>() <= MAX_SEARCH_ENTRIES);
        }

        #[test]
        fn what_a_text_contains_is_found(text in "[abц ]{0,30}", start in 0_usize..30, length in 1_usize..20) {
            let part: String = fold(&text).chars().skip(start).take(length).collect();
            for word in part.split_whitespace() {
                prop_assert!(finds(&text, word), "{:?}", word);
            }
        }

        #[test]
        fn what_the_indexed_part_of_a_text_begins_is_found(text in "[abц ]{0,40}", start in 0_usize..40, length in 1_usize..8, count in 1_usize..40) {
            let folded = fold(&text);
            let part: String = folded.chars().skip(start).take(length).collect();
            let Some(word) = part.split_whitespace().next().filter(|_| start < count && !part.starts_with(char::is_whitespace)) else {
                return Ok(());
            };
            prop_assert!(grams(&text, Extent::First(count)).iter().any(|gram| gram.starts_with(word)), "{:?}", word);
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
