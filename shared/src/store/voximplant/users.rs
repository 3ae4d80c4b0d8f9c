//! Users of an account's applications.

use super::accounts::partition as account_partition;
use super::applications;
use crate::ids::{AccountId, ApplicationId, PhoneUserId, SkillId};
use crate::ledger::Money;
use crate::store::auth::{self, PasswordHash};
use crate::store::grants::{Action, Grant};
use crate::store::keys::sort_key;
use crate::store::ledger::user_balances;
use crate::store::listing::{Index, Merge};
use crate::store::read::{Partition, Range, text};
use crate::store::{Key, Store, StoreError, Table, Txn, Write};
use crate::text::fold;
use crate::timestamp::Timestamp;
use crate::voximplant::{AcdStatus, CustomData, DisplayName, MobilePhone, PhoneUser, QueueLink, Refusal, UserName};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// What [`creation`] needs.
pub const CREATE: &[Grant] = &[
    Grant::on(Table::Voximplant, Action::PutItem),
    Grant::on(Table::Voximplant, Action::UpdateItem),
    Grant::on(Table::Voximplant, Action::ConditionCheckItem),
    Grant::on(Table::Auth, Action::PutItem),
];
/// What [`capacity`] needs.
pub const CAPACITY: &[Grant] =
    &[Grant::on(Table::Voximplant, Action::Query), Grant::on(Table::Voximplant, Action::GetItem)];
/// What [`list`] needs.
pub const LIST: &[Grant] = &[
    Grant::on(Table::Voximplant, Action::Query),
    Grant::on(Table::Voximplant, Action::BatchGetItem),
    Grant::query(Table::Voximplant, "app_by_name"),
    Grant::query(Table::Voximplant, "app_by_display"),
    Grant::query(Table::Voximplant, "app_by_id"),
];

const SHARDS: u8 = 16;
/// Index entries per megabyte are some thousands; a page of this many is one round trip.
const LARGEST_PAGE: usize = 1_000;
/// Users read whole at once: with the longest texts some ten megabytes, and ten batches in the air together.
const STEP: usize = 1_000;

pub(super) fn key(account: AccountId, user: PhoneUserId) -> Key {
    Key::new(format!("{}#U#{}", account_partition(account), user.padded()), "P")
}

pub(super) fn name_key(account: AccountId, application: ApplicationId, name: &UserName) -> Key {
    let pk = format!("{}#N#{}#{}", account_partition(account), application.padded(), name.as_str());
    Key::new(pk, "N")
}

pub(super) fn listing_partition(account: AccountId, application: ApplicationId) -> String {
    format!("{}#{}", account.padded(), application.padded())
}

pub(super) fn counters(account: AccountId) -> String {
    format!("{}#C", account_partition(account))
}

/// A user. `ap` and `s_…` order it in the application's lists.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct UserItem {
    pk: String,
    sk: String,
    id: PhoneUserId,
    application: ApplicationId,
    uname: UserName,
    display: DisplayName,
    active: bool,
    own_balance: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    custom: Option<CustomData>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mobile: Option<MobilePhone>,
    acd: AcdStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acd_since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    skills: Vec<SkillId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    queues: Vec<QueueLink>,
    created: Timestamp,
    modified: Timestamp,
    v: i64,
    ap: String,
    s_name: String,
    s_display: String,
    s_id: String,
}

impl UserItem {
    pub(super) fn new(account: AccountId, user: &PhoneUser) -> Self {
        let Key { pk, sk } = key(account, user.id);
        let id = user.id.padded();
        Self {
            pk,
            sk: sk.unwrap_or_default(),
            id: user.id,
            application: user.application,
            uname: user.name.clone(),
            display: user.display_name.clone(),
            active: user.active,
            own_balance: !user.parent_accounting,
            custom: user.custom_data.clone(),
            mobile: user.mobile_phone.clone(),
            acd: user.acd_status,
            acd_since: user.acd_status_change_time,
            skills: user.skills.clone(),
            queues: user.queues.clone(),
            created: user.created,
            modified: user.modified,
            v: user.version,
            ap: listing_partition(account, user.application),
            s_name: sort_key(Some(user.name.as_str()), &id),
            s_display: sort_key(Some(&fold(user.display_name.as_str())), &id),
            s_id: id,
        }
    }

