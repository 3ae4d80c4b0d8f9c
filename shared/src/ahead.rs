//! Reads go out together with the look for their caller, so that both take one round trip. What was read is thrown away if
//! the caller is not who the credential said, or may not see it; nothing is written, and nothing that follows from what was
//! read is asked for, before the caller is known.

use crate::store::gate::Gate;
use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Reads for callers who turned out to be nobody that a process allows at once, and after how long it allows another: a
/// caller without credentials in a tight loop costs a read of its method each second, and else what the look for it costs.
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
    /// Whether a read may go out before its caller is known.
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

    /// A read was in vain.
    pub(crate) fn is_betrayed(&self) {
        let mut allowance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        allowance.left = allowance.left.saturating_sub(1);
    }
}

/// Runs a read while its caller is looked for. A refusal is answered as soon as it is known, whatever the read does. `is_right`
/// says whether the read was for this caller; if it was not, `None` says that it has to be made anew.
pub(crate) async fn run<C, E, R>(
    caller: impl Future<Output = Result<C, E>>,
    read: impl Future<Output = R>,
    is_right: impl FnOnce(&C) -> bool,
) -> Result<(C, Option<R>), E> {
    let gate = Gate::default();
    let (mut caller, mut read) = (pin!(caller), pin!(gate.before(read)));
    let (caller, done) = tokio::select! {
        biased;
        caller = &mut caller => (caller?, None),
        done = &mut read => (caller.await?, Some(done)),
    };
    gate.open();
    if !is_right(&caller) {
        return Ok((caller, None));
    }
    let done = match done {
        Some(done) => done,
        None => read.await,
    };
    Ok((caller, Some(done)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[tokio::test(start_paused = true)]
    async fn a_refusal_waits_for_no_read() {
        let refused: Result<((), Option<()>), &str> = run(ready(Err("no")), pending::<()>(), |()| true).await;
        assert_eq!(refused, Err("no"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_read_for_another_is_not_handed_out() {
        let read = async || run(async { Ok::<_, ()>(7) }, ready("read"), |caller| *caller == 8).await;
        assert_eq!(read().await, Ok((7, None)));
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
