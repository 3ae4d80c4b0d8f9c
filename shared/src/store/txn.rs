//! Transactions whose conditions have names.
//!
//! Every conditional write says what its failure means; `DynamoDB` reports failures by position, so no message is ever
//! searched for text (design §3).

mod joined;

pub(super) use joined::Joined;

use super::error::THROTTLING;
use super::read::text;
use super::search::{IndexChange, WritesBefore};
use super::{Attempts, Attributes, Key, Store, StoreError, Table, generation};
use crate::limits::MAX_TRANSACTION_ACTIONS;
use aws_sdk_dynamodb::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::{BoxError, ProvideErrorMetadata};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::TransactWriteItemBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem, Update,
};
use serde::Serialize;
use std::collections::HashMap;
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

/// What a failed condition means.
#[derive(Debug, Clone)]
enum Meaning<R> {
    Refused(R),
    Stale,
    AlreadyAnswered,
}

#[derive(Debug, Clone)]
enum Kind {
    Put(Attributes),
    Update(Key, &'static str),
    Delete(Key),
    Check(Key),
}

/// Holds if no item has the key.
const ABSENT: &str = "attribute_not_exists(pk)";
/// The update expression that moves a counter.
const COUNT: &str = "ADD n :change";
/// The value in [`COUNT`] by which the counter moves.
const CHANGE: &str = ":change";

/// What a write does where nothing is stored yet.
#[derive(Debug)]
pub(super) enum InitialEffect {
    /// Creates this item.
    Item(Table, Attributes),
    /// Moves this counter by this number.
    Count(Table, Key, i64),
    /// Nothing: the write only removes or checks.
    Nothing,
}

/// One write, not yet conditional.
#[derive(Debug, Clone)]
pub struct Write {
    table: Table,
    kind: Kind,
    condition: Option<&'static str>,
    values: Vec<(&'static str, AttributeValue)>,
    /// A name for expressions, and the attribute it stands for, whose own name is one of `DynamoDB`'s reserved words.
    renamed: Option<(&'static str, &'static str)>,
}

impl Write {
    /// Writes a complete item.
    pub fn put<T: Serialize>(table: Table, item: &T) -> Result<Self, StoreError> {
        Ok(Self::of(table, Kind::Put(serde_dynamo::to_item(item)?)))
    }

    /// Changes attributes by an update expression.
    #[must_use]
    pub fn update(table: Table, key: Key, expression: &'static str) -> Self {
        Self::of(table, Kind::Update(key, expression))
    }

    /// Moves a counter. Only inside a transaction: sent alone, it would count twice if an answer is lost.
    #[must_use]
    pub fn count(table: Table, key: Key, change: i64) -> Self {
        Self::update(table, key, COUNT).number(CHANGE, change)
    }

    /// Removes an item.
    #[must_use]
    pub fn delete(table: Table, key: Key) -> Self {
        Self::of(table, Kind::Delete(key))
    }

    /// Requires that an item exists, without writing it.
    pub fn check_exists(table: Table, key: Key) -> Conditional {
        Self::check(table, key).if_exists()
    }

    /// Checks an item without writing it.
    #[must_use]
    pub fn check(table: Table, key: Key) -> Self {
        Self::of(table, Kind::Check(key))
    }

    const fn of(table: Table, kind: Kind) -> Self {
        Self { table, kind, condition: None, values: Vec::new(), renamed: None }
    }

    /// Binds a text value of an expression.
    #[must_use]
    pub fn text(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.values.push((name, AttributeValue::S(value.into())));
        self
    }

    /// Binds a number of an expression.
    #[must_use]
    pub fn number(mut self, name: &'static str, value: i64) -> Self {
        self.values.push((name, AttributeValue::N(value.to_string())));
        self
    }

    /// Lets expressions call an attribute by another name, which begins with `#`.
    #[must_use]
    pub fn calling(mut self, name: &'static str, attribute: &'static str) -> Self {
        self.renamed = Some((name, attribute));
        self
    }

    /// Only if no item has this key.
    pub fn if_absent(self) -> Conditional {
        self.if_(ABSENT)
    }

    /// Only if an item has this key.
    pub fn if_exists(self) -> Conditional {
        self.if_("attribute_exists(pk)")
    }

    /// Only if the item is still at this version.
    pub fn if_version(self, version: i64) -> Conditional {
        self.number(":seen", version).if_("v = :seen")
    }

    /// Only if `condition` holds.
    pub fn if_(mut self, condition: &'static str) -> Conditional {
        self.condition = Some(condition);
        Conditional(self)
    }

