//! Named API tokens. A token's hash is in the `auth` table, under the token's name. A pointer in the admin's partition
//! lets the purge of a deleted admin find the token. A partition of all tokens lists them for the operator.

use super::conversations::number;
use super::items::{partition, profile_key};
use super::users;
use crate::ids::UserId;
use crate::stepchat::{Scope, TokenLabel, TokenName, UserType};
use crate::store::auth::TokenHash;
use crate::store::grants::{Action, AuthItem, Grant};
use crate::store::read::Partition;
use crate::store::write::Step;
use crate::store::{CommitError, Key, Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use futures_util::try_join;
use serde::{Deserialize, Serialize};

/// What [`find`] needs.
pub const FIND: &[Grant] =
    &[Grant::auth(AuthItem::ApiToken, Action::GetItem), Grant::on(Table::Stepchat, Action::GetItem)];

const LIST: &str = "K";
/// What the sort keys of pointers in an admin's partition begin with.
pub(super) const POINTER: &str = "TOKEN#";

/// A token, as far as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    pub name: TokenName,
    /// The admin on whose behalf it was minted.
    #[serde(rename = "uid")]
    pub owner: UserId,
    /// Which methods it may call.
    pub scope: Scope,
    /// When it was minted.
    pub created: Timestamp,
    /// When it was last used, accurate to some minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct TokenItem {
    pk: String,
    hash: TokenHash,
    #[serde(flatten)]
    token: ApiToken,
}

/// Where a token is known to be: in the list, or in its admin's partition.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PlaceItem {
    pk: String,
    sk: String,
    pub(super) name: TokenName,
    uid: UserId,
}

fn token_key(name: &TokenName) -> Key {
    AuthItem::ApiToken.key(name)
}

fn listed_key(name: &TokenName) -> Key {
    Key::new(LIST, name.as_str())
}

fn pointer_key(owner: UserId, name: &TokenName) -> Key {
    Key::new(partition(owner), format!("{POINTER}{name}"))
}

fn place(key: Key, token: &ApiToken) -> PlaceItem {
    PlaceItem { pk: key.pk, sk: key.sk.unwrap_or_default(), name: token.name.clone(), uid: token.owner }
}

/// The token of this label and hash, if it is not revoked and its owner is an admin now. Token and owner are read in
/// parallel: one round trip, as for a user's own token.
pub async fn find(store: &Store, label: &TokenLabel, hash: &TokenHash) -> Result<Option<ApiToken>, StoreError> {
    let key = token_key(&label.name);
    let (item, owner) = try_join!(store.get::<TokenItem>(Table::Auth, &key), users::find_profile(store, label.owner))?;
    let admin = owner.is_some_and(|owner| owner.user_type == UserType::Admin);
    let item = item.filter(|item| item.hash.equals(hash) && item.token.owner == label.owner);
    Ok(item.map(|item| item.token).filter(|token| admin && token.revoked_at.is_none()))
}

/// Why a token cannot be minted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MintRefusal {
    /// The name was given before.
    #[error("a token of this name exists")]
    NameTaken,
    /// The owner is no admin.
    #[error("this user is no admin")]
    NotAnAdmin,
}

/// Stores a token, which is known by its hash only. Operator work: no method may do this.
pub async fn mint(store: &Store, token: &ApiToken, hash: &TokenHash) -> Result<(), CommitError<MintRefusal>> {
    let item = TokenItem { pk: token_key(&token.name).pk, hash: hash.clone(), token: token.clone() };
    let mut txn = Txn::default();
    txn.push(Write::put(Table::Auth, &item)?.if_absent().or(MintRefusal::NameTaken));
    let listed = place(listed_key(&token.name), token);
    txn.push(Write::put(Table::Stepchat, &listed)?.if_absent().or(MintRefusal::NameTaken));
    txn.push(Write::put(Table::Stepchat, &place(pointer_key(token.owner, &token.name), token))?);
    // Checked in the same transaction: if the owner is deleted before it, this is refused; if after it, the purge finds
    // the pointer.
    let admin = Write::check(Table::Stepchat, profile_key(token.owner)).text(":admin", UserType::Admin.as_str());
    txn.push(admin.if_("kind = :admin").or(MintRefusal::NotAnAdmin));
    store.commit(&txn).await
}

/// All tokens, oldest first, revoked ones included. Operator work: no method may do this.
pub async fn list(store: &Store) -> Result<Vec<ApiToken>, StoreError> {
    let listed = Partition::of(Table::Stepchat, LIST);
    let places = store.all(&listed).await?.into_iter();
    let keys = places.map(|item| Ok(token_key(&serde_dynamo::from_item::<_, PlaceItem>(item)?.name)));
    let keys = keys.collect::<Result<Vec<_>, StoreError>>()?;
    let items = store.batch_get(Table::Auth, &keys).await?.into_iter();
    let mut tokens = items
        .map(|item| serde_dynamo::from_item::<_, TokenItem>(item).map(|item| item.token))
        .collect::<Result<Vec<_>, _>>()?;
    tokens.sort_by(|left, right| (left.created, &left.name).cmp(&(right.created, &right.name)));
    Ok(tokens)
}

/// Revokes a token at once; returns whether there is one of this name. Operator work: no method may do this.
pub async fn revoke(store: &Store, name: &TokenName, now: Timestamp) -> Result<bool, StoreError> {
    let revoked = "SET revoked_at = if_not_exists(revoked_at, :now)";
    let write = Write::update(Table::Auth, token_key(name), revoked).number(":now", now.millis());
    let mut txn = Txn::default();
    txn.push(write.if_exists().or(()));
    match store.commit(&txn).await {
        Ok(()) => Ok(true),
        Err(CommitError::Store(error)) => Err(error),
        Err(_) => Ok(false),
    }
}

/// The transaction that removes a deleted admin's token, but not its pointer. Refused if the token is another admin's:
/// the name had become free and was given again.
pub(super) fn removal(owner: UserId, name: &TokenName) -> Txn<()> {
    let mut txn = Txn::default();
    for (table, key) in [(Table::Auth, token_key(name)), (Table::Stepchat, listed_key(name))] {
        txn.push(owned_by(table, key, owner));
    }
    txn
}

fn owned_by(table: Table, key: Key, owner: UserId) -> Step<()> {
    Write::delete(table, key).number(":owner", number(owner.get())).if_("uid = :owner").or(())
}
