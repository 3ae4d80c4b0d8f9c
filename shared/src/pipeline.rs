//! What every call goes through, once its request has been read:
//!
//! authenticate → authorise → decode → idempotency → call → encode → one log line.
//!
//! Where the credential itself says who calls, a method's first reads begin before the proof ([`ahead`]).

use crate::ahead;
use crate::context::{App, Ctx, Effect};
use crate::method::{CallerView, Family, Method};
use crate::observe::{self, Emf, redact};
use crate::store::idempotency::{IdempotencyKey, Lookup};
use crate::store::meter::{self, Readings};
use crate::wire::{Blame, Cookie, Failure, Inbound, Params, Reply, decode, field_names};
use futures_util::FutureExt;
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Longest a call may take where no deadline is known (the local server, an emulator): the timeout of the deployed
/// functions.
pub(crate) const LONGEST: Duration = Duration::from_secs(29);

static WARM: AtomicBool = AtomicBool::new(false);

/// What is known of the event that the current task answers.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) deadline: Instant,
    /// Its id in the log of Lambda.
    pub(crate) id: Option<String>,
    /// Its id in the log of the gateway.
    pub(crate) request_id: Option<String>,
}

tokio::task_local! {
    static CURRENT: Current;
}

/// Does the work of answering an event, with what is known of the event.
pub(crate) fn answering<W: Future>(event: Current, work: W) -> impl Future<Output = W::Output> {
    CURRENT.scope(event, work)
}

/// How long the request of this task may still take.
fn time_to_answer() -> Duration {
    let deadline = CURRENT.try_with(|current| current.deadline);
    deadline.map_or(LONGEST, |deadline| deadline.saturating_duration_since(Instant::now()))
}

/// Runs one method on a request that has been read. Whatever happens, the answer has the family's shape.
pub(crate) async fn handle<M: Method>(app: Arc<App>, inbound: Inbound) -> Reply {
    let started = Instant::now();
    let accepts_json = inbound.accepts_json;
    let deadline = CURRENT.try_with(|current| current.deadline).unwrap_or(started + LONGEST);
    // On the heap, like its two parts: each future around it would else hold, and move, tens of kilobytes.
    let work = Box::pin(authenticate_and_run::<M>(Arc::clone(&app), inbound));
    let work = meter::metered(AssertUnwindSafe(work).catch_unwind());
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
    let proof = Box::pin(M::Family::authenticate(&ctx, &inbound, M::ACCESS, M::EFFECT));
    let presumed = M::Caller::from_unverified(&inbound).filter(|_| app.trust.try_take());
    let (caller, begun) = match &presumed {
        None => (proof.await, None),
        Some(presumed) => {
            let work = Box::pin(run_once::<M>(ctx.clone(), &inbound, presumed));
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
pub(crate) struct LoggedReply<'a> {
    pub(crate) reply: &'a Reply,
    pub(crate) blame: Blame,
    pub(crate) cause: Option<String>,
}

/// Writes the log line of an answer.
pub(crate) fn log<F: Family>(
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
pub(crate) fn millis_since(started: Instant) -> f64 {
    (started.elapsed().as_secs_f64() * 1e6).round() / 1e3
}
