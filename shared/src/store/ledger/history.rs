//! The history of money, line by line: an account's from its journal, a user's from lines of its own. The keys of both
//! are in order of time, so a range of dates is a range of keys.

pub use super::tally::Kind;

use super::items::{Head, JournalItem, LINE, UserLine, journal_partition, moment, user_partition, with_rate};
use super::numbering::REBUILD_HINT;
use super::tally::{self, Side, Tally};
use crate::ids::{AccountId, PhoneUserId};
use crate::ledger::{Money, Party};
use crate::limits::MAX_PARALLEL;
use crate::store::grants::{Action, Grant};
use crate::store::read::Partition;
use crate::store::{Attributes, Store, StoreError, Table};
use crate::timestamp::Timestamp;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use std::ops::ControlFlow;

/// What [`find`] needs.
pub const FIND: &[Grant] = &[Grant::on(Table::Ledger, Action::Query), Grant::on(Table::Ledger, Action::GetItem)];

/// The maximum of items per page of a query: a page is one round trip.
const PAGE: i32 = 250;
/// The minimum of items per page, when few lines are wanted.
const SMALL_PAGE: i32 = 10;

/// Which lines are wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub account: AccountId,
    /// Only lines from this moment on.
    pub from: Timestamp,
    /// Only lines up to this moment, included to the millisecond.
    pub to: Timestamp,
    /// Only lines of these users; empty: the account's own lines and all users'.
    pub users: Vec<PhoneUserId>,
    /// Only users' lines.
    pub users_only: bool,
    /// Only these kinds, by their words; empty: all.
    pub kinds: Vec<String>,
    /// Only these lines; empty: all.
    pub ids: Vec<u64>,
    /// Newest first.
    pub descending: bool,
    /// Only lines behind this place.
    pub after: Option<String>,
    /// Lines to skip.
    pub offset: usize,
    /// Lines to return.
    pub count: usize,
    /// Whether to count all matches. For chosen users or chosen ids, counting reads the whole range.
    pub total: bool,
}

impl Wanted {
    fn takes(&self, kind: Kind, side: Side) -> bool {
        let kind = self.kinds.is_empty() || self.kinds.iter().any(|wanted| wanted == kind.as_str());
        kind && (side == Side::User || !self.users_only)
    }

    /// Items to read at once. Nearly every item has a line, so if nothing is filtered out, no more items than wanted
    /// lines are needed.
    fn page(&self, extent: Extent) -> i32 {
        if extent == Extent::All || !self.kinds.is_empty() || !self.ids.is_empty() {
            return PAGE;
        }
        let wanted = self.offset.saturating_add(self.count).saturating_add(1);
        i32::try_from(wanted).unwrap_or(PAGE).clamp(SMALL_PAGE, PAGE)
    }

    /// Whether the journal's own count of lines can give the number of matches.
    fn is_tallied(&self, head: &Head) -> bool {
        // If a clock was ahead once, lines of other dates stand among those of the range.
        let in_order = head.pinned.is_none_or(|pinned| pinned < self.from);
        in_order && self.users.is_empty() && self.ids.is_empty()
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Unique in the deployment, rising along the account's statement (decisions E4 and E5).
    pub id: u64,
    /// When the money moved.
    pub at: Timestamp,
    /// Positive if the money came, negative if it went.
    pub amount: Money,
    /// The kind of line.
    pub kind: Kind,
    /// The description.
    pub text: String,
    side: Side,
    /// Its place in the order, for a cursor.
    pub place: String,
}

/// Lines, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The lines, in order.
    pub lines: Vec<Line>,
    /// All matches, before offset and count; only if they were counted.
    pub total: Option<u64>,
    /// Whether matches follow the last line.
    pub more: bool,
}

/// How far to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// To the end of the page that was asked for.
    Page,
    /// The whole range, counting.
    All,
}

