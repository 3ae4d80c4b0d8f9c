//! Opening the deployment that `serve` and the operator's commands work on: the embedded database of a state folder, or
//! another one that the environment names.

use crate::direct_writer::BulkStore;
use crate::embedded::EmbeddedDatabase;
use crate::files::Files;
use crate::kept::{self, Location};
use crate::socket;
use crate::state::State;
use anyhow::{Context, Result, anyhow, bail};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::SharedHttpClient;
use clap::Args;
use dynoxide::Database;
use dynoxide::errors::DynoxideError;
use dynoxide::storage::Storage;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use shared::clock::Clock;
use shared::config::{self, Config};
use shared::context::App;
use shared::observe::Log;
use shared::store::schema::create_tables;
use shared::store::{Endpoint, Store, connect, connect_with};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const FILES_FOLDER: &str = "files";
/// The folder of the bucket of a database in memory; removed when the server ends.
const EPHEMERAL_FILES_FOLDER: &str = "in-memory-files";
/// Deleted data is overwritten in the file's pages, and does not stay in its log.
const FORGET_DELETED: &str = "PRAGMA secure_delete = ON; PRAGMA journal_size_limit = 0";
/// How long a command waits for another one that uses the folder, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);
/// Characters that may be in a path but have a meaning in a URI.
const NO_PATH: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#').add(b' ');

/// An opened deployment.
pub struct Opened {
    /// Its settings, store, clock and log.
    pub app: Arc<App>,
    /// The database, if it is embedded.
    pub embedded: Option<EmbeddedDatabase>,
    /// The bucket, if it is embedded.
    pub files: Option<Files>,
    /// Whether the database is the tables of an AWS account.
    pub deployed: bool,
    /// Held as long as this process works on the state folder's database.
    pub lock: Option<File>,
}

impl Opened {
    /// The store for writing very many new items, which go into an embedded file through a connection of their own. Not
    /// to be used while others use the database.
    pub fn bulk(&self) -> Result<BulkStore> {
        BulkStore::new(self.app.store.clone(), self.embedded.as_ref().map(EmbeddedDatabase::database))
    }
}

/// Which deployment a command works on.
#[derive(Debug, Args)]
pub struct Place {
    /// The state folder of `switchboard serve`, which may be running on it. Not used if the environment names another
    /// database: `AWS_ENDPOINT_URL_DYNAMODB`, or `SWITCHBOARD_DATABASE=aws`.
    #[arg(long, default_value = ".switchboard", global = true)]
    state: PathBuf,
}

