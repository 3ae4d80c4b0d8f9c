//! Applications of an account.

use super::accounts::partition;
use crate::ids::{AccountId, ApplicationId};
use crate::store::grants::{Action, Grant};
use crate::store::read::Partition;
use crate::store::write::{Conditional, Step};
use crate::store::{Key, Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use crate::voximplant::{Application, ApplicationName, Refusal};
use serde::{Deserialize, Serialize};

/// What [`creation`] needs.
pub const CREATE: &[Grant] =
    &[Grant::on(Table::Voximplant, Action::PutItem), Grant::on(Table::Voximplant, Action::UpdateItem)];
/// What [`exists`] and [`id_by_name`] need.
pub const FIND: &[Grant] = &[Grant::on(Table::Voximplant, Action::GetItem)];
/// What [`list`] needs.
pub const LIST: &[Grant] = &[Grant::on(Table::Voximplant, Action::Query)];

fn key(account: AccountId, application: ApplicationId) -> Key {
    Key::new(partition(account), format!("APP#{}", application.padded()))
}

fn name_key(account: AccountId, name: &ApplicationName) -> Key {
    Key::new(partition(account), format!("APPNAME#{}", name.as_str()))
}

#[derive(Debug, Serialize, Deserialize)]
struct ApplicationItem {
    pk: String,
    sk: String,
    id: ApplicationId,
    app: ApplicationName,
    secure: bool,
    created: Timestamp,
    modified: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct NameGuard {
    pk: String,
    sk: String,
    id: ApplicationId,
}

/// The transaction that creates an application.
pub fn creation(account: AccountId, application: &Application) -> Result<Txn<Refusal>, StoreError> {
    let Key { pk, sk } = key(account, application.id);
    let item = ApplicationItem {
        pk,
        sk: sk.unwrap_or_default(),
        id: application.id,
        app: application.name.clone(),
        secure: application.secure_record_storage,
        created: application.created,
        modified: application.modified,
    };
    let Key { pk, sk } = name_key(account, &application.name);
    let guard = NameGuard { pk, sk: sk.unwrap_or_default(), id: application.id };
    let mut txn = Txn::default();
    txn.push(Write::put(Table::Voximplant, &guard)?.if_absent().or(Refusal::ApplicationNameNotUnique));
    txn.push(Write::put(Table::Voximplant, &item)?.if_absent().or_stale());
    Ok(txn)
}

/// The writes that delete an application and free its name; stale if it has gone meanwhile.
pub(super) fn removal(account: AccountId, application: &Application) -> [Step<Refusal>; 2] {
    let item = Write::delete(Table::Voximplant, key(account, application.id));
    let name = Write::delete(Table::Voximplant, name_key(account, &application.name));
    [item.if_exists().or_stale(), name.into()]
}

/// Whether the account has this application.
pub async fn exists(store: &Store, account: AccountId, application: ApplicationId) -> Result<bool, StoreError> {
    let item: Option<ApplicationItem> = store.get(Table::Voximplant, &key(account, application)).await?;
    Ok(item.is_some())
}

/// The condition, inside another transaction, that the account has this application.
pub(super) fn must_exist(account: AccountId, application: ApplicationId) -> Conditional {
    Write::check_exists(Table::Voximplant, key(account, application))
}

/// The application of this name.
pub async fn id_by_name(
    store: &Store,
    account: AccountId,
    name: &ApplicationName,
) -> Result<Option<ApplicationId>, StoreError> {
    let guard: Option<NameGuard> = store.get(Table::Voximplant, &name_key(account, name)).await?;
    Ok(guard.map(|guard| guard.id))
}

/// All applications of an account, by id.
pub async fn list(store: &Store, account: AccountId) -> Result<Vec<Application>, StoreError> {
    let pk = partition(account);
    let partition = Partition::of(Table::Voximplant, &pk).begins_with("APP#");
    let items = store.all(&partition).await?;
    items
        .into_iter()
        .map(|item| {
            let item: ApplicationItem = serde_dynamo::from_item(item)?;
            Ok(Application {
                id: item.id,
                name: item.app,
                secure_record_storage: item.secure,
                created: item.created,
                modified: item.modified,
            })
        })
        .collect()
}
