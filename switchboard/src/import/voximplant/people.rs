//! Imports the users of an application, with their skills, queues and balances.

use super::super::AGAIN;
use super::super::remote::Remote;
use super::groups::Groups;
use super::ids::{Ids, Kind};
use super::old::{self, PAGE, Page};
use super::options::Counts;
use crate::progress::Progress;
use anyhow::{Context as _, Result, anyhow, bail};
use futures_util::stream::{self, StreamExt as _};
use shared::crypto::{Secret, hash_password, random_token};
use shared::ids::{ApplicationId, PhoneUserId, QueueId, SkillId};
use shared::ledger::Money;
use shared::limits::MAX_PARALLEL;
use shared::store::auth::PasswordHash;
use shared::store::ledger::credit::{self, CreditRefusal};
use shared::store::voximplant::binding::{Binding, Work};
use shared::store::voximplant::{queues, users};
use shared::store::{Attempts, CommitError, Sequence};
use shared::timestamp::Timestamp;
use shared::voximplant::{NewPhoneUser, Refusal};

/// What became of a user.
enum Outcome {
    Made(Option<PhoneUserId>),
    There(PhoneUserId),
    Rejected(String),
}

/// Imports users into the account here.
pub(super) struct People<'a> {
    groups: &'a Groups<'a>,
    remote: &'a Remote,
    password: PasswordHash,
}

impl<'a> People<'a> {
    pub(super) async fn new(groups: &'a Groups<'a>, remote: &'a Remote) -> Result<Self> {
        // The hash of a random password that nobody knows.
        let password = hash_password(Secret::new(&random_token(32)?)).await?;
        Ok(Self { groups, remote, password })
    }

    /// Imports the users of one application. `to` is the application here; `None` if a dry run would create it.
    pub(super) async fn take_all(
        &self,
        from: &old::Application,
        to: Option<ApplicationId>,
        ids: &mut Ids,
        counts: &mut Counts,
    ) -> Result<()> {
        let (mut progress, mut offset) = (None, 0_usize);
        loop {
            let fields = [
                ("application_id", from.application_id.to_string()),
                ("count", PAGE.to_string()),
                ("offset", offset.to_string()),
                ("order_by", "user_id".to_owned()),
                ("with_skills", "true".to_owned()),
                ("with_queues", "true".to_owned()),
            ];
            let page: Page<old::User> = self.remote.call("GetUsers", &fields).await?;
            let progress = progress.get_or_insert_with(|| Progress::new(Some(page.total_count), "users"));
            let options = self.groups.options;
            let largest = page.result.iter().map(|user| user.user_id).max();
            if let Some(largest) = largest.filter(|_| options.keep_ids && !options.dry_run) {
                self.groups.app.store.advance_sequence_past(Sequence::PhoneUser, largest).await?;
            }
            let known = &*ids;
            let work = page.result.iter().map(|old| async move { anyhow::Ok((old, self.take(old, to, known).await?)) });
            let done: Vec<_> = stream::iter(work.collect::<Vec<_>>()).buffered(MAX_PARALLEL).collect().await;
            for taken in done {
                let (old, outcome) = taken?;
                let user = match outcome {
                    Outcome::Made(user) => {
                        counts.made = counts.made.saturating_add(1);
                        user
                    }
                    Outcome::There(user) => {
                        counts.there = counts.there.saturating_add(1);
                        Some(user)
                    }
                    Outcome::Rejected(why) => {
                        counts.rejected = counts.rejected.saturating_add(1);
                        println!("  rejected {}: {why}", old.user_name);
                        None
                    }
                };
                if let Some(user) = user {
                    ids.add(Kind::User, old.user_id, user.get());
                    self.endow(old, user, counts).await?;
                } else if options.dry_run && options.balances {
                    counts.would_move(old.money());
                }
                progress.advance(1);
            }
            offset = offset.saturating_add(page.result.len());
            if page.is_last(offset) {
                progress.finish();
                return Ok(());
            }
        }
    }

    async fn take(&self, old: &old::User, to: Option<ApplicationId>, ids: &Ids) -> Result<Outcome> {
        let new = match old.read() {
            Ok(new) => new,
            Err(refusal) => return Ok(Outcome::Rejected(refusal.to_string())),
        };
        let Some(application) = to else { return Ok(Outcome::Made(None)) };
        let outcome = self.find_or_make(old, &new, application).await?;
        if let (Outcome::Made(Some(user)) | Outcome::There(user), false) = (&outcome, self.groups.options.dry_run) {
            self.bind(old, *user, ids).await?;
        }
        Ok(outcome)
    }

