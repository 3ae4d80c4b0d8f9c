//! Everything that is kept of one user, for the operator's export.

use super::conversation_items::{
    ConversationItem, MessageItem, OWN, PointerItem, WRITTEN, conversation_key, message_key, written_partitions,
};
use super::conversations;
use super::items::partition;
use super::users::{self, Stored};
use crate::ids::UserId;
use crate::stepchat::{Conversation, Message};
use crate::store::read::Partition;
use crate::store::{Key, Store, StoreError, Table};
use std::collections::BTreeSet;

/// A user with everything that is the user's own.
#[derive(Debug, Clone)]
pub struct UserArchive {
    /// Profile and extras.
    pub stored: Stored,
    /// The user's conversations with all their messages, whoever wrote them.
    pub conversations: Vec<(Conversation, Vec<Message>)>,
    /// What the user wrote in other users' conversations.
    pub elsewhere: Vec<Message>,
}

/// Reads everything of a user.
pub async fn read(store: &Store, id: UserId) -> Result<Option<UserArchive>, StoreError> {
    let Some(stored) = users::load(store, id).await? else { return Ok(None) };
    let mut own: Vec<Key> = Vec::new();
    for pointer in pointers(store, id, OWN).await? {
        own.push(conversation_key(pointer.cid));
    }
    let mut conversations = Vec::with_capacity(own.len());
    for item in store.batch_get(Table::Stepchat, &own).await? {
        let conversation = serde_dynamo::from_item::<_, ConversationItem>(item)?.into_conversation();
        let messages = messages(store, &conversation).await?;
        conversations.push((conversation, messages));
    }
    conversations.sort_unstable_by_key(|(conversation, _)| conversation.id);
    let ours: BTreeSet<_> = conversations.iter().map(|(conversation, _)| conversation.id).collect();
    let mut written = pointers(store, id, WRITTEN).await?;
    for pk in written_partitions(id) {
        written.extend(pointers_in(store, &pk, WRITTEN).await?);
    }
    let keys = written.into_iter().filter(|pointer| !ours.contains(&pointer.cid));
    let keys: Vec<Key> = keys.filter_map(|pointer| Some(message_key(pointer.cid, pointer.mid?))).collect();
    let mut elsewhere = Vec::with_capacity(keys.len());
    for item in store.batch_get(Table::Stepchat, &keys).await? {
        elsewhere.push(serde_dynamo::from_item::<_, MessageItem>(item)?.into_message());
    }
    elsewhere.sort_unstable_by_key(|message| message.id);
    Ok(Some(UserArchive { stored, conversations, elsewhere }))
}

async fn pointers(store: &Store, id: UserId, start: &str) -> Result<Vec<PointerItem>, StoreError> {
    pointers_in(store, &partition(id), start).await
}

async fn pointers_in(store: &Store, pk: &str, start: &str) -> Result<Vec<PointerItem>, StoreError> {
    let partition = Partition::of(Table::Stepchat, pk).begins_with(start);
    let items = store.all(&partition).await?.into_iter();
    items.map(|item| Ok(serde_dynamo::from_item(item)?)).collect()
}

async fn messages(store: &Store, conversation: &Conversation) -> Result<Vec<Message>, StoreError> {
    let mut all: Vec<Message> = Vec::new();
    loop {
        let after = all.last().map(|message| message.id);
        let (page, more) = conversations::messages(store, conversation.id, after).await?;
        all.extend(page);
        if !more {
            return Ok(all);
        }
    }
}
