//! Real processes: the function binaries under the Lambda runtime API, and `switchboard serve`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::format_collect,
    reason = "a test that cannot go on should say so and stop"
)]

mod processes {
    mod after_a_delete;
    mod audit;
    mod binaries;
    mod console;
    mod deploy;
    mod deployed;
    mod from_original;
    mod import;
    mod moving_in;
    mod moving_in_telephony;
    mod operator;
    mod serve;
    mod service;
    mod state_folder;
}
