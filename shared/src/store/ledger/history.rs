//! What happened to the money, line by line: of a whole account from its journal, of users from lines of their own.
//! Both are in order of time by their keys, so a range of dates is a range of keys.

use super::items::{Head, JournalItem, LINE, Side, UserLine, journal_partition, moment, user_partition};
use super::numbering::BRING_ALONG;
use crate::ids::{AccountId, PhoneUserId};
use crate::ledger::{Money, Party};
use crate::limits::MAX_PARALLEL;
use crate::store::grants::{Action, Grant};
use crate::store::read::{Partition, Range};
use crate::store::{Attributes, Store, StoreError, Table};
use crate::timestamp::Timestamp;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use std::ops::ControlFlow;

/// What [`find`] needs.
pub const FIND: &[Grant] = &[Grant::on(Table::Ledger, Action::Query), Grant::on(Table::Ledger, Action::GetItem)];

/// Behind every sort key that begins with a moment: `~` is above every digit.
const END: &str = "#~";
/// Items of one page of a query: a page is one round trip.
const PAGE: i32 = 250;

/// The kinds of lines there are here; the original knows many more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Credit by the operator.
    Adjustment,
    /// Between the account and a user.
    UserMoneyTransfer,
}

impl Kind {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Adjustment => "adjustment",
            Self::UserMoneyTransfer => "user_money_transfer",
        }
    }
}

/// Which lines.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Whose.
    pub account: AccountId,
    /// Not before.
    pub from: Timestamp,
    /// Not after, to the last millisecond.
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
    /// Only behind this place.
    pub after: Option<String>,
    /// Lines to skip.
    pub offset: usize,
    /// Lines to return.
    pub count: usize,
    /// Whether to count all matches, which reads the whole range.
    pub total: bool,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Unique in the deployment, rising along the account's statement (decisions E4 and E5).
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// Positive came, negative went.
    pub amount: Money,
    /// What kind.
    pub kind: Kind,
    /// The description.
    pub text: String,
    /// Whether it is of a user's balance.
    pub of_user: bool,
    /// Its place in the order.
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

/// Finds lines.
pub async fn find(store: &Store, wanted: &Wanted) -> Result<Found, StoreError> {
    let (head, found) = futures_util::try_join!(Head::read(store, wanted.account), placed(store, wanted, wanted.to))?;
    match head.pinned.filter(|pinned| *pinned > wanted.to) {
        // A clock was ahead once: lines of these dates may be placed behind what it has written.
        Some(pinned) => placed(store, wanted, pinned).await,
        None => Ok(found),
    }
}

/// Finds lines among those that are placed up to this moment.
async fn placed(store: &Store, wanted: &Wanted, until: Timestamp) -> Result<Found, StoreError> {
    let mut sieve = Sieve { wanted, matches: 0, behind: 0, chosen: Vec::new() };
    if wanted.users.is_empty() {
        walk(store, wanted, until, &journal_partition(wanted.account), "", &mut |item| {
            let mut lines = account_lines(&serde_dynamo::from_item(item)?)?;
            if wanted.descending {
                lines.reverse();
            }
            Ok(lines.into_iter().try_for_each(|line| sieve.take(line)))
        })
        .await?;
    } else {
        let walks: Vec<_> = wanted.users.iter().map(|user| of_user(store, wanted, until, *user)).collect();
        let lines: Vec<Vec<Line>> = stream::iter(walks).buffer_unordered(MAX_PARALLEL).try_collect().await?;
        let mut lines: Vec<Line> = lines.into_iter().flatten().collect();
        lines.sort_by(|left, right| left.place.cmp(&right.place));
        if wanted.descending {
            lines.reverse();
        }
        let _ = lines.into_iter().try_for_each(|line| sieve.take(line));
    }
    let total = wanted.total.then(|| u64::try_from(sieve.matches).unwrap_or(u64::MAX));
    let more = sieve.behind > wanted.offset.saturating_add(wanted.count);
    Ok(Found { lines: sieve.chosen, total, more })
}

