//! Properties against random worlds: one world a seed, so that a failure can be seen again.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use std::time::Duration;
use tests::seeds::Seeds;

/// Holds a property against what a strategy draws, once for each seed of `PROPERTY_SEEDS`; 200 without it. What fails is
/// made as small as it goes.
pub(super) fn hold<S: Strategy>(
    strategy: impl Fn() -> S + Sync,
    property: impl Fn(S::Value) -> Result<(), TestCaseError> + Sync,
) {
    Seeds::asked("PROPERTY_SEEDS", 0..200, Duration::MAX).hold(|seed| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        // Every case of a shrinking world is a deployment of its own: enough of them to be useful, not all.
        let config = Config { failure_persistence: None, max_shrink_iters: 64, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
        let tree = strategy().new_tree(&mut runner).map_err(|reason| reason.to_string())?;
        match runner.run_one(tree, &property) {
            Ok(_) => Ok(()),
            Err(TestError::Fail(reason, smallest)) => Err(format!("{reason}\nwith {smallest:#?}")),
            Err(TestError::Abort(reason)) => Err(reason.to_string()),
        }
    });
}

/// Runs a future to its end on a thread of its own.
pub(super) fn run<F: Future>(work: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(Box::pin(work))
}