impl Place {
    /// Opens the deployment, through the server that runs on the folder if there is one. A folder without a database is
    /// refused, so that none is made by mistake.
    pub async fn open(&self) -> Result<Opened> {
        check_choice()?;
        if elsewhere() {
            return open_prepared(
                &if on_aws() { State::unopened(&self.state) } else { State::open(&self.state)? },
                Prepared { location: Location::Elsewhere, lock: None },
                Log::Stdout,
            )
            .await;
        }
        let state = State::existing(&self.state)?;
        let patience = Instant::now() + PATIENCE;
        loop {
            if let Some(transport) = socket::transport(&state).await {
                return through_server(&state, transport);
            }
            if !state.database().is_file() {
                bail!(
                    "{} holds no database, and no server runs on it: name another folder with --state, or run `switchboard serve` once, which makes one",
                    self.state.display()
                );
            }
            if let Some(lock) = state.try_lock()? {
                let prepared = Prepared::with(&state, Location::File, lock)?;
                return open_prepared(&state, prepared, Log::Stdout).await;
            }
            // The lock's holder is a server that starts or ends, or another command that is soon done.
            if Instant::now() > patience {
                bail!("{} is in use by another command: wait until it is done", self.state.display());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The deployment of a running server: only that server uses the database file.
fn through_server(state: &State, transport: SharedHttpClient) -> Result<Opened> {
    let config = settings(state)?;
    let client = connect_with(&embedded_endpoint(), transport);
    let app = App::new(config.clone(), Store::new(client, config.tables), Clock::System, Log::Stdout);
    Ok(Opened { app: Arc::new(app), embedded: None, files: None, deployed: false, lock: None })
}

/// Whether the environment asks for the tables of an AWS account.
fn on_aws() -> bool {
    std::env::var("SWITCHBOARD_DATABASE").is_ok_and(|choice| choice == "aws")
}

/// Refuses an environment that names a database in an invalid way, before anything is made in another one.
fn check_choice() -> Result<()> {
    if let Some(choice) = set("SWITCHBOARD_DATABASE").filter(|choice| choice != "aws") {
        bail!("SWITCHBOARD_DATABASE is {choice:?}: say `aws` for the tables of an AWS account, or leave it out");
    }
    match set("AWS_ENDPOINT_URL_DYNAMODB")
        .filter(|url| !["http://", "https://"].iter().any(|start| url.starts_with(start)))
    {
        Some(url) => bail!("AWS_ENDPOINT_URL_DYNAMODB is {url:?}: it must begin with http:// or https://"),
        None => Ok(()),
    }
}

/// A variable of the environment that is not empty.
fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether the environment names another database.
fn elsewhere() -> bool {
    on_aws() || std::env::var("AWS_ENDPOINT_URL_DYNAMODB").is_ok_and(|url| !url.is_empty())
}

/// A state folder that was checked and is locked for this process.
#[derive(Debug)]
pub struct Prepared {
    location: Location,
    lock: Option<File>,
}

impl Prepared {
    /// Locks the folder for this process, and checks its content before anything is changed; `memory` keeps an embedded
    /// database in memory.
    pub fn new(state: &State, memory: bool) -> Result<Self> {
        check_choice()?;
        let location = match (elsewhere(), memory) {
            (true, _) => Location::Elsewhere,
            (false, true) => Location::Memory,
            (false, false) => Location::File,
        };
        // Locked for databases in memory too: two such servers would overwrite each other's credentials.
        Self::with(state, location, state.lock()?)
    }

    fn with(state: &State, location: Location, lock: File) -> Result<Self> {
        // With the tables of an AWS account no credentials are written, so none can be overwritten.
        if !on_aws() {
            kept::check(state, location)?;
        }
        Ok(Self { location, lock: Some(lock) })
    }
}

/// Opens the deployment; `memory` keeps an embedded database in memory. Missing tables are made, except on AWS.
pub async fn open(state: &State, memory: bool, log: Log) -> Result<Opened> {
    open_prepared(state, Prepared::new(state, memory)?, log).await
}

/// Like [`open`], in a folder that was prepared.
pub async fn open_prepared(state: &State, prepared: Prepared, log: Log) -> Result<Opened> {
    let Prepared { location, lock } = prepared;
    let config = settings(state)?;
    let (client, embedded) = connection(state, location)?;
    let deployed = on_aws();
    if !deployed {
        create_tables(&client, &config.tables).await.context("cannot create the tables")?;
    }
    if location == Location::File {
        kept::mark(state)?;
    }
    let app = App::new(config.clone(), Store::new(client, config.tables), Clock::System, log);
    let (app, files) = with_files(app, state, location)?;
    Ok(Opened { app: Arc::new(app), embedded, files, deployed, lock })
}

fn with_files(app: App, state: &State, location: Location) -> Result<(App, Option<Files>)> {
    if files_elsewhere() {
        return Ok((app.with_files(shared_files::open(&|name| std::env::var(name).ok())?), None));
    }
    let secret = kept::files_secret(state)?;
    let files = match location {
        Location::Memory => Files::ephemeral_in(&state.path(EPHEMERAL_FILES_FOLDER), &secret)?,
        Location::File | Location::Elsewhere => Files::open(&state.path(FILES_FOLDER), &secret)?,
    };
    Ok((app.with_files(files.store()), Some(files)))
}

/// Whether the environment names another bucket.
fn files_elsewhere() -> bool {
    on_aws() || std::env::var("AWS_ENDPOINT_URL_S3").is_ok_and(|url| !url.is_empty())
}

/// The settings from the environment. A local deployment without a token secret there uses the state folder's own.
fn settings(state: &State) -> Result<Config> {
    if on_aws() {
        // A secret of our own would derive tokens that the deployed functions do not know.
        return Ok(Config::read(|name| std::env::var(name).ok())?);
    }
    let secret = match set("SWITCHBOARD_TOKEN_SECRET") {
        Some(secret) => secret,
        None => kept::token_secret(state)?,
    };
    let lookup = |name: &str| set(name).or_else(|| (name == "SWITCHBOARD_TOKEN_SECRET").then(|| secret.clone()));
    Ok(Config::read(lookup)?)
}

/// A client of the database at this location; and the database itself, if it is embedded.
fn connection(state: &State, location: Location) -> Result<(Client, Option<EmbeddedDatabase>)> {
    let database = match location {
        Location::Elsewhere => {
            let endpoint = config::endpoint(|name| std::env::var(name).ok())?;
            return Ok((connect(&endpoint), None));
        }
        Location::Memory => Database::memory().map_err(|error| anyhow!("cannot open a database in memory: {error}"))?,
        Location::File => open_file(state)?,
    };
    let database = EmbeddedDatabase::start(database).context("cannot start a thread for the database")?;
    let client = connect_with(&embedded_endpoint(), database.transport());
    Ok((client, Some(database)))
}

fn embedded_endpoint() -> Endpoint {
    Endpoint::emulator(Some("http://embedded".into()))
}

/// Opens the database file.
fn open_file(state: &State) -> Result<Database> {
    let path = state.database();
    let address = shared_cache(&path)?;
    let failed = |what: &str, error: DynoxideError| {
        anyhow!(
            "cannot {what} {}: {error}. If it is damaged, or only part of it was copied, restore the whole folder from your \
             backup; if the disk is full, make room. Nothing was changed",
            path.display()
        )
    };
    let keeps_deleted = kept::keeps_deleted(state)?;
    let database = Database::new(&address).map_err(|error| failed("open", error))?;
    // What was answered survives the end of this process. The last writes may be lost only if the machine stops.
    // Waiting for the disk after each item of a batch would take most of the time.
    database.disable_bulk_loading().map_err(|error| failed("set up", error))?;
    // The emulator's own connection is not accessible. A second one shares its cache, so the second one's settings of
    // the cache apply to both.
    let second = Storage::new(&address).map_err(|error| failed("open", error))?;
    second.conn().execute_batch(FORGET_DELETED).with_context(|| format!("cannot set up {}", path.display()))?;
    if keeps_deleted {
        eprintln!("removing what was deleted earlier from {} (once)", path.display());
        database.vacuum().map_err(|error| failed("rewrite", error))?;
    }
    Ok(database)
}

/// The URI with which `SQLite` opens a file so that several connections of this process share one cache.
fn shared_cache(path: &Path) -> Result<String> {
    let absolute = std::path::absolute(path)?;
    let text = absolute.to_str().with_context(|| format!("{} is not a text path", path.display()))?;
    Ok(format!("file:{}?cache=shared", utf8_percent_encode(text, NO_PATH)))
}
