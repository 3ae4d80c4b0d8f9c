//! Opening the deployment that `serve` and the operator's commands work on: the embedded database of a state folder, or
//! another one that the environment names.

use crate::embedded;
use crate::state::State;
use anyhow::{Context, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dynoxide::Database;
use shared::auth::random_token;
use shared::clock::Clock;
use shared::config::{self, Config};
use shared::context::App;
use shared::observe::Log;
use shared::store::schema::create_tables;
use shared::store::{Endpoint, Store, connect, connect_with};
use std::fs::File;
use std::sync::Arc;

const SECRET_FILE: &str = "token-secret";

/// An opened deployment.
pub struct Opened {
    /// Its parts.
    pub app: Arc<App>,
    /// The database, if it is embedded.
    pub embedded: Option<Database>,
    /// Whether it is the tables of an AWS account.
    pub deployed: bool,
    /// Held as long as this process works on the state folder's database.
    pub lock: Option<File>,
}

/// Whether the environment asks for the tables of an AWS account.
fn on_aws() -> bool {
    std::env::var("SWITCHBOARD_DATABASE").is_ok_and(|choice| choice == "aws")
}

/// Whether the environment names another database.
fn elsewhere() -> bool {
    on_aws() || std::env::var("AWS_ENDPOINT_URL_DYNAMODB").is_ok_and(|url| !url.is_empty())
}

/// Opens the deployment; `memory` keeps an embedded database in memory. Tables that are missing are made, except on AWS.
pub async fn open(state: &State, memory: bool, log: Log) -> Result<Opened> {
    let config = settings(state)?;
    let lock = if memory || elsewhere() { None } else { Some(state.lock()?) };
    let (client, embedded) = connection(state, memory)?;
    let deployed = on_aws();
    if !deployed {
        create_tables(&client, &config.tables).await.context("cannot create the tables")?;
    }
    let store = Store::new(client, config.tables.clone());
    let app = Arc::new(App::new(config, store, Clock::System, log));
    Ok(Opened { app, embedded, deployed, lock })
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
    let client = connect_with(&Endpoint::emulator(Some("http://embedded".into())), embedded::transport(&database));
    Ok((client, Some(database)))
}
