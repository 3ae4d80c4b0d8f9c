//! Conversations and their messages: start, write, read.

use super::conversation_items::{
    ASSIGNED, ConversationItem, MAIN, MESSAGES, MessageItem, OWN, PointerItem, assigned_key, conversation_key,
    conversation_partition, message_key, message_sort, own_key, written_key,
};
use super::items::partition;
use super::people::{self, People};
use super::typing::{self, Typing};
use crate::ids::{ConversationId, MessageId, UserId};
use crate::limits::MAX_ANSWER_BYTES;
use crate::stepchat::{Conversation, ConversationStatus, Message, Refusal, User};
use crate::store::grants::{Action, Grant};
use crate::store::read::{Partition, Range, text};
use crate::store::{Attributes, Key, Store, StoreError, Table, Txn, Write};
use std::collections::BTreeMap;

/// What [`creation`] needs, together with a visitor's change to a lead.
pub const CREATE: &[Grant] = &[
    Grant::on(Table::Stepchat, Action::PutItem),
    Grant::on(Table::Stepchat, Action::UpdateItem),
    Grant::on(Table::Stepchat, Action::ConditionCheckItem),
];
/// What [`find`] needs.
pub const FIND: &[Grant] = &[Grant::on(Table::Stepchat, Action::GetItem)];
/// What [`sending`] needs.
pub const SEND: &[Grant] = &[
    Grant::on(Table::Stepchat, Action::PutItem),
    Grant::on(Table::Stepchat, Action::UpdateItem),
    Grant::on(Table::Stepchat, Action::DeleteItem),
    Grant::on(Table::Stepchat, Action::ConditionCheckItem),
];
/// What [`messages`] needs.
pub const MESSAGES_OF: &[Grant] = &[Grant::on(Table::Stepchat, Action::Query)];
/// What [`of`] and [`latest`] need.
pub const LIST: &[Grant] =
    &[Grant::on(Table::Stepchat, Action::Query), Grant::on(Table::Stepchat, Action::BatchGetItem)];
/// What [`last_agent`] needs.
pub const LAST_AGENT: &[Grant] =
    &[Grant::on(Table::Stepchat, Action::Query), Grant::on(Table::Stepchat, Action::BatchGetItem)];

/// Messages read together in the search for the newest one that counts.
const WALK_PAGE: i32 = 100;
/// The minimum bytes of a message's row besides its texts: the names of its members.
const ROW_BYTES: usize = 200;

/// The transaction that starts a conversation. `owner` is the change of its user that goes with it, if any, and makes
/// sure that the user still exists; without it, the transaction checks that.
pub fn creation(conversation: &Conversation, owner: Option<Txn<Refusal>>) -> Result<Txn<Refusal>, StoreError> {
    let (id, user) = (conversation.id, conversation.user);
    let mut txn = match owner {
        Some(change) => change,
        None => {
            let mut txn = Txn::default();
            txn.push(people::existing(user).or(Refusal::UserNotFound));
            txn
        }
    };
    // The id is fresh from the sequence: an item in its place means the sequence was set back.
    txn.push(Write::put(Table::Stepchat, &ConversationItem::new(conversation))?.if_absent().or_stale());
    txn.push(Write::put(Table::Stepchat, &PointerItem::new(own_key(user, id), id, None))?);
    if let Some(agent) = conversation.agent {
        if agent != user {
            txn.push(people::existing(agent).or(Refusal::AgentNotFound));
        }
        txn.push(Write::put(Table::Stepchat, &PointerItem::new(assigned_key(agent, id), id, None))?);
    }
    Ok(txn)
}

/// Reads a conversation. It is visible only while its user's profile exists: without the profile it is being purged.
pub async fn find(store: &Store, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
    let item: Option<ConversationItem> = store.get(Table::Stepchat, &conversation_key(id)).await?;
    Ok(item.map(ConversationItem::into_conversation))
}

