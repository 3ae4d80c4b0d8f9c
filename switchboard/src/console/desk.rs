//! What only the operator may do, for the console: tokens, keys, imports, health.
//!
//! Each route requires the key in the address that the server printed, and everything else that
//! [`caller`](crate::caller) requires: no other page, machine, user or tunnel gets in.

use super::activity::{Activity, Hour};
use super::api_keys::ApiKeys;
use super::metrics::{self, Jobs, Ledger};
use crate::caller;
use crate::operator::{self, Operator};
use crate::router::run_to_completion;
use anyhow::{Context as _, Result};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::context::App;
use shared::crypto::Secret;
use shared::ids::AccountId;
use shared::stepchat::{Scope, TokenName};
use shared::timestamp::Timestamp;
use shared::voximplant::{Account, ApiKeyName, Role};
use std::ffi::OsString;
use std::process::Stdio;
use std::sync::Arc;

/// Bytes of the largest file that the page may upload; for a larger one there is `switchboard import`.
const MAX_IMPORT_BYTES: usize = 64 * 1024 * 1024;
/// Characters of the description of a service-account key.
const MAX_DESCRIPTION_CHARS: usize = 255;
/// Bytes of any other request of the page.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// What the operator's routes work with.
#[derive(Debug)]
pub struct ConsoleState {
    /// The deployment.
    pub app: Arc<App>,
    /// The deployment's name on the page: `local`, or the stack's name.
    pub deployment: String,
    /// The key in the printed address.
    pub key: Secret,
    /// The admin's token that the page calls StepChat with.
    pub token: Secret,
    /// The account whose users the page shows first.
    pub account: AccountId,
    /// The API keys that the page calls Voximplant with.
    pub api_keys: ApiKeys,
    /// What this process has answered; `None` if a stack gives the answers.
    pub activity: Option<Arc<Activity>>,
    /// The arguments that make `switchboard import` work on this deployment.
    pub place: Vec<OsString>,
}

/// Why a route has no answer.
#[derive(Debug)]
enum Failure {
    /// The request cannot be fulfilled; the text says why and what to do.
    Refused(String),
    /// Something failed; the text is for the operator, whose own machine this is.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(why) => (StatusCode::BAD_REQUEST, why).into_response(),
            Self::Failed(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
        }
    }
}

type Answer<T> = Result<Json<T>, Failure>;

/// The routes below `/console/operator/`.
pub(super) fn routes(desk: Arc<ConsoleState>) -> Router {
    let import = post(import).layer(DefaultBodyLimit::max(MAX_IMPORT_BYTES));
    Router::new()
        .route("/console/operator/session", get(session))
        .route("/console/operator/account", post(open_account))
        .route("/console/operator/tokens", get(tokens).post(create_token))
        .route("/console/operator/tokens/revoke", post(revoke_token))
        .route("/console/operator/keys", get(keys).post(create_key))
        .route("/console/operator/keys/revoke", post(revoke_key))
        .route("/console/operator/service-keys", get(service_keys).post(create_service_key))
        .route("/console/operator/service-keys/revoke", post(revoke_service_key))
        .route("/console/operator/health", get(health))
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        // The import need not run to its end: closing the page stops it, and the next one goes on where it stopped.
        .layer(middleware::from_fn(run_to_completion))
        .route("/console/operator/import", import)
        .layer(middleware::from_fn_with_state(Arc::clone(&desk), only_the_operator))
        .with_state(desk)
}

