//! Money's rules, pure: exact amounts and the journal's hash chain. Source: `reference/architecture.md` §C.8.

mod journal;
mod money;
mod rate;
mod transfer;

pub use journal::{EntryHash, JournalEntry, Party, Posting};
pub use money::{Money, MoneyError};
pub use rate::Rate;
pub use transfer::{Insufficient, MAX_DESCRIPTION_CHARS, Texts, shares};
