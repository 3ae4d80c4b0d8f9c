//! Money under fire: real methods and real store code over the embedded database, behind a network that loses answers,
//! throttles and raises conflicts, with callers that die between any two calls. Seeded: a failure prints its seed, and
//! `SIM_SEEDS=17 cargo test -p tests --test simulator` runs that one, `SIM_SEEDS=0..200` a range; `cargo xtask sim` does
//! so for you.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::large_futures,
    reason = "a test that cannot go on should say so and stop"
)]

mod simulator {
    pub(crate) mod bugs;
    pub(crate) mod check;
    pub(crate) mod counters;
    pub(crate) mod network;
    pub(crate) mod planted;
    pub(crate) mod search;
    pub(crate) mod statements;
    pub(crate) mod story;
}

use simulator::network::Faults;
use simulator::{counters, search, story};
use std::time::Duration;
use tests::seeds::Seeds;

/// Holds a property against the seeds of `SIM_SEEDS`; without it, as many as `cargo test` has time for.
pub(crate) fn hold(property: impl Fn(u64) -> Result<(), String> + Sync) {
    Seeds::asked("SIM_SEEDS", 0..40, Duration::from_secs(20)).hold(property);
}

#[test]
fn money_is_conserved_and_moves_exactly_once() {
    hold(|seed| story::run(seed, Faults::storm()));
}

#[test]
fn counters_equal_reality_after_any_mix_of_changes() {
    hold(|seed| counters::run(seed, Faults::storm()));
}

#[test]
fn a_committed_user_is_never_missed_and_nothing_replaced_is_left() {
    Seeds::asked("SEARCH_SEEDS", 0..search::PAIRS * search::CALLS, Duration::MAX).hold(search::run);
}

#[test]
fn without_faults_every_transfer_is_answered_at_once() {
    assert_eq!(story::run(4711, Faults::none()), Ok(()));
}
