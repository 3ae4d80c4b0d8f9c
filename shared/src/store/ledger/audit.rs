//! Replays an account's journal and compares it with the stored balances. Operator work: no method may do this.
//!
//! Balances that no entry names are looked for by key, since no table is ever scanned: under every user id ever given,
//! and under every operation that is still recorded. A balance under any other id is read by nothing until that id is
//! given.

use super::bulk;
use super::items::{Head, JournalItem, LINE, UserLine, journal_partition, read_balances, user_partition, world_key};
use super::tally::Tally;
use crate::ids::{AccountId, PhoneUserId};
use crate::ledger::{EntryHash, Party};
use crate::store::read::Partition;
use crate::store::{Attributes, Sequence, Store, StoreError, Table};
use crate::timestamp::Timestamp;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Items of one page of a walk.
const PAGE: i32 = 500;
/// Users whose balances are looked up together: some parallel batches.
const USERS_AT_ONCE: usize = 1_600;

/// How far an audit has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The number of journal entries read so far.
    Entries(u64),
    /// The number of users' balances looked up so far, and of how many.
    Balances(usize, usize),
}

/// What an audit of one account found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    pub account: AccountId,
    /// Entries of its journal.
    pub entries: u64,
    /// Users who have money or ever had some.
    pub users: usize,
    /// Large transfers on their way.
    pub pending: usize,
    /// Everything that is wrong; empty if all is well.
    pub findings: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct WorldBalance {
    units: i64,
}

/// What the journal says, and what is wrong so far.
struct Replay {
    account: AccountId,
    number: u64,
    hash: EntryHash,
    at: Timestamp,
    /// The number of the last statement line.
    line: u64,
    tally: Tally,
    /// Hashes of the entries of sums that went through suspense, by number: chunks of earlier versions must link to
    /// them.
    sums: HashMap<u64, EntryHash>,
    own: i128,
    world: i128,
    suspense: i128,
    users: BTreeMap<PhoneUserId, i128>,
    findings: Vec<String>,
}

