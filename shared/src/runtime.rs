//! The pipeline every request goes through, and the ways into it: a method's own Lambda, a front door, the local server.
//!
//! read → authenticate → authorise → decode → idempotency → call → encode → one log line.

use crate::clock::Clock;
use crate::config::{self, Config};
use crate::context::{App, Ctx};
use crate::method::{Effect, Entry, Failure, Family, Method};
use crate::observe::{self, Log, redact};
use crate::store::grants::Grants;
use crate::store::idempotency::{Known, Operation};
use crate::store::meter::{self, Readings};
use crate::store::{Store, StoreError, connect};
use crate::wire::{Inbound, Malformed, Params, Reply, decode};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::{Body, RequestExt, service_fn};
use serde::de::IgnoredAny;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Longest a handler may take where no deadline is known (the local server): API Gateway's own limit.
const LONGEST: Duration = Duration::from_secs(29);
/// Kept back from a Lambda deadline, so that the answer still gets out.
const MARGIN: Duration = Duration::from_millis(500);

static WARM: AtomicBool = AtomicBool::new(false);

/// Runs one method as a Lambda function.
pub fn run<M: Method>() {
    lambda(|app, request| async move { answer::<M>(app, request).await });
}

/// Runs a family's front door as a Lambda function: the same handlers, in process.
pub fn run_front_door<F: Family>(methods: &'static [Entry]) {
    lambda(move |app, request| async move { front_door::<F>(app, methods, request).await });
}

/// Runs an HTTP handler as a Lambda function.
fn lambda<H, A>(handler: H)
where
    H: Fn(Arc<App>, Request<Bytes>) -> A + Copy + Send + Sync + 'static,
    A: Future<Output = Reply> + Send,
{
    serve(|app| {
        lambda_http::run(service_fn(move |event: lambda_http::Request| {
            let app = Arc::clone(&app);
            async move {
                let context = event.lambda_context_ref();
                let left = context.map_or(LONGEST, |context| time_left(context.deadline()));
                let id = context.map(|context| context.request_id.clone());
                let (head, body) = event.into_parts();
                let mut request = Request::from_parts(head, body_bytes(body));
                request.extensions_mut().insert(Invocation { left: left.saturating_sub(MARGIN), id });
                Ok::<_, Infallible>(lambda_response(handler(app, request).await))
            }
        }))
    });
}

/// Builds the process's things and polls Lambda for work, on one thread: a function serves one event at a time.
fn serve<S: Future<Output = Result<(), lambda_http::Error>>>(poll: impl FnOnce(Arc<App>) -> S) {
    observe::log_panics(&Log::Stdout);
    let served = start().and_then(|app| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        runtime.block_on(poll(app)).map_err(|error| error.to_string())
    });
    if let Err(problem) = served {
        Log::Stdout.line(serde_json::json!({ "message": redact(&problem), "outcome": "init-failed" }).to_string());
        std::process::exit(1);
    }
}

/// Scheduled work.
pub struct Job {
    /// Its name in the log.
    pub name: &'static str,
    /// What its store calls need.
    pub grants: Grants,
    /// Works until done or until the moment given; returns how many pieces of work it finished.
    pub run: fn(Arc<App>, Instant) -> BoxFuture<'static, Result<usize, StoreError>>,
}

/// Runs scheduled work as a Lambda function. A failure is reported to Lambda, which counts and retries it.
pub fn run_job(job: &'static Job) {
    serve(|app| {
        lambda_runtime::run(lambda_runtime::service_fn(move |event: LambdaEvent<IgnoredAny>| {
            let app = Arc::clone(&app);
            async move {
                let left = time_left(event.context.deadline());
                perform(job, app, Instant::now() + left.saturating_sub(MARGIN)).await.map_err(|error| error.to_string())
            }
        }))
    });
}

/// Runs a job once and logs it.
pub async fn perform(job: &Job, app: Arc<App>, deadline: Instant) -> Result<usize, StoreError> {
    let started = Instant::now();
    let (result, readings) = meter::metered((job.run)(Arc::clone(&app), deadline)).await;
    let outcome = if result.is_ok() { "ok" } else { "failed" };
    let finished = result.as_ref().map_or(0, |finished| *finished);
    let message = format!("background {} {outcome}: {finished} finished", job.name);
    let mut line = observe::line("background", job.name, outcome, &message, &readings, app.clock.now().millis());
    line.duration_ms = millis_since(started);
    line.cause = result.as_ref().err().map(|error| redact(&error.to_string()));
    app.log.request(&line);
    result
}

/// What Lambda says of one event: how long the handler may take, and the name it goes by in Lambda's own log.
#[derive(Debug, Clone)]
struct Invocation {
    left: Duration,
    id: Option<String>,
}

fn time_left(deadline: SystemTime) -> Duration {
    // Lambda hands out no event whose time is over: such a deadline is that of a local emulator, which sets none.
    deadline.duration_since(SystemTime::now()).unwrap_or(LONGEST)
}

