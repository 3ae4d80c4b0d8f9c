//! The operator's name for an API key, whose text the operator sees only once.

use crate::text::is_plain_name;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most characters of a name. A key has 36, so no key can be stored as a name by mistake.
const NAME_CHARS: usize = 32;

/// The name of an API key: 1 to 32 lower-case letters, digits and hyphens, beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiKeyName(String);

impl ApiKeyName {
    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_plain_name(text, NAME_CHARS).then(|| Self(text.to_owned()))
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApiKeyName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_plain_and_never_a_key() {
        for name in ["a", "crm-2027", "0", &"x".repeat(32)] {
            assert!(ApiKeyName::parse(name).is_some(), "{name}");
        }
        for other in ["", "-a", "CRM", "a b", "a_b", "\u{430}", "0a1b2c3d-0a1b-4a1b-aa1b-0a1b2c3d4e5f", &"x".repeat(33)]
        {
            assert!(ApiKeyName::parse(other).is_none(), "{other}");
        }
    }
}
