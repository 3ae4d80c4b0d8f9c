//! What an import of a file remembers in the deployment it goes to, so that it can go on after an interruption and never
//! makes a user twice: the ids it has set aside for the rows of the file, and how many rows from its start are done. And
//! what of a batch of rows is there before anything is written for them.

use super::items::{email_key, phone_key, profile_key};
use super::users::id_of;
use crate::ids::UserId;
use crate::stepchat::{Email, Phone};
use crate::store::grants::AuthItem;
use crate::store::read::text;
use crate::store::{CommitError, Key, Sequence, Store, StoreError, Table, Txn, Write};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// The checkpoint of one file in one deployment. The user of row `n` (from 1) has the id `first_id + n - 1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    pk: String,
    first_id: UserId,
    done: u64,
}

impl Checkpoint {
    /// What is known of an earlier import of the file with this SHA-256.
    pub async fn find(store: &Store, file: &str) -> Result<Option<Self>, StoreError> {
        store.get(Table::Auth, &Key::single(key(file))).await
    }

    /// Begins the import of a file with this many rows; one that has begun is gone on with.
    pub async fn begin(store: &Store, file: &str, rows: u64) -> Result<Self, StoreError> {
        if let Some(known) = Self::find(store, file).await? {
            return Ok(known);
        }
        let set_aside = store.next_ids(Sequence::StepchatUser, rows.max(1), UserId::new).await?;
        let gone = || StoreError::Corrupt(format!("the checkpoint of the import of {file}"));
        let new = Self { pk: key(file), first_id: *set_aside.first().ok_or_else(gone)?, done: 0 };
        let mut txn: Txn<()> = Txn::default();
        txn.push(Write::put(Table::Auth, &new)?.if_absent().or_stale());
        match store.commit(&txn).await {
            Ok(()) => Ok(new),
            Err(CommitError::Store(error)) => Err(error),
            // Another import of the same file was faster.
            Err(_) => Self::find(store, file).await?.ok_or_else(gone),
        }
    }

    /// Rows from the start of the file that need not be looked at again.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done
    }

    /// The id of a row's user; rows count from 1.
    #[must_use]
    pub fn id(&self, row: u64) -> Option<UserId> {
        UserId::new(self.first_id.get().saturating_add(row).saturating_sub(1))
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

/// What a row would take.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The id that is set aside for it, if one is.
    pub id: Option<UserId>,
    /// Its e-mail address.
    pub email: Option<&'a Email>,
    /// Its phone number, if that must be unique.
    pub phone: Option<&'a Phone>,
}

impl Wanted<'_> {
    fn keys(&self) -> impl Iterator<Item = Key> {
        let phone = self.phone.map(|phone| phone_key(phone.key()));
        [self.id.map(profile_key), self.email.map(email_key), phone].into_iter().flatten()
    }
}

/// What of a batch of rows is there already. Others may take the rest at any moment: the transactions decide, this saves
/// writing for them in vain.
#[derive(Debug, Default)]
pub struct Taken {
    ids: HashSet<UserId>,
    /// The partition keys of addresses and numbers that have an owner.
    owned: HashSet<String>,
}

impl Taken {
    /// Looks, for all of them together.
    pub async fn of(store: &Store, wanted: &[Wanted<'_>]) -> Result<Self, StoreError> {
        // Two rows may want the same number; a batch may not name a key twice.
        let keys: HashMap<String, Key> =
            wanted.iter().flat_map(Wanted::keys).map(|key| (key.pk.clone(), key)).collect();
        let keys: Vec<Key> = keys.into_values().collect();
        let mut taken = Self::default();
        for item in store.batch_get(Table::Stepchat, &keys).await? {
            match id_of(&item) {
                Some(id) => drop(taken.ids.insert(id)),
                None => taken.owned.extend(text(&item, "pk").map(str::to_owned)),
            }
        }
        Ok(taken)
    }

    /// Whether the user of this id is there.
    #[must_use]
    pub fn has_user(&self, id: UserId) -> bool {
        self.ids.contains(&id)
    }

    /// Whether somebody has this e-mail address.
    #[must_use]
    pub fn has_email(&self, email: &Email) -> bool {
        self.owned.contains(&email_key(email).pk)
    }

    /// Whether somebody has this phone number.
    #[must_use]
    pub fn has_phone(&self, phone: &Phone) -> bool {
        self.owned.contains(&phone_key(phone.key()).pk)
    }
}

fn key(file: &str) -> String {
    AuthItem::Import.key(file).pk
}
