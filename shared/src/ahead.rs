//! The first reads of a method go out together with the look for its caller, so that both take one round trip. What was read
//! is thrown away if the caller is not who the credential said, or may not see it; nothing is written, and nothing that
//! follows from what was read is asked for, before the caller is known (`store::gate`).

use crate::store::gate::Gate;
use futures_util::future::{MaybeDone, maybe_done};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How often a process begins work for callers who turn out to be nobody, and after how long it may once more: a caller
/// without credentials in a tight loop costs the first reads of its method each second, and else what the look for it costs.
const MOST_IN_VAIN: u32 = 20;
const ANOTHER_AFTER: Duration = Duration::from_secs(1);

/// Whether callers have lately been who their credentials said.
#[derive(Debug)]
pub(crate) struct Trust(Mutex<Allowance>);

#[derive(Debug)]
struct Allowance {
    left: u32,
    since: Instant,
}

impl Default for Trust {
    fn default() -> Self {
        Self(Mutex::new(Allowance { left: MOST_IN_VAIN, since: Instant::now() }))
    }
}

impl Trust {
    /// Whether work may begin before its caller is known.
    pub(crate) fn holds(&self) -> bool {
        let mut allowance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let seconds = now.saturating_duration_since(allowance.since).as_secs() / ANOTHER_AFTER.as_secs().max(1);
        if seconds > 0 {
            let more = u32::try_from(seconds).unwrap_or(u32::MAX);
            *allowance = Allowance { left: allowance.left.saturating_add(more).min(MOST_IN_VAIN), since: now };
        }
        allowance.left > 0
    }

    /// It was in vain.
    pub(crate) fn is_betrayed(&self) {
        let mut allowance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        allowance.left = allowance.left.saturating_sub(1);
    }
}

/// Work that was begun before its caller was known.
pub(crate) struct Begun<F: Future>(Pin<Box<MaybeDone<F>>>);

impl<F: Future> Begun<F> {
    /// What comes of it; it can be asked once.
    pub(crate) async fn finish(mut self) -> Option<F::Output> {
        self.0.as_mut().await;
        self.0.as_mut().take_output()
    }
}

/// Begins work while its caller is looked for. A refusal is answered as soon as it is known, whatever the work does. `is_right`
/// says whether the work is for this caller; if it is not, `None` says that it has to be done anew.
pub(crate) async fn begin<C, E, W: Future>(
    caller: impl Future<Output = Result<C, E>>,
    work: W,
    is_right: impl FnOnce(&C) -> bool,
) -> Result<(C, Option<Begun<impl Future<Output = W::Output>>>), E> {
    let gate = Gate::default();
    // On the heap, as it moves on from here: the future of a method is large.
    let mut work = Box::pin(maybe_done(gate.clone().before(work)));
    let mut caller = pin!(caller);
    let caller = tokio::select! {
        biased;
        caller = &mut caller => caller?,
        () = &mut work => caller.await?,
    };
    if !is_right(&caller) {
        return Ok((caller, None));
    }
    gate.open();
    Ok((caller, Some(Begun(work))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::gate;
    use std::future::{pending, ready};

    #[tokio::test(start_paused = true)]
    async fn a_refusal_waits_for_no_read() {
        let refused = begin(ready(Err::<(), _>("no")), pending::<()>(), |()| true).await;
        assert_eq!(refused.err(), Some("no"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_begun_for_another_is_not_finished() {
        for (caller, handed_out) in [(7, None), (8, Some("read"))] {
            let (_, begun) = begin(ready(Ok::<_, ()>(caller)), ready("read"), |caller| *caller == 8).await.unwrap();
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
        assert_eq!(begin(refusal, work, |()| true).await.err(), Some("no"));
        assert!(!*hashed.lock().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn callers_in_vain_use_the_trust_up_and_time_brings_it_back() {
        let trust = Trust::default();
        for _ in 0..MOST_IN_VAIN {
            assert!(trust.holds());
            trust.is_betrayed();
        }
        assert!(!trust.holds());
        tokio::time::advance(ANOTHER_AFTER).await;
        assert!(trust.holds());
        trust.is_betrayed();
        assert!(!trust.holds());
    }
}
