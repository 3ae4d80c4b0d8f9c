//! The first reads of a method go out while its caller is looked up, so that both take one round trip. What was read is
//! thrown away if the caller is not who the credential claims, or may not see it. Before the caller is known, nothing
//! is written, and nothing is read that depends on an earlier answer (`store::gate`).

use crate::store::gate::Gate;
use futures_util::FutureExt;
use futures_util::future::{MaybeDone, maybe_done};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;

/// How many times a process may begin work for callers who are then refused, and how long it takes to regain one of
/// them. A caller without credentials in a tight loop thus costs its method's first reads once a second, and otherwise
/// only the lookup of its credential.
const MAX_FAILED_STARTS: u32 = 20;
const REFILL_INTERVAL: Duration = Duration::from_secs(1);

/// Whether recent callers were who their credentials claimed.
#[derive(Debug)]
pub(crate) struct Trust(Mutex<Allowance>);

#[derive(Debug)]
struct Allowance {
    left: u32,
    since: Instant,
}

impl Default for Trust {
    fn default() -> Self {
        Self(Mutex::new(Allowance { left: MAX_FAILED_STARTS, since: Instant::now() }))
    }
}

impl Trust {
    /// Whether work may begin before its caller is known. This uses up one of the allowed times;
    /// [`Trust::give_back_one`] gives it back.
    pub(crate) fn try_take(&self) -> bool {
        let mut allowance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds =
            Instant::now().saturating_duration_since(allowance.since).as_secs() / REFILL_INTERVAL.as_secs().max(1);
        allowance.since += REFILL_INTERVAL.saturating_mul(u32::try_from(seconds).unwrap_or(u32::MAX));
        allowance.give_back(u32::try_from(seconds).unwrap_or(u32::MAX));
        let left = allowance.left.checked_sub(1);
        allowance.left = left.unwrap_or(0);
        left.is_some()
    }

    /// Notes that the caller was who the credential claimed.
    pub(crate) fn give_back_one(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).give_back(1);
    }
}

impl Allowance {
    fn give_back(&mut self, more: u32) {
        self.left = self.left.saturating_add(more).min(MAX_FAILED_STARTS);
    }
}

/// How long begun work may wait for its caller. If the caller is known only later, the work is started again: requests
/// that wait at the gate use up the time of their own attempts.
const MAX_AUTH_WAIT: Duration = Duration::from_secs(2);

/// Work that was begun before its caller was known.
pub(crate) struct StartedWork<F: Future>(Pin<Box<MaybeDone<F>>>);

impl<T, F: Future<Output = std::thread::Result<T>>> StartedWork<F> {
    /// The output of the work, which can be taken once. Panics if the work has panicked.
    pub(crate) async fn finish(mut self) -> Option<T> {
        self.0.as_mut().await;
        match self.0.as_mut().take_output()? {
            Ok(output) => Some(output),
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// Begins work while its caller is looked up. The work pauses as soon as its first requests are out, so that a caller
/// who is refused cannot observe anything of their answers: not how long reading them takes, not whether it fails.
/// `is_right` says whether the work was begun for this caller. If not, or if the caller is known too late, the result
/// has `None`: the work must be started again.
pub(crate) async fn start_before_auth<C, E, W: Future>(
    caller: impl Future<Output = Result<C, E>>,
    work: W,
    is_right: impl FnOnce(&C) -> bool,
) -> Result<(C, Option<StartedWork<impl Future<Output = std::thread::Result<W::Output>>>>), E> {
    let (gate, began) = (Gate::default(), Instant::now());
    // On the heap, since it is returned from here.
    let mut work = Box::pin(maybe_done(gate.clone().before(AssertUnwindSafe(work).catch_unwind())));
    let mut caller = pin!(caller);
    let known = match poll_fn(|task| Poll::Ready(caller.as_mut().poll(task))).await {
        Poll::Ready(known) => known,
        Poll::Pending => {
            poll_fn(|task| {
                let _ = work.as_mut().poll(task);
                Poll::Ready(())
            })
            .await;
            caller.await
        }
    }?;
    if began.elapsed() > MAX_AUTH_WAIT || !is_right(&known) {
        return Ok((known, None));
    }
    gate.open();
    Ok((known, Some(StartedWork(work))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::gate;
    use std::future::{pending, ready};

    #[tokio::test(start_paused = true)]
    async fn a_refusal_waits_for_no_read() {
        let refused = start_before_auth(ready(Err::<(), _>("no")), pending::<()>(), |()| true).await;
        assert_eq!(refused.err(), Some("no"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_begun_for_another_is_not_finished() {
        for (caller, handed_out) in [(7, None), (8, Some("read"))] {
            let (_, begun) =
                start_before_auth(ready(Ok::<_, ()>(caller)), ready("read"), |caller| *caller == 8).await.unwrap();
            let finished = match begun {
                Some(begun) => begun.finish().await,
                None => None,
            };
            assert_eq!(finished, handed_out, "{caller}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_must_not_be_in_vain_waits_for_the_caller() {
        let hashed = Mutex::new(false);
        let work = async {
            gate::opened().await;
            *hashed.lock().unwrap() = true;
        };
        let refusal = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Err::<(), _>("no")
        };
        assert_eq!(start_before_auth(refusal, work, |()| true).await.err(), Some("no"));
        assert!(!*hashed.lock().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_waited_too_long_is_done_anew() {
        for (seconds, again) in [(1, false), (3, true)] {
            let caller = async {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                Ok::<_, ()>(())
            };
            let ((), begun) = start_before_auth(caller, ready(()), |()| true).await.unwrap();
            assert_eq!(begun.is_none(), again, "{seconds}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_defect_shows_only_once_the_caller_is_known() {
        let slow = |known: Result<(), &'static str>| async move {
            tokio::task::yield_now().await;
            known
        };
        assert_eq!(start_before_auth(slow(Err("no")), async { panic!("defect") }, |()| true).await.err(), Some("no"));
        let ((), begun) = start_before_auth(slow(Ok(())), async { panic!("defect") }, |()| true).await.unwrap();
        let finished = AssertUnwindSafe(async { begun.unwrap().finish().await.is_some() }).catch_unwind().await;
        assert!(finished.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn callers_in_vain_use_the_trust_up_and_time_brings_it_back() {
        let trust = Trust::default();
        for _ in 0..100 {
            assert!(trust.try_take());
            trust.give_back_one();
        }
        for _ in 0..MAX_FAILED_STARTS {
            assert!(trust.try_take());
        }
        assert!(!trust.try_take());
        tokio::time::advance(REFILL_INTERVAL).await;
        assert!(trust.try_take() && !trust.try_take());
    }
}
