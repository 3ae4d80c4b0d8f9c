//! What Switchboard is about: users of both products, the ledger, texts, ids and moments, with their rules.
//!
//! Pure: no SDK, no runtime, no HTTP, no clock. Storing, sending and running are in `shared`, which re-exports this
//! crate.

pub mod grams;
pub mod ids;
pub mod ledger;
pub mod limits;
pub mod stepchat;
pub mod text;
pub mod timestamp;
pub mod voximplant;
