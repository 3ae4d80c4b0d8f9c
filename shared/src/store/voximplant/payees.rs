//! Users as receivers and payers of money: found by id, or all of them.

use super::users::{key, listing_partition};
use crate::ids::{AccountId, ApplicationId, PhoneUserId};
use crate::store::grants::{Action, Grant};
use crate::store::listing::Merge;
use crate::store::read::{Index, text};
use crate::store::{Key, Store, StoreError, Table};
use serde::Deserialize;
use std::collections::HashMap;

/// What [`by_ids`] and [`all`] need.
pub const FIND: &[Grant] =
    &[Grant::on(Table::Voximplant, Action::BatchGetItem), Grant::query(Table::Voximplant, "app_by_id")];

const BY_ID: Index = ("app_by_id", "ap", "s_id");

/// What a transfer must know of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payee {
    /// The user.
    pub id: PhoneUserId,
    pub application: ApplicationId,
    pub name: String,
    /// Whether it has a balance of its own.
    pub own_balance: bool,
}

#[derive(Debug, Deserialize)]
struct PayeeItem {
    id: PhoneUserId,
    application: ApplicationId,
    uname: String,
    own_balance: bool,
}

/// The users of these ids; those that do not exist are not in the map.
pub async fn by_ids(
    store: &Store,
    account: AccountId,
    ids: &[PhoneUserId],
) -> Result<HashMap<PhoneUserId, Payee>, StoreError> {
    let keys: Vec<Key> = ids.iter().map(|id| key(account, *id)).collect();
    let items = store.batch_get(Table::Voximplant, &keys).await?.into_iter();
    items
        .map(|item| {
            let PayeeItem { id, application, uname, own_balance } = serde_dynamo::from_item(item)?;
            Ok((id, Payee { id, application, name: uname, own_balance }))
        })
        .collect()
}

/// All users of these applications that have a balance of their own, by application and id.
pub async fn all(
    store: &Store,
    account: AccountId,
    applications: &[ApplicationId],
) -> Result<Vec<PhoneUserId>, StoreError> {
    let partitions = applications.iter().map(|application| listing_partition(account, *application)).collect();
    let mut merge = Merge::of(store, Table::Voximplant, BY_ID, false).open(partitions).await?;
    let mut users = Vec::new();
    while let Some(entry) = merge.next().await? {
        let own = entry.get("own_balance").and_then(|value| value.as_bool().ok()).copied();
        if own == Some(false) {
            continue;
        }
        let padded = text(&entry, "s_id").unwrap_or_default().trim_start_matches('0');
        users.push(PhoneUserId::parse(padded).ok_or_else(|| StoreError::Corrupt(padded.to_owned()))?);
    }
    Ok(users)
}
