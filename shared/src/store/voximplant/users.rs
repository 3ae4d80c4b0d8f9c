//! Users of an account's applications.

use super::accounts::partition as account_partition;
use super::applications;
use super::order::{SortOrder, listed_user};
use super::texts::Marks;
use crate::ids::{AccountId, ApplicationId, PhoneUserId, SkillId};
use crate::store::auth::{self, PasswordHash};
use crate::store::generation::{self, Generation, Shard, Which};
use crate::store::grants::{Action, AuthItem, Grant};
use crate::store::listing::Merge;
use crate::store::read::{Partition, Range, text};
use crate::store::{Key, Sequence, Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use crate::voximplant::{AcdStatus, CustomData, DisplayName, MobilePhone, PhoneUser, QueueLink, Refusal, UserName};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What [`creation`] needs.
pub const CREATE: &[Grant] = &[
    Grant::on(Table::Voximplant, Action::PutItem),
    Grant::on(Table::Voximplant, Action::UpdateItem),
    Grant::on(Table::Voximplant, Action::ConditionCheckItem),
    Grant::on(Table::Voximplant, Action::BatchWriteItem),
    Grant::on(Table::Voximplant, Action::DeleteItem),
    Grant::auth(AuthItem::VoximplantPassword, Action::PutItem),
];
/// What [`capacity`] needs.
pub const CAPACITY: &[Grant] =
    &[Grant::on(Table::Voximplant, Action::Query), Grant::on(Table::Voximplant, Action::GetItem)];
const SHARDS: u8 = 16;
/// The maximum of index entries per page. A megabyte holds some thousands, so a page is one round trip.
pub(super) const LARGEST_PAGE: usize = 1_000;

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(rename = "v")]
    version: i64,
    /// The generation in which the user was created.
    #[serde(rename = "gen", default, skip_serializing_if = "Generation::is_first")]
    generation: Generation,
    /// The stamps of its search entries.
    #[serde(flatten)]
    marks: Marks,
    ap: String,
    s_name: String,
    s_display: String,
    s_id: String,
}

/// A user as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub user: PhoneUser,
    /// The stamps of its search entries.
    pub(super) marks: Marks,
    /// The generation in which the user was created.
    pub(super) generation: Generation,
}

impl UserItem {
    pub(super) fn new(account: AccountId, stored: &Stored) -> Self {
        let Stored { user, marks, generation } = stored;
        let Key { pk, sk } = key(account, user.id);
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
            version: user.version,
            generation: *generation,
            marks: marks.clone(),
            ap: listing_partition(account, user.application),
            s_name: SortOrder::Name.place(user),
            s_display: SortOrder::DisplayName.place(user),
            s_id: SortOrder::Id.place(user),
        }
    }

    pub(super) fn into_stored(self) -> Stored {
        let user = PhoneUser {
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
            version: self.version,
        };
        Stored { user, marks: self.marks, generation: self.generation }
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
    #[serde(rename = "v")]
    version: i64,
}

fn limit_key(account: AccountId) -> Key {
    Key::new(account_partition(account), "LIMIT")
}

/// Checks the operator's limit on users per account (109). Called only if there is one: it makes creations of one
/// account wait for each other, which nothing else does.
pub async fn capacity(store: &Store, account: AccountId, limit: u64) -> Result<Option<Capacity>, StoreError> {
    // The version is read before the count: a creation between the two makes the transaction stale.
    let seen: Option<LimitItem> = store.get(Table::Voximplant, &limit_key(account)).await?;
    let total: u64 = counts(store, account, None).await?.values().sum();
    Ok((total < limit).then_some(Capacity { seen: seen.map_or(0, |item| item.version) }))
}

/// The shard on which a new user is counted, read before its application was found to exist.
///
/// A delete of an application begins a new generation of its counters afterwards. So a counter that still has the
/// generation that was read proves that the application exists, and creations need not all check one item.
#[derive(Debug, Clone)]
pub struct Place(Shard);

impl Place {
    /// For loading into an application that exists, while nobody deletes anything.
    #[must_use]
    pub fn unread(account: AccountId, application: ApplicationId) -> Self {
        Self(Shard::unread(Table::Voximplant, counter_key(account, application, fastrand::u8(0..SHARDS))))
    }

    /// Reads a shard; `None` if there is no such application.
    pub async fn read(
        store: &Store,
        account: AccountId,
        application: ApplicationId,
    ) -> Result<Option<Self>, StoreError> {
        let key = counter_key(account, application, fastrand::u8(0..SHARDS));
        // In this order: a delete of the application deletes it first, and then begins the generation.
        let shard = Shard::read(store, Table::Voximplant, key).await?;
        let exists = applications::exists(store, account, application).await?;
        Ok(exists.then_some(Self(shard)))
    }
}

/// What [`Place::read`] needs.
pub const PLACE: &[Grant] = &[Grant::on(Table::Voximplant, Action::GetItem)];

