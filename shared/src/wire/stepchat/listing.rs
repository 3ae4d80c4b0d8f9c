//! Fields that list methods share: lists of texts, users and types, sorting, cursors.

use super::fields::number;
use super::{Error, Text};
use crate::ids::UserId;
use crate::stepchat::{Refusal, UserType};
use crate::store::stepchat::lists::{Column, Place};
use crate::wire::node::Node;
use crate::wire::spelling;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;

/// The user behind which a list goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserCursor(Text);

impl UserCursor {
    /// The user after whom the list goes on.
    pub fn read(&self) -> Result<Option<UserId>, Refusal> {
        self.0.non_blank().map(|text| UserId::parse(text).ok_or(Refusal::InvalidCursor)).transpose()
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
        self.0.non_blank().map(|text| Place::parse(text).ok_or(Refusal::InvalidCursor)).transpose()
    }
}

impl<'de> Deserialize<'de> for PlaceCursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(Self)
    }
}

/// Names in a list: JSON, JSON text, PHP's brackets, or between commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(pub Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = spelling::given(Node::deserialize(deserializer)?);
        Ok(Self(node.as_ref().map(spelling::texts).unwrap_or_default()))
    }
}

/// Users by id, in any spelling of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserRefs {
    /// The users, each once; `None` if nothing was given.
    named: Option<Vec<UserId>>,
    /// Whether any whole number was in it, be it nobody's.
    has_numbers: bool,
}

impl UserRefs {
    fn of(node: Node) -> Self {
        // Zero is how PHP sends `false`. An optional list takes it as not given; a required list, as a list of nobody.
        let is_zero = number(&node) == Some(0);
        let given = spelling::given(node).filter(|node| !spelling::is_empty_list(node));
        let Some(node) = given else { return Self { named: None, has_numbers: is_zero } };
        let numbers: Vec<u64> = spelling::texts(&node).iter().filter_map(|id| spelling::whole_number(id)).collect();
        let ids: BTreeSet<UserId> = numbers.iter().filter_map(|id| UserId::new(*id)).collect();
        Self { named: Some(ids.into_iter().collect()), has_numbers: !numbers.is_empty() }
    }

    /// The users, each once; `None` if nothing was given. A value that cannot be an id names nobody, but counts as
    /// given: a list of only such values names nobody.
    #[must_use]
    pub fn named(&self) -> Option<&[UserId]> {
        self.named.as_deref()
    }

    /// The users; nobody if the field names none.
    #[must_use]
    pub fn ids(&self) -> &[UserId] {
        self.named().unwrap_or_default()
    }

    /// The users that a call shall act upon. A list without a single number is a mistake of the caller, which an answer
    /// of `true` would hide (decision E11).
    pub fn required(&self, field: &'static str) -> Result<&[UserId], Error> {
        if self.has_numbers {
            return Ok(self.ids());
        }
        Err(Error::InvalidArgument { field: field.into(), reason: "no id in it".into() })
    }
}

impl<'de> Deserialize<'de> for UserRefs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Node::deserialize(deserializer).map(Self::of)
    }
}

/// Users by id, or a word that stands for some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum UserSelection {
    /// Everybody: `all`, or nothing given (decision D37).
    #[default]
    Everybody,
    /// Agents and admins: `agents`.
    Staff,
    /// These.
    Named(Vec<UserId>),
}

impl<'de> Deserialize<'de> for UserSelection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        let words = spelling::given(node.clone()).as_ref().map(spelling::texts).unwrap_or_default();
        // The page has a stray `>` before the word.
        Ok(match words.as_slice() {
            [word] if word.trim_start_matches('>').eq_ignore_ascii_case("all") => Self::Everybody,
            [word] if word.eq_ignore_ascii_case("agents") => Self::Staff,
            _ => UserRefs::of(node).named.map_or(Self::Everybody, Self::Named),
        })
    }
}

/// `["column", "order"]`, or the same as a text: `column`, `column order`, `column,order`. What names no column is the
/// default order, newest first.
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
        let node = spelling::given(Node::deserialize(deserializer)?);
        let texts = node.as_ref().map(spelling::texts).unwrap_or_default();
        let mut words = texts.iter().flat_map(|text| text.split_whitespace()).map(str::to_ascii_lowercase);
        let column = words.next().and_then(|word| Column::parse(&word));
        let ascending = words.next().is_some_and(|word| matches!(word.as_str(), "asc" | "ascending"));
        Ok(column.map_or_else(Self::default, |column| Self { column, descending: !ascending }))
    }
}

/// Types of users, in any case. Unknown ones match nobody; none at all, and `all`, mean every type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Types(pub Vec<UserType>);

impl Default for Types {
    fn default() -> Self {
        Self(UserType::LISTED.to_vec())
    }
}

impl<'de> Deserialize<'de> for Types {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = spelling::given(Node::deserialize(deserializer)?);
        let words = node.as_ref().map(spelling::texts).unwrap_or_default();
        if words.is_empty() || words.iter().any(|word| word.eq_ignore_ascii_case("all")) {
            return Ok(Self::default());
        }
        let is_named = |kind: &UserType| words.iter().any(|word| word.eq_ignore_ascii_case(kind.as_str()));
        Ok(Self(UserType::LISTED.into_iter().filter(is_named).collect()))
    }
}

