//! Money's rules, pure: exact amounts and the journal's hash chain. Source: `reference/architecture.md` §C.8.

mod journal;
mod money;

pub use journal::{Entry, EntryHash, Party, Posting};
pub use money::{Money, MoneyError};
