//! Extras in any of the forms in which they are sent.

use crate::limits::MAX_DETAILS_PER_CALL;
use crate::stepchat::csv::EXTRAS;
use crate::stepchat::{DetailEdit, Refusal, Slug};
use crate::wire::Params;
use crate::wire::node::Node;
use crate::wire::spelling;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;

/// Extras: `{"slug": ["value", "Name"]}`, `{"slug": "value"}` (D43), `[["value", "Name"]]` (D42), or the rows of
/// `details` as answers show them, `[{"slug": …, "name": …, "value": …}]`; as JSON, as JSON text in one field or in
/// PHP's brackets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extra(Option<Node>);

/// A note for the log if a usual extra was sent as a field of its own and not within `extra`: no method reads such a
/// field, so the value is lost, as it is in the original.
#[must_use]
pub fn misplaced_extras(params: &Params) -> Option<&'static str> {
    let is_usual = |name: &str| EXTRAS.iter().any(|(_, slugs)| slugs.contains(&name));
    let found = params.iter().any(|(name, _)| is_usual(name));
    found.then_some("a field such as phone or city was left out: extras come within `extra`")
}

impl Extra {
    /// The edits it asks for. If it cannot be decoded, there are none, and `note` is told so (decision E18).
    pub fn read(&self, note: impl FnOnce(&'static str)) -> Result<Vec<DetailEdit>, Refusal> {
        if self.is_undecodable() {
            note("extras that cannot be decoded were left out");
        }
        self.edits()
    }

    /// The edits it asks for; if a slug is named twice, the first counts. None if it cannot be decoded.
    fn edits(&self) -> Result<Vec<DetailEdit>, Refusal> {
        let mut edits: Vec<DetailEdit> = Vec::new();
        let mut add = |slug: Option<Slug>, name: Option<&str>, value: &str| {
            let slug = slug.ok_or(Refusal::InvalidExtra)?;
            if !edits.iter().any(|edit| edit.slug == slug) {
                edits.push(DetailEdit::parse(slug, name, value)?);
            }
            Ok(())
        };
        match &self.0 {
            Some(Node::Map(entries)) => {
                for (slug, node) in entries {
                    let ExtraEntry { name, value, .. } = ExtraEntry::of(node)?;
                    add(Slug::parse(slug), name, value)?;
                }
            }
            Some(Node::List(items)) => {
                for node in items {
                    let ExtraEntry { slug, name, value } = ExtraEntry::of(node)?;
                    add(slug.map_or_else(|| name.and_then(Slug::from_name), Slug::parse), name, value)?;
                }
            }
            _ => {}
        }
        if edits.len() > MAX_DETAILS_PER_CALL { Err(Refusal::TooManyExtras) } else { Ok(edits) }
    }

    /// Whether something was sent that cannot be decoded, such as `[object Object]`: as in the original, the call goes
    /// on without it (decision E18).
    fn is_undecodable(&self) -> bool {
        matches!(self.0, Some(Node::Bool(_) | Node::Number(_) | Node::Text(_)))
    }

    /// These extras; those of `other` if these are missing, or cannot be decoded and `other` is there.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.0.is_none() || (self.is_undecodable() && other.0.is_some()) { other } else { self }
    }
}

/// One extra: the parts of it that were sent.
struct ExtraEntry<'a> {
    slug: Option<&'a str>,
    name: Option<&'a str>,
    value: &'a str,
}

impl<'a> ExtraEntry<'a> {
    fn of(node: &'a Node) -> Result<Self, Refusal> {
        let pair = |value: Option<&'a Node>, name: Option<&'a Node>| {
            let value = value.map_or(Ok(""), scalar)?;
            Ok(Self { slug: None, name: name.and_then(Node::as_text), value })
        };
        match node {
            Node::List(items) => pair(items.first(), items.get(1)),
            Node::Map(entries) => {
                let member = |wanted: &str| entries.iter().find(|(key, _)| key == wanted).map(|(_, node)| node);
                if member("value").is_some() || member("slug").is_some() {
                    let entry = pair(member("value"), member("name"))?;
                    return Ok(Self { slug: member("slug").and_then(Node::as_text), ..entry });
                }
                // PHP leaves out what is null: of `[null, "City"]` only the second element arrives.
                let numbered = entries.iter().all(|(key, _)| key.bytes().all(|byte| byte.is_ascii_digit()));
                if numbered { pair(member("0"), member("1")) } else { Err(Refusal::InvalidExtra) }
            }
            value => pair(Some(value), None),
        }
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
        let node = spelling::given(Node::deserialize(deserializer)?);
        Ok(Self(node.filter(|node| *node != Node::Null)))
    }
}