field_schema!(UserCursor, Cursor, { "type": "string", "description": "The next_cursor of the answer before." });
field_schema!(PlaceCursor, Cursor, { "type": "string", "description": "The next_cursor of the answer before." });
field_schema!(Names, Names, { "type": ["array", "string"], "description": "A list, as JSON, as JSON text, in PHP brackets, or between commas." });
field_schema!(UserRefs, Users, { "type": ["array", "string"], "description": "Ids of users: [1, 2], as JSON, as JSON text, in PHP brackets, or between commas." });
field_schema!(UserSelection, UsersOrWord, { "type": ["array", "string"], "description": "Ids of users: [1, 2], as JSON, as JSON text, in PHP brackets, or between commas; or a word." });
field_schema!(Sorting, Sorting, { "type": ["array", "string"], "description": "[\"column\", \"ASC\" or \"DESC\"]." });
field_schema!(Types, UserTypes, { "type": ["array", "string"], "description": "Any of visitor, lead, user, agent, admin; or all." });

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
        for spelled in ["First_Name ascending", "first_name,ASC", "FIRST_NAME asc", r#"["First_Name","Ascending"]"#] {
            assert_eq!(read(text(spelled)), by(Column::FirstName, false), "{spelled}");
        }
        for unknown in ["", "0", "false", "[]", r#"["password","ASC"]"#, "{"] {
            assert_eq!(read(text(unknown)), Sorting::default(), "{unknown}");
        }
    }

    #[test]
    fn lists_of_users_come_in_every_spelling() {
        let ids = |node: &Node| {
            let refs = UserRefs::deserialize(node).unwrap();
            refs.named().map(|ids| ids.iter().map(|id| id.get()).collect::<Vec<_>>())
        };
        for spelled in [
            "[1,2]",
            "[\"2\",\"1\",\"1\"]",
            "1, 2",
            "2,x,1,-1",
            "\"1,2\"",
            "{\"5\":1,\"7\":2}",
            "[1.0,2.0]",
            "\"[1,2]\"",
            "1.0,2e0",
        ] {
            assert_eq!(ids(&text(spelled)), Some(vec![1, 2]), "{spelled}");
        }
        assert_eq!(ids(&Node::Map(vec![("5".into(), text("1")), ("7".into(), text("2"))])), Some(vec![1, 2]));
        assert_eq!(ids(&Node::Number("7".into())), Some(vec![7]));
        for nothing in ["", " ", "0", "false", "False", "[]", "{}", "null"] {
            assert_eq!(ids(&text(nothing)), None, "{nothing}");
        }
        for nobody in [
            "abc",
            "2.5",
            "undefined",
            "[object Object]",
            "[0]",
            "[\"abc\"]",
            "-1,x",
            "[1",
            "true",
            ",",
            "[\"\"]",
            "[null]",
            "[[1]]",
        ] {
            assert_eq!(ids(&text(nobody)), Some(Vec::new()), "{nobody}");
        }
    }

    #[test]
    fn who_acts_must_name_a_number() {
        let required = |spelled: &str| {
            let refs = UserRefs::deserialize(&text(spelled)).unwrap();
            refs.required("user_ids").map(|ids| ids.iter().map(|id| id.get()).collect::<Vec<_>>())
        };
        for (spelled, ids) in [("[1,\"x\"]", vec![1]), ("0", vec![]), ("[0]", vec![]), ("[9999999999999]", vec![])] {
            assert_eq!(required(spelled).unwrap(), ids, "{spelled}");
        }
        for none in ["", "false", "[]", "abc", "[[2,3]]", "[\"\"]", "2.5", "NaN", "-1"] {
            assert_eq!(required(none).unwrap_err().code(), "invalid-argument", "{none}");
        }
    }

    #[test]
    fn a_selection_of_nobody_is_not_everybody() {
        let read = |spelled: &str| UserSelection::deserialize(&text(spelled)).unwrap();
        for all in ["", "0", "false", "all", ">all", "ALL", "[\"all\"]", "null", "[]"] {
            assert_eq!(read(all), UserSelection::Everybody, "{all}");
        }
        assert_eq!(read("agents"), UserSelection::Staff);
        for nobody in ["[\"\"]", "[[2,3]]", "abc", "all,agents"] {
            assert_eq!(read(nobody), UserSelection::Named(Vec::new()), "{nobody}");
        }
        assert_eq!(read("2.0,x"), UserSelection::Named(vec![UserId::new(2).unwrap()]));
    }

    #[test]
    fn unknown_types_match_nobody_and_none_means_all() {
        let read = |node: Node| Types::deserialize(&node).unwrap().0;
        assert_eq!(read(text(r#"["agent","bot","x"]"#)), [UserType::Agent]);
        assert_eq!(read(text(r#"["Lead","AGENT"]"#)), [UserType::Lead, UserType::Agent]);
        for all in ["", "0", "false", "all", r#"["all"]"#, "[]"] {
            assert_eq!(read(text(all)).len(), 5, "{all}");
        }
        assert!(read(text(r#"["bot"]"#)).is_empty());
    }
}
