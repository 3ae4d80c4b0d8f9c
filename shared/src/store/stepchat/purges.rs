//! The physical half of a delete: removes everything of a user and of the user's conversations, wherever it is.
//!
//! What depends on an item is removed before the item itself: if a purge is interrupted, the next run still finds the
//! rest.

use super::api_tokens::{self, POINTER, PlaceItem};
use super::conversation_items::{
    ASSIGNED, MAIN, MESSAGES, MessageItem, OWN, PointerItem, TYPES, TYPING, TypingItem, WRITTEN, assigned_key,
    conversation_key, conversation_partition, message_key, typing_key, typist_key, written_partitions,
};
use super::conversations::{self, Remembered, number};
use super::items::{DetailItem, partition};
use super::promises::{self, PromiseItem};
use super::{sessions, texts};
use crate::ids::{ConversationId, MessageId, UserId};
use crate::limits::MAX_TRANSACTION_ACTIONS;
use crate::stepchat::TokenName;
use crate::store::backlog::Progress;
use crate::store::grants::{Action, AuthItem, Grant};
use crate::store::read::{Partition, text};
use crate::store::search::StampedText;
use crate::store::write::Step;
use crate::store::{Attempts, Attributes, CommitError, Key, Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use futures_util::future::try_join_all;
use futures_util::try_join;
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

/// What finishing a purge needs.
pub const PURGE: &[Grant] = &[
    Grant::on(Table::Stepchat, Action::Query),
    Grant::on(Table::Stepchat, Action::GetItem),
    Grant::on(Table::Stepchat, Action::BatchWriteItem),
    Grant::on(Table::Stepchat, Action::UpdateItem),
    Grant::on(Table::Stepchat, Action::PutItem),
    Grant::on(Table::Stepchat, Action::DeleteItem),
    Grant::auth(AuthItem::Session, Action::DeleteItem),
    Grant::auth(AuthItem::ApiToken, Action::DeleteItem),
];

/// Items removed between two looks at the clock.
const PAGE: i32 = 100;

/// Removes everything left of a deleted user, then, once nothing can come any more, the promise. Safe to repeat and to
/// interrupt.
pub async fn purge(store: &Store, id: UserId, now: Timestamp, until: Instant) -> Result<Progress, StoreError> {
    let promised = async {
        let promise: Option<PromiseItem> = store.get(Table::Stepchat, &promises::key(id)).await?;
        let Some(promise) = promise else { return Ok((None, true)) };
        // A promise of an earlier version does not say whether the user was a responder.
        let may_be = promise.was_responder || promise.at.is_none();
        let written = async { if may_be { of_responder(store, id, until).await } else { Ok(true) } };
        let (gone, ()) = try_join!(written, texts::forget(store, id, &promise.texts))?;
        Ok::<_, StoreError>((Some(promise), gone))
    };
    let (own_gone, (promise, written_gone)) = try_join!(of_user(store, id, until), promised)?;
    let gone = own_gone && written_gone;
    let Some(promise) = promise else { return Ok(Progress::of(gone, true)) };
    let complete = promise.nothing_comes_any_more(now);
    match (gone, complete) {
        (true, true) => store.delete(Table::Stepchat, &promises::key(id)).await?,
        // Only if the promise is still there: if another run has ended it, the id may be another user's.
        (true, false) => {
            let once_more = promise.done();
            unless_done(store, Write::put(Table::Stepchat, &once_more)?.if_exists().or(())).await?;
        }
        (false, _) => {}
    }
    Ok(Progress::of(gone, complete))
}

/// Removes everything of a deleted user; `false` if the time was up before.
async fn of_user(store: &Store, id: UserId, until: Instant) -> Result<bool, StoreError> {
    of_partition(store, id, &partition(id), until).await
}

/// Removes what a deleted responder has written in others' conversations; `false` if the time was up before.
async fn of_responder(store: &Store, id: UserId, until: Instant) -> Result<bool, StoreError> {
    let partitions: Vec<String> = written_partitions(id).collect();
    let purges: Vec<_> = partitions.iter().map(|pk| of_partition(store, id, pk, until)).collect();
    Ok(try_join_all(purges).await?.into_iter().all(|gone| gone))
}

async fn of_partition(store: &Store, id: UserId, pk: &str, until: Instant) -> Result<bool, StoreError> {
    loop {
        // Always from the start: the items of the page before are removed by now.
        let page = store.page(&Partition::of(Table::Stepchat, pk).page_size(PAGE), None).await?;
        let dependents = Dependents::on(&page.items)?;
        if !dependents.remove(store, id, until).await? {
            return Ok(false);
        }
        store.batch_delete(Table::Stepchat, &keys(&page.items)).await?;
        if page.next.is_none() {
            return Ok(true);
        }
        if Instant::now() >= until {
            return Ok(false);
        }
    }
}

fn keys(items: &[Attributes]) -> Vec<Key> {
    items.iter().filter_map(|item| Some(Key::new(text(item, "pk")?, text(item, "sk")?))).collect()
}

/// What depends on items of a user's partition.
#[derive(Default)]
struct Dependents {
    own: Vec<ConversationId>,
    assigned: Vec<ConversationId>,
    written: BTreeMap<ConversationId, BTreeSet<MessageId>>,
    typing: Option<ConversationId>,
    tokens: Vec<TokenName>,
    sessions: Vec<Key>,
    texts: Vec<StampedText>,
}

impl Dependents {
    fn on(items: &[Attributes]) -> Result<Self, StoreError> {
        let mut dependents = Self::default();
        for item in items {
            let sort = text(item, "sk").unwrap_or_default();
            if sort.starts_with("D#") {
                dependents.texts.extend(texts::of_extra(&serde_dynamo::from_item::<_, DetailItem>(item.clone())?));
            } else if sort == TYPES {
                dependents.typing = Some(serde_dynamo::from_item::<_, TypingItem>(item.clone())?.cid);
            } else if let Some(session) = sessions::behind(sort) {
                dependents.sessions.push(session);
            } else if sort.starts_with(POINTER) {
                dependents.tokens.push(serde_dynamo::from_item::<_, PlaceItem>(item.clone())?.name);
            } else if [OWN, ASSIGNED, WRITTEN].iter().any(|start| sort.starts_with(start)) {
                let pointer: PointerItem = serde_dynamo::from_item(item.clone())?;
                match pointer.mid {
                    Some(message) => {
                        dependents.written.entry(pointer.cid).or_default().insert(message);
                    }
                    None if sort.starts_with(OWN) => dependents.own.push(pointer.cid),
                    None => dependents.assigned.push(pointer.cid),
                }
            }
        }
        Ok(dependents)
    }

    async fn remove(self, store: &Store, id: UserId, until: Instant) -> Result<bool, StoreError> {
        texts::forget(store, id, &self.texts).await?;
        for conversation in self.assigned {
            unassign(store, conversation, id).await?;
        }
        for conversation in self.own {
            if !conversation_of(store, id, conversation, until).await? {
                return Ok(false);
            }
        }
        for (conversation, messages) in self.written {
            let keys: Vec<Key> = messages.iter().map(|message| message_key(conversation, *message)).collect();
            store.batch_delete(Table::Stepchat, &keys).await?;
            forget(store, conversation, id, &messages).await?;
        }
        if let Some(conversation) = self.typing {
            store.batch_delete(Table::Stepchat, &[typist_key(conversation, id)]).await?;
        }
        for name in self.tokens {
            unless_refused(store, &api_tokens::removal(id, &name)).await?;
        }
        for keys in self.sessions.chunks(MAX_TRANSACTION_ACTIONS) {
            let mut ended = Txn::default();
            for key in keys {
                ended.push(Write::delete(Table::Auth, key.clone()));
            }
            unless_refused(store, &ended).await?;
        }
        Ok(true)
    }
}

/// Writes if the condition holds; if it does not, somebody has done it already.
async fn unless_done(store: &Store, step: Step<()>) -> Result<(), StoreError> {
    let mut txn = Txn::default();
    txn.push(step);
    unless_refused(store, &txn).await
}

async fn unless_refused(store: &Store, txn: &Txn<()>) -> Result<(), StoreError> {
    match store.commit(txn).await {
        Err(CommitError::Store(error)) => Err(error),
        _ => Ok(()),
    }
}

/// A conversation stays when its agent is deleted (decision D19).
async fn unassign(store: &Store, id: ConversationId, agent: UserId) -> Result<(), StoreError> {
    let write = Write::update(Table::Stepchat, conversation_key(id), "REMOVE assigned SET v = v + :one");
    let write = write.number(":one", 1).number(":agent", number(agent.get()));
    unless_done(store, write.if_("assigned = :agent").or(())).await
}

/// Removes a conversation with everything that depends on it; `false` if the time was up before.
async fn conversation_of(store: &Store, owner: UserId, id: ConversationId, until: Instant) -> Result<bool, StoreError> {
    let pk = conversation_partition(id);
    loop {
        let page = store.page(&Partition::of(Table::Stepchat, &pk).above(MAIN).page_size(PAGE), None).await?;
        let mut gone = Vec::with_capacity(page.items.len());
        for item in &page.items {
            let sort = text(item, "sk").unwrap_or_default();
            if sort.starts_with(MESSAGES) {
                let message: MessageItem = serde_dynamo::from_item(item.clone())?;
                if message.author() != owner {
                    gone.push(message.written_key());
                }
            } else if sort.starts_with(TYPING) {
                let typist: TypingItem = serde_dynamo::from_item(item.clone())?;
                stop_typing(store, typist.uid, id).await?;
            }
        }
        gone.extend(keys(&page.items));
        store.batch_delete(Table::Stepchat, &gone).await?;
        if page.next.is_none() {
            break;
        }
        if Instant::now() >= until {
            return Ok(false);
        }
    }
    let agent = conversations::find(store, id).await?.and_then(|conversation| conversation.agent);
    if let Some(agent) = agent {
        store.batch_delete(Table::Stepchat, &[assigned_key(agent, id)]).await?;
    }
    store.batch_delete(Table::Stepchat, &[conversation_key(id)]).await?;
    Ok(true)
}

/// Ends a user's typing in a conversation that is being removed, unless the user types elsewhere by now.
async fn stop_typing(store: &Store, user: UserId, id: ConversationId) -> Result<(), StoreError> {
    let write = Write::delete(Table::Stepchat, typing_key(user)).number(":cid", number(id.get()));
    unless_done(store, write.if_("cid = :cid").or(())).await
}

/// Makes a conversation forget an author whose messages are gone, if it remembers any of them.
async fn forget(
    store: &Store,
    id: ConversationId,
    author: UserId,
    gone: &BTreeSet<MessageId>,
) -> Result<(), StoreError> {
    let mut attempts = Attempts::default();
    loop {
        let Some(conversation) = conversations::find(store, id).await? else {
            return Ok(());
        };
        let remembered = conversation.last_message.is_some_and(|message| gone.contains(&message));
        if !remembered && conversation.last_agent != Some(author) {
            return Ok(());
        }
        let newest = conversation.last_message.filter(|message| gone.contains(message));
        let remembered = conversations::remembered_without(store, conversation, author).await?;
        if let Some(newest) = newest {
            list_below(store, &remembered, newest).await?;
        }
        let mut txn: Txn<()> = Txn::default();
        txn.push(remember(&remembered));
        match store.commit(&txn).await {
            Err(CommitError::Store(error)) => return Err(error),
            Err(_) => attempts.again().await?,
            Ok(()) => return Ok(()),
        }
    }
}

/// Gives a conversation its place in lists by the message that it will remember in place of `newest`, which is gone.
/// Done before the conversation forgets `newest`, so that a repeated run does this again.
async fn list_below(store: &Store, remembered: &Remembered, newest: MessageId) -> Result<(), StoreError> {
    for pointer in conversations::listing_keys(&remembered.conversation) {
        let write = match remembered.last {
            Some(last) => {
                Write::update(Table::Stepchat, pointer, "SET newest = :last").number(":last", number(last.get()))
            }
            None => Write::update(Table::Stepchat, pointer, "REMOVE newest"),
        };
        unless_done(store, write.number(":newest", number(newest.get())).if_("newest = :newest").or(())).await?;
    }
    Ok(())
}

/// Sets what a conversation remembers; stale if it has changed meanwhile.
fn remember(remembered: &Remembered) -> Step<()> {
    let expression = match (remembered.last, remembered.agent) {
        (Some(_), Some(_)) => "SET last_message = :last, last_agent = :agent, v = v + :one",
        (Some(_), None) => "SET last_message = :last, v = v + :one REMOVE last_agent",
        (None, _) => "SET v = v + :one REMOVE last_message, last_agent",
    };
    let key = conversation_key(remembered.conversation.id);
    let mut write = Write::update(Table::Stepchat, key, expression).number(":one", 1);
    if let Some(last) = remembered.last {
        write = write.number(":last", number(last.get()));
        if let Some(agent) = remembered.agent {
            write = write.number(":agent", number(agent.get()));
        }
    }
    write.if_version(remembered.conversation.version).or_stale()
}
