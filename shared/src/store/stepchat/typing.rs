//! Who is typing where: one conversation at a time, for a while (decisions D17, D27, D28, D33).

use super::conversation_items::{TYPING, TypingItem, conversation_partition, typing_key, typist_key};
use super::people;
use crate::ids::{ConversationId, UserId};
use crate::stepchat::{Refusal, User};
use crate::store::grants::{Action, Grant};
use crate::store::read::Partition;
use crate::store::write::Step;
use crate::store::{Key, Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use std::collections::BTreeSet;

/// What [`find`] needs.
pub const FIND: &[Grant] = &[Grant::on(Table::Stepchat, Action::GetItem)];
/// What [`change`] needs.
pub const CHANGE: &[Grant] = &[
    Grant::on(Table::Stepchat, Action::PutItem),
    Grant::on(Table::Stepchat, Action::UpdateItem),
    Grant::on(Table::Stepchat, Action::DeleteItem),
    Grant::on(Table::Stepchat, Action::ConditionCheckItem),
];
/// What [`agent_in`] needs.
pub const AGENT_IN: &[Grant] =
    &[Grant::on(Table::Stepchat, Action::Query), Grant::on(Table::Stepchat, Action::BatchGetItem)];

/// The longest time for which a user may be shown as typing: an hour, as the setting allows.
const LONGEST_MILLIS: i64 = 60 * 60 * 1000;

/// Where a user was last said to be typing.
#[derive(Debug, Clone)]
pub struct Typing(TypingItem);

impl Typing {
    /// The conversation in which the user is typing at this moment.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Option<ConversationId> {
        lasts(self.0.until, now).then_some(self.0.cid)
    }
}

/// Whether typing lasts: its end is in the future, but no further than a correct clock may have set it.
fn lasts(until: Timestamp, now: Timestamp) -> bool {
    until > now && until.plus_millis(-LONGEST_MILLIS).is_possible(now)
}

/// Where a user was last typing, even if that was long ago.
pub async fn find(store: &Store, user: UserId) -> Result<Option<Typing>, StoreError> {
    Ok(store.get(Table::Stepchat, &typing_key(user)).await?.map(Typing))
}

/// The transaction that sets where the user is typing and until when, or that the user is typing nowhere. It counts as
/// activity of the user. Stale if `before` has changed.
pub fn change(
    user: &User,
    before: Option<&Typing>,
    place: Option<(ConversationId, Timestamp)>,
    now: Timestamp,
) -> Result<Txn<Refusal>, StoreError> {
    let mut txn = Txn::default();
    let left = before.map(|typing| typing.0.cid);
    match place {
        Some((conversation, until)) => {
            let item = |key: Key| TypingItem::new(key, user.id, conversation, user.user_type.is_staff(), until);
            let here = Write::put(Table::Stepchat, &item(typing_key(user.id)))?;
            txn.push(unchanged(here, before));
            txn.push(Write::put(Table::Stepchat, &item(typist_key(conversation, user.id)))?);
            if let Some(left) = left.filter(|left| *left != conversation) {
                txn.push(Write::delete(Table::Stepchat, typist_key(left, user.id)));
            }
        }
        None => stop(&mut txn, user.id, before),
    }
    txn.push(people::active(user, now));
    Ok(txn)
}

/// Adds to a transaction that the user is no longer typing anywhere.
pub(super) fn stop(txn: &mut Txn<Refusal>, user: UserId, before: Option<&Typing>) {
    if let Some(typing) = before {
        txn.push(unchanged(Write::delete(Table::Stepchat, typing_key(user)), before));
        txn.push(Write::delete(Table::Stepchat, typist_key(typing.0.cid, user)));
    }
}

/// The user's side decides: both sides change together, and only if the user's side still says what was read.
fn unchanged(write: Write, before: Option<&Typing>) -> Step<Refusal> {
    match before {
        Some(Typing(item)) => {
            let place = i64::try_from(item.cid.get()).unwrap_or(i64::MAX);
            // Time to live may have removed it meanwhile.
            write.number(":cid", place).if_("attribute_not_exists(pk) OR cid = :cid").or_stale()
        }
        None => write.if_absent().or_stale(),
    }
}

/// The agent or admin who is typing in a conversation; of several, the one who began last. The caller is not left out
/// (decision D17).
pub async fn agent_in(store: &Store, id: ConversationId, now: Timestamp) -> Result<Option<User>, StoreError> {
    let pk = conversation_partition(id);
    let typists = Partition::of(Table::Stepchat, &pk).begins_with(TYPING);
    let mut staff = Vec::new();
    for item in store.all(&typists).await? {
        let typist: TypingItem = serde_dynamo::from_item(item)?;
        if typist.staff && lasts(typist.until, now) {
            staff.push((typist.until, typist.uid));
        }
    }
    staff.sort_unstable();
    if staff.is_empty() {
        return Ok(None);
    }
    // The profile decides: names and types change, users are deleted.
    let mut people = people::find(store, staff.iter().map(|(_, id)| *id).collect::<BTreeSet<_>>()).await?;
    Ok(staff.iter().rev().filter_map(|(_, id)| people.remove(id)).find(|user| user.user_type.is_staff()))
}