/// The transaction that writes a message: the author stops typing, the conversation remembers the message and, if the
/// author is staff, the author. Stale if a newer message came first.
///
/// In a conversation of the author's own, the message also moves the author's last activity on, and is stale if the
/// author is gone. Authors in others' conversations are not part of the transaction, since their messages would then
/// wait for each other: their existence is checked before, [`super::presence::touch`] notes their activity, and a purge
/// looks once more for what came while it ran.
pub fn sending(
    conversation: &Conversation,
    message: &Message,
    author: &User,
    typing: Option<&Typing>,
    status: Option<ConversationStatus>,
) -> Result<Txn<Refusal>, StoreError> {
    let by_responder = author.user_type.is_responder();
    let mut txn = Txn::default();
    txn.push(Write::put(Table::Stepchat, &MessageItem::new(message, by_responder))?.if_absent().or_stale());
    let expression = if message.from_staff {
        "SET st = :st, last_message = :message, v = v + :one, last_agent = :author"
    } else {
        "SET st = :st, last_message = :message, v = v + :one"
    };
    let status = status.unwrap_or(conversation.status);
    let mut update = Write::update(Table::Stepchat, conversation_key(conversation.id), expression)
        .number(":st", i64::from(status.code()))
        .number(":message", number(message.id.get()))
        .number(":one", 1);
    if message.from_staff {
        update = update.number(":author", number(author.id.get()));
    }
    // Messages get their ids before they are written: one that comes after a higher id gets a new id.
    let newer = "attribute_exists(pk) AND (attribute_not_exists(last_message) OR last_message < :message)";
    txn.push(update.if_(newer).or_stale());
    for pointer in listing_keys(conversation) {
        // A missing pointer means that its user is gone: the conversation is read again.
        let newest = Write::update(Table::Stepchat, pointer, "SET newest = :message");
        txn.push(newest.number(":message", number(message.id.get())).if_exists().or_stale());
    }
    if author.id == conversation.user {
        txn.push(people::active(author, message.creation_time));
    } else {
        // Without its user the conversation is being purged.
        txn.push(people::existing(conversation.user).or(Refusal::ConversationNotFound));
        let key = written_key(author.id, by_responder, conversation.id, message.id);
        txn.push(Write::put(Table::Stepchat, &PointerItem::new(key, conversation.id, Some(message.id)))?);
    }
    typing::stop(&mut txn, author.id, typing);
    Ok(txn)
}

/// The pointers by which a conversation is listed: as its user's own, and as assigned to an agent.
pub(super) fn listing_keys(conversation: &Conversation) -> impl Iterator<Item = Key> {
    let assigned = conversation.agent.map(|agent| assigned_key(agent, conversation.id));
    std::iter::once(own_key(conversation.user, conversation.id)).chain(assigned)
}

/// An id as a number of an expression; ids have at most twelve digits.
pub(super) fn number(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

/// Messages of a conversation in order, and whether there are more: at least as many as fit in one answer.
pub async fn messages(
    store: &Store,
    id: ConversationId,
    after: Option<MessageId>,
) -> Result<(Vec<Message>, bool), StoreError> {
    let (pk, after) = (conversation_partition(id), after.map(message_sort));
    let range = after.as_deref().map_or(Range::BeginsWith(MESSAGES), Range::Above);
    let partition = Partition::of(Table::Stepchat, &pk).range(range);
    let (mut messages, mut bytes, mut from) = (Vec::new(), 0_usize, None);
    loop {
        let page = store.page(&partition, from).await?;
        for item in page.items {
            let message = message(item)?;
            bytes = bytes.saturating_add(message.bytes()).saturating_add(ROW_BYTES);
            messages.push(message);
        }
        from = page.next;
        if from.is_none() || bytes > MAX_ANSWER_BYTES {
            return Ok((messages, from.is_some()));
        }
    }
}

fn message(item: Attributes) -> Result<Message, StoreError> {
    Ok(serde_dynamo::from_item::<_, MessageItem>(item)?.into_message())
}

/// Which of a user's conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Those that are the user's own.
    Own,
    /// Those that are assigned to the user as an agent.
    Assigned,
}

/// A conversation's place in the list of a user's conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// The conversation.
    pub id: ConversationId,
    /// Its newest message.
    pub newest: MessageId,
}

/// A user's conversations that have a message, the one with the newest message first. They are read from their
/// pointers; a conversation itself is read only if its pointer names no message.
pub async fn of(store: &Store, user: UserId, whose: Whose) -> Result<Vec<Listed>, StoreError> {
    let pk = partition(user);
    let start = match whose {
        Whose::Own => OWN,
        Whose::Assigned => ASSIGNED,
    };
    let pointers = store.all(&Partition::of(Table::Stepchat, &pk).begins_with(start)).await?;
    let (mut listed, mut unknown) = (Vec::with_capacity(pointers.len()), Vec::new());
    for pointer in pointers {
        let pointer: PointerItem = serde_dynamo::from_item(pointer)?;
        match pointer.newest {
            Some(newest) => listed.push(Listed { id: pointer.cid, newest }),
            None => unknown.push(conversation_key(pointer.cid)),
        }
    }
    // These have no message, or their pointers were written before pointers named the newest one.
    for item in store.batch_get(Table::Stepchat, &unknown).await? {
        let conversation = serde_dynamo::from_item::<_, ConversationItem>(item)?.into_conversation();
        listed.extend(conversation.last_message.map(|newest| Listed { id: conversation.id, newest }));
    }
    listed.sort_unstable_by_key(|one| std::cmp::Reverse(one.newest));
    Ok(listed)
}

