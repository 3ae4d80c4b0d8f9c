//! Numbers for the statement lines of earlier states, which had none of the deployment's sequence (decision E4). Operator
//! work: no method may do this.

use super::items::{JournalItem, LineNumbers, journal_partition};
use crate::ids::AccountId;
use crate::store::read::{Partition, Range};
use crate::store::{CommitError, Store, StoreError, Table, Txn, Write};

/// What to do about a journal of an earlier state.
pub(super) const BRING_ALONG: &str = "run `switchboard operator rebuild` once";
/// Entries of one page.
const PAGE: i32 = 250;

/// Gives the lines of an account's journal that have no numbers theirs, in the journal's order, on the account's statement
/// and on the users'; how many it was. Nothing else of an entry changes, so its hash stays.
///
/// An entry and its lines are one transaction: whoever is interrupted runs it again.
pub async fn number(store: &Store, account: AccountId) -> Result<u64, StoreError> {
    let pk = journal_partition(account);
    let partition = Partition {
        table: Table::Ledger,
        index: None,
        pk: &pk,
        range: Range::All,
        descending: false,
        limit: Some(PAGE),
    };
    let (mut from, mut numbered) = (None, 0_u64);
    loop {
        let page = store.page(&partition, from).await?;
        for item in page.items {
            let item: JournalItem = serde_dynamo::from_item(item)?;
            let lines = item.entry.lines();
            if item.first_line > 0 || lines == 0 {
                continue;
            }
            let item = item.numbered(LineNumbers::take(store, lines).await?);
            let mut txn = Txn::<()>::default();
            txn.push(Write::put(Table::Ledger, &item)?);
            for line in item.user_lines() {
                txn.push(Write::put(Table::Ledger, &line)?);
            }
            match store.commit(&txn).await {
                Ok(()) => numbered = numbered.saturating_add(lines),
                Err(CommitError::Store(error)) => return Err(error),
                Err(other) => return Err(StoreError::Refused(other.to_string())),
            }
        }
        from = page.next;
        if from.is_none() {
            return Ok(numbered);
        }
    }
}
