//! Extras: the details of a user beyond the profile, by slug.

use super::Refusal;
use crate::limits::MAX_DETAIL_VALUE_BYTES;
use serde::{Deserialize, Serialize};

/// The name of an extra in requests and answers, such as `phone` or `time_zone`: 1 to 191 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slug(String);

impl Slug {
    /// The slug whose value `duplicate-phone` watches.
    pub const PHONE: &'static str = "phone";

    /// Trims and lower-cases, as the original's collation compares; `None` when empty or too long.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let slug = text.trim().to_lowercase();
        (!slug.is_empty() && slug.chars().count() <= 191).then_some(Self(slug))
    }

    /// Derives the slug from a display name: `Country code` → `country_code` (decision D42).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::parse(&name.trim().replace([' ', '-'], "_"))
    }

    /// The slug as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The display name of an extra that came without one (reference/stepchat.md §2, decision D43).
#[must_use]
pub fn display_name(slug: &Slug) -> String {
    match slug.as_str() {
        "birthday" => "Birthdate".into(),
        "linkedin" => "LinkedIn".into(),
        "ip" => "IP".into(),
        "os" => "OS".into(),
        "current_url" => "Current URL".into(),
        other => {
            let spaced = other.replace(['-', '_'], " ");
            let mut letters = spaced.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
    }
}

/// The text of an extra: not empty, at most 65,535 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DetailValue(String);

impl DetailValue {
    /// `Ok(None)` for what the original does not store: nothing, or the literal `null`.
    pub fn parse(text: &str) -> Result<Option<Self>, Refusal> {
        match text.trim() {
            "" | "null" => Ok(None),
            value if value.len() > MAX_DETAIL_VALUE_BYTES => Err(Refusal::ExtraTooLong),
            value => Ok(Some(Self(value.to_owned()))),
        }
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One stored extra.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// Its slug.
    pub slug: Slug,
    /// Its display name.
    pub name: String,
    /// Its text.
    pub value: DetailValue,
}

/// What a call wants done with one extra.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DetailChange {
    /// Store it, in place of what was there.
    Set(Detail),
    /// Remove it: `update-user` with an empty value.
    Remove(Slug),
}

impl DetailChange {
    /// The slug that changes.
    #[must_use]
    pub fn slug(&self) -> &Slug {
        match self {
            Self::Set(detail) => &detail.slug,
            Self::Remove(slug) => slug,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_derived_from_slugs_as_the_original_shows_them() {
        let name = |slug: &str| display_name(&Slug::parse(slug).unwrap());
        assert_eq!(name("country_code"), "Country code");
        assert_eq!(name("linkedin"), "LinkedIn");
        assert_eq!(name("current_url"), "Current URL");
        assert_eq!(name("phone"), "Phone");
        assert_eq!(name("день-рождения"), "День рождения");
    }

    #[test]
    fn empty_and_null_values_are_not_stored() {
        for nothing in ["", "  ", "null"] {
            assert_eq!(DetailValue::parse(nothing), Ok(None));
        }
        assert_eq!(DetailValue::parse(&"x".repeat(65_536)), Err(Refusal::ExtraTooLong));
    }
}
