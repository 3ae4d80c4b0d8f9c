//! Fields that list methods share: lists of texts, users and types, sorting, cursors.

use super::Text;
use super::fields::unfolded;
use crate::ids::UserId;
use crate::stepchat::{Refusal, UserType};
use crate::store::stepchat::lists::{Column, Place};
use crate::wire::node::Node;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;

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

/// Where a list goes on. It holds even if the user who was there has gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlaceCursor(Text);

impl PlaceCursor {
    /// The place in the order.
    pub fn read(&self) -> Result<Option<Place>, Refusal> {
        self.0.given().map(|text| Place::parse(text).ok_or(Refusal::InvalidCursor)).transpose()
    }
}

impl<'de> Deserialize<'de> for PlaceCursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(Self)
    }
}

/// Texts in a list: JSON, JSON text, PHP's brackets, or between commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts(pub Vec<String>);

impl Texts {
    /// The texts of a node that has been unfolded.
    pub(super) fn of(node: &Node) -> Self {
        let texts: Vec<&str> = match node {
            Node::List(items) => items.iter().filter_map(Node::as_text).collect(),
            Node::Map(entries) => entries.iter().filter_map(|(_, item)| item.as_text()).collect(),
            scalar => scalar.as_text().map_or_else(Vec::new, |text| text.split(',').collect()),
        };
        let texts = texts.into_iter().map(str::trim).filter(|text| !text.is_empty());
        Self(texts.map(str::to_owned).collect())
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(unfolded(Node::deserialize(deserializer)?).as_ref().map(Self::of).unwrap_or_default())
    }
}

/// Users by id, in any spelling of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserRefs(Option<Vec<UserId>>);

impl UserRefs {
    /// The users, each once; `None` if the field is blank or an empty list. What cannot be an id is nobody, which is not
    /// nothing: a list of that alone names nobody.
    #[must_use]
    pub fn named(&self) -> Option<&[UserId]> {
        self.0.as_deref()
    }

    /// The users; nobody if the field names none.
    #[must_use]
    pub fn ids(&self) -> &[UserId] {
        self.named().unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for UserRefs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = unfolded(Node::deserialize(deserializer)?);
        let given = node.filter(|node| match node {
            Node::Null => false,
            Node::List(items) => !items.is_empty(),
            Node::Map(entries) => !entries.is_empty(),
            _ => true,
        });
        let ids = |node: Node| Texts::of(&node).0.iter().filter_map(|id| UserId::parse(id)).collect::<BTreeSet<_>>();
        Ok(Self(given.map(|node| ids(node).into_iter().collect())))
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

plain_schema!(UserCursor, { "type": "string", "description": "The next_cursor of the answer before." });
plain_schema!(PlaceCursor, { "type": "string", "description": "The next_cursor of the answer before." });
plain_schema!(Texts, { "type": ["array", "string"], "description": "A list, as JSON, as JSON text, in PHP brackets, or between commas." });
plain_schema!(UserRefs, { "type": ["array", "string"], "description": "Ids of users: [1, 2], as JSON, as JSON text, in PHP brackets, or between commas." });
plain_schema!(Sorting, { "type": ["array", "string"], "description": "[\"column\", \"ASC\" or \"DESC\"]." });
plain_schema!(Types, { "type": ["array", "string"], "description": "Any of visitor, lead, user, agent, admin." });

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
    fn lists_of_users_come_in_every_spelling() {
        let ids = |node: &Node| {
            let refs = UserRefs::deserialize(node).unwrap();
            refs.named().map(|ids| ids.iter().map(|id| id.get()).collect::<Vec<_>>())
        };
        for spelled in ["[1,2]", "[\"2\",\"1\",\"1\"]", "1, 2", "2,x,1,-1", "\"1,2\"", "{\"5\":1,\"7\":2}"] {
            assert_eq!(ids(&text(spelled)), Some(vec![1, 2]), "{spelled}");
        }
        assert_eq!(ids(&Node::Map(vec![("5".into(), text("1")), ("7".into(), text("2"))])), Some(vec![1, 2]));
        assert_eq!(ids(&Node::Number("7".into())), Some(vec![7]));
        for nothing in ["", " ", "false", "[]", "{}", "null"] {
            assert_eq!(ids(&text(nothing)), None, "{nothing}");
        }
        for nobody in ["0", "abc", "[0]", "[\"abc\"]", "-1,x", "[1", "true", ",", "[\"\"]", "[null]", "[[1]]"] {
            assert_eq!(ids(&text(nobody)), Some(Vec::new()), "{nobody}");
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
