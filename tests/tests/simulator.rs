//! Everything under fire: real methods and real store code over the embedded database, behind a network and an AWS that do
//! all they may: answers are lost, calls are throttled, conflict, come late or in part, indexes lag, queries see
//! transactions half, clocks are apart, processes die. Time is the test's: nobody waits. Seeded: a failure prints its seed,
//! and `SIM_SEEDS=17 cargo test -p tests --test simulator` runs that one, `SIM_SEEDS=0..200` a range; `cargo xtask sim` does
//! so for you.

#![recursion_limit = "256"]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::large_futures,
    reason = "a test that cannot go on should say so and stop"
)]

mod simulator {
    pub(crate) mod answers;
    pub(crate) mod balances;
    pub(crate) mod bugs;
    pub(crate) mod check;
    pub(crate) mod cloud;
    pub(crate) mod deletes;
    pub(crate) mod history;
    pub(crate) mod network;
    pub(crate) mod planted;
    pub(crate) mod search;
    pub(crate) mod statements;
    pub(crate) mod storm;
    pub(crate) mod story;
    pub(crate) mod torn;
}

use simulator::{search, storm};
use std::time::Duration;
use tests::seeds::Seeds;

/// Money is conserved and moves exactly once, counters equal reality, a committed user is never missed, deletes mean what
/// they say, nothing is left behind.
#[test]
fn every_promise_holds_after_any_storm() {
    Seeds::asked("SIM_SEEDS", 0..40, Duration::from_secs(20)).hold(storm::run);
}

#[test]
fn a_committed_user_is_never_missed_and_nothing_replaced_is_left() {
    Seeds::asked("SEARCH_SEEDS", 0..search::PAIRS * search::CALLS, Duration::MAX).hold(search::run);
}

#[test]
fn without_faults_every_transfer_is_answered_at_once() {
    assert_eq!(storm::without_faults(4711), Ok(()));
}
