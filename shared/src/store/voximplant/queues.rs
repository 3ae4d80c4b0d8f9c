//! Queues of an account's applications.
//!
//! A queue's item holds its skills, so reading the queues reads all that binding by skill compares. Every change of an
//! application's queues raises the application's epoch. A change of a user's skills must still find the epoch under
//! which it compared, so neither change can miss the other.

use super::accounts::partition as account_partition;
use super::applications;
use crate::ids::{AccountId, ApplicationId, QueueId, SkillId};
use crate::store::grants::{Action, Grant};
use crate::store::keys::exact;
use crate::store::read::Partition;
use crate::store::write::Step;
use crate::store::{Key, Store, StoreError, Table, Txn, Write};
use crate::text::fold;
use crate::timestamp::Timestamp;
use crate::voximplant::{Parameter, Queue, QueueName, Refusal, ServiceProbability};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What [`creation`] needs.
pub const CREATE: &[Grant] = &[
    Grant::on(Table::Voximplant, Action::PutItem),
    Grant::on(Table::Voximplant, Action::UpdateItem),
    Grant::on(Table::Voximplant, Action::ConditionCheckItem),
];
/// What [`find`] needs.
pub const FIND: &[Grant] = &[Grant::on(Table::Voximplant, Action::GetItem)];
/// What [`list`] needs.
pub const LIST: &[Grant] = &[Grant::on(Table::Voximplant, Action::Query)];
/// What [`names`] needs.
pub const NAMES: &[Grant] = &[Grant::on(Table::Voximplant, Action::BatchGetItem)];
/// What [`routing`] needs.
pub const ROUTING: &[Grant] = &[Grant::on(Table::Voximplant, Action::Query)];

fn key(account: AccountId, queue: QueueId) -> Key {
    Key::new(account_partition(account), format!("Q#{}", queue.padded()))
}

/// Names are compared as all texts are (decision E1).
pub(super) fn name_key(account: AccountId, application: ApplicationId, name: &QueueName) -> Key {
    let sk = format!("QNAME#{}#{}", application.padded(), exact(&fold(name.as_str())));
    Key::new(account_partition(account), sk)
}

fn epoch_key(account: AccountId, application: ApplicationId) -> Key {
    Key::new(account_partition(account), format!("QV#{}", application.padded()))
}

#[derive(Debug, Serialize, Deserialize)]
struct QueueItem {
    pk: String,
    sk: String,
    id: QueueId,
    application: ApplicationId,
    qname: QueueName,
    priority: u32,
    auto: bool,
    /// Ten-thousandths.
    probability: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_size: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_wait: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    average: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    skills: Vec<SkillId>,
    created: Timestamp,
    modified: Timestamp,
    #[serde(rename = "v")]
    version: i64,
}

impl QueueItem {
    fn new(account: AccountId, queue: &Queue) -> Self {
        let Key { pk, sk } = key(account, queue.id);
        Self {
            pk,
            sk: sk.unwrap_or_default(),
            id: queue.id,
            application: queue.application,
            qname: queue.name.clone(),
            priority: queue.priority,
            auto: queue.auto_binding,
            probability: queue.service_probability.units(),
            max_size: queue.max_queue_size,
            max_wait: queue.max_waiting_time,
            average: queue.average_service_time,
            skills: queue.skills.clone(),
            created: queue.created,
            modified: queue.modified,
            version: queue.version,
        }
    }

    fn into_queue(self) -> Result<Queue, StoreError> {
        let probability = ServiceProbability::from_units(self.probability);
        Ok(Queue {
            id: self.id,
            application: self.application,
            name: self.qname,
            priority: self.priority,
            auto_binding: self.auto,
            service_probability: probability.ok_or_else(|| StoreError::Corrupt("probability".into()))?,
            max_queue_size: self.max_size,
            max_waiting_time: self.max_wait,
            average_service_time: self.average,
            skills: self.skills,
            created: self.created,
            modified: self.modified,
            version: self.version,
        })
    }
}

#[derive(Debug, Serialize)]
struct NameGuard {
    pk: String,
    sk: String,
    id: QueueId,
}

/// The transaction that creates a queue. It has no skills yet, so it binds nobody.
pub fn creation(account: AccountId, queue: &Queue) -> Result<Txn<Refusal>, StoreError> {
    let Key { pk, sk } = name_key(account, queue.application, &queue.name);
    let guard = NameGuard { pk, sk: sk.unwrap_or_default(), id: queue.id };
    let missing = Refusal::Invalid(Parameter("application_id"));
    let mut txn = Txn::default();
    txn.push(applications::must_exist(account, queue.application).or(missing));
    txn.push(Write::put(Table::Voximplant, &guard)?.if_absent().or(Refusal::QueueNameNotUnique));
    txn.push(Write::put(Table::Voximplant, &QueueItem::new(account, queue))?.if_absent().or_stale());
    Ok(txn)
}

