//! Work that one transaction cannot hold: deleting many users or whole applications, and binding by skill after queues
//! have changed. It is promised in the transaction that decides it; the call then does what it can, and
//! `background/jobs` do the rest. Every step may be repeated and interrupted.

use super::applications;
use super::binding::{Binding, Work};
use super::changes;
use super::members::{self, Group};
use super::queues::{self, Routing};
use super::users::{self, Stored};
use crate::ids::{AccountId, ApplicationId, PhoneUserId, QueueId, SkillId};
use crate::limits::{MAX_BATCH_GET, MAX_REMOVED_INLINE};
use crate::store::backlog::{Progress, an_index_shows_all};
use crate::store::generation::Generation;
use crate::store::grants::{Action, Grant};
use crate::store::read::Partition;
use crate::store::{Attempts, CommitError, Key, Sequence, Store, StoreError, Table, Txn, Write};
use crate::text::hex;
use crate::timestamp::Timestamp;
use crate::voximplant::{Application, Queue, Refusal};
use futures_util::future::try_join;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tokio::time::Instant;

/// What [`DeferredWork::promise`] needs.
pub const PROMISE: &[Grant] = &[Grant::on(Table::Voximplant, Action::PutItem)];
/// What deleting an application's leftovers needs.
pub const CLEAN: &[Grant] = &[Grant::on(Table::Voximplant, Action::BatchWriteItem)];
/// What [`DeferredWork::prepare`] needs besides [`applications::LIST`].
pub const CLOSE: &[Grant] =
    &[Grant::on(Table::Voximplant, Action::UpdateItem), Grant::on(Table::Voximplant, Action::DeleteItem)];
/// What [`pending`] and [`DeferredWork::perform`] need besides [`super::binding::BIND`], [`changes::REMOVE`] and
/// [`crate::store::ledger::RETURN`].
pub const PERFORM: &[Grant] = &[
    Grant::on(Table::Voximplant, Action::BatchWriteItem),
    Grant::query(Table::Voximplant, "app_by_id"),
    Grant::query(Table::Voximplant, "by_member"),
];

const TASKS: &str = "J#voximplant";
/// Applications that one transaction can delete.
const DELETED_TOGETHER: usize = 40;
/// Users read together.
const PAGE: usize = MAX_BATCH_GET;
/// Skills and queues that a user with very many of them leaves in one transaction before it can be deleted.
const GROUPS_LEFT_TOGETHER: usize = 80;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DeferredKind {
    /// Delete these users.
    Users {
        /// The users.
        ids: Vec<PhoneUserId>,
    },
    /// Delete all users of these applications who existed when this was decided.
    Everyone {
        /// The applications: one, or all that the account had.
        applications: Vec<ApplicationId>,
        /// The users belong to generations before this one.
        before: Generation,
        /// The last user id given by then.
        up_to: u64,
    },
    /// Delete these applications, with everything in them.
    Applications {
        /// The applications.
        ids: Vec<ApplicationId>,
    },
    /// Bind users by skill again: the skills of these queues have changed.
    Relink { queues: Vec<QueueId> },
}

/// Promised work of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeferredWork {
    pk: String,
    sk: String,
    account: AccountId,
    /// When it was promised.
    at: Timestamp,
    #[serde(flatten)]
    job: DeferredKind,
}

/// What [`everyone`] needs.
pub const EVERYONE: &[Grant] = &[
    Grant::on(Table::Voximplant, Action::GetItem),
    Grant::on(Table::Voximplant, Action::Query),
    Grant::on(Table::Voximplant, Action::UpdateItem),
];

/// The work of deleting all users who exist now, in one application or in all.
pub async fn everyone(
    store: &Store,
    account: AccountId,
    application: Option<ApplicationId>,
) -> Result<DeferredKind, StoreError> {
    let applications = match application {
        Some(application) => vec![application],
        None => applications::list(store, account).await?.iter().map(|found| found.id).collect(),
    };
    let before = users::next_generation(store, account, &applications).await?;
    // An id is given before its user exists: no user of an earlier generation has a higher one.
    let up_to = store.last_number(Sequence::PhoneUser).await?;
    Ok(DeferredKind::Everyone { applications, before, up_to })
}

