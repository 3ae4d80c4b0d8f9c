//! Search entries: items by which a search finds texts that contain a word, at the cost of what it finds
//! (`docs/adr/0013`).
//!
//! A search entry says that a text of a user has a gram, eight characters at most. Its key ends in the text's stamp,
//! which is new whenever the text changes and is stored with the text. So no two writes ever share a search entry: no
//! write can overwrite or remove one that another relies on, and no write of search entries needs a condition.
//!
//! The order is: write intent, search entries, transaction. The transaction commits its intent. So the intent tells
//! what a writer that died has left, and `background/jobs` remove it. Search entries of replaced texts are removed some
//! time after the transaction: a search that began before it finds the new entries or still finds the old ones.
//!
//! The file is long for a reason: writing, removing and reading the entries rely on each other's order.

use super::grants::{Action, Grant};
use super::read::Partition;
use super::write::Step;
use super::{Attributes, CommitError, Key, Store, StoreError, Table, Txn, Write, stamps};
use crate::grams::{Extent, Gram, IndexedText, extents, pieces};
use crate::ids::UserId;
use crate::limits::{MAX_BATCH_GET, MAX_PARALLEL, SEARCH_ENTRIES, SEARCH_SETTLED_MILLIS, SEARCH_TOGETHER};
use crate::slices::rotated_randomly;
use crate::text::{FOLD_VERSION, fold};
use crate::timestamp::Timestamp;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt};
use futures_util::try_join;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

/// What [`settle`] needs.
pub const SETTLE: &[Grant] = &[
    Grant::on(Table::Stepchat, Action::Query),
    Grant::on(Table::Stepchat, Action::BatchGetItem),
    Grant::on(Table::Stepchat, Action::BatchWriteItem),
    Grant::on(Table::Stepchat, Action::UpdateItem),
    Grant::on(Table::Voximplant, Action::Query),
    Grant::on(Table::Voximplant, Action::BatchWriteItem),
    Grant::on(Table::Voximplant, Action::UpdateItem),
];

/// The tables with search entries.
const SEARCHED: [Table; 2] = [Table::Stepchat, Table::Voximplant];
/// What partitions of search entries begin with.
const ENTRIES: &str = "G#";
/// Partitions of write intents, in the table whose search entries they are about. Every change of a text writes one, so
/// they are spread over several partitions, [`intent_partitions`].
const INTENTS: &str = "J#postings";
/// How many partitions: one takes 1,000 write units a second, and a creation takes three.
const INTENT_SHARDS: u8 = 8;
/// The owner in an intent that was written before its user had an id.
const NOBODY_YET: &str = "new";
/// Bytes of texts in one write intent; an item may have 400 KB at most.
const INTENT_BYTES: usize = 300_000;
/// Search entries read first for each piece of a long word, in case one of the pieces is rare.
const FIRST_PAGE: usize = 100;
/// By what factor each further page is larger.
const GROWTH: usize = 8;

/// The limits up to which a search uses search entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Search entries read for one word. For a word with more, looking at every user is faster.
    pub entries: usize,
    /// Users found that are read and sorted together.
    pub together: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: SEARCH_ENTRIES, together: SEARCH_TOGETHER }
    }
}

/// Distinguishes the search entries of one text from those of every other text, and of the same text at another time.
/// It also names the version of the fold that made them and, if they cover only part of the text, how many characters
/// they cover: `<version>.<16 hex>[:<characters>]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamp(String);

