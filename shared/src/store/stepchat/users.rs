//! Users: create, read, find, change, delete.

use super::counters::{self, LeadCounter};
use super::items::{
    DetailItem, GuardItem, Owned, Position, ProfileItem, detail_key, email_key, in_order, indexed, partition,
    phone_key, profile_key, value_prefix,
};
use super::promises;
use super::texts::Stamps;
use crate::ids::UserId;
use crate::stepchat::{Detail, DetailChange, Email, Phone, Refusal, Slug, User, UserType, ends_sessions};
use crate::store::auth::{self, PasswordHash, TokenHash};
use crate::store::generation::Generation;
use crate::store::grants::{Action, AuthItem, Grant};
use crate::store::keys::text_sort_key_prefix;
use crate::store::read::{Index, Partition, text};
use crate::store::search::Stamp;
use crate::store::write::Step;
use crate::store::{Attributes, Store, StoreError, Table, Txn, Write};
use crate::text::fold;
use crate::timestamp::Timestamp;
use futures_util::future::try_join_all;
use std::collections::BTreeMap;

/// What [`load`] needs.
pub const LOAD: &[Grant] = &[Grant::on(Table::Stepchat, Action::Query)];
/// What [`find_profile`] needs.
pub const FIND_PROFILE: &[Grant] = &[Grant::on(Table::Stepchat, Action::GetItem)];
/// What [`id_by_email`] needs.
pub const ID_BY_EMAIL: &[Grant] = &[Grant::on(Table::Stepchat, Action::GetItem)];
/// What [`find_by`] needs.
pub const FIND_BY: &[Grant] = &[
    Grant::on(Table::Stepchat, Action::GetItem),
    Grant::query(Table::Stepchat, "by_first"),
    Grant::query(Table::Stepchat, "by_last"),
    Grant::query(Table::Stepchat, "by_value"),
];
/// What [`replacement`] needs, besides [`texts::POST`](super::texts::POST) if it may change names, the e-mail address
/// or extras.
pub const REPLACE: &[Grant] = &[
    Grant::on(Table::Stepchat, Action::PutItem),
    Grant::on(Table::Stepchat, Action::UpdateItem),
    Grant::on(Table::Stepchat, Action::DeleteItem),
];
/// What [`replacement`] needs when it may set a password, or make somebody an admin or no longer an admin.
pub const REPLACE_SECRETS: &[Grant] = &[
    Grant::auth(AuthItem::StepchatPassword, Action::PutItem),
    Grant::auth(AuthItem::AdminToken, Action::PutItem),
    Grant::auth(AuthItem::AdminToken, Action::DeleteItem),
];
/// What [`replacement`] needs when it changes the type of somebody who is no admin.
pub const CHANGE_TYPE: &[Grant] =
    &[Grant::on(Table::Stepchat, Action::PutItem), Grant::on(Table::Stepchat, Action::UpdateItem)];
/// What [`deletion`] needs.
pub const DELETE: &[Grant] = &[
    Grant::on(Table::Stepchat, Action::PutItem),
    Grant::on(Table::Stepchat, Action::UpdateItem),
    Grant::on(Table::Stepchat, Action::DeleteItem),
    Grant::auth(AuthItem::StepchatPassword, Action::DeleteItem),
    Grant::auth(AuthItem::AdminToken, Action::DeleteItem),
];

/// Entries read per query for candidates: enough to skip entries whose user has just been deleted.
const CANDIDATES: i32 = 10;

/// A user as stored: profile, extras, and what exists elsewhere on its behalf.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The profile.
    pub user: User,
    /// The extras, in the order in which they were added.
    pub details: Vec<Detail>,
    positions: BTreeMap<Slug, Position>,
    owned: Owned,
    stamps: Stamps,
}

impl Stored {
    /// The epoch of the user's sessions.
    pub(super) fn epoch(&self) -> u32 {
        self.owned.epoch
    }

    /// Whether the user is a responder, or ever was.
    pub(super) fn was_responder(&self) -> bool {
        self.owned.was_responder || self.user.user_type.is_responder()
    }

    /// Whether the user is one of the leads that were there before this generation.
    pub(super) fn is_lead_before(&self, generation: Generation) -> bool {
        self.user.user_type == UserType::Lead && self.owned.generation < generation
    }
}

/// The secrets that go with a user, each already in the form that is stored.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// Hash of a new password.
    pub password: Option<PasswordHash>,
    /// Hash of the user's own token, by which it is looked up while the user is an admin.
    pub token: TokenHash,
}

/// The phone number whose guard a set of extras needs.
pub(super) fn phone_of<'a>(details: impl IntoIterator<Item = &'a Detail>) -> Option<String> {
    let phone = details.into_iter().find(|detail| detail.slug.as_str() == Slug::PHONE)?;
    Phone::parse(phone.value.as_str()).map(|phone| phone.key().to_owned())
}

