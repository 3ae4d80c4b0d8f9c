//! Field types that read what StepChat's clients send, in all its spellings (reference/stepchat.md §1.1).

use crate::ids::UserId;
use crate::limits::MAX_DETAILS_PER_CALL;
use crate::stepchat::{Department, Detail, DetailChange, DetailValue, Refusal, Slug, display_name};
use crate::wire::node::Node;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;

/// Characters of an extra's display name.
const MAX_LABEL_CHARS: usize = 191;

/// A text. Numbers and booleans are taken as their text; anything else counts as empty, as PHP's casts would have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, if it says anything.
    #[must_use]
    pub fn given(&self) -> Option<&str> {
        Some(self.0.trim()).filter(|text| !text.is_empty())
    }

    /// The text, unless it asks for removal: empty, or `NULL` in any case (decision D9).
    #[must_use]
    pub fn kept(&self) -> Option<&str> {
        self.given().filter(|text| !text.eq_ignore_ascii_case("null"))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Node::deserialize(deserializer).map(|node| Self(node.as_text().unwrap_or_default().to_owned()))
    }
}

plain_schema!(Text, { "type": "string" });

/// JSON text in a field, read as JSON; other text stays text; `null`, `false` and blank text are nothing.
pub(super) fn unfolded(node: Node) -> Option<Node> {
    match node {
        Node::Null | Node::Bool(false) => None,
        Node::Text(text) if matches!(text.trim(), "" | "false") => None,
        Node::Text(text) => Some(crate::wire::json::parse(&text).unwrap_or(Node::Text(text))),
        other => Some(other),
    }
}

/// Reads an optional field that is there as `Some`, also when it is JSON `null`: `null` asks for removal, absence for
/// nothing.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A switch by PHP's truthiness: `true`, `1` and any other text are on; nothing, `0` and `false` in any case are off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        let on = match &node {
            Node::Null => false,
            Node::List(items) => !items.is_empty(),
            Node::Map(entries) => !entries.is_empty(),
            scalar => {
                scalar.as_text().is_some_and(|text| !matches!(text, "" | "0") && !text.eq_ignore_ascii_case("false"))
            }
        };
        Ok(Self(on))
    }
}

plain_schema!(Flag, { "type": ["boolean", "string", "integer"] });

/// A reference to a user. What cannot be an id refers to nobody: the original's database finds no such row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserRef(pub Option<UserId>);

impl<'de> Deserialize<'de> for UserRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        Ok(Self(node.as_text().and_then(|text| UserId::parse(text.trim()))))
    }
}

plain_schema!(UserRef, { "type": ["string", "integer"], "description": "The id of a user." });

/// A department number; empty or `NULL` is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DepartmentField(Text);

impl DepartmentField {
    /// The department, or its removal.
    pub fn read(&self) -> Result<Option<Department>, Refusal> {
        self.0.kept().map(Department::parse).transpose()
    }
}

impl<'de> Deserialize<'de> for DepartmentField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(Self)
    }
}

plain_schema!(DepartmentField, { "type": ["integer", "string", "null"], "description": "A department number, 0 to 255." });

/// Extras in any of their forms: `{"slug": ["value", "Name"]}`, `{"slug": "value"}` (D43), `[["value", "Name"]]`
/// (D42); as JSON text in one field or in PHP's brackets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extra(Option<Node>);

impl Extra {
    /// The changes it asks for; of a slug named twice the first counts.
    pub fn changes(&self) -> Result<Vec<DetailChange>, Refusal> {
        let mut changes: Vec<DetailChange> = Vec::new();
        let mut add = |slug: Option<Slug>, name: Option<&str>, value: &str| {
            let Some(slug) = slug else {
                return Err(Refusal::InvalidExtra);
            };
            if changes.iter().any(|change| *change.slug() == slug) {
                return Ok(());
            }
            if name.is_some_and(|name| name.chars().count() > MAX_LABEL_CHARS) {
                return Err(Refusal::ExtraTooLong);
            }
            let name = name.filter(|name| !name.trim().is_empty()).map_or_else(|| display_name(&slug), str::to_owned);
            changes.push(match DetailValue::parse(value)? {
                Some(value) => DetailChange::Set(Detail { slug, name, value }),
                None => DetailChange::Remove(slug),
            });
            Ok(())
        };
        match &self.0 {
            None | Some(Node::Null) => {}
            Some(Node::Map(entries)) => {
                for (slug, node) in entries {
                    let (value, name) = value_and_name(node)?;
                    add(Slug::parse(slug), name, value)?;
                }
            }
            Some(Node::List(pairs)) => {
                for node in pairs {
                    let (value, name) = value_and_name(node)?;
                    add(name.and_then(Slug::from_name), name, value)?;
                }
            }
            Some(_) => return Err(Refusal::InvalidExtra),
        }
        if changes.len() > MAX_DETAILS_PER_CALL { Err(Refusal::TooManyExtras) } else { Ok(changes) }
    }

