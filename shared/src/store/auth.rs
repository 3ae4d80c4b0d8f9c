//! The `auth` table: what proves who someone is. Nothing in it is a secret in clear.

use super::grants::{AuthItem, LAST_USE};
use super::keys::sha256_hex;
use super::write::Conditional;
use super::{Key, Store, StoreError, Table, Write};
use crate::ids::{AccountId, PhoneUserId, UserId};
use crate::limits::CLOCKS_APART_MILLIS;
use crate::stepchat::TokenName;
use crate::timestamp::Timestamp;
use crate::voximplant::{ApiKeyName, Role};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
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

    /// Whether both hashes are equal, compared in constant time.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

/// A credential that an operator hands out. Its item also holds when it was last used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssuedCredential {
    /// An API token of StepChat, by its name.
    ApiToken(TokenName),
    /// A service-account key of Voximplant, by its id.
    ServiceKey(String),
    /// An API key of Voximplant, by its hash.
    ApiKey(TokenHash),
}

impl IssuedCredential {
    fn key(&self) -> Key {
        match self {
            Self::ApiToken(name) => AuthItem::ApiToken.key(name),
            Self::ServiceKey(id) => service_key(id),
            Self::ApiKey(hash) => api_key(hash),
        }
    }
}

/// A password hash: argon2id in PHC form, or in the form of the system that it was imported from.
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

/// How many copies of an admin's token look-up are stored: every call reads one copy, and one item can be read strongly
/// 3,000 times a second.
const ADMIN_TOKEN_COPIES: u8 = 4;

fn admin_token_key(token: &TokenHash, copy: u8) -> Key {
    match copy {
        0 => AuthItem::AdminToken.key(&token.0),
        _ => AuthItem::AdminToken.key(format_args!("{}#{copy}", token.0)),
    }
}

fn stepchat_password_key(id: UserId) -> Key {
    AuthItem::StepchatPassword.key(id.padded())
}

fn voximplant_password_key(account: AccountId, id: PhoneUserId) -> Key {
    AuthItem::VoximplantPassword.key(format_args!("{account}#{}", id.padded()))
}

/// One transaction writes all copies, and one deletes them all.
pub(super) fn put_admin_token(token: &TokenHash, owner: UserId) -> Result<Vec<Write>, StoreError> {
    let item = |copy| AdminTokenItem { pk: admin_token_key(token, copy).pk, uid: owner };
    (0..ADMIN_TOKEN_COPIES).map(|copy| Write::put(Table::Auth, &item(copy))).collect()
}

pub(super) fn delete_admin_token(token: &TokenHash) -> impl Iterator<Item = Write> {
    (0..ADMIN_TOKEN_COPIES).map(|copy| Write::delete(Table::Auth, admin_token_key(token, copy)))
}

pub(super) fn put_stepchat_password(id: UserId, hash: &PasswordHash) -> Result<Write, StoreError> {
    Write::put(Table::Auth, &PasswordItem { pk: stepchat_password_key(id).pk, hash: hash.clone() })
}

/// Requires that a user still has this password, without writing it.
pub(super) fn check_stepchat_password(id: UserId, hash: &PasswordHash) -> Conditional {
    while_it_is(Write::check(Table::Auth, stepchat_password_key(id)), hash)
}

/// The write, on condition that the password still has this hash.
fn while_it_is(write: Write, hash: &PasswordHash) -> Conditional {
    // `hash` is a reserved word.
    write.calling("#hash", "hash").text(":hash", hash.0.clone()).if_("#hash = :hash")
}

/// Stores another hash of the same password, if the user still has the hash `before`.
pub(super) fn renew_stepchat_password(
    id: UserId,
    before: &PasswordHash,
    renewed: &PasswordHash,
) -> Result<Conditional, StoreError> {
    Ok(while_it_is(put_stepchat_password(id, renewed)?, before))
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
    pub roles: Vec<Role>,
    /// What the operator called it.
    pub description: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last used, accurate to some minutes.
    pub used_at: Option<Timestamp>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used_at: Option<Timestamp>,
}

/// The part of a credential's item that tells when it was last used.
#[derive(Debug, Deserialize)]
struct UsedItem {
    pk: String,
    used_at: Option<Timestamp>,
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
        used_at: key.used_at,
    };
    Write::put(Table::Auth, &item)
}

pub(super) fn delete_service_key(id: &str) -> Write {
    Write::delete(Table::Auth, service_key(id))
}

pub(super) fn delete_api_key(hash: &TokenHash) -> Write {
    Write::delete(Table::Auth, api_key(hash))
}

/// What an API key opens: an account, and the names by which callers may refer to the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    pub account: AccountId,
    /// Its short name.
    pub account_name: String,
    /// Its e-mail address, folded.
    pub account_email: String,
    /// When it was last used, accurate to some minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
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
        let copy = fastrand::u8(0..ADMIN_TOKEN_COPIES);
        let item: Option<AdminTokenItem> = self.get(Table::Auth, &admin_token_key(token, copy)).await?;
        Ok(item.map(|item| item.uid))
    }

    /// The admin whose token this is, read from the first copy: data of earlier versions has only this one. For the
    /// operator's own use.
    pub async fn admin_by_first_copy(&self, token: &TokenHash) -> Result<Option<UserId>, StoreError> {
        let item: Option<AdminTokenItem> = self.get(Table::Auth, &admin_token_key(token, 0)).await?;
        Ok(item.map(|item| item.uid))
    }

    /// Whether all copies of an admin's token exist: earlier versions wrote only one.
    pub(super) async fn has_all_copies(&self, token: &TokenHash) -> Result<bool, StoreError> {
        let keys: Vec<Key> = (0..ADMIN_TOKEN_COPIES).map(|copy| admin_token_key(token, copy)).collect();
        Ok(self.batch_get(Table::Auth, &keys).await?.len() == keys.len())
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
            used_at: item.used_at,
        }))
    }

    /// When each of these credentials was last used, accurate to some minutes.
    pub(super) async fn last_uses(&self, of: &[IssuedCredential]) -> Result<Vec<Option<Timestamp>>, StoreError> {
        let keys: Vec<Key> = of.iter().map(IssuedCredential::key).collect();
        let mut found = HashMap::new();
        for item in self.batch_get(Table::Auth, &keys).await? {
            let used: UsedItem = serde_dynamo::from_item(item)?;
            found.insert(used.pk, used.used_at);
        }
        Ok(keys.iter().map(|key| found.get(&key.pk).copied().flatten()).collect())
    }

    /// Notes that a credential is used now, unless a use since `before` is noted already.
    pub async fn note_use(&self, of: &IssuedCredential, now: Timestamp, before: Timestamp) -> Result<(), StoreError> {
        let moment = |moment: Timestamp| AttributeValue::N(moment.millis().to_string());
        let noted = self
            .client()
            .update_item()
            .table_name(self.table_name(Table::Auth))
            .set_key(Some(of.key().attributes()))
            .update_expression(format!("SET {LAST_USE} = :now"))
            // A credential deleted meanwhile must not come back as an item without an owner. A last use in the future
            // was written by a wrong clock and does not count.
            .condition_expression(format!(
                "attribute_exists(pk) AND (attribute_not_exists({LAST_USE}) OR {LAST_USE} < :before OR {LAST_USE} > :possible)"
            ))
            .expression_attribute_values(":possible", moment(now.plus_millis(CLOCKS_APART_MILLIS)))
            .expression_attribute_values(":now", moment(now))
            .expression_attribute_values(":before", moment(before))
            .send()
            .await;
        match noted {
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            done => done.map(|_| ()).map_err(StoreError::from),
        }
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
