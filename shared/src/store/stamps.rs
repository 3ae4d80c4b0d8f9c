//! Which stamps an owner's texts have now: only this decides whether search entries are needed.

use super::read::{Partition, Range};
use super::{Store, StoreError, Table};
use std::collections::HashSet;

/// The stamps in the items of a write intent's owner (`<user>`, or `<account>#<user>`); none if the owner is gone.
pub(super) async fn in_use(store: &Store, table: Table, owner: &str) -> Result<HashSet<String>, StoreError> {
    let (pk, range) = match owner.split_once('#') {
        // A telephony user's stamps are all in its profile.
        Some((account, user)) => (format!("A#{account}#U#{user}"), Range::BeginsWith("P")),
        // A StepChat user's stamps are in its extras, `D#…`, and in its profile, `P`.
        None => (format!("U#{owner}"), Range::Between("D#", "P")),
    };
    let items = store.all(&Partition::of(table, &pk).range(range)).await?;
    let attributes = items.into_iter().flatten();
    let stamps = attributes.filter(|(name, _)| name == "g" || name.starts_with("g_"));
    Ok(stamps.filter_map(|(_, value)| value.as_s().ok().cloned()).collect())
}
