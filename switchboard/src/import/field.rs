//! What a column of a table can be, and how a full name is split.

use super::headers::{self, Known};
use clap::ValueEnum;
use shared::stepchat::csv::PROFILE;
use shared::stepchat::{ProfileField, Slug};
use std::fmt;

/// The slug of the extra that holds the id that a user had before the import.
pub(super) const OLD_ID: &str = "imported_id";

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Field {
    Profile(ProfileField),
    /// First and last name in one cell.
    FullName,
    CreationTime,
    LastActivity,
    /// The hash of a password, as another system made it.
    PasswordHash,
    /// The id that the user keeps.
    Id,
    /// An extra; its display name is the column's header.
    Extra(Slug),
    /// The column is not imported.
    Ignored,
}

impl Field {
    /// What a column holds that is named like a field of `add-user` or like a column of `csv-users`.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let shown = |field: &ProfileField| PROFILE.contains(&name) && field.column() == name;
        let profile = ProfileField::ALL.into_iter().find(|field| field.name() == name || shown(field));
        if let Some(field) = profile {
            return Some(Self::Profile(field));
        }
        Some(match name {
            "id" | "ID" | "user_id" => Self::Extra(Slug::parse(OLD_ID)?),
            "type" => Self::Profile(ProfileField::UserType),
            "full_name" => Self::FullName,
            "creation_time" | "Creation Time" => Self::CreationTime,
            "password_hash" => Self::PasswordHash,
            "Birthdate" | "birthdate" => Self::Extra(Slug::parse("birthday")?),
            // The last activity changes by itself; secrets must not become extras, which anybody may read.
            _ => {
                let name = name.to_lowercase().replace(' ', "_");
                return ["last_activity", "password", "token"].contains(&name.as_str()).then_some(Self::Ignored);
            }
        })
    }

    /// The field of this name in `--map`.
    pub(super) fn of_mapping(name: &str) -> Option<Self> {
        match name {
            "ignore" => Some(Self::Ignored),
            "phone" => Some(Self::Extra(Slug::phone())),
            "id" => Self::of_name("id"),
            "last_activity" => Some(Self::LastActivity),
            name => match name.strip_prefix("extra:") {
                Some(slug) => Slug::parse(slug).map(Self::Extra),
                None => Self::of_name(name).filter(|field| !matches!(field, Self::Extra(_) | Self::Ignored)),
            },
        }
    }

    /// The field whose column `csv-users` puts behind those of the extras.
    pub(super) fn of_added(column: &str) -> Option<Self> {
        ProfileField::added().find(|field| field.column() == column).map(Self::Profile)
    }

    /// What a column with this name holds, usual headers of other programs' exports included.
    pub(super) fn known(name: &str, named: Named) -> Option<Self> {
        Self::of_name(name).or_else(|| {
            Some(match headers::known(name)? {
                Known::FirstName => Self::Profile(ProfileField::FirstName),
                Known::LastName => Self::Profile(ProfileField::LastName),
                // The first name has a column of its own, so a full name is not needed.
                Known::Name | Known::FullName if named.first => Self::Ignored,
                Known::Name if named.last => Self::Profile(ProfileField::FirstName),
                Known::Name | Known::FullName => Self::FullName,
                Known::Email => Self::Profile(ProfileField::Email),
                Known::Phone => Self::Extra(Slug::phone()),
            })
        })
    }

    /// Whether the field is the extra that holds the id that a user had before.
    pub(super) fn is_old_id(&self) -> bool {
        matches!(self, Self::Extra(slug) if slug.as_str() == OLD_ID)
    }

    /// The extra with this display name, if its slug differs from the one that would be made from the name.
    pub(super) fn of_extra(name: &str) -> Option<Self> {
        Self::of_name(name).filter(|field| matches!(field, Self::Extra(_)) && name != "ID")
    }
}

/// Whether the first name has a column of its own, and whether the last name has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    first: bool,
    last: bool,
}

impl Named {
    pub(super) fn of<'a>(mut names: impl Iterator<Item = &'a str> + Clone) -> Self {
        let first = names.clone().any(|name| name == "first_name" || headers::known(name) == Some(Known::FirstName));
        Self { first, last: names.any(|name| name == "last_name" || headers::known(name) == Some(Known::LastName)) }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Profile(field) => field.name(),
            Self::FullName => "full_name",
            Self::CreationTime => "creation_time",
            Self::LastActivity => "last_activity",
            Self::PasswordHash => "password_hash",
            Self::Id => "id",
            Self::Extra(slug) => return write!(formatter, "extra:{}", slug.as_str()),
            Self::Ignored => "left out",
        })
    }
}

/// In which order a full name is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum NameOrder {
    /// `Anna Maria Schmidt`: the last word is the last name.
    #[default]
    FirstLast,
    /// `Иванов Иван Петрович`: the first word is the last name.
    LastFirst,
}

impl NameOrder {
    /// Splits a full name into first and last name. A comma always follows the last name: `Schmidt, Anna`.
    pub(super) fn split(self, name: &str) -> (&str, &str) {
        let name = name.trim();
        let (first, last) = match (name.split_once(','), self) {
            (Some((last, first)), _) => (first, last),
            (None, Self::FirstLast) => name.rsplit_once(char::is_whitespace).unwrap_or((name, "")),
            (None, Self::LastFirst) => {
                name.split_once(char::is_whitespace).map_or((name, ""), |(last, first)| (first, last))
            }
        };
        (first.trim(), last.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_name_is_split_in_its_order() {
        let (first, last) = (NameOrder::FirstLast, NameOrder::LastFirst);
        for (order, name, expected) in [
            (first, "Anna Maria Schmidt", ("Anna Maria", "Schmidt")),
            (first, "  Anna ", ("Anna", "")),
            (first, "Schmidt, Anna Maria", ("Anna Maria", "Schmidt")),
            (last, "Иванов Иван Петрович", ("Иван Петрович", "Иванов")),
            (last, "Cher", ("Cher", "")),
        ] {
            assert_eq!(order.split(name), expected, "{name}");
        }
    }
}
