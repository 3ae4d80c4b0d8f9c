//! Keys of accounts: what proves them is in the `auth` table; here is which there are. Operator work: no method may do
//! any of this.

use super::accounts::partition;
use crate::ids::AccountId;
use crate::store::auth::{self, ServiceKey, TokenHash};
use crate::store::read::{Partition, Range};
use crate::store::{CommitError, Key, Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use crate::voximplant::Role;
use serde::{Deserialize, Serialize};

const KEYS: &str = "KEY#";

/// A service-account key, as far as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedKey {
    /// Its id.
    pub id: String,
    /// Its roles.
    pub roles: Vec<Role>,
    /// What the operator called it.
    pub description: String,
    /// When it was made.
    pub created: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeyItem {
    pk: String,
    sk: String,
    #[serde(flatten)]
    key: ListedKey,
}

fn key(account: AccountId, id: &str) -> Key {
    Key::new(partition(account), format!("{KEYS}{id}"))
}

/// There is no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unknown;

fn failed<R: std::fmt::Debug>(error: CommitError<R>) -> StoreError {
    match error {
        CommitError::Store(error) => error,
        other => StoreError::Refused(format!("{other:?}")),
    }
}

/// Stores a service-account key.
pub async fn add(store: &Store, new: &ServiceKey) -> Result<(), StoreError> {
    let Key { pk, sk } = key(new.account, &new.id);
    let listed = ListedKey {
        id: new.id.clone(),
        roles: new.roles.clone(),
        description: new.description.clone(),
        created: new.created,
    };
    let mut txn = Txn::<Unknown>::default();
    txn.push(auth::put_service_key(new)?);
    txn.push(Write::put(Table::Voximplant, &KeyItem { pk, sk: sk.unwrap_or_default(), key: listed })?);
    store.commit(&txn).await.map_err(failed)
}

/// The keys of an account.
pub async fn list(store: &Store, account: AccountId) -> Result<Vec<ListedKey>, StoreError> {
    let pk = partition(account);
    let partition = Partition {
        table: Table::Voximplant,
        index: None,
        pk: &pk,
        range: Range::BeginsWith(KEYS),
        descending: false,
        limit: None,
    };
    let items = store.all(&partition).await?.into_iter();
    let mut keys = items
        .map(|item| serde_dynamo::from_item::<_, KeyItem>(item).map(|item| item.key))
        .collect::<Result<Vec<_>, _>>()?;
    keys.sort_by_key(|key| key.created);
    Ok(keys)
}

/// Makes a key useless at once; whether the account had it.
pub async fn revoke(store: &Store, account: AccountId, id: &str) -> Result<bool, StoreError> {
    let mut txn = Txn::default();
    txn.push(Write::delete(Table::Voximplant, key(account, id)).if_exists().or(Unknown));
    txn.push(auth::delete_service_key(id));
    match store.commit(&txn).await {
        Err(CommitError::Refused(Unknown)) => Ok(false),
        done => done.map(|()| true).map_err(failed),
    }
}

/// Makes an API key useless at once; whether the account had it.
pub async fn revoke_api_key(store: &Store, account: AccountId, api_key: &str) -> Result<bool, StoreError> {
    let hash = TokenHash::of(api_key);
    if store.api_key(&hash).await?.is_none_or(|key| key.account != account) {
        return Ok(false);
    }
    let mut txn = Txn::<Unknown>::default();
    txn.push(auth::delete_api_key(&hash));
    store.commit(&txn).await.map(|()| true).map_err(failed)
}
