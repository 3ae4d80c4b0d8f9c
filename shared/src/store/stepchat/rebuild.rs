//! Updates what a user has under keys of an earlier comparison: places in lists, look-ups, search entries, guards
//! (decision E1). Operator work: no method may do this.
//!
//! Every step may be repeated, interrupted and done while the deployment serves. What is right already is only read.

use super::items::{DetailItem, GuardItem, ProfileItem, email_key, partition, phone_key, profile_key};
use super::texts::{Stamps, is_missing};
use super::users::{phone_of, unchanged};
use crate::ids::UserId;
use crate::limits::MAX_DETAILS_PER_CALL;
use crate::stepchat::{Detail, DetailChange, User, UserChange};
use crate::store::auth;
use crate::store::read::{Partition, text};
use crate::store::write::Step;
use crate::store::{Attempts, CommitError, Key, Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use std::collections::BTreeSet;

/// A value that two users have and only one may have: the older user keeps it, and both users stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collision {
    /// `user` has the e-mail address of `keeper`.
    Email {
        /// Who is found by id, by name and by search, but not by the address.
        user: UserId,
        /// Who is found by the address.
        keeper: UserId,
    },
    /// `user` has the phone number of `keeper`.
    Phone {
        /// Who is found by id, by name and by search.
        user: UserId,
        /// Whose number it is.
        keeper: UserId,
    },
}

/// What became of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Whether anything was written.
    pub changed: bool,
    /// What the user shares with another.
    pub collisions: Vec<Collision>,
}

/// A user's items as they are stored.
struct Found {
    profile: ProfileItem,
    details: Vec<DetailItem>,
}

async fn read(store: &Store, id: UserId) -> Result<Option<Found>, StoreError> {
    let pk = partition(id);
    // The profile is read first: if an extra changes afterwards, the write that relies on the profile's version fails.
    let partition = Partition::of(Table::Stepchat, &pk).between("D#", "P").descending();
    let (mut profile, mut details) = (None, Vec::new());
    for item in store.all(&partition).await? {
        if text(&item, "sk") == Some("P") {
            profile = Some(serde_dynamo::from_item(item)?);
        } else {
            details.push(serde_dynamo::from_item(item)?);
        }
    }
    Ok(profile.map(|profile| Found { profile, details }))
}

/// Updates a user; `None` if there is none.
pub async fn user(store: &Store, id: UserId, now: Timestamp) -> Result<Option<Rebuilt>, StoreError> {
    let (mut attempts, mut changed) = (Attempts::default(), false);
    let mut shared = BTreeSet::new();
    loop {
        let Some(found) = read(store, id).await? else { return Ok(None) };
        let (txn, collisions) = plan(store, found, now).await?;
        if txn.is_empty() {
            shared.extend(collisions);
            return Ok(Some(Rebuilt { changed, collisions: shared.into_iter().collect() }));
        }
        match store.commit(&txn).await {
            // Many extras take several rounds. A collision whose guard is taken in this round is not seen in the next
            // one, so it is kept.
            Ok(()) => {
                (changed, attempts) = (true, Attempts::default());
                shared.extend(collisions);
            }
            Err(CommitError::Store(error)) => return Err(error),
            Err(_) => attempts.again().await?,
        }
    }
}

/// What has to be written for a user, as much as one transaction holds; nothing if all is right.
async fn plan(store: &Store, found: Found, now: Timestamp) -> Result<(Txn<()>, Vec<Collision>), StoreError> {
    let Found { profile, details: items } = found;
    let before = profile.clone().into_user();
    let after = UserChange::default().apply(&before, now);
    let (mut txn, mut collisions) = (Txn::default(), Vec::new());
    let mut owned = profile.owned.clone();

    if let Some(key) = before.email.as_ref().map(email_key) {
        let keeper = claim(store, &mut txn, &before, &key, now).await?;
        collisions.extend(keeper.shared.map(|(user, keeper)| Collision::Email { user, keeper }));
        owned.email_of = keeper.other;
    }
    let details: Vec<Detail> = items.iter().cloned().map(|item| item.placed().detail).collect();
    let number = phone_of(&details);
    if let Some(held) = owned.phone.take_if(|held| number.as_ref() != Some(held)) {
        txn.push(Write::delete(Table::Stepchat, phone_key(&held)));
        if let Some(number) = number {
            let keeper = claim(store, &mut txn, &before, &phone_key(&number), now).await?;
            collisions.extend(keeper.shared.map(|(user, keeper)| Collision::Phone { user, keeper }));
            owned.phone = keeper.other.is_none().then_some(number);
        }
    }

    if let Some(token) = &owned.admin_token
        && !store.has_all_copies(token).await?
    {
        auth::put_admin_token(token, before.id)?.into_iter().for_each(|copy| txn.push(copy));
    }
    let stamps = Stamps::of(&profile, &items);
    let outdated = items.iter().filter(|item| is_missing(&before, item) || item.refreshed() != **item);
    let outdated: Vec<&DetailItem> = outdated.take(MAX_DETAILS_PER_CALL).collect();
    let set: Vec<DetailChange> =
        outdated.iter().map(|item| DetailChange::Set((*item).clone().placed().detail)).collect();
    let (stamps, change) = stamps.after(Some((&before, &details)), &after, &set);
    let same = ProfileItem::new(&before, owned.clone(), stamps.profile.clone()) == profile;
    if same && outdated.is_empty() && txn.is_empty() {
        return Ok((txn, collisions));
    }
    txn.index(change);
    txn.push(unchanged(Write::put(Table::Stepchat, &ProfileItem::new(&after, owned, stamps.profile))?, &before));
    for item in outdated {
        let slug = item.slug();
        let item = item.refreshed().stamped(stamps.details.get(slug));
        txn.push(Write::put(Table::Stepchat, &item)?);
    }
    Ok((txn, collisions))
}

