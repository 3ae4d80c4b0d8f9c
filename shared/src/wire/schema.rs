//! Schemas of field types, which are written where they are used.

/// The schema of a type that is read from one field: its [`Kind`](super::kind::Kind), and this JSON in place of a
/// reference to it.
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
