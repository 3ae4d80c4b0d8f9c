//! What a search finds (reference/stepchat.md §3.2, decisions "Search").

use super::{Detail, User};
use crate::limits::MAX_COMPARED_WORDS;
use crate::text::fold;
use std::collections::HashSet;

/// A search text, folded and split into words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    words: Vec<String>,
    finds_everybody: bool,
}

impl Search {
    /// The words of a text, separated by blanks, tabs and line breaks. A text of blanks finds everybody; a text of only
    /// ignorable characters finds nobody. Words after the first fifty different ones are ignored.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let folded = fold(text);
        let mut seen = HashSet::new();
        let words = folded.split_whitespace().filter(|word| seen.insert(*word)).take(MAX_COMPARED_WORDS);
        Self { words: words.map(str::to_owned).collect(), finds_everybody: text.trim().is_empty() }
    }

    /// The words, folded. The first one counts for more than the others.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// Whether it finds everybody.
    #[must_use]
    pub fn finds_everybody(&self) -> bool {
        self.finds_everybody
    }

    /// Whether the search can find nobody.
    #[must_use]
    pub fn finds_nobody(&self) -> bool {
        self.words.is_empty() && !self.finds_everybody
    }

    /// Whether the profile alone makes a user found: a name contains any word, or the e-mail address the first word.
    #[must_use]
    pub fn finds_profile(&self, user: &User) -> bool {
        let names = [fold(user.first_name.as_str()), fold(user.last_name.as_str())];
        let by_name = self.words.iter().any(|word| names.iter().any(|name| name.contains(word)));
        self.finds_everybody || by_name || user.email.as_ref().is_some_and(|email| self.first_is_in(&email.folded()))
    }

    /// Whether any searched extra contains the first word.
    #[must_use]
    pub fn finds_details(&self, details: &[Detail]) -> bool {
        let mut searched = details.iter().filter(|detail| detail.slug.finds_users());
        searched.any(|detail| self.first_is_in(&fold(detail.value.as_str())))
    }

    fn first_is_in(&self, folded: &str) -> bool {
        self.words.first().is_some_and(|word| folded.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UserId;
    use crate::stepchat::{DetailValue, Email, Name, NewUser, Slug};
    use crate::timestamp::Timestamp;

    fn user() -> User {
        let name = |text: &str| Some(Name::parse(text).unwrap());
        let email = Some(Email::parse("Ivan@Example.com").unwrap());
        let new = NewUser { first_name: name("Иван"), last_name: name("Ёлкин"), email, ..NewUser::default() };
        new.into_user(UserId::new(1).unwrap(), Timestamp::from_millis(0), &name("x").unwrap(), 1)
    }

    #[test]
    fn any_word_finds_a_name_only_the_first_finds_an_address() {
        for (text, found) in [
            ("ива", true),
            ("nobody ЕЛК", true),
            ("example", true),
            ("nobody example", false),
            ("", true),
            ("  ", true),
        ] {
            assert_eq!(Search::parse(text).finds_profile(&user()), found, "{text:?}");
        }
    }

    #[test]
    fn tabs_and_line_breaks_separate_words_and_no_word_goes_across_one() {
        for text in ["Иван\tИванов", "Иван\nИванов", "Иван\r\nИванов", "Иван\u{a0}Иванов", "Иван\u{2028}Иванов"]
        {
            assert_eq!(Search::parse(text), Search::parse("иван иванов"), "{text:?}");
        }
        let note = |text: &str| Detail {
            slug: Slug::parse("note").unwrap(),
            name: String::new(),
            value: DetailValue::parse(text).unwrap().unwrap(),
        };
        for text in ["ab\tcd", "ab\ncd", "ab\r\ncd"] {
            assert!(Search::parse("b").finds_details(&[note(text)]) && Search::parse("c").finds_details(&[note(text)]));
            assert!(!Search::parse("bc").finds_details(&[note(text)]), "{text:?}");
        }
    }

    /// Each word is looked for in every text of everybody who may be found.
    #[test]
    fn a_search_has_no_more_than_fifty_words_and_each_once() {
        let words: Vec<String> = (0..1_000).flat_map(|number| [format!("w{number}"), format!("w{number}")]).collect();
        let many = words.join(" ");
        assert_eq!(Search::parse(&many).words().count(), MAX_COMPARED_WORDS);
        let folded_apart = "\u{fdfa}".repeat(10_000);
        assert!(Search::parse(&folded_apart).words().count() <= MAX_COMPARED_WORDS);
        assert!(Search::parse(&format!("{}ива", "zz ".repeat(80_000))).finds_profile(&user()));
    }

    #[test]
    fn a_search_for_nothing_that_is_compared_finds_nobody() {
        let nothing = Search::parse("\u{200b}\u{2060}");
        assert!(nothing.finds_nobody() && !nothing.finds_everybody() && !nothing.finds_profile(&user()));
        assert!(Search::parse(" \t ").finds_everybody() && !Search::parse("").finds_nobody());
    }

    #[test]
    fn extras_are_found_but_for_the_page_a_user_looks_at() {
        let detail = |slug: &str| Detail {
            slug: Slug::parse(slug).unwrap(),
            name: String::new(),
            value: DetailValue::parse("Москва").unwrap().unwrap(),
        };
        assert!(Search::parse("моск").finds_details(&[detail("city")]));
        assert!(!Search::parse("моск").finds_details(&[detail("current_url")]));
        assert!(!Search::parse("нет моск").finds_details(&[detail("city")]));
    }
}
