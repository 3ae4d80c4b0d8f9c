//! `docs/openapi/*.json`: one OpenAPI 3.1 document per family.

mod examples;
mod parts;
mod prose;
mod protocol;
mod schemas;

use super::File;
use crate::names::pascal;
use crate::workspace;
use anyhow::Result;
use parts::{content, reference};
use protocol::Protocol;
use schemas::{Components, Shapes};
use serde::Serialize;
use serde_json::{Map, Value, json};
use shared::entry::MethodEntry;
use shared::limits::{IDEMPOTENCY_MILLIS, MAX_BODY_BYTES, MAX_FIELDS};
use shared::method::Effect;
use std::path::Path;
use switchboard::methods::FamilyEntry;

/// A document; its members are in the order in which people read them.
#[derive(Serialize)]
struct Document {
    openapi: &'static str,
    info: Value,
    servers: Value,
    security: Value,
    paths: Value,
    components: Value,
}

/// The document of a family.
pub(super) fn document(root: &Path, family: &FamilyEntry) -> Result<File> {
    let protocol = Protocol::of(family.name)?;
    let mut schemas = schemas::components(family.methods);
    let (mut paths, mut shown) = (Map::new(), Map::new());
    for entry in family.methods {
        let shapes = Shapes::of(entry);
        let examples = examples::distinct(&examples::read(root, entry)?, &shapes, &schemas);
        for (example, number) in examples.iter().zip(1..) {
            shown.insert(example_name(entry, "Request", number), example.request());
            shown.insert(example_name(entry, "Answer", number), example.answer());
        }
        let source = workspace::family_folder(root, family.name).join(entry.folder()).join("src/lib.rs");
        let about = prose::of(&workspace::read(&source)?);
        let operation = operation(protocol, entry, &schemas, about, examples.len());
        paths.insert(entry.path(), json!({ "post": operation }));
    }
    if let Some(door) = family.front_doors.first() {
        paths.insert(door.path().to_owned(), json!({ "post": front_door(protocol, family, &schemas) }));
    }
    schemas.extend(protocol.errors());
    let document = Document {
        openapi: "3.1.0",
        info: sorted(info(protocol, family)),
        servers: sorted(servers()),
        security: sorted(protocol.security()),
        paths: sorted(Value::Object(paths)),
        components: sorted(json!({
            "schemas": schemas,
            "examples": shown,
            "parameters": { "IdempotencyKey": idempotency_key() },
            "responses": protocol.common_responses(),
            "securitySchemes": protocol.security_schemes(),
        })),
    };
    let text = serde_json::to_string_pretty(&document)? + "\n";
    Ok(File::new(format!("docs/openapi/{}.json", family.name), text))
}

/// Sorts members by name, since another crate of the build may make `serde_json` keep the order of insertion.
fn sorted(mut value: Value) -> Value {
    value.sort_all_objects();
    value
}

fn info(protocol: Protocol, family: &FamilyEntry) -> Value {
    json!({
        "title": protocol.title(),
        "version": env!("CARGO_PKG_VERSION"),
        "description": protocol.about(family),
        "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
    })
}

fn servers() -> Value {
    json!([
        { "url": "http://127.0.0.1:9000", "description": "`switchboard serve` on your own machine." },
        {
            "url": "https://{api}.execute-api.{region}.amazonaws.com",
            "description": "A deployment: see the stack's outputs.",
            "variables": { "api": { "default": "api-id" }, "region": { "default": "eu-central-1" } },
        },
    ])
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "schema": { "type": "string", "maxLength": 255 },
        "description": "The same key with the same parameters gets the first answer again, without a second effect. \
                        The field `idempotency_key` does the same.",
    })
}

fn operation(
    protocol: Protocol,
    entry: &MethodEntry,
    schemas: &Components,
    about: Option<String>,
    examples: usize,
) -> Value {
    let Shapes { request, answer } = Shapes::of(entry);
    let mut description = about.into_iter().collect::<Vec<_>>();
    description.push(format!("Access: {}.", entry.access()));
    if !entry.aliases.is_empty() {
        description.push(format!("Also known as {}.", entry.aliases.join(", ")));
    }
    description.extend(repeating(entry.effect));
    // A request and its answer have the same name. Names are sorted, so the number has a fixed width.
    let shown = |part: &str| {
        let shown = (1..=examples)
            .map(|number| (format!("case-{number:02}"), reference("examples", &example_name(entry, part, number))));
        (examples > 0).then(|| Value::Object(shown.collect()))
    };
    let mut operation = json!({
        "operationId": entry.name,
        "summary": entry.summary,
        "description": description.join("\n\n"),
        "requestBody": body(schemas::requires_anything(&request, schemas), &request, shown("Request").as_ref()),
        "responses": protocol.responses(&answer, shown("Answer").as_ref()),
    });
    if let (Effect::Write, Some(operation)) = (entry.effect, operation.as_object_mut()) {
        operation.insert("parameters".into(), json!([reference("parameters", "IdempotencyKey")]));
    }
    operation
}

