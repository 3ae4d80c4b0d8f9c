//! Tells who existed when all of something was deleted (decision E20), by order and not by clocks (`docs/adr/0017`).
//!
//! A user who is created, or becomes one that a delete of all covers, is counted on a shard of a counter in the same
//! transaction. The shard has a generation. A delete of all begins the next generation on every shard before it
//! promises anything; users counted afterwards belong to the new generation, and stay. The transaction that counts a
//! user demands that the shard still has the generation that was read, so no user can be counted under an old one,
//! however late its request arrives.

use super::write::{Step, UNCHANGED, UNCHANGED_AND_THERE};
use super::{CommitError, Key, Sequence, Store, StoreError, Table, Txn, Write};
use crate::limits::MAX_PARALLEL;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

/// The number of the last delete of all that came before; 0 before the first. Numbers rise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(u64);

impl Generation {
    /// Whether no delete of all came before.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(super) fn is_first(&self) -> bool {
        self.0 == 0
    }

    fn number(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

#[derive(Debug, Deserialize)]
struct ShardItem {
    #[serde(rename = "gen", default)]
    generation: Generation,
}

/// A shard of a counter, as it was read or without having been read.
#[derive(Debug, Clone)]
pub(super) struct Shard {
    table: Table,
    key: Key,
    generation: Generation,
    /// Whether the shard exists.
    exists: bool,
}

impl Shard {
    /// A shard that was not read. Counting on it is stale once a delete of all has begun a generation.
    pub(super) fn unread(table: Table, key: Key) -> Self {
        Self { table, key, generation: Generation::default(), exists: false }
    }

    pub(super) async fn read(store: &Store, table: Table, key: Key) -> Result<Self, StoreError> {
        let item: Option<ShardItem> = store.get(table, &key).await?;
        let exists = item.is_some();
        Ok(Self { table, key, generation: item.map(|item| item.generation).unwrap_or_default(), exists })
    }

    /// The generation of users who are counted on this shard.
    pub(super) fn generation(&self) -> Generation {
        self.generation
    }

    pub(super) fn exists(&self) -> bool {
        self.exists
    }

    fn one_more(&self) -> Write {
        Write::count(self.table, self.key.clone(), 1)
    }

    /// Counts one more. Stale if a delete of all has begun since the shard was read.
    pub(super) fn count_one<R>(&self) -> Step<R> {
        self.one_more().number(":generation", self.generation.number()).if_(UNCHANGED).or_stale()
    }

    /// The same for a shard that may be removed. Stale also if the shard was removed or created since it was read.
    pub(super) fn count_one_if_there<R>(&self) -> Step<R> {
        if self.exists {
            self.one_more().number(":generation", self.generation.number()).if_(UNCHANGED_AND_THERE).or_stale()
        } else {
            self.one_more().if_absent().or_stale()
        }
    }
}

/// Which shards get a new generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// All of them; missing ones are created.
    All,
    /// Those that exist.
    Existing,
}

/// Begins a new generation on these shards: users counted on them after this call has ended belong to it or to a later
/// one. Safe to repeat and to interrupt.
pub(super) async fn begin(
    store: &Store,
    sequence: Sequence,
    shards: Vec<Key>,
    which: Which,
) -> Result<Generation, StoreError> {
    let generation = store.next_id(sequence, |number| Some(Generation(number))).await?;
    // Collected before they are streamed: a borrowing closure here would not be `Send` for every lifetime.
    let begun: Vec<_> =
        shards.into_iter().map(|shard| set(store, sequence.table(), shard, generation, which)).collect();
    stream::iter(begun).buffer_unordered(MAX_PARALLEL).try_collect::<Vec<()>>().await?;
    Ok(generation)
}

async fn set(store: &Store, table: Table, shard: Key, generation: Generation, which: Which) -> Result<(), StoreError> {
    // A shard that is created here counts nobody yet.
    let write = Write::update(table, shard, "SET gen = :generation ADD n :nobody");
    let write = write.number(":generation", generation.number()).number(":nobody", 0);
    let mut txn: Txn<()> = Txn::default();
    // A later generation on the shard is fine too: its users were counted after this call began.
    txn.push(match which {
        Which::All => write.if_("attribute_not_exists(gen) OR gen < :generation").or(()),
        Which::Existing => {
            write.if_("attribute_exists(pk) AND (attribute_not_exists(gen) OR gen < :generation)").or(())
        }
    });
    match store.commit(&txn).await {
        Err(CommitError::Store(error)) => Err(error),
        _ => Ok(()),
    }
}
