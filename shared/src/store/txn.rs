//! Transactions: writes that happen together, and the outcome of a commit.

mod joined;

pub(super) use joined::Joined;

use super::error::THROTTLING;
use super::search::{IndexChange, WritesBefore};
use super::write::{Kind, Meaning, Step, Write};
use super::{Attempts, Store, StoreError};
use crate::limits::MAX_TRANSACTION_ACTIONS;
use aws_sdk_dynamodb::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::{BoxError, ProvideErrorMetadata};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use thiserror::Error;

/// Why a transaction did not happen; with [`StoreError::Unavailable`], it is unknown whether it did.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommitError<R> {
    /// A named condition failed: a business rule says no.
    #[error("a rule refused it")]
    Refused(R),
    /// What was read before has changed since: read and decide again.
    #[error("somebody else changed the same at the same moment: try again")]
    Stale,
    /// The idempotency key already has its answer.
    #[error("this call was answered before")]
    AlreadyAnswered,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<R> CommitError<R> {
    /// The same error, where something may have been written before it: see [`StoreError::in_doubt`].
    #[must_use]
    pub fn in_doubt(self) -> Self {
        match self {
            Self::Store(error) => Self::Store(error.in_doubt()),
            other => other,
        }
    }
}

/// Writes that happen together or not at all.
#[derive(Debug, Clone)]
pub struct Txn<R> {
    steps: Vec<Step<R>>,
    /// What the transaction changes about search entries. It is part of the transaction, so no writer can forget it.
    index_change: Option<Box<IndexChange>>,
}

impl<R> Default for Txn<R> {
    fn default() -> Self {
        Self { steps: Vec::new(), index_change: None }
    }
}

impl<R: Clone> Txn<R> {
    /// Adds a write. Of two refusals that apply, the one added first is reported.
    pub fn push(&mut self, step: impl Into<Step<R>>) {
        self.steps.push(step.into());
    }

    /// Number of writes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Lets searches find what the transaction writes, and no longer what it replaces.
    pub(super) fn index(&mut self, change: IndexChange) {
        self.index_change = Some(Box::new(change)).filter(|change| !change.is_empty());
    }

    /// The transaction with the steps that commit its write intents, and what must be written before it.
    pub(super) fn prepared(&self) -> Result<(Self, WritesBefore), StoreError> {
        let mut prepared = Self { steps: self.steps.clone(), index_change: None };
        let Some(change) = &self.index_change else { return Ok((prepared, WritesBefore::default())) };
        let (before, steps) = change.prepare()?;
        prepared.steps.extend(steps);
        Ok((prepared, before))
    }

    /// Only the writes, including those of search entries, without the meaning of their failures.
    pub fn into_writes(self) -> impl Iterator<Item = Write> {
        let entries = self.index_change.iter().flat_map(|change| change.entries());
        let entries: Vec<Write> = entries.map(|(table, item)| Write::of(table, Kind::Put(item))).collect();
        self.steps.into_iter().map(|step| step.write).chain(entries)
    }

    /// What the failed conditions mean; `None` if no condition failed. An idempotency key that is already answered
    /// outranks everything, and stale data outranks every refusal: the refusal may come from the first effect of the
    /// same call.
    fn verdict(&self, reasons: &[CancellationReason]) -> Option<CommitError<R>> {
        let failed: Vec<&Meaning<R>> = self
            .steps
            .iter()
            .zip(reasons)
            .filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))
            .filter_map(|(step, _)| step.meaning.as_ref())
            .collect();
        if failed.iter().any(|meaning| matches!(meaning, Meaning::AlreadyAnswered)) {
            return Some(CommitError::AlreadyAnswered);
        }
        if failed.iter().any(|meaning| matches!(meaning, Meaning::Stale)) {
            return Some(CommitError::Stale);
        }
        failed.into_iter().find_map(|meaning| match meaning {
            Meaning::Refused(refusal) => Some(CommitError::Refused(refusal.clone())),
            Meaning::Stale | Meaning::AlreadyAnswered => None,
        })
    }
}

impl Store {
    /// Commits a transaction; what it changes about search entries is written before it.
    pub async fn commit<R: Clone>(&self, txn: &Txn<R>) -> Result<(), CommitError<R>> {
        if txn.index_change.is_none() {
            return self.transact(txn).await;
        }
        let (prepared, before) = txn.prepared()?;
        before.write(self).await?;
        self.transact(&prepared).await
    }

