//! Transfers with more users than one transaction can hold: the plan is frozen in chunks first, then the money goes
//! through a suspense balance of the operation's own, chunk by chunk. Every step is one transaction and conditional on
//! the operation's and the chunk's own state, so whoever comes later (the same key again, or `background/jobs`) goes on
//! where another one stopped, and two at once do no harm.
//!
//! To users: reserve the sum → spread each chunk → settle. From users: hold each chunk → collect the sum → publish each
//! chunk → settle; a shortage in strict mode voids what was held, and nothing is left of the operation.
//! A user closed on the way gets nothing: its part goes back to the account when the operation settles.

use super::items::{Head, JournalItem, UserBalance, read_balances, versioned};
use super::operation::{self, OperationItem};
use super::transfer::{Order, posting};
use crate::ids::{AccountId, PhoneUserId};
use crate::ledger::{Entry, EntryHash, Money, Party, Posting, Texts};
use crate::limits::MAX_TRANSFER_USERS;
use crate::store::grants::{Action, Grant};
use crate::store::read::{Partition, Range, text};
use crate::store::txn::Step;
use crate::store::{Attempts, CommitError, Key, Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use crate::voximplant::{Parameter, Refusal};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// What [`begin`] and [`drive`] need.
pub const DRIVE: &[Grant] = &[
    Grant::on(Table::Ledger, Action::GetItem),
    Grant::on(Table::Ledger, Action::BatchGetItem),
    Grant::on(Table::Ledger, Action::BatchWriteItem),
    Grant::on(Table::Ledger, Action::PutItem),
    Grant::on(Table::Ledger, Action::DeleteItem),
    Grant::on(Table::Ledger, Action::ConditionCheckItem),
    Grant::on(Table::Ledger, Action::Query),
];

const JOBS: &str = "J#transfer";
/// Chunks written in one transaction: each is some kilobytes, a transaction may have four megabytes.
const CHUNKS_PER_WRITE: usize = 40;

/// One user of a plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Member {
    pub(super) user: PhoneUserId,
    pub(super) name: String,
    /// How often its balance had been closed when the plan was made.
    pub(super) c: i64,
    /// What it gets, or gives if negative.
    pub(super) share: i64,
}

/// A transfer to be frozen in chunks.
#[derive(Debug)]
pub struct Plan {
    head: Head,
    members: Vec<Member>,
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// The sum has left the account; chunks reach their users.
    Spreading,
    /// Chunks leave their users.
    Holding,
    /// The sum has reached the account; chunks reach the statements.
    Publishing,
    /// Someone could not pay: chunks go back to their users.
    Voiding,
    /// Everything is done.
    Posted,
}

/// The part of an operation's record that only large transfers have.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Bulk {
    state: State,
    plan: String,
    chunks: u32,
    amount: i64,
    strict: bool,
    texts: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate: Option<String>,
    /// Time and hash of the sum's journal entry, once there is one.
    at: Timestamp,
    hash: EntryHash,
}