/// The transaction that deletes applications and promises what is left to do; if there are more of them than fit, it
/// only promises. Stale if an application has gone since it was read.
pub fn without(
    account: AccountId,
    applications: &[Application],
    task: &DeferredWork,
) -> Result<Txn<Refusal>, StoreError> {
    let mut txn = Txn::default();
    if applications.is_empty() {
        return Ok(txn);
    }
    txn.push(task.promise()?);
    if applications.len() <= DELETED_TOGETHER {
        for step in applications.iter().flat_map(|application| applications::removal(account, application)) {
            txn.push(step);
        }
    }
    Ok(txn)
}

/// What [`reskilling`] needs.
pub const RESKILL: &[Grant] =
    &[Grant::on(Table::Voximplant, Action::PutItem), Grant::on(Table::Voximplant, Action::UpdateItem)];

/// Queues that one transaction can change.
pub const RESKILLED_TOGETHER: usize = 40;

/// The transaction that gives queues skills or takes them, and the work of binding users by the new skills. Stale if a
/// queue has changed since it was read.
pub fn reskilling(
    account: AccountId,
    queues: &[Queue],
    skills: &[SkillId],
    bind: bool,
    now: Timestamp,
) -> Result<(Txn<Refusal>, DeferredWork), StoreError> {
    let mut txn = Txn::default();
    let (mut changed, mut applications) = (Vec::new(), BTreeSet::new());
    for before in queues {
        let mut after = before.clone();
        after.set_skills(skills, bind);
        if after.skills == before.skills {
            continue;
        }
        after.modified = now;
        after.version = before.version.saturating_add(1);
        txn.push(queues::replacement(account, before.version, &after)?);
        changed.push(after.id);
        applications.insert(after.application);
    }
    for application in applications {
        txn.push(queues::next_epoch(account, application));
    }
    let task = DeferredWork::new(account, DeferredKind::Relink { queues: changed }, now);
    if !txn.is_empty() {
        txn.push(task.promise()?);
    }
    Ok((txn, task))
}

/// Promised work that is not finished.
pub async fn pending(store: &Store) -> Result<Vec<DeferredWork>, StoreError> {
    let partition = Partition::of(Table::Voximplant, TASKS);
    let items = store.all(&partition).await?.into_iter();
    items.map(|item| Ok(serde_dynamo::from_item(item)?)).collect()
}

impl DeferredWork {
    /// New work of this account.
    #[must_use]
    pub fn new(account: AccountId, job: DeferredKind, at: Timestamp) -> Self {
        let name = hex(&fastrand::u128(..).to_be_bytes());
        Self { pk: TASKS.into(), sk: format!("{}#{name}", account.padded()), account, at, job }
    }

    /// The write that promises the work inside the transaction that decides it.
    pub fn promise(&self) -> Result<Write, StoreError> {
        Write::put(Table::Voximplant, self)
    }

    /// Does what must be done before the call that promised the work is answered. Safe to repeat.
    ///
    /// Afterwards deleted applications are gone, and nobody can be added to them any more.
    pub async fn prepare(&self, store: &Store) -> Result<(), StoreError> {
        let DeferredKind::Applications { ids } = &self.job else { return Ok(()) };
        let existing = applications::list(store, self.account).await?;
        let existing: Vec<&Application> = existing.iter().filter(|application| ids.contains(&application.id)).collect();
        for some in existing.chunks(DELETED_TOGETHER) {
            self.remove_applications(store, some).await?;
        }
        users::close(store, self.account, ids).await
    }

    /// Does the work, or the part of it that `limit` users and the time allow. A part that is done already only costs a
    /// read.
    pub async fn perform(
        &self,
        store: &Store,
        now: Timestamp,
        limit: usize,
        until: Instant,
    ) -> Result<Progress, StoreError> {
        let done = Box::pin(self.run(store, now, limit, until)).await?;
        let complete = match self.job {
            // An index may not yet show a user who was added or got a skill just before.
            DeferredKind::Relink { .. } | DeferredKind::Everyone { .. } => an_index_shows_all(self.at, now),
            DeferredKind::Users { .. } | DeferredKind::Applications { .. } => true,
        };
        if done && complete {
            store.delete(Table::Voximplant, &Key::new(self.pk.clone(), self.sk.clone())).await?;
        }
        Ok(Progress::of(done, complete))
    }