/// The lines of one user: no more than the page can need.
async fn of_user(store: &Store, wanted: &Wanted, until: Timestamp, user: PhoneUserId) -> Result<Vec<Line>, StoreError> {
    let mut own = Sieve { wanted, matches: 0, behind: 0, chosen: Vec::new() };
    let mut lines = Vec::new();
    walk(store, wanted, until, &user_partition(wanted.account, user), LINE, &mut |item| {
        let line = user_line(serde_dynamo::from_item(item)?);
        lines.push(line.clone());
        Ok(own.take(line))
    })
    .await?;
    Ok(lines)
}

/// Takes the lines of the page out of all lines, given in order.
struct Sieve<'a> {
    wanted: &'a Wanted,
    matches: usize,
    behind: usize,
    chosen: Vec<Line>,
}

impl Sieve<'_> {
    /// Breaks once nothing more is needed.
    fn take(&mut self, line: Line) -> ControlFlow<()> {
        let wanted = self.wanted;
        let kind = wanted.kinds.is_empty() || wanted.kinds.iter().any(|kind| kind == line.kind.as_str());
        let id = wanted.ids.is_empty() || wanted.ids.contains(&line.id);
        // Nearly always its place has said so.
        let dated = (wanted.from..=wanted.to).contains(&line.at);
        if !kind || !id || !dated || wanted.users_only && !line.of_user {
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
        } else if !wanted.total && self.behind > wanted.offset.saturating_add(wanted.count) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

/// Walks the items of a partition from the first wanted date to a moment, by their places, in the wanted order, until `take` breaks.
async fn walk(
    store: &Store,
    wanted: &Wanted,
    until: Timestamp,
    pk: &str,
    prefix: &str,
    take: &mut (dyn FnMut(Attributes) -> Result<ControlFlow<()>, StoreError> + Send),
) -> Result<(), StoreError> {
    let mut low = format!("{prefix}{}", moment(wanted.from));
    let mut high = format!("{prefix}{}{END}", moment(until));
    // Without a total nothing before the cursor is needed. The entry it stands in is read again.
    if let Some(after) = wanted.after.as_ref().filter(|_| !wanted.total) {
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
    let partition = Partition {
        table: Table::Ledger,
        index: None,
        pk,
        range: Range::Between(&low, &high),
        descending: wanted.descending,
        limit: Some(PAGE),
    };
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

/// The lines of an entry: one for the account, and one for the user at the other end. What goes through suspense is
/// shown where it meets a user.
fn account_lines(item: &JournalItem) -> Result<Vec<Line>, StoreError> {
    if item.first_line == 0 && item.entry.lines() > 0 {
        let number = item.entry.number;
        return Err(StoreError::Corrupt(format!("journal entry {number} is of an earlier state: {BRING_ALONG}")));
    }
    let own = Party::Account(item.entry.account);
    let mut lines = Vec::with_capacity(item.entry.postings.len().saturating_mul(2));
    for (index, posting) in item.entry.postings.iter().enumerate() {
        let ends = [posting.from, posting.to];
        if ends.contains(&Party::Suspense) && posting.user().is_none() {
            continue;
        }
        let came = posting.to == own || posting.to == Party::Suspense;
        let line = |side: Side, came: bool, text: &str| Line {
            id: item.transaction_id(index, side),
            at: item.entry.at,
            amount: signed(posting.units, came),
            kind: if ends.contains(&Party::World) { Kind::Adjustment } else { Kind::UserMoneyTransfer },
            text: with_rate(text, item.entry.rate.as_deref()),
            of_user: side == Side::User,
            place: item.line_place(index, side),
        };
        lines.push(line(Side::Account, came, &posting.description));
        if posting.user().is_some() {
            lines.push(line(Side::User, !came, &posting.user_description));
        }
    }
    Ok(lines)
}

/// A converted amount names its rate (decision D7).
pub(super) fn with_rate(text: &str, rate: Option<&str>) -> String {
    rate.map_or_else(|| text.to_owned(), |rate| format!("{text} ({rate})"))
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
        of_user: true,
        place: line.sk.strip_prefix(LINE).unwrap_or(&line.sk).to_owned(),
    }
}
