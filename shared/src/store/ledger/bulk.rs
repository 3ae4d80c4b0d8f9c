//! Transfers with more users than one transaction can hold: the plan is first stored in chunks, then the money goes
//! chunk by chunk through a suspense balance of the operation. Every step is one transaction, conditional on the state
//! of the operation and of the chunk. So a later driver (a call with the same key, or `background/jobs`) goes on where
//! an earlier one stopped, and two drivers at once do no harm.
//!
//! To users: reserve the sum → spread each chunk → settle. From users: hold each chunk → collect the sum → publish each
//! chunk → settle; a shortage in strict mode voids what was held, and nothing is left of the operation. A user that is
//! closed meanwhile gets nothing: its part goes back to the account.
//!
//! A chunk that reaches the statements is an entry of the account's journal like any other, made at that moment: its
//! lines never appear before lines that somebody has already read, however late the chunk comes (decision E5).
//!
//! A plan is announced by its job, which is written with the first chunk and removed after the last one. So
//! `background/jobs` find whatever a request leaves behind: an operation on its way, a plan that never began, chunks of
//! an operation that has ended.
//!
//! The file is long for a reason: every step relies on what any other step may have left behind, so all are read together.

use super::items::{Appended, Head, LineNumbers, UserBalance, read_balances, versioned};
use super::operation::{self, ChunkedTransfer, OperationItem, State};
use super::transfer::{Member, Plan, TransferOrder, posting};
use crate::ids::{AccountId, PhoneUserId};
use crate::ledger::{Money, Party, Posting};
use crate::limits::MAX_TRANSFER_USERS;
use crate::store::grants::{Action, Grant};
use crate::store::read::{Partition, text};
use crate::store::write::Step;
use crate::store::{Attempts, CommitError, Key, Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use crate::voximplant::{Parameter, Refusal};
use futures_util::TryFutureExt;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// What [`begin`] and [`drive`] need.
pub const DRIVE: &[Grant] = &[
    Grant::on(Table::Ledger, Action::GetItem),
    Grant::on(Table::Ledger, Action::BatchGetItem),
    Grant::on(Table::Ledger, Action::BatchWriteItem),
    Grant::on(Table::Ledger, Action::PutItem),
    Grant::on(Table::Ledger, Action::UpdateItem),
    Grant::on(Table::Ledger, Action::DeleteItem),
    Grant::on(Table::Ledger, Action::ConditionCheckItem),
    Grant::on(Table::Ledger, Action::Query),
];

const JOBS: &str = "J#transfer";
/// Chunks written in one transaction: each is some kilobytes, a transaction may have four megabytes.
const CHUNKS_PER_WRITE: usize = 40;
/// How long a transfer is left to the request that planned it, in milliseconds: no request runs so long.
const REQUEST_MILLIS: i64 = 60 * 1000;
/// What statements say about the money of a user that was closed during the transfer.
const CLOSED: &str = "returned: the user was closed";

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
    #[serde(rename = "v")]
    version: i64,
    members: Vec<Member>,
}

impl Chunk {
    fn at(&self, state: ChunkState) -> Self {
        Self { state, version: self.version.saturating_add(1), ..self.clone() }
    }
}

/// The suspense balance of an operation: money on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Suspense {
    pk: String,
    sk: String,
    units: i64,
    #[serde(rename = "v")]
    version: i64,
}

impl Suspense {
    fn key(account: AccountId, id: &str) -> Key {
        Key::new(format!("A#{}#S#{id}", account.padded()), "B")
    }

    fn new(account: AccountId, id: &str, units: i64) -> Self {
        let Key { pk, sk } = Self::key(account, id);
        Self { pk, sk: sk.unwrap_or_default(), units, version: 1 }
    }

    /// The balance, which exists as long as the operation may hold money.
    async fn read(store: &Store, account: AccountId, id: &str) -> Result<Option<Self>, StoreError> {
        store.get(Table::Ledger, &Self::key(account, id)).await
    }

    /// The balance after `change`. Stale if it would be negative: then another driver has moved the chunk since this
    /// one read it.
    fn moved<R>(&self, change: i64) -> Result<Self, CommitError<R>> {
        let units = self.units.checked_add(change).filter(|units| *units >= 0);
        Ok(Self { units: units.ok_or(CommitError::Stale)?, version: self.version.saturating_add(1), ..self.clone() })
    }

