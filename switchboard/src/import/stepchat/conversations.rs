//! Conversations of a running workspace, with their messages, statuses and agents.

use super::api::{Api, member};
use super::options::Options;
use super::work_file::WorkFile;
use crate::progress::Progress;
use anyhow::{Context as _, Result, anyhow};
use csv::Reader;
use serde_json::Value;
use shared::context::App;
use shared::ids::{ConversationId, MessageId, UserId};
use shared::stepchat::{
    Attachments, Conversation, ConversationStatus, Department, Message, MessageText, Payload, Refusal, Source, Title,
    User,
};
use shared::store::stepchat::conversations::{creation, find, sending};
use shared::store::stepchat::imports::{known, remembered_as};
use shared::store::stepchat::users;
use shared::store::{Attempts, CommitError, Sequence, Store};
use shared::timestamp::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// Finds the user here for a user of the old workspace.
pub(super) struct People<'a> {
    app: &'a App,
    store: &'a Store,
    keep_ids: bool,
    ids: HashMap<u64, u64>,
    found: HashMap<u64, Option<User>>,
}

impl<'a> People<'a> {
    /// `ids` is the path of the file of ids. It exists only if the import of the users has written one.
    pub(super) fn new(app: &'a App, store: &'a Store, options: &Options, ids: &Path) -> Result<Self> {
        let mut known = HashMap::new();
        if ids.exists() {
            let cannot = || format!("cannot read the file of ids {}", ids.display());
            for record in Reader::from_path(ids).with_context(cannot)?.records() {
                let record = record.with_context(cannot)?;
                let number = |place| record.get(place).and_then(|cell: &str| cell.parse::<u64>().ok());
                known.extend(number(0).zip(number(1)));
            }
        }
        Ok(Self { app, store, keep_ids: options.keep_ids, ids: known, found: HashMap::new() })
    }

    /// The user here who had this id in the old workspace.
    async fn of(&mut self, old: u64) -> Result<Option<User>> {
        if let Some(found) = self.found.get(&old) {
            return Ok(found.clone());
        }
        let here = self.ids.get(&old).copied().or(Some(old).filter(|_| self.keep_ids));
        let user = match here.and_then(UserId::new) {
            Some(id) => users::find_profile(self.store, id).await?,
            None => None,
        };
        self.found.insert(old, user.clone());
        Ok(user)
    }

    /// Remembers that this user wrote a message at this time.
    fn was_active(&mut self, old: u64, then: Timestamp) {
        if let Some(Some(user)) = self.found.get_mut(&old) {
            user.last_activity = user.last_activity.max(then);
        }
    }

    /// The keyed hash by which a later import recognises a conversation or message of the old workspace.
    fn print(&self, url: &str, kind: &str, id: u64) -> String {
        self.app.tokens.fingerprint(&format!("imported-{kind}\0{url}\0{id}"))
    }
}

#[derive(Debug, Default)]
struct Counts {
    conversations: u64,
    messages: u64,
    there: u64,
    left: u64,
}

/// Imports the conversations of all users. Returns how many conversations and messages could not be imported.
pub(super) async fn take_all(api: &Api, mut people: People<'_>, work_file: &mut WorkFile) -> Result<u64> {
    let users: Vec<u64> = work_file.people.keys().copied().collect();
    let mut progress = Progress::new(Some(u64::try_from(users.len())?), "users' conversations");
    let mut counts = Counts::default();
    for old in users {
        if !work_file.is_imported(old) {
            take_of(api, &mut people, old, &mut counts).await?;
            work_file.mark_imported(old)?;
        }
        progress.advance(1);
    }
    progress.finish();
    let Counts { conversations, messages, there, left } = counts;
    println!(
        "{conversations} conversations imported, {messages} messages; {there} messages were there already, {left} left"
    );
    Ok(left)
}

