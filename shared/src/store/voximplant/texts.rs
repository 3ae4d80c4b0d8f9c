//! The texts of a user that `GetUsers` searches for parts: its name and its display name (decision D12).

use crate::ids::{AccountId, PhoneUserId};
use crate::limits::MAX_SEARCH_WORDS;
use crate::store::grants::{Action, Grant};
use crate::store::search::{self, IndexChange, Replaced, Stamp, StampedText};
use crate::store::{Store, StoreError, Table};
use crate::text::Part;
use crate::timestamp::Timestamp;
use crate::voximplant::PhoneUser;
use futures_util::try_join;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// What a transaction that changes a name or a display name needs besides its own grants.
pub const POST: &[Grant] = &[
    Grant::on(Table::Voximplant, Action::BatchWriteItem),
    Grant::on(Table::Voximplant, Action::UpdateItem),
    Grant::on(Table::Voximplant, Action::DeleteItem),
];
/// What [`candidates`] needs.
pub const CANDIDATES: &[Grant] = &[Grant::on(Table::Voximplant, Action::Query)];

/// The words by which a part is looked up. A part may have blanks: a text that contains it contains each of its words.
fn words(part: &Part) -> Vec<&str> {
    part.folded().split_whitespace().take(MAX_SEARCH_WORDS).collect()
}

/// The stamps of a user's search entries. One is missing if there is nothing to find, and in a user from before search
/// entries existed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marks {
    #[serde(rename = "g_name", default, skip_serializing_if = "Option::is_none")]
    name: Option<Stamp>,
    #[serde(rename = "g_display", default, skip_serializing_if = "Option::is_none")]
    display: Option<Stamp>,
}

fn names(account: AccountId) -> String {
    format!("name#{}", account.padded())
}

fn display_names(account: AccountId) -> String {
    format!("display#{}", account.padded())
}

impl Marks {
    /// The stamps after a change, and what the change means for search entries. A text that has none yet gets one.
    pub(super) fn after<'a>(
        &'a self,
        account: AccountId,
        before: Option<&'a PhoneUser>,
        after: &'a PhoneUser,
        at: Timestamp,
    ) -> (Self, IndexChange) {
        let owner = format!("{}#{}", account.padded(), after.id.padded());
        let mut change = IndexChange::new(Table::Voximplant, owner, after.id.get(), at.millis());
        let (names, display_names) = (names(account), display_names(account));
        let text = |list, stamp: &'a Option<Stamp>, text: fn(&PhoneUser) -> &str| Replaced {
            list,
            before: (before.map(text), stamp.as_ref()),
            after: Some(text(after)),
            is_first: false,
        };
        let texts = [
            text(names.as_str(), &self.name, |user| user.name.as_str()),
            text(display_names.as_str(), &self.display, |user| user.display_name.as_str()),
        ];
        let mut stamps = change.replace(&texts).into_iter();
        let (name, display) = (stamps.next().flatten(), stamps.next().flatten());
        (Self { name, display }, change)
    }

    /// The searchable texts of a user who is about to be deleted.
    pub(super) fn stamped_texts(&self, account: AccountId, user: &PhoneUser) -> impl Iterator<Item = StampedText> {
        let name = StampedText::of(&names(account), user.name.as_str(), self.name.as_ref());
        let display = StampedText::of(&display_names(account), user.display_name.as_str(), self.display.as_ref());
        name.into_iter().chain(display)
    }
}

/// All users of an account whose name and display name may contain these parts, and perhaps some more; `None` if every
/// user has to be looked at.
pub async fn candidates(
    store: &Store,
    account: AccountId,
    name_part: Option<&Part>,
    display_part: Option<&Part>,
) -> Result<Option<HashSet<PhoneUserId>>, StoreError> {
    let (names, display_names) = try_join!(
        containing(store, names(account), name_part),
        containing(store, display_names(account), display_part)
    )?;
    Ok(match (names, display_names) {
        (Some(names), Some(display_names)) => Some(names.intersection(&display_names).copied().collect()),
        (one, other) => one.or(other),
    })
}

async fn containing(
    store: &Store,
    list: String,
    part: Option<&Part>,
) -> Result<Option<HashSet<PhoneUserId>>, StoreError> {
    let words = part.map_or_else(Vec::new, words);
    let found = search::containing(store, Table::Voximplant, &list, &words).await?;
    Ok(found.map(|numbers| numbers.into_iter().filter_map(PhoneUserId::new).collect()))
}
