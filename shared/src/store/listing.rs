//! Sorted listing without scans: key-only queries over several index partitions, merged.
//!
//! Each partition (a user type, an application) is a stream that is already sorted; merging them gives exactly what
//! `ORDER BY … LIMIT … OFFSET …` over all of them would give (reference/architecture.md §C.4).

use super::read::{Index, Page, Partition, Range, text};
use super::{Attributes, Store, StoreError, Table};
use crate::limits::MAX_PARALLEL;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use std::collections::VecDeque;

/// Several partitions of one index, read as one sorted list.
pub(crate) struct Merge<'a> {
    store: &'a Store,
    table: Table,
    index: Index,
    descending: bool,
    limit: Option<i32>,
    after: Option<String>,
    down_to: Option<String>,
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
        Self {
            store,
            table,
            index,
            descending,
            limit: None,
            after: None,
            down_to: None,
            merged: true,
            streams: Vec::new(),
        }
    }

    /// How many entries a page needs at most; `None` takes what one megabyte holds.
    pub(crate) fn limit(self, limit: Option<i32>) -> Self {
        Self { limit, ..self }
    }

    /// Starts behind this sort key.
    pub(crate) fn after(self, after: Option<String>) -> Self {
        Self { after, ..self }
    }

    /// Ends, when descending, before this sort key.
    pub(crate) fn down_to(self, down_to: Option<String>) -> Self {
        Self { down_to, ..self }
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
        let range = match (self.after.as_deref(), self.down_to.as_deref()) {
            (None, None) => Range::All,
            (Some(after), None) if self.descending => Range::Below(after),
            (Some(low), None) | (None, Some(low)) => Range::Above(low),
            // The database refuses a range whose ends are the wrong way round.
            (Some(after), Some(low)) if after <= low => return Ok(Page { items: Vec::new(), next: None }),
            (Some(after), Some(low)) => Range::Between(low, after),
        };
        let partition = Partition::of(self.table, pk).index(self.index).range(range);
        let partition = partition.descending_if(self.descending).page_size(self.limit);
        let mut page = self.store.page(&partition, from).await?;
        if let (Some(after), (_, _, sort)) = (&self.after, self.index) {
            // `Between` includes its ends.
            page.items.retain(|entry| text(entry, sort) != Some(after));
        }
        Ok(page)
    }

    /// The next entry in order.
    pub(crate) async fn next(&mut self) -> Result<Option<Attributes>, StoreError> {
        for position in 0..self.streams.len() {
            self.refill(position).await?;
        }
        let (_, _, sort) = self.index;
        let candidates = self.streams.iter().enumerate();
        let candidates =
            candidates.filter_map(|(position, stream)| Some((text(stream.ready.front()?, sort)?, position)));
        let chosen = if !self.merged {
            candidates.min_by_key(|(_, position)| *position)
        } else if self.descending {
            candidates.max()
        } else {
            candidates.min()
        };
        let chosen = chosen.map(|(_, position)| position);
        Ok(chosen.and_then(|position| self.streams.get_mut(position)).and_then(|stream| stream.ready.pop_front()))
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
