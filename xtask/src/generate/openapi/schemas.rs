//! The schemas of a family: parameters as they are read, answers as they are written, under names that tell whose they
//! are.

use crate::names::pascal;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};
use shared::method::Entry;
use std::collections::BTreeMap;

const PREFIX: &str = "#/components/schemas/";

/// Everything under `components/schemas`, and what each method takes and gives.
#[derive(Debug)]
pub(super) struct Schemas {
    pub(super) components: Map<String, Value>,
    /// In the order of the methods.
    pub(super) shapes: Vec<Shapes>,
}

/// What a method takes and gives.
#[derive(Debug)]
pub(super) struct Shapes {
    pub(super) request: Value,
    pub(super) response: Value,
}

impl Schemas {
    pub(super) fn of(methods: &[Entry]) -> Self {
        let (mut requests, mut responses) = (Side::new(settings()), Side::new(settings().for_serialize()));
        let shapes: Vec<Shapes> = methods
            .iter()
            .map(|entry| Shapes {
                request: requests.add(entry, "Request", Entry::request_schema),
                response: responses.add(entry, "Response", Entry::response_schema),
            })
            .collect();
        let (mut requests, responses) = (requests.finished(), responses.finished());
        // One type may be read in another form than it is written.
        for (name, schema) in &responses.definitions {
            if requests.definitions.get(name).is_some_and(|other| other != schema) {
                requests.names.insert(name.clone(), format!("{name}Input"));
            }
        }
        let shapes = shapes.into_iter().map(|shapes| Shapes {
            request: requests.renamed(shapes.request),
            response: responses.renamed(shapes.response),
        });
        let shapes = shapes.collect();
        let components = requests.components().chain(responses.components()).collect();
        Self { components, shapes }
    }

    /// Whether a schema has required members.
    pub(super) fn requires_anything(&self, schema: &Value) -> bool {
        let required = resolved(schema, &self.components).get("required").and_then(Value::as_array);
        required.is_some_and(|names| !names.is_empty())
    }
}

/// The schema itself, where it is only a reference to one.
pub(super) fn resolved<'a>(schema: &'a Value, components: &'a Map<String, Value>) -> &'a Value {
    target(schema).and_then(|name| components.get(name)).unwrap_or(schema)
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

/// Parameters, or answers.
struct Side {
    generator: SchemaGenerator,
    finished: Finished,
}

/// The definitions of a side, and the new names of those that are not to keep theirs.
#[derive(Default)]
struct Finished {
    definitions: Map<String, Value>,
    names: BTreeMap<String, String>,
}

impl Side {
    fn new(settings: SchemaSettings) -> Self {
        Self { generator: settings.into_generator(), finished: Finished::default() }
    }

    /// The schema of a method's `part`. Types called just `Request` or `Response` get their method's name in front.
    fn add(&mut self, entry: &Entry, part: &str, schema: fn(&Entry, &mut SchemaGenerator) -> Schema) -> Value {
        let schema = Value::from(schema(entry, &mut self.generator));
        if let Some(name) = target(&schema).filter(|name| is_plain(name, part)) {
            self.finished.names.insert(name.to_owned(), format!("{}{part}", pascal(entry.name)));
        }
        schema
    }

    fn finished(mut self) -> Finished {
        let mut definitions = self.generator.take_definitions(true);
        for name in self.finished.names.keys() {
            // "Its parameters." says nothing away from its method.
            if let Some(schema) = definitions.get_mut(name).and_then(Value::as_object_mut) {
                schema.remove("description");
            }
        }
        Finished { definitions, ..self.finished }
    }
}

impl Finished {
    fn components(&self) -> impl Iterator<Item = (String, Value)> {
        self.definitions.iter().map(|(name, schema)| (self.name(name).to_owned(), self.renamed(schema.clone())))
    }

    fn name<'a>(&'a self, name: &'a str) -> &'a str {
        self.names.get(name).map_or(name, String::as_str)
    }

    /// The schema with new names in all its references.
    fn renamed(&self, schema: Value) -> Value {
        match schema {
            Value::Array(items) => items.into_iter().map(|item| self.renamed(item)).collect(),
            Value::Object(members) => members.into_iter().map(|(key, value)| self.member(key, value)).collect(),
            other => other,
        }
    }

    fn member(&self, key: String, value: Value) -> (String, Value) {
        match value.as_str().and_then(|reference| reference.strip_prefix(PREFIX)) {
            Some(name) if key == "$ref" => (key, format!("{PREFIX}{}", self.name(name)).into()),
            _ => (key, self.renamed(value)),
        }
    }
}

/// Whether a name is `part`, or `part` with the number that tells equal names apart.
fn is_plain(name: &str, part: &str) -> bool {
    name.strip_prefix(part).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Registry;

    #[test]
    fn every_request_bears_its_method_s_name_and_none_a_number() {
        for family in Registry::compiled().families {
            let schemas = Schemas::of(family.methods);
            for entry in family.methods {
                assert!(schemas.components.contains_key(&format!("{}Request", pascal(entry.name))), "{}", entry.name);
            }
            let numbered = |name: &&String| is_plain(name, "Request") || is_plain(name, "Response");
            assert_eq!(schemas.components.keys().find(numbered), None);
        }
    }

    #[test]
    fn references_follow_new_names() {
        let names = BTreeMap::from([("Request2".to_owned(), "GetUserRequest".to_owned())]);
        let side = Finished { names, ..Finished::default() };
        let renamed = side.renamed(serde_json::json!({ "anyOf": [{ "$ref": "#/components/schemas/Request2" }] }));
        assert_eq!(renamed["anyOf"][0]["$ref"], "#/components/schemas/GetUserRequest");
    }
}
