//! The texts of a user that searches look into, and who may be found by a search.

use super::items::{DetailItem, ProfileItem};
use crate::ids::UserId;
use crate::limits::MAX_SEARCH_WORDS;
use crate::stepchat::{Detail, DetailChange, Search, Slug, User, UserType};
use crate::store::grants::{Action, Grant};
use crate::store::search::{self, IndexChange, LookUp, Replaced, Stamp, StampedText};
use crate::store::{Store, StoreError, Table};
use crate::text::fold;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a transaction that changes a searched text needs beside its own grants.
pub const POST: &[Grant] = &[
    Grant::on(Table::Stepchat, Action::BatchWriteItem),
    Grant::on(Table::Stepchat, Action::PutItem),
    Grant::on(Table::Stepchat, Action::DeleteItem),
    Grant::on(Table::Stepchat, Action::UpdateItem),
];

/// First and last names: found by any word.
const NAMES: &str = "name";
/// E-mail addresses and extras: found by the first word.
const OTHERS: &str = "other";

/// The stamps of a profile's search entries. One is missing if there is nothing to find, for the bot, and in a profile that was
/// written before there were search entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marks {
    #[serde(rename = "g_first", default, skip_serializing_if = "Option::is_none")]
    first: Option<Stamp>,
    #[serde(rename = "g_last", default, skip_serializing_if = "Option::is_none")]
    last: Option<Stamp>,
    #[serde(rename = "g_email", default, skip_serializing_if = "Option::is_none")]
    email: Option<Stamp>,
}

/// The stamps of a user: those of the profile, and those of the extras that have one.
#[derive(Debug, Clone, Default)]
pub(super) struct Stamps {
    pub(super) profile: Marks,
    pub(super) details: BTreeMap<Slug, Stamp>,
}

fn email(user: &User) -> Option<&str> {
    user.email.as_ref().map(crate::stepchat::Email::as_str)
}

/// Whether an extra has something to be found by and no search entries for it, or those of an earlier comparison.
pub(super) fn is_missing(user: &User, item: &DetailItem) -> bool {
    let (value, stamp) = item.indexed_text();
    let is_found = user.user_type != UserType::Bot && item.slug().finds_users() && !fold(value).is_empty();
    is_found && !stamp.is_some_and(Stamp::is_current)
}

impl Stamps {
    /// Those of a user as its items are.
    pub(super) fn of(profile: &ProfileItem, details: &[DetailItem]) -> Self {
        let stamp = |item: &DetailItem| Some((item.slug().clone(), item.indexed_text().1?.clone()));
        Self { profile: profile.marks.clone(), details: details.iter().filter_map(stamp).collect() }
    }

    /// The texts of a profile that is about to go, by which it is found. Those of its extras go with the extras.
    pub(super) fn stamped_texts(&self, user: &User) -> Vec<StampedText> {
        let marks = &self.profile;
        let first = StampedText::of(NAMES, user.first_name.as_str(), marks.first.as_ref());
        let last = StampedText::of(NAMES, user.last_name.as_str(), marks.last.as_ref());
        let email = email(user).and_then(|email| StampedText::of(OTHERS, email, marks.email.as_ref()));
        [first, last, email].into_iter().flatten().collect()
    }

    /// The stamps after a change of some texts, and what the change means for search entries.
    pub(super) fn after<'a>(
        &'a self,
        before: Option<(&'a User, &'a [Detail])>,
        after: &'a User,
        changes: &'a [DetailChange],
    ) -> (Self, IndexChange) {
        let id = after.id;
        let mut change = IndexChange::new(Table::Stepchat, id.padded(), id.get(), after.version);
        let mut stamps = self.clone();
        // No search shows the bot.
        if after.user_type == UserType::Bot {
            return (stamps, change);
        }
        let (old, details) = before.unzip();
        let (marks, details) = (&self.profile, details.unwrap_or_default());
        let profile = |list, before, stamp: &'a Option<Stamp>, after| Replaced {
            list,
            before: (before, stamp.as_ref()),
            after,
            is_first: true,
        };
        let first = |user: &'a User| Some(user.first_name.as_str());
        let last = |user: &'a User| Some(user.last_name.as_str());
        let mut texts = vec![
            profile(NAMES, old.and_then(first), &marks.first, first(after)),
            profile(NAMES, old.and_then(last), &marks.last, last(after)),
            profile(OTHERS, old.and_then(email), &marks.email, email(after)),
        ];
        let searched: Vec<&DetailChange> = changes.iter().filter(|one| one.slug().finds_users()).collect();
        texts.extend(searched.iter().map(|one| {
            let old = details.iter().find(|detail| detail.slug == *one.slug());
            let after = match one {
                DetailChange::Set(detail) => Some(detail.value.as_str()),
                DetailChange::Remove(_) => None,
            };
            let before = (old.map(|detail| detail.value.as_str()), self.details.get(one.slug()));
            Replaced { list: OTHERS, before, after, is_first: false }
        }));
        let mut new = change.replace(&texts).into_iter();
        stamps.profile = Marks { first: new.next().flatten(), last: new.next().flatten(), email: new.next().flatten() };
        for (one, stamp) in searched.into_iter().zip(new) {
            match stamp {
                Some(stamp) => stamps.details.insert(one.slug().clone(), stamp),
                None => stamps.details.remove(one.slug()),
            };
        }
        (stamps, change)
    }
}

/// The text of an extra that is about to go, if it is found by it.
pub(super) fn of_extra(item: &DetailItem) -> Option<StampedText> {
    let (value, stamp) = item.indexed_text();
    StampedText::of(OTHERS, value, stamp)
}

/// Lets no search find texts that are gone with their user.
pub(super) async fn forget(store: &Store, id: UserId, gone: &[StampedText]) -> Result<(), StoreError> {
    search::remove_later(store, Table::Stepchat, &id.padded(), gone).await
}

/// Everybody whom a search may find, and perhaps some more; `None` if everybody has to be looked at.
pub(super) async fn candidates(store: &Store, search: &Search) -> Result<Option<BTreeSet<UserId>>, StoreError> {
    if search.finds_nobody() {
        return Ok(Some(BTreeSet::new()));
    }
    let words: BTreeSet<&str> = search.words().collect();
    let Some(first) = search.words().next().filter(|_| words.len() <= MAX_SEARCH_WORDS) else {
        return Ok(None);
    };
    let names = words.iter().map(|word| LookUp { list: NAMES, word });
    let lookups: Vec<LookUp<'_>> = names.chain([LookUp { list: OTHERS, word: first }]).collect();
    let found = search::find(store, Table::Stepchat, &lookups).await?;
    Ok(found.map(|numbers| numbers.into_iter().filter_map(UserId::new).collect()))
}
