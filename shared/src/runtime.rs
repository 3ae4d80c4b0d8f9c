//! The pipeline every request goes through, and the ways into it: a method's own Lambda, a front door, the local
//! server.
//!
//! read → authenticate → authorise → decode → idempotency → call → encode → one log line.
//!
//! The file is long for a reason: the order of these steps is what a reader has to see.

use crate::ahead;
use crate::clock::Clock;
use crate::config::{self, Config, ConfigError, Needs};
use crate::context::{App, Ctx};
use crate::event::{self, GatewayId};
use crate::method::{CallerView, Effect, Family, Handler, Method};
use crate::observe::{self, Emf, JobFigures, Log, redact};
use crate::store::files::{FileKey, FileStore, Folder, NoFiles};
use crate::store::grants::Grants;
use crate::store::idempotency::{IdempotencyKey, Lookup};
use crate::store::meter::{self, Readings};
use crate::store::{Https, Store, StoreError, connect_with};
use crate::wire::{Blame, Cookie, Failure, Inbound, Malformed, Params, Reply, ReplyType, decode, field_names};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Request, Response, StatusCode};
use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::service_fn;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Longest a handler may take where no deadline is known (the local server): API Gateway's own limit.
const LONGEST: Duration = Duration::from_secs(29);
/// Time kept back from a Lambda deadline, so that the answer can still be sent.
const MARGIN: Duration = Duration::from_millis(500);

static WARM: AtomicBool = AtomicBool::new(false);

/// Opens the file store of a process from its environment.
pub type OpenFiles = fn(&dyn Fn(&str) -> Option<String>) -> Result<Arc<dyn FileStore>, ConfigError>;

/// Opens the file store of a process that keeps no files.
#[expect(clippy::unnecessary_wraps, reason = "it is an `OpenFiles`, and others can fail")]
fn no_files(_: &dyn Fn(&str) -> Option<String>) -> Result<Arc<dyn FileStore>, ConfigError> {
    Ok(Arc::new(NoFiles))
}

/// Runs one method as a Lambda function.
pub fn run<M: Method>() {
    run_with_files::<M>(no_files);
}

/// Runs one method that keeps files as a Lambda function.
pub fn run_with_files<M: Method>(open: OpenFiles) {
    let needs = Handler::of::<M>().needs();
    lambda(needs, open, |app, request| async move { answer::<M>(app, request).await });
}

/// Runs a family's front door as a Lambda function: the same handlers, in process.
pub fn run_front_door<F: Family>(methods: &'static [Handler]) {
    run_front_door_with_files::<F>(methods, no_files);
}

/// Runs a family's front door as a Lambda function, where some of its methods keep files.
pub fn run_front_door_with_files<F: Family>(methods: &'static [Handler], open: OpenFiles) {
    let needs = methods.iter().map(Handler::needs).fold(Needs::NONE, Needs::and);
    lambda(needs, open, move |app, request| async move { front_door::<F>(app, methods, request).await });
}

/// Runs an HTTP handler as a Lambda function. Every event gets an answer.
fn lambda<H, A>(needs: Needs, open: OpenFiles, handler: H)
where
    H: Fn(Arc<App>, Request<Bytes>) -> A + Copy + Send + Sync + 'static,
    A: Future<Output: Into<Response<Bytes>>> + Send,
{
    serve(needs, open, |app| {
        lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
            let app = Arc::clone(&app);
            async move {
                let LambdaEvent { payload, context } = event;
                let left = time_left(context.deadline()).saturating_sub(MARGIN);
                let mut request = event::request(&payload);
                let request_id = request.extensions().get::<GatewayId>().map(|id| id.0.clone());
                request.extensions_mut().insert(Invocation { left, id: Some(context.request_id), request_id });
                Ok::<_, Infallible>(event::response(handler(app, request).await.into()))
            }
        }))
    });
}

/// Builds what the process needs and polls Lambda for work, on one thread: a function serves one event at a time.
fn serve<S>(needs: Needs, open: OpenFiles, poll: impl FnOnce(Arc<App>) -> S)
where
    S: Future<Output = Result<(), lambda_http::Error>>,
{
    observe::log_panics(&Log::Stdout);
    let served = start(needs, open).and_then(|(app, connect)| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        runtime.block_on(async {
            // The connections are opened while Lambda is asked for the first event.
            connect();
            poll(app).await.map_err(|error| error.to_string())
        })
    });
    if let Err(problem) = served {
        Log::Stdout.line(serde_json::json!({ "message": redact(&problem), "outcome": "init-failed" }).to_string());
        std::process::exit(1);
    }
}

