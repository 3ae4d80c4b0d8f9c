//! One write of a transaction, its condition, and what a failure of the condition means.
//!
//! Every conditional write says what its failure means; `DynamoDB` reports failures by position, so no message is ever
//! searched for text (design §3).

use super::read::text;
use super::{Attributes, Key, Store, StoreError, Table};
use aws_sdk_dynamodb::types::builders::TransactWriteItemBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update};
use serde::Serialize;
use std::collections::HashMap;

/// What a failed condition means.
#[derive(Debug, Clone)]
pub(super) enum Meaning<R> {
    Refused(R),
    Stale,
    AlreadyAnswered,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Put(Attributes),
    Update(Key, &'static str),
    Delete(Key),
    Check(Key),
}

/// Holds if no item has the key.
const ABSENT: &str = "attribute_not_exists(pk)";
/// The condition for counting on a shard that is never removed.
pub(super) const UNCHANGED: &str = "attribute_not_exists(gen) OR gen = :generation";
/// The condition for counting on a shard that is removed once everything it counts is gone.
pub(super) const UNCHANGED_AND_THERE: &str =
    "attribute_exists(pk) AND (attribute_not_exists(gen) OR gen = :generation)";

/// Whether a condition demands that a counter's shard still has the generation that was read.
pub(super) fn is_unchanged(condition: &str) -> bool {
    [UNCHANGED, UNCHANGED_AND_THERE].contains(&condition)
}

/// The attribute of a counter's item that holds its number.
pub const COUNTED: &str = "n";
/// The update expression that moves a counter.
pub(super) const COUNT: &str = "ADD n :change";
/// The value in [`COUNT`] by which the counter moves.
pub(super) const CHANGE: &str = ":change";

/// What a write does where nothing is stored yet.
#[derive(Debug)]
pub enum InitialEffect {
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
    pub(super) table: Table,
    pub(super) kind: Kind,
    pub(super) condition: Option<&'static str>,
    pub(super) values: Vec<(&'static str, AttributeValue)>,
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

    pub(super) const fn of(table: Table, kind: Kind) -> Self {
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
    #[must_use]
    pub fn creates(&self) -> bool {
        match &self.kind {
            Kind::Put(_) => matches!(self.condition, None | Some(ABSENT)),
            Kind::Update(_, COUNT) => self.condition.is_none_or(is_unchanged),
            Kind::Check(_) => self.condition == Some(ABSENT),
            Kind::Update(..) | Kind::Delete(_) => false,
        }
    }

    /// The key that it demands to be absent.
    #[must_use]
    pub fn must_be_new(&self) -> Option<(Table, Key)> {
        (self.condition == Some(ABSENT)).then(|| self.item())
    }

    /// What it does where nothing is stored yet, regardless of its condition.
    pub fn initial_effect(self) -> Result<InitialEffect, StoreError> {
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
    pub(super) fn item(&self) -> (Table, Key) {
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
    pub(super) fn change(&self) -> Option<i64> {
        let (_, change) = self.values.iter().find(|(name, _)| *name == CHANGE)?;
        change.as_n().ok()?.parse().ok()
    }

    pub(super) fn build(&self, store: &Store) -> Result<TransactWriteItem, StoreError> {
        let table = store.table_name(self.table);
        let values = (!self.values.is_empty())
            .then(|| self.values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect());
        let condition = self.condition.map(str::to_owned);
        let names = self.renamed.map(|(name, attribute)| HashMap::from([(name.to_owned(), attribute.to_owned())]));
        let item = TransactWriteItem::builder();
        // The SDK's four builders share no trait.
        macro_rules! built {
            ($builder:expr, $kind:ident) => {
                $builder
                    .table_name(table)
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .build()
                    .map(|built| item.$kind(built))
            };
        }
        let at = |key: &Key| Some(key.attributes());
        let built = match &self.kind {
            Kind::Put(attributes) => built!(Put::builder().set_item(Some(attributes.clone())), put),
            Kind::Update(key, change) => built!(Update::builder().set_key(at(key)).update_expression(*change), update),
            Kind::Delete(key) => built!(Delete::builder().set_key(at(key)), delete),
            Kind::Check(key) => built!(ConditionCheck::builder().set_key(at(key)), condition_check),
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
    pub(super) write: Write,
    pub(super) meaning: Option<Meaning<R>>,
}

impl<R> From<Write> for Step<R> {
    fn from(write: Write) -> Self {
        Self { write, meaning: None }
    }
}