/// Finds lines. Counting all matches costs at most two more reads if the journal has counted its lines.
pub async fn find(store: &Store, wanted: &Wanted) -> Result<Found, StoreError> {
    let whole = wanted.total && !(wanted.users.is_empty() && wanted.ids.is_empty());
    let extent = if whole { Extent::All } else { Extent::Page };
    // Boxed, here and below: each walk's future is large, and every call would carry them all.
    let page = Box::pin(placed(store, wanted, wanted.to, extent));
    // Read in parallel with the page: only the page tells whether it is needed, and reading it later would cost one
    // more round trip.
    let before = async {
        if wanted.total && extent == Extent::Page {
            tally_below(store, wanted, &moment(wanted.from)).await
        } else {
            Ok(None)
        }
    };
    let (head, found, before) = futures_util::try_join!(Head::read(store, wanted.account), page, before)?;
    if let Some(pinned) = head.pinned.filter(|pinned| *pinned > wanted.to) {
        // A clock was ahead once: lines of these dates may be placed behind the entries that it dated.
        let extent = if wanted.total { Extent::All } else { Extent::Page };
        return Box::pin(placed(store, wanted, pinned, extent)).await;
    }
    if !wanted.total || found.total.is_some() {
        return Ok(found);
    }
    match tallied(store, wanted, &head, before).await? {
        Some(total) => Ok(Found { total: Some(total), ..found }),
        None => Box::pin(placed(store, wanted, wanted.to, Extent::All)).await,
    }
}

/// The number of lines in the range, as the difference of the journal's counts at the range's two ends; `None` if the
/// journal has no count.
async fn tallied(
    store: &Store,
    wanted: &Wanted,
    head: &Head,
    before: Option<Tally>,
) -> Result<Option<u64>, StoreError> {
    if !wanted.is_tallied(head) {
        return Ok(None);
    }
    let up_to_now = wanted.to >= head.place();
    let last = if up_to_now { head.tally } else { tally_below(store, wanted, &after(wanted.to)).await? };
    Ok(last.zip(before).map(|(last, before)| last.since(before, |kind, side| wanted.takes(kind, side))))
}

/// The count of the lines of all entries that are placed before the sort key `high`; `None` if the journal has no
/// count.
async fn tally_below(store: &Store, wanted: &Wanted, high: &str) -> Result<Option<Tally>, StoreError> {
    let pk = journal_partition(wanted.account);
    let partition = Partition::of(Table::Ledger, &pk).below(high).descending().page_size(1);
    let Some(item) = store.page(&partition, None).await?.items.into_iter().next() else {
        return Ok(Some(Tally::default()));
    };
    Ok(serde_dynamo::from_item::<_, JournalItem>(item)?.tally)
}

/// Finds lines among those that are placed up to this moment.
async fn placed(store: &Store, wanted: &Wanted, until: Timestamp, extent: Extent) -> Result<Found, StoreError> {
    let mut picker = LinePicker { wanted, extent, matches: 0, behind: 0, chosen: Vec::new() };
    if wanted.users.is_empty() {
        walk(store, wanted, until, extent, &journal_partition(wanted.account), "", &mut |item| {
            let mut lines = account_lines(&serde_dynamo::from_item(item)?)?;
            if wanted.descending {
                lines.reverse();
            }
            Ok(lines.into_iter().try_for_each(|line| picker.take(line)))
        })
        .await?;
    } else {
        let walks: Vec<_> = wanted.users.iter().map(|user| of_user(store, wanted, until, extent, *user)).collect();
        let lines: Vec<Vec<Line>> = stream::iter(walks).buffer_unordered(MAX_PARALLEL).try_collect().await?;
        let mut lines: Vec<Line> = lines.into_iter().flatten().collect();
        lines.sort_by(|left, right| left.place.cmp(&right.place));
        if wanted.descending {
            lines.reverse();
        }
        let _ = lines.into_iter().try_for_each(|line| picker.take(line));
    }
    let more = picker.behind > wanted.offset.saturating_add(wanted.count);
    // If the whole range was read, its matches are counted already.
    let read_whole = extent == Extent::All || !more && wanted.after.is_none();
    let total = (wanted.total && read_whole).then(|| u64::try_from(picker.matches).unwrap_or(u64::MAX));
    Ok(Found { lines: picker.chosen, total, more })
}

/// The lines of one user: no more than the page can need.
async fn of_user(
    store: &Store,
    wanted: &Wanted,
    until: Timestamp,
    extent: Extent,
    user: PhoneUserId,
) -> Result<Vec<Line>, StoreError> {
    let mut own = LinePicker { wanted, extent, matches: 0, behind: 0, chosen: Vec::new() };
    let mut lines = Vec::new();
    walk(store, wanted, until, extent, &user_partition(wanted.account, user), LINE, &mut |item| {
        let line = user_line(serde_dynamo::from_item(item)?);
        lines.push(line.clone());
        Ok(own.take(line))
    })
    .await?;
    Ok(lines)
}

