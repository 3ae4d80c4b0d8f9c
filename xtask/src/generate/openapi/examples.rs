//! Examples for the documents: the golden cases of each method, one per distinct answer.

use super::schemas::{Components, Shapes, resolved};
use crate::workspace;
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::entry::MethodEntry;
use std::collections::BTreeMap;
use std::path::Path;

/// A story of calls; the last one is of the method whose folder it is in.
#[derive(Debug, Deserialize)]
pub(super) struct Case {
    promise: String,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
struct Step {
    #[serde(default)]
    with: Value,
    answer: Value,
    #[serde(default)]
    keep: BTreeMap<String, String>,
}

/// A call and its answer, with likely values where a case has placeholders.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Example {
    promise: String,
    with: Value,
    answer: Value,
}

impl Example {
    pub(super) fn request(&self) -> Value {
        json!({ "summary": self.promise, "value": self.with })
    }

    pub(super) fn answer(&self) -> Value {
        json!({ "summary": self.promise, "value": self.answer })
    }
}

/// The golden cases of a method.
pub(super) fn read(root: &Path, entry: &MethodEntry) -> Result<Vec<Case>> {
    let path = workspace::family_folder(root, entry.family).join(entry.folder()).join("cases.json");
    if !path.exists() {
        return Ok(Vec::new());
    }
    serde_json::from_str(&workspace::read(&path)?).with_context(|| path.display().to_string())
}

/// One example per distinct answer: the first case that gets it.
pub(super) fn distinct(cases: &[Case], shapes: &Shapes, components: &Components) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for example in cases.iter().filter_map(|case| case.example(shapes, components)) {
        if examples.iter().all(|shown| shown.answer != example.answer) {
            examples.push(example);
        }
    }
    examples
}

impl Case {
    /// The example that the last call of the story makes.
    fn example(&self, shapes: &Shapes, components: &Components) -> Option<Example> {
        let step = self.steps.last()?;
        let kept = self.steps.iter().flat_map(|step| step.keep.keys()).zip(1_u32..).collect();
        let samples = Samples { kept, components };
        let with = if step.with.is_null() { json!({}) } else { samples.filled("", &step.with, &shapes.request) };
        let answer = samples.filled("", &step.answer, &shapes.answer);
        Some(Example { promise: self.promise.clone(), with, answer })
    }
}

/// Values for placeholders, of the type that the schema asks for.
struct Samples<'a> {
    /// The values that the story keeps, which are mostly ids: each gets a number of its own.
    kept: BTreeMap<&'a String, u32>,
    components: &'a Components,
}

impl Samples<'_> {
    /// The value of a member, with samples for its placeholders.
    fn filled(&self, member: &str, value: &Value, schema: &Value) -> Value {
        let forms = self.forms(schema);
        match value {
            Value::String(text) => match text.strip_prefix('$') {
                Some(name) => self.sample(member, name, &forms),
                None => typed(text, &forms),
            },
            Value::Array(items) => {
                let rest = forms.iter().find_map(|form| form.get("items")).unwrap_or(&Value::Null);
                // Of a pair, each half has a schema of its own.
                let own = |at: usize| forms.iter().find_map(|form| form.get("prefixItems")?.get(at));
                let filled = |(at, item)| self.filled(member, item, own(at).unwrap_or(rest));
                items.iter().enumerate().map(filled).collect()
            }
            Value::Object(members) => {
                let property = |name: &str| forms.iter().find_map(|form| form.get("properties")?.get(name));
                let filled = |(name, value): (&String, &Value)| {
                    (name.clone(), self.filled(name, value, property(name).unwrap_or(&Value::Null)))
                };
                members.iter().map(filled).collect()
            }
            other => other.clone(),
        }
    }

    fn sample(&self, member: &str, name: &str, forms: &[&Value]) -> Value {
        let is_text = may_be(forms, "string") && !may_be(forms, "integer");
        let number = self.kept.iter().find(|(kept, _)| **kept == name).map_or(1, |(_, number)| *number);
        match (name, member) {
            ("time", _) => "2026-01-31 12:00:00".into(),
            ("token", _) | (_, "login-cookie") => "0123456789abcdef0123456789abcdef01234567".into(),
            (_, "cursor" | "next_cursor") => "WyIyMDI2LTAxLTMxIDEyOjAwOjAwIiwyMF0".into(),
            (_, "email") => "ivan@example.com".into(),
            (_, "profile_image") => "https://example.com/ivan.png".into(),
            (_, "first_name") => "Ivan".into(),
            (_, "last_name") => "Ivanov".into(),
            _ if is_text => number.to_string().into(),
            _ => number.into(),
        }
    }

    /// The forms a value may have: what a schema refers to, and its alternatives.
    fn forms<'s>(&'s self, schema: &'s Value) -> Vec<&'s Value> {
        let schema = resolved(schema, self.components);
        let alternatives = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|key| schema.get(key)?.as_array());
        let alternatives = alternatives.flatten().flat_map(|alternative| self.forms(alternative));
        std::iter::once(schema).chain(alternatives).collect()
    }
}

