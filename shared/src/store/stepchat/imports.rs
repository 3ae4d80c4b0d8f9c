//! What an import remembers in the deployment into which it writes, so that it can go on after an interruption and
//! never creates a user twice: the ids set aside for the rows of the file, and how many rows from its start are done.
//! Also a look-up of what exists already for a batch of rows, before anything is written for them.

use super::items::{GuardItem, ProfileItem, email_key, phone_key, profile_key};
use super::promises;
use super::users::id_of;
use crate::ids::UserId;
use crate::stepchat::{Email, Phone, User};
use crate::store::grants::AuthItem;
use crate::store::read::text;
use crate::store::write::Step;
use crate::store::{CommitError, Key, Sequence, Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// The checkpoint of one file in one deployment. The user of row `n` (from 1) has the id `first_id + n - 1`, unless the
/// rows contain their ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    pk: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_id: Option<UserId>,
    done: u64,
}

impl Checkpoint {
    /// What is known of an earlier import of the file with this SHA-256.
    pub async fn find(store: &Store, file: &str) -> Result<Option<Self>, StoreError> {
        store.get(Table::Auth, &Key::single(key(file))).await
    }

    /// Begins the import of a file, with ids for `rows` rows, or goes on with an import that has begun. Without `rows`,
    /// the rows contain their ids.
    pub async fn begin(store: &Store, file: &str, rows: Option<u64>) -> Result<Self, StoreError> {
        if let Some(known) = Self::find(store, file).await? {
            return Ok(known);
        }
        let first_id = match rows {
            None => None,
            Some(rows) => {
                let first = store.next_block(Sequence::StepchatUser, rows.max(1)).await?;
                Some(UserId::new(first).ok_or_else(|| StoreError::Corrupt(format!("user id {first}")))?)
            }
        };
        let new = Self { pk: key(file), first_id, done: 0 };
        let mut txn: Txn<()> = Txn::default();
        txn.push(Write::put(Table::Auth, &new)?.if_absent().or_stale());
        match store.commit(&txn).await {
            Ok(()) => Ok(new),
            Err(CommitError::Store(error)) => Err(error),
            // Another import of the same file was faster.
            Err(_) => {
                let known = Self::find(store, file).await?;
                known.ok_or_else(|| StoreError::Corrupt(format!("the checkpoint of the import of {file}")))
            }
        }
    }

    /// Rows from the start of the file that need not be looked at again.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done
    }

    /// The id that is set aside for a row's user; rows count from 1.
    #[must_use]
    pub fn id(&self, row: u64) -> Option<UserId> {
        UserId::new(self.first_id?.get().saturating_add(row).saturating_sub(1))
    }

    /// Remembers that all rows up to this one are done.
    pub async fn advance(&mut self, store: &Store, done: u64) -> Result<(), StoreError> {
        self.done = done;
        let mut txn: Txn<()> = Txn::default();
        txn.push(Write::put(Table::Auth, self)?);
        match store.commit(&txn).await {
            Ok(()) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
            Err(_) => Err(StoreError::Corrupt(self.pk.clone())),
        }
    }
}

/// For how many days an imported row is recognised: a file that has grown is imported again within a year.
const ROW_DAYS: i64 = 400;

/// An imported row, under a keyed hash of its content: the same row in a file that has grown creates no second user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RowItem {
    pk: String,
    /// The id of the user, conversation or message that the row became.
    uid: u64,
    /// Seconds since the epoch, for the table's time to live.
    expires: i64,
}

/// The step, in the transaction that imports a row, by which the row is recognised later. Stale if it is recorded
/// already.
pub fn remembered<R>(row: &str, user: UserId, now: Timestamp) -> Result<Step<R>, StoreError> {
    remembered_as(row, user.get(), now)
}

/// The same for anything with an id, such as a message.
pub fn remembered_as<R>(row: &str, id: u64, now: Timestamp) -> Result<Step<R>, StoreError> {
    let expires = now.seconds().saturating_add(ROW_DAYS.saturating_mul(24 * 60 * 60));
    let item = RowItem { pk: row_key(row).pk, uid: id, expires };
    Ok(Write::put(Table::Auth, &item)?.if_absent().or_stale())
}

/// The ids that these rows became in earlier imports, in their order.
pub async fn known(store: &Store, rows: &[String]) -> Result<Vec<Option<u64>>, StoreError> {
    let keys: Vec<Key> = rows.iter().map(|row| row_key(row)).collect();
    let items = store.batch_get(Table::Auth, &keys).await?.into_iter();
    let found = items.map(|item| serde_dynamo::from_item::<_, RowItem>(item).map(|row| (row.pk, row.uid)));
    let found: HashMap<String, u64> = found.collect::<Result<_, _>>()?;
    Ok(keys.iter().map(|key| found.get(&key.pk).copied()).collect())
}

