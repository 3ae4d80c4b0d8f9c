//! Reading: one item, many items, one partition.

use super::{Attempts, Attributes, Key, Store, StoreError, Table};
use crate::limits::{MAX_BATCH_GET, MAX_BATCH_WRITE, MAX_PARALLEL};
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The name of an index and its two key attributes.
pub(crate) type Index = (&'static str, &'static str, &'static str);

/// A query of one partition: of the table, unless an index is named; from the lowest sort key up, unless descending.
#[derive(Debug, Clone)]
pub(crate) struct Partition<'a> {
    table: Table,
    index: Option<Index>,
    pk: &'a str,
    range: Range<'a>,
    descending: bool,
    page_size: Option<i32>,
}

impl<'a> Partition<'a> {
    /// All of a partition.
    pub(crate) const fn of(table: Table, pk: &'a str) -> Self {
        Self { table, index: None, pk, range: Range::All, descending: false, page_size: None }
    }

    /// The partition of an index.
    pub(crate) const fn index(self, index: Index) -> Self {
        Self { index: Some(index), ..self }
    }

    /// Only these sort keys.
    pub(crate) const fn range(self, range: Range<'a>) -> Self {
        Self { range, ..self }
    }

    pub(crate) const fn begins_with(self, start: &'a str) -> Self {
        self.range(Range::BeginsWith(start))
    }

    /// From `low` to `high`, both included.
    pub(crate) const fn between(self, low: &'a str, high: &'a str) -> Self {
        self.range(Range::Between(low, high))
    }

    pub(crate) const fn above(self, low: &'a str) -> Self {
        self.range(Range::Above(low))
    }

    pub(crate) const fn below(self, high: &'a str) -> Self {
        self.range(Range::Below(high))
    }

    /// From the highest sort key down.
    pub(crate) const fn descending(self) -> Self {
        self.descending_if(true)
    }

    pub(crate) const fn descending_if(self, descending: bool) -> Self {
        Self { descending, ..self }
    }

    /// Entries of one page; without a number, as many as fit into one answer.
    pub(crate) fn page_size(self, entries: impl Into<Option<i32>>) -> Self {
        Self { page_size: entries.into(), ..self }
    }
}