    /// The extras to store for a new user: what would be removed is just not there.
    pub fn details(&self) -> Result<Vec<Detail>, Refusal> {
        let changes = self.changes()?.into_iter();
        Ok(changes
            .filter_map(|change| match change {
                DetailChange::Set(detail) => Some(detail),
                DetailChange::Remove(_) => None,
            })
            .collect())
    }

    /// This one's extras before those of `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.0.is_some() { self } else { other }
    }
}

fn value_and_name(node: &Node) -> Result<(&str, Option<&str>), Refusal> {
    match node {
        Node::Null => Ok(("", None)),
        Node::List(items) => match items.as_slice() {
            [value] => Ok((scalar(value)?, None)),
            [value, name, ..] => Ok((scalar(value)?, name.as_text())),
            [] => Ok(("", None)),
        },
        Node::Map(_) => Err(Refusal::InvalidExtra),
        value => Ok((scalar(value)?, None)),
    }
}

fn scalar(node: &Node) -> Result<&str, Refusal> {
    match node {
        Node::Null => Ok(""),
        other => other.as_text().ok_or(Refusal::InvalidExtra),
    }
}

impl<'de> Deserialize<'de> for Extra {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Text that is no JSON stays text, which `changes` refuses.
        Node::deserialize(deserializer).map(unfolded).map(Self)
    }
}

impl JsonSchema for Extra {
    fn schema_name() -> Cow<'static, str> {
        "Extra".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["object", "array", "string"],
            "description": "Extras: {\"slug\": [\"value\", \"Name\"]}, {\"slug\": \"value\"} or [[\"value\", \"Name\"]]; as JSON, as JSON text, or in PHP brackets.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn extra(json: &str) -> Extra {
        Extra::deserialize(&Node::Text(json.to_owned())).unwrap()
    }

    fn details(json: &str) -> Vec<(String, String, String)> {
        let details = extra(json).details().unwrap().into_iter();
        details.map(|detail| (detail.slug.as_str().into(), detail.name, detail.value.as_str().into())).collect()
    }

    #[test]
    fn all_three_forms_of_extras_are_read() {
        let phone = vec![("phone".into(), "Phone".into(), "+7".into())];
        assert_eq!(details(r#"{"phone":["+7","Phone"]}"#), phone);
        assert_eq!(details(r#"{"phone":["+7"]}"#), phone);
        assert_eq!(details(r#"{"phone":"+7"}"#), phone);
        assert_eq!(details(r#"[["+7","Phone"]]"#), phone);
    }

    #[test]
    fn the_first_of_a_repeated_slug_counts_and_empty_values_are_removals() {
        let changes = extra(r#"{"City":["Moscow","City"],"city":["Tver","City"],"os":["","OS"]}"#).changes().unwrap();
        assert_eq!(changes.len(), 2);
        assert!(matches!(&changes[0], DetailChange::Set(detail) if detail.value.as_str() == "Moscow"));
        assert!(matches!(&changes[1], DetailChange::Remove(slug) if slug.as_str() == "os"));
    }

    #[test]
    fn what_is_no_extras_is_refused() {
        for bad in ["text", "5", r#"{"a":{"b":"c"}}"#, r#"[["v",""]]"#, r#"{"":"v"}"#, r#"{"a":[["x"],"A"]}"#] {
            assert_eq!(extra(bad).changes(), Err(Refusal::InvalidExtra), "{bad}");
        }
        let many: Vec<String> = (0..=MAX_DETAILS_PER_CALL).map(|slug| format!("\"s{slug}\":\"v\"")).collect();
        assert_eq!(extra(&format!("{{{}}}", many.join(","))).changes(), Err(Refusal::TooManyExtras));
    }

    #[test]
    fn flags_follow_php_truthiness() {
        for (text, on) in
            [("true", true), ("1", true), ("True", true), ("yes", true), ("0", false), ("", false), ("False", false)]
        {
            assert_eq!(Flag::deserialize(&Node::Text(text.into())).unwrap(), Flag(on), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_extras_panic(text in "\\PC{0,40}") {
            let _ = extra(&text).changes();
        }
    }
}
