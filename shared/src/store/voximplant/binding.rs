//! Giving users skills and binding them to queues.
//!
//! Each user changes in one transaction together with what follows from the change: the bindings by skill. Many users
//! are packed into few transactions; repeating a binding changes nothing.

use super::members::{self, Group, groups};
use super::queues::{self, Routing};
use super::users::{self, Stored};
use crate::ids::{AccountId, ApplicationId, PhoneUserId, QueueId, SkillId};
use crate::limits::MAX_BATCH_GET;
use crate::store::grants::{Action, Grant};
use crate::store::{Attempts, CommitError, Store, StoreError, Table, Txn};
use crate::voximplant::{PhoneUser, Refusal};
use std::collections::{HashMap, HashSet};

/// What [`Work`] needs.
pub const BIND: &[Grant] = &[
    Grant::on(Table::Voximplant, Action::Query),
    Grant::on(Table::Voximplant, Action::BatchGetItem),
    Grant::on(Table::Voximplant, Action::PutItem),
    Grant::on(Table::Voximplant, Action::DeleteItem),
    Grant::on(Table::Voximplant, Action::ConditionCheckItem),
];

/// Actions of a transaction that users may fill; the rest is for conditions and the idempotency key.
const ROOM: usize = 80;

/// What is to be changed of each user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Binding {
    /// Skills to give or take.
    pub skills: Vec<SkillId>,
    /// Queues to bind to by hand, or to take such bindings from.
    pub queues: Vec<QueueId>,
    /// Whether to give or to take.
    pub bind: bool,
}

impl Binding {
    fn of(&self, user: &PhoneUser, routing: &Routing) -> PhoneUser {
        let mut after = user.clone();
        after.set_skills(&self.skills, self.bind);
        after.set_queues(&self.queues, self.bind);
        after.relink(&routing.queues);
        after
    }
}

/// A binding of many users, transaction after transaction.
#[derive(Debug)]
pub struct Work {
    account: AccountId,
    binding: Binding,
    routing: Routing,
    left: Vec<PhoneUserId>,
    known: HashMap<PhoneUserId, Stored>,
    settled: HashSet<PhoneUserId>,
}

impl Work {
    /// The work of changing these users, who have just been read together with the queues.
    #[must_use]
    pub fn new(account: AccountId, binding: Binding, users: Vec<Stored>, routing: Routing) -> Self {
        let left = users.iter().map(|stored| stored.user.id).collect();
        let known = users.into_iter().map(|stored| (stored.user.id, stored)).collect();
        Self { account, binding, routing, left, known, settled: HashSet::new() }
    }

    /// The same for users of whom only the ids are known.
    #[must_use]
    pub fn unread(account: AccountId, binding: Binding, users: Vec<PhoneUserId>, routing: Routing) -> Self {
        Self { account, binding, routing, left: users, known: HashMap::new(), settled: HashSet::new() }
    }

    /// The next transaction, empty if nothing is left to change. [`Work::done`] or [`Work::stale`] must follow.
    async fn next(&mut self, store: &Store) -> Result<Txn<Refusal>, StoreError> {
        let mut txn = Txn::default();
        let mut applications: HashSet<ApplicationId> = HashSet::new();
        self.settled.clear();
        for id in self.left.clone() {
            self.read_ahead(store, id).await?;
            // A user that was deleted since needs no change.
            let Some(stored) = self.known.get(&id) else {
                self.settled.insert(id);
                continue;
            };
            let before = &stored.user;
            let wanted = self.binding.of(before, &self.routing);
            let free = ROOM.saturating_sub(txn.len()).saturating_sub(applications.len());
            let cost = groups(before).symmetric_difference(&groups(&wanted)).count().saturating_add(1);
            if cost > free && !txn.is_empty() {
                break;
            }
            if wanted == *before {
                self.settled.insert(id);
                continue;
            }
            let mut after = limited(before, wanted, ROOM.saturating_sub(1));
            after.version = before.version.saturating_add(1);
            for step in members::change(self.account, stored, &after)? {
                txn.push(step);
            }
            applications.insert(after.application);
            // A user with more changes than fit is taken up again in the next transaction.
            if cost > ROOM {
                break;
            }
            self.settled.insert(id);
        }
        for application in applications {
            txn.push(self.routing.unchanged(self.account, application));
        }
        Ok(txn)
    }

    /// Whether the transaction just built is the last one.
    fn is_last(&self) -> bool {
        self.left.iter().all(|id| self.settled.contains(id))
    }

    /// The transaction has been committed.
    fn done(&mut self) {
        self.left.retain(|id| !self.settled.contains(id));
        if let Some(again) = self.left.first() {
            self.known.remove(again);
        }
    }

    /// The transaction was decided on old data: everything is read again.
    async fn stale(&mut self, store: &Store) -> Result<(), StoreError> {
        self.known.clear();
        self.routing = queues::routing(store, self.account).await?;
        Ok(())
    }

    /// Does all of it; `last` adds what belongs into the last transaction.
    pub async fn finish(
        mut self,
        store: &Store,
        last: impl Fn(&mut Txn<Refusal>) -> Result<(), StoreError> + Send,
    ) -> Result<(), CommitError<Refusal>> {
        let mut attempts = Attempts::default();
        loop {
            let mut txn = Box::pin(self.next(store)).await?;
            if self.is_last() {
                last(&mut txn)?;
            }
            match store.commit(&txn).await {
                Ok(()) => self.done(),
                Err(CommitError::Stale) => {
                    attempts.again().await?;
                    self.stale(store).await?;
                    continue;
                }
                Err(other) => return Err(other),
            }
            if self.left.is_empty() {
                return Ok(());
            }
            attempts = Attempts::default();
        }
    }

    /// Reads a user, and the users that come next in the same call.
    async fn read_ahead(&mut self, store: &Store, id: PhoneUserId) -> Result<(), StoreError> {
        if self.known.contains_key(&id) {
            return Ok(());
        }
        let behind = self.left.iter().skip_while(|next| **next != id).take(MAX_BATCH_GET);
        let wanted: Vec<PhoneUserId> = behind.filter(|next| !self.known.contains_key(next)).copied().collect();
        self.known.extend(users::find_all(store, self.account, &wanted).await?);
        Ok(())
    }
}

/// `after` with at most `room` of its changes of membership: the others stay as they were.
fn limited(before: &PhoneUser, mut after: PhoneUser, room: usize) -> PhoneUser {
    let (old, new) = (groups(before), groups(&after));
    let held: HashSet<Group> = old.symmetric_difference(&new).skip(room).copied().collect();
    after.skills.retain(|skill| !held.contains(&Group::Skill(*skill)));
    after.skills.extend(before.skills.iter().filter(|skill| held.contains(&Group::Skill(**skill))));
    after.skills.sort_unstable();
    after.queues.retain(|link| !held.contains(&Group::Queue(link.queue)));
    after.queues.extend(before.queues.iter().filter(|link| held.contains(&Group::Queue(link.queue))));
    after.queues.sort_unstable_by_key(|link| link.queue);
    after
}