    fn into_user(self) -> PhoneUser {
        PhoneUser {
            id: self.id,
            application: self.application,
            name: self.uname,
            display_name: self.display,
            active: self.active,
            parent_accounting: !self.own_balance,
            custom_data: self.custom,
            mobile_phone: self.mobile,
            acd_status: self.acd,
            acd_status_change_time: self.acd_since,
            skills: self.skills,
            queues: self.queues,
            created: self.created,
            modified: self.modified,
            version: self.v,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NameGuard {
    pk: String,
    sk: String,
    uid: PhoneUserId,
}

impl NameGuard {
    pub(super) fn new(account: AccountId, user: &PhoneUser) -> Self {
        let Key { pk, sk } = name_key(account, user.application, &user.name);
        Self { pk, sk: sk.unwrap_or_default(), uid: user.id }
    }
}

/// Room for one more user under the operator's limit, seen at a version that the creation must still find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    seen: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct LimitItem {
    v: i64,
}

fn limit_key(account: AccountId) -> Key {
    Key::new(account_partition(account), "LIMIT")
}

/// Checks the operator's limit on users per account (109). Only when it is set: it makes creations of one account wait
/// for each other, which nothing else does.
pub async fn capacity(store: &Store, account: AccountId, limit: u64) -> Result<Option<Capacity>, StoreError> {
    // The version is read before the count: a creation between the two makes the transaction stale.
    let seen: Option<LimitItem> = store.get(Table::Voximplant, &limit_key(account)).await?;
    let total: u64 = counts(store, account, None).await?.values().sum();
    Ok((total < limit).then_some(Capacity { seen: seen.map_or(0, |item| item.v) }))
}

/// The transaction that creates a user.
pub fn creation(
    account: AccountId,
    user: &PhoneUser,
    password: &PasswordHash,
    capacity: Option<Capacity>,
) -> Result<Txn<Refusal>, StoreError> {
    let mut txn = Txn::default();
    let missing = Refusal::Invalid(crate::voximplant::Parameter("application_id"));
    txn.push(applications::must_exist(account, user.application).or(missing));
    let guard = NameGuard::new(account, user);
    txn.push(Write::put(Table::Voximplant, &guard)?.if_absent().or(Refusal::UserNameNotUnique));
    txn.push(Write::put(Table::Voximplant, &UserItem::new(account, user))?.if_absent().or_stale());
    txn.push(auth::put_voximplant_password(account, user.id, password)?);
    txn.push(counted(account, user.application, 1));
    if let Some(capacity) = capacity {
        let next = Write::update(Table::Voximplant, limit_key(account), "SET v = :next");
        let next = next.number(":next", capacity.seen.saturating_add(1)).number(":seen", capacity.seen);
        txn.push(next.if_("attribute_not_exists(v) OR v = :seen").or_stale());
    }
    Ok(txn)
}

/// The write that counts users in or out. Any shard will do: only their sum means something.
pub(super) fn counted(account: AccountId, application: ApplicationId, change: i64) -> Write {
    let shard = format!("{}#{:02}", application.padded(), fastrand::u8(0..SHARDS));
    Write::count(Table::Voximplant, Key::new(counters(account), shard), change)
}

/// The keys of all counters of an application.
pub(super) fn counter_keys(account: AccountId, application: ApplicationId) -> Vec<Key> {
    let shard = |shard| Key::new(counters(account), format!("{}#{shard:02}", application.padded()));
    (0..SHARDS).map(shard).collect()
}

/// What [`counts`] needs.
pub const COUNTS: &[Grant] = &[Grant::on(Table::Voximplant, Action::Query)];

/// The number of users of each application: of one, or of the whole account.
pub async fn counts(
    store: &Store,
    account: AccountId,
    application: Option<ApplicationId>,
) -> Result<HashMap<ApplicationId, u64>, StoreError> {
    let pk = counters(account);
    let start = application.map(|application| format!("{}#", application.padded()));
    let partition = Partition {
        table: Table::Voximplant,
        index: None,
        pk: &pk,
        range: start.as_deref().map_or(Range::All, Range::BeginsWith),
        descending: false,
        limit: None,
    };
    // One shard may be below zero: only the sum is a number of users.
    let mut counts: HashMap<ApplicationId, i64> = HashMap::new();
    for shard in store.all(&partition).await? {
        let application = text(&shard, "sk").and_then(|sk| sk.split('#').next()).map(|id| id.trim_start_matches('0'));
        let number = shard.get("n").and_then(|value| value.as_n().ok()).and_then(|number| number.parse::<i64>().ok());
        let (application, number) = application
            .and_then(ApplicationId::parse)
            .zip(number)
            .ok_or_else(|| StoreError::Corrupt("counter".into()))?;
        let count = counts.entry(application).or_default();
        *count = count.saturating_add(number);
    }
    Ok(counts.into_iter().map(|(application, count)| (application, u64::try_from(count).unwrap_or(0))).collect())
}

/// What [`find`] and [`id_by_name`] need.
pub const FIND: &[Grant] = &[Grant::on(Table::Voximplant, Action::GetItem)];
/// What [`find_all`] and [`ids_by_names`] need.
pub const FIND_ALL: &[Grant] = &[Grant::on(Table::Voximplant, Action::BatchGetItem)];
/// What [`ids`] needs.
pub const IDS: &[Grant] = &[Grant::query(Table::Voximplant, "app_by_id")];

/// Reads a user.
pub async fn find(store: &Store, account: AccountId, user: PhoneUserId) -> Result<Option<PhoneUser>, StoreError> {
    let item: Option<UserItem> = store.get(Table::Voximplant, &key(account, user)).await?;
    Ok(item.map(UserItem::into_user))
}

/// The user of this name in an application.
pub async fn id_by_name(
    store: &Store,
    account: AccountId,
    application: ApplicationId,
    name: &UserName,
) -> Result<Option<PhoneUserId>, StoreError> {
    let guard: Option<NameGuard> = store.get(Table::Voximplant, &name_key(account, application, name)).await?;
    Ok(guard.map(|guard| guard.uid))
}

/// The users of these names in an application, in no order; names without a user are left out.
pub async fn ids_by_names(
    store: &Store,
    account: AccountId,
    application: ApplicationId,
    names: &[UserName],
) -> Result<Vec<PhoneUserId>, StoreError> {
    let keys: Vec<Key> = names.iter().map(|name| name_key(account, application, name)).collect();
    let guards = store.batch_get(Table::Voximplant, &keys).await?.into_iter();
    guards.map(|guard| Ok(serde_dynamo::from_item::<_, NameGuard>(guard)?.uid)).collect()
}

/// The ids of all users of some applications, ascending, up to `limit` of them.
pub async fn ids(
    store: &Store,
    account: AccountId,
    applications: &[ApplicationId],
    limit: usize,
) -> Result<Vec<PhoneUserId>, StoreError> {
    let partitions = applications.iter().map(|application| listing_partition(account, *application)).collect();
    let merge = Merge::of(store, Table::Voximplant, Order::Id.index(), false);
    let mut merge = merge.limit(i32::try_from(limit.min(LARGEST_PAGE)).ok()).open(partitions).await?;
    let mut ids = Vec::new();
    while ids.len() < limit {
        let Some(entry) = merge.next().await? else { break };
        ids.push(serde_dynamo::from_item::<_, IndexRow>(entry)?.id()?);
    }
    Ok(ids)
}

/// The orders of `GetUsers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
pub enum Order {
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

impl Order {
    const fn index(self) -> Index {
        match self {
            Self::Name => ("app_by_name", "ap", "s_name"),
            Self::DisplayName => ("app_by_display", "ap", "s_display"),
            Self::Id => ("app_by_id", "ap", "s_id"),
        }
    }
}

/// Which users of the chosen applications. Parts are compared folded (decision D12).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Exactly this user.
    pub id: Option<PhoneUserId>,
    /// Part of the user name.
    pub name_part: Option<String>,
    /// Part of the display name.
    pub display_part: Option<String>,
    /// Active or inactive users only.
    pub active: Option<bool>,
    /// Any of these states.
    pub acd_statuses: Vec<AcdStatus>,
    /// Only members of all these sets (a skill's, a queue's).
    pub among: Vec<HashSet<PhoneUserId>>,
    /// No member of any of these sets.
    pub not_among: Vec<HashSet<PhoneUserId>>,
}

/// What an index entry carries.
#[derive(Debug, Deserialize)]
struct IndexRow {
    pk: String,
    uname: UserName,
    display: DisplayName,
    active: bool,
    acd: AcdStatus,
    own_balance: bool,
}

impl IndexRow {
    fn id(&self) -> Result<PhoneUserId, StoreError> {
        let padded = self.pk.rsplit_once('#').map(|(_, padded)| padded.trim_start_matches('0'));
        padded.and_then(PhoneUserId::parse).ok_or_else(|| StoreError::Corrupt(self.pk.clone()))
    }
}

impl Filter {
    /// Whether every user passes: then the counters know the total.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn passes(&self, row: &IndexRow, id: PhoneUserId) -> bool {
        let has = |part: &Option<String>, text: &str| part.as_ref().is_none_or(|part| fold(text).contains(&fold(part)));
        self.id.is_none_or(|wanted| wanted == id)
            && has(&self.name_part, row.uname.as_str())
            && has(&self.display_part, row.display.as_str())
            && self.active.is_none_or(|active| active == row.active)
            && (self.acd_statuses.is_empty() || self.acd_statuses.contains(&row.acd))
            && self.among.iter().all(|members| members.contains(&id))
            && !self.not_among.iter().any(|members| members.contains(&id))
    }
}

/// What to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Users of these applications.
    pub applications: Vec<ApplicationId>,
    /// In this order.
    pub order: Order,
    /// Only these.
    pub filter: Filter,
    /// Only behind this place.
    pub after: Option<String>,
    /// Matches to skip.
    pub offset: usize,
    /// Matches to return.
    pub count: usize,
}

