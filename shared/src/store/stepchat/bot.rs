//! The bot: the one user that no list shows.

use super::counters::LeadCounter;
use super::creation;
use super::users::Secrets;
use crate::ids::UserId;
use crate::stepchat::{Refusal, User};
use crate::store::grants::{Action, Grant};
use crate::store::{Key, Store, StoreError, Table, Txn, Write};
use serde::{Deserialize, Serialize};

/// What [`find`] needs.
pub const FIND: &[Grant] = &[Grant::on(Table::Stepchat, Action::GetItem)];
/// What [`creation()`] and the request for the bot's id need.
pub const CREATE: &[Grant] =
    &[Grant::on(Table::Stepchat, Action::PutItem), Grant::on(Table::Stepchat, Action::UpdateItem)];

#[derive(Debug, Serialize, Deserialize)]
struct BotItem {
    pk: String,
    sk: String,
    uid: UserId,
}

/// The bot's id, if there is a bot.
pub async fn find(store: &Store) -> Result<Option<UserId>, StoreError> {
    let item: Option<BotItem> = store.get(Table::Stepchat, &Key::new("B", "B")).await?;
    Ok(item.map(|item| item.uid))
}

/// The transaction that creates the bot; stale if a bot exists by now.
pub fn creation(bot: &User, secrets: &Secrets) -> Result<Txn<Refusal>, StoreError> {
    let mut txn = creation::of(bot, &[], secrets, false, &LeadCounter::unread())?;
    let item = BotItem { pk: "B".into(), sk: "B".into(), uid: bot.id };
    txn.push(Write::put(Table::Stepchat, &item)?.if_absent().or_stale());
    Ok(txn)
}
