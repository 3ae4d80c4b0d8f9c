//! Writes the rows of a file into the deployment.

use super::super::AGAIN;
use super::super::columns::{Rejection, Row, sheet_row};
use super::super::field::OLD_ID;
use super::super::rejected::Rejected;
use super::ids::Ids;
use super::options::{OnDuplicate, Options};
use super::source::{NumberedRow, Source};
use crate::direct_writer::BulkStore;
use crate::progress::Progress;
use anyhow::{Context as _, Result, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use shared::context::App;
use shared::ids::UserId;
use shared::limits::MAX_PARALLEL;
use shared::stepchat::{DetailEdit, Name, Phone, Refusal, User, changed_details};
use shared::store::auth::TokenHash;
use shared::store::stepchat::counters::LeadCounter;
use shared::store::stepchat::creation;
use shared::store::stepchat::imports::{Checkpoint, ExistingClaims, RowClaims, nothing_left, remembered};
use shared::store::stepchat::users::{self, Secrets};
use shared::store::{Attempts, CommitError, Txn};
use std::iter;
use std::pin::pin;

/// Rows that are looked up and written together. A checkpoint follows each batch.
const BATCH: usize = 700;
/// Batches that are in progress at once.
const AT_ONCE: usize = 2;

fn batches(mut rows: impl Iterator<Item = Result<NumberedRow>>) -> impl Iterator<Item = Result<Vec<NumberedRow>>> {
    iter::from_fn(move || {
        let batch = rows.by_ref().take(BATCH).collect::<Result<Vec<_>>>();
        Some(batch).filter(|batch| batch.as_ref().map_or(true, |rows| !rows.is_empty()))
    })
}

/// What became of a row, with the id of its user if that is known.
#[derive(Debug, Clone)]
enum Outcome {
    Made(Option<UserId>),
    Updated(UserId),
    There(UserId),
    /// The row is empty.
    Nobody,
    Rejected(Rejection),
}

/// How many rows had which outcome.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) made: u64,
    pub(super) updated: u64,
    pub(super) there: u64,
    pub(super) nobody: u64,
}

impl Tally {
    /// Counts an outcome. Returns the row's user, or why the row was rejected.
    fn count(&mut self, outcome: Outcome) -> Result<Option<UserId>, Rejection> {
        let (count, user) = match outcome {
            Outcome::Made(user) => (&mut self.made, user),
            Outcome::Updated(user) => (&mut self.updated, Some(user)),
            Outcome::There(user) => (&mut self.there, Some(user)),
            Outcome::Nobody => (&mut self.nobody, None),
            Outcome::Rejected(why) => return Err(why),
        };
        *count = count.saturating_add(1);
        Ok(user)
    }
}

/// A row that can become a user, and the place of its outcome in the batch.
struct Candidate<'a> {
    place: usize,
    number: u64,
    id: Option<UserId>,
    row: &'a Row,
    phone: Option<Phone>,
    print: &'a str,
}

/// What to do with a candidate.
enum Plan {
    Make,
    Update(UserId),
    /// Nothing is left to do.
    Done(Outcome),
}

