//! Items of the `ledger` table, and the steps that change them. Nothing here adds to a number that it has not read:
//! every balance is written completely, on condition of the version that was read.

use super::tally::{Side, Tally};
use crate::ids::{AccountId, PhoneUserId};
use crate::ledger::{EntryHash, JournalEntry, Money, Party, Posting};
use crate::limits::MAX_TRANSFERS_PER_SECOND;
use crate::store::write::Step;
use crate::store::{Key, Sequence, Store, StoreError, Table, Write};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

pub(super) fn account_key(account: AccountId) -> Key {
    Key::new(format!("A#{}", account.padded()), "B")
}

pub(super) fn user_partition(account: AccountId, user: PhoneUserId) -> String {
    format!("A#{}#U#{}", account.padded(), user.padded())
}

pub(super) fn user_key(account: AccountId, user: PhoneUserId) -> Key {
    Key::new(user_partition(account, user), "B")
}

/// The world's side of an account, kept per account so that credits of two accounts never wait for each other.
pub(super) fn world_key(account: AccountId) -> Key {
    Key::new(format!("A#{}#W", account.padded()), "B")
}

pub(super) fn journal_partition(account: AccountId) -> String {
    format!("A#{}#J", account.padded())
}

/// The sort key of an entry in the journal: by time, then by number. The time never goes back from number to number, so
/// this is also the order of the numbers, and a range of dates is a range of keys. The time is the entry's own unless a
/// clock was wrong: see [`Head::append`].
pub(super) fn journal_place(at: Timestamp, number: u64) -> String {
    format!("{}#{number:012}#00000", moment(at))
}

/// A moment as part of a sort key.
pub(super) fn moment(at: Timestamp) -> String {
    format!("{:015}", at.millis().max(0))
}

/// An account's balance and the head of its journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Head {
    pk: String,
    sk: String,
    /// Ten-thousandths of the account's currency.
    pub units: i64,
    /// The number of the last journal entry: also the version that a change must still find.
    #[serde(rename = "v")]
    pub version: i64,
    /// The hash of the last entry.
    pub hash: EntryHash,
    /// When the last entry was made: the next one is never dated earlier, unless this moment is in the future.
    pub at: Timestamp,
    /// The time by which the last entry is placed, if not its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    placed: Option<Timestamp>,
    /// The latest time by which an entry was placed instead of its own; missing if no clock was ever wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Timestamp>,
    /// The count of the lines of the whole statement; missing in journals of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
    /// How many entries before the last one were made in the same second as it.
    #[serde(rename = "busy", default, skip_serializing_if = "is_zero")]
    before_in_its_second: u32,
}

impl Head {
    pub(super) async fn read(store: &Store, account: AccountId) -> Result<Self, StoreError> {
        let key = account_key(account);
        let head: Option<Self> = store.get(Table::Ledger, &key).await?;
        Ok(head.unwrap_or_else(|| Self {
            pk: key.pk,
            sk: "B".into(),
            units: 0,
            version: 0,
            hash: EntryHash::genesis(),
            at: Timestamp::from_millis(0),
            placed: None,
            pinned: None,
            tally: Some(Tally::default()),
            before_in_its_second: 0,
        }))
    }

    /// Whether the account has used up its transfers of this second: one more would only compete with others for the
    /// balance.
    pub(super) fn is_busy(&self, now: Timestamp) -> bool {
        self.at.seconds() == now.seconds() && self.before_in_its_second.saturating_add(1) >= MAX_TRANSFERS_PER_SECOND
    }

    /// The time by which the last entry is placed.
    pub(super) fn place(&self) -> Timestamp {
        self.placed.unwrap_or(self.at)
    }

    pub(super) fn balance(&self) -> Money {
        Money::from_units(self.units)
    }

    /// The same head with the count of the journal's lines.
    pub(super) fn counted(self, tally: Tally) -> Self {
        Self { tally: Some(tally), ..self }
    }

