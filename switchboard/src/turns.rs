//! Calls take turns: only so many are begun at a time, in the order in which they come. So of hundreds at once none takes
//! much longer than others, and the memory of few is in use (docs/benchmarks.md, "Under load").

use std::num::NonZero;
use std::pin::pin;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Calls that are begun at a time, for each core.
const EACH_CORE: usize = 16;
/// How long a call keeps its turn, if others wait. A call that takes longer goes on without one.
const TURN: Duration = Duration::from_millis(100);
/// How long a call waits at most: then it is begun as well, however many long calls are under way. It is not part of the
/// time that a call may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whose turn it is.
#[derive(Debug, Clone)]
pub(crate) struct Turns(Option<Arc<Semaphore>>);

impl Turns {
    /// As many turns as this machine's cores are well used by.
    pub(crate) fn of_this_machine() -> Self {
        Self::new(available_parallelism().map_or(1, NonZero::get).saturating_mul(EACH_CORE))
    }

    /// Nobody waits.
    pub(crate) fn unlimited() -> Self {
        Self(None)
    }

    fn new(turns: usize) -> Self {
        Self(Some(Arc::new(Semaphore::new(turns))))
    }

    /// Makes a call when it is its turn.
    pub(crate) async fn take<T>(&self, call: impl Future<Output = T>) -> T {
        let Some(turns) = &self.0 else { return call.await };
        let turn = match turns.try_acquire() {
            Ok(turn) => Some(turn),
            Err(_) => timeout(PATIENCE, turns.acquire()).await.ok().and_then(Result::ok),
        };
        let mut call = pin!(call);
        if let Ok(answer) = timeout(TURN, call.as_mut()).await {
            return answer;
        }
        drop(turn);
        call.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::{join_all, join3};
    use tokio::time::{Instant, sleep};

    /// A call of this length, and when it was begun and answered, in milliseconds.
    async fn call(turns: &Turns, length: u64) -> (u128, u128) {
        let came = Instant::now();
        let begun = turns.take(async {
            let begun = came.elapsed().as_millis();
            sleep(Duration::from_millis(length)).await;
            begun
        });
        (begun.await, came.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_begun_in_the_order_in_which_they_come() {
        let turns = Turns::new(1);
        let made = join3(call(&turns, 10), call(&turns, 10), call(&turns, 10)).await;
        assert_eq!(made, ((0, 10), (10, 20), (20, 30)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_call_goes_on_without_a_turn_and_is_not_begun_again() {
        let turns = Turns::new(1);
        let made = join3(call(&turns, 5_000), call(&turns, 5_000), call(&turns, 10)).await;
        assert_eq!(made, ((0, 5_000), (100, 5_100), (200, 210)));
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_long_calls_there_are_nobody_waits_longer_than_the_limit() {
        let turns = Turns::new(2);
        let made = join_all((0..100).map(|_| call(&turns, 5_000))).await;
        assert_eq!(made.iter().map(|(begun, _)| *begun).max(), Some(500));
        assert_eq!(call(&turns, 10).await, (0, 10), "all turns are given back");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_nobody_waits() {
        let turns = Turns::unlimited();
        let made = join3(call(&turns, 10), call(&turns, 10), call(&turns, 10)).await;
        assert_eq!(made, ((0, 10), (0, 10), (0, 10)));
    }
}