    /// Commits the steps. A cancellation is retried only if every reason is contention or throttling.
    pub(super) async fn transact<R: Clone>(&self, txn: &Txn<R>) -> Result<(), CommitError<R>> {
        // Nothing to write is already done.
        if txn.is_empty() {
            return Ok(());
        }
        if txn.len() > MAX_TRANSACTION_ACTIONS {
            return Err(StoreError::Refused(format!("a transaction of {} actions", txn.len())).into());
        }
        let items = txn.steps.iter().map(|step| step.write.build(self)).collect::<Result<Vec<_>, _>>()?;
        let mut attempts = Attempts::default();
        let mut token = client_token();
        let doubt = Doubt::default();
        loop {
            let sent = self.client.transact_write_items().client_request_token(&token);
            let sent = sent.set_transact_items(Some(items.clone())).customize().interceptor(doubt.clone()).send().await;
            let Err(error) = sent else { return Ok(()) };
            match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    let reasons = cancelled.cancellation_reasons();
                    if let Some(verdict) = txn.verdict(reasons) {
                        return Err(verdict);
                    }
                    if reasons.is_empty() || !reasons.iter().all(is_contention) {
                        return Err(StoreError::from(error).into());
                    }
                    // This attempt did not happen. But a message of an earlier attempt may still be on its way: then
                    // only the same token keeps that attempt from happening in addition to the next one.
                    if !doubt.is_set() {
                        token = client_token();
                    }
                }
                // It may still happen: the same token asks for the same attempt, so it cannot happen twice.
                Some(other) if other.code() == Some("TransactionInProgressException") => doubt.set(true),
                _ => return Err(doubt.about(error.into()).into()),
            }
            attempts.again().await.map_err(|error| doubt.about(error))?;
        }
    }
}

/// Whether an attempt was left without a clear answer. The SDK repeats attempts and reports only the last one, which
/// may have been throttled after an earlier one that happened.
#[derive(Debug, Clone, Default)]
struct Doubt(Arc<AtomicBool>);

impl Doubt {
    fn set(&self, doubt: bool) {
        self.0.store(doubt, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn about(&self, error: StoreError) -> StoreError {
        if self.is_set() { error.in_doubt() } else { error }
    }
}

impl Intercept for Doubt {
    fn name(&self) -> &'static str {
        "doubt"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Only a success and a refusal are clear; a lost answer and an internal error may hide an effect.
        let clear = |status: u16| (200..500).contains(&status);
        if !context.response().is_some_and(|response| clear(response.status().as_u16())) {
            self.set(true);
        }
        Ok(())
    }
}

/// A token by which `DynamoDB` recognises one attempt, however often it arrives: at most 36 characters.
fn client_token() -> String {
    format!("{:032x}", fastrand::u128(..))
}

fn is_contention(reason: &CancellationReason) -> bool {
    match reason.code() {
        None | Some("None" | "TransactionConflict") => true,
        Some(code) => THROTTLING.contains(&code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Key, Table};

    fn reason(code: &str) -> CancellationReason {
        CancellationReason::builder().code(code).build()
    }

    fn txn() -> Txn<&'static str> {
        let delete = || Write::delete(Table::Auth, Key::single("x"));
        let mut txn = Txn::default();
        txn.push(delete());
        txn.push(delete().if_absent().or_stale());
        txn.push(delete().if_absent().or("first"));
        txn.push(delete().if_absent().or("second"));
        txn.push(delete().if_absent().or_already_answered());
        txn
    }

    fn verdict(codes: [&str; 5]) -> Option<CommitError<&'static str>> {
        txn().verdict(&codes.map(reason))
    }

    const FAILED: &str = "ConditionalCheckFailed";

    #[test]
    fn failures_are_named_by_position_and_the_first_refusal_wins() {
        assert_eq!(verdict(["None", "None", FAILED, FAILED, "None"]), Some(CommitError::Refused("first")));
        assert_eq!(verdict(["None", "None", "None", FAILED, "None"]), Some(CommitError::Refused("second")));
        assert_eq!(verdict(["None", FAILED, "None", "None", "None"]), Some(CommitError::Stale));
    }

    #[test]
    fn a_refusal_on_old_data_is_decided_again() {
        assert_eq!(verdict(["None", FAILED, FAILED, "None", "None"]), Some(CommitError::Stale));
    }

    #[test]
    fn an_answered_key_outranks_the_refusal_its_own_first_effect_causes() {
        assert_eq!(verdict(["None", "None", FAILED, "None", FAILED]), Some(CommitError::AlreadyAnswered));
    }

    #[test]
    fn contention_is_no_verdict() {
        assert_eq!(verdict(["None", "TransactionConflict", "None", "None", "None"]), None);
        assert!(is_contention(&reason("TransactionConflict")) && is_contention(&reason("ThrottlingError")));
        assert!(
            !is_contention(&reason("ValidationError")) && !is_contention(&reason("ItemCollectionSizeLimitExceeded"))
        );
    }
}
