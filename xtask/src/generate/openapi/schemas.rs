//! The schemas of a family: parameters as they are read, answers as they are written, under names that tell which
//! method or type they belong to.

use super::prose;
use crate::names::pascal;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use shared::entry::MethodEntry;
use shared::wire::KIND;
use std::collections::BTreeMap;

const PREFIX: &str = "#/components/schemas/";

/// What is under `components/schemas`, by name.
pub(super) type Components = Map<String, Value>;

/// A method's request and answer, as references to components of its own.
#[derive(Debug)]
pub(super) struct Shapes {
    pub(super) request: Value,
    pub(super) answer: Value,
}

impl Shapes {
    pub(super) fn of(entry: &MethodEntry) -> Self {
        let own = |part: &str| json!({ "$ref": format!("{PREFIX}{}{part}", pascal(entry.name)) });
        Self { request: own(REQUEST), answer: own(ANSWER) }
    }
}

const REQUEST: &str = "Request";
const ANSWER: &str = "Answer";

/// The schemas of all methods of a family.
pub(super) fn components(methods: &[MethodEntry]) -> Components {
    let requests = Side::new(settings(), methods, MethodEntry::request_schema);
    let answers = Side::new(settings().for_serialize(), methods, MethodEntry::response_schema);
    // A type may be read in another form than it is written in; the read form is then named `…Input`.
    let written = &answers.definitions;
    let read_otherwise = |name: &str, schema: &Value| written.get(name).is_some_and(|other| other != schema);
    let names = requests.definitions.iter().filter(|(name, schema)| read_otherwise(name, schema));
    let names = names.map(|(name, _)| (name.clone(), format!("{name}Input"))).collect();
    let mut components = requests.components(methods, REQUEST, &names);
    components.extend(answers.components(methods, ANSWER, &BTreeMap::new()));
    components
}

/// The schema that this schema refers to, or this schema itself if it is no reference.
pub(super) fn resolved<'a>(schema: &'a Value, components: &'a Components) -> &'a Value {
    target(schema).and_then(|name| components.get(name)).unwrap_or(schema)
}

/// Whether a schema has required members.
pub(super) fn requires_anything(schema: &Value, components: &Components) -> bool {
    let required = resolved(schema, components).get("required").and_then(Value::as_array);
    required.is_some_and(|names| !names.is_empty())
}

/// The name of the component a schema refers to.
fn target(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix(PREFIX)
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    })
}

/// Parameters, or answers, as `schemars` describes them.
struct Side {
    definitions: Components,
    /// One per method.
    schemas: Vec<Value>,
}

impl Side {
    fn new(
        settings: SchemaSettings,
        methods: &[MethodEntry],
        schema: fn(&MethodEntry, &mut SchemaGenerator) -> Schema,
    ) -> Self {
        let mut generator = settings.into_generator();
        let schemas = methods.iter().map(|entry| Value::from(schema(entry, &mut generator))).collect();
        Self { schemas, definitions: generator.take_definitions(true) }
    }

    /// One component per method and one per type they have in common.
    fn components(&self, methods: &[MethodEntry], part: &str, names: &BTreeMap<String, String>) -> Components {
        let mut components = Components::new();
        for (entry, schema) in methods.iter().zip(&self.schemas) {
            let mut schema = self.settled(resolved(schema, &self.definitions), names, &mut components);
            // A description such as "Its parameters." says nothing without its method.
            schema.as_object_mut().map(|members| members.remove("description"));
            components.insert(format!("{}{part}", pascal(entry.name)), schema);
        }
        components
    }

