//! Accounts.

use crate::ids::AccountId;
use crate::store::grants::{Action, Grant};
use crate::store::{CommitError, Key, Sequence, Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use crate::voximplant::{Account, AccountName, Currency};
use serde::{Deserialize, Serialize};

/// What [`find`] needs.
pub const FIND: &[Grant] = &[Grant::on(Table::Voximplant, Action::GetItem)];

pub(super) fn partition(account: AccountId) -> String {
    format!("A#{}", account.padded())
}

fn key(account: AccountId) -> Key {
    Key::new(partition(account), "A")
}

#[derive(Debug, Serialize, Deserialize)]
struct AccountItem {
    pk: String,
    sk: String,
    id: AccountId,
    aname: AccountName,
    email: String,
    currency: Currency,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<AccountId>,
    created: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct NameGuard {
    pk: String,
    sk: String,
    account: AccountId,
}

/// Reads an account.
pub async fn find(store: &Store, account: AccountId) -> Result<Option<Account>, StoreError> {
    let item: Option<AccountItem> = store.get(Table::Voximplant, &key(account)).await?;
    Ok(item.map(|item| Account {
        id: item.id,
        name: item.aname,
        email: item.email,
        currency: item.currency,
        parent: item.parent,
        created: item.created,
    }))
}

/// The account of this name. Operator work: callers name accounts only beside a credential that already does.
pub async fn find_by_name(store: &Store, name: &AccountName) -> Result<Option<Account>, StoreError> {
    let key = Key::new(format!("AN#{}", name.as_str()), "AN");
    let guard: Option<NameGuard> = store.get(Table::Voximplant, &key).await?;
    match guard {
        Some(guard) => find(store, guard.account).await,
        None => Ok(None),
    }
}

/// All accounts, oldest first. Operator work: no method may do this.
pub async fn list(store: &Store) -> Result<Vec<Account>, StoreError> {
    let mut accounts = Vec::new();
    for id in 1..=store.last_number(Sequence::Account).await? {
        if let Some(id) = AccountId::new(id) {
            // A number may have been lost: gaps are allowed.
            accounts.extend(find(store, id).await?);
        }
    }
    Ok(accounts)
}

/// Another account has this name or e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountExists;

/// Creates an account. Operator work: no method may do this.
pub async fn create(store: &Store, account: &Account) -> Result<(), CommitError<AccountExists>> {
    let item = AccountItem {
        pk: partition(account.id),
        sk: "A".into(),
        id: account.id,
        aname: account.name.clone(),
        email: account.email.clone(),
        currency: account.currency.clone(),
        parent: account.parent,
        created: account.created,
    };
    let mut txn = Txn::default();
    txn.push(Write::put(Table::Voximplant, &item)?.if_absent().or(AccountExists));
    for (kind, value) in [("AN", account.name.as_str().to_owned()), ("AE", crate::text::fold(&account.email))] {
        let guard = NameGuard { pk: format!("{kind}#{value}"), sk: kind.into(), account: account.id };
        txn.push(Write::put(Table::Voximplant, &guard)?.if_absent().or(AccountExists));
    }
    store.commit(&txn).await
}
