//! `cargo xtask sim`: the simulator for as many seeds as wanted.

use anyhow::{Context, Result, ensure};
use deploy::cargo::cargo;
use std::path::Path;

/// Runs every simulated property against these seeds; returns whether all hold. The simulator itself says which seeds
/// failed, and how to run one again.
pub fn run(root: &Path, first: u64, seeds: u64) -> Result<bool> {
    ensure!(seeds > 0, "at least one seed");
    let end = first.checked_add(seeds).context("seeds are numbers below 2^64")?;
    let status = cargo()
        .args(["test", "--package", "tests", "--test", "simulator", "--", "--nocapture"])
        .current_dir(root)
        .env("SIM_SEEDS", format!("{first}..{end}"))
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        eprintln!("a failing seed again: cargo xtask sim --seeds 1 --from SEED");
    }
    Ok(status.success())
}