    /// The head and the journal item after these postings; `None` if the balance would be negative or out of range.
    ///
    /// `numbers` are for the entry's lines and must be taken after this head was read; `now` is the moment of the
    /// write. If the head is unchanged at the commit, no line of the account has a later number or moment (decision
    /// E5).
    ///
    /// Entries are dated in the order of their numbers. If the last entry was dated by a clock that was ahead, the new
    /// one still gets its right date; only its place is behind the last entry, so that the order of the journal holds.
    pub(super) fn append(
        &self,
        account: AccountId,
        postings: Vec<Posting>,
        rate: Option<String>,
        numbers: LineNumbers,
        now: Timestamp,
    ) -> Result<Option<Appended>, StoreError> {
        let own = Party::Account(account);
        let units = postings.iter().try_fold(self.units, |units, posting| {
            let units = if posting.to == own { units.checked_add(posting.units)? } else { units };
            if posting.from == own { units.checked_sub(posting.units) } else { Some(units) }
        });
        let Some(units) = units.filter(|units| *units >= 0) else {
            return Ok(None);
        };
        let version = self.version.saturating_add(1);
        let entry = JournalEntry {
            account,
            number: u64::try_from(version).unwrap_or(0),
            at: if self.at.is_possible(now) { now.max(self.at) } else { now },
            postings,
            rate,
            balance_units: units,
            previous: self.hash.clone(),
        };
        if entry.lines() > numbers.count {
            return Err(StoreError::Refused(format!("{} lines, {} numbers", entry.lines(), numbers.count)));
        }
        let hash = entry.hash().map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let place = entry.at.max(self.place());
        let placed = (place > entry.at).then_some(place);
        let pinned = placed.max(self.pinned);
        let tally = self.tally.map(|tally| tally.with(&entry));
        let same_second = entry.at.seconds() == self.at.seconds();
        let before_in_its_second = if same_second { self.before_in_its_second.saturating_add(1) } else { 0 };
        let head = Self {
            units,
            version,
            hash: hash.clone(),
            at: entry.at,
            placed,
            pinned,
            tally,
            before_in_its_second,
            ..self.clone()
        };
        Ok(Some(Appended {
            journal: JournalItem { tally, ..JournalItem::new(entry, place, numbers.first, hash) },
            head,
        }))
    }
}

/// A head that has moved on by one entry, and the entry.
#[derive(Debug, Clone)]
pub(super) struct Appended {
    pub head: Head,
    pub journal: JournalItem,
}

impl Appended {
    /// The two steps that write head and entry, if the head is unchanged since it was read.
    pub(super) fn steps<R>(&self) -> Result<[Step<R>; 2], StoreError> {
        let head = versioned(&self.head, self.head.version)?;
        let journal = Write::put(Table::Ledger, &self.journal)?.if_absent().or_stale();
        Ok([head, journal])
    }
}

/// Writes an item at its next version `v`, if it is still at the one before.
pub(super) fn versioned<T: Serialize, R>(item: &T, version: i64) -> Result<Step<R>, StoreError> {
    let write = Write::put(Table::Ledger, item)?;
    let conditional = if version <= 1 { write.if_absent() } else { write.if_version(version.saturating_sub(1)) };
    Ok(conditional.or_stale())
}

/// The numbers of one entry's lines on statements (`transaction_id`), from the deployment's one sequence (decision E4).
#[derive(Debug, Clone, Copy)]
pub(super) struct LineNumbers {
    first: u64,
    count: u64,
}

impl LineNumbers {
    /// For an entry that is on no statement.
    pub(super) const NONE: Self = Self { first: 0, count: 0 };

    /// Takes `count` numbers. The head that the entry follows must have been read before: only then do numbers rise
    /// along the journal, since an entry appended in between changes the head. Unused numbers are left as gaps.
    pub(super) async fn take(store: &Store, count: u64) -> Result<Self, StoreError> {
        if count == 0 {
            return Ok(Self::NONE);
        }
        Ok(Self { first: store.next_block(Sequence::StatementLine, count).await?, count })
    }

