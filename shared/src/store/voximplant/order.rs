//! The orders of lists of users.

use crate::ids::PhoneUserId;
use crate::store::StoreError;
use crate::store::keys::text_sort_key;
use crate::store::read::Index;
use crate::voximplant::PhoneUser;
use serde::Deserialize;

/// The orders of `GetUsers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[schemars(extend("x-kind" = "word"))]
pub enum SortOrder {
    /// By user name, the default.
    #[default]
    #[serde(rename = "user_name")]
    Name,
    /// By display name.
    #[serde(rename = "user_display_name")]
    DisplayName,
    /// By id.
    #[serde(rename = "user_id")]
    Id,
}

impl SortOrder {
    pub(super) const fn index(self) -> Index {
        match self {
            Self::Name => ("app_by_name", "ap", "s_name"),
            Self::DisplayName => ("app_by_display", "ap", "s_display"),
            Self::Id => ("app_by_id", "ap", "s_id"),
        }
    }

    /// The place of a user in this order.
    pub(super) fn place(self, user: &PhoneUser) -> String {
        let id = user.id.padded();
        match self {
            Self::Name => text_sort_key(Some(user.name.as_str()), &id),
            Self::DisplayName => text_sort_key(Some(user.display_name.as_str()), &id),
            Self::Id => id,
        }
    }
}

/// The user whose partition has this key, as an index entry names it.
pub(super) fn listed_user(pk: &str) -> Result<PhoneUserId, StoreError> {
    let padded = pk.rsplit_once('#').map(|(_, padded)| padded.trim_start_matches('0'));
    padded.and_then(PhoneUserId::parse).ok_or_else(|| StoreError::Corrupt(pk.to_owned()))
}
