//! The texts of a user that searches look into, and who may be found by a search.

use super::items::DetailItem;
use crate::ids::UserId;
use crate::limits::{MAX_DETAILS_PER_CALL, MAX_SEARCH_WORDS};
use crate::stepchat::{Detail, DetailChange, Search, Slug, User, UserType, is_searched};
use crate::store::grants::{Action, Grant};
use crate::store::search::{self, Change, LookUp, Posted, Stamp};
use crate::store::{Store, StoreError, Table};
use futures_util::try_join;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a transaction that changes a searched text needs beside its own grants.
pub const POST: &[Grant] = &[
    Grant::on(Table::Stepchat, Action::BatchWriteItem),
    Grant::on(Table::Stepchat, Action::PutItem),
    Grant::on(Table::Stepchat, Action::DeleteItem),
    Grant::on(Table::Stepchat, Action::UpdateItem),
];

/// First and last names: found by any word. At most 100 characters each, so they are always cut into grams.
const NAMES: &str = "name";
/// E-mail addresses and extras: found by the first word.
const OTHERS: &str = "other";

/// The stamps of a profile's postings. One is missing if there is nothing to find, for the bot, and in a profile that was
/// written before there were postings.
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

impl Stamps {
    /// What is posted of a profile that is about to go. Its extras' postings go with the extras.
    pub(super) fn posted(&self, user: &User) -> Vec<Posted> {
        let marks = &self.profile;
        let first = Posted::of(NAMES, user.first_name.as_str(), marks.first.as_ref());
        let last = Posted::of(NAMES, user.last_name.as_str(), marks.last.as_ref());
        let email = email(user).and_then(|email| Posted::of(OTHERS, email, marks.email.as_ref()));
        [first, last, email].into_iter().flatten().collect()
    }

    /// The stamps after a change of some texts, and what the change means for postings.
    pub(super) fn after(
        &self,
        before: Option<(&User, &[Detail])>,
        after: &User,
        changes: &[DetailChange],
    ) -> (Self, Change) {
        let id = after.id;
        let mut change = Change::new(Table::Stepchat, id.padded(), id.get(), after.version);
        let mut stamps = self.clone();
        // No search shows the bot.
        if after.user_type == UserType::Bot {
            return (stamps, change);
        }
        let old = before.map(|(user, _)| user);
        let marks = &mut stamps.profile;
        let text = (old.map(|user| user.first_name.as_str()), marks.first.as_ref());
        marks.first = change.replace(NAMES, text, Some(after.first_name.as_str()));
        let text = (old.map(|user| user.last_name.as_str()), marks.last.as_ref());
        marks.last = change.replace(NAMES, text, Some(after.last_name.as_str()));
        marks.email = change.replace(OTHERS, (old.and_then(email), marks.email.as_ref()), email(after));
        for one in changes.iter().filter(|one| is_searched(one.slug())) {
            let details = before.map(|(_, details)| details).unwrap_or_default();
            let old = details.iter().find(|detail| detail.slug == *one.slug()).map(|detail| detail.value.as_str());
            let new = match one {
                DetailChange::Set(detail) => Some(detail.value.as_str()),
                DetailChange::Remove(_) => None,
            };
            let stamp = stamps.details.remove(one.slug());
            if let Some(stamp) = change.replace(OTHERS, (old, stamp.as_ref()), new) {
                stamps.details.insert(one.slug().clone(), stamp);
            }
        }
        (stamps, change)
    }

    /// The stamps when what has none gets one, what that means for postings, and the extras it is about: as many as one
    /// transaction holds.
    pub(super) fn completed(&self, user: &User, details: &[Detail]) -> (Self, Change, Vec<Detail>) {
        let mut change = Change::new(Table::Stepchat, user.id.padded(), user.id.get(), user.version);
        let mut stamps = self.clone();
        if user.user_type == UserType::Bot {
            return (stamps, change, Vec::new());
        }
        let mut complete = |stamp: &mut Option<Stamp>, list: &str, text: Option<&str>| {
            if stamp.is_none() {
                *stamp = change.replace(list, (None, None), text);
            }
        };
        complete(&mut stamps.profile.first, NAMES, Some(user.first_name.as_str()));
        complete(&mut stamps.profile.last, NAMES, Some(user.last_name.as_str()));
        complete(&mut stamps.profile.email, OTHERS, email(user));
        let mut written = Vec::new();
        for detail in details.iter().filter(|detail| is_searched(&detail.slug)) {
            if written.len() >= MAX_DETAILS_PER_CALL || stamps.details.contains_key(&detail.slug) {
                continue;
            }
            let mut stamp = None;
            complete(&mut stamp, OTHERS, Some(detail.value.as_str()));
            if let Some(stamp) = stamp {
                stamps.details.insert(detail.slug.clone(), stamp);
                written.push(detail.clone());
            }
        }
        (stamps, change, written)
    }
}

/// What is posted of an extra that is about to go.
pub(super) fn posted(item: &DetailItem) -> Option<Posted> {
    let (value, stamp) = item.posted();
    Posted::of(OTHERS, value, stamp)
}

/// Removes the postings of texts that are gone, and what changes have left behind them of a user who is gone.
pub(super) async fn forget(store: &Store, id: UserId, gone: &[Posted]) -> Result<(), StoreError> {
    let owner = id.padded();
    try_join!(search::remove(store, Table::Stepchat, gone), search::forget(store, Table::Stepchat, &owner))?;
    Ok(())
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
    let found = search::find(store, Table::Stepchat, &lookups, &[OTHERS]).await?;
    Ok(found.map(|numbers| numbers.into_iter().filter_map(UserId::new).collect()))
}
