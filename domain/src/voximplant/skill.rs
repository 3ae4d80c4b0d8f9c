//! Skills: what operators can do (reference/voximplant.md §3.2).

use super::Refusal;
use super::length::text_of_length;
use crate::ids::SkillId;

text_of_length!(
    /// A skill's name: 1 to 511 characters, unique in the account.
    SkillName,
    1,
    511,
    Refusal::SkillNameTooLong
);

/// A stored skill; it belongs to the account, not to an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skill {
    /// The id.
    pub id: SkillId,
    /// Its name.
    pub name: SkillName,
}

/// Adds skills to those held, or removes them; the result is sorted, each skill once.
pub(super) fn bind(held: &mut Vec<SkillId>, skills: &[SkillId], give: bool) {
    held.retain(|skill| !skills.contains(skill));
    if give {
        held.extend_from_slice(skills);
    }
    held.sort_unstable();
    held.dedup();
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
