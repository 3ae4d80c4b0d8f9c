//! Makes a table of a deployment equal to another table, which was restored from a point in time or left by a removed
//! stack. Both are read completely, and only what differs is written.

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, KeySchemaElement, PutRequest, WriteRequest};
use ring::digest::{Context as Digest, SHA256};
use shared::store::StoreError;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::sleep;

/// Items that one request writes.
const BATCH: usize = 25;
/// How often a write that `DynamoDB` throttles is tried.
const ATTEMPTS: u32 = 10;

type Item = HashMap<String, AttributeValue>;

/// The digest of a key or an item, kept in place of it: with its key, an item takes some 200 bytes of memory.
type Mark = [u8; 32];

/// What was, or would be, changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Items that are the same in both.
    pub same: u64,
    /// Items that were missing or different.
    pub written: u64,
    /// Items that the other table does not have.
    pub deleted: u64,
}

/// Makes `target` hold what `source` holds; with `dry`, only counts. `progress` is called for each item read.
pub async fn restore(
    client: &Client,
    source: &str,
    target: &str,
    dry: bool,
    mut progress: impl FnMut(),
) -> Result<Changes> {
    ensure!(source != target, "{source} is the deployment's own table: name the one to restore from");
    let keys = key_names(client, target).await?;
    ensure!(
        keys == key_names(client, source).await?,
        "{source} has other keys than {target}: it is no earlier state of that table"
    );
    let mut present: HashMap<Mark, (Mark, Item)> = HashMap::new();
    let mut pages = Pages::of(client, target);
    while let Some(items) = pages.next().await? {
        for item in items {
            progress();
            let key = key_of(&item, &keys);
            present.insert(mark(&key), (mark(&item), key));
        }
    }
    let (mut changes, mut writes) = (Changes::default(), Writes::new(client, target, dry));
    let mut pages = Pages::of(client, source);
    while let Some(items) = pages.next().await? {
        for item in items {
            progress();
            match present.remove(&mark(&key_of(&item, &keys))) {
                Some((same, _)) if same == mark(&item) => changes.same = changes.same.saturating_add(1),
                _ => {
                    changes.written = changes.written.saturating_add(1);
                    writes.put(item).await?;
                }
            }
        }
    }
    for (_, key) in present.into_values() {
        changes.deleted = changes.deleted.saturating_add(1);
        writes.delete(key).await?;
    }
    writes.flush().await?;
    Ok(changes)
}

async fn key_names(client: &Client, table: &str) -> Result<Vec<String>> {
    let described = client.describe_table().table_name(table).send().await;
    let described = described.map_err(StoreError::from);
    let described = described.with_context(|| format!("cannot look at the table {table}"))?;
    let keys = described.table().map(|table| table.key_schema().iter().map(KeySchemaElement::attribute_name));
    Ok(keys.with_context(|| format!("the table {table} is not described"))?.map(str::to_owned).collect())
}

fn key_of(item: &Item, keys: &[String]) -> Item {
    keys.iter().filter_map(|name| Some((name.clone(), item.get(name)?.clone()))).collect()
}

/// All items of a table, page by page.
struct Pages<'a> {
    client: &'a Client,
    table: &'a str,
    after: Option<Item>,
    is_over: bool,
}

impl<'a> Pages<'a> {
    const fn of(client: &'a Client, table: &'a str) -> Self {
        Self { client, table, after: None, is_over: false }
    }

    async fn next(&mut self) -> Result<Option<Vec<Item>>> {
        if self.is_over {
            return Ok(None);
        }
        let page = self.client.scan().table_name(self.table).consistent_read(true);
        let page = page.set_exclusive_start_key(self.after.take()).send().await;
        let page = page.map_err(StoreError::from);
        let page = page.with_context(|| format!("cannot read the table {}", self.table))?;
        self.after = page.last_evaluated_key;
        self.is_over = self.after.is_none();
        Ok(Some(page.items.unwrap_or_default()))
    }
}

/// Writes to a table, collected into batches.
struct Writes<'a> {
    client: &'a Client,
    table: &'a str,
    dry: bool,
    waiting: Vec<WriteRequest>,
}

impl<'a> Writes<'a> {
    const fn new(client: &'a Client, table: &'a str, dry: bool) -> Self {
        Self { client, table, dry, waiting: Vec::new() }
    }

    async fn put(&mut self, item: Item) -> Result<()> {
        let put = PutRequest::builder().set_item(Some(item)).build()?;
        self.add(WriteRequest::builder().put_request(put).build()).await
    }