    fn step<R>(&self) -> Result<Step<R>, StoreError> {
        versioned(self, self.version)
    }

    /// The step that removes it; the same transaction moves its money elsewhere.
    fn removal<R>(&self, account: AccountId, id: &str) -> Step<R> {
        Write::delete(Table::Ledger, Self::key(account, id)).if_version(self.version).or_stale()
    }
}

/// The job of a large transfer: it exists from the plan until everything is cleared away.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TransferJob {
    pk: String,
    sk: String,
    account: AccountId,
    /// The operation.
    id: String,
    plan: String,
    /// When it was planned.
    at: Timestamp,
    /// 1 as long as the plan may still begin; 2 once it has begun or can never begin.
    #[serde(rename = "v")]
    version: i64,
}

fn job_key(account: AccountId, plan: &str) -> Key {
    Key::new(JOBS, format!("{}#{plan}", account.padded()))
}

fn chunk_partition(account: AccountId, plan: &str) -> String {
    format!("A#{}#P#{plan}", account.padded())
}

impl Plan {
    fn chunks(&self, account: AccountId, plan: &str) -> Vec<Chunk> {
        let chunks = self.members.chunks(MAX_TRANSFER_USERS).zip(1_u32..);
        let chunk = |(members, number): (&[Member], u32)| Chunk {
            pk: chunk_partition(account, plan),
            sk: format!("C#{number:05}"),
            number,
            state: ChunkState::Planned,
            version: 1,
            members: members.to_vec(),
        };
        chunks.map(chunk).collect()
    }
}

/// Stores the plan under `name`, which was never used before, and begins the operation: from then on it happens,
/// whichever driver finishes it. Stale means: draft again.
pub async fn begin(store: &Store, order: &TransferOrder, plan: Plan, name: &str) -> Result<(), CommitError<Refusal>> {
    let chunks = plan.chunks(order.account, name);
    let job = TransferJob::new(order, name);
    let beginning = beginning(order, &plan, &job, chunks.len(), store.now())?;
    let mut announcement = Some(versioned(&job, job.version)?);
    for group in chunks.chunks(CHUNKS_PER_WRITE) {
        let mut txn = Txn::<Refusal>::default();
        announcement.take().into_iter().for_each(|step| txn.push(step));
        for chunk in group {
            txn.push(Write::put(Table::Ledger, chunk)?);
        }
        store.commit(&txn).await?;
    }
    let begun = store.commit(&beginning).await;
    if matches!(begun, Err(CommitError::Refused(_) | CommitError::Stale | CommitError::AlreadyAnswered)) {
        // The operation will never begin. Chunks that cannot be cleared away now are cleared away by `background/jobs`.
        let _ = clear(store, order.account, name).await;
    }
    begun
}

/// Removes a plan: the chunks first, since without the job nothing finds them.
async fn clear(store: &Store, account: AccountId, plan: &str) -> Result<(), StoreError> {
    let chunks = store.all(&Partition::of(Table::Ledger, &chunk_partition(account, plan))).await?;
    let key = |chunk| Ok(serde_dynamo::from_item(chunk).map(|Chunk { pk, sk, .. }| Key::new(pk, sk))?);
    let keys = chunks.into_iter().map(key).collect::<Result<Vec<Key>, StoreError>>()?;
    store.batch_delete(Table::Ledger, &keys).await?;
    store.delete(Table::Ledger, &job_key(account, plan)).await
}