/// The transaction that creates a user. Stale if its application was deleted, or all its users, since `place` was read.
pub fn creation(
    account: AccountId,
    user: &PhoneUser,
    password: &PasswordHash,
    capacity: Option<Capacity>,
    place: &Place,
) -> Result<Txn<Refusal>, StoreError> {
    let Place(shard) = place;
    let mut txn = Txn::default();
    if !shard.exists() {
        // No user has been counted on this shard yet, or it was removed with its application.
        let missing = Refusal::Invalid(crate::voximplant::Parameter("application_id"));
        txn.push(applications::must_exist(account, user.application).or(missing));
    }
    let guard = NameGuard::new(account, user);
    txn.push(Write::put(Table::Voximplant, &guard)?.if_absent().or(Refusal::UserNameNotUnique));
    let (marks, change) = Marks::default().after(account, None, user, user.modified);
    txn.index(change);
    let stored = Stored { user: user.clone(), marks, generation: shard.generation() };
    txn.push(Write::put(Table::Voximplant, &UserItem::new(account, &stored))?.if_absent().or_stale());
    txn.push(auth::put_voximplant_password(account, user.id, password)?);
    txn.push(shard.count_one_if_there());
    if let Some(capacity) = capacity {
        let next = Write::update(Table::Voximplant, limit_key(account), "SET v = :next");
        let next = next.number(":next", capacity.seen.saturating_add(1)).number(":seen", capacity.seen);
        txn.push(next.if_("attribute_not_exists(v) OR v = :seen").or_stale());
    }
    Ok(txn)
}

/// The write that takes deleted users off a counter. Any shard will do: only the sum of all shards means something.
pub(super) fn gone(account: AccountId, application: ApplicationId, users: i64) -> Write {
    let shard = counter_key(account, application, fastrand::u8(0..SHARDS));
    Write::count(Table::Voximplant, shard, users.saturating_neg())
}

fn counter_key(account: AccountId, application: ApplicationId, shard: u8) -> Key {
    Key::new(counters(account), format!("{}#{shard:02}", application.padded()))
}

/// The keys of all counters of an application.
pub(super) fn counter_keys(account: AccountId, application: ApplicationId) -> Vec<Key> {
    (0..SHARDS).map(|shard| counter_key(account, application, shard)).collect()
}

/// Begins a new generation of users in these applications: all present users belong to earlier ones.
pub(super) async fn next_generation(
    store: &Store,
    account: AccountId,
    applications: &[ApplicationId],
) -> Result<Generation, StoreError> {
    let shards = applications.iter().flat_map(|application| counter_keys(account, *application)).collect();
    generation::begin(store, Sequence::PhoneGeneration, shards, Which::All).await
}

/// Makes sure that no more users are created in these applications, which have been deleted.
pub(super) async fn close(store: &Store, account: AccountId, applications: &[ApplicationId]) -> Result<(), StoreError> {
    let shards = applications.iter().flat_map(|application| counter_keys(account, *application)).collect();
    // No missing shard is created any more: that takes an application that exists.
    generation::begin(store, Sequence::PhoneGeneration, shards, Which::Existing).await.map(drop)
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
    let partition = Partition::of(Table::Voximplant, &pk).range(start.as_deref().map_or(Range::All, Range::BeginsWith));
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
pub async fn find(store: &Store, account: AccountId, user: PhoneUserId) -> Result<Option<Stored>, StoreError> {
    let item: Option<UserItem> = store.get(Table::Voximplant, &key(account, user)).await?;
    Ok(item.map(UserItem::into_stored))
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

/// The users of these names in an application, in the order of the names; names without a user are left out.
pub async fn ids_by_names(
    store: &Store,
    account: AccountId,
    application: ApplicationId,
    names: &[UserName],
) -> Result<Vec<PhoneUserId>, StoreError> {
    let keys: Vec<Key> = names.iter().map(|name| name_key(account, application, name)).collect();
    let guards = store.batch_get(Table::Voximplant, &keys).await?.into_iter();
    let ids = guards.map(|guard| Ok(serde_dynamo::from_item(guard).map(|NameGuard { pk, uid, .. }| (pk, uid))?));
    let ids = ids.collect::<Result<HashMap<_, _>, StoreError>>()?;
    Ok(keys.iter().filter_map(|key| ids.get(&key.pk).copied()).collect())
}

/// The ids of all users of some applications, ascending, up to `limit` of them.
pub async fn ids(
    store: &Store,
    account: AccountId,
    applications: &[ApplicationId],
    limit: usize,
) -> Result<Vec<PhoneUserId>, StoreError> {
    let partitions = applications.iter().map(|application| listing_partition(account, *application)).collect();
    let merge = Merge::of(store, Table::Voximplant, SortOrder::Id.index(), false);
    let mut merge = merge.limit(i32::try_from(limit.min(LARGEST_PAGE)).ok()).open(partitions).await?;
    let mut ids = Vec::new();
    while ids.len() < limit {
        let Some(entry) = merge.next().await? else { break };
        ids.push(listed_user(text(&entry, "pk").unwrap_or_default())?);
    }
    Ok(ids)
}

/// Reads users by id.
pub async fn find_all(
    store: &Store,
    account: AccountId,
    ids: &[PhoneUserId],
) -> Result<HashMap<PhoneUserId, Stored>, StoreError> {
    let keys: Vec<Key> = ids.iter().map(|id| key(account, *id)).collect();
    let items = store.batch_get(Table::Voximplant, &keys).await?.into_iter();
    items
        .map(|item| Ok(serde_dynamo::from_item::<_, UserItem>(item)?.into_stored()))
        .map(|stored| stored.map(|stored| (stored.user.id, stored)))
        .collect()
}