    /// Whether it only creates an item, demands that one is absent, or counts. A condition on a counter's generation is
    /// allowed: generations change only where others write.
    pub(super) fn creates(&self) -> bool {
        match &self.kind {
            Kind::Put(_) => matches!(self.condition, None | Some(ABSENT)),
            Kind::Update(_, COUNT) => self.condition.is_none_or(generation::is_unchanged),
            Kind::Check(_) => self.condition == Some(ABSENT),
            Kind::Update(..) | Kind::Delete(_) => false,
        }
    }

    /// The key that it demands to be absent.
    pub(super) fn must_be_new(&self) -> Option<(Table, Key)> {
        (self.condition == Some(ABSENT)).then(|| self.item())
    }

    /// What it does where nothing is stored yet, regardless of its condition.
    pub(super) fn initial_effect(self) -> Result<InitialEffect, StoreError> {
        match self.kind {
            Kind::Put(item) => Ok(InitialEffect::Item(self.table, item)),
            Kind::Update(ref key, COUNT) => {
                let change = self.change();
                let change = change.ok_or_else(|| StoreError::Refused(format!("no number to count {}", key.pk)))?;
                Ok(InitialEffect::Count(self.table, key.clone(), change))
            }
            Kind::Update(key, _) => Err(StoreError::Refused(format!("{} would be changed, not created", key.pk))),
            Kind::Delete(_) | Kind::Check(_) => Ok(InitialEffect::Nothing),
        }
    }

    /// The item that it writes or checks.
    fn item(&self) -> (Table, Key) {
        let key = match &self.kind {
            Kind::Put(attributes) => Key {
                pk: text(attributes, "pk").unwrap_or_default().to_owned(),
                sk: text(attributes, "sk").map(str::to_owned),
            },
            Kind::Update(key, _) | Kind::Delete(key) | Kind::Check(key) => key.clone(),
        };
        (self.table, key)
    }

    /// By how much it moves a counter, if it does.
    fn change(&self) -> Option<i64> {
        let (_, change) = self.values.iter().find(|(name, _)| *name == CHANGE)?;
        change.as_n().ok()?.parse().ok()
    }

    fn build(&self, store: &Store) -> Result<TransactWriteItem, StoreError> {
        let table = store.table_name(self.table);
        let values = (!self.values.is_empty())
            .then(|| self.values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect());
        let condition = self.condition.map(str::to_owned);
        let names = self.renamed.map(|(name, attribute)| HashMap::from([(name.to_owned(), attribute.to_owned())]));
        let item = TransactWriteItem::builder();
        let built = match &self.kind {
            Kind::Put(attributes) => Put::builder()
                .table_name(table)
                .set_item(Some(attributes.clone()))
                .set_condition_expression(condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .build()
                .map(|put| item.put(put)),
            Kind::Update(key, expression) => Update::builder()
                .table_name(table)
                .set_key(Some(key.attributes()))
                .update_expression(*expression)
                .set_condition_expression(condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .build()
                .map(|update| item.update(update)),
            Kind::Delete(key) => Delete::builder()
                .table_name(table)
                .set_key(Some(key.attributes()))
                .set_condition_expression(condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .build()
                .map(|delete| item.delete(delete)),
            Kind::Check(key) => ConditionCheck::builder()
                .table_name(table)
                .set_key(Some(key.attributes()))
                .set_condition_expression(condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .build()
                .map(|check| item.condition_check(check)),
        };
        built.map(TransactWriteItemBuilder::build).map_err(|error| StoreError::Refused(error.to_string()))
    }
}

/// A conditional write that has not said yet what its failure means.
#[derive(Debug, Clone)]
#[must_use = "say what the failure means: .or(…) or .or_stale()"]
pub struct Conditional(Write);

impl Conditional {
    /// The failure is this refusal.
    pub fn or<R>(self, refusal: R) -> Step<R> {
        Step { write: self.0, meaning: Some(Meaning::Refused(refusal)) }
    }

    /// The failure means that the decision was taken on old data.
    pub fn or_stale<R>(self) -> Step<R> {
        Step { write: self.0, meaning: Some(Meaning::Stale) }
    }

    pub(super) fn or_already_answered<R>(self) -> Step<R> {
        Step { write: self.0, meaning: Some(Meaning::AlreadyAnswered) }
    }
}

/// A write with the meaning of its failure.
#[derive(Debug, Clone)]
pub struct Step<R> {
    write: Write,
    meaning: Option<Meaning<R>>,
}

impl<R> From<Write> for Step<R> {
    fn from(write: Write) -> Self {
        Self { write, meaning: None }
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
    pub(super) fn into_writes(self) -> impl Iterator<Item = Write> {
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