/// The result of a claim.
#[derive(Default)]
struct Claimed {
    /// The user who keeps the guard instead.
    other: Option<UserId>,
    /// The user without the guard and the user who keeps it, if two users have the value.
    shared: Option<(UserId, UserId)>,
}

/// Claims a guard for a user: the older of two users gets it.
async fn claim(
    store: &Store,
    txn: &mut Txn<()>,
    user: &User,
    key: &Key,
    now: Timestamp,
) -> Result<Claimed, StoreError> {
    let held: Option<GuardItem> = store.get(Table::Stepchat, key).await?;
    let guard = Write::put(Table::Stepchat, &GuardItem::new(key.clone(), user.id))?;
    let Some(GuardItem { uid, .. }) = held else {
        txn.push(guard.if_absent().or_stale());
        return Ok(Claimed::default());
    };
    if uid == user.id {
        return Ok(Claimed::default());
    }
    let guard = guard.number(":held", i64::try_from(uid.get()).unwrap_or(i64::MAX)).if_("uid = :held").or_stale();
    match holder(store, uid, key).await? {
        // Its user has no right to it: the guard was left behind.
        None => {
            txn.push(guard);
            Ok(Claimed::default())
        }
        Some(_) if uid < user.id => Ok(Claimed { other: Some(uid), shared: Some((user.id, uid)) }),
        Some(holder) => {
            txn.push(guard);
            txn.push(without(&holder, key, user.id, now));
            Ok(Claimed { other: None, shared: Some((uid, user.id)) })
        }
    }
}

/// The profile of this user, if it has a right to this guard.
async fn holder(store: &Store, id: UserId, key: &Key) -> Result<Option<ProfileItem>, StoreError> {
    let profile: Option<ProfileItem> = store.get(Table::Stepchat, &profile_key(id)).await?;
    Ok(profile.filter(|profile| {
        let phone = profile.owned.phone.as_deref().map(phone_key);
        let email = profile.email().filter(|_| profile.owned.email_of.is_none()).map(email_key);
        [phone, email].into_iter().flatten().any(|own| own == *key)
    }))
}

/// The write that records in a user's profile that another user has the guard.
fn without(holder: &ProfileItem, key: &Key, keeper: UserId, now: Timestamp) -> Step<()> {
    let user = holder.clone().into_user();
    let is_phone = holder.owned.phone.as_deref().map(phone_key).as_ref() == Some(key);
    let change = if is_phone { "SET v = :next REMOVE phone" } else { "SET v = :next, email_of = :keeper" };
    let mut write = Write::update(Table::Stepchat, profile_key(user.id), change);
    if !is_phone {
        write = write.number(":keeper", i64::try_from(keeper.get()).unwrap_or(i64::MAX));
    }
    let next = UserChange::default().apply(&user, now).version;
    write.number(":next", next).if_version(user.version).or_stale()
}

/// Whether partitions of this name hold guards.
#[must_use]
pub fn is_guard(pk: &str) -> bool {
    pk.starts_with("E#") || pk.starts_with("F#")
}

/// Removes a guard to which its user has no right, such as one under a key that is no longer used; returns whether it
/// did.
pub async fn clear_guard(store: &Store, key: &Key) -> Result<bool, StoreError> {
    let mut attempts = Attempts::default();
    loop {
        let Some(GuardItem { uid, .. }) = store.get(Table::Stepchat, key).await? else { return Ok(false) };
        let profile: Option<ProfileItem> = store.get(Table::Stepchat, &profile_key(uid)).await?;
        if holder(store, uid, key).await?.is_some() {
            return Ok(false);
        }
        let mut txn: Txn<()> = Txn::default();
        let held = i64::try_from(uid.get()).unwrap_or(i64::MAX);
        txn.push(Write::delete(Table::Stepchat, key.clone()).number(":held", held).if_("uid = :held").or_stale());
        let user = Write::check(Table::Stepchat, profile_key(uid));
        txn.push(match profile {
            Some(profile) => user.if_version(profile.into_user().version).or_stale(),
            None => user.if_absent().or_stale(),
        });
        match store.commit(&txn).await {
            Ok(()) => return Ok(true),
            Err(CommitError::Store(error)) => return Err(error),
            Err(_) => attempts.again().await?,
        }
    }
}