/// The value of a text in a form: stories send forms, in which `True` is a boolean.
fn typed(text: &str, forms: &[&Value]) -> Value {
    if may_be(forms, "boolean") && !may_be(forms, "string") {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" => return true.into(),
            "false" | "0" => return false.into(),
            _ => {}
        }
    }
    let number = text.parse::<u64>().ok().filter(|_| may_be(forms, "integer") && !may_be(forms, "string"));
    number.map_or_else(|| text.into(), Value::from)
}

/// Whether one of the forms is of this type.
fn may_be(forms: &[&Value], kind: &str) -> bool {
    let types = forms.iter().filter_map(|form| form.get("type"));
    types.into_iter().any(|types| match types {
        Value::Array(types) => types.iter().any(|one| one == kind),
        one => one == kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_values_of_the_schema_s_type() {
        let case: Case = serde_json::from_value(json!({
            "promise": "p",
            "steps": [
                { "call": "add", "answer": { "id": "$any" }, "keep": { "id": "/id" } },
                {
                    "call": "get",
                    "with": { "id": "$id", "name": "Ann" },
                    "answer": {
                        "rows": [{ "id": "$id", "first_name": "$any", "at": "$time" }],
                        "pair": ["$any", "$any"],
                        "next_cursor": "$any",
                    },
                },
            ],
        }))
        .unwrap();
        let row = json!({ "properties": { "id": { "type": "string" }, "first_name": { "type": ["string", "null"] } } });
        let components = Components::from_iter([("Row".to_owned(), row)]);
        let rows = json!({ "type": "array", "items": { "$ref": "#/components/schemas/Row" } });
        let pair = json!({ "prefixItems": [{ "type": "integer" }, { "type": "string" }] });
        let shapes = Shapes {
            request: json!({ "properties": { "id": { "type": ["string", "integer"] } } }),
            answer: json!({ "anyOf": [{ "type": "boolean" }, { "properties": { "rows": rows, "pair": pair } }] }),
        };
        let example = case.example(&shapes, &components).unwrap();
        assert_eq!(example.with, json!({ "id": 1, "name": "Ann" }));
        let row = json!({ "id": "1", "first_name": "Ivan", "at": "2026-01-31 12:00:00" });
        let cursor = "WyIyMDI2LTAxLTMxIDEyOjAwOjAwIiwyMF0";
        assert_eq!(example.answer, json!({ "rows": [row], "pair": [1, "1"], "next_cursor": cursor }));
    }

    #[test]
    fn cases_of_one_answer_are_one_example() {
        let case = |promise: &str, answer: Value| -> Case {
            serde_json::from_value(json!({ "promise": promise, "steps": [{ "call": "get", "answer": answer }] }))
                .unwrap()
        };
        let cases = [case("one", json!(true)), case("two", json!(false)), case("three", json!(true))];
        let shapes = Shapes { request: json!({}), answer: json!({}) };
        let examples = distinct(&cases, &shapes, &Components::new());
        assert_eq!(examples.iter().map(|example| &*example.promise).collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn texts_of_a_form_become_what_they_mean() {
        let (flag, count) = (json!({ "type": ["boolean", "null"] }), json!({ "type": "integer" }));
        assert_eq!(typed("True", &[&flag]), json!(true));
        assert_eq!(typed("20", &[&count]), json!(20));
        assert_eq!(typed("20", &[&count, &json!({ "type": "string" })]), json!("20"));
    }
}