async fn take_of(api: &Api, people: &mut People<'_>, old: u64, counts: &mut Counts) -> Result<()> {
    let rows = api.rows("get-user-conversations", &[("user_id", old.to_string())]).await?;
    // Oldest first, so that ids rise with time here as well.
    let ids: BTreeSet<u64> = rows.iter().filter_map(|row| member(row, "conversation_id").parse().ok()).collect();
    for id in ids {
        let (details, messages) = read(api, id).await?;
        // The list may hold conversations that the user has only been assigned to.
        if member(&details, "user_id").parse() != Ok(old) {
            continue;
        }
        let Some(user) = people.of(old).await? else {
            counts.left = counts.left.saturating_add(1);
            println!("  conversation {id} stays behind: its user {old} is not here");
            continue;
        };
        if let Err(why) = take(api, people, id, &user, &details, messages, counts).await? {
            counts.left = counts.left.saturating_add(1);
            println!("  conversation {id} stays behind: {why}");
        }
    }
    Ok(())
}

/// A conversation's details, and its messages by id.
async fn read(api: &Api, id: u64) -> Result<(Value, BTreeMap<u64, Value>)> {
    let (mut details, mut messages) = (Value::Null, BTreeMap::new());
    for piece in api.pieces("get-conversation", &[("conversation_id", id.to_string())]).await? {
        for row in piece.get("messages").and_then(Value::as_array).into_iter().flatten() {
            messages.extend(member(row, "id").parse::<u64>().ok().map(|id| (id, row.clone())));
        }
        details = piece.get("details").cloned().unwrap_or(details);
    }
    Ok((details, messages))
}

/// Imports one conversation. The inner error says why it cannot be imported.
async fn take(
    api: &Api,
    people: &mut People<'_>,
    old: u64,
    user: &User,
    details: &Value,
    messages: BTreeMap<u64, Value>,
    counts: &mut Counts,
) -> Result<Result<(), String>> {
    let conversation = match begun(api, people, old, user, details, counts).await? {
        Ok(conversation) => conversation,
        Err(why) => return Ok(Err(why)),
    };
    if let Some(largest) = messages.keys().next_back().filter(|_| people.keep_ids) {
        people.store.advance_sequence_past(Sequence::Message, *largest).await?;
    }
    let prints: Vec<String> = messages.keys().map(|id| people.print(&api.url, "message", *id)).collect();
    let before = known(people.store, &prints).await?;
    for (((id, row), print), known) in messages.iter().zip(&prints).zip(before) {
        if known.is_some() {
            counts.there = counts.there.saturating_add(1);
            continue;
        }
        match send(people, &conversation, *id, row, print).await? {
            Ok(()) => counts.messages = counts.messages.saturating_add(1),
            Err(why) => {
                counts.left = counts.left.saturating_add(1);
                println!("  message {id} of conversation {old} stays behind: {why}");
            }
        }
    }
    Ok(Ok(()))
}