/// A user in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The user.
    pub user: PhoneUser,
    /// Its money, if it has a balance of its own and ever had money.
    pub balance: Option<Money>,
    /// Its place in the order: a list can be continued behind it.
    pub place: String,
}

/// The users of a list: chosen, but not yet read. They are read in steps, so that an answer that is full before leaves the
/// rest unread.
#[derive(Debug)]
pub struct Listed {
    account: AccountId,
    unread: std::vec::IntoIter<Chosen>,
    /// How many users match before offset and count.
    pub total: u64,
    /// Whether matches follow the last chosen one.
    pub more: bool,
}

/// An entry chosen for the page, not yet read whole.
#[derive(Debug)]
struct Chosen {
    id: PhoneUserId,
    own_balance: bool,
    place: String,
}

/// Chooses users of some applications: sorted, filtered, `count` of them after `offset`.
///
/// Without a filter the total comes from the counters and only offset + count entries are walked; a user's id is looked
/// up; with any other filter the applications' partitions are walked whole, some thousands of entries a round trip. Two sequential round trips at most
/// for a page of one application: walk and counters together, then users and balances together.
pub async fn list(store: &Store, account: AccountId, listing: &Listing) -> Result<Listed, StoreError> {
    let unfiltered = listing.filter.is_empty();
    let ((chosen, matches, more), total) = if unfiltered {
        let only = match listing.applications.as_slice() {
            [one] => Some(*one),
            _ => None,
        };
        let (walked, counts) = futures_util::try_join!(walk(store, account, listing), counts(store, account, only))?;
        (walked, Some(listing.applications.iter().filter_map(|application| counts.get(application)).sum()))
    } else {
        (walk(store, account, listing).await?, None)
    };
    let total = total.unwrap_or_else(|| u64::try_from(matches).unwrap_or(u64::MAX));
    Ok(Listed { account, unread: chosen.into_iter(), total, more })
}