/// Scheduled work.
pub struct ScheduledJob {
    /// Its name in the log.
    pub name: &'static str,
    /// What its store calls need.
    pub grants: Grants,
    /// Works until done or until the moment given.
    pub run: fn(Arc<App>, Instant) -> BoxFuture<'static, JobResult>,
}

/// The result of a run of scheduled work: one part's failure does not hide what the others did.
#[derive(Debug, Default)]
pub struct JobResult {
    /// Figures for the metrics.
    pub figures: JobFigures,
    /// What is wrong in the ledger, in words for the log.
    pub findings: Vec<String>,
    /// Why something could not be done; if several things failed, the last reason.
    pub failure: Option<StoreError>,
}

/// Runs scheduled work as a Lambda function. A failure is reported to Lambda, which counts and retries it.
pub fn run_job(job: &'static ScheduledJob) {
    serve(Needs::NONE, no_files, |app| {
        lambda_runtime::run(lambda_runtime::service_fn(move |event: LambdaEvent<IgnoredAny>| {
            let app = Arc::clone(&app);
            async move {
                let left = time_left(event.context.deadline());
                perform(job, app, Instant::now() + left.saturating_sub(MARGIN)).await.map_err(|error| error.to_string())
            }
        }))
    });
}

/// Runs a job once and logs it; returns how many pieces of work it finished.
pub async fn perform(job: &ScheduledJob, app: Arc<App>, deadline: Instant) -> Result<usize, StoreError> {
    let started = Instant::now();
    let (ran, readings) = meter::metered((job.run)(Arc::clone(&app), deadline)).await;
    let JobResult { figures, findings, failure } = ran;
    let outcome = if failure.is_none() { "ok" } else { "failed" };
    let finished = figures.finished;
    let message = format!("background {} {outcome}: {finished} finished, {} left", job.name, figures.left);
    let metrics = Emf::of_job(&app.config.metrics_namespace, app.clock.now().millis());
    let mut line = observe::line("background", job.name, outcome, &message, &readings, metrics);
    line.duration_ms = millis_since(started);
    line.blame(if failure.is_none() { Blame::Caller } else { Blame::Service });
    let causes: Vec<String> = failure.iter().map(ToString::to_string).chain(findings).collect();
    line.cause = (!causes.is_empty()).then(|| redact(&causes.join("; ")));
    line.job = Some(figures);
    app.log.request(&line);
    failure.map_or(Ok(finished), Err)
}

/// What Lambda says of one event: how long the handler may take, and the event's ids in Lambda's own log and in the
/// gateway's.
#[derive(Debug, Clone)]
struct Invocation {
    left: Duration,
    id: Option<String>,
    request_id: Option<String>,
}

fn time_left(deadline: SystemTime) -> Duration {
    // Lambda hands out no event past its deadline: such a deadline comes from a local emulator, which sets none.
    deadline.duration_since(SystemTime::now()).unwrap_or(LONGEST)
}

/// Builds what lives as long as the process, from the environment.
fn start(needs: Needs, open: OpenFiles) -> Result<(Arc<App>, impl FnOnce() + use<>), String> {
    let lookup = |name: &str| std::env::var(name).ok();
    let config = Config::read_for(needs, lookup).map_err(|error| error.to_string())?;
    let endpoint = config::endpoint(lookup).map_err(|error| error.to_string())?;
    let https = Https::to(&endpoint);
    let store = Store::new(connect_with(&endpoint, https.client()), config.tables.clone());
    let files = open(&lookup).map_err(|error| error.to_string())?;
    let app = Arc::new(App::new(config, store, Clock::System, Log::Stdout).with_files(files));
    Ok((app, move || https.preconnect(&endpoint)))
}

/// Answers a request on a method's own route.
pub async fn answer<M: Method>(app: Arc<App>, request: Request<Bytes>) -> Reply {
    with_deadline::<M::Family>(app, request, Some(Handler::of::<M>()), &[]).await
}

/// Answers a request at a family's front door: the method is the path segment below the family's root, else the
/// selector field. The front door also serves pictures.
pub async fn front_door<F: Family>(
    app: Arc<App>,
    methods: &'static [Handler],
    request: Request<Bytes>,
) -> Response<Bytes> {
    let wanted = if request.method() == http::Method::GET { F::picture(request.uri().path()) } else { None };
    match wanted {
        Some(key) => picture::<F>(&app, &key).await,
        None => with_deadline::<F>(app, request, None, methods).await.into(),
    }
}

