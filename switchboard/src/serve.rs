//! `switchboard serve`: everything on a laptop, from one command.

use crate::connections::{Places, limit_heads, raise_open_files};
use crate::console::{self, Activity, ApiKeys, ConsoleState};
use crate::database::{self, Opened, Prepared};
use crate::database_server;
use crate::embedded::EmbeddedDatabase;
use crate::files::Files;
use crate::handbook;
use crate::kept::{self, API_KEY_FILE, STEPCHAT_FILE, VOXIMPLANT_FILE};
use crate::lenient::LenientAcceptor;
use crate::methods::JOBS;
use crate::operator::Operator;
use crate::page;
use crate::router::{router_with, run_to_completion};
use crate::socket;
use crate::state::State;
use crate::tls;
use crate::turns::Turns;
use anyhow::{Context, Result, anyhow, bail};
use axum::extract::Request;
use axum::middleware::{from_fn, map_request};
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use futures_util::future::OptionFuture;
use http::HeaderValue;
use serde_json::json;
use shared::context::App;
use shared::crypto::{Secret, random_token};
use shared::ids::{AccountId, UserId};
use shared::ledger::Money;
use shared::observe::{self, Log};
use shared::store::auth::TokenHash;
use shared::store::stepchat::rebuild;
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

/// The warning for whoever starts the server after the token secret was lost, cut off or changed on purpose.
const OTHER_SECRET: &str = "The token secret is not the one that the first admin's token was made with: the token below opens \
                            nothing, and users' tokens have changed. If nobody meant to change it, stop, and restore \
                            token-secret from your backup; else go on as docs/secrets.md says (\"Exchange the token secret\").\n\n";
/// Random bytes of the key in the reference page's address.
const PAGE_KEY_BYTES: usize = 20;
/// How often unfinished background work is looked for.
const JOB_INTERVAL: Duration = Duration::from_mins(1);
/// How often expired exports are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_hours(1);
/// How long open connections may take to finish when the server is stopped.
const GRACE: Duration = Duration::from_secs(5);

/// The options of `serve`.
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
    /// Also offer the embedded database over HTTP, for function binaries on the same machine.
    pub database: Option<SocketAddr>,
    /// The id that the first start gives the first admin.
    pub admin_id: Option<UserId>,
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
    /// The embedded database, with the ways into it from other processes.
    database: Option<Ways>,
    files: Option<Files>,
    /// Whose credentials the reference page fills in.
    credentials: Option<page::Credentials>,
    /// What the console works with.
    desk: Option<Arc<ConsoleState>>,
    /// Held as long as the server works on the state folder.
    _lock: Option<File>,
}

struct Ways {
    database: EmbeddedDatabase,
    /// For the operator's commands.
    socket: socket::Door,
    /// For function binaries.
    port: Option<TcpListener>,
}

