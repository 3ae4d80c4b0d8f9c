//! Skills, applications and queues: what users belong to.

use super::ids::{Ids, Kind};
use super::old::{self, digits};
use super::options::{Counts, Options};
use crate::operator::Operator;
use anyhow::{Result, anyhow, bail};
use shared::context::App;
use shared::ids::{AccountId, ApplicationId, QueueId, SkillId};
use shared::store::voximplant::{applications, deferred, queues, skills};
use shared::store::{Attempts, CommitError, Sequence, StoreError, Txn};
use shared::timestamp::Timestamp;
use shared::voximplant::{
    Account, Application, ApplicationName, Queue, QueueName, Refusal, ServiceProbability, Skill, SkillName,
};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

const DEFAULT_PRIORITY: u32 = 100;
/// How long the import itself binds users by the skills of a new queue, before it leaves the rest to the jobs.
const BIND_AT_ONCE: Duration = Duration::from_secs(20);

/// Imports skills, applications and queues into the account here.
pub(super) struct Groups<'a> {
    pub(super) app: &'a App,
    pub(super) operator: &'a Operator,
    pub(super) account: &'a Account,
    pub(super) options: &'a Options,
}

impl Groups<'_> {
    fn account(&self) -> AccountId {
        self.account.id
    }

    /// The id that something of the old account gets: the next one, or its old one, which the sequence then skips past.
    async fn id<I>(&self, sequence: Sequence, old: u64, id: impl Fn(u64) -> Option<I>) -> Result<I> {
        if !self.options.keep_ids {
            return Ok(self.app.store.next_id(sequence, id).await?);
        }
        self.app.store.advance_sequence_past(sequence, old).await?;
        id(old).ok_or_else(|| anyhow!("{old} is no id"))
    }

    /// Counts and reports something that cannot be imported.
    fn reject(counts: &mut Counts, kind: Kind, name: &str, why: impl std::fmt::Display) {
        counts.rejected = counts.rejected.saturating_add(1);
        println!("  rejected {} {name}: {why}", kind.name());
    }

    /// Checks that what has the same name here is the same thing: with `--keep-ids` it must have the same id.
    fn same(&self, here: u64, old: u64) -> Result<(), String> {
        if self.options.keep_ids && here != old {
            return Err(format!("there is one of this name here, and its id is {here}, not {old}"));
        }
        Ok(())
    }

    pub(super) async fn skills(&self, wanted: &[old::Skill], ids: &mut Ids, counts: &mut Counts) -> Result<()> {
        let here = skills::list(&self.app.store, self.account()).await?;
        for old in wanted {
            let outcome = self.skill(old, &here).await?;
            match outcome {
                Ok(Some(id)) => ids.add(Kind::Skill, old.skill_id, id.get()),
                Ok(None) => {}
                Err(why) => Self::reject(counts, Kind::Skill, &old.skill_name, why),
            }
        }
        Ok(())
    }

    /// The skill here; `None` if a dry run would create it. The inner error says why it cannot be imported.
    async fn skill(&self, old: &old::Skill, here: &[Skill]) -> Result<Result<Option<SkillId>, String>> {
        let name = match SkillName::parse(&old.skill_name) {
            Ok(name) => name,
            Err(refusal) => return Ok(Err(refusal.to_string())),
        };
        if let Some(known) = here.iter().find(|skill| skill.name == name) {
            return Ok(self.same(known.id.get(), old.skill_id).map(|()| Some(known.id)));
        }
        if let Some(other) = here.iter().find(|skill| self.options.keep_ids && skill.id.get() == old.skill_id) {
            return Ok(Err(format!("skill {} has this id: {}", other.id, other.name.as_str())));
        }
        if self.options.dry_run {
            return Ok(Ok(None));
        }
        let id = self.id(Sequence::Skill, old.skill_id, SkillId::new).await?;
        Ok(done(self.app.store.commit(&skills::creation(self.account(), &Skill { id, name })?).await)?
            .map(|()| Some(id)))
    }

    /// The applications here by their old ids; `None` for those that a dry run would create.
    pub(super) async fn applications(
        &self,
        wanted: &[old::Application],
        ids: &mut Ids,
        counts: &mut Counts,
    ) -> Result<HashMap<u64, Option<ApplicationId>>> {
        let here = applications::list(&self.app.store, self.account()).await?;
        let mut found = HashMap::new();
        for old in wanted {
            match self.application(old, &here).await? {
                Ok(id) => {
                    if let Some(id) = id {
                        ids.add(Kind::Application, old.application_id, id.get());
                    }
                    found.insert(old.application_id, id);
                }
                Err(why) => {
                    let advice = format!(
                        "{why} Its users stay behind: --rename {}=NAME gives it another name",
                        old.short_name()
                    );
                    Self::reject(counts, Kind::Application, old.short_name(), advice);
                }
            }
        }
        Ok(found)
    }

    async fn application(
        &self,
        old: &old::Application,
        here: &[Application],
    ) -> Result<Result<Option<ApplicationId>, String>> {
        let renamed = self.options.renames.iter().find(|rename| rename.old == old.short_name());
        let name = renamed.map_or(old.short_name(), |rename| &rename.new);
        let name = match ApplicationName::parse(name) {
            Ok(name) => name,
            Err(refusal) => return Ok(Err(refusal.to_string())),
        };
        if let Some(known) = here.iter().find(|application| application.name == name) {
            return Ok(self.same(known.id.get(), old.application_id).map(|()| Some(known.id)).map_err(|why| why + "."));
        }
        let taken = here.iter().find(|other| self.options.keep_ids && other.id.get() == old.application_id);
        if let Some(other) = taken {
            return Ok(Err(format!("application {} has this id: {}.", other.id, other.name.as_str())));
        }
        if self.options.dry_run {
            return Ok(Ok(None));
        }
        if !self.options.keep_ids {
            return Ok(Ok(Some(self.operator.application(self.account, name.as_str()).await?)));
        }
        let id = self.id(Sequence::Application, old.application_id, ApplicationId::new).await?;
        let now = self.app.clock.now();
        let application = Application { id, name, secure_record_storage: false, created: now, modified: now };
        let made = self.app.store.commit(&applications::creation(self.account(), &application)?).await;
        Ok(done(made)?.map(|()| Some(id)))
    }

    pub(super) async fn queues(
        &self,
        wanted: &[old::Queue],
        applications: &HashMap<u64, Option<ApplicationId>>,
        ids: &mut Ids,
        counts: &mut Counts,
    ) -> Result<()> {
        let here = queues::list(&self.app.store, self.account()).await?;
        for old in wanted {
            // A queue is not imported without its application.
            let Some(application) = applications.get(&old.application_id) else { continue };
            match self.queue(old, *application, &here, ids).await? {
                Ok(Some(id)) => ids.add(Kind::Queue, old.acd_queue_id, id.get()),
                Ok(None) => {}
                Err(why) => Self::reject(counts, Kind::Queue, &old.acd_queue_name, why),
            }
        }
        Ok(())
    }

    async fn queue(
        &self,
        old: &old::Queue,
        application: Option<ApplicationId>,
        here: &[Queue],
        ids: &Ids,
    ) -> Result<Result<Option<QueueId>, String>> {
        let read = || {
            let probability = digits(&old.service_probability).map(|text| ServiceProbability::parse(&text));
            Ok::<_, Refusal>((QueueName::parse(&old.acd_queue_name)?, probability.transpose()?.unwrap_or_default()))
        };
        let (name, service_probability) = match read() {
            Ok(read) => read,
            Err(refusal) => return Ok(Err(refusal.to_string())),
        };
        let Some(application) = application else { return Ok(Ok(None)) };
        let skills: Vec<SkillId> =
            old.skills.iter().filter_map(|skill| SkillId::new(ids.of(Kind::Skill, skill.skill_id)?)).collect();
        let known = here.iter().find(|queue| queue.application == application && queue.name == name);
        if let Some(known) = known {
            if let Err(why) = self.same(known.id.get(), old.acd_queue_id) {
                return Ok(Err(why));
            }
            if !self.options.dry_run {
                self.give_skills(known.clone(), &skills).await?;
            }
            return Ok(Ok(Some(known.id)));
        }
        if let Some(other) = here.iter().find(|other| self.options.keep_ids && other.id.get() == old.acd_queue_id) {
            return Ok(Err(format!("queue {} has this id: {}", other.id, other.name.as_str())));
        }
        if self.options.dry_run {
            return Ok(Ok(None));
        }
        let (id, now) = (self.id(Sequence::Queue, old.acd_queue_id, QueueId::new).await?, self.app.clock.now());
        let queue = Queue {
            id,
            application,
            name,
            priority: old.acd_queue_priority.unwrap_or(DEFAULT_PRIORITY),
            auto_binding: old.auto_binding,
            service_probability,
            max_queue_size: old.max_queue_size,
            max_waiting_time: old.max_waiting_time,
            average_service_time: old.average_service_time,
            skills: Vec::new(),
            created: old.created.as_deref().and_then(Timestamp::parse).unwrap_or(now),
            modified: now,
            version: now.millis(),
        };
        if let Err(why) = done(self.app.store.commit(&queues::creation(self.account(), &queue)?).await)? {
            return Ok(Err(why));
        }
        self.give_skills(queue, &skills).await?;
        Ok(Ok(Some(id)))
    }

    /// Gives a queue its skills, and binds the users that have them.
    async fn give_skills(&self, mut queue: Queue, skills: &[SkillId]) -> Result<()> {
        let (store, account) = (&self.app.store, self.account());
        let mut attempts = Attempts::default();
        while !skills.is_empty() {
            let now = self.app.clock.now();
            let (txn, task): (Txn<Refusal>, _) =
                deferred::reskilling(account, std::slice::from_ref(&queue), skills, true, now)?;
            match store.commit(&txn).await {
                Ok(()) => {
                    // The transaction has promised the bindings: if this fails, the jobs make them.
                    drop(task.begin(store, now, Instant::now() + BIND_AT_ONCE).await);
                    return Ok(());
                }
                Err(CommitError::Stale) => attempts.again().await?,
                Err(error) => bail!("queue {}: {error}", queue.name.as_str()),
            }
            let Some(found) = queues::find(store, account, queue.id).await? else { return Ok(()) };
            queue = found;
        }
        Ok(())
    }
}

/// Turns the refusal of a creation into a text for people.
fn done(committed: Result<(), CommitError<Refusal>>) -> Result<Result<(), String>, StoreError> {
    match committed {
        Ok(()) => Ok(Ok(())),
        Err(CommitError::Store(error)) => Err(error),
        Err(CommitError::Refused(refusal)) => Ok(Err(refusal.to_string())),
        Err(other) => Ok(Err(other.to_string())),
    }
}