impl Stamp {
    fn new(extent: Extent) -> Self {
        let stamp = format!("{FOLD_VERSION}.{:016x}", fastrand::u64(..));
        match extent {
            Extent::Whole => Self(stamp),
            Extent::First(characters) => Self(format!("{stamp}:{characters}")),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether its search entries were made by the present fold. Entries of an earlier fold have keys that the present
    /// one does not look up: `switchboard operator rebuild` makes new ones and clears the old ones.
    pub(super) fn is_current(&self) -> bool {
        self.0.split_once('.').is_some_and(|(version, _)| version.parse() == Ok(FOLD_VERSION))
    }

    fn extent(&self) -> Extent {
        let characters = self.0.split_once(':').and_then(|(_, characters)| characters.parse().ok());
        characters.map_or(Extent::Whole, Extent::First)
    }
}

/// Whether an item with this sort key, in a partition with search entries ([`is_search_entry`]), was left by an earlier
/// fold.
#[must_use]
pub fn is_outdated(sk: &str) -> bool {
    sk.rsplit_once('\0').is_none_or(|(_, stamp)| !Stamp(stamp.to_owned()).is_current())
}

/// Whether a partition holds search entries.
#[must_use]
pub fn is_search_entry(pk: &str) -> bool {
    pk.starts_with(ENTRIES)
}

/// A text with the stamp of its search entries. A `list` is what one look-up searches, such as the names of a
/// workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StampedText {
    list: String,
    text: IndexedText,
    stamp: Stamp,
}

impl StampedText {
    /// A text that has this stamp; `None` without a stamp, with one of an earlier fold, or if no word can be found in
    /// the text.
    pub(super) fn of(list: &str, text: &str, stamp: Option<&Stamp>) -> Option<Self> {
        let stamp = stamp.filter(|stamp| stamp.is_current())?;
        Some(Self { list: list.to_owned(), text: IndexedText::of(text, stamp.extent())?, stamp: stamp.clone() })
    }

    fn keys(&self) -> impl Iterator<Item = Key> {
        let extent = self.stamp.extent();
        let more = (extent != Extent::Whole).then(|| Key::new(long_texts(&self.list), format!("\0{}", self.stamp.0)));
        let grams = self.text.grams(extent).into_iter().map(|gram| {
            let (_, rest) = gram.parts();
            Key::new(partition(&self.list, &gram), format!("{rest}\0{}", self.stamp.0))
        });
        grams.chain(more)
    }
}

/// The partition of the search entries of grams with this first character.
fn partition(list: &str, gram: &Gram) -> String {
    let (first, _) = gram.parts();
    format!("{ENTRIES}{list}#{first}")
}

/// The partition that holds the owners of texts that are not completely indexed, for all lists of a workspace or of an
/// account: every search reads it. A list of an account is called `<list>#<account>`.
fn long_texts(list: &str) -> String {
    let (_, account) = list.split_once('#').unwrap_or_default();
    format!("{ENTRIES}long#{account}")
}

/// A text that a change may replace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replaced<'a> {
    /// The list it is in.
    pub list: &'a str,
    /// As it was, with the stamp of its search entries.
    pub before: (Option<&'a str>, Option<&'a Stamp>),
    /// As it will be.
    pub after: Option<&'a str>,
    /// Whether it gets its share of the call's search entries before other texts do, as names do.
    pub is_first: bool,
}

/// Notes that texts are deleted with their owner, so that [`settle`] removes their search entries some time later: a
/// second copy of the message that wrote an entry may still be on its way. Safe to repeat.
pub(super) async fn remove_later(
    store: &Store,
    table: Table,
    owner: &str,
    gone: &[StampedText],
) -> Result<(), StoreError> {
    let intents = IndexChange::gone(table, owner.to_owned(), store.now(), gone.to_vec()).committed();
    let items = intents.iter().map(serde_dynamo::to_item).collect::<Result<Vec<_>, _>>()?;
    store.batch_put(table, items).await
}

/// Removes the search entries of texts that nobody has any more.
async fn remove(store: &Store, table: Table, gone: &[StampedText]) -> Result<(), StoreError> {
    let keys: Vec<Key> = gone.iter().flat_map(StampedText::keys).collect();
    store.batch_delete(table, &keys).await
}

/// Removes search entries that an earlier fold has left. Operator work: no method may do this.
pub async fn clear(store: &Store, table: Table, outdated: &[Key]) -> Result<(), StoreError> {
    store.batch_delete(table, outdated).await
}

