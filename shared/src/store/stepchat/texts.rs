//! The texts of a user that searches look into, and who may be found by a search.

use super::items::{DetailItem, Marks, ProfileItem};
use crate::ids::UserId;
use crate::limits::MAX_SEARCH_WORDS;
use crate::stepchat::{Detail, DetailChange, DraftUser, Email, Name, Search, Slug, User, UserType};
use crate::store::grants::{Action, Grant};
use crate::store::search::{self, IndexChange, LookUp, Replaced, Stamp, StampedText};
use crate::store::{Store, StoreError, Table};
use crate::text::fold;
use std::collections::{BTreeMap, BTreeSet};

/// What a transaction that changes a searched text needs besides its own grants.
pub const POST: &[Grant] = &[
    Grant::on(Table::Stepchat, Action::BatchWriteItem),
    Grant::on(Table::Stepchat, Action::PutItem),
    Grant::on(Table::Stepchat, Action::DeleteItem),
    Grant::on(Table::Stepchat, Action::UpdateItem),
];

/// First and last names: looked up by every word of a search.
const NAMES: &str = "name";
/// E-mail addresses and extras: looked up by the first word of a search.
const OTHERS: &str = "other";

/// The stamps of a user: those of the profile, and those of the extras that have one.
#[derive(Debug, Clone, Default)]
pub(super) struct Stamps {
    pub(super) profile: Marks,
    pub(super) details: BTreeMap<Slug, Stamp>,
}

/// The texts of a profile that searches look into.
#[derive(Debug, Clone, Copy)]
struct ProfileTexts<'a> {
    first: &'a str,
    last: &'a str,
    email: Option<&'a str>,
    user_type: UserType,
}

impl<'a> ProfileTexts<'a> {
    fn new(first: &'a Name, last: &'a Name, email: Option<&'a Email>, user_type: UserType) -> Self {
        Self { first: first.as_str(), last: last.as_str(), email: email.map(Email::as_str), user_type }
    }
}

impl<'a> From<&'a User> for ProfileTexts<'a> {
    fn from(user: &'a User) -> Self {
        Self::new(&user.first_name, &user.last_name, user.email.as_ref(), user.user_type)
    }
}

impl<'a> From<&'a DraftUser> for ProfileTexts<'a> {
    fn from(user: &'a DraftUser) -> Self {
        Self::new(&user.first_name, &user.last_name, user.email.as_ref(), user.user_type)
    }
}

/// Whether an extra should have search entries but has none, or only those of an earlier comparison.
pub(super) fn is_missing(user: &User, item: &DetailItem) -> bool {
    let (value, stamp) = item.indexed_text();
    let is_found = user.user_type != UserType::Bot && item.slug().finds_users() && !fold(value).is_empty();
    is_found && !stamp.is_some_and(Stamp::is_current)
}

impl Stamps {
    /// The stamps of a user, as its items hold them.
    pub(super) fn of(profile: &ProfileItem, details: &[DetailItem]) -> Self {
        let stamp = |item: &DetailItem| Some((item.slug().clone(), item.indexed_text().1?.clone()));
        Self { profile: profile.marks.clone(), details: details.iter().filter_map(stamp).collect() }
    }

    /// The searchable texts of a profile that is about to be deleted. Those of its extras are removed with the extras.
    pub(super) fn stamped_texts(&self, user: &User) -> Vec<StampedText> {
        let (marks, texts) = (&self.profile, ProfileTexts::from(user));
        let first = StampedText::of(NAMES, texts.first, marks.first.as_ref());
        let last = StampedText::of(NAMES, texts.last, marks.last.as_ref());
        let email = texts.email.and_then(|email| StampedText::of(OTHERS, email, marks.email.as_ref()));
        [first, last, email].into_iter().flatten().collect()
    }

    /// The stamps after a change of some texts, and what the change means for search entries.
    pub(super) fn after(
        &self,
        before: Option<(&User, &[Detail])>,
        after: &User,
        changes: &[DetailChange],
    ) -> (Self, IndexChange) {
        let id = after.id;
        let change = IndexChange::new(Table::Stepchat, id.padded(), id.get(), after.version);
        self.with(change, before, ProfileTexts::from(after), changes)
    }

    /// The stamps of a user who has no id yet, and what creating the user means for search entries.
    pub(super) fn of_draft(user: &DraftUser, details: &[DetailChange]) -> (Self, IndexChange) {
        let change = IndexChange::of_nobody_yet(Table::Stepchat, user.creation_time.millis());
        Self::default().with(change, None, ProfileTexts::from(user), details)
    }

    fn with(
        &self,
        mut change: IndexChange,
        before: Option<(&User, &[Detail])>,
        after: ProfileTexts<'_>,
        changes: &[DetailChange],
    ) -> (Self, IndexChange) {
        let mut stamps = self.clone();
        // No search shows the bot.
        if after.user_type == UserType::Bot {
            return (stamps, change);
        }
        let (old, details) = before.unzip();
        let (marks, details) = (&self.profile, details.unwrap_or_default());
        let old = old.map(ProfileTexts::from);
        let (old_first, old_last) = (old.map(|old| old.first), old.map(|old| old.last));
        let profile = |list, before, stamp, after| Replaced { list, before: (before, stamp), after, is_first: true };
        let mut texts = vec![
            profile(NAMES, old_first, marks.first.as_ref(), Some(after.first)),
            profile(NAMES, old_last, marks.last.as_ref(), Some(after.last)),
            profile(OTHERS, old.and_then(|old| old.email), marks.email.as_ref(), after.email),
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

/// The text of an extra that is about to be deleted, if it has search entries.
pub(super) fn of_extra(item: &DetailItem) -> Option<StampedText> {
    let (value, stamp) = item.indexed_text();
    StampedText::of(OTHERS, value, stamp)
}

/// Notes that texts are deleted with their user, so that their search entries are removed later.
pub(super) async fn forget(store: &Store, id: UserId, gone: &[StampedText]) -> Result<(), StoreError> {
    search::remove_later(store, Table::Stepchat, &id.padded(), gone).await
}

/// All users whom a search may find, and perhaps some more; `None` if every user has to be looked at.
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
