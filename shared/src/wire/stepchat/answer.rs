//! The envelope of every StepChat answer (decision D1).

use crate::wire::filled_page::{FilledPage, fill_page};
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

impl<T: Serialize> Answer<Vec<T>> {
    /// Takes rows, each with its place in the order, until the answer is full. Nothing is left out silently:
    /// `next_cursor` leads to the rest.
    pub fn list(rows: impl IntoIterator<Item = (T, String)>) -> Self {
        fill_page(rows).into()
    }
}

impl<T> From<FilledPage<T, String>> for Answer<Vec<T>> {
    fn from(taken: FilledPage<T, String>) -> Self {
        let FilledPage { rows, last, full, .. } = taken;
        Self::with_cursor(rows, last.filter(|_| full))
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
        assert_eq!(Answer::list(rows(1)).next_cursor, None);
        let full = Answer::list(rows(3));
        assert_eq!((full.response.len(), full.next_cursor.as_deref()), (1, Some("0")));
        let huge = Answer::list([("x".repeat(MAX_ANSWER_BYTES + 1), "0".to_owned())]);
        assert_eq!((huge.response.len(), huge.next_cursor), (1, None));
        assert_eq!(Answer::<Vec<String>>::list([]).next_cursor, None);
    }
}