fn body_bytes(body: Body) -> Bytes {
    match body {
        Body::Text(text) => Bytes::from(text),
        Body::Binary(bytes) => Bytes::from(bytes),
        _ => Bytes::new(),
    }
}

fn lambda_response(reply: Reply) -> Response<Body> {
    let response: Response<Bytes> = reply.into();
    let (head, body) = response.into_parts();
    // Always text: a binary body would be sent base64-encoded.
    Response::from_parts(head, Body::Text(String::from_utf8_lossy(&body).into_owned()))
}

/// Builds what lives as long as the process, from the environment.
fn start() -> Result<Arc<App>, String> {
    let lookup = |name: &str| std::env::var(name).ok();
    let config = Config::read(lookup).map_err(|error| error.to_string())?;
    let endpoint = config::endpoint(lookup).map_err(|error| error.to_string())?;
    let store = Store::new(connect(&endpoint), config.tables.clone());
    Ok(Arc::new(App::new(config, store, Clock::System, Log::Stdout)))
}

/// Answers a request on a method's own route.
pub async fn answer<M: Method>(app: Arc<App>, request: Request<Bytes>) -> Reply {
    entered::<M::Family>(app, request, Some(Entry::of::<M>()), &[]).await
}

/// Answers a request at a family's front door: the method is the path segment below the family's root, else the
/// selector field.
pub async fn front_door<F: Family>(app: Arc<App>, methods: &'static [Entry], request: Request<Bytes>) -> Reply {
    entered::<F>(app, request, None, methods).await
}

async fn entered<F: Family>(app: Arc<App>, request: Request<Bytes>, method: Option<Entry>, methods: &[Entry]) -> Reply {
    let started = Instant::now();
    let invocation = request.extensions().get::<Invocation>().cloned();
    let Invocation { left, id } = invocation.unwrap_or(Invocation { left: LONGEST, id: None });
    CURRENT.scope(Current { deadline: started + left, id }, admit::<F>(app, request, method, methods, started)).await
}

async fn admit<F: Family>(
    app: Arc<App>,
    request: Request<Bytes>,
    method: Option<Entry>,
    methods: &[Entry],
    started: Instant,
) -> Reply {
    let accepts_json = Inbound::accepts_json(request.headers());
    let inbound = match Inbound::read(request, F::JUNK).await {
        Ok(inbound) => inbound,
        Err(malformed) => return refuse::<F>(&app, &malformed.into(), accepts_json, started),
    };
    let Some(entry) = method.or_else(|| named::<F>(&inbound, methods)) else {
        let missing = wanted::<F>(&inbound).is_none();
        let error = if missing { F::Error::missing_method() } else { F::Error::unknown_method() };
        return refuse::<F>(&app, &error, accepts_json, started);
    };
    entry.handle(app, inbound).await
}

/// What is known of the event whose task this is.
#[derive(Debug)]
struct Current {
    deadline: Instant,
    id: Option<String>,
}

tokio::task_local! {
    static CURRENT: Current;
}

/// How long the request of this task may still take.
fn time_to_answer() -> Duration {
    let deadline = CURRENT.try_with(|current| current.deadline);
    deadline.map_or(LONGEST, |deadline| deadline.saturating_duration_since(Instant::now()))
}

fn named<F: Family>(inbound: &Inbound, methods: &[Entry]) -> Option<Entry> {
    let name = wanted::<F>(inbound)?;
    methods.iter().find(|entry| entry.is_called(name)).copied()
}

/// The method name a front-door request asks for. The path may carry any prefix before the family's root.
fn wanted<F: Family>(inbound: &Inbound) -> Option<&str> {
    let below = inbound.path.split_once(F::ROOT).map(|(_, below)| below.trim_matches('/'));
    below.filter(|name| !name.is_empty()).or_else(|| inbound.params.text(F::SELECTOR))
}

/// Answers before any method is known.
fn refuse<F: Family>(app: &App, error: &F::Error, accepts_json: bool, started: Instant) -> Reply {
    let reply = F::failure(error, accepts_json);
    log::<F>(app, "none", "none", &reply, error.cause(), &Readings::default(), started);
    reply
}

/// Runs one method on a request that has been read. Whatever happens, the answer has the family's shape.
pub async fn handle<M: Method>(app: Arc<App>, inbound: Inbound) -> Reply {
    let started = Instant::now();
    let accepts_json = inbound.accepts_json;
    let deadline = CURRENT.try_with(|current| current.deadline).unwrap_or(started + LONGEST);
    let work = meter::metered(AssertUnwindSafe(process::<M>(Arc::clone(&app), inbound)).catch_unwind());
    let finished = tokio::time::timeout(deadline.saturating_duration_since(started), work).await;
    let (outcome, readings) = match finished {
        Ok((Ok(outcome), readings)) => (outcome, readings),
        Ok((Err(_), readings)) => (Outcome::failed(<M::Family as Family>::Error::internal(), "panic"), readings),
        Err(_) => (Outcome::failed(<M::Family as Family>::Error::timed_out(), "deadline"), Readings::default()),
    };
    let reply = match &outcome.result {
        Ok(body) => M::Family::success(body.clone(), accepts_json),
        Err(error) => M::Family::failure(error, accepts_json),
    };
    let cause = outcome.result.as_ref().err().and_then(Failure::cause).or(outcome.note.map(str::to_owned));
    log::<M::Family>(&app, M::NAME, outcome.caller, &reply, cause, &readings, started);
    reply
}