/// What a transaction changes about search entries.
#[derive(Debug, Clone)]
pub(super) struct IndexChange {
    table: Table,
    /// The owner of the texts, as part of a key; `uid` is the same as a number.
    owner: String,
    uid: u64,
    at: i64,
    added: Vec<StampedText>,
    removed: Vec<StampedText>,
    /// The intents, if they are written already.
    written: Option<Vec<WriteIntent>>,
}

impl IndexChange {
    /// No change yet; `at` is the moment of the change, in milliseconds.
    pub(super) fn new(table: Table, owner: String, uid: u64, at: i64) -> Self {
        Self { table, owner, uid, at, added: Vec::new(), removed: Vec::new(), written: None }
    }

    /// No change yet, for a user who has no id yet; `at` is the moment of the change, in milliseconds.
    pub(super) fn of_nobody_yet(table: Table, at: i64) -> Self {
        Self::new(table, NOBODY_YET.to_owned(), 0, at)
    }

    /// Writes the intents now, for example while the owner's id is being requested.
    pub(super) async fn write_intents(&mut self, store: &Store) -> Result<(), StoreError> {
        if self.added.is_empty() {
            return Ok(());
        }
        let intents = self.intents();
        let items = intents.iter().map(serde_dynamo::to_item).collect::<Result<Vec<_>, _>>()?;
        store.batch_put(self.table, items).await?;
        self.written = Some(intents);
        Ok(())
    }

    /// The same change, with this owner.
    pub(super) fn owned_by(self, owner: String, uid: u64) -> Self {
        Self { owner, uid, ..self }
    }

    /// The change that removes the texts of owners who are deleted at this moment.
    pub(super) fn gone(table: Table, owner: String, now: Timestamp, removed: Vec<StampedText>) -> Self {
        Self { removed, ..Self::new(table, owner, 0, now.millis()) }
    }

    /// Replaces texts by others, all texts of one call together, since they share what one call may write (decision
    /// E9). Returns the stamps of the new texts. A text that still compares equal keeps its stamp, if that is of the
    /// present fold.
    pub(super) fn replace(&mut self, texts: &[Replaced<'_>]) -> Vec<Option<Stamp>> {
        let folded: Vec<String> = texts.iter().map(|text| text.after.map(fold).unwrap_or_default()).collect();
        let keeps = |text: &Replaced<'_>, new: &str| {
            let (old, stamp) = text.before;
            stamp.is_some_and(Stamp::is_current) && old.is_some_and(|old| fold(old) == new)
        };
        let kept: Vec<bool> = texts.iter().zip(&folded).map(|(text, new)| keeps(text, new)).collect();
        let added = || texts.iter().zip(&folded).zip(&kept).filter(|(_, kept)| !**kept).map(|(text, _)| text);
        let wanted: Vec<(&str, bool)> = added().map(|(text, new)| (new.as_str(), text.is_first)).collect();
        let mut extents = extents(&wanted).into_iter();
        let mut stamps = Vec::with_capacity(texts.len());
        for (text, kept) in texts.iter().zip(kept) {
            let (old, stamp) = text.before;
            if kept {
                stamps.push(stamp.cloned());
                continue;
            }
            self.removed.extend(old.and_then(|old| StampedText::of(text.list, old, stamp)));
            let stamp = extents.next().map(Stamp::new);
            let stamped = text.after.and_then(|after| StampedText::of(text.list, after, stamp.as_ref()));
            stamps.push(stamped.as_ref().map(|stamped| stamped.stamp.clone()));
            self.added.extend(stamped);
        }
        stamps
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// The search entries that must be there before the transaction.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Table, Attributes)> {
        self.added.iter().flat_map(StampedText::keys).map(|key| {
            let mut item = key.attributes();
            item.insert("uid".to_owned(), AttributeValue::N(self.uid.to_string()));
            (self.table, item)
        })
    }