/// Opens everything and makes what a first start needs; nothing is served yet.
pub async fn start(options: &Options) -> Result<Server> {
    raise_open_files();
    if let Some(address) = options.database.filter(|address| !address.ip().is_loopback()) {
        bail!(
            "--database {address}: the database asks for no password, so it is offered to this machine only; say 127.0.0.1"
        );
    }
    let state = State::open(&options.state)?;
    // Records for the console what happened in the last hour.
    let activity = Arc::new(Activity::of(options.log.clone()));
    let log = Log::Shown(Arc::<Activity>::clone(&activity));
    let prepared = Prepared::new(&state, options.memory)?;
    let bind = |address: SocketAddr| -> Result<TcpListener> {
        let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on {address}: stop what listens there, or choose another address with --listen (HTTP) or --https"))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    // The ports are tried first, so that a port in use is known before anything is written. They are bound for good
    // only after everything is made, so that whoever can connect finds the files.
    let (http, https) = (bind(options.listen)?.local_addr()?, bind(options.https)?.local_addr()?);
    let tls = RustlsConfig::from_config(tls::server_config(&state)?);
    let Opened { app, embedded: database, files, deployed, lock } =
        database::open_prepared(&state, prepared, log).await?;
    if database.is_some() {
        // Only one server at a time works on a state folder, so keys that an earlier server's console has left are no
        // longer used.
        console::revoke_left(&Operator::new(Arc::clone(&app))).await?;
    }
    let page_key = random_token(PAGE_KEY_BYTES)?;
    // The tables of a deployed stack have their own admin, accounts and money: nothing is made there.
    let (greeting, first) = if deployed {
        let greeting = format!(
            "Switchboard serves the tables of your AWS account: http://{http} and https://localhost:{}\n",
            https.port()
        );
        (greeting, None)
    } else {
        let (greeting, first) = bootstrap(&app, &state, http, https, &page_key, options.admin_id).await?;
        (greeting, Some(first))
    };
    let (plain, secure) = (bind(http)?, bind(https)?);
    let database = match (options.database, database) {
        (port, Some(database)) => {
            Some(Ways { database, socket: socket::Door::open(&state)?, port: port.map(bind).transpose()? })
        }
        (Some(_), None) => {
            return Err(anyhow!(
                "--database offers the embedded database, but the environment names another (AWS_ENDPOINT_URL_DYNAMODB or SWITCHBOARD_DATABASE): leave --database out"
            ));
        }
        (None, None) => None,
    };
    let place = std::path::absolute(state.path("")).unwrap_or_else(|_| state.path(""));
    let api_keys = ApiKeys::new()?;
    let desk = first.map(|First { token, account, api_key }| {
        Arc::new(ConsoleState {
            app: Arc::clone(&app),
            deployment: "local".to_owned(),
            key: Secret::new(&page_key),
            token,
            account,
            api_keys: api_keys.with_existing(account, &api_key),
            activity: Some(activity),
            place: vec!["--state".into(), place.into()],
        })
    });
    let credentials = (!deployed).then(|| page::Credentials { folder: state, key: Secret::new(&page_key) });
    Ok(Server { http, https, greeting, app, plain, secure, tls, database, files, credentials, desk, _lock: lock })
}

/// The credentials for callers of the APIs, which a first start makes.
struct First {
    token: Secret,
    account: AccountId,
    api_key: String,
}

/// Makes what a first start needs and is not there yet, and writes the files clients load. Safe to interrupt and to
/// repeat: every step looks for its own result first.
async fn bootstrap(
    app: &Arc<App>,
    state: &State,
    http: SocketAddr,
    https: SocketAddr,
    page_key: &str,
    admin_id: Option<UserId>,
) -> Result<(String, First)> {
    let operator = Operator::new(Arc::clone(app));
    // Checked before anything is written: what was made for another database is not replaced.
    if operator.admin().await?.is_none() {
        kept::check_empty(state, &[STEPCHAT_FILE, VOXIMPLANT_FILE, API_KEY_FILE], "no admin")?;
    }
    let account = operator.account_by_name(ACCOUNT).await?;
    if account.is_none() {
        kept::check_empty(state, &[VOXIMPLANT_FILE, API_KEY_FILE], "no account `demo`")?;
    }
    let (service_key, api_key) = (kept::service_key(state)?, kept::api_key(state)?);
    // Imported admins may be older than the admin named in the file, who stays the one in the file.
    let known = match kept::admin(state)? {
        Some(id) => operator.admin_with(id).await?,
        None => None,
    };
    let admin = match known {
        Some(known) if admin_id.is_none_or(|wanted| wanted == known.id) => known,
        _ => operator.first_admin_as(admin_id).await?,
    };
    let token = operator.token(&admin);
    let url = format!("http://{http}/include/api.php");
    let stepchat = json!({ "url": url, "admin_id": admin.id, "token": token });
    state.write_secret(STEPCHAT_FILE, &format!("{stepchat:#}\n"))?;

    // Found by name, not by id: a start that died before it made the account may have used up id 1.
    let account = match account {
        Some(account) => account,
        None => operator.create_account(ACCOUNT, "owner@example.com", "USD", None).await?,
    };
    operator.credit(account.id, Money::from_units(10_000_000), "test money").await?;
    let application = operator.application(&account, APPLICATION).await?;
    if service_key.is_none() {
        let credentials = operator.create_key(&account, &[Role::Owner], "made by switchboard serve").await?;
        state.write_secret(VOXIMPLANT_FILE, &format!("{:#}\n", serde_json::to_value(&credentials)?))?;
    }
    let api_key = match api_key {
        Some(key) => key,
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
    let owner = app.store.admin_by_first_copy(&TokenHash::of(&token)).await?;
    if let Some(admin) = owner {
        // What an earlier version has written of this admin is updated at once, since people begin with this admin's
        // token.
        rebuild::user(&app.store, admin, app.clock.now()).await?;
    }
    let known = owner.is_some();
    let warning = if known { "" } else { OTHER_SECRET };
    let greeting = format!(
        "{warning}Switchboard is ready: http://{http} and https://localhost:{https_port}\n\n\
         Console, for people: http://{http}/console/#key={page_key}\n\
         Reference, to read and to try: http://{http}/#key={page_key}\n\
         Documents, with a search: http://{http}/docs/\n\n\
         StepChat, add a user:\n  \
         curl {url} -d function=add-user -d token={token} -d first_name=Ivan\n\n\
         Voximplant, list users:\n  \
         curl 'http://{http}/platform_api/GetUsers/?account_id={account}&api_key={api_key}&application_id={application}'\n\n\
         Official Voximplant clients: credentials {folder}voximplant.json, host localhost:{https_port}, CA {folder}ca.pem\n",
        https_port = https.port(),
        account = account.id,
    );
    Ok((greeting, First { token: Secret::new(&token), account: account.id, api_key }))
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
        let (tcp, unix) = (Handle::new(), Handle::new());
        let places = Places::new();
        // Elsewhere, calls do little but wait for the database.
        let turns = if self.database.is_some() { Turns::of_this_machine() } else { Turns::unlimited() };
        let methods = router_with(Arc::clone(&self.app), turns).layer(from_fn(run_to_completion));
        let routes = methods.merge(page::routes(self.credentials)).merge(handbook::routes());
        let routes = match &self.desk {
            Some(desk) => routes.merge(console::routes(Arc::clone(desk))),
            None => routes,
        };
        let routes = match self.files.clone() {
            Some(files) => files.add_routes(routes),
            None => routes,
        };
        let secure_routes = routes.clone().layer(map_request(encrypted));
        let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
        let secure_routes = secure_routes.into_make_service_with_connect_info::<SocketAddr>();
        let plain = limit_heads(axum_server::from_tcp(self.plain)?.acceptor(LenientAcceptor(places.anybody())))
            .handle(tcp.clone());
        let secure = LenientAcceptor(RustlsAcceptor::new(self.tls).acceptor(places.anybody()));
        let secure = limit_heads(axum_server::from_tcp(self.secure)?.acceptor(secure)).handle(tcp.clone());
        let (mut socket, mut port) = (None, None);
        if let Some(ways) = self.database {
            socket = Some(ways.socket.serve(ways.database.clone(), unix.clone()));
            if let Some(listener) = ways.port {
                let server = axum_server::from_tcp(listener)?.acceptor(places.own_programs());
                let routes = database_server::routes_for_programs(ways.database).into_make_service();
                port = Some(limit_heads(server).handle(tcp.clone()).serve(routes));
            }
        }
        let jobs = tokio::spawn(finish_jobs(Arc::clone(&self.app)));
        let sweeps = tokio::spawn(sweep(self.files, self.app.log.clone()));
        tokio::spawn(async move {
            stop.await;
            tcp.graceful_shutdown(Some(GRACE));
            unix.graceful_shutdown(Some(GRACE));
        });
        let (socket, port) = (OptionFuture::from(socket), OptionFuture::from(port));
        let served = tokio::try_join!(
            plain.serve(routes),
            secure.serve(secure_routes),
            async { socket.await.unwrap_or(Ok(())) },
            async { port.await.unwrap_or(Ok(())) },
        );
        jobs.abort();
        sweeps.abort();
        if let Some(desk) = self.desk {
            desk.api_keys.revoke(&Operator::new(self.app)).await?;
        }
        served.context("the server failed").map(|_| ())
    }
}

/// Says, as API Gateway does, that the caller used HTTPS, so that links in answers use HTTPS too.
async fn encrypted(mut request: Request) -> Request {
    request.headers_mut().insert("x-forwarded-proto", HeaderValue::from_static("https"));
    request
}

/// Removes expired exports, as the bucket's rules do in the cloud.
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

/// Runs the jobs again and again, as the schedule does in the cloud.
async fn finish_jobs(app: Arc<App>) {
    loop {
        for job in JOBS {
            // A failure is logged by the job's own line; the next round tries again.
            let _ = shared::runtime::perform(job, Arc::clone(&app), Instant::now() + JOB_INTERVAL).await;
        }
        tokio::time::sleep(JOB_INTERVAL).await;
    }
}
