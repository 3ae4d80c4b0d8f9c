//! The ledger's continuous check: what has been added to a journal since the last run is replayed and compared with the
//! account's balance and the world's. A run is bounded: it reads some entries of some accounts, and the next run goes
//! on from there.
//!
//! What it proves: the chain is unbroken, every entry states the balance it leads to, and the account's and the world's
//! stored balances are what the journal says. What seems wrong is checked once more before it is reported: a query may
//! see only half of a transaction that is being written at this moment. What it does not prove: the balances of users
//! and of transfers on their way, which `switchboard operator ledger audit` replays from the beginning.

use super::items::{Head, JournalItem, journal_partition, moment, world_key};
use crate::ids::AccountId;
use crate::ledger::{EntryHash, Party};
use crate::store::grants::{Action, Grant};
use crate::store::read::Partition;
use crate::store::{Key, Sequence, Store, StoreError, Table};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::Instant;

/// What [`look`] needs.
pub const WATCH: &[Grant] = &[
    Grant::on(Table::Ledger, Action::GetItem),
    Grant::on(Table::Ledger, Action::PutItem),
    Grant::on(Table::Ledger, Action::Query),
    Grant::on(Table::Voximplant, Action::GetItem),
];

/// Accounts that one run looks at.
const ACCOUNTS: u64 = 10;
/// Entries of one page.
const PAGE: i32 = 250;
/// Pages that one run reads.
const PAGES: usize = 8;
/// How long to wait before what seems wrong is checked once more: by then a transaction is completely written.
const SECOND_LOOK: Duration = Duration::from_secs(2);

/// What a run found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched {
    /// Accounts whose journal was followed to its end, and whose balances were compared with it.
    pub accounts: u64,
    /// Journal entries replayed.
    pub entries: u64,
    /// What does not agree, one line each.
    pub findings: Vec<String>,
}

/// Where the next run begins.
#[derive(Debug, Serialize, Deserialize)]
struct Turn {
    pk: String,
    sk: String,
    /// The id of the next account.
    account: u64,
}

/// How far an account's journal has been found right.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Mark {
    pk: String,
    sk: String,
    /// The last entry.
    number: u64,
    hash: EntryHash,
    /// The sort key of the last entry; before the first entry, one that is below all others.
    place: String,
    /// The balances after it, in ten-thousandths.
    own: i64,
    world: i64,
}

#[derive(Debug, Deserialize)]
struct WorldBalance {
    units: i64,
}

/// Checks some accounts, in each run the next ones. The mark of an account with a finding does not move, so every later
/// check finds it again.
pub async fn look(store: &Store, until: Instant) -> Result<Watched, StoreError> {
    let mut watched = Watched::default();
    let last = store.last_number(Sequence::Account).await?;
    if last == 0 {
        return Ok(watched);
    }
    let place = Key::new("W", "turn");
    let turn: Option<Turn> = store.get(Table::Ledger, &place).await?;
    let first = turn.map_or(1, |turn| turn.account).clamp(1, last);
    let mut pages = PAGES;
    let mut next = first;
    let mut suspected = Vec::new();
    for number in (first..=last).chain(1..first).take(usize::try_from(ACCOUNTS.min(last)).unwrap_or(1)) {
        if pages == 0 || Instant::now() >= until {
            break;
        }
        if let Some(account) = AccountId::new(number) {
            let before = watched.clone();
            if check(store, account, &mut pages, &mut watched).await?.is_some() {
                // It is checked once more below, and counted then.
                watched = before;
                suspected.push(account);
            }
        }
        next = number.checked_add(1).filter(|next| *next <= last).unwrap_or(1);
    }
    // With few accounts every run sees all of them, and there is nothing to remember.
    if next != first {
        store.put(Table::Ledger, &Turn { pk: place.pk, sk: place.sk.unwrap_or_default(), account: next }).await?;
    }
    if !suspected.is_empty() {
        tokio::time::sleep(SECOND_LOOK).await;
    }
    for account in suspected {
        let mut pages = PAGES;
        let finding = check(store, account, &mut pages, &mut watched).await?;
        watched.findings.extend(finding);
    }
    Ok(watched)
}

impl Mark {
    fn key(account: AccountId) -> Key {
        Key::new("W", account.padded())
    }

