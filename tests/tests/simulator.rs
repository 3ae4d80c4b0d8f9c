//! Money under fire: real methods and real store code over the embedded database, behind a network that loses answers,
//! throttles and raises conflicts, with callers that die between any two calls. Seeded: a failure prints its seed, and
//! `SIM_SEEDS=17 cargo test -p tests --test simulator` runs that one, `SIM_SEEDS=0..200` a range.

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
    pub(crate) mod network;
    pub(crate) mod story;
}

use simulator::network::Faults;
use simulator::story;
use std::ops::Range;
use std::time::{Duration, Instant};

/// What `cargo test` has time for.
const SEEDS: Range<u64> = 0..12;
const LONGEST: Duration = Duration::from_secs(20);

fn seeds() -> (Range<u64>, Duration) {
    let asked = std::env::var("SIM_SEEDS").ok();
    let number =
        |text: &str| text.trim().parse::<u64>().expect("SIM_SEEDS is a seed such as 17 or a range such as 0..200");
    match asked.as_deref().map(|asked| asked.split_once("..")) {
        None => (SEEDS, LONGEST),
        Some(Some((first, end))) => (number(first)..number(end), Duration::MAX),
        Some(None) => {
            let seed = number(&asked.unwrap());
            (seed..seed.saturating_add(1), Duration::MAX)
        }
    }
}

#[test]
fn money_is_conserved_and_moves_exactly_once() {
    let (seeds, longest) = seeds();
    let started = Instant::now();
    let mut done = 0_u32;
    for seed in seeds {
        if let Err(broken) = story::run(seed, Faults::storm()) {
            panic!("seed {seed}: {broken}");
        }
        done += 1;
        if started.elapsed() > longest {
            break;
        }
    }
    assert!(done > 0, "no seed was run");
    eprintln!("{done} seeds in {:?}", started.elapsed());
}

#[test]
fn without_faults_every_transfer_is_answered_at_once() {
    assert_eq!(story::run(4711, Faults::none()), Ok(()));
}
