//! The `auth` table: what proves who someone is. Nothing in it is a secret in clear.

use super::grants::AuthItem;
use super::keys::sha256_hex;
use super::txn::Conditional;
use super::{Key, Store, StoreError, Table, Write};
use crate::ids::{AccountId, PhoneUserId, UserId};
use crate::timestamp::Timestamp;
use crate::voximplant::{ApiKeyName, Role};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

/// The SHA-256 of a token or API key, in hex: the only form in which it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash(String);

impl TokenHash {
    /// Hashes a presented or derived token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(sha256_hex(token.as_bytes()))
    }

    /// The hex digits.
    #[must_use]
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is that hash, found out in the same time whatever they are.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

/// An argon2id hash in PHC form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(pub(crate) String);

#[derive(Debug, Serialize, Deserialize)]
struct PasswordItem {
    pk: String,
    hash: PasswordHash,
}

#[derive(Debug, Serialize, Deserialize)]
struct AdminTokenItem {
    pk: String,
    uid: UserId,
}

fn admin_token_key(token: &TokenHash) -> Key {
    AuthItem::AdminToken.key(&token.0)
}

fn stepchat_password_key(id: UserId) -> Key {
    AuthItem::StepchatPassword.key(id.padded())
}

fn voximplant_password_key(account: AccountId, id: PhoneUserId) -> Key {
    AuthItem::VoximplantPassword.key(format_args!("{account}#{}", id.padded()))
}

pub(super) fn put_admin_token(token: &TokenHash, owner: UserId) -> Result<Write, StoreError> {
    Write::put(Table::Auth, &AdminTokenItem { pk: admin_token_key(token).pk, uid: owner })
}

pub(super) fn delete_admin_token(token: &TokenHash) -> Write {
    Write::delete(Table::Auth, admin_token_key(token))
}

pub(super) fn put_stepchat_password(id: UserId, hash: &PasswordHash) -> Result<Write, StoreError> {
    Write::put(Table::Auth, &PasswordItem { pk: stepchat_password_key(id).pk, hash: hash.clone() })
}

/// Requires that a user still has this password, without writing it.
pub(super) fn check_stepchat_password(id: UserId, hash: &PasswordHash) -> Conditional {
    // `hash` is a reserved word.
    let check = Write::check(Table::Auth, stepchat_password_key(id)).calling("#hash", "hash");
    check.text(":hash", hash.0.clone()).if_("#hash = :hash")
}

pub(super) fn delete_stepchat_password(id: UserId) -> Write {
    Write::delete(Table::Auth, stepchat_password_key(id))
}

pub(super) fn put_voximplant_password(
    account: AccountId,
    id: PhoneUserId,
    hash: &PasswordHash,
) -> Result<Write, StoreError> {
    Write::put(Table::Auth, &PasswordItem { pk: voximplant_password_key(account, id).pk, hash: hash.clone() })
}

pub(super) fn delete_voximplant_password(account: AccountId, id: PhoneUserId) -> Write {
    Write::delete(Table::Auth, voximplant_password_key(account, id))
}

/// A service-account key: its public half and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceKey {
    /// The key id, `kid` of its tokens.
    pub id: String,
    /// The account it belongs to.
    pub account: AccountId,
    /// PKCS#1 DER of the RSA public key.
    pub public_key: Vec<u8>,
    /// Its roles.
    pub roles: Vec<Role>,
    /// What the operator called it.
    pub description: String,
    /// When it was made.
    pub created: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct ServiceKeyItem {
    pk: String,
    account: AccountId,
    /// Base64: readable in the console, and no binary attribute to convert.
    public_key: String,
    roles: Vec<Role>,
    description: String,
    created: Timestamp,
}

fn service_key(id: &str) -> Key {
    AuthItem::ServiceKey.key(id)
}

/// Writes a service-account key.
pub(super) fn put_service_key(key: &ServiceKey) -> Result<Write, StoreError> {
    use base64::Engine as _;
    let item = ServiceKeyItem {
        pk: service_key(&key.id).pk,
        account: key.account,
        public_key: base64::engine::general_purpose::STANDARD.encode(&key.public_key),
        roles: key.roles.clone(),
        description: key.description.clone(),
        created: key.created,
    };
    Write::put(Table::Auth, &item)
}

pub(super) fn delete_service_key(id: &str) -> Write {
    Write::delete(Table::Auth, service_key(id))
}

pub(super) fn delete_api_key(hash: &TokenHash) -> Write {
    Write::delete(Table::Auth, api_key(hash))
}

/// An API key: the account it opens, under every name the account is called by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// The account.
    pub account: AccountId,
    /// Its short name.
    pub account_name: String,
    /// Its e-mail address, folded.
    pub account_email: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct ApiKeyItem {
    pk: String,
    /// What the operator calls it; keys of earlier versions have no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<ApiKeyName>,
    #[serde(flatten)]
    key: ApiKey,
}

fn api_key(hash: &TokenHash) -> Key {
    AuthItem::ApiKey.key(&hash.0)
}

/// Writes an API key under its hash.
pub(super) fn put_named_api_key(hash: &TokenHash, name: &ApiKeyName, key: &ApiKey) -> Result<Write, StoreError> {
    Write::put(Table::Auth, &ApiKeyItem { pk: api_key(hash).pk, name: Some(name.clone()), key: key.clone() })
}

impl Store {
    /// The name of an API key, and the account that it opens.
    pub(super) async fn named_api_key(
        &self,
        hash: &TokenHash,
    ) -> Result<Option<(Option<ApiKeyName>, ApiKey)>, StoreError> {
        let item: Option<ApiKeyItem> = self.get(Table::Auth, &api_key(hash)).await?;
        Ok(item.map(|item| (item.name, item.key)))
    }

    /// The admin whose token this is.
    pub async fn admin_by_token(&self, token: &TokenHash) -> Result<Option<UserId>, StoreError> {
        let item: Option<AdminTokenItem> = self.get(Table::Auth, &admin_token_key(token)).await?;
        Ok(item.map(|item| item.uid))
    }

    /// The password of a StepChat user, if one was ever set.
    pub(super) async fn stepchat_password(&self, id: UserId) -> Result<Option<PasswordHash>, StoreError> {
        let item: Option<PasswordItem> = self.get(Table::Auth, &stepchat_password_key(id)).await?;
        Ok(item.map(|item| item.hash))
    }

    /// The service-account key of this id.
    pub async fn service_key(&self, id: &str) -> Result<Option<ServiceKey>, StoreError> {
        use base64::Engine as _;
        let Some(item) = self.get::<ServiceKeyItem>(Table::Auth, &service_key(id)).await? else {
            return Ok(None);
        };
        let public_key = base64::engine::general_purpose::STANDARD.decode(&item.public_key);
        Ok(Some(ServiceKey {
            id: id.to_owned(),
            account: item.account,
            public_key: public_key.map_err(|error| StoreError::Corrupt(error.to_string()))?,
            roles: item.roles,
            description: item.description,
            created: item.created,
        }))
    }

    /// The account an API key opens.
    pub async fn api_key(&self, hash: &TokenHash) -> Result<Option<ApiKey>, StoreError> {
        let item: Option<ApiKeyItem> = self.get(Table::Auth, &api_key(hash)).await?;
        Ok(item.map(|item| item.key))
    }

    /// Stores an API key without a name, as earlier versions did. Operator work: no method may do this.
    pub async fn put_api_key(&self, hash: &TokenHash, key: &ApiKey) -> Result<(), StoreError> {
        self.put(Table::Auth, &ApiKeyItem { pk: api_key(hash).pk, name: None, key: key.clone() }).await
    }
}
