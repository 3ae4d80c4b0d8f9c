//! Extras: the details of a user beyond the profile, by slug.

use super::Refusal;
use crate::limits::{MAX_DETAIL_VALUE_BYTES, MAX_DETAILS, MAX_DETAILS_BYTES};
use serde::{Deserialize, Serialize};

/// The name of an extra in requests and answers, such as `phone` or `time_zone`: 1 to 191 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slug(String);

impl Slug {
    /// The slug of the extra whose value is checked for `duplicate-phone`.
    pub const PHONE: &'static str = "phone";

    /// The slug of the page a user looks at. It changes on every page view.
    pub const CURRENT_URL: &'static str = "current_url";

    /// The slug of the extra whose value is checked for `duplicate-phone`.
    #[must_use]
    pub fn phone() -> Self {
        Self(Self::PHONE.to_owned())
    }

    /// The slug of the page a user looks at.
    #[must_use]
    pub fn current_url() -> Self {
        Self(Self::CURRENT_URL.to_owned())
    }

    /// Whether users can be found by this extra's values. Not by `current_url`, which changes on every page view:
    /// indexing it would cost more than the rest of the call, and one partition would take every user's page views.
    #[must_use]
    pub fn finds_users(&self) -> bool {
        self.0 != Self::CURRENT_URL
    }

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
        Slug::CURRENT_URL => "Current URL".into(),
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

/// Characters of an extra's display name, as in the original's column.
pub const MAX_LABEL_CHARS: usize = 191;

/// What a call says about one extra.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailEdit {
    /// Its slug.
    pub slug: Slug,
    /// Its display name, if the call gives one.
    pub name: Option<String>,
    /// Its text; `None` removes it.
    pub value: Option<DetailValue>,
}

impl DetailEdit {
    /// Reads the parts. A blank name is none.
    pub fn parse(slug: Slug, name: Option<&str>, value: &str) -> Result<Self, Refusal> {
        let name = name.filter(|name| !name.trim().is_empty());
        if name.is_some_and(|name| name.chars().count() > MAX_LABEL_CHARS) {
            return Err(Refusal::ExtraTooLong);
        }
        Ok(Self { slug, name: name.map(str::to_owned), value: DetailValue::parse(value)? })
    }

    /// The change for a user whose extra of this slug is `before`: an extra keeps its display name unless the call
    /// gives another.
    #[must_use]
    fn change(&self, before: Option<&Detail>) -> DetailChange {
        let Some(value) = self.value.clone() else { return DetailChange::Remove(self.slug.clone()) };
        let name = self.name.clone().or_else(|| before.map(|detail| detail.name.clone()));
        let name = name.unwrap_or_else(|| display_name(&self.slug));
        DetailChange::Set(Detail { slug: self.slug.clone(), name, value })
    }
}

/// The extras of a new user; removals are ignored.
pub fn details_of_new_user(edits: &[DetailEdit]) -> Result<Vec<Detail>, Refusal> {
    let changes = edits.iter().map(|edit| edit.change(None));
    let details: Vec<Detail> = changes
        .filter_map(|change| match change {
            DetailChange::Set(detail) => Some(detail),
            DetailChange::Remove(_) => None,
        })
        .collect();
    check_details(&[], &details)?;
    Ok(details)
}

/// The changes that a call's edits make for a user with the extras `before`.
pub fn changed_details(before: &[Detail], edits: &[DetailEdit]) -> Result<Vec<DetailChange>, Refusal> {
    let change = |edit: &DetailEdit| edit.change(before.iter().find(|detail| detail.slug == edit.slug));
    let changes: Vec<DetailChange> = edits.iter().map(change).collect();
    let untouched = before.iter().filter(|detail| !edits.iter().any(|edit| edit.slug == detail.slug));
    let set = changes.iter().filter_map(|change| match change {
        DetailChange::Set(detail) => Some(detail),
        DetailChange::Remove(_) => None,
    });
    let after: Vec<Detail> = untouched.chain(set).cloned().collect();
    check_details(before, &after)?;
    Ok(changes)
}

/// Refuses more extras than a user may have (decision E9). A user who is already above the limit may not add more.
pub fn check_details(before: &[Detail], after: &[Detail]) -> Result<(), Refusal> {
    let bytes = |details: &[Detail]| {
        let of = |detail: &Detail| {
            detail.slug.as_str().len().saturating_add(detail.name.len()).saturating_add(detail.value.as_str().len())
        };
        details.iter().map(of).sum::<usize>()
    };
    if after.len() > MAX_DETAILS && after.len() > before.len() {
        return Err(Refusal::TooManyExtras);
    }
    if bytes(after) > MAX_DETAILS_BYTES && bytes(after) > bytes(before) {
        return Err(Refusal::ExtraTooLong);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(slug: &str, name: &str, value: &str) -> Detail {
        Detail {
            slug: Slug::parse(slug).unwrap(),
            name: name.into(),
            value: DetailValue::parse(value).unwrap().unwrap(),
        }
    }

    fn edit(slug: &str, name: Option<&str>, value: &str) -> DetailEdit {
        DetailEdit::parse(Slug::parse(slug).unwrap(), name, value).unwrap()
    }

    #[test]
    fn an_extra_keeps_its_display_name_unless_another_is_given() {
        let before = [detail("customer_no", "Kundennummer", "1")];
        let changed = |name| changed_details(&before, &[edit("customer_no", name, "2")]).unwrap();
        for none in [None, Some(""), Some(" ")] {
            assert_eq!(changed(none), [DetailChange::Set(detail("customer_no", "Kundennummer", "2"))]);
        }
        assert_eq!(changed(Some("No.")), [DetailChange::Set(detail("customer_no", "No.", "2"))]);
        let new = changed_details(&before, &[edit("city", None, "Perm")]).unwrap();
        assert_eq!(new, [DetailChange::Set(detail("city", "City", "Perm"))]);
    }

    #[test]
    fn a_user_has_so_many_extras_and_no_more() {
        let many = |number: usize| (0..number).map(|n| detail(&format!("s{n}"), "S", "v")).collect::<Vec<_>>();
        assert_eq!(check_details(&many(199), &many(200)), Ok(()));
        assert_eq!(check_details(&many(200), &many(201)), Err(Refusal::TooManyExtras));
        assert_eq!(check_details(&many(203), &many(202)), Ok(()));
        let long = |number: usize| (0..number).map(|n| detail(&format!("s{n}"), "S", &"x".repeat(60_000)));
        assert_eq!(check_details(&[], &long(4).collect::<Vec<_>>()), Ok(()));
        assert_eq!(check_details(&[], &long(5).collect::<Vec<_>>()), Err(Refusal::ExtraTooLong));
    }

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
