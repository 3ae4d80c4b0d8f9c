//! Sorted listing without scans: key-only queries over several index partitions, merged.
//!
//! Each partition (a user type, an application) is a stream that is already sorted; merging them gives exactly what
//! `ORDER BY … LIMIT … OFFSET …` over the whole would (reference/architecture.md §C.4).

use super::read::{Page, Partition, Range, text};
use super::{Attributes, Store, StoreError, Table};
use crate::limits::MAX_PARALLEL;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use std::collections::VecDeque;

/// An index to walk: its name and key attributes.
pub(crate) type Index = (&'static str, &'static str, &'static str);

/// Several partitions of one index, read as one sorted list.
pub(crate) struct Merge<'a> {
    store: &'a Store,
    table: Table,
    index: Index,
    descending: bool,
    limit: Option<i32>,
    after: Option<String>,
    merged: bool,
    streams: Vec<Stream>,
}

struct Stream {
    pk: String,
    ready: VecDeque<Attributes>,
    next: Option<Attributes>,
    exhausted: bool,
}

impl<'a> Merge<'a> {
    /// A walk over an index of a table, from its beginning.
    pub(crate) fn of(store: &'a Store, table: Table, index: Index, descending: bool) -> Self {
        Self { store, table, index, descending, limit: None, after: None, merged: true, streams: Vec::new() }
    }

    /// How many entries a page needs at most; `None` takes what one megabyte holds.
    pub(crate) fn limit(self, limit: Option<i32>) -> Self {
        Self { limit, ..self }
    }

    /// Starts behind this sort key.
    pub(crate) fn after(self, after: Option<String>) -> Self {
        Self { after, ..self }
    }

    /// Reads one partition after another in place of merging them.
    pub(crate) fn one_after_another(self) -> Self {
        Self { merged: false, ..self }
    }

    /// Opens the partitions, reading the first page of each in parallel.
    pub(crate) async fn open(self, partitions: Vec<String>) -> Result<Self, StoreError> {
        let mut merge = self;
        let opened = partitions.into_iter().map(|pk| {
            let merge = &merge;
            async move {
                let page = merge.page(&pk, None).await?;
                Ok::<_, StoreError>(Stream {
                    pk,
                    ready: page.items.into(),
                    exhausted: page.next.is_none(),
                    next: page.next,
                })
            }
        });
        let streams = stream::iter(opened.collect::<Vec<_>>()).buffered(MAX_PARALLEL).try_collect().await?;
        merge.streams = streams;
        Ok(merge)
    }

    async fn page(&self, pk: &str, from: Option<Attributes>) -> Result<Page, StoreError> {
        let partition = Partition {
            table: self.table,
            index: Some(self.index),
            pk,
            range: self
                .after
                .as_deref()
                .map_or(Range::All, |after| if self.descending { Range::Below(after) } else { Range::Above(after) }),
            descending: self.descending,
            limit: self.limit,
        };
        self.store.page(&partition, from).await
    }

    /// The next entry in order.
    pub(crate) async fn next(&mut self) -> Result<Option<Attributes>, StoreError> {
        for position in 0..self.streams.len() {
            self.refill(position).await?;
        }
        let (_, _, sort) = self.index;
        let key = |stream: &Stream| stream.ready.front().and_then(|entry| text(entry, sort)).map(str::to_owned);
        let candidates =
            self.streams.iter().enumerate().filter_map(|(position, stream)| Some((key(stream)?, position)));
        let chosen = if !self.merged {
            candidates.min_by_key(|(_, position)| *position)
        } else if self.descending {
            candidates.max()
        } else {
            candidates.min()
        };
        Ok(chosen.and_then(|(_, position)| self.streams.get_mut(position)).and_then(|stream| stream.ready.pop_front()))
    }

    async fn refill(&mut self, position: usize) -> Result<(), StoreError> {
        loop {
            let Some(stream) = self.streams.get(position) else {
                return Ok(());
            };
            if !stream.ready.is_empty() || stream.exhausted {
                return Ok(());
            }
            let page = self.page(&stream.pk, stream.next.clone()).await?;
            if let Some(stream) = self.streams.get_mut(position) {
                stream.ready = page.items.into();
                stream.exhausted = page.next.is_none();
                stream.next = page.next;
            }
        }
    }
}