impl Candidate<'_> {
    fn wanted(&self) -> RowClaims<'_> {
        let Row { user, id: kept, .. } = self.row;
        let (email, phone) = (user.email.as_ref(), self.phone.as_ref());
        RowClaims { id: self.id, kept: kept.is_some(), email, phone, row: self.print }
    }

    /// Decides what to do with the row, by what is known before anything is written.
    fn plan(&self, taken: &ExistingClaims, on_duplicate: OnDuplicate) -> Plan {
        if let Some(user) = taken.row_user(self.print) {
            return Plan::Done(Outcome::There(user));
        }
        if let Some(id) = self.id {
            let kept = self.row.id.is_some();
            match taken.user(id) {
                // An id that was set aside is for this row only, so the user with this id was made from this row.
                Some(_) if !kept => return Plan::Done(Outcome::There(id)),
                // The row has changed since the user was made from it.
                Some(user) if self.is(user) && on_duplicate == OnDuplicate::Update => return Plan::Update(id),
                Some(user) if self.is(user) => return Plan::Done(Outcome::There(id)),
                Some(user) => return Plan::Done(Outcome::Rejected(Rejection::IdTaken(id, described(user)))),
                None if taken.is_going(id) => return Plan::Done(Outcome::Rejected(Rejection::IdGoing(id))),
                None => {}
            }
        }
        let by_email = self.row.user.email.as_ref().and_then(|email| taken.email_owner(email));
        let by_phone = self.phone.as_ref().and_then(|phone| taken.phone_owner(phone));
        let Some(owner) = by_email.or(by_phone) else { return Plan::Make };
        match (on_duplicate, by_email, by_phone) {
            (OnDuplicate::Reject, Some(_), _) => Plan::Done(Outcome::Rejected(Refusal::DuplicateEmail.into())),
            (OnDuplicate::Reject, None, _) => Plan::Done(Outcome::Rejected(Refusal::DuplicatePhone.into())),
            (_, Some(email), Some(phone)) if email != phone => {
                Plan::Done(Outcome::Rejected(Rejection::TwoUsers(email, phone)))
            }
            (OnDuplicate::Skip, ..) => Plan::Done(Outcome::There(owner)),
            (OnDuplicate::Update, ..) => Plan::Update(owner),
        }
    }

    /// Whether this user, who has the row's id, may have been made from the row: both have the same e-mail address or,
    /// without any, the same names and creation time.
    fn is(&self, user: &User) -> bool {
        let Row { user: new, created, .. } = self.row;
        match (&new.email, &user.email) {
            (Some(ours), Some(theirs)) => ours.folded() == theirs.folded(),
            (None, None) => {
                let same = |ours: &Option<Name>, theirs: &Name| ours.as_ref().is_none_or(|ours| ours == theirs);
                same(&new.first_name, &user.first_name)
                    && same(&new.last_name, &user.last_name)
                    && created.is_none_or(|created| created.seconds() == user.creation_time.seconds())
            }
            _ => false,
        }
    }
}

/// A user as a text for people: names, e-mail address and type.
fn described(user: &User) -> String {
    let names = [user.first_name.as_str(), user.last_name.as_str()];
    let mut text = names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ");
    if let Some(email) = &user.email {
        text = format!("{text} <{}>", email.as_str());
    }
    format!("{}, {}", text.trim(), user.user_type)
}

/// The deployment that the rows are written to, and how they are written.
pub(super) struct Target<'a> {
    app: &'a App,
    bulk: &'a BulkStore,
    /// None in a dry run of a file that has not been imported before.
    checkpoint: Option<Checkpoint>,
    options: &'a Options,
}

impl<'a> Target<'a> {
    pub(super) fn new(app: &'a App, bulk: &'a BulkStore, checkpoint: Option<Checkpoint>, options: &'a Options) -> Self {
        Self { app, bulk, checkpoint, options }
    }

    /// Imports the rows after number `done`.
    pub(super) async fn take_all(
        &self,
        source: &Source<'_>,
        done: u64,
        rejected: &mut Rejected,
        ids: &mut Ids,
    ) -> Result<Tally> {
        let mut progress = Progress::new(Some(source.rows), "rows");
        progress.starts_at(done);
        let mut checkpoint = self.checkpoint.clone();
        let mut tally = Tally::default();
        // No two batches want the same id, address or number, as repeated ones are rejected. So two can run at once.
        let taking = batches(source.rows(done)?).map(|batch| async {
            let batch = batch?;
            let outcomes = self.take(source, &batch).await?;
            anyhow::Ok((batch, outcomes))
        });
        let mut taken = pin!(stream::iter(taking).buffered(AT_ONCE));
        while let Some((batch, outcomes)) = taken.try_next().await? {
            let last = batch.last().map_or(done, |row| row.number);
            for (row, outcome) in batch.iter().zip(outcomes) {
                match tally.count(outcome) {
                    Ok(user) => tell_id(ids, row, user)?,
                    Err(why) => rejected.add(row.number, &why, &row.record)?,
                }
                progress.advance(1);
            }
            rejected.flush()?;
            ids.flush()?;
            if let Some(checkpoint) = checkpoint.as_mut().filter(|_| !self.options.dry_run) {
                checkpoint.advance(&self.bulk.store, last).await?;
            }
        }
        progress.finish();
        Ok(tally)
    }

