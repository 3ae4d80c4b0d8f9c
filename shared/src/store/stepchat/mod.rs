//! The `stepchat` table.

pub mod api_tokens;
pub mod archive;
pub mod bot;
pub mod conversations;
pub mod counters;
pub mod creation;
pub mod export;
pub mod finding;
pub mod imports;
pub mod lists;
pub mod lockouts;
pub mod people;
pub mod presence;
pub mod promises;
pub mod purges;
pub mod rebuild;
pub mod removals;
pub mod sessions;
pub mod texts;
pub mod typing;
pub mod users;

mod conversation_items;
mod items;

pub use items::{PlacedDetail, Position};
