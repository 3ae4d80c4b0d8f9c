//! Counts what each request costs: round trips, capacity units, and which grant every call needed.
//!
//! An interceptor on the one client sees every call, so no store function can forget to be counted.

use super::Attributes;
use super::grants::{Action, AuthItem, Grant};
use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::batch_write_item::{BatchWriteItemInput, BatchWriteItemOutput};
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemInput, DeleteItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity, TransactWriteItem, WriteRequest};
use aws_smithy_runtime_api::client::interceptors::context::{Input, Output};
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

tokio::task_local! {
    static METER: Arc<Mutex<Readings>>;
}

/// The permission that one call needs: action, deployed table name, index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    pub action: Action,
    /// The deployed table name.
    pub table: String,
    /// The index that was queried.
    pub index: Option<String>,
    /// The kind of item, if the table is `auth`.
    pub item: Option<AuthItem>,
}

/// What one request has cost so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Readings {
    /// Attempts sent to `DynamoDB` and S3, retries included.
    pub calls: u32,
    /// The longest chain of calls that each began after the one before had ended: what the caller waits for.
    pub round_trips: u32,
    /// Read request units.
    pub read_units: f64,
    /// Write request units.
    pub write_units: f64,
    /// Waits for contention or throttling.
    pub retries: u32,
    /// Runs of the password hash: each takes more processor time than all the rest of a request.
    pub hashes: u32,
    /// Which grants were needed.
    pub uses: BTreeSet<Use>,
    /// Which grants on files were needed.
    pub files: BTreeSet<Grant>,
    /// Whether a user's token was derived.
    pub tokens: bool,
    /// The longest chain that has ended.
    finished: u32,
}

/// Runs `work` and returns what it cost. Metered work inside metered work counts for both.
pub async fn metered<F: Future>(work: F) -> (F::Output, Readings) {
    let meter = Arc::new(Mutex::new(Readings::default()));
    let output = METER.scope(Arc::clone(&meter), work).await;
    let readings = meter.lock().unwrap_or_else(PoisonError::into_inner).clone();
    update(|outer| {
        outer.calls = outer.calls.saturating_add(readings.calls);
        outer.round_trips = outer.round_trips.saturating_add(readings.round_trips);
        outer.read_units += readings.read_units;
        outer.write_units += readings.write_units;
        outer.retries = outer.retries.saturating_add(readings.retries);
        outer.hashes = outer.hashes.saturating_add(readings.hashes);
        outer.uses.extend(readings.uses.iter().cloned());
        outer.files.extend(readings.files.iter().copied());
        outer.tokens |= readings.tokens;
    });
    (output, readings)
}

/// Notes that a call to the file store needs this grant. The store's own client counts the call.
pub fn files_used(grant: Grant) {
    update(|readings| {
        readings.files.insert(grant);
    });
}

pub(super) fn retried() {
    update(|readings| readings.retries = readings.retries.saturating_add(1));
}

/// Notes that a user's token was derived.
pub(crate) fn token_derived() {
    update(|readings| readings.tokens = true);
}

/// Notes a run of the password hash.
pub(crate) fn hashed() {
    update(|readings| readings.hashes = readings.hashes.saturating_add(1));
}

/// Outside a metered request (start-up, operator work) nothing is counted.
fn update(change: impl FnOnce(&mut Readings)) {
    let _ = METER.try_with(|meter| change(&mut meter.lock().unwrap_or_else(PoisonError::into_inner)));
}

/// The length of the chain that ends with one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Depth(u32);

/// The depth of a call that goes out now. A call that the gate held back carries this depth in its answer, since the
/// depth noted when it was asked for is too small.
pub(super) fn depth_of_next() -> Option<Depth> {
    METER
        .try_with(|meter| {
            let mut readings = meter.lock().unwrap_or_else(PoisonError::into_inner);
            let depth = readings.finished.saturating_add(1);
            readings.round_trips = readings.round_trips.max(depth);
            Depth(depth)
        })
        .ok()
}

impl Storable for Depth {
    type Storer = StoreReplace<Self>;
}

/// Counts the calls of one client; for calls to `DynamoDB`, their units and grants too.
#[derive(Debug)]
pub struct MeterInterceptor;

macro_rules! ask_for_capacity {
    ($context:expr, $($input:ty),+) => {
        $(if let Some(input) = $context.input_mut().downcast_mut::<$input>() {
            input.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
        })+
    };
}

impl Intercept for MeterInterceptor {
    fn name(&self) -> &'static str {
        "meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        ask_for_capacity!(
            context,
            GetItemInput,
            BatchGetItemInput,
            QueryInput,
            PutItemInput,
            UpdateItemInput,
            DeleteItemInput,
            BatchWriteItemInput,
            TransactWriteItemsInput
        );
        let needs = needs(context.input());
        update(|readings| readings.uses.extend(needs));
        Ok(())
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(depth) = depth_of_next() {
            bag.interceptor_state().store_put(depth);
        }
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        update(|readings| readings.calls = readings.calls.saturating_add(1));
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let kept_back = context.response().and_then(|response| response.extension::<Depth>());
        if let Some(Depth(depth)) = kept_back.or_else(|| bag.load::<Depth>()) {
            update(|readings| readings.finished = readings.finished.max(*depth));
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Ok(output) = context.output_or_error() {
            let (read, write) = consumed(output);
            update(|readings| {
                readings.read_units += read;
                readings.write_units += write;
            });
        }
        Ok(())
    }
}