    /// What is written before the transaction, and the steps that belong in the transaction: they commit the intents,
    /// and fail if an intent was aborted because its writer seemed to have died. If no text is added, nothing is
    /// written before: the transaction itself notes what is to be removed.
    pub(super) fn prepare<R>(&self) -> Result<(WritesBefore, Vec<Step<R>>), StoreError> {
        if self.added.is_empty() {
            let intents = self.committed().into_iter();
            let steps: Result<_, StoreError> = intents.map(|one| Ok(Write::put(self.table, &one)?.into())).collect();
            return Ok((WritesBefore::default(), steps?));
        }
        let mut before = WritesBefore::default();
        let intents = match &self.written {
            Some(written) => written.clone(),
            None => {
                let intents = self.intents();
                for one in &intents {
                    before.intents.push((self.table, serde_dynamo::to_item(one)?));
                }
                intents
            }
        };
        before.entries.extend(self.entries());
        Ok((before, intents.iter().map(|one| one.commit(self.table)).collect()))
    }

    /// The intents of a change that has happened.
    fn committed(&self) -> Vec<WriteIntent> {
        self.intents().into_iter().map(|one| WriteIntent { state: IntentState::Committed, ..one }).collect()
    }

    /// One write intent, or several where one item would not hold the texts.
    fn intents(&self) -> Vec<WriteIntent> {
        let texts = self.added.iter().map(|text| (true, text)).chain(self.removed.iter().map(|text| (false, text)));
        let (mut intents, mut bytes): (Vec<WriteIntent>, usize) = (Vec::new(), 0);
        for (is_new, text) in texts {
            bytes = bytes.saturating_add(text.text.len());
            if intents.is_empty() || bytes > INTENT_BYTES {
                intents.push(WriteIntent::new(&self.owner, self.at));
                bytes = text.text.len();
            }
            if let Some(last) = intents.last_mut() {
                if is_new { &mut last.added } else { &mut last.removed }.push(text.clone());
            }
        }
        intents
    }
}

/// What must be there before transactions that change search entries.
#[derive(Debug, Default)]
pub(super) struct WritesBefore {
    /// Written first, so that every search entry has an intent that tells what became of it.
    intents: Vec<(Table, Attributes)>,
    entries: Vec<(Table, Attributes)>,
}

impl WritesBefore {
    /// Adds those of other transactions.
    pub(super) fn extend(&mut self, others: Self) {
        self.intents.extend(others.intents);
        self.entries.extend(others.entries);
    }

    /// Writes the intents, then the search entries.
    pub(super) async fn write(self, store: &Store) -> Result<(), StoreError> {
        for items in [self.intents, self.entries] {
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

/// The state of an intended change: undecided, happened, or certain never to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum IntentState {
    #[serde(rename = "open")]
    Pending,
    #[serde(rename = "done")]
    Committed,
    #[serde(rename = "dead")]
    Aborted,
}

/// A change of search entries that is under way, or whose old search entries are still to be removed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct WriteIntent {
    pk: String,
    sk: String,
    at: i64,
    #[serde(rename = "fate")]
    state: IntentState,
    #[serde(default)]
    added: Vec<StampedText>,
    #[serde(default)]
    removed: Vec<StampedText>,
}

impl WriteIntent {
    fn new(owner: &str, at: i64) -> Self {
        let sk = format!("{owner}#{:016x}", fastrand::u64(..));
        Self {
            pk: intent_partition(fastrand::u8(0..INTENT_SHARDS)),
            sk,
            at,
            state: IntentState::Pending,
            added: Vec::new(),
            removed: Vec::new(),
        }
    }

    fn key(&self) -> Key {
        Key::new(self.pk.clone(), self.sk.clone())
    }

    /// The step by which the transaction commits it.
    fn commit<R>(&self, table: Table) -> Step<R> {
        let write = if self.removed.is_empty() {
            Write::delete(table, self.key())
        } else {
            Write::update(table, self.key(), "SET fate = :done REMOVE added").text(":done", "done")
        };
        write.text(":open", "open").if_("fate = :open").or_stale()
    }