async fn only_the_operator(State(desk): State<Arc<ConsoleState>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let key = desk.key.clone();
    let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
    // Finding the connection's owner reads files of the system, which blocks.
    let checked = tokio::task::spawn_blocking(move || caller::check(&parts, &key).map(|()| parts)).await;
    let answer = match checked {
        Ok(Ok(parts)) => next.run(Request::from_parts(parts, body)).await,
        Ok(Err(refusal)) => (StatusCode::FORBIDDEN, format!("{refusal}\n")).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    // All but successful GETs are logged: changes of what opens the deployment, and attempts at such changes.
    let status = answer.status();
    if method != Method::GET || !status.is_success() {
        let message = format!("console {method} {path}");
        desk.app.log.line(json!({ "message": message, "status": status.as_u16() }).to_string());
    }
    answer
}

impl ConsoleState {
    fn operator(&self) -> Operator {
        Operator::new(Arc::clone(&self.app))
    }

    /// The account with this id, which must exist.
    async fn existing(&self, id: AccountId) -> Result<Account, Failure> {
        let account = self.operator().account(id).await?;
        account.ok_or_else(|| Failure::Refused(format!("there is no account {id}")))
    }

    /// What the page needs to call Voximplant for an account: the id and an API key.
    async fn open(&self, account: &Account) -> Result<Value> {
        let api_key = self.api_keys.of(&self.operator(), account).await?;
        Ok(json!({ "account_id": account.id, "api_key": api_key.expose() }))
    }
}

/// What the page needs to call the APIs, and the list of accounts.
async fn session(State(desk): State<Arc<ConsoleState>>) -> Answer<Value> {
    let accounts = desk.operator().accounts().await?;
    let first = accounts.iter().find(|account| account.id == desk.account).context("the first account is gone")?;
    let voximplant = desk.open(first).await?;
    let shown = |account: &Account| json!({ "account_id": account.id, "account_name": account.name });
    Ok(Json(json!({
        "deployment": desk.deployment,
        "version": env!("CARGO_PKG_VERSION"),
        "stepchat": { "token": desk.token.expose() },
        "voximplant": voximplant,
        "accounts": accounts.iter().map(shown).collect::<Vec<_>>(),
        "roles": Role::ALL.map(Role::name),
    })))
}

#[derive(Deserialize)]
struct OfAccount {
    account_id: AccountId,
}

/// What the page needs to call Voximplant for another account.
async fn open_account(State(desk): State<Arc<ConsoleState>>, Json(asked): Json<OfAccount>) -> Answer<Value> {
    let account = desk.existing(asked.account_id).await?;
    Ok(Json(desk.open(&account).await?))
}

#[derive(Serialize)]
struct ShownToken {
    name: String,
    scope: &'static str,
    created: String,
    used: Option<String>,
    revoked: Option<String>,
}

async fn tokens(State(desk): State<Arc<ConsoleState>>) -> Answer<Vec<ShownToken>> {
    let shown = desk.operator().tokens().await?.into_iter().map(|token| ShownToken {
        name: token.name.to_string(),
        scope: token.scope.as_str(),
        created: token.created.wire(),
        used: token.used_at.map(Timestamp::wire),
        revoked: token.revoked_at.map(Timestamp::wire),
    });
    Ok(Json(shown.collect()))
}

#[derive(Deserialize)]
struct NewToken {
    name: String,
    scope: String,
}

async fn create_token(State(desk): State<Arc<ConsoleState>>, Json(new): Json<NewToken>) -> Answer<Value> {
    let name = token_name(&new.name)?;
    let scope = Scope::parse(&new.scope).ok_or_else(|| Failure::Refused("the scope is read or write".to_owned()))?;
    let made = desk.operator().create_token(name, scope, None).await;
    let token = made.map_err(|error| Failure::Refused(format!("{error:#}")))?;
    Ok(Json(json!({ "token": token })))
}

#[derive(Deserialize)]
struct Named {
    name: String,
    account_id: Option<AccountId>,
}

async fn revoke_token(State(desk): State<Arc<ConsoleState>>, Json(named): Json<Named>) -> Answer<Value> {
    let name = token_name(&named.name)?;
    if desk.operator().revoke_token(&name).await? {
        Ok(Json(json!({})))
    } else {
        Err(Failure::Refused(format!("there is no token {name}")))
    }
}

fn token_name(text: &str) -> Result<TokenName, Failure> {
    TokenName::parse(text)
        .ok_or_else(|| Failure::Refused("a name has 1 to 40 lower-case letters, digits and hyphens".to_owned()))
}

#[derive(Serialize)]
struct ShownKey {
    account_id: AccountId,
    account_name: String,
    name: String,
    /// The key's last characters, by which its holder recognises it.
    end: String,
    created: String,
    used: Option<String>,
}

async fn keys(State(desk): State<Arc<ConsoleState>>) -> Answer<Vec<ShownKey>> {
    let operator = desk.operator();
    let mut shown = Vec::new();
    for account in operator.accounts().await? {
        for key in operator.api_keys(account.id).await? {
            shown.push(ShownKey {
                account_id: account.id,
                account_name: account.name.as_str().to_owned(),
                name: key.name.to_string(),
                end: key.last,
                created: key.created.wire(),
                used: key.used_at.map(Timestamp::wire),
            });
        }
    }
    Ok(Json(shown))
}

async fn create_key(State(desk): State<Arc<ConsoleState>>, Json(named): Json<Named>) -> Answer<Value> {
    let operator = desk.operator();
    let name = ApiKeyName::parse(&named.name)
        .ok_or_else(|| Failure::Refused("a name has 1 to 32 lower-case letters, digits and hyphens".to_owned()))?;
    if ApiKeys::is_reserved(&name) {
        return Err(Failure::Refused(
            "names that begin with switchboard-console- are this page's own: choose another".to_owned(),
        ));
    }
    let account = desk.existing(named.account_id.unwrap_or(desk.account)).await?;
    let made = operator.create_named_api_key(&account, &name).await;
    let key = made.map_err(|error| Failure::Refused(format!("{error:#}")))?;
    Ok(Json(json!({ "api_key": key })))
}

async fn revoke_key(State(desk): State<Arc<ConsoleState>>, Json(named): Json<Named>) -> Answer<Value> {
    let account = named.account_id.unwrap_or(desk.account);
    if desk.operator().revoke_api_key(account, &named.name).await? {
        Ok(Json(json!({})))
    } else {
        Err(Failure::Refused(format!("account {account} has no key {}", named.name)))
    }
}

#[derive(Serialize)]
struct ShownServiceKey {
    account_id: AccountId,
    account_name: String,
    id: String,
    roles: Vec<&'static str>,
    description: String,
    created: String,
    used: Option<String>,
}

async fn service_keys(State(desk): State<Arc<ConsoleState>>) -> Answer<Vec<ShownServiceKey>> {
    let operator = desk.operator();
    let mut shown = Vec::new();
    for account in operator.accounts().await? {
        for key in operator.keys(account.id).await? {
            shown.push(ShownServiceKey {
                account_id: account.id,
                account_name: account.name.as_str().to_owned(),
                id: key.id,
                roles: key.roles.iter().map(|role| role.name()).collect(),
                description: key.description,
                created: key.created.wire(),
                used: key.used_at.map(Timestamp::wire),
            });
        }
    }
    Ok(Json(shown))
}

#[derive(Deserialize)]
struct NewServiceKey {
    account_id: AccountId,
    roles: Vec<String>,
    #[serde(default)]
    description: String,
}

/// Creates a service-account key. The answer is its credentials file, which is kept nowhere else.
async fn create_service_key(
    State(desk): State<Arc<ConsoleState>>,
    Json(new): Json<NewServiceKey>,
) -> Answer<operator::Credentials> {
    let roles: Vec<Role> =
        Role::ALL.into_iter().filter(|role| new.roles.iter().any(|name| role.name() == name)).collect();
    if roles.is_empty() {
        return Err(Failure::Refused("choose at least one role".to_owned()));
    }
    if new.description.chars().count() > MAX_DESCRIPTION_CHARS || new.description.chars().any(char::is_control) {
        let rule = format!("what it is for has at most {MAX_DESCRIPTION_CHARS} characters, on one line");
        return Err(Failure::Refused(rule));
    }
    let account = desk.existing(new.account_id).await?;
    Ok(Json(desk.operator().create_key(&account, &roles, &new.description).await?))
}

#[derive(Deserialize)]
struct ServiceKeyId {
    account_id: AccountId,
    id: String,
}

async fn revoke_service_key(State(desk): State<Arc<ConsoleState>>, Json(key): Json<ServiceKeyId>) -> Answer<Value> {
    if desk.operator().revoke_key(key.account_id, &key.id).await? {
        Ok(Json(json!({})))
    } else {
        Err(Failure::Refused(format!("account {} has no key {}", key.account_id, key.id)))
    }
}

/// The health of the deployment. A figure that is not known is null, never 0.
#[derive(Serialize)]
pub(super) struct Health {
    deployment: String,
    jobs: Jobs,
    ledger: Ledger,
    hour: Hour,
}

async fn health(State(desk): State<Arc<ConsoleState>>) -> Answer<Health> {
    let now = desk.app.clock.now();
    let deployment = desk.deployment.clone();
    let Some(activity) = &desk.activity else {
        let namespace = desk.app.config.metrics_namespace.clone();
        let asked = tokio::task::spawn_blocking(move || metrics::last_hour(&namespace, now));
        let (jobs, ledger, hour) = asked.await??;
        return Ok(Json(Health { deployment, jobs, ledger, hour }));
    };
    let whole = |number: usize| u64::try_from(number).ok();
    let (jobs, ledger) = match activity.jobs() {
        Some((at, figures)) => (
            Jobs { left: whole(figures.left), age_seconds: u64::try_from(figures.job_age_seconds).ok() },
            Ledger { findings: whole(figures.ledger_findings), at: Some(at.wire()) },
        ),
        None => (Jobs::default(), Ledger::default()),
    };
    Ok(Json(Health { deployment, jobs, ledger, hour: activity.hour(now) }))
}

#[derive(Deserialize)]
struct HowToImport {
    #[serde(default)]
    dry_run: bool,
}

/// Imports a file with `switchboard import stepchat`: the command, its output and its checkpoints are as in a shell.
async fn import(State(desk): State<Arc<ConsoleState>>, Query(how): Query<HowToImport>, file: Bytes) -> Answer<Value> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("people.csv");
    tokio::fs::write(&path, &file).await?;
    let mut command = tokio::process::Command::new(std::env::current_exe()?);
    command.arg("import").args(&desk.place).arg("stepchat").arg(&path);
    if how.dry_run {
        command.arg("--dry-run");
    }
    let done = command.stdin(Stdio::null()).current_dir(folder.path()).kill_on_drop(true).output().await?;
    let mut output = String::from_utf8_lossy(&done.stdout).into_owned();
    output.push_str(&String::from_utf8_lossy(&done.stderr));
    // Rejected rows are in a file of their own, which is deleted with the folder: so the answer holds its text.
    let mut rejected = None;
    for entry in std::fs::read_dir(folder.path())? {
        let report = entry?.path();
        if report != path
            && let Ok(text) = std::fs::read_to_string(&report)
        {
            output.push('\n');
            output.extend(text.lines().take(100).flat_map(|line| [line, "\n"]));
            rejected = Some(text);
        }
    }
    let shown = output.replace(&format!("{}/", folder.path().display()), "");
    // Rejected rows are a normal outcome; a line that begins with `error:` means that the import failed.
    let failed = String::from_utf8_lossy(&done.stderr).lines().any(|line| line.starts_with("error:"));
    Ok(Json(json!({ "done": done.status.success(), "failed": failed, "output": shown, "rejected": rejected })))
}