    /// The schema for readers; the components it refers to are added to `components`.
    fn settled(&self, schema: &Value, names: &BTreeMap<String, String>, components: &mut Components) -> Value {
        match schema {
            Value::Array(items) => items.iter().map(|item| self.settled(item, names, components)).collect(),
            Value::Object(members) => {
                let mut settled = Components::new();
                for (key, value) in members {
                    match (key.as_str(), value) {
                        // The spellings that a field takes are for tests only.
                        (KIND, _) => {}
                        ("$ref", _) => settled.extend(self.reference(schema, names, components)),
                        ("description", Value::String(text)) => {
                            settled.insert(key.clone(), prose::without_sources(text).into());
                        }
                        _ => {
                            settled.insert(key.clone(), self.settled(value, names, components));
                        }
                    }
                }
                Value::Object(settled)
            }
            other => other.clone(),
        }
    }

    /// The members that replace a reference: the reference itself, or what it refers to if the name does not tell which
    /// of several types is meant.
    fn reference(&self, schema: &Value, names: &BTreeMap<String, String>, components: &mut Components) -> Components {
        let Some((name, definition)) = target(schema).and_then(|name| self.definitions.get_key_value(name)) else {
            return Components::new();
        };
        if self.is_ambiguous(name) {
            let Value::Object(mut members) = self.settled(definition, names, components) else {
                return Components::new();
            };
            if schema.get("description").is_some() {
                members.remove("description");
            }
            return members;
        }
        let shown = names.get(name).unwrap_or(name);
        if !components.contains_key(shown) {
            // The name is taken before the type's contents are settled, since a type may contain itself.
            components.insert(shown.clone(), Value::Null);
            let settled = self.settled(definition, names, components);
            components.insert(shown.clone(), settled);
        }
        Components::from_iter([("$ref".to_owned(), format!("{PREFIX}{shown}").into())])
    }

    /// `Answer`, `Answer2`…: types of the same name, numbered in the order in which they were met.
    fn is_ambiguous(&self, name: &str) -> bool {
        let base = name.trim_end_matches(|last: char| last.is_ascii_digit());
        let has_twin = |name: &str| self.definitions.contains_key(&format!("{name}2"));
        has_twin(name) || (base != name && self.definitions.contains_key(base) && has_twin(base))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Registry;

    #[test]
    fn every_method_has_components_of_its_own_and_none_is_a_number_s() {
        for family in Registry::compiled().families {
            let components = components(family.methods);
            for entry in family.methods {
                let Shapes { request, answer } = Shapes::of(entry);
                assert!([request, answer].iter().all(|shape| components.contains_key(target(shape).unwrap())));
            }
            let numbered = |name: &&String| name.ends_with(|last: char| last.is_ascii_digit());
            assert_eq!(components.keys().find(numbered), None);
        }
    }

    #[test]
    fn types_of_one_name_are_shown_where_they_are_used() {
        let definitions = json!({
            "Or": { "anyOf": [{ "$ref": "#/components/schemas/Row" }], "description": "Either." },
            "Or2": { "type": "boolean" },
            "Row": { "type": "string", "description": "A row (decision D1)." },
        });
        let Value::Object(definitions) = definitions else { panic!("no object") };
        let side = Side { definitions, schemas: Vec::new() };
        let schema = json!({ "properties": { "a": { "$ref": "#/components/schemas/Or", "description": "A." } } });
        let mut components = Components::new();
        let settled = side.settled(&schema, &BTreeMap::new(), &mut components);
        let row = json!({ "$ref": "#/components/schemas/Row" });
        assert_eq!(settled, json!({ "properties": { "a": { "anyOf": [row], "description": "A." } } }));
        let rows = json!({ "Row": { "type": "string", "description": "A row." } });
        assert_eq!(Value::Object(components), rows);
    }

    #[test]
    fn a_type_may_contain_itself() {
        let list = json!({ "List": { "properties": { "next": { "$ref": "#/components/schemas/List" } } } });
        let Value::Object(definitions) = list.clone() else { panic!("no object") };
        let side = Side { definitions, schemas: Vec::new() };
        let mut components = Components::new();
        side.settled(&json!({ "$ref": "#/components/schemas/List" }), &BTreeMap::new(), &mut components);
        assert_eq!(Value::Object(components), list);
    }
}
