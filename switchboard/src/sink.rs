//! New items by the hundred thousand: straight into an embedded database, many in one of its transactions.
//!
//! Through the SDK each is signed, sent and parsed, and the emulator looks for old entries in every index of the table.
//! Here nothing is old, so nothing is looked for.

use crate::embedded::{answer, read, transport_to};
use anyhow::{Context, Result, anyhow, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use dynoxide::actions::{self, import_items::execute_skip_gsi_deletes};
use dynoxide::errors::DynoxideError;
use dynoxide::storage::Storage;
use dynoxide::{Database, ImportOptions, Item};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use shared::store::bulk::Bulk;
use shared::store::load::Load;
use shared::store::{Endpoint, Store, StoreError, Table, Tables, connect_with};
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// How a connection of our own works: what is written survives the end of this process; the disk is waited for every 64 MB of
/// log, not every four; and enough pages stay in memory for keys that fall anywhere.
const OWN: &str = "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -64000; PRAGMA wal_autocheckpoint = 16000";
/// Statements that stay prepared: a user touches a table and nine indexes.
const STATEMENTS: usize = 128;

/// An embedded database that takes new items.
pub struct Sink(Kind);

enum Kind {
    /// A database that others may be using.
    Shared(Database),
    /// A file of our own.
    File(Mutex<Storage>),
}

impl Sink {
    /// A database that is open, in memory for example.
    #[must_use]
    pub fn shared(database: &Database) -> Self {
        Self(Kind::Shared(database.clone()))
    }

    /// The file of an embedded database. What is written is not waited for: a run that dies leaves a file to throw away.
    pub fn file(path: &Path) -> Result<Self> {
        let text = path.to_str().with_context(|| format!("{} is not a text path", path.display()))?;
        let storage = Storage::new(text).map_err(failed)?;
        storage.enable_bulk_loading().map_err(failed)?;
        Ok(Self(Kind::File(Mutex::new(storage))))
    }

    /// The file of a database that is open and in use, through a connection of our own; what is written is as safe as what
    /// others write. `None` for a database in memory.
    pub fn beside(database: &Database) -> Result<Option<Self>> {
        let Some(path) = database.db_path().map_err(failed)? else { return Ok(None) };
        let storage = Storage::new(&path).map_err(failed)?;
        storage.conn().execute_batch(OWN).map_err(failed)?;
        storage.conn().set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Some(Self(Kind::File(Mutex::new(storage)))))
    }

    /// Writes the items of a load; `name` is what a table is called there.
    pub fn write(&self, load: &mut Load, name: impl Fn(Table) -> String) -> Result<u64> {
        let mut written = 0;
        for (table, items) in load.take() {
            let items: Vec<Item> = items.into_iter().map(item).collect::<Result<_>>()?;
            written += self.put(&name(table), items)?;
        }
        Ok(u64::try_from(written)?)
    }

    fn put(&self, name: &str, items: Vec<Item>) -> Result<usize> {
        let options = ImportOptions::default();
        let imported = match &self.0 {
            Kind::Shared(database) => database.import_items(name, items, options),
            Kind::File(storage) => {
                let storage = storage.lock().unwrap_or_else(PoisonError::into_inner);
                let work = execute_skip_gsi_deletes(&*storage, name, items, &options);
                work.now_or_never().context("the embedded database made us wait")?
            }
        };
        Ok(imported.map_err(failed)?.items_imported)
    }
}

/// A store whose every operation goes through this connection: the few that an import needs. The emulator keeps each
/// answer for ten minutes by the token of its attempt, which an import of many users has no room for; so an attempt that is
/// repeated after its answer was lost fails here by its own conditions.
#[must_use]
pub fn store(sink: Sink, tables: Tables) -> Store {
    let sink = Arc::new(sink);
    let performing = Arc::clone(&sink);
    let transport = transport_to(move |operation, body| answer(performing.perform(operation, body)));
    let client = connect_with(&Endpoint::emulator(Some("http://embedded".into())), transport);
    Store::new(client, tables.clone()).in_bulk(Arc::new(Postings { sink, tables }))
}

impl Sink {
    fn perform(&self, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
        let Kind::File(storage) = &self.0 else {
            return Err(DynoxideError::InternalServerError("this sink only writes".to_owned()));
        };
        macro_rules! operations {
            ($($name:literal => $action:ident),+ $(,)?) => {
                match operation {
                    $($name => {
                        let request = read(body)?;
                        let storage = storage.lock().unwrap_or_else(PoisonError::into_inner);
                        let done = actions::$action::execute(&*storage, request).now_or_never();
                        serde_json::to_string(&done.ok_or_else(waited)??)
                    })+
                    other => return Err(DynoxideError::ValidationException(format!("{other} is not for imports"))),
                }
            };
        }
        let answer = operations! {
            "GetItem" => get_item,
            "BatchGetItem" => batch_get_item,
            "UpdateItem" => update_item,
            "TransactWriteItems" => transact_write_items,
        };
        answer.map_err(|error| DynoxideError::InternalServerError(error.to_string()))
    }
}

fn waited() -> DynoxideError {
    DynoxideError::InternalServerError("the embedded database made us wait".to_owned())
}

/// A sink as a store uses it.
struct Postings {
    sink: Arc<Sink>,
    tables: Tables,
}

impl fmt::Debug for Postings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Postings(embedded)")
    }
}

impl Bulk for Postings {
    fn put(&self, table: Table, items: Vec<HashMap<String, AttributeValue>>) -> BoxFuture<'_, Result<(), StoreError>> {
        let (sink, name) = (Arc::clone(&self.sink), self.tables.name(table).to_owned());
        Box::pin(async move {
            let work = move || {
                let mut items: Vec<Item> = items.into_iter().map(item).collect::<Result<_>>()?;
                // Neighbours share pages.
                items.sort_by_cached_key(key);
                sink.put(&name, items)
            };
            let written = tokio::task::spawn_blocking(work).await;
            let written = written.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            written.map(|_| ()).map_err(|error| StoreError::Unavailable(format!("{error:#}")))
        })
    }
}

fn key(item: &Item) -> (Option<String>, Option<String>) {
    let text = |name| item.get(name).and_then(dynoxide::AttributeValue::to_key_string);
    (text("pk"), text("sk"))
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the embedded database: {error}")
}

/// An item as the embedded database has it.
fn item(attributes: impl IntoIterator<Item = (String, AttributeValue)>) -> Result<Item> {
    attributes.into_iter().map(|(name, attribute)| Ok((name, value(attribute)?))).collect()
}

fn value(attribute: AttributeValue) -> Result<dynoxide::AttributeValue> {
    Ok(match attribute {
        AttributeValue::S(text) => dynoxide::AttributeValue::S(text),
        AttributeValue::N(number) => dynoxide::AttributeValue::N(number),
        AttributeValue::Bool(flag) => dynoxide::AttributeValue::BOOL(flag),
        AttributeValue::L(items) => dynoxide::AttributeValue::L(items.into_iter().map(value).collect::<Result<_>>()?),
        AttributeValue::M(members) => dynoxide::AttributeValue::M(item(members)?),
        // serde_dynamo writes no sets, and the store no bytes.
        other => bail!("an attribute of another kind: {other:?}"),
    })
}
