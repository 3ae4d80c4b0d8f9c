//! Calls take turns: only so many are begun at a time, in the order in which they come. Of hundreds at once, each would
//! take more of the processor's time, since the memory of all of them is more than its cache holds; and some would wait
//! twice as long as others (docs/benchmarks.md).

use std::num::NonZero;
use std::pin::pin;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Calls that are begun at a time, for each core.
const EACH_CORE: usize = 16;
/// How long a call keeps its turn. A call that takes longer goes on without one: no number of long calls keeps others
/// waiting for longer.
const TURN: Duration = Duration::from_millis(100);

/// Whose turn it is.
#[derive(Debug, Clone)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Turns {
    /// As many turns as this machine's cores are well used by.
    pub(crate) fn of_this_machine() -> Self {
        Self::new(available_parallelism().map_or(1, NonZero::get).saturating_mul(EACH_CORE))
    }

    /// Nobody waits.
    pub(crate) fn unlimited() -> Self {
        Self::new(Semaphore::MAX_PERMITS)
    }

    fn new(turns: usize) -> Self {
        Self(Arc::new(Semaphore::new(turns)))
    }

    /// Makes a call when it is its turn.
    pub(crate) async fn take<T>(&self, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        let turn = self.0.acquire().await;
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
    use futures_util::future::join3;
    use tokio::time::{Instant, sleep};

    /// A call of this length, and when it was made and answered, in milliseconds.
    async fn call(turns: &Turns, length: u64) -> (u128, u128) {
        let begun = Instant::now();
        let made = turns.take(async {
            let made = begun.elapsed().as_millis();
            sleep(Duration::from_millis(length)).await;
            made
        });
        (made.await, begun.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_made_in_the_order_in_which_they_come() {
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
    async fn without_a_limit_nobody_waits() {
        let turns = Turns::unlimited();
        let made = join3(call(&turns, 10), call(&turns, 10), call(&turns, 10)).await;
        assert_eq!(made, ((0, 10), (0, 10), (0, 10)));
    }
}