impl Bulk {
    pub(super) fn is_posted(&self) -> bool {
        self.state == State::Posted
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChunkState {
    Planned,
    Held,
    Done,
    Void,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Chunk {
    pk: String,
    sk: String,
    number: u32,
    state: ChunkState,
    v: i64,
    members: Vec<Member>,
}

impl Chunk {
    fn at(&self, state: ChunkState) -> Self {
        Self { state, v: self.v.saturating_add(1), ..self.clone() }
    }
}

/// Money on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Suspense {
    pk: String,
    sk: String,
    units: i64,
    v: i64,
}

impl Suspense {
    fn key(account: AccountId, id: &str) -> Key {
        Key::new(format!("A#{}#S#{id}", account.padded()), "B")
    }

    fn new(account: AccountId, id: &str, units: i64) -> Self {
        let Key { pk, sk } = Self::key(account, id);
        Self { pk, sk: sk.unwrap_or_default(), units, v: 1 }
    }

    async fn read(store: &Store, account: AccountId, id: &str) -> Result<Self, StoreError> {
        let key = Self::key(account, id);
        let found = store.get(Table::Ledger, &key).await?;
        found.ok_or_else(|| StoreError::Corrupt(format!("no suspense balance {}", key.pk)))
    }

    fn moved(&self, change: i64) -> Result<Self, StoreError> {
        let units = self.units.checked_add(change).filter(|units| *units >= 0);
        let units = units.ok_or_else(|| StoreError::Corrupt(format!("suspense {} {change:+}", self.pk)))?;
        Ok(Self { units, v: self.v.saturating_add(1), ..self.clone() })
    }

    fn step<R>(&self) -> Result<Step<R>, StoreError> {
        versioned(self, self.v)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct JobItem {
    pk: String,
    sk: String,
    account: AccountId,
    id: String,
}

fn job_key(account: AccountId, id: &str) -> Key {
    Key::new(JOBS, format!("{}#{id}", account.padded()))
}

fn chunk_partition(account: AccountId, plan: &str) -> String {
    format!("A#{}#P#{plan}", account.padded())
}

impl Plan {
    pub(super) fn new(head: Head, members: Vec<Member>) -> Self {
        Self { head, members }
    }

    fn chunks(&self, account: AccountId, plan: &str) -> Vec<Chunk> {
        let chunks = self.members.chunks(MAX_TRANSFER_USERS).zip(1_u32..);
        let chunk = |(members, number): (&[Member], u32)| Chunk {
            pk: chunk_partition(account, plan),
            sk: format!("C#{number:05}"),
            number,
            state: ChunkState::Planned,
            v: 1,
            members: members.to_vec(),
        };
        chunks.map(chunk).collect()
    }
}

/// Freezes the plan under a name of its own (`plan`, never used before) and begins the operation: from here on it
/// happens, whoever drives it. Stale means: draft again.
pub async fn begin(store: &Store, order: &Order, plan: Plan, name: &str) -> Result<(), CommitError<Refusal>> {
    let chunks = plan.chunks(order.account, name);
    for group in chunks.chunks(CHUNKS_PER_WRITE) {
        let mut txn = Txn::<Refusal>::default();
        for chunk in group {
            txn.push(Write::put(Table::Ledger, chunk)?);
        }
        store.commit(&txn).await?;
    }
    let begun = match beginning(order, &plan, name, chunks.len()) {
        Ok(txn) => store.commit(&txn).await,
        Err(error) => Err(error),
    };
    if matches!(begun, Err(CommitError::Refused(_) | CommitError::Stale | CommitError::AlreadyAnswered)) {
        let keys: Vec<Key> = chunks.into_iter().map(|chunk| Key::new(chunk.pk, chunk.sk)).collect();
        store.batch_delete(Table::Ledger, &keys).await?;
    }
    begun
}

fn beginning(order: &Order, plan: &Plan, name: &str, chunks: usize) -> Result<Txn<Refusal>, CommitError<Refusal>> {
    let account = order.account;
    let id = &order.operation.id;
    let mut item = OperationItem::new(account, &order.operation, 0, 0);
    let mut bulk = Bulk {
        state: State::Holding,
        plan: name.to_owned(),
        chunks: u32::try_from(chunks).unwrap_or(u32::MAX),
        amount: order.amount,
        strict: order.strict,
        texts: order.texts.clone(),
        rate: order.rate.clone(),
        at: order.now,
        hash: EntryHash::genesis(),
    };
    let mut steps = Vec::new();
    let mut reserved = 0;
    if order.amount > 0 {
        let too_much = || CommitError::Refused(Refusal::Invalid(Parameter("amount")));
        let sum = plan.members.iter().try_fold(0_i64, |sum, member| sum.checked_add(member.share));
        reserved = sum.ok_or_else(too_much)?;
        let text = format!("reserved for {} users", plan.members.len());
        let posting = Posting::new(Party::Account(account), Party::Suspense, Money::from_units(reserved), &text);
        let postings = vec![posting.ok_or_else(too_much)?];
        let appended = plan.head.append(account, postings, order.rate.clone(), order.now)?.ok_or_else(too_much)?;
        steps.extend(appended.steps()?);
        item.number = appended.journal.entry.number;
        item.answer = appended.head.units;
        bulk = Bulk { state: State::Spreading, at: appended.journal.entry.at, hash: appended.journal.hash, ..bulk };
    }
    item.bulk = Some(bulk);
    let Key { pk, sk } = job_key(account, id);
    let job = JobItem { pk, sk: sk.unwrap_or_default(), account, id: id.clone() };
    let mut txn = Txn::default();
    txn.push(item.first()?);
    txn.push(Write::put(Table::Ledger, &job)?);
    txn.push(Suspense::new(account, id, reserved).step()?);
    for step in steps {
        txn.push(step);
    }
    Ok(txn)
}

/// Operations that have begun and not ended.
pub async fn pending(store: &Store) -> Result<Vec<(AccountId, String)>, StoreError> {
    let partition =
        Partition { table: Table::Ledger, index: None, pk: JOBS, range: Range::All, descending: false, limit: None };
    let jobs = store.all(&partition).await?.into_iter();
    jobs.map(|job| {
        serde_dynamo::from_item::<_, JobItem>(job).map(|job| (job.account, job.id)).map_err(StoreError::from)
    })
    .collect()
}

/// What a large transfer has in its hands.
#[derive(Debug)]
pub(super) struct OnTheWay {
    /// Its suspense balance.
    pub suspense: i64,
    /// What has left users and is on no statement yet.
    pub held: Vec<(PhoneUserId, i64)>,
}

/// The account's operations that have begun and not ended.
pub(super) async fn on_the_way(store: &Store, account: AccountId) -> Result<Vec<OnTheWay>, StoreError> {
    let mut ways = Vec::new();
    for (_, id) in pending(store).await?.into_iter().filter(|(owner, _)| *owner == account) {
        let Some(bulk) = OperationItem::read(store, account, &id).await?.and_then(|item| item.bulk) else {
            continue;
        };
        let drive = Drive { store, account, id: &id, now: bulk.at };
        let chunks = drive.chunks(&bulk).await?;
        let held = chunks.iter().filter(|chunk| chunk.state == ChunkState::Held).flat_map(|chunk| &chunk.members);
        ways.push(OnTheWay {
            suspense: Suspense::read(store, account, &id).await?.units,
            held: held.map(|member| (member.user, member.share.saturating_neg())).collect(),
        });
    }
    Ok(ways)
}

/// Suspense balances of the account that are not empty although their operation is not on its way.
pub(super) async fn left_over(store: &Store, account: AccountId) -> Result<Vec<(String, i64)>, StoreError> {
    let on_the_way: HashSet<String> = pending(store).await?.into_iter().map(|(_, id)| id).collect();
    let pk = operation::partition(account);
    let partition =
        Partition { table: Table::Ledger, index: None, pk: &pk, range: Range::All, descending: false, limit: None };
    let (mut from, mut left) = (None, Vec::new());
    loop {
        let page = store.page(&partition, from).await?;
        let ids = page.items.iter().filter_map(|item| text(item, "sk")).filter(|id| !on_the_way.contains(*id));
        let keys: Vec<Key> = ids.map(|id| Suspense::key(account, id)).collect();
        for item in store.batch_get(Table::Ledger, &keys).await? {
            let suspense: Suspense = serde_dynamo::from_item(item)?;
            if suspense.units != 0 {
                let id = suspense.pk.split_once("#S#").map_or(suspense.pk.as_str(), |(_, id)| id);
                left.push((id.to_owned(), suspense.units));
            }
        }
        from = page.next;
        if from.is_none() {
            return Ok(left);
        }
    }
}

/// An operation being driven.
struct Drive<'a> {
    store: &'a Store,
    account: AccountId,
    id: &'a str,
    now: Timestamp,
}

/// Drives an operation to its end from wherever it is; the account's balance it answers with. 127 if it ended without
/// a trace because someone could not pay.
pub async fn drive(store: &Store, account: AccountId, id: &str, now: Timestamp) -> Result<Money, CommitError<Refusal>> {
    let drive = Drive { store, account, id, now };
    let mut attempts = Attempts::default();
    loop {
        let Some(item) = OperationItem::read(store, account, id).await? else {
            return Err(CommitError::Refused(Refusal::InsufficientMoney));
        };
        let Some(bulk) = item.bulk.clone().filter(|bulk| !bulk.is_posted()) else {
            return Ok(Money::from_units(item.answer));
        };
        match Box::pin(drive.round(&item, &bulk)).await {
            Ok(()) => attempts = Attempts::default(),
            Err(CommitError::Stale) => attempts.again().await?,
            Err(error) => return Err(error),
        }
    }
}

/// Drives an operation that was found begun.
pub async fn drive_known(
    store: &Store,
    account: AccountId,
    operation: &operation::OperationId,
    now: Timestamp,
) -> Result<Money, CommitError<Refusal>> {
    drive(store, account, &operation.id, now).await
}

/// Drives the operation of an order.
pub async fn finish(store: &Store, order: &Order) -> Result<Money, CommitError<Refusal>> {
    drive(store, order.account, &order.operation.id, order.now).await
}

impl Drive<'_> {
    /// Takes every chunk that is still behind the operation's state one step on, then the operation itself.
    async fn round(&self, item: &OperationItem, bulk: &Bulk) -> Result<(), CommitError<Refusal>> {
        let behind = match bulk.state {
            State::Spreading | State::Holding => ChunkState::Planned,
            State::Publishing | State::Voiding => ChunkState::Held,
            State::Posted => return Ok(()),
        };
        for chunk in self.chunks(bulk).await? {
            if chunk.state == behind {
                let short = self.chunk(item, bulk, &chunk).await?;
                if short {
                    return self.commit_state(item, bulk, State::Voiding).await;
                }
            }
        }
        match bulk.state {
            State::Spreading | State::Voiding => self.settle(item, bulk).await,
            State::Holding => self.collect(item, bulk).await,
            State::Publishing => self.post(item, bulk).await,
            State::Posted => Ok(()),
        }
    }

    async fn chunks(&self, bulk: &Bulk) -> Result<Vec<Chunk>, StoreError> {
        let pk = chunk_partition(self.account, &bulk.plan);
        let partition =
            Partition { table: Table::Ledger, index: None, pk: &pk, range: Range::All, descending: false, limit: None };
        let chunks = self.store.all(&partition).await?.into_iter();
        let chunks: Vec<Chunk> =
            chunks.map(|item| Ok(serde_dynamo::from_item(item)?)).collect::<Result<_, StoreError>>()?;
        // After the settlement of another driver chunks may be gone; then the operation's record has moved on too.
        Ok(chunks)
    }

    /// One chunk's step; whether someone in it could not pay.
    async fn chunk(&self, item: &OperationItem, bulk: &Bulk, chunk: &Chunk) -> Result<bool, CommitError<Refusal>> {
        let users: Vec<PhoneUserId> = chunk.members.iter().map(|member| member.user).collect();
        let (suspense, balances) = futures_util::try_join!(
            Suspense::read(self.store, self.account, self.id),
            read_balances(self.store, self.account, &users)
        )?;
        let balance = |member: &Member| balances.get(&member.user).filter(|balance| balance.c == member.c);
        let mut txn = Txn::default();
        txn.push(self.still(item));
        match bulk.state {
            State::Spreading => {
                // Who was closed, or cannot hold more, gets nothing: what is left returns at the settlement.
                let open =
                    chunk.members.iter().filter_map(|member| Some((member, balance(member)?.moved(member.share)?)));
                let open: Vec<(&Member, UserBalance)> = open.collect();
                let sum: i64 = open.iter().map(|(member, _)| member.share).sum();
                txn.push(suspense.moved(sum.saturating_neg())?.step()?);
                for (_, balance) in &open {
                    txn.push(balance.step()?);
                }
                self.show(&mut txn, item, bulk, chunk.number, open.iter().map(|(member, _)| *member))?;
                push_chunk(&mut txn, &chunk.at(ChunkState::Done))?;
            }
            State::Holding => {
                let mut held = chunk.at(ChunkState::Held);
                for member in &mut held.members {
                    let units = balance(member).map_or(0, |balance| balance.units);
                    member.share = bulk.amount.max(units.saturating_neg());
                    if bulk.strict && member.share != bulk.amount {
                        return Ok(true);
                    }
                }
                held.members.retain(|member| member.share != 0);
                let sum: i64 = held.members.iter().map(|member| member.share).sum();
                txn.push(suspense.moved(sum.saturating_neg())?.step()?);
                for after in held.members.iter().filter_map(|member| balance(member)?.moved(member.share)) {
                    txn.push(after.step()?);
                }
                push_chunk(&mut txn, &held)?;
            }
            State::Publishing => {
                self.show(&mut txn, item, bulk, chunk.number, chunk.members.iter())?;
                push_chunk(&mut txn, &chunk.at(ChunkState::Done))?;
            }
            State::Voiding => {
                let back = |member: &Member| balance(member)?.moved(member.share.saturating_neg());
                let open = chunk.members.iter().filter_map(|member| Some((member, back(member)?)));
                let open: Vec<(&Member, UserBalance)> = open.collect();
                let sum: i64 = open.iter().map(|(member, _)| member.share).sum();
                txn.push(suspense.moved(sum)?.step()?);
                for (_, balance) in &open {
                    txn.push(balance.step()?);
                }
                push_chunk(&mut txn, &chunk.at(ChunkState::Void))?;
            }
            State::Posted => return Ok(false),
        }
        self.store.commit(&txn).await.map(|()| false)
    }

    /// Puts a chunk's postings on the statements.
    fn show<'m>(
        &self,
        txn: &mut Txn<Refusal>,
        item: &OperationItem,
        bulk: &Bulk,
        number: u32,
        members: impl Iterator<Item = &'m Member>,
    ) -> Result<(), StoreError> {
        let postings: Vec<Posting> = members
            .filter_map(|member| posting(Party::Suspense, &bulk.texts, member.user, &member.name, member.share))
            .collect();
        if postings.is_empty() {
            return Ok(());
        }
        let entry = Entry {
            account: self.account,
            number: item.number,
            at: bulk.at,
            postings,
            rate: bulk.rate.clone(),
            balance_units: item.answer,
            previous: bulk.hash.clone(),
        };
        let hash = entry.hash().map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let journal = JournalItem::new(entry, number, hash);
        for line in journal.lines()? {
            txn.push(line);
        }
        txn.push(Write::put(Table::Ledger, &journal)?.if_absent().or_stale());
        Ok(())
    }

    /// The condition that nobody has moved the operation on.
    fn still<R>(&self, item: &OperationItem) -> Step<R> {
        Write::check(Table::Ledger, operation::key(self.account, self.id)).if_version(item.v).or_stale()
    }

    async fn commit_state(&self, item: &OperationItem, bulk: &Bulk, state: State) -> Result<(), CommitError<Refusal>> {
        let mut txn = Txn::default();
        txn.push(advanced(item, Bulk { state, ..bulk.clone() })?);
        self.store.commit(&txn).await
    }

    /// All chunks are held: their sum reaches the account.
    async fn collect(&self, item: &OperationItem, bulk: &Bulk) -> Result<(), CommitError<Refusal>> {
        let (head, suspense) = futures_util::try_join!(
            Head::read(self.store, self.account),
            Suspense::read(self.store, self.account, self.id)
        )?;
        let mut txn = Txn::default();
        let text = "collected from users";
        let collected =
            Posting::new(Party::Suspense, Party::Account(self.account), Money::from_units(suspense.units), text);
        let Some(collected) = collected else {
            let item = OperationItem { answer: head.units, ..item.clone() };
            return self.post(&item, bulk).await;
        };
        let appended = head.append(self.account, vec![collected], bulk.rate.clone(), self.now)?;
        let appended = appended.ok_or_else(|| StoreError::Refused("the balance would be out of range".into()))?;
        for step in appended.steps()? {
            txn.push(step);
        }
        txn.push(suspense.moved(suspense.units.saturating_neg())?.step()?);
        let entry = &appended.journal.entry;
        let item = OperationItem { number: entry.number, answer: appended.head.units, ..item.clone() };
        let bulk = Bulk { state: State::Publishing, at: entry.at, hash: appended.journal.hash.clone(), ..bulk.clone() };
        txn.push(advanced(&item, bulk)?);
        self.store.commit(&txn).await
    }

    /// All chunks are spread or void: what is left goes back to the account, and the operation ends.
    async fn settle(&self, item: &OperationItem, bulk: &Bulk) -> Result<(), CommitError<Refusal>> {
        let (head, suspense) = futures_util::try_join!(
            Head::read(self.store, self.account),
            Suspense::read(self.store, self.account, self.id)
        )?;
        let mut txn = Txn::default();
        let text = "returned: the user was closed";
        let left = Posting::new(Party::Suspense, Party::Account(self.account), Money::from_units(suspense.units), text);
        if let Some(left) = left {
            let appended = head.append(self.account, vec![left], None, self.now)?;
            let appended = appended.ok_or_else(|| StoreError::Refused("the balance would be out of range".into()))?;
            for step in appended.steps()? {
                txn.push(step);
            }
            txn.push(suspense.moved(suspense.units.saturating_neg())?.step()?);
        }
        if bulk.state == State::Voiding {
            let key = operation::key(self.account, self.id);
            txn.push(Write::delete(Table::Ledger, key).if_version(item.v).or_stale());
        } else {
            txn.push(advanced(item, Bulk { state: State::Posted, ..bulk.clone() })?);
        }
        self.end(txn, bulk).await
    }

    async fn post(&self, item: &OperationItem, bulk: &Bulk) -> Result<(), CommitError<Refusal>> {
        let mut txn = Txn::default();
        txn.push(advanced(item, Bulk { state: State::Posted, ..bulk.clone() })?);
        self.end(txn, bulk).await
    }

    async fn end(&self, mut txn: Txn<Refusal>, bulk: &Bulk) -> Result<(), CommitError<Refusal>> {
        txn.push(Write::delete(Table::Ledger, job_key(self.account, self.id)));
        self.store.commit(&txn).await?;
        // Best effort: a plan left behind by a crash here is never read again.
        let keys: Vec<Key> = self.chunks(bulk).await?.into_iter().map(|chunk| Key::new(chunk.pk, chunk.sk)).collect();
        self.store.batch_delete(Table::Ledger, &keys).await?;
        Ok(())
    }
}

fn push_chunk(txn: &mut Txn<Refusal>, chunk: &Chunk) -> Result<(), StoreError> {
    txn.push(versioned(chunk, chunk.v)?);
    Ok(())
}

/// The step that moves the operation's record on by one version.
fn advanced<R>(item: &OperationItem, bulk: Bulk) -> Result<Step<R>, StoreError> {
    let next = OperationItem { v: item.v.saturating_add(1), bulk: Some(bulk), ..item.clone() };
    versioned(&next, next.v)
}
