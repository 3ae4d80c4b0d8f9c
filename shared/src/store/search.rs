//! Postings: items by which a search finds what contains a word, at the cost of what it finds (`docs/adr/0013`).
//!
//! A posting says that a text of somebody has a gram. Its key ends in the text's stamp, which is new whenever the text
//! changes and is kept beside the text. So no two writes ever share a posting: one can neither overwrite nor remove what
//! another relies on, and nothing about postings needs a condition.
//!
//! The order is: announcement, postings, transaction. The transaction settles its announcement, so whatever is left of a
//! write that died is known and is removed by `background/jobs`. Postings of texts that were replaced are removed some
//! time after the transaction: a search that began before it has found the new ones or still finds the old ones.

use super::grants::{Action, Grant};
use super::read::{Partition, Range};
use super::txn::Step;
use super::{Attributes, CommitError, Key, Store, StoreError, Table, Txn, Write};
use crate::grams::{Gram, IndexedText, pieces};
use crate::limits::{MAX_PARALLEL, SEARCH_POSTINGS, SEARCH_SETTLED_MILLIS, SEARCH_TOGETHER};
use crate::timestamp::Timestamp;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

/// What [`settle`] needs.
pub const SETTLE: &[Grant] = &[
    Grant::on(Table::Stepchat, Action::Query),
    Grant::on(Table::Stepchat, Action::BatchWriteItem),
    Grant::on(Table::Stepchat, Action::UpdateItem),
    Grant::on(Table::Voximplant, Action::Query),
    Grant::on(Table::Voximplant, Action::BatchWriteItem),
    Grant::on(Table::Voximplant, Action::UpdateItem),
];

/// The tables with postings.
const SEARCHED: [Table; 2] = [Table::Stepchat, Table::Voximplant];
/// Announced changes of postings, in the table they are of.
const ANNOUNCED: &str = "J#postings";
/// Bytes of texts in one announcement; an item ends at 400 KB.
const ANNOUNCEMENT_BYTES: usize = 300_000;
/// Postings read at first of each piece of a long word, in case that one of them is rare.
const FIRST_PAGE: usize = 100;
/// How much more each further page reads.
const GROWTH: usize = 8;

/// How far a search goes by postings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Postings read for one word. A word that has more is found sooner by looking at everybody.
    pub postings: usize,
    /// Those found that are read and sorted together.
    pub together: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { postings: SEARCH_POSTINGS, together: SEARCH_TOGETHER }
    }
}

/// Tells the postings of one text from those of every other, and of the same text at another time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamp(String);

impl Stamp {
    fn new() -> Self {
        Self(format!("{:016x}", fastrand::u64(..)))
    }
}

/// A text with the stamp of its postings. A `list` is what one look-up searches: the names of a workspace, say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Posted {
    list: String,
    text: IndexedText,
    stamp: Stamp,
}

impl Posted {
    /// What is posted of a text that has this stamp; nothing without one.
    pub(super) fn of(list: &str, text: &str, stamp: Option<&Stamp>) -> Option<Self> {
        Some(Self { list: list.to_owned(), text: IndexedText::of(text)?, stamp: stamp?.clone() })
    }

    fn keys(&self) -> impl Iterator<Item = Key> {
        self.text.grams().into_iter().map(|gram| {
            let (_, rest) = gram.parts();
            Key::new(partition(&self.list, &gram), format!("{rest}\0{}", self.stamp.0))
        })
    }
}

/// Where postings of grams with this first character are.
fn partition(list: &str, gram: &Gram) -> String {
    let (first, _) = gram.parts();
    format!("G#{list}#{first}")
}

/// Removes the postings of texts that nobody has any more.
pub(super) async fn remove(store: &Store, table: Table, gone: &[Posted]) -> Result<(), StoreError> {
    let keys: Vec<Key> = gone.iter().flat_map(Posted::keys).collect();
    store.batch_delete(table, &keys).await
}

/// What a transaction changes about postings.
#[derive(Debug, Clone)]
pub(super) struct Change {
    table: Table,
    /// Whose texts they are, as part of a key, and as a number.
    owner: String,
    uid: u64,
    at: i64,
    added: Vec<Posted>,
    removed: Vec<Posted>,
}

