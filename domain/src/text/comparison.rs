//! Which texts are equal: the fold.

use super::find_run;
use super::fold_tables::{BECOMES_ONE, BECOMES_SEVERAL, DROPPED, TEXTS};
use std::borrow::Cow;
use unicode_normalization::char::decompose_compatible;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Rises whenever any text folds to something else than before. Data stored under a folded text carries this version,
/// so that `switchboard operator rebuild` finds what an earlier version wrote. Version 1 dropped every combining mark.
pub const FOLD_VERSION: u32 = 2;

/// Folds a text for equality, search and order: two texts are equal exactly if they fold to the same.
///
/// Equality is that of Unicode's root collation at primary strength, with punctuation; trailing blanks do not count
/// (decision E1). A text of only ignorable characters folds to an empty text. The order is that of
/// [`collation_key`](super::collation_key), not of the folded characters. The tables are those of `data/README.md`.
///
/// Two folded parts, joined, may differ from the folded text: fold first, cut afterwards.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = if text.is_ascii() { fold_ascii(text) } else { fold_any(text) };
    folded.truncate(folded.trim_end().len());
    folded
}

/// Control characters are removed, as by [`DROPPED`], except those that separate words.
fn fold_ascii(text: &str) -> String {
    let mut folded = text.to_ascii_lowercase();
    folded.retain(|letter| !letter.is_ascii_control() || ('\t'..='\r').contains(&letter));
    folded
}

fn fold_any(text: &str) -> String {
    let text = composed(Cow::Borrowed(text));
    let mut folded = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        // Two vowel signs of Thai and of Lao that are written as two characters or as one.
        let joined = match (letter, letters.peek()) {
            ('\u{e4d}', Some('\u{e32}')) => Some('\u{e33}'),
            ('\u{ecd}', Some('\u{eb2}')) => Some('\u{eb3}'),
            _ => None,
        };
        if joined.is_some() {
            letters.next();
        }
        fold_character(joined.unwrap_or(letter), &mut folded);
    }
    composed(Cow::Owned(folded)).into_owned()
}

/// A text whose characters are composed as far as they can be; most are already.
fn composed(text: Cow<'_, str>) -> Cow<'_, str> {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text,
        _ => Cow::Owned(text.nfc().collect()),
    }
}

fn fold_character(letter: char, folded: &mut String) {
    if !replace(letter, folded) {
        decompose_compatible(letter, |part| {
            if part == letter || !replace(part, folded) {
                folded.extend(part.to_lowercase());
            }
        });
    }
}

/// Adds what the tables replace a character by; `false` if they do not mention it.
fn replace(letter: char, folded: &mut String) -> bool {
    if letter.is_ascii_alphanumeric() {
        folded.push(letter.to_ascii_lowercase());
    } else if let Some((distance, first)) = find_run(&BECOMES_ONE, letter) {
        folded.extend(char::from_u32(first.saturating_add(distance)));
    } else if let Some((_, text)) = find_run(&BECOMES_SEVERAL, letter) {
        let place = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let text = TEXTS.get(place(text / 64)..).and_then(|rest| rest.get(..place(text % 64)));
        folded.push_str(text.unwrap_or_default());
    } else {
        return find_run(&DROPPED, letter).is_some();
    }
    true
}

/// A part of a text that somebody looks for, compared like complete texts (decision D12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    folded: String,
    asks_nothing: bool,
}

impl Part {
    /// The part that a caller asks for.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self { folded: fold(text), asks_nothing: text.trim().is_empty() }
    }

    /// Whether a text contains the part. A part of only ignorable characters is in no text; a part of blanks asks for
    /// nothing and is in every text.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        self.asks_nothing || !self.folded.is_empty() && fold(text).contains(&self.folded)
    }

    /// The part, folded.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }
}

#[cfg(test)]
mod tests;
