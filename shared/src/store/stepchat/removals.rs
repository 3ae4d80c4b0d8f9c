//! Deletes of many users: promised in one write, then done one user after another, by the request or by
//! `background/jobs`.
//!
//! Deletes those who existed when the call was made, and nobody else: users by id, leads by their generation.

use super::counters;
use super::purges;
use super::users;
use crate::ids::UserId;
use crate::limits::MAX_PARALLEL;
use crate::stepchat::{Refusal, UserType};
use crate::store::backlog::{Progress, an_index_shows_all};
use crate::store::generation::Generation;
use crate::store::grants::{Action, Grant};
use crate::store::read::Partition;
use crate::store::{Attempts, CommitError, Key, Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// What [`Removal::promise`] needs.
pub const PROMISE: &[Grant] = &[Grant::on(Table::Stepchat, Action::PutItem)];
/// What [`leads`] needs.
pub const LEADS: &[Grant] = counters::NEXT_LEADS;
/// What [`Removal::perform`] needs for users by id, besides [`users::LOAD`], [`users::DELETE`] and [`purges::PURGE`].
pub const PERFORM: &[Grant] = &[Grant::on(Table::Stepchat, Action::DeleteItem)];
/// What [`Removal::perform`] needs in addition for all leads.
pub const PERFORM_LEADS: &[Grant] = &[Grant::query(Table::Stepchat, "by_created")];

const REMOVALS: &str = "J#remove-users";
/// Index entries of leads read at a time.
const LEADS_PAGE: i32 = 100;

/// Who shall be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Whom {
    /// These users.
    Users(Vec<UserId>),
    /// All leads of earlier generations.
    LeadsBefore(Generation),
}

/// A promised delete of many users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    pk: String,
    sk: String,
    /// When it was promised.
    at: Timestamp,
    whom: Whom,
}

/// The delete of these users, not yet promised.
#[must_use]
pub fn users(ids: Vec<UserId>, now: Timestamp) -> Removal {
    Removal::new(Whom::Users(ids), now)
}

/// The delete of all leads there are at this moment, not yet promised.
pub async fn leads(store: &Store, now: Timestamp) -> Result<Removal, StoreError> {
    let generation = counters::next_leads(store).await?;
    Ok(Removal::new(Whom::LeadsBefore(generation), now))
}

/// Promised deletes that are not finished.
pub async fn pending(store: &Store) -> Result<Vec<Removal>, StoreError> {
    let promised = Partition::of(Table::Stepchat, REMOVALS);
    store.all(&promised).await?.into_iter().map(|item| Ok(serde_dynamo::from_item(item)?)).collect()
}

impl Removal {
    fn new(whom: Whom, at: Timestamp) -> Self {
        // A random key: two deletes at once are two promises.
        Self { pk: REMOVALS.into(), sk: format!("{:032x}", fastrand::u128(..)), at, whom }
    }

    /// The transaction that promises it: from then on it happens, whatever becomes of the request.
    pub fn promise(&self) -> Result<Txn<Refusal>, StoreError> {
        let mut txn = Txn::default();
        txn.push(Write::put(Table::Stepchat, self)?);
        Ok(txn)
    }

    /// Deletes until all are gone or the time is up. Safe to repeat and to interrupt.
    pub async fn perform(&self, store: &Store, now: Timestamp, until: Instant) -> Result<Progress, StoreError> {
        let (gone, complete) = match &self.whom {
            Whom::Users(ids) => (each(store, ids, None, until).await?, true),
            // The index may not yet show a user who became a lead just before the call.
            Whom::LeadsBefore(generation) => {
                (all_leads(store, *generation, until).await?, an_index_shows_all(self.at, now))
            }
        };
        if gone && complete {
            store.delete(Table::Stepchat, &Key::new(self.pk.clone(), self.sk.clone())).await?;
        }
        Ok(Progress::of(gone, complete))
    }
}

async fn all_leads(store: &Store, generation: Generation, until: Instant) -> Result<bool, StoreError> {
    let leads = Partition::of(Table::Stepchat, UserType::Lead.as_str())
        .index(("by_created", "lp", "s_created"))
        .page_size(LEADS_PAGE);
    let mut from = None;
    loop {
        let page = store.page(&leads, from).await?;
        let ids: Vec<UserId> = page.items.iter().filter_map(users::id_of).collect();
        if !each(store, &ids, Some(generation), until).await? {
            return Ok(false);
        }
        from = page.next;
        if from.is_none() {
            return Ok(true);
        }
    }
}

/// Deletes each of these users, several at a time.
async fn each(
    store: &Store,
    ids: &[UserId],
    leads_before: Option<Generation>,
    until: Instant,
) -> Result<bool, StoreError> {
    // Owned before they are streamed: a borrowing closure here would not be `Send` for every lifetime.
    let deletes: Vec<_> = ids.iter().map(|id| one(store, *id, leads_before, until)).collect();
    let done: Vec<bool> = stream::iter(deletes).buffer_unordered(MAX_PARALLEL).try_collect().await?;
    Ok(done.into_iter().all(|done| done))
}

/// Deletes a user; with `leads_before`, only a lead of an earlier generation. `false` if the time was up before.
async fn one(store: &Store, id: UserId, leads_before: Option<Generation>, until: Instant) -> Result<bool, StoreError> {
    let mut attempts = Attempts::default();
    loop {
        if Instant::now() >= until {
            return Ok(false);
        }
        let Some(stored) = users::load(store, id).await? else {
            return Ok(true);
        };
        let stays = leads_before.is_some_and(|generation| !stored.is_lead_before(generation));
        if stored.user.user_type == UserType::Bot || stays {
            return Ok(true);
        }
        match store.commit(&users::deletion(&stored, store.now())?).await {
            Err(CommitError::Stale) => attempts.again().await?,
            Err(CommitError::Store(error)) => return Err(error),
            // The last admin stays. This was checked before the promise, but everything may have changed since.
            Err(CommitError::Refused(_) | CommitError::AlreadyAnswered) => return Ok(true),
            Ok(()) => break,
        }
    }
    // The user is deleted, and the purge is promised: if it fails now, a later run does it.
    let _ = Box::pin(purges::purge(store, id, store.now(), until)).await;
    Ok(true)
}
