//! The ways into the pipeline: a method's own Lambda, a front door, the local server; and scheduled work.

use crate::clock::Clock;
use crate::config::{self, Config, ConfigError, Needs};
use crate::context::App;
use crate::event::{self, GatewayId};
use crate::handler::Handler;
use crate::method::{Family, Method};
use crate::observe::{self, Emf, JobFigures, Log, redact};
use crate::pipeline::{Current, LONGEST, LoggedReply, answering, log, millis_since};
use crate::store::files::{FileKey, FileStore, Folder, NoFiles};
use crate::store::grants::Grants;
use crate::store::meter::{self, Readings};
use crate::store::{Https, Store, StoreError, connect_with};
use crate::wire::{Blame, Failure, Inbound, Malformed, Reply, ReplyType};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Request, Response, StatusCode};
use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::service_fn;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Time kept back from a Lambda deadline, so that the answer can still be sent.
const MARGIN: Duration = Duration::from_millis(500);

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
    with_deadline::<M::Family>(app, request, Served::Method(Handler::of::<M>())).await
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
        None => with_deadline::<F>(app, request, Served::Family(methods)).await.into(),
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

/// What a function serves.
#[derive(Clone, Copy)]
enum Served {
    /// A method.
    Method(Handler),
    /// All methods of a family.
    Family(&'static [Handler]),
}

impl Served {
    /// The handler that a request asks for.
    fn handler<F: Family>(self, inbound: &Inbound) -> Option<Handler> {
        match self {
            // A method's own function also gets the paths below its own: of these, only its name with a slash after it
            // is a call.
            Self::Method(own) => {
                Some(own).filter(|own| below_root::<F>(inbound).is_none_or(|name| own.is_called(name)))
            }
            Self::Family(methods) => {
                let name = wanted::<F>(inbound)?;
                methods.iter().find(|handler| handler.is_called(name)).copied()
            }
        }
    }
}

async fn with_deadline<F: Family>(app: Arc<App>, request: Request<Bytes>, served: Served) -> Reply {
    let started = Instant::now();
    let invocation = request.extensions().get::<Invocation>().cloned();
    let Invocation { left, id, request_id } =
        invocation.unwrap_or(Invocation { left: LONGEST, id: None, request_id: None });
    let event = Current { deadline: started + left, id, request_id };
    answering(event, route::<F>(app, request, served, started)).await
}

async fn route<F: Family>(app: Arc<App>, request: Request<Bytes>, served: Served, started: Instant) -> Reply {
    let accepts_json = Inbound::accepts_json(request.headers());
    let inbound = match Inbound::read(request, F::NON_OBJECT_JSON).await {
        Ok(inbound) => inbound,
        Err(malformed) => return refuse::<F>(&app, &malformed.into(), accepts_json, started),
    };
    let Some(handler) = served.handler::<F>(&inbound) else {
        let missing = wanted::<F>(&inbound).is_none();
        let error = if missing { F::Error::missing_method() } else { F::Error::unknown_method() };
        return refuse::<F>(&app, &error, accepts_json, started);
    };
    handler.handle(app, inbound).await
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

/// Answers a request whose body was cut off at the size limit.
#[must_use]
pub fn too_large<F: Family>(app: &App, accepts_json: bool) -> Reply {
    refuse::<F>(app, &Malformed::TooLarge.into(), accepts_json, Instant::now())
}