    /// Imports a batch. Returns the outcomes in the order of its rows.
    async fn take(&self, source: &Source<'_>, batch: &[NumberedRow]) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut candidates = Vec::with_capacity(batch.len());
        for (place, numbered) in batch.iter().enumerate() {
            let NumberedRow { number, row, print, .. } = numbered;
            outcomes.push(match row {
                Ok(row) => {
                    let set_aside = || self.checkpoint.as_ref().and_then(|checkpoint| checkpoint.id(*number));
                    let id = row.id.or_else(set_aside);
                    candidates.push(Candidate { place, number: *number, id, row, phone: source.phone(row), print });
                    Outcome::Made(id)
                }
                Err(Rejection::Nobody) => Outcome::Nobody,
                Err(why) => Outcome::Rejected(why.clone()),
            });
        }
        let mut attempts = Attempts::default();
        loop {
            let late = self.attempt(&candidates, &mut outcomes).await?;
            if late.is_empty() {
                return Ok(outcomes);
            }
            candidates.retain(|candidate| late.contains(&candidate.place));
            let again = attempts.again().await;
            again.with_context(|| format!("the database is too busy; {AGAIN}"))?;
        }
    }

    /// Carries out the plan of each candidate. Returns the places of those that another writer was faster with.
    async fn attempt(&self, candidates: &[Candidate<'_>], outcomes: &mut [Outcome]) -> Result<Vec<usize>> {
        let wanted: Vec<RowClaims<'_>> = candidates.iter().map(Candidate::wanted).collect();
        let taken = ExistingClaims::of(&self.bulk.store, &wanted).await?;
        let mut settle = |place: usize, outcome: Outcome| {
            if let Some(settled) = outcomes.get_mut(place) {
                *settled = outcome;
            }
        };
        let (mut new, mut known) = (Vec::new(), Vec::new());
        for candidate in candidates {
            match candidate.plan(&taken, self.options.on_duplicate) {
                Plan::Make => new.push(candidate),
                Plan::Update(user) => known.push((candidate, user)),
                Plan::Done(outcome) => settle(candidate.place, outcome),
            }
        }
        if self.options.dry_run {
            for (candidate, user) in known {
                settle(candidate.place, Outcome::Updated(user));
            }
            return Ok(Vec::new());
        }
        let mut late = Vec::new();
        if !new.is_empty() {
            for (candidate, made) in new.iter().zip(self.make(&new).await?) {
                match made {
                    Ok(()) => {}
                    // In between, somebody took the address or the number, the row was imported, or its write intent
                    // was aborted: read again, and try again.
                    Err(
                        CommitError::Stale | CommitError::Refused(Refusal::DuplicateEmail | Refusal::DuplicatePhone),
                    ) => late.push(candidate.place),
                    Err(CommitError::Refused(refusal)) => {
                        settle(candidate.place, Outcome::Rejected(refusal.into()));
                    }
                    Err(error) => bail!("row {} could not be written: {error}; {AGAIN}", sheet_row(candidate.number)),
                }
            }
        }
        let changes = known.iter().map(|(candidate, user)| async move {
            let updated = self.update(candidate, *user).await;
            updated.with_context(|| format!("row {} could not be written; {AGAIN}", sheet_row(candidate.number)))
        });
        let updated: Vec<Option<Outcome>> =
            stream::iter(changes.collect::<Vec<_>>()).buffered(MAX_PARALLEL).try_collect().await?;
        for ((candidate, _), outcome) in known.iter().zip(updated) {
            match outcome {
                Some(outcome) => settle(candidate.place, outcome),
                None => late.push(candidate.place),
            }
        }
        Ok(late)
    }

    /// Creates users. Returns what became of each, in order.
    async fn make(&self, candidates: &[&Candidate<'_>]) -> Result<Vec<Result<(), CommitError<Refusal>>>> {
        let leads = LeadCounter::read(&self.bulk.store).await?;
        let txns = candidates.iter().map(|candidate| self.creation(candidate, &leads)).collect::<Result<Vec<_>>>()?;
        let made = self.bulk.commit_each(&txns).await;
        made.with_context(|| format!("the database failed while rows were written; {AGAIN}"))
    }

    fn creation(&self, candidate: &Candidate<'_>, leads: &LeadCounter) -> Result<Txn<Refusal>> {
        let Candidate { row, number, print, .. } = candidate;
        let id = candidate.id.with_context(|| format!("row {} is behind the last id", sheet_row(*number)))?;
        let (config, now) = (&self.app.config.stepchat, self.app.clock.now());
        let random = fastrand::u32(0..100_000);
        let mut user = row.user.clone().into_user(id, now, &config.default_first_name, random);
        if let Some(created) = row.created {
            user.creation_time = created;
            user.last_activity = created;
        }
        if let Some(active) = row.active {
            user.last_activity = active;
        }
        let token = TokenHash::of(&self.app.tokens.of(id, user.token_version));
        let secrets = Secrets { password: row.password.clone(), token };
        let mut txn = creation::of(&user, &row.details, &secrets, config.unique_phone, leads)?;
        if row.id.is_some() {
            txn.push(nothing_left(id));
        }
        txn.push(remembered(print, id, now)?);
        Ok(txn)
    }

    /// Updates a user with a row. Returns `None` if the row must be tried again.
    async fn update(&self, candidate: &Candidate<'_>, id: UserId) -> Result<Option<Outcome>> {
        let Candidate { row, print, .. } = candidate;
        let (config, now) = (&self.app.config.stepchat, self.app.clock.now());
        let Some(before) = users::load(&self.bulk.store, id).await? else { return Ok(None) };
        let mut after = row.user.clone().into_change().apply(&before.user, now);
        if let Some(created) = row.created {
            after.creation_time = created;
        }
        let edits = row.details.iter().map(|detail| DetailEdit {
            slug: detail.slug.clone(),
            name: Some(detail.name.clone()),
            value: Some(detail.value.clone()),
        });
        let details = match changed_details(&before.details, &edits.collect::<Vec<_>>()) {
            Ok(details) => details,
            Err(refusal) => return Ok(Some(Outcome::Rejected(refusal.into()))),
        };
        let token = TokenHash::of(&self.app.tokens.of(id, after.token_version));
        let secrets = Secrets { password: row.password.clone(), token };
        let leads = LeadCounter::read_for(&self.bulk.store, Some(before.user.user_type), after.user_type).await?;
        let mut txn = users::replacement(&before, &after, &details, &secrets, config.unique_phone, &leads)?;
        txn.push(remembered(print, id, now)?);
        match self.bulk.store.commit(&txn).await {
            Ok(()) => Ok(Some(Outcome::Updated(id))),
            Err(CommitError::Refused(refusal)) => Ok(Some(Outcome::Rejected(refusal.into()))),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }
}

/// Writes a row's old id and its user's id to the file of ids, unless the user keeps the old id.
fn tell_id(ids: &mut Ids, row: &NumberedRow, user: Option<UserId>) -> Result<()> {
    let (Ok(row), Some(user)) = (&row.row, user) else { return Ok(()) };
    let kept = row.id.map(|id| id.to_string());
    let old = row.details.iter().find(|detail| detail.slug.as_str() == OLD_ID);
    match (kept, old) {
        (Some(kept), _) if kept != user.to_string() => ids.add(&kept, user.get()),
        (None, Some(old)) => ids.add(old.value.as_str(), user.get()),
        _ => Ok(()),
    }
}
