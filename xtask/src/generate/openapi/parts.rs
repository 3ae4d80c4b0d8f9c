//! Small parts that stand in many places of a document.

use serde_json::{Value, json};

/// A media type's schema, with examples if there are any.
pub(super) fn content(schema: &Value, examples: Option<&Value>) -> Value {
    match examples {
        Some(examples) => json!({ "schema": schema, "examples": examples }),
        None => json!({ "schema": schema }),
    }
}

/// A reference to a component.
pub(super) fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}
