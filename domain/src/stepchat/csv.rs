//! The columns of `csv-users`: how they are called, and what their names say to an import (reference/stepchat.md §3.5).
//!
//! The original's file has one column per extra name and loses the slug. Here, a name from which the slug cannot be
//! derived is followed by the slug in brackets.

use super::{Detail, Slug};
use std::fmt;

/// The first columns of every file. Those that users can be given have a [`ProfileField`](super::ProfileField).
pub const PROFILE: [&str; 7] = ["ID", "First Name", "Last Name", "Email", "Profile Image", "Type", "Creation Time"];

/// The extras with a fixed column: the column's name, and the slugs shown in it. An extra that is read from the column
/// gets the first slug.
pub const EXTRAS: [(&str, &[&str]); 10] = [
    ("Birthdate", &["birthday", "birthdate"]),
    ("City", &["city"]),
    ("Company", &["company"]),
    ("Country", &["country"]),
    ("Facebook", &["facebook"]),
    ("Language", &["language"]),
    ("LinkedIn", &["linkedin"]),
    ("Phone", &["phone"]),
    ("Twitter", &["twitter"]),
    ("Website", &["website"]),
];

/// The column of the last activity, which the original's file does not have.
pub const LAST_ACTIVITY: &str = "Last Activity (profile)";

/// Whether a fixed column fully describes an extra: reading the column gives the same extra.
#[must_use]
pub fn says_all(column: &str, detail: &Detail) -> bool {
    let slug = EXTRAS.iter().find(|(name, _)| *name == column).and_then(|(_, slugs)| slugs.first());
    detail.name == column && slug.is_some_and(|slug| *slug == detail.slug.as_str())
}

/// Separates a slug from the fixed column that shows the extra too. Columns begin with a capital letter, which no slug
/// has.
const FOR: &str = ", for ";

/// A column of an extra, after the fixed ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtraColumn {
    /// The extra's slug.
    pub slug: Slug,
    /// Its display name.
    pub name: String,
    /// The fixed column that also shows the extra, if the extra's slug or name differs from the column's.
    pub shown_in: Option<&'static str>,
}

impl ExtraColumn {
    /// Whether the name alone is enough as a header.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.shown_in.is_none()
            && !self.name.ends_with(']')
            && self.name.trim() == self.name
            && Slug::from_name(&self.name).is_some_and(|slug| slug == self.slug)
    }

    /// Reads a full header: a name, and the slug in brackets.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let (name, inside) = header.strip_suffix(']')?.rsplit_once('[')?;
        let name = name.strip_suffix(' ')?;
        let fixed = inside.rsplit_once(FOR).and_then(|(slug, column)| {
            let (name, _) = EXTRAS.iter().find(|(name, _)| *name == column)?;
            Some((slug, *name))
        });
        let (slug, shown_in) = fixed.map_or((inside, None), |(slug, column)| (slug, Some(column)));
        let slug = slug.replace("%5b", "[").replace("%5d", "]").replace("%25", "%");
        Some(Self { slug: Slug::parse(&slug)?, name: name.to_owned(), shown_in })
    }
}

/// The full header: name, slug, and the fixed column if there is one.
impl fmt::Display for ExtraColumn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slug = self.slug.as_str().replace('%', "%25").replace('[', "%5b").replace(']', "%5d");
        write!(formatter, "{} [{slug}", self.name)?;
        if let Some(column) = self.shown_in {
            write!(formatter, "{FOR}{column}")?;
        }
        formatter.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_that_tells_its_slug_needs_nothing_behind_it() {
        let plain = |name: &str, slug: &str| {
            ExtraColumn { slug: Slug::parse(slug).unwrap(), name: name.to_owned(), shown_in: None }.is_plain()
        };
        assert!(plain("Shoe size", "shoe_size"));
        for (name, slug) in [("Kundennummer", "customer_no"), ("X [y]", "x_[y]"), (" x", "x")] {
            assert!(!plain(name, slug), "{name}");
        }
    }

    #[test]
    fn a_header_in_full_names_slug_and_column() {
        let read = ExtraColumn::parse("Stadt [city, for City]").unwrap();
        assert_eq!((read.slug.as_str(), &*read.name, read.shown_in), ("city", "Stadt", Some("City")));
        for other in ["City", "Height (cm)", "x[y]", "a []"] {
            assert_eq!(ExtraColumn::parse(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn every_header_in_full_is_read_back(name in "\\PC{0,9}", slug in "[a-z%\\[\\], 5bд]{1,9}", shown in 0_usize..11) {
            prop_assume!(!slug.trim().is_empty());
            let shown_in = EXTRAS.get(shown).map(|(name, _)| *name);
            let column = ExtraColumn { slug: Slug::parse(&slug).unwrap(), name, shown_in };
            prop_assert_eq!(ExtraColumn::parse(&column.to_string()), Some(column));
        }
    }
}