/// Reads a user with all extras: one query of its item collection, strongly consistent.
///
/// A query may see half of a transaction, and it sees items in the order of their keys. So the profile is read first:
/// if an extra changes after that, a write that relies on the profile's version fails.
pub async fn load(store: &Store, id: UserId) -> Result<Option<Stored>, StoreError> {
    let pk = partition(id);
    // Extras are `D#…`, the profile is `P` and comes first in descending order; conversations and typing lie outside.
    let partition = Partition::of(Table::Stepchat, &pk).between("D#", "P").descending();
    let mut profile: Option<ProfileItem> = None;
    let (mut details, mut positions, mut stamps) = (Vec::new(), BTreeMap::new(), Stamps::default());
    for item in store.all(&partition).await? {
        if text(&item, "sk") == Some("P") {
            profile = Some(serde_dynamo::from_item(item)?);
        } else {
            let item: DetailItem = serde_dynamo::from_item(item)?;
            let stamp = item.indexed_text().1.cloned();
            let placed = item.placed();
            let slug = &placed.detail.slug;
            stamps.details.extend(stamp.map(|stamp| (slug.clone(), stamp)));
            positions.insert(slug.clone(), placed.position);
            details.push(placed);
        }
    }
    details.reverse();
    Ok(profile.map(|profile| {
        stamps.profile = profile.marks.clone();
        let owned = profile.owned.clone();
        Stored { owned, user: profile.into_user(), details: in_order(details), positions, stamps }
    }))
}

/// Reads the extras of a user that is known to exist, in the order in which they were added.
pub async fn details(store: &Store, id: UserId) -> Result<Vec<Detail>, StoreError> {
    let pk = partition(id);
    let partition = Partition::of(Table::Stepchat, &pk).begins_with("D#");
    let items = store.all(&partition).await?.into_iter();
    let placed = items.map(|item| Ok(serde_dynamo::from_item::<_, DetailItem>(item)?.placed()));
    Ok(in_order(placed.collect::<Result<_, StoreError>>()?))
}

/// Reads a profile.
pub async fn find_profile(store: &Store, id: UserId) -> Result<Option<User>, StoreError> {
    let item: Option<ProfileItem> = store.get(Table::Stepchat, &profile_key(id)).await?;
    Ok(item.map(ProfileItem::into_user))
}

/// The id of the user who has this e-mail address.
pub async fn id_by_email(store: &Store, email: &Email) -> Result<Option<UserId>, StoreError> {
    let guard: Option<GuardItem> = store.get(Table::Stepchat, &email_key(email)).await?;
    Ok(guard.map(|guard| guard.uid))
}

/// An attribute by which `get-user-by` finds users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// The e-mail address.
    Email(Email),
    /// The first name.
    FirstName(String),
    /// The last name.
    LastName(String),
    /// The phone number, in any spelling.
    Phone(Phone),
    /// Any extra, by its whole value.
    Detail(Slug, String),
}

/// The user with the lowest id whose attribute equals the value, without case and accents; never the bot.
pub async fn find_by(store: &Store, attribute: &Attribute) -> Result<Option<User>, StoreError> {
    match attribute {
        Attribute::Email(email) => {
            let Some(id) = id_by_email(store, email).await? else { return Ok(None) };
            let user = find_profile(store, id).await?;
            Ok(user.filter(|user| user.user_type != UserType::Bot))
        }
        Attribute::FirstName(name) => by_name(store, ("by_first", "lp", "s_first"), name).await,
        Attribute::LastName(name) => by_name(store, ("by_last", "lp", "s_last"), name).await,
        Attribute::Phone(phone) => by_detail(store, &Slug::phone(), phone.key()).await,
        Attribute::Detail(slug, value) => by_detail(store, slug, value).await,
    }
}

async fn by_name(store: &Store, index: Index, name: &str) -> Result<Option<User>, StoreError> {
    let wanted = fold(name);
    if wanted.is_empty() {
        return Ok(None);
    }
    let start = text_sort_key_prefix(&wanted);
    let (index_name, ..) = index;
    // The index may lag behind a change of name, and cuts what is very long: the profile decides.
    let equal = |_: &Attributes, user: &User| {
        fold(if index_name == "by_first" { user.first_name.as_str() } else { user.last_name.as_str() }) == wanted
    };
    let searches = UserType::LISTED.into_iter().map(|kind| first_in(store, index, kind.as_str(), &start, &equal));
    Ok(lowest(try_join_all(searches).await?))
}