/// The write that stores a changed queue; stale if it has changed since it was read.
pub(super) fn replacement(account: AccountId, seen: i64, after: &Queue) -> Result<Step<Refusal>, StoreError> {
    let item = Write::put(Table::Voximplant, &QueueItem::new(account, after))?;
    Ok(item.if_version(seen).or_stale())
}

/// The write that makes changes of users' skills stale if they have compared with the application's queues as they were
/// before.
pub(super) fn next_epoch(account: AccountId, application: ApplicationId) -> Write {
    let key = epoch_key(account, application);
    Write::update(Table::Voximplant, key, "SET v = if_not_exists(v, :zero) + :one").number(":zero", 0).number(":one", 1)
}

/// Reads a queue.
pub async fn find(store: &Store, account: AccountId, queue: QueueId) -> Result<Option<Queue>, StoreError> {
    let item: Option<QueueItem> = store.get(Table::Voximplant, &key(account, queue)).await?;
    item.map(QueueItem::into_queue).transpose()
}

/// All queues of an account, by id.
pub async fn list(store: &Store, account: AccountId) -> Result<Vec<Queue>, StoreError> {
    let pk = account_partition(account);
    let partition = Partition::of(Table::Voximplant, &pk).begins_with("Q#");
    let items = store.all(&partition).await?.into_iter();
    items.map(|item| serde_dynamo::from_item::<_, QueueItem>(item)?.into_queue()).collect()
}

/// The names of some queues.
pub async fn names(
    store: &Store,
    account: AccountId,
    queues: &[QueueId],
) -> Result<HashMap<QueueId, String>, StoreError> {
    let keys: Vec<Key> = queues.iter().map(|queue| key(account, *queue)).collect();
    let items = store.batch_get(Table::Voximplant, &keys).await?.into_iter();
    let names = items.map(|item| {
        let item: QueueItem = serde_dynamo::from_item(item)?;
        Ok((item.id, item.qname.as_str().to_owned()))
    });
    names.collect()
}

/// All queues of an account with the epochs under which they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routing {
    /// The queues, by id.
    pub queues: Vec<Queue>,
    epochs: HashMap<ApplicationId, i64>,
}

#[derive(Debug, Deserialize)]
struct EpochItem {
    sk: String,
    #[serde(rename = "v")]
    version: i64,
}

/// Reads what binding by skill compares with.
pub async fn routing(store: &Store, account: AccountId) -> Result<Routing, StoreError> {
    let pk = account_partition(account);
    let epochs = Partition::of(Table::Voximplant, &pk).begins_with("QV#");
    // The epochs first: a change between the two reads makes the comparison stale, never wrong.
    let items = store.all(&epochs).await?;
    let queues = list(store, account).await?;
    let epochs = items.into_iter().map(|item| {
        let item: EpochItem = serde_dynamo::from_item(item)?;
        let application = item.sk.strip_prefix("QV#").map(|padded| padded.trim_start_matches('0'));
        let application = application.and_then(ApplicationId::parse);
        let application = application.ok_or_else(|| StoreError::Corrupt(item.sk.clone()))?;
        Ok((application, item.version))
    });
    let epochs = epochs.collect::<Result<_, StoreError>>()?;
    Ok(Routing { queues, epochs })
}

impl Routing {
    /// The condition that the queues of an application are still those that were read.
    pub(super) fn unchanged(&self, account: AccountId, application: ApplicationId) -> Step<Refusal> {
        let seen = self.epochs.get(&application).copied().unwrap_or_default();
        let check = Write::check(Table::Voximplant, epoch_key(account, application)).number(":seen", seen);
        check.if_("attribute_not_exists(v) OR v = :seen").or_stale()
    }
}

/// The keys of everything that queues of a deleted application leave.
pub(super) fn leftovers(account: AccountId, application: ApplicationId, queues: &[Queue]) -> Vec<Key> {
    let ours = queues.iter().filter(|queue| queue.application == application);
    let keys = ours.flat_map(|queue| [key(account, queue.id), name_key(account, application, &queue.name)]);
    keys.chain([epoch_key(account, application)]).collect()
}