/// A conversation with its newest message and who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latest {
    pub conversation: Conversation,
    /// Its newest message.
    pub message: Message,
    pub author: User,
}

/// The newest message of each of these conversations, in their order; conversations that are gone or whose user is gone
/// are left out.
pub async fn latest(store: &Store, listed: &[Listed]) -> Result<Vec<Latest>, StoreError> {
    let keys = listed.iter().flat_map(|one| [conversation_key(one.id), message_key(one.id, one.newest)]);
    let items = store.batch_get(Table::Stepchat, &keys.collect::<Vec<_>>()).await?;
    let mut conversations: BTreeMap<ConversationId, Conversation> = BTreeMap::new();
    let mut newest: BTreeMap<ConversationId, Message> = BTreeMap::new();
    for item in items {
        if text(&item, "sk") == Some(MAIN) {
            let conversation = serde_dynamo::from_item::<_, ConversationItem>(item)?.into_conversation();
            conversations.insert(conversation.id, conversation);
        } else {
            let message = message(item)?;
            newest.insert(message.conversation, message);
        }
    }
    let authors = newest.values().map(|message| message.author);
    let users = conversations.values().map(|conversation| conversation.user);
    let people = people::find(store, authors.chain(users).collect()).await?;
    let mut latest = Vec::with_capacity(listed.len());
    for one in listed {
        let found = conversations.remove(&one.id).filter(|conversation| people.contains_key(&conversation.user));
        let Some(mut conversation) = found else { continue };
        // The list sorts it by this message, whatever has been written since.
        conversation.last_message = Some(one.newest);
        let known = newest.remove(&one.id);
        let known = known.and_then(|message| Some((people.get(&message.author)?.clone(), message)));
        let found = match known {
            Some(found) => Some(found),
            // Its author is being purged: the message before it is the newest now.
            None => newest_by(store, one.id, |_| true).await?,
        };
        latest.extend(found.map(|(author, message)| Latest { conversation, message, author }));
    }
    Ok(latest)
}

/// The author of the newest message that an agent or admin wrote. `people` holds the author that the conversation
/// remembers, if that user exists.
pub async fn last_agent(
    store: &Store,
    conversation: &Conversation,
    people: &People,
) -> Result<Option<User>, StoreError> {
    let Some(remembered) = conversation.last_agent else {
        return Ok(None);
    };
    if let Some(agent) = people.get(&remembered).filter(|user| user.user_type.is_staff()) {
        return Ok(Some(agent.clone()));
    }
    // The remembered author is deleted or no longer staff: the one before counts.
    let found = newest_by(store, conversation.id, |user| user.user_type.is_staff()).await?;
    Ok(found.map(|(author, _)| author))
}

/// The newest message whose author exists and is `wanted`.
async fn newest_by(
    store: &Store,
    id: ConversationId,
    wanted: impl Fn(&User) -> bool + Send,
) -> Result<Option<(User, Message)>, StoreError> {
    let pk = conversation_partition(id);
    let partition = Partition::of(Table::Stepchat, &pk).begins_with(MESSAGES).descending().page_size(WALK_PAGE);
    let mut from = None;
    loop {
        let page = store.page(&partition, from).await?;
        let messages = page.items.into_iter().map(message).collect::<Result<Vec<_>, _>>()?;
        let mut people = people::find(store, messages.iter().map(|message| message.author).collect()).await?;
        people.retain(|_, user| wanted(user));
        let found = messages.into_iter().find_map(|message| Some((people.remove(&message.author)?, message)));
        from = page.next;
        if found.is_some() || from.is_none() {
            return Ok(found);
        }
    }
}

/// What a conversation remembers of its messages.
pub(super) struct Remembered {
    pub(super) conversation: Conversation,
    pub(super) last: Option<MessageId>,
    pub(super) agent: Option<UserId>,
}

/// What a conversation must remember when nothing that `gone` wrote counts any more.
pub(super) async fn remembered_without(
    store: &Store,
    conversation: Conversation,
    gone: UserId,
) -> Result<Remembered, StoreError> {
    let pk = conversation_partition(conversation.id);
    let partition = Partition::of(Table::Stepchat, &pk).begins_with(MESSAGES).descending().page_size(WALK_PAGE);
    // `agent` stays `None` if no other member of the staff has written.
    let mut remembered = Remembered { conversation, last: None, agent: None };
    let mut from = None;
    loop {
        let page = store.page(&partition, from).await?;
        for item in page.items {
            let message = message(item)?;
            if message.author == gone {
                continue;
            }
            remembered.last = remembered.last.or(Some(message.id));
            if message.from_staff {
                remembered.agent = Some(message.author);
                return Ok(remembered);
            }
        }
        from = page.next;
        if from.is_none() {
            return Ok(remembered);
        }
    }
}