impl Change {
    /// No change yet, at this moment in milliseconds.
    pub(super) fn new(table: Table, owner: String, uid: u64, at: i64) -> Self {
        Self { table, owner, uid, at, added: Vec::new(), removed: Vec::new() }
    }

    /// The texts of owners who go. Nobody looks for them any more, so their postings need not be kept for a while.
    pub(super) fn gone(table: Table, owner: String, removed: Vec<Posted>) -> Self {
        Self { table, owner, uid: 0, at: 0, added: Vec::new(), removed }
    }

    /// Replaces a text by another; the stamp of the new one. A text that still compares equal keeps what it has.
    pub(super) fn replace(
        &mut self,
        list: &str,
        before: (Option<&str>, Option<&Stamp>),
        after: Option<&str>,
    ) -> Option<Stamp> {
        let (text, stamp) = before;
        let (old, new) = (text.and_then(IndexedText::of), after.and_then(IndexedText::of));
        if old == new {
            return stamp.cloned();
        }
        self.removed.extend(text.and_then(|text| Posted::of(list, text, stamp)));
        new.map(|text| self.add(list, text))
    }

    fn add(&mut self, list: &str, text: IndexedText) -> Stamp {
        let stamp = Stamp::new();
        self.added.push(Posted { list: list.to_owned(), text, stamp: stamp.clone() });
        stamp
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// The postings that must be there before the transaction.
    pub(super) fn postings(&self) -> impl Iterator<Item = (Table, Attributes)> {
        self.added.iter().flat_map(Posted::keys).map(|key| {
            let mut item = key.attributes();
            item.insert("uid".to_owned(), AttributeValue::N(self.uid.to_string()));
            (self.table, item)
        })
    }

    /// What is written before the transaction, and the steps that belong into it: they settle what was announced, and fail if
    /// somebody took the write for dead. Where nothing is added, nothing is there before the transaction that somebody would
    /// have to know of: the transaction itself leaves word of what is to be removed.
    pub(super) fn announced<R>(&self) -> Result<(Before, Vec<Step<R>>), StoreError> {
        let announced = self.announcements();
        if self.added.is_empty() {
            let done = announced.into_iter().map(|one| Announcement { fate: Fate::Done, ..one });
            let steps: Result<_, StoreError> = done.map(|one| Ok(Write::put(self.table, &one)?.into())).collect();
            return Ok((Before::default(), steps?));
        }
        let mut before = Before::default();
        for one in &announced {
            before.announcements.push((self.table, serde_dynamo::to_item(one)?));
        }
        before.postings.extend(self.postings());
        Ok((before, announced.iter().map(|one| one.settled(self.table)).collect()))
    }

    /// One announcement, or several where one item would not hold the texts.
    fn announcements(&self) -> Vec<Announcement> {
        let texts = self.added.iter().map(|text| (true, text)).chain(self.removed.iter().map(|text| (false, text)));
        let (mut announced, mut bytes): (Vec<Announcement>, usize) = (Vec::new(), 0);
        for (is_new, text) in texts {
            bytes = bytes.saturating_add(text.text.len());
            if announced.is_empty() || bytes > ANNOUNCEMENT_BYTES {
                announced.push(Announcement::new(&self.owner, self.at));
                bytes = text.text.len();
            }
            if let Some(last) = announced.last_mut() {
                if is_new { &mut last.added } else { &mut last.removed }.push(text.clone());
            }
        }
        announced
    }
}

/// What must be there before transactions that change postings.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// First these: whoever finds a posting can know what became of it.
    announcements: Vec<(Table, Attributes)>,
    postings: Vec<(Table, Attributes)>,
}

impl Before {
    /// The same for these and others.
    pub(super) fn extend(&mut self, others: Self) {
        self.announcements.extend(others.announcements);
        self.postings.extend(others.postings);
    }

    /// Writes it.
    pub(super) async fn write(self, store: &Store) -> Result<(), StoreError> {
        for items in [self.announcements, self.postings] {
            let mut tables: BTreeMap<Table, Vec<Attributes>> = BTreeMap::new();
            for (table, item) in items {
                tables.entry(table).or_default().push(item);
            }
            for (table, items) in tables {
                store.batch_put(table, items).await?;
            }
        }
        Ok(())
    }
}