/// Answers with a picture. A picture never changes, so clients may keep it for ever.
async fn picture<F: Family>(app: &App, key: &FileKey) -> Response<Bytes> {
    let started = Instant::now();
    let (found, readings) = meter::metered(app.files.read(key)).await;
    let (status, body, outcome) = match &found {
        Ok(Some(_)) => (StatusCode::OK, "", "ok"),
        Ok(None) => (StatusCode::NOT_FOUND, "No such picture.\n", "not-found"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "The pictures cannot be read right now.\n", "unavailable"),
    };
    let reply = Reply { status, kind: ReplyType::Text, body: body.into(), outcome: outcome.into(), cookie: None };
    let blame = if found.is_err() { Blame::Service } else { Blame::Caller };
    let cause = found.as_ref().err().map(ToString::to_string);
    log::<F>(app, "picture", "none", LoggedReply { reply: &reply, blame, cause }, &readings, started);
    let Ok(Some(content)) = found else { return reply.into() };
    let mut response = Response::new(content);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(Folder::Pictures.media_type()));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    response
}

async fn with_deadline<F: Family>(
    app: Arc<App>,
    request: Request<Bytes>,
    method: Option<Handler>,
    methods: &[Handler],
) -> Reply {
    let started = Instant::now();
    let invocation = request.extensions().get::<Invocation>().cloned();
    let Invocation { left, id, request_id } =
        invocation.unwrap_or(Invocation { left: LONGEST, id: None, request_id: None });
    CURRENT
        .scope(Current { deadline: started + left, id, request_id }, route::<F>(app, request, method, methods, started))
        .await
}

async fn route<F: Family>(
    app: Arc<App>,
    request: Request<Bytes>,
    method: Option<Handler>,
    methods: &[Handler],
    started: Instant,
) -> Reply {
    let accepts_json = Inbound::accepts_json(request.headers());
    let inbound = match Inbound::read(request, F::NON_OBJECT_JSON).await {
        Ok(inbound) => inbound,
        Err(malformed) => return refuse::<F>(&app, &malformed.into(), accepts_json, started),
    };
    // A method's own function also gets the paths below its own: of these, only its name with a slash after it is a
    // call.
    let handler = match method {
        Some(own) => Some(own).filter(|own| below_root::<F>(&inbound).is_none_or(|name| own.is_called(name))),
        None => named::<F>(&inbound, methods),
    };
    let Some(handler) = handler else {
        let missing = wanted::<F>(&inbound).is_none();
        let error = if missing { F::Error::missing_method() } else { F::Error::unknown_method() };
        return refuse::<F>(&app, &error, accepts_json, started);
    };
    handler.handle(app, inbound).await
}

/// What is known of the event that the current task answers.
#[derive(Debug)]
struct Current {
    deadline: Instant,
    id: Option<String>,
    request_id: Option<String>,
}

tokio::task_local! {
    static CURRENT: Current;
}

/// How long the request of this task may still take.
fn time_to_answer() -> Duration {
    let deadline = CURRENT.try_with(|current| current.deadline);
    deadline.map_or(LONGEST, |deadline| deadline.saturating_duration_since(Instant::now()))
}

fn named<F: Family>(inbound: &Inbound, methods: &[Handler]) -> Option<Handler> {
    let name = wanted::<F>(inbound)?;
    methods.iter().find(|handler| handler.is_called(name)).copied()
}

/// The method name a front-door request asks for.
fn wanted<F: Family>(inbound: &Inbound) -> Option<&str> {
    below_root::<F>(inbound).or_else(|| inbound.params.text(F::SELECTOR))
}

/// The part of the path below the family's root. Any prefix may come before the root.
fn below_root<F: Family>(inbound: &Inbound) -> Option<&str> {
    let (_, below) = inbound.path.split_once(F::ROOT)?;
    Some(below.trim_matches('/')).filter(|name| !name.is_empty())
}

/// Refuses a request whose method is not known.
fn refuse<F: Family>(app: &App, error: &F::Error, accepts_json: bool, started: Instant) -> Reply {
    let reply = F::failure(error, accepts_json);
    let answered = LoggedReply { reply: &reply, blame: error.blame(), cause: error.cause() };
    log::<F>(app, "none", "none", answered, &Readings::default(), started);
    reply
}