/// Audits an account; `progress` is told how far it is. Money that moves meanwhile shows up as findings: audit when
/// nobody transfers, or look again.
pub async fn audit(
    store: &Store,
    account: AccountId,
    mut progress: impl FnMut(Progress),
) -> Result<Audited, StoreError> {
    let mut replay = Replay {
        account,
        number: 0,
        hash: EntryHash::genesis(),
        at: Timestamp::from_millis(0),
        line: 0,
        tally: Tally::default(),
        sums: HashMap::new(),
        own: 0,
        world: 0,
        suspense: 0,
        users: BTreeMap::new(),
        findings: Vec::new(),
    };
    let mut entries = 0_u64;
    let mut from = None;
    let pk = journal_partition(account);
    loop {
        let page = store.page(&Partition::of(Table::Ledger, &pk).page_size(PAGE), from).await?;
        for item in page.items {
            replay.read(&serde_dynamo::from_item(item)?)?;
            entries = entries.saturating_add(1);
        }
        progress(Progress::Entries(entries));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    let pending = replay.compare(store, &mut progress).await?;
    Ok(Audited { account, entries, users: replay.users.len(), pending, findings: replay.findings })
}

impl Replay {
    fn find(&mut self, finding: String) {
        self.findings.push(finding);
    }

    fn read(&mut self, item: &JournalItem) -> Result<(), StoreError> {
        let entry = &item.entry;
        let name = format!("entry {}/{}", entry.number, item.chunk);
        let hash = entry.hash().map_err(|error| StoreError::Corrupt(error.to_string()))?;
        if hash != item.hash || entry.account != self.account {
            self.find(format!("{name}: its hash is not of its content"));
        }
        for posting in &entry.postings {
            if posting.units <= 0 {
                self.find(format!("{name}: a posting of {}", posting.units));
            }
            self.move_units(posting.from, -i128::from(posting.units));
            self.move_units(posting.to, i128::from(posting.units));
        }
        if entry.lines() > 0 {
            if item.first_line <= self.line {
                self.find(format!("{name}: its lines begin with {}, behind {}", item.first_line, self.line));
            }
            self.line = item.first_line.saturating_add(entry.lines()).saturating_sub(1);
        }
        self.tally = self.tally.with(entry);
        if item.tally.is_some_and(|tally| tally != self.tally) {
            self.find(format!("{name}: its count of lines is not the journal's"));
        }
        if item.chunk > 0 {
            if self.sums.get(&entry.number) != Some(&entry.previous) {
                self.find(format!("{name}: it does not belong to its sum"));
            }
            return Ok(());
        }
        if entry.number != self.number.saturating_add(1) {
            self.find(format!("{name}: follows entry {}", self.number));
        }
        if entry.previous != self.hash {
            self.find(format!("{name}: does not link to the entry before"));
        }
        // After an entry dated by a clock that was ahead, entries have their right dates in places behind it.
        if entry.at < self.at && item.is_in_its_place() {
            self.find(format!("{name}: is earlier than the entry before"));
        }
        if i128::from(entry.balance_units) != self.own {
            self.find(format!("{name}: says {}, replayed {}", entry.balance_units, self.own));
        }
        if entry.postings.iter().any(|posting| [posting.from, posting.to].contains(&Party::Suspense)) {
            self.sums.insert(entry.number, hash.clone());
        }
        (self.number, self.hash, self.at) = (entry.number, hash, entry.at);
        Ok(())
    }

    fn move_units(&mut self, party: Party, units: i128) {
        let balance = match party {
            Party::World => &mut self.world,
            Party::Suspense => &mut self.suspense,
            Party::User(user) => self.users.entry(user).or_default(),
            Party::Account(_) => &mut self.own,
        };
        *balance = balance.saturating_add(units);
    }

    /// Compares the stored balances with the replayed ones; returns the number of large transfers on their way.
    async fn compare(&mut self, store: &Store, progress: &mut impl FnMut(Progress)) -> Result<usize, StoreError> {
        let head = Head::read(store, self.account).await?;
        if u64::try_from(head.version).ok() != Some(self.number) || head.hash != self.hash {
            self.find(format!("the account stands at entry {}, the journal at {}", head.version, self.number));
        }
        if head.tally.is_some_and(|tally| tally != self.tally) {
            self.find("the account's count of lines is not the journal's".to_owned());
        }
        self.equal("the account's balance", head.units, self.own);
        let world: Option<WorldBalance> = store.get(Table::Ledger, &world_key(self.account)).await?;
        let world = world.map_or(0, |world| world.units);
        self.equal("the world's balance", world, self.world);
        let mut sum = i128::from(head.units) + i128::from(world);

        let lines: BTreeMap<PhoneUserId, i128> = self.users.clone();
        let ways = bulk::in_flight(store, self.account).await?;
        let mut suspense = 0_i128;
        for way in &ways {
            suspense = suspense.saturating_add(i128::from(way.suspense));
            for (user, units) in &way.held {
                self.move_units(Party::User(*user), -i128::from(*units));
                self.move_units(Party::Suspense, i128::from(*units));
            }
        }
        if suspense != self.suspense {
            self.find(format!("in suspense: stored {suspense}, replayed {}", self.suspense));
        }
        sum = sum.saturating_add(suspense);
        for (operation, left) in bulk::left_over(store, self.account, &ways).await? {
            self.find(format!("operation {operation} has ended, but {left} are in suspense"));
            sum = sum.saturating_add(i128::from(left));
        }

        let users = self.possible_users(store).await?;
        let mut looked = 0_usize;
        for some in users.chunks(USERS_AT_ONCE) {
            let balances = read_balances(store, self.account, some).await?;
            for user in some {
                let stored = balances.get(user).map_or(0, |balance| balance.units);
                let known = self.users.get(user).copied();
                self.equal(&format!("the balance of user {user}"), stored, known.unwrap_or_default());
                sum = sum.saturating_add(i128::from(stored));
                if known.is_some() {
                    let (shown, expected) = (shown(store, self.account, *user).await?, lines.get(user));
                    let expected = expected.copied().unwrap_or_default();
                    if shown != expected {
                        self.find(format!("the statement of user {user} sums to {shown}, the journal to {expected}"));
                    }
                }
            }
            looked = looked.saturating_add(some.len());
            progress(Progress::Balances(looked, users.len()));
        }
        if sum != 0 {
            self.find(format!("all balances sum to {sum}, not to zero"));
        }
        Ok(ways.len())
    }

    /// All users who may have a balance: those that the journal names, and those whose id was ever given.
    async fn possible_users(&self, store: &Store) -> Result<Vec<PhoneUserId>, StoreError> {
        let given = 1..=store.last_number(Sequence::PhoneUser).await?;
        let mut users: BTreeSet<PhoneUserId> = given.filter_map(PhoneUserId::new).collect();
        users.extend(self.users.keys());
        Ok(users.into_iter().collect())
    }

    fn equal(&mut self, what: &str, stored: i64, replayed: i128) {
        if i128::from(stored) != replayed {
            self.find(format!("{what}: stored {stored}, replayed {replayed}"));
        }
        if stored < 0 && !what.contains("world") {
            self.find(format!("{what} is below zero: {stored}"));
        }
    }
}

/// The sum of a user's statement.
async fn shown(store: &Store, account: AccountId, user: PhoneUserId) -> Result<i128, StoreError> {
    let pk = user_partition(account, user);
    let lines: Vec<Attributes> =
        store.all(&Partition::of(Table::Ledger, &pk).begins_with(LINE).page_size(PAGE)).await?;
    lines.into_iter().try_fold(0_i128, |sum, line| {
        let line: UserLine = serde_dynamo::from_item(line)?;
        Ok(sum.saturating_add(i128::from(line.units)))
    })
}
