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
    mod ahead;
    mod api_tokens;
    mod bad_input;
    mod bad_money;
    mod budgets;
    mod bulk;
    mod callers;
    mod captures;
    mod cascades;
    mod clocks;
    mod conversations;
    mod fairness;
    mod files;
    mod gate;
    mod golden;
    mod halves;
    mod idempotency;
    mod job_grants;
    mod last_use;
    mod ledger;
    mod lists;
    mod lockouts;
    mod moments;
    mod panics;
    mod paths;
    mod races;
    mod rebuild;
    mod scheduled;
    mod search;
    mod second_engine;
    mod secrets;
    mod seeds;
    mod sessions;
    mod skills_queues;
    mod statement;
    mod stepchat;
    mod token_secret;
    mod traffic;
    mod transfer;
    mod user_deletes;
    mod user_filters;
    mod users;
    mod voximplant;
}
