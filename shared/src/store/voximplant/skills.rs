//! Skills of an account.

use super::accounts::partition as account_partition;
use crate::ids::{AccountId, SkillId};
use crate::store::grants::{Action, Grant};
use crate::store::keys::exact;
use crate::store::read::Partition;
use crate::store::{Key, Store, StoreError, Table, Txn, Write};
use crate::text::fold;
use crate::voximplant::{Refusal, Skill, SkillName};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What [`creation`] needs.
pub const CREATE: &[Grant] =
    &[Grant::on(Table::Voximplant, Action::PutItem), Grant::on(Table::Voximplant, Action::UpdateItem)];
/// What [`exists`] needs.
pub const FIND: &[Grant] = &[Grant::on(Table::Voximplant, Action::GetItem)];
/// What [`list`] needs.
pub const LIST: &[Grant] = &[Grant::on(Table::Voximplant, Action::Query)];
/// What [`names`] needs.
pub const NAMES: &[Grant] = &[Grant::on(Table::Voximplant, Action::BatchGetItem)];

fn key(account: AccountId, skill: SkillId) -> Key {
    Key::new(account_partition(account), format!("SK#{}", skill.padded()))
}

/// Names are compared as all texts are (decision E1).
pub(super) fn name_key(account: AccountId, name: &SkillName) -> Key {
    Key::new(account_partition(account), format!("SKNAME#{}", exact(&fold(name.as_str()))))
}

#[derive(Debug, Serialize, Deserialize)]
struct SkillItem {
    pk: String,
    sk: String,
    id: SkillId,
    sname: SkillName,
}

#[derive(Debug, Serialize)]
struct NameGuard {
    pk: String,
    sk: String,
    id: SkillId,
}

/// The transaction that creates a skill.
pub fn creation(account: AccountId, skill: &Skill) -> Result<Txn<Refusal>, StoreError> {
    let Key { pk, sk } = name_key(account, &skill.name);
    let guard = NameGuard { pk, sk: sk.unwrap_or_default(), id: skill.id };
    let Key { pk, sk } = key(account, skill.id);
    let item = SkillItem { pk, sk: sk.unwrap_or_default(), id: skill.id, sname: skill.name.clone() };
    let mut txn = Txn::default();
    txn.push(Write::put(Table::Voximplant, &guard)?.if_absent().or(Refusal::SkillNameNotUnique));
    txn.push(Write::put(Table::Voximplant, &item)?.if_absent().or_stale());
    Ok(txn)
}

/// Whether the account has this skill.
pub async fn exists(store: &Store, account: AccountId, skill: SkillId) -> Result<bool, StoreError> {
    let item: Option<SkillItem> = store.get(Table::Voximplant, &key(account, skill)).await?;
    Ok(item.is_some())
}

/// All skills of an account, by id.
pub async fn list(store: &Store, account: AccountId) -> Result<Vec<Skill>, StoreError> {
    let pk = account_partition(account);
    let partition = Partition::of(Table::Voximplant, &pk).begins_with("SK#");
    let items = store.all(&partition).await?.into_iter();
    let skills = items.map(|item| {
        let item: SkillItem = serde_dynamo::from_item(item)?;
        Ok(Skill { id: item.id, name: item.sname })
    });
    skills.collect()
}

/// The names of some skills.
pub async fn names(
    store: &Store,
    account: AccountId,
    skills: &[SkillId],
) -> Result<HashMap<SkillId, String>, StoreError> {
    let keys: Vec<Key> = skills.iter().map(|skill| key(account, *skill)).collect();
    let items = store.batch_get(Table::Voximplant, &keys).await?.into_iter();
    let names = items.map(|item| {
        let item: SkillItem = serde_dynamo::from_item(item)?;
        Ok((item.id, item.sname.as_str().to_owned()))
    });
    names.collect()
}
