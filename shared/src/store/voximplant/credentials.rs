//! Keys of accounts. Their proofs are in the `auth` table; here is which keys an account has. Operator work: no method
//! may do any of this.

use super::accounts::partition;
use crate::ids::AccountId;
use crate::store::auth::{self, ApiKey, IssuedCredential, ServiceKey, TokenHash};
use crate::store::read::Partition;
use crate::store::{CommitError, Key, Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use crate::voximplant::{ApiKeyName, Role};
use serde::{Deserialize, Serialize};

const KEYS: &str = "KEY#";
const API_KEYS: &str = "APIKEY#";

/// A service-account key, as far as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedKey {
    pub id: String,
    pub roles: Vec<Role>,
    /// What the operator called it.
    pub description: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last used, accurate to some minutes: stored with its proof.
    #[serde(skip)]
    pub used_at: Option<Timestamp>,
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
        used_at: None,
    };
    let mut txn = Txn::<Unknown>::default();
    txn.push(auth::put_service_key(new)?);
    txn.push(Write::put(Table::Voximplant, &KeyItem { pk, sk: sk.unwrap_or_default(), key: listed })?);
    store.commit(&txn).await.map_err(failed)
}

/// The keys of an account.
pub async fn list(store: &Store, account: AccountId) -> Result<Vec<ListedKey>, StoreError> {
    let pk = partition(account);
    let partition = Partition::of(Table::Voximplant, &pk).begins_with(KEYS);
    let items = store.all(&partition).await?.into_iter();
    let mut keys = items
        .map(|item| serde_dynamo::from_item::<_, KeyItem>(item).map(|item| item.key))
        .collect::<Result<Vec<_>, _>>()?;
    keys.sort_by_key(|key| key.created);
    let proofs: Vec<_> = keys.iter().map(|key| IssuedCredential::ServiceKey(key.id.clone())).collect();
    for (key, used) in keys.iter_mut().zip(store.last_uses(&proofs).await?) {
        key.used_at = used;
    }
    Ok(keys)
}

/// Revokes a key at once; returns whether the account had it.
pub async fn revoke(store: &Store, account: AccountId, id: &str) -> Result<bool, StoreError> {
    let mut txn = Txn::default();
    txn.push(Write::delete(Table::Voximplant, key(account, id)).if_exists().or(Unknown));
    txn.push(auth::delete_service_key(id));
    match store.commit(&txn).await {
        Err(CommitError::Refused(Unknown)) => Ok(false),
        done => done.map(|()| true).map_err(failed),
    }
}

/// An API key, as far as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedApiKey {
    /// What the operator calls it; unique in its account.
    pub name: ApiKeyName,
    /// The last characters of its text, by which its holder recognises it.
    pub last: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last used, accurate to some minutes: stored with its proof.
    #[serde(skip)]
    pub used_at: Option<Timestamp>,
}

/// A listed key, and the hash under which its proof is stored.
#[derive(Debug, Serialize, Deserialize)]
struct ApiKeyItem {
    pk: String,
    sk: String,
    hash: TokenHash,
    #[serde(flatten)]
    key: ListedApiKey,
}

fn api_key(account: AccountId, name: &ApiKeyName) -> Key {
    Key::new(partition(account), format!("{API_KEYS}{name}"))
}

/// The account has an API key of this name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameTaken;

/// Stores an API key, which is known by its hash only.
pub async fn add_api_key(
    store: &Store,
    hash: &TokenHash,
    owner: &ApiKey,
    listed: &ListedApiKey,
) -> Result<(), CommitError<NameTaken>> {
    let Key { pk, sk } = api_key(owner.account, &listed.name);
    let item = ApiKeyItem { pk, sk: sk.unwrap_or_default(), hash: hash.clone(), key: listed.clone() };
    let mut txn = Txn::default();
    txn.push(Write::put(Table::Voximplant, &item)?.if_absent().or(NameTaken));
    txn.push(auth::put_named_api_key(hash, &listed.name, owner)?);
    store.commit(&txn).await
}

/// The API keys of an account, oldest first; those of earlier versions have no name and are not among them.
pub async fn list_api_keys(store: &Store, account: AccountId) -> Result<Vec<ListedApiKey>, StoreError> {
    let pk = partition(account);
    let partition = Partition::of(Table::Voximplant, &pk).begins_with(API_KEYS);
    let items = store.all(&partition).await?.into_iter();
    let items = items.map(serde_dynamo::from_item::<_, ApiKeyItem>).collect::<Result<Vec<_>, _>>()?;
    let proofs: Vec<_> = items.iter().map(|item| IssuedCredential::ApiKey(item.hash.clone())).collect();
    let used = store.last_uses(&proofs).await?;
    let keys = items.into_iter().zip(used).map(|(item, used_at)| ListedApiKey { used_at, ..item.key });
    let mut keys: Vec<_> = keys.collect();
    keys.sort_by(|left, right| (left.created, &left.name).cmp(&(right.created, &right.name)));
    Ok(keys)
}

/// Revokes the API key of this name at once; returns whether the account had it.
pub async fn revoke_named_api_key(store: &Store, account: AccountId, name: &ApiKeyName) -> Result<bool, StoreError> {
    match store.get::<ApiKeyItem>(Table::Voximplant, &api_key(account, name)).await? {
        Some(item) => remove_api_key(store, account, Some(name), &item.hash).await,
        None => Ok(false),
    }
}

/// Revokes the API key of this text at once; returns whether the account had it.
pub async fn revoke_api_key(store: &Store, account: AccountId, text: &str) -> Result<bool, StoreError> {
    let hash = TokenHash::of(text);
    match store.named_api_key(&hash).await? {
        Some((name, key)) if key.account == account => remove_api_key(store, account, name.as_ref(), &hash).await,
        _ => Ok(false),
    }
}

async fn remove_api_key(
    store: &Store,
    account: AccountId,
    name: Option<&ApiKeyName>,
    hash: &TokenHash,
) -> Result<bool, StoreError> {
    let mut txn = Txn::default();
    txn.push(auth::delete_api_key(hash).if_exists().or(Unknown));
    if let Some(name) = name {
        txn.push(Write::delete(Table::Voximplant, api_key(account, name)));
    }
    match store.commit(&txn).await {
        Err(CommitError::Refused(Unknown)) => Ok(false),
        done => done.map(|()| true).map_err(failed),
    }
}