async fn by_detail(store: &Store, slug: &Slug, value: &str) -> Result<Option<User>, StoreError> {
    let wanted = indexed(slug, value);
    // A value that folds to nothing finds nobody.
    if wanted.is_empty() || !slug.finds_users() {
        return Ok(None);
    }
    // The index cuts long values: the carried text decides.
    let equal = |entry: &Attributes, user: &User| {
        user.user_type != UserType::Bot && text(entry, "val").is_some_and(|value| indexed(slug, value) == wanted)
    };
    first_in(store, ("by_value", "vp", "vs"), slug.as_str(), &value_prefix(&wanted), &equal).await
}

fn lowest(found: Vec<Option<User>>) -> Option<User> {
    found.into_iter().flatten().min_by_key(|user| user.id)
}

/// The first user of an index range that exists and is accepted. Entries of equal value are ordered by id; entries of
/// users that have just been deleted are skipped, however many there are.
async fn first_in(
    store: &Store,
    index: Index,
    pk: &str,
    start: &str,
    accept: &(dyn Fn(&Attributes, &User) -> bool + Sync),
) -> Result<Option<User>, StoreError> {
    let partition = Partition::of(Table::Stepchat, pk).index(index).begins_with(start).page_size(CANDIDATES);
    let mut from = None;
    loop {
        let page = store.page(&partition, from).await?;
        for entry in &page.items {
            let Some(id) = id_of(entry) else { continue };
            if let Some(user) = find_profile(store, id).await?.filter(|user| accept(entry, user)) {
                return Ok(Some(user));
            }
        }
        from = page.next;
        if from.is_none() {
            return Ok(None);
        }
    }
}

/// The user an index entry belongs to, from its table key `U#<id>`.
pub(super) fn id_of(entry: &Attributes) -> Option<UserId> {
    let padded = text(entry, "pk")?.strip_prefix("U#")?;
    UserId::parse(padded.trim_start_matches('0'))
}

/// The transaction that turns a stored user into `after`; stale if the user has changed since it was read, or if the
/// user becomes a lead and all leads were deleted since `leads` was read.
pub fn replacement(
    before: &Stored,
    after: &User,
    changes: &[DetailChange],
    secrets: &Secrets,
    unique_phone: bool,
    leads: &LeadCounter,
) -> Result<Txn<Refusal>, StoreError> {
    let id = after.id;
    let mut txn = Txn::default();
    let key = |user: &User| user.email.as_ref().map(email_key);
    let (old, new) = (key(&before.user), key(after));
    if old != new {
        if let Some(new) = new {
            let guard = GuardItem::new(new, id);
            txn.push(Write::put(Table::Stepchat, &guard)?.if_absent().or(Refusal::DuplicateEmail));
        }
        if let Some(old) = old.filter(|_| before.owned.email_of.is_none()) {
            txn.push(Write::delete(Table::Stepchat, old));
        }
    }
    let owned = Owned {
        generation: generation_after(Some(before), after, leads),
        ..owned_after(before, after, changes, secrets, unique_phone)
    };
    if owned.phone != before.owned.phone {
        if let Some(phone) = &owned.phone {
            let guard = GuardItem::new(phone_key(phone), id);
            txn.push(Write::put(Table::Stepchat, &guard)?.if_absent().or(Refusal::DuplicatePhone));
        }
        if let Some(old) = &before.owned.phone {
            txn.push(Write::delete(Table::Stepchat, phone_key(old)));
        }
    }
    // A heartbeat does not raise the version, but writing the whole profile must not set last activity back: see
    // [`unchanged`].
    let (stamps, change) = before.stamps.after(Some((&before.user, &before.details)), after, changes);
    txn.index(change);
    let profile = Write::put(Table::Stepchat, &ProfileItem::new(after, owned.clone(), stamps.profile))?;
    txn.push(unchanged(profile, &before.user));
    for (index, change) in changes.iter().enumerate() {
        let write = match change {
            DetailChange::Set(detail) => {
                // A new value does not change an extra's position.
                let position = before.positions.get(&detail.slug).copied();
                let position = position.unwrap_or_else(|| Position::added(after.version, index));
                let item = DetailItem::new(id, detail, position).stamped(stamps.details.get(&detail.slug));
                Write::put(Table::Stepchat, &item)?
            }
            DetailChange::Remove(slug) => Write::delete(Table::Stepchat, detail_key(id, slug)),
        };
        txn.push(with_the_stamp_read(write, before.stamps.details.get(change.slug())));
    }
    if before.user.user_type != after.user_type {
        let less = counters::one_less(before.user.user_type, Refusal::InvalidUserType);
        for count in [less, counters::one_more(after.user_type, leads)].into_iter().flatten() {
            txn.push(count);
        }
    }
    push_secrets(&mut txn, id, &before.owned, &owned, secrets)?;
    Ok(txn)
}

