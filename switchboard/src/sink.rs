//! Writes new items by the hundred thousand straight into an embedded database, many in one of its transactions.
//!
//! Through the SDK each item would be signed, sent and parsed, and the emulator would look for old entries in every
//! index of the table. Here all items are new, so no old entries are looked for.

use crate::load::Load;
use anyhow::{Context, Result, anyhow, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use dynoxide::actions::import_items::execute_skip_gsi_deletes;
use dynoxide::storage::Storage;
use dynoxide::{Database, ImportOptions, Item};
use futures_util::FutureExt as _;
use shared::store::Table;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// An embedded database that takes new items.
pub struct Sink(Kind);

enum Kind {
    /// A database that others may be using.
    Shared(Database),
    /// A file that only this process uses.
    File(Mutex<Storage>),
}

impl Sink {
    /// A database that is open, in memory for example.
    #[must_use]
    pub fn shared(database: &Database) -> Self {
        Self(Kind::Shared(database.clone()))
    }

    /// The file of an embedded database. Writes are not synchronised to disk: a run that dies leaves a useless file.
    pub fn file(path: &Path) -> Result<Self> {
        let text = path.to_str().with_context(|| format!("{} is not a text path", path.display()))?;
        let storage = Storage::new(text).map_err(failed)?;
        storage.enable_bulk_loading().map_err(failed)?;
        Ok(Self(Kind::File(Mutex::new(storage))))
    }

    /// Writes the items of a load; `name` gives a table's name in the database.
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

pub(crate) fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the embedded database: {error}")
}

/// An item as the embedded database represents it.
pub(crate) fn item(attributes: impl IntoIterator<Item = (String, AttributeValue)>) -> Result<Item> {
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
