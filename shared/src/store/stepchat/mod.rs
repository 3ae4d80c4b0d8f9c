//! The `stepchat` table.

pub mod bot;
pub mod conversations;
pub mod counters;
pub mod jobs;
pub mod lists;
pub mod people;
pub mod presence;
pub mod removals;
pub mod typing;
pub mod users;

mod conversation_items;
mod items;
mod purges;
