//! `switchboard serve`: everything on a laptop, from one command.

use crate::embedded;
use crate::methods::JOBS;
use crate::operator::Operator;
use crate::router::router;
use crate::state::State;
use crate::tls;
use anyhow::{Context, Result, anyhow};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dynoxide::Database;
use serde_json::json;
use shared::auth::random_token;
use shared::clock::Clock;
use shared::config::{self, Config};
use shared::context::App;
use shared::ledger::Money;
use shared::observe::{self, Log};
use shared::store::schema::create_tables;
use shared::store::{Endpoint, Store, connect, connect_with};
use shared::voximplant::Role;
use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The account that a first start makes.
const ACCOUNT: &str = "demo";

const SECRET_FILE: &str = "token-secret";
const STEPCHAT_FILE: &str = "stepchat.json";
const VOXIMPLANT_FILE: &str = "voximplant.json";
const API_KEY_FILE: &str = "voximplant-apikey.json";
/// How often unfinished background work is looked for.
const JOB_INTERVAL: Duration = Duration::from_mins(1);
/// How long open connections may take to finish when the server is stopped.
const GRACE: Duration = Duration::from_secs(5);

/// What `serve` is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// HTTP address.
    pub listen: SocketAddr,
    /// HTTPS address.
    pub https: SocketAddr,
    /// State folder.
    pub state: PathBuf,
    /// Keep the database in memory.
    pub memory: bool,
    /// Also offer the embedded database over HTTP, for function binaries beside this server.
    pub database: Option<SocketAddr>,
    /// Log requests on standard output.
    pub log: Log,
}

/// A started server.
pub struct Server {
    /// Where HTTP is served: the port is the real one, also when 0 was asked for.
    pub http: SocketAddr,
    /// Where HTTPS is served.
    pub https: SocketAddr,
    /// The first calls, ready to paste.
    pub greeting: String,
    app: Arc<App>,
    plain: TcpListener,
    secure: TcpListener,
    tls: RustlsConfig,
    database: Option<(TcpListener, Database)>,
}

