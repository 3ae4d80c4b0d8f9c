//! Which characters stand for a name.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// The initials of a name, in their order from left to right: each part's first letter or digit that can be drawn.
#[must_use]
pub fn initials(first: &str, last: &str, drawable: impl Fn(char) -> bool) -> Vec<char> {
    let mut found: Vec<char> = [first, last].into_iter().filter_map(|part| initial(part, &drawable)).collect();
    // These scripts run from right to left.
    if found.first().is_some_and(|letter| runs_leftwards(*letter)) {
        found.reverse();
    }
    found
}

fn initial(part: &str, drawable: &impl Fn(char) -> bool) -> Option<char> {
    // Compatibility forms (full width, ligatures) become the letters they stand for, and accents join their letters.
    let plain: String = part.nfkc().collect();
    let letters = plain.graphemes(true).filter_map(|grapheme| {
        // Signs on a letter (vowels, tones) do not count; in Thai and Lao some vowels come before their letter.
        grapheme.chars().find(|letter| !is_leading_vowel(*letter)).filter(|letter| letter.is_alphanumeric())
    });
    letters.map(|letter| raised(letter, drawable)).find(|letter| drawable(*letter))
}

/// The upper case of a letter, if that is one letter. Georgian has upper case, but does not use it for initials.
fn raised(letter: char, drawable: &impl Fn(char) -> bool) -> char {
    let mut raised = letter.to_uppercase();
    match (raised.next(), raised.next()) {
        (Some(upper), None) if !matches!(letter, '\u{10d0}'..='\u{10ff}') && drawable(upper) => upper,
        _ => letter,
    }
}

const fn is_leading_vowel(letter: char) -> bool {
    matches!(letter, '\u{0e40}'..='\u{0e44}' | '\u{0ec0}'..='\u{0ec4}')
}

/// Hebrew, Arabic, Syriac, Thaana, N'Ko and their neighbours.
const fn runs_leftwards(letter: char) -> bool {
    matches!(letter, '\u{0590}'..='\u{08ff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(first: &str, last: &str) -> String {
        initials(first, last, |_| true).into_iter().collect()
    }

    #[test]
    fn each_script_has_its_own_way() {
        for (first, last, expected) in [
            ("ivan", "petrov", "IP"),
            ("Ёлка", "жук", "ЁЖ"),
            ("e\u{301}lodie", "", "É"),
            ("ΐωάννης", "Άγγελος", "ΐΆ"),
            ("მარიამ", "ბერიძე", "მბ"),
            ("محمد", "علي", "عم"),
            ("דוד", "כהן", "כד"),
            ("शिव", "कुमार", "शक"),
            ("เอก", "ไพศาล", "อพ"),
            ("明", "王", "明王"),
            ("ひろし", "ﾔﾏﾀﾞ", "ひヤ"),
            ("민준", "김", "민김"),
            ("Ｉｖａｎ", "ﬁona", "IF"),
            ("ßar", "ŉik", "ßʼ"),
            ("\u{1f642} \u{1f1ea}\u{1f1fa} 7up", "(o'neill)", "7O"),
        ] {
            assert_eq!(of(first, last), expected, "{first} {last}");
        }
    }

    #[test]
    fn nothing_to_draw_is_no_initial() {
        assert_eq!(of("\u{1f642}", "---"), "");
        // A letter that no font has is passed over.
        assert_eq!(initials("ivan", "", |letter| letter == 'V'), ['V']);
    }
}