    /// The first attempt, inside the call that promised the work.
    pub async fn begin(&self, store: &Store, now: Timestamp, until: Instant) -> Result<(), StoreError> {
        self.perform(store, now, MAX_REMOVED_INLINE, until).await.map(drop)
    }

    async fn run(&self, store: &Store, now: Timestamp, limit: usize, until: Instant) -> Result<bool, StoreError> {
        Ok(match &self.job {
            DeferredKind::Users { ids } => {
                let first: Vec<_> = ids.iter().take(limit).copied().collect();
                Box::pin(self.remove(store, now, &first, None, until)).await? && first.len() == ids.len()
            }
            DeferredKind::Everyone { applications, before, up_to } => {
                let ids = users::ids(store, self.account, applications, limit).await?;
                let old: Vec<PhoneUserId> = ids.iter().copied().filter(|id| id.get() <= *up_to).collect();
                Box::pin(self.remove(store, now, &old, Some(*before), until)).await? && old.len() < limit
            }
            DeferredKind::Applications { ids } => {
                Box::pin(self.empty_applications(store, now, ids, limit, until)).await?
            }
            DeferredKind::Relink { queues } => Box::pin(self.relink(store, queues, limit, until)).await?,
        })
    }

    /// Removes users, as many in one transaction as fit; with `before`, only users of earlier generations. Returns
    /// whether all are gone before the time is up.
    async fn remove(
        &self,
        store: &Store,
        now: Timestamp,
        ids: &[PhoneUserId],
        before: Option<Generation>,
        until: Instant,
    ) -> Result<bool, StoreError> {
        for page in ids.chunks(PAGE) {
            let mut left = page.to_vec();
            let mut attempts = Attempts::default();
            while !left.is_empty() {
                if Instant::now() >= until {
                    return Ok(false);
                }
                let mut found = users::find_all(store, self.account, &left).await?;
                let goes = |stored: &Stored| before.is_none_or(|before| stored.generation < before);
                let users: Vec<Stored> = left.iter().filter_map(|id| found.remove(id)).filter(goes).collect();
                match Box::pin(self.remove_some(store, now, &users)).await {
                    Ok(removed) => {
                        let kept: BTreeSet<_> = users.iter().skip(removed).map(|stored| stored.user.id).collect();
                        left.retain(|id| kept.contains(id));
                        attempts = Attempts::default();
                    }
                    Err(CommitError::Store(error)) => return Err(error),
                    // No condition here is a refusal: what has changed is read again.
                    Err(_) => attempts.again().await?,
                }
            }
        }
        Ok(true)
    }

    /// Removes the first of these users, as many as fit into one transaction; returns how many.
    async fn remove_some(
        &self,
        store: &Store,
        now: Timestamp,
        users: &[Stored],
    ) -> Result<usize, CommitError<Refusal>> {
        let fit = changes::removable(users);
        let (chosen, _) = users.split_at(fit);
        let txn = match users.first() {
            Some(first) if fit == 0 => self.leave_groups(first)?,
            _ => {
                let money = changes::money_back(store, self.account, chosen, changes::DELETED, now).await?;
                changes::removal(self.account, chosen, money, now)
            }
        };
        store.commit(&txn).await.map(|()| fit)
    }

    /// Takes a user that serves very many queues or has very many skills out of some of them.
    fn leave_groups(&self, before: &Stored) -> Result<Txn<Refusal>, StoreError> {
        let user = &before.user;
        let mut after = user.clone();
        let skills = after.skills.len().saturating_sub(GROUPS_LEFT_TOGETHER);
        after.skills.truncate(skills);
        let more = GROUPS_LEFT_TOGETHER.saturating_sub(user.skills.len().saturating_sub(skills));
        after.queues.truncate(after.queues.len().saturating_sub(more));
        after.version = user.version.saturating_add(1);
        let mut txn = Txn::default();
        for step in members::change(self.account, before, &after)? {
            txn.push(step);
        }
        Ok(txn)
    }

