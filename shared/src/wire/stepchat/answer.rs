//! The envelope of every StepChat answer (decision D1).

use crate::wire::fitting::{Fitting, fitting};
use schemars::JsonSchema;
use serde::Serialize;
use serde::ser::Serializer;

/// `{"success":true,"response":…}`, and `next_cursor` beside them when a list goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Answer<T> {
    #[schemars(extend("const" = true))]
    success: bool,
    /// The method's own result.
    pub response: T,
    /// Present when the list goes on: ask again with it as `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> Answer<T> {
    /// A result in its envelope.
    pub fn new(response: T) -> Self {
        Self::with_cursor(response, None)
    }

    /// A part of a list, and where the next part begins if there is one.
    pub fn with_cursor(response: T, next_cursor: Option<String>) -> Self {
        Self { success: true, response, next_cursor }
    }
}

/// As many rows as one answer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// The cursor behind the last of them, if rows are left.
    pub next_cursor: Option<String>,
}

impl<T: Serialize> Filled<T> {
    /// Takes rows, each with its place in the order, until the answer is large enough; `more` says that rows follow the
    /// last one. Nothing is left out silently: what is missing is behind `next_cursor`.
    pub fn new(rows: impl IntoIterator<Item = (T, String)>, more: bool) -> Self {
        Self::of(fitting(rows), more)
    }

    /// The rows that have been taken; `more` says that rows follow the last one.
    #[must_use]
    pub fn of(taken: Fitting<T, String>, more: bool) -> Self {
        let Fitting { rows, last, full, .. } = taken;
        Self { rows, next_cursor: last.filter(|_| full || more) }
    }

    /// Whether no further row fits.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.next_cursor.is_some()
    }
}

/// A result, or `false` when nothing was found.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum OrFalse<T> {
    /// What was asked for.
    Found(T),
    /// Shown as `false`.
    #[schemars(with = "bool")]
    Missing,
}

impl<T> From<Option<T>> for OrFalse<T> {
    fn from(found: Option<T>) -> Self {
        found.map_or(Self::Missing, Self::Found)
    }
}

impl<T: Serialize> Serialize for OrFalse<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Found(found) => found.serialize(serializer),
            Self::Missing => false.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_ANSWER_BYTES;

    #[test]
    fn a_miss_is_false_inside_the_envelope() {
        let json = |answer: &Answer<OrFalse<&str>>| serde_json::to_string(answer).unwrap();
        assert_eq!(json(&Answer::new(OrFalse::Missing)), r#"{"success":true,"response":false}"#);
        assert_eq!(json(&Answer::new(Some("x").into())), r#"{"success":true,"response":"x"}"#);
    }
    #[test]
    fn a_list_that_goes_on_says_so_beside_its_response() {
        let answer = Answer::with_cursor(["a"], Some("7".into()));
        let json = serde_json::to_string(&answer).unwrap();
        assert_eq!(json, r#"{"success":true,"response":["a"],"next_cursor":"7"}"#);
    }

    #[test]
    fn rows_are_taken_until_the_answer_is_full_and_at_least_one() {
        let row = "x".repeat(MAX_ANSWER_BYTES / 2);
        let rows = |number: usize| (0..number).map(|place| (row.clone(), place.to_string()));
        assert_eq!(Filled::new(rows(1), false).next_cursor, None);
        let filled = Filled::new(rows(3), false);
        assert_eq!((filled.rows.len(), filled.next_cursor.as_deref()), (1, Some("0")));
        let huge = Filled::new([("x".repeat(MAX_ANSWER_BYTES + 1), "0".to_owned())], false);
        assert_eq!((huge.rows.len(), huge.next_cursor), (1, None));
        assert_eq!(Filled::<String>::new([], true).next_cursor, None);
    }
}
