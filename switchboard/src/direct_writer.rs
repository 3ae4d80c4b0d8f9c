//! Writes very many new items into an embedded database that nobody else uses meanwhile, through a second connection to
//! its file. The emulator's own connection would read the definitions of all indexes again for each item, and look for
//! old entries in each index.
//!
//! A batch is one transaction of the file: either all of it is written, or nothing.
//!
//! [`BulkStore`] writes through it where it can, and through the SDK elsewhere.

use crate::load::{Load, Sums};
use crate::sink::{failed, item};
use crate::worker::Worker;
use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use dynoxide::storage::{Storage, compute_hash_prefix};
use dynoxide::storage_backend::{BaseItemRow, GsiItemRow};
use dynoxide::types::item_size;
use dynoxide::{AttributeValue as Stored, Database, Item};
use shared::store::schema::IndexSchema;
use shared::store::{COUNTED, CommitError, Key, Store, StoreError, Table, Txn};
use std::collections::HashMap;
use tokio::sync::oneshot;

/// The connection's settings: what is written survives the end of this process; the log is synchronised to disk every
/// 64 MB instead of every 4 MB; and the cache holds enough pages for keys in random order.
const OWN: &str = "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -48000; PRAGMA wal_autocheckpoint = 16000";
/// SQL statements that are kept prepared: writing one user changes a table and nine indexes.
const STATEMENTS: usize = 128;

/// A store, and its direct way into the file of an embedded database that nobody else uses meanwhile.
#[derive(Debug)]
pub struct BulkStore {
    /// The store.
    pub store: Store,
    direct: Option<DirectWriter>,
}

impl BulkStore {
    /// A store, whose tables are in the embedded database if there is one.
    pub fn new(store: Store, embedded: Option<&Database>) -> Result<Self> {
        let direct = embedded.map(|database| DirectWriter::of(database, &store)).transpose()?.flatten();
        Ok(Self { store, direct })
    }

    /// As [`Store::commit_each`].
    pub async fn commit_each<R: Clone>(&self, txns: &[Txn<R>]) -> Result<Vec<Result<(), CommitError<R>>>, StoreError> {
        if let (Some(direct), Some(load)) = (&self.direct, Load::of_new(txns)?) {
            // Written in one step, so no write intent is needed.
            let created = direct.create(load).await;
            if created.map_err(|error| StoreError::Unavailable(format!("{error:#}")))? {
                return Ok(vec![Ok(()); txns.len()]);
            }
        }
        self.store.commit_each(txns).await
    }
}

/// A connection to the file of an embedded database, on a thread of its own. If many threads used the connection,
/// `SQLite`'s memory would be spread over the allocator's parts for all of them, and would grow with the file.
#[derive(Debug)]
struct DirectWriter(Worker<Batch>);

impl DirectWriter {
    /// Opens a second connection to the file of an open database; `None` if the database is in memory.
    fn of(database: &Database, store: &Store) -> Result<Option<Self>> {
        let Some(path) = database.db_path().map_err(failed)? else { return Ok(None) };
        let storage = Storage::new(&path).map_err(failed)?;
        storage.conn().execute_batch(OWN).map_err(failed)?;
        storage.conn().set_prepared_statement_cache_capacity(STATEMENTS);
        let connection = Connection { storage, store: store.clone() };
        let worker = Worker::start("direct-writer", move |batch: Batch| {
            let created = connection.create(&batch.load, &batch.rows);
            // An error means that nobody waits for the result any more.
            let _ = batch.created.send(created);
        })?;
        Ok(Some(Self(worker)))
    }

    /// Writes the items and moves the counters together, or writes nothing if one of the keys that must be new exists;
    /// returns whether it wrote. The caller's items must all be new if those keys are. Once it returns, a process that
    /// dies loses nothing of it.
    async fn create(&self, mut load: Load) -> Result<bool> {
        let prepared = tokio::task::spawn_blocking(move || {
            let items = load.take();
            let rows: Vec<_> =
                items.map(|(table, items)| Ok((table, Rows::of(table, items)?))).collect::<Result<_>>()?;
            anyhow::Ok((load, rows))
        });
        let (load, rows) = prepared.await??;
        let (created, outcome) = oneshot::channel();
        self.0.send(Batch { load, rows, created }).map_err(|_| failed("its thread has ended"))?;
        outcome.await?
    }
}

/// Items that are created in one transaction.
#[derive(Debug)]
struct Batch {
    /// Without its items, from which `rows` was made.
    load: Load,
    rows: Vec<(Table, Rows)>,
    created: oneshot::Sender<Result<bool>>,
}

struct Connection {
    storage: Storage,
    store: Store,
}