/// Runs one method on a request that has been read. Whatever happens, the answer has the family's shape.
pub async fn handle<M: Method>(app: Arc<App>, inbound: Inbound) -> Reply {
    let started = Instant::now();
    let accepts_json = inbound.accepts_json;
    let deadline = CURRENT.try_with(|current| current.deadline).unwrap_or(started + LONGEST);
    let work = meter::metered(AssertUnwindSafe(authenticate_and_run::<M>(Arc::clone(&app), inbound)).catch_unwind());
    let finished = tokio::time::timeout(deadline.saturating_duration_since(started), work).await;
    let (outcome, readings) = match finished {
        Ok((Ok(outcome), readings)) => (outcome, readings),
        Ok((Err(_), readings)) => (Outcome::failed(<M::Family as Family>::Error::internal(), "panic"), readings),
        Err(_) => (Outcome::failed(<M::Family as Family>::Error::timed_out(), "deadline"), Readings::default()),
    };
    let result = outcome.result.map_err(|error| if M::EFFECT == Effect::Read { error.of_read() } else { error });
    let outcome = Outcome { result, ..outcome };
    let reply = match &outcome.result {
        Ok(said) => {
            let reply = M::Family::success(said.body.clone(), accepts_json);
            Reply { cookie: said.cookie.clone(), outcome: said.outcome.to_owned(), ..reply }
        }
        Err(error) => M::Family::failure(error, accepts_json),
    };
    let cause = outcome.result.as_ref().err().and_then(Failure::cause).or(outcome.note.map(str::to_owned));
    let blame = outcome.result.as_ref().err().map_or(Blame::Caller, Failure::blame);
    let answered = LoggedReply { reply: &reply, blame, cause };
    log::<M::Family>(&app, M::NAME, outcome.caller, answered, &readings, started);
    reply
}

/// The answer of a method, encoded.
struct Encoded {
    body: String,
    cookie: Option<Cookie>,
    outcome: &'static str,
}

impl Encoded {
    fn of<M: Method>(ctx: &Ctx, response: &M::Response) -> Result<Self, FamilyError<M>> {
        let body = serde_json::to_string(response).map_err(|_| FamilyError::<M>::internal())?;
        Ok(Self { body, cookie: M::cookie(ctx, response), outcome: M::outcome(response) })
    }

    /// An answer that was recorded for an idempotency key. No method whose answers are recorded sets a cookie.
    fn recorded(body: String) -> Self {
        Self { body, cookie: None, outcome: "ok" }
    }
}

struct Outcome<E> {
    result: Result<Encoded, E>,
    caller: &'static str,
    note: Option<&'static str>,
}

impl<E> Outcome<E> {
    fn failed(error: E, note: &'static str) -> Self {
        Self { result: Err(error), caller: "none", note: Some(note) }
    }
}

type CallerOf<M> = <<M as Method>::Family as Family>::Caller;
type FamilyError<M> = <<M as Method>::Family as Family>::Error;

async fn authenticate_and_run<M: Method>(app: Arc<App>, inbound: Inbound) -> Outcome<FamilyError<M>> {
    let ctx = Ctx::new(Arc::clone(&app), &inbound).within(time_to_answer());
    let inbound = M::Family::prepare(inbound);
    let proof = M::Family::authenticate(&ctx, &inbound, M::ACCESS, M::EFFECT);
    let presumed = M::Caller::from_unverified(&inbound).filter(|_| app.trust.try_take());
    let (caller, begun) = match &presumed {
        None => (proof.await, None),
        Some(presumed) => {
            let work = run_once::<M>(ctx.clone(), &inbound, presumed);
            let is_right = |caller: &CallerOf<M>| M::Caller::from_verified(caller) == *presumed;
            match ahead::start_before_auth(proof, work, is_right).await {
                Ok((caller, begun)) => {
                    app.trust.give_back_one();
                    (Ok(caller), begun)
                }
                Err(error) => (Err(error), None),
            }
        }
    };
    let caller = match caller {
        Ok(caller) => caller,
        Err(error) => return Outcome { result: Err(error), caller: "none", note: None },
    };
    let recorded = M::Family::record_use(&ctx, &caller);
    let known = M::Caller::from_verified(&caller);
    let work = async {
        let done = match begun {
            Some(begun) => begun.finish().await,
            None => None,
        };
        match done {
            Some(done) => done,
            None => Box::pin(run_once::<M>(ctx.clone(), &inbound, &known)).await,
        }
    };
    let (result, ()) = futures_util::join!(work, recorded);
    Outcome { result, caller: M::Family::caller_kind(&caller), note: ctx.noted() }
}