    /// Takes two numbers for each user: one for the account's line, one for the user's own.
    pub(super) async fn of_users(store: &Store, users: usize) -> Result<Self, StoreError> {
        Self::take(store, u64::try_from(users).unwrap_or(u64::MAX).saturating_mul(2)).await
    }
}

/// A journal entry as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct JournalItem {
    pk: String,
    pub sk: String,
    pub hash: EntryHash,
    /// Above zero only in journals of earlier versions, where the chunks of a large transfer were not part of the
    /// chain.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub chunk: u32,
    /// The number of its first line on a statement; its other lines have the next numbers. Zero if it has no lines.
    #[serde(default)]
    pub first_line: u64,
    /// The count of the statement's lines up to the end of this entry; missing in journals of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
    #[serde(flatten)]
    pub entry: JournalEntry,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(chunk: &u32) -> bool {
    *chunk == 0
}

impl JournalItem {
    pub(super) fn new(entry: JournalEntry, place: Timestamp, first_line: u64, hash: EntryHash) -> Self {
        Self {
            pk: journal_partition(entry.account),
            sk: journal_place(place, entry.number),
            hash,
            chunk: 0,
            first_line,
            tally: None,
            entry,
        }
    }

    /// Whether it is placed by its own time.
    pub(super) fn is_in_its_place(&self) -> bool {
        self.sk.starts_with(&moment(self.entry.at))
    }
}

/// The balance of a user with money of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UserBalance {
    pk: String,
    sk: String,
    /// Ten-thousandths of the account's currency.
    pub units: i64,
    /// Counts the changes: a change must still find the version it read.
    #[serde(rename = "v")]
    pub version: i64,
    /// Counts the closings (deleted, or paid from the account): money on its way to a user that was closed since it was
    /// sent goes back.
    #[serde(rename = "c", default)]
    pub closings: i64,
}

impl UserBalance {
    fn none(account: AccountId, user: PhoneUserId) -> Self {
        let Key { pk, sk } = user_key(account, user);
        Self { pk, sk: sk.unwrap_or_default(), units: 0, version: 0, closings: 0 }
    }

    /// The balance after `change`; `None` if it would be negative or out of range.
    pub(super) fn moved(&self, change: i64) -> Option<Self> {
        let units = self.units.checked_add(change).filter(|units| *units >= 0)?;
        Some(Self { units, version: self.version.saturating_add(1), ..self.clone() })
    }

    /// The balance after closing: empty.
    fn closed(&self) -> Self {
        Self {
            units: 0,
            version: self.version.saturating_add(1),
            closings: self.closings.saturating_add(1),
            ..self.clone()
        }
    }

    pub(super) fn step<R>(&self) -> Result<Step<R>, StoreError> {
        versioned(self, self.version)
    }

    /// The step that empties and closes it.
    pub(super) fn closing<R>(&self) -> Result<Step<R>, StoreError> {
        self.closed().step()
    }
}

/// The balances of these users; one that never had money has an empty balance at version 0.
pub(super) async fn read_balances(
    store: &Store,
    account: AccountId,
    users: &[PhoneUserId],
) -> Result<HashMap<PhoneUserId, UserBalance>, StoreError> {
    let keys: Vec<Key> = users.iter().map(|user| user_key(account, *user)).collect();
    let mut balances: HashMap<PhoneUserId, UserBalance> =
        users.iter().map(|user| (*user, UserBalance::none(account, *user))).collect();
    for item in store.batch_get(Table::Ledger, &keys).await? {
        let balance: UserBalance = serde_dynamo::from_item(item)?;
        let user = balance.pk.rsplit_once('#').map(|(_, padded)| padded.trim_start_matches('0'));
        let user = user.and_then(PhoneUserId::parse).ok_or_else(|| StoreError::Corrupt(balance.pk.clone()))?;
        balances.insert(user, balance);
    }
    Ok(balances)
}

/// A user's own line of history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct UserLine {
    pk: String,
    pub sk: String,
    pub id: u64,
    pub user: PhoneUserId,
    pub at: Timestamp,
    /// Ten-thousandths: positive if the money came, negative if it went.
    pub units: i64,
    pub text: String,
}

