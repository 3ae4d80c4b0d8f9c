//! `switchboard serve`: everything on a laptop, from one command.

use crate::database::{self, Opened};
use crate::files::Files;
use crate::methods::JOBS;
use crate::operator::Operator;
use crate::page;
use crate::router::router;
use crate::state::State;
use crate::tls;
use anyhow::{Context, Result, anyhow};
use axum::extract::Request;
use axum::middleware::map_request;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use dynoxide::Database;
use http::HeaderValue;
use serde_json::json;
use shared::context::App;
use shared::ledger::Money;
use shared::observe::{self, Log};
use shared::voximplant::Role;
use std::fs::File;
use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The account that a first start makes.
pub const ACCOUNT: &str = "demo";
/// Its application.
pub const APPLICATION: &str = "demo";

pub(crate) const STEPCHAT_FILE: &str = "stepchat.json";
const VOXIMPLANT_FILE: &str = "voximplant.json";
pub(crate) const API_KEY_FILE: &str = "voximplant-apikey.json";
/// How often unfinished background work is looked for.
const JOB_INTERVAL: Duration = Duration::from_mins(1);
/// How often expired exports are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_hours(1);
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
    files: Option<Files>,
    /// The folder whose credentials the reference page fills in.
    credentials: Option<State>,
    /// Held as long as the server works on the state folder's database.
    _lock: Option<File>,
}

/// Opens everything and makes what a first start needs; nothing is served yet.
pub async fn start(options: &Options) -> Result<Server> {
    let state = State::open(&options.state)?;
    let Opened { app, embedded: database, files, deployed, lock } =
        database::open(&state, options.memory, options.log.clone()).await?;
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
    let credentials = (!deployed).then_some(state);
    Ok(Server { http, https, greeting, app, plain, secure, tls, database, files, credentials, _lock: lock })
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
    let application = operator.application(&account, APPLICATION).await?;
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
        "application_name": APPLICATION,
    });
    state.write_secret(API_KEY_FILE, &format!("{file:#}\n"))?;
    let folder = state.path("");
    let folder = folder.display();
    Ok(format!(
        "Switchboard is ready: http://{http} and https://localhost:{https_port}\n\n\
         Reference, to read and to try: http://{http}/\n\n\
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
        let routes = router(Arc::clone(&self.app)).merge(page::routes(self.credentials));
        let routes = match self.files.clone() {
            Some(files) => files.beside(routes),
            None => routes,
        };
        let secure_routes = routes.clone().layer(map_request(encrypted));
        let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
        let secure_routes = secure_routes.into_make_service_with_connect_info::<SocketAddr>();
        let plain = axum_server::from_tcp(self.plain)?.handle(http.clone()).serve(routes);
        let secure = axum_server::from_tcp_rustls(self.secure, self.tls)?.handle(https.clone()).serve(secure_routes);
        if let Some((listener, database)) = self.database {
            tokio::spawn(dynoxide::server::serve_on(tokio::net::TcpListener::from_std(listener)?, database));
        }
        let jobs = tokio::spawn(finish_jobs(Arc::clone(&self.app)));
        let sweeps = tokio::spawn(sweep(self.files, self.app.log.clone()));
        tokio::spawn(async move {
            stop.await;
            http.graceful_shutdown(Some(GRACE));
            https.graceful_shutdown(Some(GRACE));
        });
        let served = tokio::try_join!(plain, secure);
        jobs.abort();
        sweeps.abort();
        served.context("the server failed").map(|_| ())
    }
}

/// Says, as API Gateway does, that the caller used HTTPS: links are to be of the same kind.
async fn encrypted(mut request: Request) -> Request {
    request.headers_mut().insert("x-forwarded-proto", HeaderValue::from_static("https"));
    request
}

/// What the bucket's rules do in the cloud: expired exports go.
async fn sweep(files: Option<Files>, log: Log) {
    let Some(files) = files else { return };
    loop {
        let (files, log) = (files.clone(), log.clone());
        let swept = tokio::task::spawn_blocking(move || files.sweep()).await;
        if let Ok(Err(error)) = swept {
            log.line(json!({ "message": "expired exports stay", "cause": error.to_string() }).to_string());
        }
        tokio::time::sleep(SWEEP_INTERVAL).await;
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
