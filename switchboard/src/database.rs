//! Opening the deployment that `serve` and the operator's commands work on: the embedded database of a state folder, or
//! another one that the environment names.

use crate::beside::Beside;
use crate::embedded;
use crate::files::Files;
use crate::state::State;
use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use dynoxide::Database;
use shared::auth::random_token;
use shared::clock::Clock;
use shared::config::{self, Config};
use shared::context::App;
use shared::observe::Log;
use shared::store::schema::create_tables;
use shared::store::{Endpoint, Store, connect, connect_with};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

const SECRET_FILE: &str = "token-secret";
const FILES_SECRET_FILE: &str = "files-secret";
const FILES_FOLDER: &str = "files";

/// An opened deployment.
pub struct Opened {
    /// Its parts.
    pub app: Arc<App>,
    /// The database, if it is embedded.
    pub embedded: Option<Database>,
    /// The bucket, if it is embedded.
    pub files: Option<Files>,
    /// Whether it is the tables of an AWS account.
    pub deployed: bool,
    /// Held as long as this process works on the state folder's database.
    pub lock: Option<File>,
}

impl Opened {
    /// The store for very many new things, with a way of their own into an embedded database. Not for use while others use
    /// the database.
    pub fn bulk(&self) -> Result<Store> {
        let tables = &self.app.config.tables;
        let beside = self.embedded.as_ref().map(|database| Beside::of(database, tables)).transpose()?.flatten();
        let store = self.app.store.clone();
        Ok(match beside {
            Some(beside) => store.in_bulk(Arc::new(beside)),
            None => store,
        })
    }
}

/// Which deployment a command works on.
#[derive(Debug, Args)]
pub struct Place {
    /// The state folder of `switchboard serve`, which must not be running on it. Not used if the environment names
    /// another database: `AWS_ENDPOINT_URL_DYNAMODB`, or `SWITCHBOARD_DATABASE=aws`.
    #[arg(long, default_value = ".switchboard", global = true)]
    state: PathBuf,
}

impl Place {
    /// Opens it; a folder without a database is refused rather than filled by mistake.
    pub async fn open(&self) -> Result<Opened> {
        let state = if on_aws() {
            State::unmade(&self.state)
        } else if elsewhere() {
            State::open(&self.state)?
        } else {
            State::existing(&self.state)?
        };
        open(&state, false, Log::Stdout).await
    }
}

/// Whether the environment asks for the tables of an AWS account.
fn on_aws() -> bool {
    std::env::var("SWITCHBOARD_DATABASE").is_ok_and(|choice| choice == "aws")
}

/// Refuses an environment that names a database in a way nobody understands, before anything is made in another one.
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

/// Opens the deployment; `memory` keeps an embedded database in memory. Tables that are missing are made, except on AWS.
pub async fn open(state: &State, memory: bool, log: Log) -> Result<Opened> {
    check_choice()?;
    let config = settings(state)?;
    let lock = if memory || elsewhere() { None } else { Some(state.lock()?) };
    let (client, embedded) = connection(state, memory)?;
    let deployed = on_aws();
    if !deployed {
        create_tables(&client, &config.tables).await.context("cannot create the tables")?;
    }
    let store = Store::new(client, config.tables.clone());
    let app = App::new(config, store, Clock::System, log);
    let (app, files) = if files_elsewhere() {
        (app.with_files(shared_files::open(&|name| std::env::var(name).ok())?), None)
    } else {
        let files = files(state, memory)?;
        (app.with_files(files.store()), Some(files))
    };
    Ok(Opened { app: Arc::new(app), embedded, files, deployed, lock })
}

/// Whether the environment names another bucket.
fn files_elsewhere() -> bool {
    on_aws() || std::env::var("AWS_ENDPOINT_URL_S3").is_ok_and(|url| !url.is_empty())
}

/// The embedded bucket, whose secret is the state folder's own: whoever knows it may sign links.
fn files(state: &State, memory: bool) -> Result<Files> {
    let secret = match state.read(FILES_SECRET_FILE)? {
        Some(secret) => secret,
        None => {
            let secret = random_token(20)?;
            state.write_secret(FILES_SECRET_FILE, &secret)?;
            secret
        }
    };
    if memory { Files::temporary(&secret) } else { Files::open(&state.path(FILES_FOLDER), &secret) }
}

/// The settings of a local deployment: the environment's, with a secret of the state folder's own.
fn settings(state: &State) -> Result<Config> {
    if on_aws() {
        // A secret of our own would derive tokens that the deployed functions do not know.
        return Ok(Config::read(|name| std::env::var(name).ok())?);
    }
    let secret = match state.read(SECRET_FILE)? {
        Some(secret) => secret,
        None => {
            let bytes = random_token(32)?;
            let secret = STANDARD.encode(bytes);
            state.write_secret(SECRET_FILE, &secret)?;
            secret
        }
    };
    let lookup = |name: &str| {
        let set = std::env::var(name).ok().filter(|value| !value.is_empty());
        set.or_else(|| (name == "SWITCHBOARD_TOKEN_SECRET").then(|| secret.clone()))
    };
    Ok(Config::read(lookup)?)
}

/// Another endpoint if the environment names one, else the embedded database.
fn connection(state: &State, memory: bool) -> Result<(aws_sdk_dynamodb::Client, Option<Database>)> {
    if elsewhere() {
        let endpoint = config::endpoint(|name| std::env::var(name).ok())?;
        return Ok((connect(&endpoint), None));
    }
    let database = if memory {
        state.check_memory()?;
        Database::memory()
    } else {
        let path = state.database();
        let path = path.to_str().ok_or_else(|| anyhow!("{} is not a text path", path.display()))?;
        Database::new(path)
    };
    let database = database.map_err(|error| anyhow!("cannot open the embedded database: {error}"))?;
    if !memory {
        // What is answered survives the end of this process, as ever; only a machine that stops may lose the last of it,
        // and never more than that. Waiting for the disk after each item of a batch would take most of all time.
        database.disable_bulk_loading().map_err(|error| anyhow!("cannot set up the embedded database: {error}"))?;
    }
    let client = connect_with(&Endpoint::emulator(Some("http://embedded".into())), embedded::transport(&database));
    Ok((client, Some(database)))
}
