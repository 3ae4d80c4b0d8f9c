//! The harness: a whole deployment in memory in milliseconds, real function binaries, golden cases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "a test that cannot go on should say so and stop"
)]

pub mod app;
pub mod cases;
pub mod inline;
pub mod invariants;
pub mod jwt;
pub mod lambda;
pub mod prepared;
pub mod seeds;
pub mod template;
pub mod traffic;
pub mod workspace;

pub use app::{Answer, App};

/// Tests allocate as much as they compute; with the system's allocator they take a fifth longer.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
