//! Schemas of field types; they are inlined wherever the type is used.

/// Implements the schema of a type that is read from one field: this JSON with the type's [`Kind`](super::kind::Kind),
/// inlined rather than referenced.
macro_rules! field_schema {
    ($name:ident, $kind:ident, $schema:tt) => {
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut schema = schemars::json_schema!($schema);
                schema.insert(crate::wire::KIND.to_owned(), crate::wire::Kind::$kind.as_str().into());
                schema
            }
        }
    };
}
