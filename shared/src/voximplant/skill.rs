//! Skills: what operators can do (reference/voximplant.md §3.2).

use super::Refusal;
use crate::ids::SkillId;
use serde::{Deserialize, Serialize};

/// A skill's name: 1 to 511 characters, unique in the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SkillName(String);

impl SkillName {
    /// Checks the length.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text.chars().count() < 512 { Ok(Self(text.to_owned())) } else { Err(Refusal::SkillNameTooLong) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A stored skill; it belongs to the account, not to an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skill {
    /// The id.
    pub id: SkillId,
    /// Its name.
    pub name: SkillName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stop_one_short_of_the_documented_bound() {
        assert!(SkillName::parse(&"я".repeat(511)).is_ok());
        assert_eq!(SkillName::parse(&"я".repeat(512)).unwrap_err().code(), 220);
    }
}