/// What becomes of an announced change: nobody knows yet, it happened, or it will never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Fate {
    Open,
    Done,
    Dead,
}

/// A change of postings that is under way, or whose old postings are still to be removed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Announcement {
    pk: String,
    sk: String,
    at: i64,
    fate: Fate,
    #[serde(default)]
    added: Vec<Posted>,
    #[serde(default)]
    removed: Vec<Posted>,
}

impl Announcement {
    fn new(owner: &str, at: i64) -> Self {
        let sk = format!("{owner}#{}", Stamp::new().0);
        Self { pk: ANNOUNCED.into(), sk, at, fate: Fate::Open, added: Vec::new(), removed: Vec::new() }
    }

    fn key(&self) -> Key {
        Key::new(self.pk.clone(), self.sk.clone())
    }

    /// The step by which the announced transaction settles it.
    fn settled<R>(&self, table: Table) -> Step<R> {
        let write = if self.removed.is_empty() {
            Write::delete(table, self.key())
        } else {
            Write::update(table, self.key(), "SET fate = :done REMOVE added").text(":done", "done")
        };
        write.text(":open", "open").if_("fate = :open").or_stale()
    }

    /// Removes the postings that nobody has: the replaced ones if the change happened, the new ones if it did not.
    /// Safe to repeat and to interrupt. Returns whether it came to an end.
    async fn finish(&self, store: &Store, table: Table) -> Result<bool, StoreError> {
        if self.fate == Fate::Open {
            // From here on the transaction cannot happen.
            let dead = Write::update(table, self.key(), "SET fate = :dead").text(":dead", "dead").text(":open", "open");
            let mut txn = Txn::default();
            txn.push(dead.if_("fate = :open").or(()));
            match store.transact(&txn).await {
                Err(CommitError::Store(error)) => return Err(error),
                // It happened in between: then the old postings go, when their time has come.
                Err(_) => return Ok(false),
                Ok(()) => {}
            }
        }
        remove(store, table, if self.fate == Fate::Done { &self.removed } else { &self.added }).await?;
        store.batch_delete(table, &[self.key()]).await?;
        Ok(true)
    }
}

fn announcements(table: Table, range: Range<'_>) -> Partition<'_> {
    Partition { table, index: None, pk: ANNOUNCED, range, descending: false, limit: None }
}

/// Finishes the changes that began some time ago, until all are finished or the time is up; for each whether it is. By
/// then no request that made one, and no search that began before one, is still running.
pub async fn settle(store: &Store, now: Timestamp, until: Instant) -> Result<Vec<bool>, StoreError> {
    let begun_before = now.millis().saturating_sub(SEARCH_SETTLED_MILLIS);
    let mut finished = Vec::new();
    for table in SEARCHED {
        let partition = announcements(table, Range::All);
        // A page at a time: a delete of very many users leaves as many texts behind.
        let mut page = store.page(&partition, None).await?;
        loop {
            finished.extend(settle_some(store, table, page.items, begun_before, until).await?);
            let Some(next) = page.next else { break };
            if Instant::now() >= until {
                finished.push(false);
                break;
            }
            page = store.page(&partition, Some(next)).await?;
        }
    }
    Ok(finished)
}

async fn settle_some(
    store: &Store,
    table: Table,
    announced: Vec<Attributes>,
    begun_before: i64,
    until: Instant,
) -> Result<Vec<bool>, StoreError> {
    let announced: Vec<Announcement> = announced.into_iter().map(serde_dynamo::from_item).collect::<Result<_, _>>()?;
    // Owned before they are streamed: a borrowing closure here would not be `Send` for every lifetime.
    let finishing: Vec<_> = announced
        .into_iter()
        .filter(|one| one.at <= begun_before)
        .map(|one| async move { if Instant::now() < until { one.finish(store, table).await } else { Ok(false) } })
        .collect();
    stream::iter(finishing).buffer_unordered(MAX_PARALLEL).try_collect().await
}

/// Finishes, at once, the changes that an owner who is gone has behind them. One that is still open is left to
/// [`settle`]: whoever is making it may be writing postings at this moment.
pub(super) async fn forget(store: &Store, table: Table, owner: &str) -> Result<(), StoreError> {
    let owners = format!("{owner}#");
    for item in store.all(&announcements(table, Range::BeginsWith(&owners))).await? {
        let one: Announcement = serde_dynamo::from_item(item)?;
        if one.fate != Fate::Open {
            one.finish(store, table).await?;
        }
    }
    Ok(())
}

/// A folded word without white space, and the list it is looked up in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LookUp<'a> {
    pub list: &'a str,
    pub word: &'a str,
}

