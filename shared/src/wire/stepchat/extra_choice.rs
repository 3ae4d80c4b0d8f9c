//! Which extras a list adds to its rows (decision D14).

use crate::stepchat::Slug;
use crate::wire::node::Node;
use crate::wire::spelling;
use serde::{Deserialize, Deserializer};

/// Which extras a list adds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ExtraChoice {
    /// None.
    #[default]
    None,
    /// All.
    All,
    /// Those of these slugs.
    Some(Vec<Slug>),
}

impl<'de> Deserialize<'de> for ExtraChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match spelling::given(Node::deserialize(deserializer)?) {
            Some(list @ (Node::List(_) | Node::Map(_))) => match spelling::texts(&list).as_slice() {
                [] => Self::None,
                slugs => Self::Some(slugs.iter().filter_map(|slug| Slug::parse(slug)).collect()),
            },
            Some(switch) if spelling::is_on(&switch) => Self::All,
            _ => Self::None,
        })
    }
}

field_schema!(ExtraChoice, ExtraChoice, { "type": ["boolean", "string", "array"], "description": "true, or a list of slugs." });