fn beginning(
    order: &TransferOrder,
    plan: &Plan,
    job: &TransferJob,
    chunks: usize,
    now: Timestamp,
) -> Result<Txn<Refusal>, CommitError<Refusal>> {
    let account = order.account;
    let mut item = OperationItem::new(account, &order.operation, 0, 0);
    // Random, since a voided operation may begin again: a driver that still holds the first one must not take this one
    // for it.
    item.version = fastrand::i64(1..1 << 52);
    let mut bulk = ChunkedTransfer {
        state: State::Holding,
        plan: job.plan.clone(),
        chunks: u32::try_from(chunks).unwrap_or(u32::MAX),
        amount: order.amount,
        strict: order.strict,
        texts: order.texts.clone(),
        rate: order.rate.clone(),
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
        let appended = plan.head.append(account, postings, order.rate.clone(), LineNumbers::NONE, now)?;
        let appended = appended.ok_or_else(too_much)?;
        steps.extend(appended.steps()?);
        item.number = appended.journal.entry.number;
        item.answer = appended.head.units;
        bulk = ChunkedTransfer { state: State::Spreading, ..bulk };
    }
    item.bulk = Some(bulk);
    let mut txn = Txn::default();
    txn.push(item.first(order.now)?);
    txn.push(job.decided()?);
    txn.push(Suspense::new(account, &job.id, reserved).step()?);
    for step in steps {
        txn.push(step);
    }
    Ok(txn)
}

impl TransferJob {
    fn new(order: &TransferOrder, plan: &str) -> Self {
        let Key { pk, sk } = job_key(order.account, plan);
        let (sk, id) = (sk.unwrap_or_default(), order.operation.id.clone());
        Self { pk, sk, account: order.account, id, plan: plan.to_owned(), at: order.now, version: 1 }
    }

    /// The step that decides about its plan, once: either it begins, or it never will.
    fn decided<R>(&self) -> Result<Step<R>, StoreError> {
        let decided = Self { version: 2, ..self.clone() };
        versioned(&decided, decided.version)
    }

    /// Its operation, if it has begun with this plan and has not ended.
    async fn begun(&self, store: &Store) -> Result<Option<ChunkedTransfer>, StoreError> {
        let bulk = OperationItem::read(store, self.account, &self.id).await?.and_then(|item| item.bulk);
        Ok(bulk.filter(|bulk| bulk.plan == self.plan && !bulk.is_posted()))
    }

    /// Drives its operation to its end, if it has begun, and clears its plan away; `false` if a later run has to do so.
    pub async fn perform(&self, store: &Store) -> Result<bool, StoreError> {
        if self.version < 2 {
            let mut txn = Txn::<()>::default();
            txn.push(self.decided()?);
            match store.commit(&txn).await {
                Ok(()) => {}
                Err(CommitError::Store(error)) => return Err(error),
                // The operation has begun just now, or somebody else has cleared the plan away.
                Err(_) => return Ok(false),
            }
        } else if self.begun(store).await?.is_some() {
            match drive(store, self.account, &self.id).await {
                // A refusal is an end too: somebody could not pay, and nothing is left of the transfer.
                Ok(_) | Err(CommitError::Refused(_)) => {}
                Err(CommitError::Store(error)) => return Err(error),
                Err(CommitError::Stale | CommitError::AlreadyAnswered) => return Ok(false),
            }
        }
        clear(store, self.account, &self.plan).await?;
        Ok(true)
    }
}

/// Large transfers that were not cleared away, and whose requests have ended by now.
pub async fn left(store: &Store, now: Timestamp) -> Result<Vec<TransferJob>, StoreError> {
    Ok(jobs(store).await?.into_iter().filter(|job| job.at.is_past(REQUEST_MILLIS, now)).collect())
}

async fn jobs(store: &Store) -> Result<Vec<TransferJob>, StoreError> {
    let jobs = store.all(&Partition::of(Table::Ledger, JOBS)).await?.into_iter();
    jobs.map(|job| Ok(serde_dynamo::from_item(job)?)).collect()
}

/// The money that a large transfer holds.
#[derive(Debug)]
pub(super) struct InFlight {
    /// The operation.
    pub id: String,
    /// Its suspense balance.
    pub suspense: i64,
    /// Amounts that have left users and are on no statement yet.
    pub held: Vec<(PhoneUserId, i64)>,
}

/// The account's operations that have begun and not ended.
pub(super) async fn in_flight(store: &Store, account: AccountId) -> Result<Vec<InFlight>, StoreError> {
    let mut ways = Vec::new();
    for job in jobs(store).await?.into_iter().filter(|job| job.account == account) {
        let Some(bulk) = job.begun(store).await? else { continue };
        let drive = Drive { store, account, id: &job.id };
        let chunks = drive.chunks(&bulk).await?;
        let held = chunks.iter().filter(|chunk| chunk.state == ChunkState::Held).flat_map(|chunk| &chunk.members);
        ways.push(InFlight {
            suspense: Suspense::read(store, account, &job.id).await?.map_or(0, |suspense| suspense.units),
            held: held.map(|member| (member.user, member.share.saturating_neg())).collect(),
            id: job.id,
        });
    }
    Ok(ways)
}