/// Which sort keys of the partition.
#[derive(Debug, Clone)]
pub(crate) enum Range<'a> {
    All,
    BeginsWith(&'a str),
    Between(&'a str, &'a str),
    Above(&'a str),
    Below(&'a str),
}

/// One page of a query and where the next one starts.
pub(crate) struct Page {
    pub items: Vec<Attributes>,
    pub next: Option<Attributes>,
}

impl Store {
    /// Reads one item, always its newest state: clients read what they have just written.
    pub(crate) async fn get<T: DeserializeOwned>(&self, table: Table, key: &Key) -> Result<Option<T>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(self.table_name(table))
            .set_key(Some(key.attributes()))
            .consistent_read(true)
            .send()
            .await?;
        Ok(answer.item.map(serde_dynamo::from_item).transpose()?)
    }

    /// Reads two items of two tables in one request, each in its newest state: a second request at the same time would need
    /// a connection of its own.
    pub(crate) async fn get_both<A: DeserializeOwned, B: DeserializeOwned>(
        &self,
        (first, first_key): (Table, &Key),
        (second, second_key): (Table, &Key),
    ) -> Result<(Option<A>, Option<B>), StoreError> {
        let one = |key: &Key| strongly(vec![key.attributes()]);
        let (first, second) = (self.table_name(first), self.table_name(second));
        let mut attempts = Attempts::default();
        loop {
            let request = self.client.batch_get_item();
            let request = request.request_items(first, one(first_key)?).request_items(second, one(second_key)?);
            let answer = request.send().await?;
            if answer.unprocessed_keys.is_none_or(|left| left.is_empty()) {
                let mut tables = answer.responses.unwrap_or_default();
                let mut found = |name: &str| tables.remove(name).and_then(|items| items.into_iter().next());
                let first = found(first).map(serde_dynamo::from_item).transpose()?;
                return Ok((first, found(second).map(serde_dynamo::from_item).transpose()?));
            }
            attempts.again().await?;
        }
    }

    /// Reads one page of a partition: of a table strongly, of an index as far as the index has caught up.
    pub(crate) async fn page(&self, partition: &Partition<'_>, from: Option<Attributes>) -> Result<Page, StoreError> {
        let (hash, sort) = partition.index.map_or(("pk", "sk"), |(_, hash, sort)| (hash, sort));
        let mut query = self
            .client
            .query()
            .table_name(self.table_name(partition.table))
            .set_index_name(partition.index.map(|(name, _, _)| name.to_owned()))
            .consistent_read(partition.index.is_none())
            .scan_index_forward(!partition.descending)
            .set_limit(partition.page_size)
            .set_exclusive_start_key(from)
            .expression_attribute_values(":pk", AttributeValue::S(partition.pk.to_owned()));
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let condition = match partition.range {
            Range::All => format!("{hash} = :pk"),
            Range::BeginsWith(start) => {
                query = query.expression_attribute_values(":start", text(start));
                format!("{hash} = :pk AND begins_with({sort}, :start)")
            }
            Range::Above(low) => {
                query = query.expression_attribute_values(":low", text(low));
                format!("{hash} = :pk AND {sort} > :low")
            }
            Range::Below(high) => {
                query = query.expression_attribute_values(":high", text(high));
                format!("{hash} = :pk AND {sort} < :high")
            }
            Range::Between(low, high) => {
                query = query.expression_attribute_values(":low", text(low));
                query = query.expression_attribute_values(":high", text(high));
                format!("{hash} = :pk AND {sort} BETWEEN :low AND :high")
            }
        };
        let answer = query.key_condition_expression(condition).send().await?;
        Ok(Page { items: answer.items.unwrap_or_default(), next: answer.last_evaluated_key })
    }

    /// Reads a whole partition, page after page.
    pub(crate) async fn all(&self, partition: &Partition<'_>) -> Result<Vec<Attributes>, StoreError> {
        let mut items = Vec::new();
        let mut from = None;
        loop {
            let page = self.page(partition, from).await?;
            items.extend(page.items);
            from = page.next;
            if from.is_none() {
                return Ok(items);
            }
        }
    }

    /// Reads items by key, in parallel batches; in no order, missing ones left out.
    pub(crate) async fn batch_get(&self, table: Table, keys: &[Key]) -> Result<Vec<Attributes>, StoreError> {
        // Collected before they are streamed: a borrowing closure here would not be `Send` for every lifetime.
        let batches: Vec<_> = keys.chunks(MAX_BATCH_GET).map(|batch| self.one_batch(table, batch.to_vec())).collect();
        let found: Vec<Vec<Attributes>> = stream::iter(batches).buffer_unordered(MAX_PARALLEL).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn one_batch(&self, table: Table, keys: Vec<Key>) -> Result<Vec<Attributes>, StoreError> {
        let name = self.table_name(table);
        let mut wanted = keys.iter().map(Key::attributes).collect::<Vec<_>>();
        let mut found = Vec::new();
        let mut attempts = Attempts::default();
        while !wanted.is_empty() {
            let mut answer = self.client.batch_get_item().request_items(name, strongly(wanted)?).send().await?;
            found.extend(answer.responses.as_mut().and_then(|tables| tables.remove(name)).unwrap_or_default());
            wanted = answer
                .unprocessed_keys
                .as_mut()
                .and_then(|tables| tables.remove(name))
                .map_or_else(Vec::new, |rest| rest.keys);
            if !wanted.is_empty() {
                attempts.again().await?;
            }
        }
        Ok(found)
    }

    /// Writes one complete item over whatever was there: only for items that may be written twice.
    pub(crate) async fn put<T: Serialize>(&self, table: Table, item: &T) -> Result<(), StoreError> {
        let item = serde_dynamo::to_item(item)?;
        self.client.put_item().table_name(self.table_name(table)).set_item(Some(item)).send().await?;
        Ok(())
    }

    /// Removes one item; a missing one is no error.
    pub(crate) async fn delete(&self, table: Table, key: &Key) -> Result<(), StoreError> {
        let name = self.table_name(table);
        self.client.delete_item().table_name(name).set_key(Some(key.attributes())).send().await?;
        Ok(())
    }

    /// Removes items by key, in parallel batches; missing ones are no error.
    pub(crate) async fn batch_delete(&self, table: Table, keys: &[Key]) -> Result<(), StoreError> {
        let delete = |key: &Key| {
            let request = DeleteRequest::builder().set_key(Some(key.attributes())).build();
            let request = request.map_err(|error| StoreError::Refused(error.to_string()))?;
            Ok(WriteRequest::builder().delete_request(request).build())
        };
        self.batch_write(table, keys.iter().map(delete).collect::<Result<_, StoreError>>()?).await
    }

    /// Writes complete items in parallel batches: only items that may be written twice.
    pub(crate) async fn batch_put(&self, table: Table, items: Vec<Attributes>) -> Result<(), StoreError> {
        let put = |item: Attributes| {
            let request = PutRequest::builder().set_item(Some(item)).build();
            let request = request.map_err(|error| StoreError::Refused(error.to_string()))?;
            Ok(WriteRequest::builder().put_request(request).build())
        };
        self.batch_write(table, items.into_iter().map(put).collect::<Result<_, StoreError>>()?).await
    }

    async fn batch_write(&self, table: Table, writes: Vec<WriteRequest>) -> Result<(), StoreError> {
        let batches: Vec<_> =
            writes.chunks(MAX_BATCH_WRITE).map(|batch| self.one_write(table, batch.to_vec())).collect();
        stream::iter(batches).buffer_unordered(MAX_PARALLEL).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    async fn one_write(&self, table: Table, mut writes: Vec<WriteRequest>) -> Result<(), StoreError> {
        let name = self.table_name(table);
        let mut attempts = Attempts::default();
        while !writes.is_empty() {
            let mut answer = self.client.batch_write_item().request_items(name, writes).send().await?;
            writes = answer.unprocessed_items.as_mut().and_then(|tables| tables.remove(name)).unwrap_or_default();
            if !writes.is_empty() {
                attempts.again().await?;
            }
        }
        Ok(())
    }
}

/// What a batch asks for of one table: the newest state of these items.
fn strongly(keys: Vec<Attributes>) -> Result<KeysAndAttributes, StoreError> {
    let request = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
    request.map_err(|error| StoreError::Refused(error.to_string()))
}

/// The text of an attribute.
pub(crate) fn text<'a>(item: &'a Attributes, name: &str) -> Option<&'a str> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
}
