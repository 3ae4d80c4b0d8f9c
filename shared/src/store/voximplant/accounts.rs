//! Accounts.

use crate::ids::AccountId;
use crate::ledger::Money;
use crate::store::grants::{Action, Grant};
use crate::store::keys::exact;
use crate::store::ledger::{self, BalanceItem};
use crate::store::{CommitError, Key, Sequence, Store, StoreError, Table, Txn, Write};
use crate::text::fold;
use crate::timestamp::Timestamp;
use crate::voximplant::{Account, AccountName, Currency};
use serde::{Deserialize, Serialize};

/// What [`find`] needs.
pub const FIND: &[Grant] = &[Grant::on(Table::Voximplant, Action::GetItem)];

pub(super) fn partition(account: AccountId) -> String {
    format!("A#{}", account.padded())
}

/// The prefix of the partition keys of address guards; [`ADDRESS_SORT`] is their sort key.
pub(super) const ADDRESS: &str = "AE#";
pub(super) const ADDRESS_SORT: &str = "AE";

/// The key of the guard of an e-mail address: addresses are compared as all texts are (decision E1).
pub(super) fn address_key(email: &str) -> Key {
    Key::new(format!("{ADDRESS}{}", exact(&fold(email))), ADDRESS_SORT)
}

/// The account that has this guard.
pub(super) async fn guarded(store: &Store, key: &Key) -> Result<Option<AccountId>, StoreError> {
    let guard: Option<NameGuard> = store.get(Table::Voximplant, key).await?;
    Ok(guard.map(|guard| guard.account))
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

impl NameGuard {
    fn new(key: Key, account: AccountId) -> Self {
        Self { pk: key.pk, sk: key.sk.unwrap_or_default(), account }
    }
}

fn name_key(name: &AccountName) -> Key {
    Key::new(format!("AN#{}", name.as_str()), "AN")
}

/// Gives a guard to an account, if the guard's account is still `seen`.
pub(super) async fn guard(
    store: &Store,
    key: &Key,
    account: AccountId,
    seen: Option<AccountId>,
) -> Result<(), CommitError<()>> {
    let guard = Write::put(Table::Voximplant, &NameGuard::new(key.clone(), account))?;
    let mut txn = Txn::default();
    txn.push(match seen {
        None => guard.if_absent().or(()),
        Some(seen) => {
            guard.number(":seen", i64::try_from(seen.get()).unwrap_or(i64::MAX)).if_("account = :seen").or(())
        }
    });
    store.commit(&txn).await
}

/// Reads an account.
pub async fn find(store: &Store, account: AccountId) -> Result<Option<Account>, StoreError> {
    let item: Option<AccountItem> = store.get(Table::Voximplant, &key(account)).await?;
    Ok(item.map(Account::from))
}

/// What [`find_with_balance`] needs.
pub const FIND_WITH_BALANCE: &[Grant] =
    &[Grant::on(Table::Voximplant, Action::BatchGetItem), Grant::on(Table::Ledger, Action::BatchGetItem)];

/// The account of this id with its balance, in one request.
pub async fn find_with_balance(store: &Store, account: AccountId) -> Result<Option<(Account, Money)>, StoreError> {
    let (own, balance) = (key(account), ledger::balance_key(account));
    let (item, balance): (Option<AccountItem>, Option<BalanceItem>) =
        store.get_both((Table::Voximplant, &own), (Table::Ledger, &balance)).await?;
    Ok(item.map(|item| (item.into(), balance.map_or(Money::ZERO, BalanceItem::balance))))
}

impl From<AccountItem> for Account {
    fn from(item: AccountItem) -> Self {
        Self {
            id: item.id,
            name: item.aname,
            email: item.email,
            currency: item.currency,
            parent: item.parent,
            created: item.created,
        }
    }
}

/// The account of this name. Operator work: callers name an account only together with a credential that already names
/// it.
pub async fn find_by_name(store: &Store, name: &AccountName) -> Result<Option<Account>, StoreError> {
    match guarded(store, &name_key(name)).await? {
        Some(account) => find(store, account).await,
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
    for key in [name_key(&account.name), address_key(&account.email)] {
        txn.push(Write::put(Table::Voximplant, &NameGuard::new(key, account.id))?.if_absent().or(AccountExists));
    }
    store.commit(&txn).await
}