/// A sort key behind all that begin with this moment: `~` is above every digit.
fn after(at: Timestamp) -> String {
    format!("{}#~", moment(at))
}

/// Picks the lines of the page from all lines, which are given in order.
struct LinePicker<'a> {
    wanted: &'a Wanted,
    extent: Extent,
    matches: usize,
    behind: usize,
    chosen: Vec<Line>,
}

impl LinePicker<'_> {
    /// Takes a line, if it is wanted; breaks once nothing more is needed.
    fn take(&mut self, line: Line) -> ControlFlow<()> {
        let wanted = self.wanted;
        let id = wanted.ids.is_empty() || wanted.ids.contains(&line.id);
        // Nearly always the line's place implies this already.
        let dated = (wanted.from..=wanted.to).contains(&line.at);
        if !id || !dated || !wanted.takes(line.kind, line.side) {
            return ControlFlow::Continue(());
        }
        self.matches = self.matches.saturating_add(1);
        let passed = |after: &String| if wanted.descending { line.place < *after } else { line.place > *after };
        if !wanted.after.as_ref().is_none_or(passed) {
            return ControlFlow::Continue(());
        }
        self.behind = self.behind.saturating_add(1);
        if self.behind > wanted.offset && self.chosen.len() < wanted.count {
            self.chosen.push(line);
        } else if self.extent == Extent::Page && self.behind > wanted.offset.saturating_add(wanted.count) {
            return ControlFlow::Break(());
        }
        // Each id belongs to one line.
        if self.matches == wanted.ids.len() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Gives `take` the items of a partition that are placed between the first wanted date and `until`, in the wanted
/// order, until `take` breaks.
async fn walk(
    store: &Store,
    wanted: &Wanted,
    until: Timestamp,
    extent: Extent,
    pk: &str,
    prefix: &str,
    take: &mut (dyn FnMut(Attributes) -> Result<ControlFlow<()>, StoreError> + Send),
) -> Result<(), StoreError> {
    let mut low = format!("{prefix}{}", moment(wanted.from));
    let mut high = format!("{prefix}{}", after(until));
    // A page needs nothing before the cursor. The entry that the cursor stands in is read again.
    if let Some(after) = wanted.after.as_ref().filter(|_| extent == Extent::Page) {
        if wanted.descending {
            high = high.min(format!("{prefix}{after}"));
        } else {
            let entry = after.rsplit_once('#').map_or(after.as_str(), |(entry, _)| entry);
            low = low.max(format!("{prefix}{entry}"));
        }
    }
    if low > high {
        return Ok(());
    }
    let partition = Partition::of(Table::Ledger, pk)
        .between(&low, &high)
        .descending_if(wanted.descending)
        .page_size(wanted.page(extent));
    let mut from = None;
    loop {
        let page = store.page(&partition, from).await?;
        for item in page.items {
            if take(item)?.is_break() {
                return Ok(());
            }
        }
        from = page.next;
        if from.is_none() {
            return Ok(());
        }
    }
}

/// The lines of an entry.
fn account_lines(item: &JournalItem) -> Result<Vec<Line>, StoreError> {
    if item.first_line == 0 && item.entry.lines() > 0 {
        let number = item.entry.number;
        return Err(StoreError::Corrupt(format!("journal entry {number} is of an earlier state: {REBUILD_HINT}")));
    }
    let own = Party::Account(item.entry.account);
    let line = |(index, kind, side): (usize, Kind, Side)| {
        let posting = item.entry.postings.get(index)?;
        let came_to_account = posting.to == own || posting.to == Party::Suspense;
        let (came, text) = match side {
            Side::Account => (came_to_account, &posting.description),
            Side::User => (!came_to_account, &posting.user_description),
        };
        Some(Line {
            id: item.transaction_id(index, side),
            at: item.entry.at,
            amount: signed(posting.units, came),
            kind,
            text: with_rate(text, item.entry.rate.as_deref()),
            side,
            place: item.line_place(index, side),
        })
    };
    Ok(tally::lines(&item.entry).filter_map(line).collect())
}

fn signed(units: i64, came: bool) -> Money {
    Money::from_units(if came { units } else { units.saturating_neg() })
}

fn user_line(line: UserLine) -> Line {
    Line {
        id: line.id,
        at: line.at,
        amount: Money::from_units(line.units),
        kind: Kind::UserMoneyTransfer,
        text: line.text,
        side: Side::User,
        place: line.sk.strip_prefix(LINE).unwrap_or(&line.sk).to_owned(),
    }
}
