//! What list methods share: sorting, types, and rows until the answer is full.

use super::{Error, Filled, Text, UserRow};
use crate::context::Ctx;
use crate::ids::UserId;
use crate::stepchat::{Refusal, User, UserType};
use crate::store::stepchat::finding;
use crate::store::stepchat::lists::{self, Column};
use crate::timestamp::Timestamp;
use crate::wire::Fitting;
use crate::wire::node::Node;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;

/// Profiles read at once while an answer fills.
const CHUNK: usize = 500;

/// Rows of these users in this order, until the answer is full; the cursor is the last id.
pub async fn rows(ctx: &Ctx, ids: &[UserId]) -> Result<Filled<UserRow>, Error> {
    let mut taken = Fitting::default();
    for chunk in ids.chunks(CHUNK) {
        let users = lists::profiles(ctx.store(), chunk).await?;
        if !taken.take(users.iter().map(|user| (UserRow::new(ctx, user), user.id.to_string()))) {
            break;
        }
    }
    Ok(Filled::of(taken, false))
}

/// The user behind which a list goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserCursor(Text);

impl UserCursor {
    /// The user.
    pub fn read(&self) -> Result<Option<UserId>, Refusal> {
        self.0.given().map(|text| UserId::parse(text).ok_or(Refusal::InvalidCursor)).transpose()
    }
}

impl<'de> Deserialize<'de> for UserCursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(Self)
    }
}

/// Where a list by creation goes on: the second, and the id. It holds even if the user who was there has gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserPlace(Text);

impl UserPlace {
    /// The place in the order.
    pub fn read(&self) -> Result<Option<String>, Refusal> {
        self.0.given().map(|text| Self::place(text).ok_or(Refusal::InvalidCursor)).transpose()
    }

    fn place(text: &str) -> Option<String> {
        let (seconds, id) = text.split_once('-')?;
        let millis = seconds.parse::<u32>().map(|seconds| i64::from(seconds).saturating_mul(1_000)).ok()?;
        Some(finding::created_at(UserId::parse(id)?, Timestamp::from_millis(millis)))
    }

    /// The cursor behind this user.
    #[must_use]
    pub fn behind(user: &User) -> String {
        format!("{}-{}", user.creation_time.seconds(), user.id)
    }
}

impl<'de> Deserialize<'de> for UserPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(Self)
    }
}

/// Texts in a list: JSON, JSON text, PHP's brackets, or between commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts(pub Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = match Node::deserialize(deserializer)? {
            Node::Text(text) if text.trim_start().starts_with(['[', '{']) => {
                crate::wire::json::parse(&text).unwrap_or(Node::Text(text))
            }
            other => other,
        };
        let texts: Vec<String> = match &node {
            Node::List(items) => items.iter().filter_map(Node::as_text).map(|text| text.trim().to_owned()).collect(),
            Node::Map(entries) => {
                entries.iter().filter_map(|(_, item)| item.as_text()).map(|text| text.trim().to_owned()).collect()
            }
            Node::Bool(false) => Vec::new(),
            scalar => scalar
                .as_text()
                .filter(|text| *text != "false")
                .map_or_else(Vec::new, |text| text.split(',').map(|part| part.trim().to_owned()).collect()),
        };
        Ok(Self(texts.into_iter().filter(|text| !text.is_empty()).collect()))
    }
}

/// `["column", "order"]`; what names no column is the default order, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sorting {
    /// The column.
    pub column: Column,
    /// `DESC` rather than `ASC`.
    pub descending: bool,
}

impl Default for Sorting {
    fn default() -> Self {
        Self { column: Column::CreationTime, descending: true }
    }
}

impl<'de> Deserialize<'de> for Sorting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Texts(words) = Texts::deserialize(deserializer)?;
        let mut words = words.iter();
        let column = words.next().and_then(|word| Column::parse(word));
        let ascending = words.next().is_some_and(|word| word.eq_ignore_ascii_case("asc"));
        Ok(column.map_or_else(Self::default, |column| Self { column, descending: !ascending }))
    }
}

/// Types of users. Unknown ones match nobody; none at all means every type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Types(pub Vec<UserType>);

impl Default for Types {
    fn default() -> Self {
        Self(UserType::LISTED.to_vec())
    }
}

impl<'de> Deserialize<'de> for Types {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Texts(words) = Texts::deserialize(deserializer)?;
        if words.is_empty() {
            return Ok(Self::default());
        }
        let named = UserType::LISTED.into_iter().filter(|kind| words.iter().any(|word| word == kind.as_str()));
        Ok(Self(named.collect()))
    }
}

macro_rules! schema {
    ($name:ident, $schema:tt) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

schema!(UserCursor, { "type": "string", "description": "The next_cursor of the answer before." });
schema!(UserPlace, { "type": "string", "description": "The next_cursor of the answer before." });
schema!(Texts, { "type": ["array", "string"], "description": "A list, as JSON, as JSON text, in PHP brackets, or between commas." });
schema!(Sorting, { "type": ["array", "string"], "description": "[\"column\", \"ASC\" or \"DESC\"]." });
schema!(Types, { "type": ["array", "string"], "description": "Any of visitor, lead, user, agent, admin." });

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    #[test]
    fn sorting_is_read_in_any_case_and_falls_back_to_newest_first() {
        let read = |node: Node| Sorting::deserialize(&node).unwrap();
        let by = |column, descending| Sorting { column, descending };
        assert_eq!(read(text(r#"["email","asc"]"#)), by(Column::Email, false));
        assert_eq!(read(Node::List(vec![text("last_name"), text("DESC")])), by(Column::LastName, true));
        assert_eq!(read(text("first_name")), by(Column::FirstName, true));
        for unknown in ["", "[]", r#"["password","ASC"]"#, "{"] {
            assert_eq!(read(text(unknown)), Sorting::default(), "{unknown}");
        }
    }

    #[test]
    fn unknown_types_match_nobody_and_none_means_all() {
        let read = |node: Node| Types::deserialize(&node).unwrap().0;
        assert_eq!(read(text(r#"["agent","bot","x"]"#)), [UserType::Agent]);
        assert_eq!(read(text("")).len(), 5);
        assert!(read(text(r#"["bot"]"#)).is_empty());
    }
}