    /// Removes the search entries that no text uses: if the change happened, those of the replaced texts, otherwise
    /// those of the change's texts that the owner does not have now. Safe to repeat and to interrupt. Returns whether
    /// it finished.
    async fn finish(&self, store: &Store, table: Table) -> Result<bool, StoreError> {
        if self.state == IntentState::Pending {
            // Once this is committed, the transaction can no longer happen.
            let abort =
                Write::update(table, self.key(), "SET fate = :dead").text(":dead", "dead").text(":open", "open");
            let mut txn = Txn::default();
            txn.push(abort.if_("fate = :open").or(()));
            match store.transact(&txn).await {
                Err(CommitError::Store(error)) => return Err(error),
                // The change happened in between: a later run removes the old search entries.
                Err(_) => return Ok(false),
                Ok(()) => {}
            }
        }
        remove(store, table, &self.not_needed(store, table).await?).await?;
        store.batch_delete(table, &[self.key()]).await?;
        Ok(true)
    }

    /// The owner of the texts. If the user had no id yet, the search entries name the owner; `None` if there are none.
    async fn owner(&self, store: &Store, table: Table) -> Result<Option<String>, StoreError> {
        let owner = self.sk.rsplit_once('#').map_or(self.sk.as_str(), |(owner, _)| owner);
        if owner != NOBODY_YET {
            return Ok(Some(owner.to_owned()));
        }
        let keys: Vec<Key> = self.added.iter().flat_map(StampedText::keys).collect();
        // One is enough, and mostly the first are there.
        for some in keys.chunks(MAX_BATCH_GET) {
            if let Some(owner) = store.batch_get(table, some).await?.iter().find_map(owner_of) {
                return Ok(UserId::new(owner).map(UserId::padded));
            }
        }
        Ok(None)
    }