impl Listed {
    /// Reads the next chosen users and their money; `None` when all have been read.
    pub async fn step(&mut self, store: &Store) -> Result<Option<Vec<Row>>, StoreError> {
        let step: Vec<Chosen> = self.unread.by_ref().take(STEP).collect();
        if step.is_empty() {
            return Ok(None);
        }
        let ids: Vec<PhoneUserId> = step.iter().map(|entry| entry.id).collect();
        let payers: Vec<PhoneUserId> = step.iter().filter(|entry| entry.own_balance).map(|entry| entry.id).collect();
        let (mut users, balances) =
            futures_util::try_join!(find_all(store, self.account, &ids), user_balances(store, self.account, &payers))?;
        // A user that has gone since the walk is left out.
        let rows = step.into_iter().filter_map(|entry| {
            let user = users.remove(&entry.id)?;
            Some(Row { user, balance: balances.get(&entry.id).copied(), place: entry.place })
        });
        Ok(Some(rows.collect()))
    }
}

/// The chosen entries, the number of matches seen, and whether more follow the last chosen one.
type Walked = (Vec<Chosen>, usize, bool);

/// A user that is named by its id needs no walk.
async fn look_up(store: &Store, account: AccountId, listing: &Listing, id: PhoneUserId) -> Result<Walked, StoreError> {
    let user = find_all(store, account, &[id]).await?.remove(&id);
    let user = user.filter(|user| listing.applications.contains(&user.application));
    let matching = user.and_then(|user| {
        let item = UserItem::new(account, &user);
        let UserItem { pk, uname, display, active, acd, own_balance, s_name, s_display, s_id, .. } = item;
        let place = match listing.order {
            Order::Name => s_name,
            Order::DisplayName => s_display,
            Order::Id => s_id,
        };
        let row = IndexRow { pk, uname, display, active, acd, own_balance };
        listing.filter.passes(&row, id).then_some(Chosen { id, own_balance, place })
    });
    let matches = usize::from(matching.is_some());
    let behind = matching.filter(|entry| match &listing.after {
        Some(after) => entry.place > *after,
        None => listing.offset == 0,
    });
    let more = behind.is_some() && listing.count == 0;
    Ok((behind.into_iter().take(listing.count).collect(), matches, more))
}

