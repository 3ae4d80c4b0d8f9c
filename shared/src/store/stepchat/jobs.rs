//! Work that outlives its request: the physical purge behind a delete.

use super::{purges, texts};
use crate::ids::UserId;
use crate::limits::SEARCH_SETTLED_MILLIS;
use crate::store::backlog::Progress;
use crate::store::grants::{Action, AuthItem, Grant};
use crate::store::read::{Partition, text};
use crate::store::search::StampedText;
use crate::store::{Attributes, Key, Store, StoreError, Table, Write};
use crate::timestamp::Timestamp;
use futures_util::try_join;
use serde::{Deserialize, Serialize};
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

const PURGES: &str = "J#purge-user";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct JobItem {
    pk: String,
    sk: String,
    uid: UserId,
    /// When the purge was promised; missing in promises of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    /// Whether the user ever was a responder.
    #[serde(rename = "wr", default, skip_serializing_if = "std::ops::Not::not")]
    was_responder: bool,
    /// The searchable texts of the deleted profile.
    #[serde(rename = "posted", default)]
    texts: Vec<StampedText>,
    /// Whether everything that was there is removed: what is left to do is to look for items that came meanwhile.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    done: bool,
}

pub(super) fn key(id: UserId) -> Key {
    Key::new(PURGES, id.padded())
}

/// The user whose purge an item promises, if the item is a promise.
pub(super) fn promised(item: &Attributes) -> Option<UserId> {
    let id = text(item, "sk").filter(|_| text(item, "pk") == Some(PURGES))?;
    UserId::parse(id.trim_start_matches('0'))
}

/// The write that, inside the deleting transaction, promises the purge.
pub(super) fn promise(
    id: UserId,
    texts: Vec<StampedText>,
    was_responder: bool,
    now: Timestamp,
) -> Result<Write, StoreError> {
    let Key { pk, sk } = key(id);
    let sk = sk.unwrap_or_default();
    Write::put(Table::Stepchat, &JobItem { pk, sk, uid: id, at: Some(now), was_responder, texts, done: false })
}

/// A purge that is promised and not finished.
#[derive(Debug, Clone)]
pub struct PromisedPurge(JobItem);

impl PromisedPurge {
    /// The deleted user.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.0.uid
    }

    /// Whether there is nothing to do but to wait.
    #[must_use]
    pub fn waits(&self, now: Timestamp) -> bool {
        self.0.done && !self.0.nothing_comes_any_more(now)
    }
}

impl JobItem {
    /// Whether every request that may have seen the user before the delete has ended: until then, one may still write a
    /// message of the user.
    fn nothing_comes_any_more(&self, now: Timestamp) -> bool {
        self.at.is_none_or(|at| at.is_past(SEARCH_SETTLED_MILLIS, now))
    }
}

/// The purges that are promised and not finished, oldest id first.
pub async fn pending_purges(store: &Store) -> Result<Vec<PromisedPurge>, StoreError> {
    let partition = Partition::of(Table::Stepchat, PURGES);
    let jobs = store.all(&partition).await?;
    jobs.into_iter().map(|job| Ok(PromisedPurge(serde_dynamo::from_item(job)?))).collect()
}

/// Removes everything left of a deleted user, then, once nothing can come any more, the promise. Safe to repeat and to
/// interrupt.
pub async fn purge(store: &Store, id: UserId, now: Timestamp, until: Instant) -> Result<Progress, StoreError> {
    let promised = async {
        let promise: Option<JobItem> = store.get(Table::Stepchat, &key(id)).await?;
        let Some(promise) = promise else { return Ok((None, true)) };
        // A promise of an earlier version does not say whether the user was a responder.
        let may_be = promise.was_responder || promise.at.is_none();
        let written = async { if may_be { purges::of_responder(store, id, until).await } else { Ok(true) } };
        let (gone, ()) = try_join!(written, texts::forget(store, id, &promise.texts))?;
        Ok::<_, StoreError>((Some(promise), gone))
    };
    let (own_gone, (promise, written_gone)) = try_join!(purges::of_user(store, id, until), promised)?;
    let gone = own_gone && written_gone;
    let Some(promise) = promise else { return Ok(Progress::of(gone, true)) };
    let complete = promise.nothing_comes_any_more(now);
    match (gone, complete) {
        (true, true) => store.delete(Table::Stepchat, &key(id)).await?,
        // Only if the promise is still there: if another run has ended it, the id may be another user's.
        (true, false) => {
            let once_more = JobItem { texts: Vec::new(), done: true, ..promise };
            purges::unless_done(store, Write::put(Table::Stepchat, &once_more)?.if_exists().or(())).await?;
        }
        (false, _) => {}
    }
    Ok(Progress::of(gone, complete))
}