struct Outcome<E> {
    result: Result<String, E>,
    caller: &'static str,
    note: Option<&'static str>,
}

impl<E> Outcome<E> {
    fn failed(error: E, note: &'static str) -> Self {
        Self { result: Err(error), caller: "none", note: Some(note) }
    }
}

type FamilyError<M> = <<M as Method>::Family as Family>::Error;

async fn process<M: Method>(app: Arc<App>, inbound: Inbound) -> Outcome<FamilyError<M>> {
    let ctx = Ctx::new(app, inbound.host.clone()).within(time_to_answer());
    let inbound = M::Family::prepare(inbound);
    let caller = match M::Family::authenticate(&ctx, &inbound, M::ACCESS).await {
        Ok(caller) => caller,
        Err(error) => {
            return Outcome { result: Err(error), caller: "none", note: None };
        }
    };
    let kind = M::Family::caller_kind(&caller);
    Outcome { result: admitted::<M>(ctx, inbound, &caller).await, caller: kind, note: None }
}

async fn admitted<M: Method>(
    ctx: Ctx,
    inbound: Inbound,
    caller: &<M::Family as Family>::Caller,
) -> Result<String, FamilyError<M>> {
    let request: M::Request = decode(&inbound.params)?;
    let operation = inbound.idempotency_key.as_deref().filter(|_| M::EFFECT == Effect::Write).map(|key| {
        // Keyed: a plain hash of a payload with a password in it could be guessed at.
        let payload = ctx.tokens().fingerprint(&payload(M::NAME, &inbound.params));
        Operation::new(&M::Family::tenant(caller), key, payload)
    });
    let ctx = ctx.with_operation(operation);
    if let Some(answer) = first_answer::<M>(&ctx).await? {
        return Ok(answer);
    }
    match M::call(&ctx, caller, request).await {
        Ok(response) => encode::<M>(&response),
        // The same key may have finished between our look and our refusal: then its answer is ours too.
        Err(error) if ctx.operation().is_some() => match first_answer::<M>(&ctx).await {
            Ok(Some(answer)) => Ok(answer),
            _ => Err(error),
        },
        Err(error) => Err(error),
    }
}

async fn first_answer<M: Method>(ctx: &Ctx) -> Result<Option<String>, FamilyError<M>> {
    let Some(operation) = ctx.operation() else {
        return Ok(None);
    };
    match ctx.store().known(operation, ctx.now()).await.map_err(FamilyError::<M>::from_store)? {
        Known::New => Ok(None),
        Known::Answered(answer) => Ok(Some(answer)),
        Known::OtherPayload => Err(FamilyError::<M>::key_reused()),
    }
}

fn encode<M: Method>(response: &M::Response) -> Result<String, FamilyError<M>> {
    serde_json::to_string(response).map_err(|_| FamilyError::<M>::internal())
}

/// What must be the same when an idempotency key comes again: method and parameters, in any order, without the
/// credentials, the selector and the key itself.
fn payload(method: &str, params: &Params) -> String {
    const LEFT_OUT: [&str; 8] =
        ["token", "api_key", "function", "cmd", "request_id", "account_id", "account_name", "account_email"];
    let mut fields: Vec<_> = params.iter().filter(|(name, _)| !LEFT_OUT.contains(name)).collect();
    fields.sort_unstable_by_key(|(name, _)| *name);
    let mut payload = method.to_owned();
    for (name, value) in fields {
        // Debug is unambiguous: texts are quoted, lists and maps bracketed.
        let _ = write!(payload, "\0{name}\0{value:?}");
    }
    payload
}

fn log<F: Family>(
    app: &App,
    method: &'static str,
    caller: &'static str,
    reply: &Reply,
    cause: Option<String>,
    readings: &Readings,
    started: Instant,
) {
    let message = format!("{} {} {}", F::NAME, method, reply.outcome);
    let mut line = observe::line(F::NAME, method, &reply.outcome, &message, readings, app.clock.now().millis());
    line.caller = caller;
    line.cold_start = !WARM.swap(true, Ordering::Relaxed);
    line.duration_ms = millis_since(started);
    line.cause = cause.map(|cause| redact(&cause));
    line.request_id = CURRENT.try_with(|current| current.id.clone()).ok().flatten();
    app.log.request(&line);
}

/// Milliseconds with three decimals.
fn millis_since(started: Instant) -> f64 {
    (started.elapsed().as_secs_f64() * 1e6).round() / 1e3
}

/// Answers a request whose body was cut off at the limit before it was read whole.
#[must_use]
pub fn too_large<F: Family>(app: &App, accepts_json: bool) -> Reply {
    refuse::<F>(app, &Malformed::TooLarge.into(), accepts_json, Instant::now())
}