/// What the sort keys of a user's lines begin with.
pub(super) const LINE: &str = "H#";

impl UserLine {
    fn new(account: AccountId, user: PhoneUserId, journal: &JournalItem, index: usize, posting: &Posting) -> Self {
        let came = posting.to == Party::User(user);
        Self {
            pk: user_partition(account, user),
            sk: format!("{LINE}{}", journal.line_place(index, Side::User)),
            id: journal.transaction_id(index, Side::User),
            user,
            at: journal.entry.at,
            units: if came { posting.units } else { posting.units.saturating_neg() },
            text: with_rate(&posting.user_description, journal.entry.rate.as_deref()),
        }
    }
}

impl JournalItem {
    /// The number of one side of one posting on a statement: unique in the deployment, rising along the account's
    /// journal.
    pub(super) fn transaction_id(&self, index: usize, side: Side) -> u64 {
        let before: u64 = self.entry.postings.iter().take(index).map(Posting::lines).sum();
        self.first_line.saturating_add(before).saturating_add(u64::from(side == Side::User))
    }

    /// Where one side of one posting stands among all lines.
    pub(super) fn line_place(&self, index: usize, side: Side) -> String {
        format!("{}#{:03}", self.sk, line(index, side))
    }

    /// The same entry with these numbers for its lines.
    pub(super) fn numbered(self, numbers: LineNumbers) -> Self {
        Self { first_line: numbers.first, ..self }
    }

    /// The same entry with the count of lines up to its end.
    pub(super) fn counted(self, tally: Tally) -> Self {
        Self { tally: Some(tally), ..self }
    }

    /// The users' own lines of this entry.
    pub(super) fn user_lines(&self) -> impl Iterator<Item = UserLine> {
        self.entry.postings.iter().enumerate().filter_map(|(index, posting)| {
            let user = posting.user()?;
            Some(UserLine::new(self.entry.account, user, self, index, posting))
        })
    }

    /// The steps that write the users' own lines.
    pub(super) fn lines<R>(&self) -> Result<Vec<Step<R>>, StoreError> {
        self.user_lines().map(|line| Ok(Write::put(Table::Ledger, &line)?.if_absent().or_stale())).collect()
    }
}

/// The number of one side of one posting within its entry or chunk.
fn line(index: usize, side: Side) -> usize {
    index.saturating_mul(2).saturating_add(usize::from(side == Side::User))
}

/// A converted amount names its rate (decision D7).
pub(super) fn with_rate(text: &str, rate: Option<&str>) -> String {
    rate.map_or_else(|| text.to_owned(), |rate| format!("{text} ({rate})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posting(from: Party, to: Party) -> Posting {
        Posting::new(from, to, Money::from_units(1), "x").unwrap()
    }

    #[test]
    fn every_line_has_a_number_of_its_own_in_the_order_of_the_lines() {
        let (account, user) = (AccountId::new(1).unwrap(), PhoneUserId::new(1).unwrap());
        let (own, user) = (Party::Account(account), Party::User(user));
        let postings = vec![
            posting(own, user),
            posting(own, Party::Suspense),
            posting(Party::World, own),
            posting(user, Party::Suspense),
        ];
        let (at, previous) = (Timestamp::from_millis(0), EntryHash::genesis());
        let entry = JournalEntry { account, number: 1, at, postings, rate: None, balance_units: 0, previous };
        assert_eq!(entry.lines(), 5);
        let item = JournalItem::new(entry, at, 7, EntryHash::genesis());
        let shown = [(0, Side::Account), (0, Side::User), (2, Side::Account), (3, Side::Account), (3, Side::User)];
        let ids = shown.map(|(index, side)| item.transaction_id(index, side));
        assert_eq!(ids, [7, 8, 9, 10, 11]);
        let places = shown.map(|(index, side)| item.line_place(index, side));
        assert!(places.is_sorted() && places.windows(2).all(|pair| pair[0] != pair[1]), "{places:?}");
    }
}
