//! How often logins have failed, in the `auth` table.
//!
//! A try is counted as failed before its result is looked at, and its success takes it back: however many tries come at
//! once, no more have a result than the limit allows.

use crate::stepchat::{Failures, Limit, Refusal};
use crate::store::grants::{Action, AuthItem, Grant};
use crate::store::read::text;
use crate::store::{Attempts, CommitError, Key, Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// What counting needs.
pub const COUNT: &[Grant] = &[
    Grant::auth(AuthItem::FailedLogins, Action::BatchGetItem),
    Grant::auth(AuthItem::FailedLogins, Action::PutItem),
    Grant::auth(AuthItem::FailedLogins, Action::DeleteItem),
];

/// Failures that are counted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// A keyed hash of what the failures have in common: the table holds no address in clear.
    pub name: String,
    /// How many failures are allowed, within which time.
    pub limit: Limit,
    /// The caller of this login, as a short keyed hash: a success takes back this caller's failures, and no others.
    /// Empty if callers cannot be told apart: then a success takes back only its own try.
    pub caller: String,
}

impl Counter {
    fn key(&self) -> Key {
        AuthItem::FailedLogins.key(&self.name)
    }

    /// A new state of the counter. Its version is random: no two states share one, even if the counter was removed and
    /// made again.
    fn state(&self, failures: Failures, now: Timestamp) -> State {
        let expires = now.seconds().saturating_add(self.limit.seconds).saturating_add(1);
        State { pk: self.key().pk, failures, version: fastrand::i64(..), expires }
    }
}

/// A counter as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    pk: String,
    failures: Failures,
    #[serde(rename = "v")]
    version: i64,
    /// Seconds since the epoch, for the table's time to live.
    expires: i64,
}

/// Counters as they were read: each with the failures that still count, and its version if it exists.
#[derive(Debug, Clone)]
pub struct Seen(Vec<(Failures, Option<i64>)>);

/// Reads counters.
pub async fn read(store: &Store, counters: &[Counter], now: Timestamp) -> Result<Seen, StoreError> {
    let keys: Vec<Key> = counters.iter().map(Counter::key).collect();
    let items = store.batch_get(Table::Auth, &keys).await?;
    let state = |counter: &Counter| {
        let pk = counter.key().pk;
        let item = items.iter().find(|item| text(item, "pk") == Some(&pk));
        let state: Option<State> = item.cloned().map(serde_dynamo::from_item).transpose()?;
        let version = state.as_ref().map(|state| state.version);
        Ok((state.map(|state| state.failures).unwrap_or_default().recent(counter.limit, now), version))
    };
    counters.iter().map(state).collect::<Result<_, _>>().map(Seen)
}

/// Counts one try, as failed until [`succeeded`] is called; `None` if one of the counters has no try left. Stale if
/// another try was counted since they were read.
pub async fn register(
    store: &Store,
    counters: &[Counter],
    seen: &Seen,
    now: Timestamp,
) -> Result<Option<Seen>, CommitError<Refusal>> {
    let mut txn = Txn::default();
    let mut registered = Vec::with_capacity(counters.len());
    for (counter, (failures, version)) in counters.iter().zip(&seen.0) {
        let Some(failures) = failures.with_try(counter.limit, now, &counter.caller) else { return Ok(None) };
        let state = counter.state(failures.clone(), now);
        let write = Write::put(Table::Auth, &state)?;
        txn.push(match version {
            Some(version) => write.if_version(*version).or_stale(),
            None => write.if_absent().or_stale(),
        });
        registered.push((failures, Some(state.version)));
    }
    store.commit(&txn).await?;
    Ok(Some(Seen(registered)))
}

/// Notes that a registered try has succeeded.
pub async fn succeeded(
    store: &Store,
    counters: &[Counter],
    registered: Seen,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut seen = registered;
    let mut attempts = Attempts::default();
    loop {
        let mut txn: Txn<()> = Txn::default();
        for (counter, (failures, version)) in counters.iter().zip(seen.0) {
            let Some(version) = version else { continue };
            let left = failures.after_success(now, &counter.caller);
            let write = if left.is_empty() {
                Write::delete(Table::Auth, counter.key())
            } else {
                Write::put(Table::Auth, &counter.state(left, now))?
            };
            txn.push(write.if_version(version).or_stale());
        }
        if txn.is_empty() {
            return Ok(());
        }
        match store.commit(&txn).await {
            Err(CommitError::Store(error)) => return Err(error),
            Err(_) => attempts.again().await?,
            Ok(()) => return Ok(()),
        }
        seen = read(store, counters, now).await?;
    }
}