/// Everybody who may be found by any of these, and nobody left out: the numbers of the owners. `None` if that are so many
/// that looking at everybody is no worse. `unbounded` are the lists with texts that may be too long to be cut.
///
/// Reads the table, strongly: whoever was committed before is here.
pub(super) async fn find(
    store: &Store,
    table: Table,
    lookups: &[LookUp<'_>],
    unbounded: &[&str],
) -> Result<Option<BTreeSet<u64>>, StoreError> {
    let long = unbounded.iter().map(|list| vec![Scan::of(list, &Gram::ANY)]);
    let words =
        lookups.iter().map(|lookup| pieces(lookup.word).iter().map(|gram| Scan::of(lookup.list, gram)).collect());
    let scans: Vec<Vec<Scan>> = long.chain(words).collect();
    let found = try_join_all(scans.into_iter().map(|scans| rarest(store, table, scans))).await?;
    Ok(found.into_iter().try_fold(BTreeSet::new(), |mut all, found| {
        all.extend(found?);
        Some(all)
    }))
}

/// Everybody with a text in this list that may contain all of these folded words, and nobody left out; `None` if that are
/// very many, or there is no word to look up. For lists whose texts are never too long to be cut. Reads strongly.
pub(super) async fn containing(
    store: &Store,
    table: Table,
    list: &str,
    words: &[&str],
) -> Result<Option<BTreeSet<u64>>, StoreError> {
    let scans: Vec<Scan> = words.iter().flat_map(|word| pieces(word)).map(|gram| Scan::of(list, &gram)).collect();
    if scans.is_empty() { Ok(None) } else { rarest(store, table, scans).await }
}

/// The owners that have all of these grams, as far as that is known when the first of the lists ends.
async fn rarest(store: &Store, table: Table, mut scans: Vec<Scan>) -> Result<Option<BTreeSet<u64>>, StoreError> {
    let most = store.search.postings;
    let mut limit = if scans.len() > 1 { FIRST_PAGE.min(most) } else { most };
    loop {
        try_join_all(scans.iter_mut().map(|scan| scan.more(store, table, limit))).await?;
        let mut ended = scans.iter().filter(|scan| scan.from.is_none()).map(|scan| &scan.owners);
        if let Some(first) = ended.next() {
            let mut owners = first.clone();
            ended.for_each(|others| owners.retain(|owner| others.contains(owner)));
            return Ok(Some(owners));
        }
        if scans.iter().all(|scan| scan.read >= most) {
            return Ok(None);
        }
        limit = limit.saturating_mul(GROWTH).min(most);
    }
}

/// A list of postings that is being read.
struct Scan {
    pk: String,
    start: String,
    owners: BTreeSet<u64>,
    read: usize,
    from: Option<Attributes>,
}

impl Scan {
    fn of(list: &str, gram: &Gram) -> Self {
        let (_, start) = gram.parts();
        Self { pk: partition(list, gram), start: start.to_owned(), owners: BTreeSet::new(), read: 0, from: None }
    }

    async fn more(&mut self, store: &Store, table: Table, limit: usize) -> Result<(), StoreError> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut query = store
            .client
            .query()
            .table_name(store.table_name(table))
            .consistent_read(true)
            .projection_expression("uid")
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(self.from.take())
            .expression_attribute_values(":pk", text(&self.pk));
        query = if self.start.is_empty() {
            query.key_condition_expression("pk = :pk")
        } else {
            query
                .key_condition_expression("pk = :pk AND begins_with(sk, :start)")
                .expression_attribute_values(":start", text(&self.start))
        };
        let page = query.send().await?;
        let items = page.items.unwrap_or_default();
        self.read = self.read.saturating_add(items.len());
        let number = |item: &Attributes| item.get("uid")?.as_n().ok()?.parse::<u64>().ok();
        self.owners.extend(items.iter().filter_map(number));
        self.from = page.last_evaluated_key;
        Ok(())
    }
}