/// What happens if a call is repeated, for methods that write; and how large a call may be.
fn repeating(effect: Effect) -> Option<String> {
    let hours = IDEMPOTENCY_MILLIS / 3_600_000;
    let limits = format!(
        "**Limits.** A request of {} KB with {MAX_FIELDS} fields; the lengths of values stand beside the fields, all other limits \
         in docs/limits.md.",
        MAX_BODY_BYTES / 1024
    );
    match effect {
        Effect::Read => None,
        Effect::Write => Some(format!(
            "**Repeating this call safely.** With the same `Idempotency-Key` it happens once, and the first answer comes again, for \
             {hours} hours. Without a key look before you repeat it: after a timeout it may have happened.\n\n{limits}"
        )),
        Effect::Repeatable => Some(format!(
            "**Repeating this call.** An `Idempotency-Key` is ignored: each call does its work anew.\n\n{limits}"
        )),
    }
}

fn front_door(protocol: Protocol, family: &FamilyEntry, schemas: &Components) -> Value {
    let names = family.methods.iter().flat_map(|entry| std::iter::once(&entry.name).chain(entry.aliases));
    // A method that only reads and needs no other field.
    let example = family
        .methods
        .iter()
        .find(|entry| entry.effect == Effect::Read && !schemas::requires_anything(&Shapes::of(entry).request, schemas));
    let selector = protocol.selector();
    let request = json!({
        "type": "object",
        "properties": {
            selector: {
                "type": "string",
                "description": "The method.",
                "enum": names.collect::<Vec<_>>(),
                "examples": example.iter().map(|entry| entry.name).collect::<Vec<_>>(),
            },
        },
        "required": [selector],
        "additionalProperties": true,
    });
    json!({
        "operationId": "front-door",
        "summary": "Every method behind one URL.",
        "description": format!(
            "The field `{selector}` names the method; the other fields are the method's own, and so are access and answer."
        ),
        "requestBody": body(true, &request, None),
        "responses": protocol.responses(&json!({ "type": "object" }), None),
    })
}

fn body(required: bool, schema: &Value, examples: Option<&Value>) -> Value {
    let content = content(schema, examples);
    json!({
        "required": required,
        "content": { "application/x-www-form-urlencoded": content, "application/json": content },
    })
}

fn example_name(entry: &MethodEntry, part: &str, number: usize) -> String {
    format!("{}{part}{number:02}", pascal(entry.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Registry;
    use std::collections::BTreeSet;

    fn documents() -> Vec<Value> {
        let files = Registry::compiled().families.into_iter().map(|family| document(&workspace::root(), &family));
        files.map(|file| serde_json::from_str(&file.unwrap().text).unwrap()).collect()
    }

    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        for document in documents() {
            let mut found = BTreeSet::new();
            references(&document, &mut found);
            for reference in found {
                assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
            }
        }
    }

    #[test]
    fn every_method_is_an_operation_with_its_parameters_and_its_answer() {
        for (family, document) in Registry::compiled().families.iter().zip(documents()) {
            for entry in family.methods {
                let operation = &document["paths"][entry.path()]["post"];
                assert_eq!(operation["operationId"], entry.name);
                assert_eq!(operation["summary"], entry.summary);
                let form = &operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]["$ref"];
                assert_eq!(*form, format!("#/components/schemas/{}Request", pascal(entry.name)));
            }
        }
    }

    #[test]
    fn every_method_has_examples_with_one_answer_each_and_no_placeholder() {
        for (family, document) in Registry::compiled().families.iter().zip(documents()) {
            for entry in family.methods {
                let operation = &document["paths"][entry.path()]["post"];
                let shown = |at: &Value| -> Vec<Value> {
                    let examples = at["content"]["application/json"]["examples"].as_object().unwrap().values();
                    let names = examples.map(|example| example["$ref"].as_str().unwrap().trim_start_matches('#'));
                    names.map(|name| document.pointer(name).unwrap()["value"].clone()).collect()
                };
                let (asked, answered) = (shown(&operation["requestBody"]), shown(&operation["responses"]["200"]));
                assert!(!asked.is_empty() && asked.len() == answered.len(), "{}", entry.name);
                let distinct: BTreeSet<String> = answered.iter().map(Value::to_string).collect();
                assert_eq!(distinct.len(), answered.len(), "{}", entry.name);
                assert!(
                    asked.iter().chain(&answered).all(|value| !value.to_string().contains("\"$")),
                    "{}",
                    entry.name
                );
            }
        }
    }
}
