//! Both APIs, black box: every test has a deployment of its own in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::format_collect,
    reason = "a test that cannot go on should say so and stop"
)]

mod api {
    mod access;
    mod bad_input;
    mod budgets;
    mod captures;
    mod cascades;
    mod conversations;
    mod golden;
    mod idempotency;
    mod ledger;
    mod lists;
    mod panics;
    mod races;
    mod secrets;
    mod skills_queues;
    mod stepchat;
    mod transfer;
    mod users;
    mod voximplant;
}