impl Connection {
    fn create(&self, load: &Load, rows: &[(Table, Rows)]) -> Result<bool> {
        self.storage.begin_transaction().map_err(failed)?;
        let inserted = self.insert(load, rows);
        let ended = match inserted {
            Ok(true) => self.storage.commit(),
            _ => self.storage.rollback(),
        };
        if ended.is_err() {
            // A transaction that is left open would make the next batch fail. The caller gets the first error, not this
            // one.
            let _ = self.storage.rollback();
        }
        inserted.and_then(|inserted| ended.map(|()| inserted).map_err(failed))
    }

    fn insert(&self, load: &Load, rows: &[(Table, Rows)]) -> Result<bool> {
        for (table, key) in load.must_be_new() {
            if stored(&self.storage, self.store.table_name(*table), key)?.is_some() {
                return Ok(false);
            }
        }
        for (table, rows) in rows {
            let name = self.store.table_name(*table);
            self.storage.put_base_items(name, &rows.base).map_err(failed)?;
            for (index, entries) in &rows.entries {
                self.storage.insert_gsi_items(name, index, entries).map_err(failed)?;
            }
        }
        self.count(load.sums())?;
        Ok(true)
    }

    fn count(&self, sums: &Sums) -> Result<()> {
        for (table, key, change) in sums.iter() {
            let name = self.store.table_name(table);
            let mut counter = match stored(&self.storage, name, &key)? {
                Some(json) => serde_json::from_str(&json)?,
                None => attributes(&key),
            };
            let before: i64 = match counter.get(COUNTED) {
                Some(Stored::N(number)) => number.parse().with_context(|| format!("the counter {}", key.pk))?,
                _ => 0,
            };
            counter.insert(COUNTED.to_owned(), Stored::N(before.saturating_add(change).to_string()));
            self.storage.put_base_items(name, &[row(&counter)?]).map_err(failed)?;
        }
        Ok(())
    }
}

/// The item of a key, as JSON.
fn stored(storage: &Storage, table: &str, key: &Key) -> Result<Option<String>> {
    let item = attributes(key);
    storage.get_item(table, &key_text(&item, "pk"), &key_text(&item, "sk")).map_err(failed)
}

/// A key attribute as the emulator stores it in a row; empty where the table has no such key.
fn key_text(item: &Item, name: &str) -> String {
    item.get(name).and_then(Stored::to_key_string).unwrap_or_default()
}

fn attributes(key: &Key) -> Item {
    let sort = key.sk.iter().map(|sort| ("sk".to_owned(), Stored::S(sort.clone())));
    [("pk".to_owned(), Stored::S(key.pk.clone()))].into_iter().chain(sort).collect()
}

/// The items of a table as rows of its file, sorted by key, since neighbouring keys share pages.
#[derive(Debug, Default)]
struct Rows {
    base: Vec<BaseItemRow>,
    entries: HashMap<&'static str, Vec<GsiItemRow>>,
}

impl Rows {
    fn of(table: Table, items: Vec<HashMap<String, AttributeValue>>) -> Result<Self> {
        let mut rows = Self::default();
        for attributes in items {
            let item = item(attributes)?;
            let row = row(&item)?;
            for index in table.schema().indexes {
                if let Some(entry) = entry(index, &item, &row)? {
                    rows.entries.entry(index.name).or_default().push(entry);
                }
            }
            rows.base.push(row);
        }
        rows.base.sort_unstable_by(|a, b| (&a.pk, &a.sk).cmp(&(&b.pk, &b.sk)));
        for entries in rows.entries.values_mut() {
            entries.sort_unstable_by(|a, b| (&a.gsi_pk, &a.gsi_sk).cmp(&(&b.gsi_pk, &b.gsi_sk)));
        }
        Ok(rows)
    }
}

fn row(item: &Item) -> Result<BaseItemRow> {
    let partition = item.get("pk").context("an item without a key")?;
    Ok(BaseItemRow {
        pk: key_text(item, "pk"),
        sk: key_text(item, "sk"),
        hash_prefix: compute_hash_prefix(partition),
        item_size: item_size(item),
        item_json: serde_json::to_string(item)?,
        cached_at: None,
    })
}

/// An item's entry in an index; `None` if the item lacks one of the index's keys.
fn entry(index: &IndexSchema, item: &Item, row: &BaseItemRow) -> Result<Option<GsiItemRow>> {
    let key = |name: &str| item.get(name).and_then(Stored::to_key_string);
    let (Some(partition), Some(sort)) = (key(index.partition), key(index.sort)) else { return Ok(None) };
    let carried = ["pk", "sk", index.partition, index.sort].into_iter().chain(index.carries.iter().copied());
    let carried: Item = carried.filter_map(|name| item.get_key_value(name)).map(owned).collect();
    Ok(Some(GsiItemRow {
        gsi_pk: partition,
        gsi_sk: sort,
        table_pk: row.pk.clone(),
        table_sk: row.sk.clone(),
        item_json: serde_json::to_string(&carried)?,
    }))
}

fn owned((name, value): (&String, &Stored)) -> (String, Stored) {
    (name.clone(), value.clone())
}
