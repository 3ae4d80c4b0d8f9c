//! DynamoDB: keys, tables, transactions with named conditions. The only module that speaks to the database. It also
//! holds the port to the file store.

#![allow(missing_docs, reason = "of items and fields whose name says it all")]

pub mod auth;
pub mod backlog;
pub mod bulk;
pub mod error;
pub mod files;
pub mod gate;
pub mod generation;
pub mod grants;
pub mod idempotency;
pub mod ledger;
pub mod listing;
pub mod meter;
pub mod schema;
pub mod search;
pub mod stepchat;
pub mod txn;
pub mod voximplant;

mod backoff;
mod client;
mod endpoint;
mod folders;
mod https;
mod keys;
mod read;
mod sequence;
mod stamps;
mod write;

pub use backoff::Attempts;
pub use client::{connect, connect_with};
pub use endpoint::{EMULATED_REGION, Endpoint};
pub use error::StoreError;
pub use https::{Https, authorities};
pub use keys::Key;
pub use schema::{Table, Tables};
pub use sequence::Sequence;
pub use txn::{CommitError, Txn};
pub use write::{COUNTED, Conditional, InitialEffect, Step, Write};

use crate::clock::Clock;
use crate::timestamp::Timestamp;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;

/// The attributes of one item.
pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// The four tables behind one client.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    tables: Tables,
    clock: Clock,
    search: search::Limits,
}

impl Store {
    /// A store on `client`, whose tables have these names.
    #[must_use]
    pub fn new(client: Client, tables: Tables) -> Self {
        Self { client, tables, clock: Clock::System, search: search::Limits::default() }
    }

    /// The same store with this clock, which dates everything that is dated at the moment of its write.
    #[must_use]
    pub fn timed(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The moment by which a write made now is dated.
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The same store, with these limits for searches by search entries.
    #[must_use]
    pub fn searching(self, limits: search::Limits) -> Self {
        Self { search: limits, ..self }
    }

    /// The client, for the operator's own work on tables.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The deployed name of a table.
    #[must_use]
    pub fn table_name(&self, table: Table) -> &str {
        self.tables.name(table)
    }
}
