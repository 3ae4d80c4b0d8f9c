//! The envelope of every StepChat answer (decision D1).

use schemars::JsonSchema;
use serde::Serialize;
use serde::ser::Serializer;

/// `{"success":true,"response":…}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Answer<T> {
    success: bool,
    /// The method's own result.
    pub response: T,
}

impl<T> Answer<T> {
    /// A result in its envelope.
    pub fn new(response: T) -> Self {
        Self { success: true, response }
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

    #[test]
    fn a_miss_is_false_inside_the_envelope() {
        let json = |answer: &Answer<OrFalse<&str>>| serde_json::to_string(answer).unwrap();
        assert_eq!(json(&Answer::new(OrFalse::Missing)), r#"{"success":true,"response":false}"#);
        assert_eq!(json(&Answer::new(Some("x").into())), r#"{"success":true,"response":"x"}"#);
    }
}