fn needs(input: &Input) -> Vec<Use> {
    if let Some(input) = input.downcast_ref::<GetItemInput>() {
        vec![of_item(Action::GetItem, table(&input.table_name), input.key.as_ref())]
    } else if let Some(input) = input.downcast_ref::<QueryInput>() {
        let index = input.index_name.clone();
        vec![Use { index, ..of_item(Action::Query, table(&input.table_name), None) }]
    } else if let Some(input) = input.downcast_ref::<PutItemInput>() {
        vec![of_item(Action::PutItem, table(&input.table_name), input.item.as_ref())]
    } else if let Some(input) = input.downcast_ref::<UpdateItemInput>() {
        vec![of_item(Action::UpdateItem, table(&input.table_name), input.key.as_ref())]
    } else if let Some(input) = input.downcast_ref::<DeleteItemInput>() {
        vec![of_item(Action::DeleteItem, table(&input.table_name), input.key.as_ref())]
    } else if let Some(input) = input.downcast_ref::<BatchGetItemInput>() {
        let tables = input.request_items.iter().flatten();
        let items = tables.flat_map(|(table, items)| items.keys.iter().map(move |key| (table, key)));
        items.map(|(table, key)| of_item(Action::BatchGetItem, table, Some(key))).collect()
    } else if let Some(input) = input.downcast_ref::<BatchWriteItemInput>() {
        let tables = input.request_items.iter().flatten();
        let items = tables.flat_map(|(table, writes)| writes.iter().map(move |write| (table, written(write))));
        items.map(|(table, key)| of_item(Action::BatchWriteItem, table, key)).collect()
    } else if let Some(input) = input.downcast_ref::<TransactWriteItemsInput>() {
        input.transact_items.iter().flatten().filter_map(transaction_need).collect()
    } else {
        Vec::new()
    }
}

#[allow(clippy::ref_option, reason = "the SDK keeps it so")]
fn table(name: &Option<String>) -> &str {
    name.as_deref().unwrap_or_default()
}

/// The use of one item, given by its key or as a complete item.
fn of_item(action: Action, table: &str, key: Option<&Attributes>) -> Use {
    let key = key.and_then(|key| key.get("pk")).and_then(|value| value.as_s().ok());
    Use { action, table: table.to_owned(), index: None, item: key.and_then(|key| AuthItem::of_key(key)) }
}

/// The item or key of one write of a batch.
fn written(write: &WriteRequest) -> Option<&Attributes> {
    let put = write.put_request().map(aws_sdk_dynamodb::types::PutRequest::item);
    put.or_else(|| write.delete_request().map(aws_sdk_dynamodb::types::DeleteRequest::key))
}

/// A transaction needs the permission of each action it holds.
fn transaction_need(item: &TransactWriteItem) -> Option<Use> {
    if let Some(put) = item.put() {
        Some(of_item(Action::PutItem, put.table_name(), Some(put.item())))
    } else if let Some(update) = item.update() {
        Some(of_item(Action::UpdateItem, update.table_name(), Some(update.key())))
    } else if let Some(delete) = item.delete() {
        Some(of_item(Action::DeleteItem, delete.table_name(), Some(delete.key())))
    } else {
        let check = item.condition_check()?;
        Some(of_item(Action::ConditionCheckItem, check.table_name(), Some(check.key())))
    }
}

/// Read and write units of an answer.
fn consumed(output: &Output) -> (f64, f64) {
    let units =
        |capacity: Option<&ConsumedCapacity>| capacity.and_then(ConsumedCapacity::capacity_units).unwrap_or(0.0);
    let total = |all: &[ConsumedCapacity]| all.iter().map(|one| units(Some(one))).sum::<f64>();
    if let Some(output) = output.downcast_ref::<GetItemOutput>() {
        (units(output.consumed_capacity()), 0.0)
    } else if let Some(output) = output.downcast_ref::<QueryOutput>() {
        (units(output.consumed_capacity()), 0.0)
    } else if let Some(output) = output.downcast_ref::<BatchGetItemOutput>() {
        (total(output.consumed_capacity()), 0.0)
    } else if let Some(output) = output.downcast_ref::<PutItemOutput>() {
        (0.0, units(output.consumed_capacity()))
    } else if let Some(output) = output.downcast_ref::<UpdateItemOutput>() {
        (0.0, units(output.consumed_capacity()))
    } else if let Some(output) = output.downcast_ref::<DeleteItemOutput>() {
        (0.0, units(output.consumed_capacity()))
    } else if let Some(output) = output.downcast_ref::<BatchWriteItemOutput>() {
        (0.0, total(output.consumed_capacity()))
    } else if let Some(output) = output.downcast_ref::<TransactWriteItemsOutput>() {
        (0.0, total(output.consumed_capacity()))
    } else {
        (0.0, 0.0)
    }
}
