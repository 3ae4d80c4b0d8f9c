//! Adds what the journals of earlier versions lack: numbers of the deployment's sequence for their statement lines
//! (decision E4), and the count of these lines. Operator work: no method may do this.

use super::items::{Head, JournalItem, LineNumbers, journal_partition};
use super::tally::Tally;
use crate::ids::AccountId;
use crate::limits::MAX_ATTEMPTS;
use crate::store::read::Partition;
use crate::store::write::Step;
use crate::store::{CommitError, Store, StoreError, Table, Txn, Write};

/// What to do about a journal of an earlier version.
pub(super) const REBUILD_HINT: &str = "run `switchboard operator rebuild` once";
/// Entries of one page.
const PAGE: i32 = 250;

/// Numbers the lines of an account's journal that have no numbers, in the journal's order, on the account's statement
/// and on its users', and counts all lines. Returns how many lines got a number. Nothing else of an entry changes, so
/// its hash stays.
///
/// An entry and its lines are one transaction: after an interruption, run it again.
pub async fn number(store: &Store, account: AccountId) -> Result<u64, StoreError> {
    let mut numbered = 0_u64;
    for _ in 0..MAX_ATTEMPTS {
        let walked = walk(store, account).await?;
        numbered = numbered.saturating_add(walked.numbered);
        if conclude(store, account, &walked).await? {
            return Ok(numbered);
        }
    }
    // Money moves all the time, so the head does not get the count. The lines have their numbers; without the count, a
    // statement is read to be counted, which only costs time.
    Ok(numbered)
}

/// What a walk over a journal to its end has found and done.
#[derive(Default)]
struct Walked {
    last: u64,
    tally: Tally,
    numbered: u64,
}

async fn walk(store: &Store, account: AccountId) -> Result<Walked, StoreError> {
    let pk = journal_partition(account);
    let partition = Partition::of(Table::Ledger, &pk).page_size(PAGE);
    let (mut from, mut walked) = (None, Walked::default());
    loop {
        let page = store.page(&partition, from).await?;
        for item in page.items {
            let item: JournalItem = serde_dynamo::from_item(item)?;
            walked.last = walked.last.max(item.entry.number);
            walked.tally = walked.tally.with(&item.entry);
            let lines = item.entry.lines();
            let unnumbered = item.first_line == 0 && lines > 0;
            if !unnumbered && item.tally == Some(walked.tally) {
                continue;
            }
            let mut item = item.counted(walked.tally);
            if unnumbered {
                item = item.numbered(LineNumbers::take(store, lines).await?);
                walked.numbered = walked.numbered.saturating_add(lines);
            }
            let mut txn = Txn::<()>::default();
            txn.push(Write::put(Table::Ledger, &item)?);
            for line in item.user_lines().filter(|_| unnumbered) {
                txn.push(Write::put(Table::Ledger, &line)?);
            }
            write(store, txn).await?;
        }
        from = page.next;
        if from.is_none() {
            return Ok(walked);
        }
    }
}

/// Writes the count into the journal's head, where later entries continue it; `false` if the journal has moved on
/// meanwhile.
async fn conclude(store: &Store, account: AccountId, walked: &Walked) -> Result<bool, StoreError> {
    let head = Head::read(store, account).await?;
    if head.version == 0 || head.tally == Some(walked.tally) {
        return Ok(true);
    }
    if u64::try_from(head.version).ok() != Some(walked.last) {
        return Ok(false);
    }
    let counted = head.counted(walked.tally);
    let step: Step<()> = Write::put(Table::Ledger, &counted)?.if_version(counted.version).or_stale();
    let mut txn = Txn::default();
    txn.push(step);
    match store.commit(&txn).await {
        Err(CommitError::Stale) => Ok(false),
        other => refused(other).map(|()| true),
    }
}

async fn write(store: &Store, txn: Txn<()>) -> Result<(), StoreError> {
    refused(store.commit(&txn).await)
}

fn refused(committed: Result<(), CommitError<()>>) -> Result<(), StoreError> {
    committed.map_err(|error| match error {
        CommitError::Store(error) => error,
        other => StoreError::Refused(other.to_string()),
    })
}
