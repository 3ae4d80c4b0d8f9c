//! Phone numbers as StepChat compares them.

/// A phone number without its international prefix: `+7919…`, `007919…` and `7919…` are the same number
/// (reference/stepchat.md §3.1, get-user-by).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

impl Phone {
    /// Reads a number as people write it; `None` when nothing is left to compare.
    ///
    /// One leading blank before a digit counts as `+`: that is what an unencoded `+7…` becomes in a form (§1.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let folded = crate::text::fold(text);
        let number = folded.trim();
        let number = number.strip_prefix('+').or_else(|| number.strip_prefix("00")).unwrap_or(number);
        (!number.is_empty()).then(|| Self(number.to_owned()))
    }

    /// The form by which two numbers are compared.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0
    }

    /// Every spelling under which the same number may have been stored.
    #[must_use]
    pub fn spellings(&self) -> [String; 3] {
        [self.0.clone(), format!("+{}", self.0), format!("00{}", self.0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_spellings_are_one_number() {
        for spelling in ["+79191231212", "0079191231212", "79191231212", " 79191231212"] {
            assert_eq!(Phone::parse(spelling).unwrap().key(), "79191231212", "{spelling:?}");
        }
    }

    #[test]
    fn nothing_is_not_a_number() {
        for nothing in ["", " ", "+", "00"] {
            assert_eq!(Phone::parse(nothing), None, "{nothing:?}");
        }
    }
}