/// The conversation here; it is created if it does not exist yet. The inner error says why it cannot be imported.
async fn begun(
    api: &Api,
    people: &mut People<'_>,
    old: u64,
    user: &User,
    details: &Value,
    counts: &mut Counts,
) -> Result<Result<Conversation, String>> {
    let print = people.print(&api.url, "conversation", old);
    let before = known(people.store, std::slice::from_ref(&print)).await?.into_iter().flatten().next();
    if let Some(id) = before.and_then(ConversationId::new) {
        let found = find(people.store, id).await?;
        return Ok(found.ok_or_else(|| format!("it came before, as conversation {id}, and was deleted")));
    }
    let id = if people.keep_ids {
        people.store.advance_sequence_past(Sequence::Conversation, old).await?;
        ConversationId::new(old).ok_or_else(|| anyhow!("{old} is no id"))?
    } else {
        people.store.next_id(Sequence::Conversation, ConversationId::new).await?
    };
    let now = people.app.clock.now();
    let text = |name: &str| Some(member(details, name)).filter(|text| !text.is_empty());
    let agent = match text("agent_id").and_then(|id| id.parse().ok()) {
        Some(agent) => people.of(agent).await?.filter(|agent| agent.user_type.is_staff()),
        None => None,
    };
    let status = text("conversation_status_code").and_then(|code| code.parse::<u8>().ok());
    let conversation = Conversation {
        id,
        user: user.id,
        // A field that breaks the rules here is left out; the rest is imported.
        title: text("title").and_then(|title| Title::parse(&title).ok()),
        creation_time: text("creation_time").and_then(|time| Timestamp::parse(&time)).unwrap_or(now),
        status: status.and_then(|code| ConversationStatus::try_from(code).ok()).unwrap_or(ConversationStatus::Live),
        department: text("department").and_then(|department| Department::parse(&department).ok()),
        agent: agent.map(|agent| agent.id),
        source: text("source").and_then(|source| Source::parse(&source).ok()),
        extra: text("extra").and_then(|extra| Title::parse(&extra).ok()),
        last_message: None,
        last_agent: None,
        version: now.millis(),
    };
    let mut txn = creation(&conversation, None)?;
    txn.push(remembered_as(&print, id.get(), now)?);
    match people.store.commit(&txn).await {
        Ok(()) => {
            counts.conversations = counts.conversations.saturating_add(1);
            Ok(Ok(conversation))
        }
        Err(CommitError::Refused(refusal)) => Ok(Err(refusal.to_string())),
        Err(CommitError::Store(error)) => Err(error.into()),
        Err(_) => Ok(Err(format!("there is another conversation {id} here"))),
    }
}

/// Imports one message as it was written. The inner error says why it cannot be imported.
async fn send(
    people: &mut People<'_>,
    conversation: &Conversation,
    old: u64,
    row: &Value,
    print: &str,
) -> Result<Result<(), String>> {
    let (store, now) = (people.store, people.app.clock.now());
    let writer: u64 = member(row, "user_id").parse().unwrap_or_default();
    let mut attempts = Attempts::default();
    let mut tried = false;
    loop {
        let Some(author) = people.of(writer).await? else { return Ok(Err("its author is not here".to_owned())) };
        let id = if people.keep_ids {
            MessageId::new(old).ok_or_else(|| anyhow!("{old} is no id"))?
        } else {
            store.next_id(Sequence::Message, MessageId::new).await?
        };
        let message = match message(conversation, id, &author, row, now) {
            Ok(message) => message,
            Err(refusal) => return Ok(Err(refusal.to_string())),
        };
        let mut txn = sending(conversation, &message, &author, None, Some(conversation.status))?;
        txn.push(remembered_as(print, id.get(), now)?);
        match store.commit(&txn).await {
            Ok(()) => {
                people.was_active(writer, message.creation_time);
                return Ok(Ok(()));
            }
            Err(CommitError::Refused(refusal)) => return Ok(Err(refusal.to_string())),
            Err(CommitError::Store(error)) => return Err(error.into()),
            Err(_) if people.keep_ids && tried => {
                return Ok(Err("there is a message with its id here, or a newer one in the conversation".to_owned()));
            }
            // In between, the author was active here, or somebody wrote into the conversation.
            Err(_) => {
                people.found.remove(&writer);
                attempts.again().await?;
                tried = true;
            }
        }
    }
}

fn message(
    conversation: &Conversation,
    id: MessageId,
    author: &User,
    row: &Value,
    now: Timestamp,
) -> Result<Message, Refusal> {
    let files: Vec<Vec<String>> = serde_json::from_str(&member(row, "attachments")).unwrap_or_default();
    let payload = member(row, "payload");
    let is_json = serde_json::from_str::<Value>(&payload).is_ok();
    Ok(Message {
        id,
        conversation: conversation.id,
        author: author.id,
        from_staff: author.user_type.is_staff(),
        text: MessageText::parse(&member(row, "message"))?,
        creation_time: Timestamp::parse(&member(row, "creation_time")).unwrap_or(now),
        attachments: Attachments::new(&files)?,
        payload: if is_json { Payload::new(payload)? } else { Payload::default() },
    })
}
