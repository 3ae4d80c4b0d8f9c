//! What a method may use: what belongs to the process, and what belongs to the request.

use crate::ahead::Trust;
use crate::clock::Clock;
use crate::config::Config;
use crate::crypto::{Secret, Tokens, hash_password};
use crate::observe::Log;
use crate::store::files::{FileStore, NoFiles};
use crate::store::idempotency::IdempotencyKey;
use crate::store::{CommitError, Store, StoreError, Txn};
use crate::timestamp::Timestamp;
use crate::wire::{Cookies, Inbound};
use serde::Serialize;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;

/// Whether a method changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Only reads.
    Read,
    /// Writes, once per idempotency key.
    Write,
    /// Writes what may be written again without harm, such as a heartbeat: no idempotency record is kept.
    Repeatable,
}

/// What lives as long as the process.
#[derive(Debug)]
pub struct App {
    /// Settings.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Where log lines go.
    pub log: Log,
    /// Derives users' tokens.
    pub tokens: Tokens,
    /// The files.
    pub files: Arc<dyn FileStore>,
    /// Whether reads may go out before their callers are known.
    pub(crate) trust: Trust,
}

impl App {
    /// Ties the parts together.
    #[must_use]
    pub fn new(config: Config, store: Store, clock: Clock, log: Log) -> Self {
        let tokens = Tokens::new(&config.token_secret, &config.payload_secret);
        let store = store.timed(clock.clone());
        Self { config, store, clock, log, tokens, files: Arc::new(NoFiles), trust: Trust::default() }
    }

    /// The same with a file store.
    #[must_use]
    pub fn with_files(self, files: Arc<dyn FileStore>) -> Self {
        Self { files, ..self }
    }
}

/// What one request has to work with.
#[derive(Debug, Clone)]
pub struct Ctx {
    app: Arc<App>,
    now: Timestamp,
    host: Option<String>,
    https: bool,
    path: String,
    cookies: Cookies,
    source: Option<IpAddr>,
    idempotency_key: Option<IdempotencyKey>,
    inline_until: Instant,
    read_until: Instant,
    api_token: bool,
    note: Arc<OnceLock<&'static str>>,
}

impl Ctx {
    pub(crate) fn new(app: Arc<App>, inbound: &Inbound) -> Self {
        let (now, host, cookies) = (app.clock.now(), inbound.host.clone(), inbound.cookies.clone());
        Self {
            app,
            now,
            host,
            https: inbound.https,
            path: inbound.path.clone(),
            cookies,
            source: inbound.source,
            idempotency_key: None,
            inline_until: Instant::now(),
            read_until: Instant::now(),
            api_token: false,
            note: Arc::default(),
        }
    }

    /// Notes for the log which part of the request was ignored. Only the first note is kept.
    pub fn note(&self, what: &'static str) {
        // Setting a second note fails, as it should.
        let _ = self.note.set(what);
    }

    /// The note for the log, if there is one.
    pub(crate) fn noted(&self) -> Option<&'static str> {
        self.note.get().copied()
    }

    /// Says how long the whole request may take.
    pub(crate) fn within(self, left: Duration) -> Self {
        // The remaining time is for the answer, and for the piece of work in progress when this time is up.
        let inline_until = Instant::now() + left.mul_f64(0.6);
        let read_until = Instant::now() + left.mul_f64(0.8);
        Self { inline_until, read_until, ..self }
    }

    /// Says whether the caller's credential is an API token.
    pub(crate) fn for_api_token(self, api_token: bool) -> Self {
        Self { api_token, ..self }
    }

    pub(crate) fn with_idempotency_key(self, idempotency_key: Option<IdempotencyKey>) -> Self {
        Self { idempotency_key, ..self }
    }

    /// The idempotency key that the caller sent, if any.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&IdempotencyKey> {
        self.idempotency_key.as_ref()
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.app.store
    }

    /// Settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.app.config
    }

    /// Derives users' tokens.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.app.tokens
    }

    /// Whether answers show the tokens of agents and admins (decision D44). Never to a caller with an API token, who
    /// could use them after the API token's revocation and beyond its scope.
    #[must_use]
    pub fn shows_staff_tokens(&self) -> bool {
        self.config().stepchat.show_staff_tokens && !self.api_token
    }

    /// The moment at which this request began: one moment for all it writes.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Until when the call may do work that `background/jobs` would finish otherwise.
    #[must_use]
    pub fn inline_until(&self) -> Instant {
        self.inline_until
    }

    /// Until when an export may read: the steps after it are short.
    #[must_use]
    pub fn read_until(&self) -> Instant {
        self.read_until
    }

    /// In seconds since the epoch: a user who was active after this counts as online.
    #[must_use]
    pub fn online_after(&self) -> i64 {
        self.now.seconds().saturating_sub(self.config().stepchat.online_seconds)
    }

    /// The host by which the caller reached us.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Scheme and host by which the caller reached us.
    #[must_use]
    pub fn origin(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}", self.host.as_deref().unwrap_or("localhost"))
    }

    /// The path by which the caller reached us.
    #[must_use]
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The files.
    #[must_use]
    pub fn files(&self) -> &dyn FileStore {
        self.app.files.as_ref()
    }

    /// A cookie of the request.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name)
    }

    /// Where the connection comes from, if the server that accepted it said so.
    #[must_use]
    pub fn source(&self) -> Option<IpAddr> {
        self.source
    }

    /// A random number below `limit`, for what needs variety rather than secrecy.
    #[must_use]
    pub fn random_below(&self, limit: u32) -> u32 {
        fastrand::u32(0..limit)
    }

    /// Hashes a password outside the event loop.
    pub async fn hash_password(&self, password: &str) -> Result<crate::store::auth::PasswordHash, StoreError> {
        hash_password(Secret::new(password)).await
    }

    /// Adds the record of the answer to the transaction that leads to it, if the call has an idempotency key.
    pub fn record<R: Clone, A: Serialize>(&self, txn: &mut Txn<R>, answer: &A) -> Result<(), StoreError> {
        let Some(key) = &self.idempotency_key else { return Ok(()) };
        let answer = serde_json::to_string(answer).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        key.record(txn, answer, self.now)
    }

    /// Commits a transaction together with the answer it leads to: a repeated call with the same idempotency key gets
    /// this answer, and nothing happens twice.
    pub async fn commit<R: Clone, A: Serialize>(&self, mut txn: Txn<R>, answer: &A) -> Result<(), CommitError<R>> {
        self.record(&mut txn, answer)?;
        self.store().commit(&txn).await
    }
}