/// Suspense balances of the account that are not empty although their operation is not among those `in_flight`.
pub(super) async fn left_over(
    store: &Store,
    account: AccountId,
    in_flight: &[InFlight],
) -> Result<Vec<(String, i64)>, StoreError> {
    let in_flight: HashSet<&str> = in_flight.iter().map(|way| way.id.as_str()).collect();
    let pk = operation::partition(account);
    let (mut from, mut left) = (None, Vec::new());
    loop {
        let page = store.page(&Partition::of(Table::Ledger, &pk), from).await?;
        let ids = page.items.iter().filter_map(|item| text(item, "sk")).filter(|id| !in_flight.contains(*id));
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

/// The result of a chunk's step.
enum Chunked {
    /// Someone in it could not pay.
    Short,
    /// The step is done; the journal's head after it, if the step wrote one.
    Behind(Option<Head>),
}

/// An operation being driven.
struct Drive<'a> {
    store: &'a Store,
    account: AccountId,
    id: &'a str,
}

/// Drives an operation from whatever state it is in to its end; returns the account's balance for the answer. Error 127
/// if it ended without a trace because someone could not pay.
///
/// Other drivers may finish it as well, so a failure here does not mean that the transfer did not happen.
pub async fn drive(store: &Store, account: AccountId, id: &str) -> Result<Money, CommitError<Refusal>> {
    Drive { store, account, id }.to_end().await.map_err(CommitError::in_doubt)
}

/// Drives an operation that a look-up has found begun.
pub async fn drive_known(
    store: &Store,
    account: AccountId,
    operation: &operation::OperationId,
) -> Result<Money, CommitError<Refusal>> {
    drive(store, account, &operation.id).await
}

/// Drives the operation of an order.
pub async fn finish(store: &Store, order: &TransferOrder) -> Result<Money, CommitError<Refusal>> {
    drive(store, order.account, &order.operation.id).await
}

/// The balance of a member, if it was not closed since the plan was made.
fn open<'b>(balances: &'b HashMap<PhoneUserId, UserBalance>, member: &Member) -> Option<&'b UserBalance> {
    balances.get(&member.user).filter(|balance| balance.closings == member.closings)
}