/// The settings of a local deployment: the environment's, with a secret of the state folder's own.
fn local_config(state: &State) -> Result<Config> {
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

/// Whether the environment asks for the tables of an AWS account.
fn on_aws() -> bool {
    std::env::var("SWITCHBOARD_DATABASE").is_ok_and(|choice| choice == "aws")
}

/// Opens the database: another endpoint if the environment names one, else the embedded one.
fn open_database(options: &Options, state: &State) -> Result<(aws_sdk_dynamodb::Client, Option<Database>)> {
    let elsewhere = std::env::var("AWS_ENDPOINT_URL_DYNAMODB").is_ok_and(|url| !url.is_empty());
    if elsewhere || on_aws() {
        let endpoint = config::endpoint(|name| std::env::var(name).ok())?;
        return Ok((connect(&endpoint), None));
    }
    let database = if options.memory {
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

/// Opens everything and makes what a first start needs; nothing is served yet.
pub async fn start(options: &Options) -> Result<Server> {
    let state = State::open(&options.state)?;
    let config = local_config(&state)?;
    let (client, database) = open_database(options, &state)?;
    let deployed = on_aws();
    if !deployed {
        create_tables(&client, &config.tables).await.context("cannot create the tables")?;
    }
    let store = Store::new(client, config.tables.clone());
    let app = Arc::new(App::new(config, store, Clock::System, options.log.clone()));
    let bind = |address: SocketAddr| -> Result<TcpListener> {
        let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    // Tried first, so that a port in use is known before anything is written; kept only after everything is there, so
    // that whoever can connect finds the files.
    let (http, https) = (bind(options.listen)?.local_addr()?, bind(options.https)?.local_addr()?);
    let tls = RustlsConfig::from_config(tls::server_config(&state)?);
    // The tables of a deployed stack have their own admin, accounts and money: nothing is made there.
    let greeting = if deployed {
        format!(
            "Switchboard serves the tables of your AWS account: http://{http} and https://localhost:{}\n",
            https.port()
        )
    } else {
        bootstrap(&app, &state, http, https).await?
    };
    let (plain, secure) = (bind(http)?, bind(https)?);
    let database = match (options.database, database) {
        (Some(address), Some(database)) => Some((bind(address)?, database)),
        (Some(_), None) => {
            return Err(anyhow!("--database offers the embedded database, but another one is in use"));
        }
        (None, _) => None,
    };
    Ok(Server { http, https, greeting, app, plain, secure, tls, database })
}

/// Makes what a first start needs and is not there yet, and writes the files clients load. Safe to interrupt and to
/// repeat: every step looks for its own result first.
async fn bootstrap(app: &Arc<App>, state: &State, http: SocketAddr, https: SocketAddr) -> Result<String> {
    let operator = Operator::new(Arc::clone(app));
    let admin = operator.first_admin().await?;
    let token = operator.token(&admin);
    let url = format!("http://{http}/include/api.php");
    let stepchat = json!({ "url": url, "admin_id": admin.id, "token": token });
    state.write_secret(STEPCHAT_FILE, &format!("{stepchat:#}\n"))?;

    // By name, not by id: a start that died between the two has used number 1 up.
    let (account, fresh) = match operator.account_by_name(ACCOUNT).await? {
        Some(account) => (account, false),
        None => (operator.create_account(ACCOUNT, "owner@example.com", "USD", None).await?, true),
    };
    operator.credit(account.id, Money::from_units(10_000_000), "test money").await?;
    let application = operator.application(&account, "demo").await?;
    if fresh || state.read(VOXIMPLANT_FILE)?.is_none() {
        let credentials = operator.create_key(&account, &[Role::Owner], "made by switchboard serve").await?;
        state.write_secret(VOXIMPLANT_FILE, &format!("{:#}\n", serde_json::to_value(&credentials)?))?;
    }
    let known = if fresh { None } else { state.read(API_KEY_FILE)? };
    let known = known.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    let api_key = match known.as_ref().and_then(|file| file.get("api_key")).and_then(|key| key.as_str()) {
        Some(key) => key.to_owned(),
        None => operator.create_api_key(&account).await?,
    };
    let file = json!({
        "account_id": account.id,
        "account_name": account.name.as_str(),
        "api_key": api_key,
        "application_id": application,
        "application_name": "demo",
    });
    state.write_secret(API_KEY_FILE, &format!("{file:#}\n"))?;
    let folder = state.path("");
    let folder = folder.display();
    Ok(format!(
        "Switchboard is ready: http://{http} and https://localhost:{https_port}\n\n\
         StepChat, add a user:\n  \
         curl {url} -d function=add-user -d token={token} -d first_name=Ivan\n\n\
         Voximplant, list users:\n  \
         curl 'http://{http}/platform_api/GetUsers/?account_id={account}&api_key={api_key}&application_id={application}'\n\n\
         Official Voximplant clients: credentials {folder}voximplant.json, host localhost:{https_port}, CA {folder}ca.pem\n",
        https_port = https.port(),
        account = account.id,
    ))
}

impl Server {
    /// The deployment behind the server.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Serves until `stop` resolves, then lets open requests finish.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        observe::log_panics(&self.app.log);
        let (http, https) = (Handle::new(), Handle::new());
        let routes = router(Arc::clone(&self.app)).into_make_service();
        let plain = axum_server::from_tcp(self.plain)?.handle(http.clone()).serve(routes.clone());
        let secure = axum_server::from_tcp_rustls(self.secure, self.tls)?.handle(https.clone()).serve(routes);
        if let Some((listener, database)) = self.database {
            tokio::spawn(dynoxide::server::serve_on(tokio::net::TcpListener::from_std(listener)?, database));
        }
        let jobs = tokio::spawn(finish_jobs(Arc::clone(&self.app)));
        tokio::spawn(async move {
            stop.await;
            http.graceful_shutdown(Some(GRACE));
            https.graceful_shutdown(Some(GRACE));
        });
        let served = tokio::try_join!(plain, secure);
        jobs.abort();
        served.context("the server failed").map(|_| ())
    }
}

/// What the schedule does in the cloud: looks for unfinished work again and again.
async fn finish_jobs(app: Arc<App>) {
    loop {
        for job in JOBS {
            // A failure is logged by the job's own line; the next round tries again.
            let _ = shared::runtime::perform(job, Arc::clone(&app), Instant::now() + JOB_INTERVAL).await;
        }
        tokio::time::sleep(JOB_INTERVAL).await;
    }
}