    async fn delete(&mut self, key: Item) -> Result<()> {
        let delete = DeleteRequest::builder().set_key(Some(key)).build()?;
        self.add(WriteRequest::builder().delete_request(delete).build()).await
    }

    async fn add(&mut self, request: WriteRequest) -> Result<()> {
        if !self.dry {
            self.waiting.push(request);
        }
        if self.waiting.len() < BATCH { Ok(()) } else { self.flush().await }
    }

    async fn flush(&mut self) -> Result<()> {
        let mut waiting = std::mem::take(&mut self.waiting);
        for attempt in 0..ATTEMPTS {
            if waiting.is_empty() {
                return Ok(());
            }
            if attempt > 0 {
                sleep(Duration::from_millis(50_u64.saturating_mul(1 << attempt))).await;
            }
            let written = self.client.batch_write_item().request_items(self.table, waiting).send().await;
            let written = written.map_err(StoreError::from);
            let written = written.with_context(|| format!("cannot write the table {}", self.table))?;
            let left = written.unprocessed_items.unwrap_or_default();
            waiting = left.into_values().flatten().collect();
        }
        if waiting.is_empty() {
            Ok(())
        } else {
            bail!(
                "the table {} is throttled and only part of the change is written: run the same command again in a minute",
                self.table
            )
        }
    }
}

/// The digest of an item, whatever the order of its attributes.
fn mark(item: &Item) -> Mark {
    let mut digest = Digest::new(&SHA256);
    add_members(&mut digest, item);
    digest.finish().as_ref().try_into().unwrap_or([0; 32])
}

fn add_members(digest: &mut Digest, members: &Item) {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by_key(|(name, _)| *name);
    add_count(digest, b'M', members.len());
    for (name, value) in members {
        add_text(digest, b'K', name.as_bytes());
        add(digest, value);
    }
}

fn add(digest: &mut Digest, value: &AttributeValue) {
    let set = |digest: &mut Digest, kind: u8, mut values: Vec<&[u8]>| {
        values.sort_unstable();
        add_count(digest, kind, values.len());
        for value in values {
            add_text(digest, kind, value);
        }
    };
    match value {
        AttributeValue::S(text) => add_text(digest, b'S', text.as_bytes()),
        AttributeValue::N(number) => add_text(digest, b'N', number.as_bytes()),
        AttributeValue::B(bytes) => add_text(digest, b'B', bytes.as_ref()),
        AttributeValue::Bool(yes) => add_text(digest, b'?', &[u8::from(*yes)]),
        AttributeValue::M(members) => add_members(digest, members),
        AttributeValue::L(values) => {
            add_count(digest, b'L', values.len());
            for value in values {
                add(digest, value);
            }
        }
        AttributeValue::Ss(texts) => set(digest, b's', texts.iter().map(String::as_bytes).collect()),
        AttributeValue::Ns(numbers) => set(digest, b'n', numbers.iter().map(String::as_bytes).collect()),
        AttributeValue::Bs(all) => set(digest, b'b', all.iter().map(AsRef::as_ref).collect()),
        // Null, and kinds that no item of ours has.
        _ => add_count(digest, b'0', 0),
    }
}

/// Adds a text with its length, so that it cannot run into what comes after it.
fn add_text(digest: &mut Digest, kind: u8, text: &[u8]) {
    add_count(digest, kind, text.len());
    digest.update(text);
}

fn add_count(digest: &mut Digest, kind: u8, count: usize) {
    digest.update(&[kind]);
    digest.update(&u64::try_from(count).unwrap_or(u64::MAX).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(members: &[(&str, AttributeValue)]) -> Item {
        members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn items_are_the_same_whatever_the_order_and_others_if_any_value_differs() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let set = |texts: &[&str]| AttributeValue::Ss(texts.iter().map(|text| (*text).to_owned()).collect());
        let one =
            item(&[("a", text("1")), ("b", set(&["x", "y"])), ("c", AttributeValue::M(item(&[("d", text("2"))])))]);
        let same =
            item(&[("c", AttributeValue::M(item(&[("d", text("2"))]))), ("b", set(&["y", "x"])), ("a", text("1"))]);
        assert_eq!(mark(&one), mark(&same));
        for other in [
            item(&[("a", AttributeValue::N("1".into()))]),
            item(&[("a", text("12"))]),
            item(&[("a1", text(""))]),
            item(&[("a", AttributeValue::L(vec![text("1")]))]),
            item(&[("a", AttributeValue::Null(true))]),
            item(&[("a", AttributeValue::Bool(true))]),
            item(&[]),
        ] {
            assert_ne!(mark(&item(&[("a", text("1"))])), mark(&other), "{other:?}");
        }
    }
}