    async fn read(store: &Store, account: AccountId) -> Result<Self, StoreError> {
        let key = Self::key(account);
        let mark = store.get(Table::Ledger, &key).await?;
        Ok(mark.unwrap_or_else(|| Self {
            pk: key.pk,
            sk: key.sk.unwrap_or_default(),
            number: 0,
            hash: EntryHash::genesis(),
            place: "0".into(),
            own: 0,
            world: 0,
        }))
    }

    /// Moves on by one entry; returns what is wrong with the entry, if anything.
    fn follow(&mut self, account: AccountId, item: &JournalItem) -> Result<Option<String>, StoreError> {
        let entry = &item.entry;
        let name = format!("account {account}, entry {}", entry.number);
        let hash = entry.hash().map_err(|error| StoreError::Corrupt(error.to_string()))?;
        if hash != item.hash {
            return Ok(Some(format!("{name}: it has been changed")));
        }
        if self.number.checked_add(1) != Some(entry.number) || entry.previous != self.hash {
            return Ok(Some(format!("{name}: it does not follow entry {}", self.number)));
        }
        for posting in &entry.postings {
            for (party, units) in [(posting.from, posting.units.checked_neg()), (posting.to, Some(posting.units))] {
                let balance = match party {
                    Party::Account(_) => &mut self.own,
                    Party::World => &mut self.world,
                    Party::User(_) | Party::Suspense => continue,
                };
                let Some(moved) = units.and_then(|units| balance.checked_add(units)) else {
                    return Ok(Some(format!("{name}: its amounts are out of range")));
                };
                *balance = moved;
            }
        }
        if self.own != entry.balance_units {
            return Ok(Some(format!("{name}: it says {}, replayed {}", entry.balance_units, self.own)));
        }
        (self.number, self.hash, self.place) = (entry.number, hash, item.sk.clone());
        Ok(None)
    }
}

/// Follows an account's journal from where the last run ended; returns what seems wrong, if anything.
async fn check(
    store: &Store,
    account: AccountId,
    pages: &mut usize,
    watched: &mut Watched,
) -> Result<Option<String>, StoreError> {
    // In this order: another run may move the mark, but never beyond a head that is read after it.
    let mut mark = Mark::read(store, account).await?;
    let head = Head::read(store, account).await?;
    let goal = u64::try_from(head.version).unwrap_or(0);
    let known = mark.place.clone();
    let pk = journal_partition(account);
    // The journal only grows, and an entry and its head are one transaction: everything up to this head is there.
    let end = format!("{}#~", moment(head.place()));
    while mark.number < goal && *pages > 0 {
        let partition = Partition::of(Table::Ledger, &pk).between(&mark.place, &end).page_size(PAGE);
        let page = store.page(&partition, None).await?;
        *pages = pages.saturating_sub(1);
        let before = mark.place.clone();
        for item in page.items {
            let item: JournalItem = serde_dynamo::from_item(item)?;
            // Chunks of earlier versions are not part of the chain, and the entry that the last run ended with comes
            // again.
            if item.chunk > 0 || item.entry.number <= mark.number || item.entry.number > goal {
                // They still move the place: thousands of them may stand between two entries.
                mark.place = mark.place.max(item.sk);
                continue;
            }
            if let Some(finding) = mark.follow(account, &item)? {
                return Ok(Some(finding));
            }
            watched.entries = watched.entries.saturating_add(1);
        }
        if mark.place == before {
            return Ok(Some(format!("account {account}: the journal ends at entry {}, not {goal}", mark.number)));
        }
    }
    if mark.number >= goal {
        if mark.number > goal || mark.hash != head.hash || mark.own != head.units {
            let (units, own) = (head.units, mark.own);
            return Ok(Some(format!("account {account}: stored {units} at entry {goal}, replayed {own}")));
        }
        if let Some(finding) = world(store, account, &head, &mark).await? {
            return Ok(Some(finding));
        }
        watched.accounts = watched.accounts.saturating_add(1);
    }
    if mark.place != known {
        store.put(Table::Ledger, &mark).await?;
    }
    Ok(None)
}

/// Compares the world's balance with the replayed one, if no money has moved since the head was read.
async fn world(store: &Store, account: AccountId, head: &Head, mark: &Mark) -> Result<Option<String>, StoreError> {
    let world: Option<WorldBalance> = store.get(Table::Ledger, &world_key(account)).await?;
    let world = world.map_or(0, |world| world.units);
    if world == mark.world || Head::read(store, account).await?.version != head.version {
        return Ok(None);
    }
    Ok(Some(format!("account {account}: the world's balance is {world}, replayed {}", mark.world)))
}