/// Stale if the user has changed since it was read, or been active.
pub(super) fn unchanged<R>(profile: Write, before: &User) -> Step<R> {
    let profile = profile.number(":seen", before.version).number(":active", before.last_activity.millis());
    profile.if_("v = :seen AND active = :active").or_stale()
}

/// Stale if the extra's stamp is not the one that was read: what happens to its search entries was decided by that
/// stamp.
fn with_the_stamp_read(extra: Write, stamp: Option<&Stamp>) -> Step<Refusal> {
    match stamp {
        Some(stamp) => extra.text(":stamp", stamp.as_str()).if_("g = :stamp").or_stale(),
        None => extra.if_("attribute_not_exists(g)").or_stale(),
    }
}

/// What a user owns after a change: the phone number that is set now, or the one held before if the call leaves it
/// alone; an admin's token.
fn owned_after(
    before: &Stored,
    after: &User,
    changes: &[DetailChange],
    secrets: &Secrets,
    unique_phone: bool,
) -> Owned {
    let phone = match changes.iter().find(|change| change.slug().as_str() == Slug::PHONE) {
        None => before.owned.phone.clone(),
        // The bot takes no number away from a person.
        Some(DetailChange::Set(detail)) if unique_phone && after.user_type != UserType::Bot => phone_of([detail]),
        Some(_) => None,
    };
    let admin_token = (after.user_type == UserType::Admin)
        .then(|| before.owned.admin_token.clone().unwrap_or_else(|| secrets.token.clone()));
    let key = |user: &User| user.email.as_ref().map(email_key);
    let email_of = before.owned.email_of.filter(|_| key(&before.user) == key(after));
    let epoch = epoch_after(before, after, secrets);
    let was_responder = before.was_responder();
    Owned { phone, admin_token, email_of, epoch, was_responder, generation: before.owned.generation }
}

/// The generation of a lead after a change: a user who was a lead before keeps it.
pub(super) fn generation_after(before: Option<&Stored>, after: &User, leads: &LeadCounter) -> Generation {
    match before {
        _ if after.user_type != UserType::Lead => Generation::default(),
        Some(before) if before.user.user_type == UserType::Lead => before.owned.generation,
        _ => leads.generation(),
    }
}

/// The epoch of a user's sessions after a change: a new one, which ends all of them, if the password is new or if the
/// change of type ends sessions.
#[must_use]
pub fn epoch_after(before: &Stored, after: &User, secrets: &Secrets) -> u32 {
    let ended = secrets.password.is_some() || ends_sessions(before.user.user_type, after.user_type);
    before.owned.epoch.saturating_add(ended.into())
}

/// The password, and the look-up by which an admin's token opens the API: it exists exactly while the user is an admin.
pub(super) fn push_secrets(
    txn: &mut Txn<Refusal>,
    id: UserId,
    before: &Owned,
    after: &Owned,
    secrets: &Secrets,
) -> Result<(), StoreError> {
    if let Some(password) = &secrets.password {
        txn.push(auth::put_stepchat_password(id, password)?);
    }
    if before.admin_token != after.admin_token {
        if let Some(token) = &before.admin_token {
            auth::delete_admin_token(token).for_each(|copy| txn.push(copy));
        }
        if let Some(token) = &after.admin_token {
            auth::put_admin_token(token, id)?.into_iter().for_each(|copy| txn.push(copy));
        }
    }
    Ok(())
}

/// The transaction that deletes a user everywhere at once; it promises a purge for what is left of the user's items.
pub fn deletion(stored: &Stored, now: Timestamp) -> Result<Txn<Refusal>, StoreError> {
    let user = &stored.user;
    let mut txn = Txn::default();
    if let Some(count) = counters::one_less(user.user_type, Refusal::CannotDeleteUser) {
        txn.push(count);
    }
    txn.push(Write::delete(Table::Stepchat, profile_key(user.id)).if_version(user.version).or_stale());
    if let Some(email) = user.email.as_ref().filter(|_| stored.owned.email_of.is_none()) {
        txn.push(Write::delete(Table::Stepchat, email_key(email)));
    }
    if let Some(phone) = &stored.owned.phone {
        txn.push(Write::delete(Table::Stepchat, phone_key(phone)));
    }
    txn.push(auth::delete_stepchat_password(user.id));
    if let Some(token) = &stored.owned.admin_token {
        auth::delete_admin_token(token).for_each(|copy| txn.push(copy));
    }
    txn.push(promises::promise(user.id, stored.stamps.stamped_texts(user), stored.was_responder(), now)?);
    Ok(txn)
}

/// The admin with the oldest account, for the operator's own use.
pub async fn first_admin(store: &Store) -> Result<Option<User>, StoreError> {
    let is_admin = |_: &Attributes, user: &User| user.user_type == UserType::Admin;
    first_in(store, ("by_created", "lp", "s_created"), UserType::Admin.as_str(), "1", &is_admin).await
}
