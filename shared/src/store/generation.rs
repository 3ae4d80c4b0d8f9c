//! Who was there when all of something was deleted (decision E20), by order and not by clocks (`docs/adr/0017`).
//!
//! Whoever is created, or becomes what can be deleted as "all", is counted on a shard of a counter in the same transaction.
//! The shard has a generation. A delete of all begins the next one on every shard before it promises anything; whoever is
//! counted afterwards belongs to it, and stays. The transaction that counts somebody demands that the shard still has the
//! generation that was read, so nobody can be counted under an old one, however long a request has been on its way.

use super::txn::Step;
use super::{CommitError, Key, Sequence, Store, StoreError, Table, Txn, Write};
use crate::limits::MAX_PARALLEL;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

/// Which deletes of all came before: their number, rising. 0 before the first.
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

/// What counting demands of a shard that is never removed.
const UNCHANGED: &str = "attribute_not_exists(gen) OR gen = :generation";
/// What it demands of a shard that goes when all that it counts has gone.
const UNCHANGED_AND_THERE: &str = "attribute_exists(pk) AND (attribute_not_exists(gen) OR gen = :generation)";

/// Whether a condition is that a counter's shard still has the generation that was read.
pub(super) fn is_unchanged(condition: &str) -> bool {
    [UNCHANGED, UNCHANGED_AND_THERE].contains(&condition)
}

#[derive(Debug, Deserialize)]
struct ShardItem {
    #[serde(rename = "gen", default)]
    generation: Generation,
}

/// A shard of a counter as it was read, or one that nobody has looked at.
#[derive(Debug, Clone)]
pub(super) struct Shard {
    table: Table,
    key: Key,
    generation: Generation,
    /// Whether there is one.
    exists: bool,
}

impl Shard {
    /// A shard that nobody has looked at. Nobody can be counted on it once a delete of all has begun a generation: the
    /// transaction is stale.
    pub(super) fn unread(table: Table, key: Key) -> Self {
        Self { table, key, generation: Generation::default(), exists: false }
    }

    pub(super) async fn read(store: &Store, table: Table, key: Key) -> Result<Self, StoreError> {
        let item: Option<ShardItem> = store.get(table, &key).await?;
        let exists = item.is_some();
        Ok(Self { table, key, generation: item.map(|item| item.generation).unwrap_or_default(), exists })
    }

    /// The generation of whoever is counted on it.
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

    /// The same for a shard that is removed at some time. Stale also if it was, or was made, since it was read.
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
    /// All of them: one that is missing is made.
    All,
    /// Those that exist.
    Existing,
}

/// Begins a new generation on these shards: whoever is counted on them from the end of this on belongs to it or to a later
/// one. Safe to repeat and to interrupt.
pub(super) async fn begin(
    store: &Store,
    sequence: Sequence,
    shards: Vec<Key>,
    which: Which,
) -> Result<Generation, StoreError> {
    let generation = store.next_id(sequence, |number| Some(Generation(number))).await?;
    // Owned before they are streamed: a borrowing closure here would not be `Send` for every lifetime.
    let begun: Vec<_> =
        shards.into_iter().map(|shard| set(store, sequence.table(), shard, generation, which)).collect();
    stream::iter(begun).buffer_unordered(MAX_PARALLEL).try_collect::<Vec<()>>().await?;
    Ok(generation)
}

async fn set(store: &Store, table: Table, shard: Key, generation: Generation, which: Which) -> Result<(), StoreError> {
    // A shard that is made here counts nobody yet.
    let write = Write::update(table, shard, "SET gen = :generation ADD n :nobody");
    let write = write.number(":generation", generation.number()).number(":nobody", 0);
    let mut txn: Txn<()> = Txn::default();
    // A later generation is as good: nobody who belongs to it came before this call began.
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
