//! Phone numbers as StepChat compares them.

use unicode_normalization::UnicodeNormalization;

/// A phone number by its digits: `+7 (919) 123-12-12`, `007919…` and `7919…` are the same number (decision E17).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

impl Phone {
    /// Reads a number as people write it; `None` when no digit but zeros is in it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Full-width digits are digits.
        let digits: String = text.nfkc().filter(char::is_ascii_digit).collect();
        let number = digits.strip_prefix("00").unwrap_or(&digits);
        number.bytes().any(|digit| digit != b'0').then(|| Self(number.to_owned()))
    }

    /// The form by which two numbers are compared.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_number_is_that_number() {
        for spelling in [
            "+79191231212",
            "0079191231212",
            "79191231212",
            " 79191231212",
            "+7 919 123-12-12",
            "+7 (919) 123.12.12",
            "00 7 919 1231212",
            "\u{202a}+7\u{a0}919\u{a0}1231212\u{202c}",
            "tel:+79191231212",
            "＋７９１９１２３１２１２",
        ] {
            assert_eq!(Phone::parse(spelling).unwrap().key(), "79191231212", "{spelling:?}");
        }
    }

    #[test]
    fn nothing_is_not_a_number() {
        for nothing in ["", " ", "+", "00", "0", "none", "-"] {
            assert_eq!(Phone::parse(nothing), None, "{nothing:?}");
        }
    }
}