    async fn find_or_make(&self, old: &old::User, new: &NewPhoneUser, application: ApplicationId) -> Result<Outcome> {
        let Groups { app, account, options, .. } = self.groups;
        let store = &app.store;
        if let Some(known) = users::id_by_name(store, account.id, application, &new.name).await? {
            if options.keep_ids && known.get() != old.user_id {
                return Ok(Outcome::Rejected(format!(
                    "there is a user of this name here, and its id is {known}, not {}",
                    old.user_id
                )));
            }
            return Ok(Outcome::There(known));
        }
        let kept = PhoneUserId::new(old.user_id).filter(|_| options.keep_ids);
        if let Some(id) = kept
            && let Some(other) = users::find(store, account.id, id).await?
        {
            return Ok(Outcome::Rejected(format!("the id {id} is taken here by {}", other.user.name.as_str())));
        }
        if options.dry_run {
            return Ok(Outcome::Made(None));
        }
        let mut attempts = Attempts::default();
        loop {
            let limit = app.config.voximplant.max_users_per_account;
            let capacity = match limit {
                None => None,
                Some(limit) => match users::capacity(store, account.id, limit).await? {
                    Some(capacity) => Some(capacity),
                    None => bail!("account {} may have {limit} users and has them", account.id),
                },
            };
            let id = match kept {
                Some(id) => id,
                None => store.next_id(Sequence::PhoneUser, PhoneUserId::new).await?,
            };
            let mut user = new.clone().into_user(id, application, app.clock.now());
            if let Some(created) = old.created.as_deref().and_then(Timestamp::parse) {
                user.created = created;
            }
            let Some(place) = users::Place::read(store, account.id, application).await? else {
                bail!("application {application} has been deleted");
            };
            match store.commit(&users::creation(account.id, &user, &self.password, capacity, &place)?).await {
                Ok(()) => return Ok(Outcome::Made(Some(id))),
                Err(CommitError::Refused(Refusal::UserNameNotUnique) | CommitError::Stale) => attempts.again().await?,
                Err(CommitError::Refused(refusal)) => return Ok(Outcome::Rejected(refusal.to_string())),
                Err(error) => {
                    return Err(anyhow!("user {}: {error}; {AGAIN}", old.user_name));
                }
            }
            if let Some(known) = users::id_by_name(store, account.id, application, &new.name).await? {
                return Ok(Outcome::There(known));
            }
        }
    }

    /// Gives a user the skills and queues it had. Bindings by skill are not copied, since they follow from the skills.
    async fn bind(&self, old: &old::User, user: PhoneUserId, ids: &Ids) -> Result<()> {
        let skills = old.skills.iter().filter_map(|skill| SkillId::new(ids.of(Kind::Skill, skill.skill_id)?));
        let by_hand = old.acd_queues.iter().filter(|queue| !queue.auto_link);
        let queues = by_hand.filter_map(|queue| QueueId::new(ids.of(Kind::Queue, queue.acd_queue_id)?));
        let binding = Binding { skills: skills.collect(), queues: queues.collect(), bind: true };
        if binding.skills.is_empty() && binding.queues.is_empty() {
            return Ok(());
        }
        let (store, account) = (&self.groups.app.store, self.groups.account.id);
        let routing = queues::routing(store, account).await?;
        let bound = Work::unread(account, binding, vec![user], routing).finish(store, |_| Ok(())).await;
        bound.map_err(|error| anyhow!("the skills and queues of user {}: {error}; {AGAIN}", old.user_name))
    }

    /// Credits a user with the money of its old balance, once.
    async fn endow(&self, old: &old::User, user: PhoneUserId, counts: &mut Counts) -> Result<()> {
        let Groups { app, account, options, .. } = self.groups;
        let Some(money) = old.money().filter(|_| options.balances) else { return Ok(()) };
        if options.dry_run {
            counts.would_move(Some(money));
            return Ok(());
        }
        let name = format!("Balance of user {} of account {}", old.user_id, self.remote.account());
        match credit::credit_for(&app.store, account.id, Some(user), money, &name).await {
            Ok(_) => counts.moved(money),
            Err(CommitError::Refused(refusal)) => counts.stays(&old.user_name, money, refusal),
            Err(error) => return Err(anyhow!("{name}: {error}; {AGAIN}")),
        }
        Ok(())
    }
}

/// Credits the account with the money of its old balance, once.
pub(super) async fn endow_account(groups: &Groups<'_>, old: &old::Account, counts: &mut Counts) -> Result<()> {
    let money = old
        .balances
        .money()
        .context("the old account's answer holds no balance: its money stays there, everything else was imported")?;
    if !money.is_positive() {
        return Ok(());
    }
    if groups.options.dry_run {
        counts.would_move(Some(money));
        return Ok(());
    }
    let name = format!("Balance of account {}", old.account_id);
    match credit::credit(&groups.app.store, groups.account.id, money, &name).await {
        Ok(_) => counts.moved(money),
        Err(CommitError::Refused(refusal)) => counts.stays("the account", money, refusal),
        Err(error) => return Err(anyhow!("{name}: {error}; {AGAIN}")),
    }
    Ok(())
}

impl Counts {
    fn moved(&mut self, money: Money) {
        self.money = self.money.checked_add(money).unwrap_or(self.money);
    }

    fn would_move(&mut self, money: Option<Money>) {
        if let Some(money) = money {
            self.moved(money);
        }
    }

    /// Reports a balance that was not moved, such as one that differs from what an earlier run credited.
    fn stays(&mut self, who: &str, money: Money, why: CreditRefusal) {
        self.rejected = self.rejected.saturating_add(1);
        println!("  the balance of {who} is {money} there and stays as it is here, nothing was moved: {why}");
    }
}