/// The idempotency key of a call, if the caller sent one and the method writes.
fn idempotency_key<M: Method>(ctx: &Ctx, inbound: &Inbound, caller: &M::Caller) -> Option<IdempotencyKey> {
    let key = inbound.idempotency_key.as_deref().filter(|_| M::EFFECT == Effect::Write)?;
    // A keyed hash: from a plain hash of the payload, a password in it could be guessed.
    let payload = ctx.tokens().fingerprint(&payload(M::NAME, field_names::<M::Request>(), &inbound.params));
    Some(IdempotencyKey::new(&caller.tenant(), key, payload))
}

async fn run_once<M: Method>(ctx: Ctx, inbound: &Inbound, caller: &M::Caller) -> Result<Encoded, FamilyError<M>> {
    let request: M::Request = decode(&inbound.params)?;
    if let Some(notice) = M::notice(&inbound.params) {
        ctx.note(notice);
    }
    let key = idempotency_key::<M>(&ctx, inbound, caller);
    let ctx = ctx.for_api_token(caller.is_api_token()).with_idempotency_key(key);
    if let Some(answer) = first_answer::<M>(&ctx).await? {
        return Ok(answer);
    }
    match M::call(&ctx, caller, request).await {
        Ok(response) => Encoded::of::<M>(&ctx, &response),
        // A call with the same key may have finished between the lookup and this refusal: then its answer is this
        // call's too.
        Err(error) if ctx.idempotency_key().is_some() => match first_answer::<M>(&ctx).await {
            Ok(Some(answer)) => Ok(answer),
            _ => Err(error),
        },
        Err(error) => Err(error),
    }
}

async fn first_answer<M: Method>(ctx: &Ctx) -> Result<Option<Encoded>, FamilyError<M>> {
    let Some(key) = ctx.idempotency_key() else {
        return Ok(None);
    };
    match ctx.store().look_up(key, ctx.now()).await.map_err(FamilyError::<M>::from_store)? {
        Lookup::New => Ok(None),
        Lookup::Answered(answer) => Ok(Some(Encoded::recorded(answer))),
        Lookup::OtherPayload => Err(FamilyError::<M>::key_reused()),
    }
}

/// What must be the same when an idempotency key comes again: method and parameters, in any order. Parameters that the
/// method does not read, such as credentials or a caller's own number for each try, do not count.
fn payload(method: &str, names: &[&str], params: &Params) -> String {
    let mut fields: Vec<_> = params.iter().filter(|(name, _)| names.contains(name)).collect();
    fields.sort_unstable_by_key(|(name, _)| *name);
    let mut payload = method.to_owned();
    for (name, value) in fields {
        // Debug is unambiguous: texts are quoted, lists and maps bracketed.
        let _ = write!(payload, "\0{name}\0{value:?}");
    }
    payload
}

/// What is logged of an answer.
struct LoggedReply<'a> {
    reply: &'a Reply,
    blame: Blame,
    cause: Option<String>,
}

fn log<F: Family>(
    app: &App,
    method: &'static str,
    caller: &'static str,
    answered: LoggedReply<'_>,
    readings: &Readings,
    started: Instant,
) {
    let LoggedReply { reply, blame, cause } = answered;
    let message = format!("{} {} {}", F::NAME, method, reply.outcome);
    let metrics = Emf::of_request(&app.config.metrics_namespace, app.clock.now().millis());
    let mut line = observe::line(F::NAME, method, &reply.outcome, &message, readings, metrics);
    line.caller = caller;
    line.blame(blame);
    line.cold_start = !WARM.swap(true, Ordering::Relaxed);
    line.duration_ms = millis_since(started);
    line.cause = cause.map(|cause| redact(&cause));
    let ids = CURRENT.try_with(|current| (current.request_id.clone(), current.id.clone()));
    (line.request_id, line.invocation_id) = ids.unwrap_or_default();
    app.log.request(&line);
}

/// Milliseconds with three decimals.
fn millis_since(started: Instant) -> f64 {
    (started.elapsed().as_secs_f64() * 1e6).round() / 1e3
}

/// Answers a request whose body was cut off at the size limit.
#[must_use]
pub fn too_large<F: Family>(app: &App, accepts_json: bool) -> Reply {
    refuse::<F>(app, &Malformed::TooLarge.into(), accepts_json, Instant::now())
}