    /// The texts whose search entries are not used. An aborted change may have happened nevertheless: a second copy of
    /// the message that wrote the intent may have put the intent back after the transaction had removed or committed
    /// it. So the texts that the owner has now decide: no change that could give the owner one of these stamps is under
    /// way any more.
    async fn not_needed(&self, store: &Store, table: Table) -> Result<Vec<StampedText>, StoreError> {
        if self.state == IntentState::Committed {
            return Ok(self.removed.clone());
        }
        // No owner: then there are no search entries.
        let Some(owner) = self.owner(store, table).await? else { return Ok(Vec::new()) };
        let in_use = stamps::in_use(store, table, &owner).await?;
        let texts = self.added.iter().chain(&self.removed);
        Ok(texts.filter(|text| !in_use.contains(&text.stamp.0)).cloned().collect())
    }
}

/// The number of the owner of a search entry.
fn owner_of(entry: &Attributes) -> Option<u64> {
    entry.get("uid")?.as_n().ok()?.parse().ok()
}

fn intent_partition(shard: u8) -> String {
    format!("{INTENTS}#{shard}")
}

/// All partitions with write intents: those of earlier versions are in one without a number.
fn intent_partitions() -> impl Iterator<Item = String> {
    std::iter::once(INTENTS.to_owned()).chain((0..INTENT_SHARDS).map(intent_partition))
}

/// Finishes the changes that began some time ago, until all are finished or the time is up. By then, the requests that
/// made them and the searches that began before them have ended. Returns for each change whether it is finished, or its
/// error: a change that fails does not stop the others.
pub async fn settle(
    store: &Store,
    now: Timestamp,
    until: Instant,
) -> Result<Vec<Result<bool, StoreError>>, StoreError> {
    let mut finished = Vec::new();
    let partitions = SEARCHED.into_iter().flat_map(|table| intent_partitions().map(move |pk| (table, pk)));
    for (table, pk) in rotated_randomly(partitions.collect()) {
        let partition = Partition::of(table, &pk);
        // A page at a time: a delete of very many users leaves as many texts behind.
        let mut page = store.page(&partition, None).await?;
        loop {
            finished.extend(settle_some(store, table, page.items, now, until).await);
            let Some(next) = page.next else { break };
            if Instant::now() >= until {
                finished.push(Ok(false));
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
    intents: Vec<Attributes>,
    now: Timestamp,
    until: Instant,
) -> Vec<Result<bool, StoreError>> {
    let intents = intents.into_iter().map(serde_dynamo::from_item);
    let (intents, unreadable): (Vec<_>, Vec<_>) = intents.partition(Result::is_ok);
    let intents = intents.into_iter().filter_map(Result::<WriteIntent, _>::ok);
    let unreadable = unreadable.into_iter().filter_map(Result::err).map(|error| Err(error.into()));
    // Collected before they are streamed: a borrowing closure here would not be `Send` for every lifetime.
    let finishing: Vec<_> = intents
        .filter(|one| Timestamp::from_millis(one.at).is_past(SEARCH_SETTLED_MILLIS, now))
        .map(|one| async move { if Instant::now() < until { one.finish(store, table).await } else { Ok(false) } })
        .collect();
    let finished: Vec<_> = stream::iter(finishing).buffer_unordered(MAX_PARALLEL).collect().await;
    finished.into_iter().chain(unreadable).collect()
}

/// A folded word without white space, and the list it is looked up in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LookUp<'a> {
    pub list: &'a str,
    pub word: &'a str,
}

/// The numbers of all owners who may be found by any of these look-ups; no owner is missing. `None` if there are so
/// many that looking at every user is no worse. Owners of texts that are not completely indexed may be found by any
/// word.
///
/// Reads the table strongly: every owner who was committed before is found.
pub(super) async fn find(
    store: &Store,
    table: Table,
    lookups: &[LookUp<'_>],
) -> Result<Option<BTreeSet<u64>>, StoreError> {
    let long: BTreeSet<String> = lookups.iter().map(|lookup| long_texts(lookup.list)).collect();
    let long = long.into_iter().map(|pk| vec![Scan::of_partition(pk)]);
    let words =
        lookups.iter().map(|lookup| pieces(lookup.word).iter().map(|gram| Scan::of(lookup.list, gram)).collect());
    let scans: Vec<Vec<Scan>> = long.chain(words).collect();
    let found = try_join_all(scans.into_iter().map(|scans| rarest(store, table, scans))).await?;
    Ok(found.into_iter().try_fold(BTreeSet::new(), |mut all, found| {
        all.extend(found?);
        Some(all)
    }))
}

/// The numbers of all owners with a text in this list that may contain all of these folded words; no owner is missing.
/// `None` if there are very many, or no word to look up. Reads strongly.
pub(super) async fn containing(
    store: &Store,
    table: Table,
    list: &str,
    words: &[&str],
) -> Result<Option<BTreeSet<u64>>, StoreError> {
    let scans: Vec<Scan> = words.iter().flat_map(|word| pieces(word)).map(|gram| Scan::of(list, &gram)).collect();
    if scans.is_empty() {
        return Ok(None);
    }
    let long = rarest(store, table, vec![Scan::of_partition(long_texts(list))]);
    let (found, long) = try_join!(rarest(store, table, scans), long)?;
    Ok(found.zip(long).map(|(found, long)| found.into_iter().chain(long).collect()))
}

/// The owners that have all of these grams, judged by the lists of grams that have been read to their end when the
/// first one is.
async fn rarest(store: &Store, table: Table, mut scans: Vec<Scan>) -> Result<Option<BTreeSet<u64>>, StoreError> {
    let most = store.search.entries;
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

/// A list of search entries that is being read.
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
        Self { start: start.to_owned(), ..Self::of_partition(partition(list, gram)) }
    }

    fn of_partition(pk: String) -> Self {
        Self { pk, start: String::new(), owners: BTreeSet::new(), read: 0, from: None }
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
        self.owners.extend(items.iter().filter_map(owner_of));
        self.from = page.last_evaluated_key;
        Ok(())
    }
}