/// Walks the index.
async fn walk(store: &Store, account: AccountId, listing: &Listing) -> Result<Walked, StoreError> {
    if let Some(id) = listing.filter.id {
        return look_up(store, account, listing, id).await;
    }
    let unfiltered = listing.filter.is_empty();
    // A cursor says where to go on: an offset that was counted on the way there is not counted again.
    let offset = if listing.after.is_some() { 0 } else { listing.offset };
    let wanted = offset.saturating_add(listing.count);
    // One more than the page tells whether there is more.
    let limit = if unfiltered { i32::try_from(wanted.saturating_add(1).min(LARGEST_PAGE)).ok() } else { None };
    let index = listing.order.index();
    let (_, _, sort) = index;
    // With a filter the total needs the whole walk, so the cursor is applied while walking.
    let start = if unfiltered { listing.after.clone() } else { None };
    let partitions = listing.applications.iter().map(|application| listing_partition(account, *application)).collect();
    let merge = Merge::of(store, Table::Voximplant, index, false).limit(limit).after(start);
    let mut merge = merge.open(partitions).await?;
    let (mut chosen, mut matches, mut behind) = (Vec::new(), 0_usize, 0_usize);
    while let Some(entry) = merge.next().await? {
        let place = text(&entry, sort).unwrap_or_default().to_owned();
        let row: IndexRow = serde_dynamo::from_item(entry)?;
        let id = row.id()?;
        if !listing.filter.passes(&row, id) {
            continue;
        }
        matches = matches.saturating_add(1);
        if listing.after.as_ref().is_some_and(|after| place <= *after) {
            continue;
        }
        behind = behind.saturating_add(1);
        if behind > offset && chosen.len() < listing.count {
            chosen.push(Chosen { id, own_balance: row.own_balance, place });
        } else if unfiltered && behind > wanted {
            break;
        }
    }
    Ok((chosen, matches, behind > wanted))
}

/// Reads users by id.
pub async fn find_all(
    store: &Store,
    account: AccountId,
    ids: &[PhoneUserId],
) -> Result<HashMap<PhoneUserId, PhoneUser>, StoreError> {
    let keys: Vec<Key> = ids.iter().map(|id| key(account, *id)).collect();
    let items = store.batch_get(Table::Voximplant, &keys).await?.into_iter();
    items
        .map(|item| Ok(serde_dynamo::from_item::<_, UserItem>(item)?.into_user()))
        .map(|user| user.map(|user| (user.id, user)))
        .collect()
}