impl JsonSchema for Extra {
    fn schema_name() -> Cow<'static, str> {
        "Extra".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["object", "array", "string"],
            "description": "Extras: {\"slug\": [\"value\", \"Name\"]}, {\"slug\": \"value\"}, [[\"value\", \"Name\"]], or rows of `details`; as JSON, as JSON text, or in PHP brackets.",
            "x-kind": crate::wire::Kind::Extras.as_str(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stepchat::{Detail, details_of_new_user};
    use proptest::prelude::*;

    fn extra(json: &str) -> Extra {
        Extra::deserialize(&Node::Text(json.to_owned())).unwrap()
    }

    fn details(json: &str) -> Vec<(String, String, String)> {
        let details: Vec<Detail> = details_of_new_user(&extra(json).edits().unwrap()).unwrap();
        let shown = details.into_iter();
        shown.map(|detail| (detail.slug.as_str().into(), detail.name, detail.value.as_str().into())).collect()
    }

    #[test]
    fn all_forms_of_extras_are_read() {
        let phone = vec![("phone".into(), "Phone".into(), "+7".into())];
        for form in [
            r#"{"phone":["+7","Phone"]}"#,
            r#"{"phone":["+7"]}"#,
            r#"{"phone":"+7"}"#,
            r#"{"phone":{"0":"+7","1":"Phone"}}"#,
            r#"{"phone":{"value":"+7","name":"Phone"}}"#,
            r#"[["+7","Phone"]]"#,
            r#"[{"slug":"phone","name":"Phone","value":"+7"}]"#,
            r#"[{"name":"Phone","value":"+7"}]"#,
            r#""{\"phone\":\"+7\"}""#,
        ] {
            assert_eq!(details(form), phone, "{form}");
        }
        let address = vec![("billing".into(), "Billing address".into(), "x".into())];
        assert_eq!(details(r#"[{"slug":"billing","name":"Billing address","value":"x"}]"#), address);
    }

    #[test]
    fn the_first_of_a_repeated_slug_counts_and_empty_values_are_removals() {
        let edits = extra(r#"{"City":["Moscow","City"],"city":["Tver","City"],"os":["","OS"]}"#).edits().unwrap();
        assert_eq!(edits.len(), 2);
        assert_eq!(edits[0].value.as_ref().unwrap().as_str(), "Moscow");
        assert_eq!((edits[1].slug.as_str(), &edits[1].value), ("os", &None));
        for null in [r#"{"city":[null,"City"]}"#, r#"{"city":{"1":"City"}}"#, r#"{"city":null}"#, r#"{"city":[]}"#] {
            assert_eq!(extra(null).edits().unwrap()[0].value, None, "{null}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_nothing_and_what_is_no_extra_is_refused() {
        for undecodable in ["text", "5", "true", "[object Object]", "Array", "{", "undefined", "NaN"] {
            assert!(extra(undecodable).is_undecodable(), "{undecodable}");
            assert_eq!(extra(undecodable).edits(), Ok(Vec::new()), "{undecodable}");
        }
        for nothing in ["", "0", "false", "False", "null", "[]", "{}"] {
            assert!(!extra(nothing).is_undecodable(), "{nothing}");
            assert_eq!(extra(nothing).edits(), Ok(Vec::new()), "{nothing}");
        }
        for bad in [r#"{"a":{"b":"c"}}"#, r#"[["v",""]]"#, r#"{"":"v"}"#, r#"{"a":[["x"],"A"]}"#, r#"["v"]"#] {
            assert_eq!(extra(bad).edits(), Err(Refusal::InvalidExtra), "{bad}");
        }
        let many: Vec<String> = (0..=MAX_DETAILS_PER_CALL).map(|slug| format!("\"s{slug}\":\"v\"")).collect();
        assert_eq!(extra(&format!("{{{}}}", many.join(","))).edits(), Err(Refusal::TooManyExtras));
    }

    proptest! {
        #[test]
        fn no_text_makes_extras_panic(text in "\\PC{0,40}") {
            let _ = extra(&text).edits();
        }
    }
}
