//! The `stepchat` table.

pub mod counters;
pub mod jobs;
pub mod users;

mod items;