impl Drive<'_> {
    async fn to_end(&self) -> Result<Money, CommitError<Refusal>> {
        let (mut attempts, mut last) = (Attempts::default(), None);
        loop {
            let Some(item) = OperationItem::read(self.store, self.account, self.id).await? else {
                return Err(CommitError::Refused(Refusal::InsufficientMoney));
            };
            let Some(bulk) = item.bulk.clone().filter(|bulk| !bulk.is_posted()) else {
                return Ok(Money::from_units(item.answer));
            };
            let behind = self.behind(&bulk).await?;
            // Only attempts without any progress count, by whichever driver: another driver may win many times in a
            // row.
            let place = Some((item.version, behind.len()));
            if place != last {
                (attempts, last) = (Attempts::default(), place);
            }
            match Box::pin(self.round(&item, &bulk, &behind)).await {
                Ok(()) => {}
                Err(CommitError::Stale) => attempts.again().await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// The chunks that are still behind the operation's state.
    async fn behind(&self, bulk: &ChunkedTransfer) -> Result<Vec<Chunk>, StoreError> {
        let behind = match bulk.state {
            State::Spreading | State::Holding => ChunkState::Planned,
            State::Publishing | State::Voiding => ChunkState::Held,
            State::Posted => return Ok(Vec::new()),
        };
        Ok(self.chunks(bulk).await?.into_iter().filter(|chunk| chunk.state == behind).collect())
    }

    /// Advances every chunk that is behind by one step, then the operation itself.
    async fn round(
        &self,
        item: &OperationItem,
        bulk: &ChunkedTransfer,
        behind: &[Chunk],
    ) -> Result<(), CommitError<Refusal>> {
        let mut head = None;
        for chunk in behind {
            match self.chunk(item, bulk, chunk, head.take()).await? {
                Chunked::Short => return self.commit_state(item, bulk, State::Voiding).await,
                // Passed on to the next chunk: reading it again would cost a round trip each time.
                Chunked::Behind(known) => head = known,
            }
        }
        match bulk.state {
            State::Spreading | State::Voiding => self.settle(item, bulk).await,
            State::Holding => self.collect(item, bulk).await,
            State::Publishing => self.post(Txn::default(), item, bulk).await,
            State::Posted => Ok(()),
        }
    }

    async fn chunks(&self, bulk: &ChunkedTransfer) -> Result<Vec<Chunk>, StoreError> {
        // If another driver has settled, chunks may be gone; then the operation's record has moved on too.
        let chunks = self
            .store
            .all(&Partition::of(Table::Ledger, &chunk_partition(self.account, &bulk.plan)))
            .await?
            .into_iter();
        chunks.map(|chunk| Ok(serde_dynamo::from_item(chunk)?)).collect()
    }

    async fn suspense(&self) -> Result<Suspense, CommitError<Refusal>> {
        // The operation was found but not its suspense balance: what was read of the operation is outdated.
        Suspense::read(self.store, self.account, self.id).await?.ok_or(CommitError::Stale)
    }

    /// What is in suspense, and the balances of a chunk's users.
    async fn balances(
        &self,
        chunk: &Chunk,
    ) -> Result<(Suspense, HashMap<PhoneUserId, UserBalance>), CommitError<Refusal>> {
        let users: Vec<PhoneUserId> = chunk.members.iter().map(|member| member.user).collect();
        let balances = read_balances(self.store, self.account, &users).err_into();
        futures_util::try_join!(self.suspense(), balances)
    }

    /// Does one chunk's step. `head` is the journal's head as this driver left it, if known.
    async fn chunk(
        &self,
        item: &OperationItem,
        bulk: &ChunkedTransfer,
        chunk: &Chunk,
        head: Option<Head>,
    ) -> Result<Chunked, CommitError<Refusal>> {
        let mut txn = Txn::default();
        let (chunk, head) = match bulk.state {
            State::Spreading => self.spread(&mut txn, bulk, chunk, head).await?,
            State::Publishing => self.publish(&mut txn, bulk, chunk, head).await?,
            State::Holding => match self.hold(&mut txn, bulk, chunk).await? {
                Some(chunk) => {
                    // Another driver may have found someone short meanwhile: what is held after that would stay held.
                    txn.push(self.still(item));
                    (chunk, None)
                }
                None => return Ok(Chunked::Short),
            },
            State::Voiding => {
                txn.push(self.still(item));
                (self.void(&mut txn, chunk).await?, None)
            }
            State::Posted => return Ok(Chunked::Behind(None)),
        };
        txn.push(versioned(&chunk, chunk.version)?);
        self.store.commit(&txn).await?;
        Ok(Chunked::Behind(head))
    }

    /// The journal's head: known, or read now.
    async fn head(&self, known: Option<Head>) -> Result<Head, StoreError> {
        match known {
            Some(head) => Ok(head),
            None => Head::read(self.store, self.account).await,
        }
    }

    /// Moves money from suspense to the users. A user that was closed, or whose balance would be out of range, gets
    /// nothing: its part returns at the settlement.
    async fn spread(
        &self,
        txn: &mut Txn<Refusal>,
        bulk: &ChunkedTransfer,
        chunk: &Chunk,
        head: Option<Head>,
    ) -> Result<(Chunk, Option<Head>), CommitError<Refusal>> {
        let head = self.head(head).await?;
        let numbers = LineNumbers::of_users(self.store, chunk.members.len()).err_into();
        let ((suspense, balances), numbers) = futures_util::try_join!(self.balances(chunk), numbers)?;
        let paid = |member| Some((member, open(&balances, member)?.moved(member.share)?));
        let paid: Vec<(&Member, UserBalance)> = chunk.members.iter().filter_map(paid).collect();
        let sum: i64 = paid.iter().map(|(member, _)| member.share).sum();
        txn.push(suspense.moved(sum.saturating_neg())?.step()?);
        for (_, balance) in &paid {
            txn.push(balance.step()?);
        }
        let head = self.show(txn, head, numbers, bulk, paid.iter().map(|(member, _)| *member))?;
        Ok((chunk.at(ChunkState::Done), Some(head)))
    }

    /// Puts a held chunk on the statements.
    async fn publish(
        &self,
        txn: &mut Txn<Refusal>,
        bulk: &ChunkedTransfer,
        chunk: &Chunk,
        head: Option<Head>,
    ) -> Result<(Chunk, Option<Head>), CommitError<Refusal>> {
        let head = self.head(head).await?;
        let numbers = LineNumbers::of_users(self.store, chunk.members.len()).await?;
        let head = self.show(txn, head, numbers, bulk, chunk.members.iter())?;
        Ok((chunk.at(ChunkState::Done), Some(head)))
    }

    /// Moves money from the users to suspense, as far as each can pay; `None` if the transfer is strict and someone
    /// cannot.
    async fn hold(
        &self,
        txn: &mut Txn<Refusal>,
        bulk: &ChunkedTransfer,
        chunk: &Chunk,
    ) -> Result<Option<Chunk>, CommitError<Refusal>> {
        let (suspense, balances) = self.balances(chunk).await?;
        let mut held = chunk.at(ChunkState::Held);
        for member in &mut held.members {
            let units = open(&balances, member).map_or(0, |balance| balance.units);
            member.share = bulk.amount.max(units.saturating_neg());
            if bulk.strict && member.share != bulk.amount {
                return Ok(None);
            }
        }
        held.members.retain(|member| member.share != 0);
        let sum: i64 = held.members.iter().map(|member| member.share).sum();
        txn.push(suspense.moved(sum.saturating_neg())?.step()?);
        for after in held.members.iter().filter_map(|member| open(&balances, member)?.moved(member.share)) {
            txn.push(after.step()?);
        }
        Ok(Some(held))
    }

    /// Moves money back from suspense to the users. No statement says that it had left them. But the money of a user
    /// that was closed since goes to the account, and the statements of both say so.
    async fn void(&self, txn: &mut Txn<Refusal>, chunk: &Chunk) -> Result<Chunk, CommitError<Refusal>> {
        let (suspense, balances) = self.balances(chunk).await?;
        let sum: i64 = chunk.members.iter().map(|member| member.share).sum();
        txn.push(suspense.moved(sum)?.step()?);
        let mut closed = Vec::new();
        for member in &chunk.members {
            let units = member.share.saturating_neg();
            if let Some(back) = open(&balances, member).and_then(|balance| balance.moved(units)) {
                txn.push(back.step()?);
            } else {
                let (user, account) = (Party::User(member.user), Party::Account(self.account));
                let posting = Posting::new(user, account, Money::from_units(units), CLOSED);
                closed.extend(posting.map(|posting| posting.with_user_description(CLOSED)));
            }
        }
        if !closed.is_empty() {
            let head = self.head(None).await?;
            let numbers = LineNumbers::of_users(self.store, closed.len()).await?;
            let appended = self.appended(&head, closed, None, numbers)?;
            for step in appended.steps()?.into_iter().chain(appended.journal.lines()?) {
                txn.push(step);
            }
        }
        Ok(chunk.at(ChunkState::Void))
    }

    /// Puts a chunk's postings on the statements; returns the journal's head after them.
    fn show<'m>(
        &self,
        txn: &mut Txn<Refusal>,
        head: Head,
        numbers: LineNumbers,
        bulk: &ChunkedTransfer,
        members: impl Iterator<Item = &'m Member>,
    ) -> Result<Head, StoreError> {
        let postings: Vec<Posting> = members
            .filter_map(|member| posting(Party::Suspense, &bulk.texts, member.user, &member.name, member.share))
            .collect();
        if postings.is_empty() {
            return Ok(head);
        }
        let appended = self.appended(&head, postings, bulk.rate.clone(), numbers)?;
        for step in appended.steps()?.into_iter().chain(appended.journal.lines()?) {
            txn.push(step);
        }
        Ok(appended.head)
    }

    /// The condition that the operation's record has not changed since it was read.
    fn still<R>(&self, item: &OperationItem) -> Step<R> {
        Write::check(Table::Ledger, operation::key(self.account, self.id)).if_version(item.version).or_stale()
    }

    async fn commit_state(
        &self,
        item: &OperationItem,
        bulk: &ChunkedTransfer,
        state: State,
    ) -> Result<(), CommitError<Refusal>> {
        let mut txn = Txn::default();
        txn.push(advanced(item, ChunkedTransfer { state, ..bulk.clone() })?);
        self.store.commit(&txn).await
    }

    fn appended(
        &self,
        head: &Head,
        postings: Vec<Posting>,
        rate: Option<String>,
        numbers: LineNumbers,
    ) -> Result<Appended, StoreError> {
        let appended = head.append(self.account, postings, rate, numbers, self.store.now())?;
        appended.ok_or_else(|| StoreError::Refused("the balance would be out of range".into()))
    }

    async fn ends(&self) -> Result<(Head, Suspense), CommitError<Refusal>> {
        futures_util::try_join!(Head::read(self.store, self.account).err_into(), self.suspense())
    }

    /// All chunks are held: their sum reaches the account.
    async fn collect(&self, item: &OperationItem, bulk: &ChunkedTransfer) -> Result<(), CommitError<Refusal>> {
        let (head, suspense) = self.ends().await?;
        let mut txn = Txn::default();
        txn.push(suspense.removal(self.account, self.id));
        let text = "collected from users";
        let collected =
            Posting::new(Party::Suspense, Party::Account(self.account), Money::from_units(suspense.units), text);
        let Some(collected) = collected else {
            let item = OperationItem { answer: head.units, ..item.clone() };
            return self.post(txn, &item, bulk).await;
        };
        let appended = self.appended(&head, vec![collected], bulk.rate.clone(), LineNumbers::NONE)?;
        for step in appended.steps()? {
            txn.push(step);
        }
        let entry = &appended.journal.entry;
        let item = OperationItem { number: entry.number, answer: appended.head.units, ..item.clone() };
        let bulk = ChunkedTransfer { state: State::Publishing, ..bulk.clone() };
        txn.push(advanced(&item, bulk)?);
        self.store.commit(&txn).await
    }

    /// All chunks are spread or void: what is left goes back to the account, and the operation ends.
    async fn settle(&self, item: &OperationItem, bulk: &ChunkedTransfer) -> Result<(), CommitError<Refusal>> {
        let (head, suspense) = self.ends().await?;
        let mut txn = Txn::default();
        txn.push(suspense.removal(self.account, self.id));
        let left =
            Posting::new(Party::Suspense, Party::Account(self.account), Money::from_units(suspense.units), CLOSED);
        if let Some(left) = left {
            for step in self.appended(&head, vec![left], None, LineNumbers::NONE)?.steps()? {
                txn.push(step);
            }
        }
        if bulk.state == State::Voiding {
            let key = operation::key(self.account, self.id);
            txn.push(Write::delete(Table::Ledger, key).if_version(item.version).or_stale());
            self.end(&txn, bulk).await
        } else {
            self.post(txn, item, bulk).await
        }
    }

    async fn post(
        &self,
        mut txn: Txn<Refusal>,
        item: &OperationItem,
        bulk: &ChunkedTransfer,
    ) -> Result<(), CommitError<Refusal>> {
        let item = item.clone().ended(self.store.now());
        txn.push(advanced(&item, ChunkedTransfer { state: State::Posted, ..bulk.clone() })?);
        self.end(&txn, bulk).await
    }

    async fn end(&self, txn: &Txn<Refusal>, bulk: &ChunkedTransfer) -> Result<(), CommitError<Refusal>> {
        self.store.commit(txn).await?;
        // The money is where it belongs. Chunks that cannot be cleared away now are cleared away by `background/jobs`.
        let _ = clear(self.store, self.account, &bulk.plan).await;
        Ok(())
    }
}

/// The step that moves the operation's record on by one version.
fn advanced<R>(item: &OperationItem, bulk: ChunkedTransfer) -> Result<Step<R>, StoreError> {
    let next = OperationItem { version: item.version.saturating_add(1), bulk: Some(bulk), ..item.clone() };
    versioned(&next, next.version)
}