/// The step that demands that no purge of a deleted user with this id is pending: it would remove the new user's
/// extras. Stale if one is.
#[must_use]
pub fn nothing_left<R>(id: UserId) -> Step<R> {
    Write::check(Table::Stepchat, promises::key(id)).if_absent().or_stale()
}

/// The unique values that a row would take.
#[derive(Debug, Clone, Copy)]
pub struct RowClaims<'a> {
    /// The id that the user will have, if known.
    pub id: Option<UserId>,
    /// Whether the file gives the id: then another user may have had it before.
    pub kept: bool,
    /// The user's e-mail address.
    pub email: Option<&'a Email>,
    /// The user's phone number, if it must be unique.
    pub phone: Option<&'a Phone>,
    /// The keyed hash of the row's content.
    pub row: &'a str,
}

impl RowClaims<'_> {
    fn keys(&self) -> impl Iterator<Item = Key> {
        let phone = self.phone.map(|phone| phone_key(phone.key()));
        let purge = self.id.filter(|_| self.kept).map(promises::key);
        [self.id.map(profile_key), purge, self.email.map(email_key), phone].into_iter().flatten()
    }
}

/// What exists already of what a batch of rows would take: users, addresses, numbers, rows, pending purges. Others may
/// take more at any moment: the transactions decide, and this only avoids writing in vain.
#[derive(Debug, Default)]
pub struct ExistingClaims {
    users: HashMap<UserId, User>,
    /// Deleted users whose purge is not finished.
    going: HashSet<UserId>,
    /// The owners of addresses and numbers, by partition key.
    owners: HashMap<String, UserId>,
    rows: HashMap<String, UserId>,
}

impl ExistingClaims {
    /// Looks up the values of all these rows together.
    pub async fn of(store: &Store, wanted: &[RowClaims<'_>]) -> Result<Self, StoreError> {
        // Two rows may want the same number; a batch may not name a key twice.
        let keys: HashMap<(String, Option<String>), Key> =
            wanted.iter().flat_map(RowClaims::keys).map(|key| ((key.pk.clone(), key.sk.clone()), key)).collect();
        let keys: Vec<Key> = keys.into_values().collect();
        let rows: HashMap<&str, Key> = wanted.iter().map(|wanted| (wanted.row, row_key(wanted.row))).collect();
        let rows: Vec<Key> = rows.into_values().collect();
        let (items, rows) =
            futures_util::try_join!(store.batch_get(Table::Stepchat, &keys), store.batch_get(Table::Auth, &rows))?;
        let mut taken = Self::default();
        for item in items {
            if id_of(&item).is_some() {
                let user = serde_dynamo::from_item::<_, ProfileItem>(item)?.into_user();
                taken.users.insert(user.id, user);
            } else if let Some(id) = promises::promised(&item) {
                taken.going.insert(id);
            } else {
                let pk = text(&item, "pk").unwrap_or_default().to_owned();
                taken.owners.insert(pk, serde_dynamo::from_item::<_, GuardItem>(item)?.uid);
            }
        }
        for item in rows {
            let row: RowItem = serde_dynamo::from_item(item)?;
            taken.rows.extend(UserId::new(row.uid).map(|user| (row.pk, user)));
        }
        Ok(taken)
    }

    /// The user of this id.
    #[must_use]
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.users.get(&id)
    }

    /// Whether the purge of a deleted user of this id is not finished.
    #[must_use]
    pub fn is_going(&self, id: UserId) -> bool {
        self.going.contains(&id)
    }

    /// Who has this e-mail address.
    #[must_use]
    pub fn email_owner(&self, email: &Email) -> Option<UserId> {
        self.owners.get(&email_key(email).pk).copied()
    }

    /// Who has this phone number.
    #[must_use]
    pub fn phone_owner(&self, phone: &Phone) -> Option<UserId> {
        self.owners.get(&phone_key(phone.key()).pk).copied()
    }

    /// The user whom an earlier import created or changed by this row.
    #[must_use]
    pub fn row_user(&self, row: &str) -> Option<UserId> {
        self.rows.get(&row_key(row).pk).copied()
    }
}

fn row_key(row: &str) -> Key {
    AuthItem::Import.key(format_args!("row#{row}"))
}

fn key(file: &str) -> String {
    AuthItem::Import.key(file).pk
}