    async fn remove_applications(&self, store: &Store, some: &[&Application]) -> Result<(), StoreError> {
        let mut txn = Txn::default();
        for step in some.iter().flat_map(|application| applications::removal(self.account, application)) {
            txn.push(step);
        }
        match store.commit(&txn).await {
            Ok(()) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
            // Somebody else has deleted one of them: if it is the only one here, nothing is left to do.
            Err(_) if some.len() == 1 => Ok(()),
            Err(_) => {
                for one in some.chunks(1) {
                    Box::pin(self.remove_applications(store, one)).await?;
                }
                Ok(())
            }
        }
    }

    async fn empty_applications(
        &self,
        store: &Store,
        now: Timestamp,
        ids: &[ApplicationId],
        limit: usize,
        until: Instant,
    ) -> Result<bool, StoreError> {
        // The call may have died before it did this.
        self.prepare(store).await?;
        let users = users::ids(store, self.account, ids, limit).await?;
        let emptied = self.remove(store, now, &users, None, until).await? && users.len() < limit;
        if !emptied {
            return Ok(false);
        }
        let queues = queues::list(store, self.account).await?;
        let mut finished = true;
        for application in ids {
            let left = users::counts(store, self.account, Some(*application)).await?;
            // The index may not yet show a user who was added just before: the counters do.
            if left.values().any(|count| *count > 0) {
                finished = false;
                continue;
            }
            let leftovers = queues::leftovers(self.account, *application, &queues);
            // Removed in one transaction: only the sum of the counters is a number of users, and some of them alone may
            // show users for ever.
            let mut counters: Txn<Refusal> = Txn::default();
            for key in users::counter_keys(self.account, *application) {
                counters.push(Write::delete(Table::Voximplant, key));
            }
            let counters = async {
                match store.commit(&counters).await {
                    Err(CommitError::Store(error)) => Err(error),
                    // The transaction has no conditions.
                    _ => Ok(()),
                }
            };
            try_join(store.batch_delete(Table::Voximplant, &leftovers), counters).await?;
        }
        Ok(finished)
    }

    /// Compares the skills of all users whom a change of these queues may concern.
    async fn relink(
        &self,
        store: &Store,
        queues: &[QueueId],
        limit: usize,
        until: Instant,
    ) -> Result<bool, StoreError> {
        let routing = queues::routing(store, self.account).await?;
        let users: Vec<_> = affected_users(store, self.account, &routing, queues).await?.into_iter().collect();
        for page in users.get(..limit.min(users.len())).unwrap_or_default().chunks(PAGE) {
            if Instant::now() >= until {
                return Ok(false);
            }
            let work = Work::unread(self.account, Binding::default(), page.to_vec(), routing.clone());
            if let Err(CommitError::Store(error)) = Box::pin(work.finish(store, |_| Ok(()))).await {
                return Err(error);
            }
        }
        Ok(users.len() <= limit)
    }
}

/// The users who serve these queues or may serve them: a queue that binds by skill may get all users with its first
/// skill.
async fn affected_users(
    store: &Store,
    account: AccountId,
    routing: &Routing,
    queues: &[QueueId],
) -> Result<BTreeSet<PhoneUserId>, StoreError> {
    let chosen = routing.queues.iter().filter(|queue| queues.contains(&queue.id));
    // A user without the queue's first skill is not bound to it by skill.
    let groups: BTreeSet<Group> = chosen
        .flat_map(|queue| {
            let candidates = queue.skills.first().filter(|_| queue.auto_binding);
            candidates.map(|skill| Group::Skill(*skill)).into_iter().chain([Group::Queue(queue.id)])
        })
        .collect();
    let mut users = BTreeSet::new();
    for group in groups {
        users.extend(members::of(store, account, group).await?);
    }
    Ok(users)
}
