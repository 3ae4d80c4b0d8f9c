//! StepChat's rules, pure: no SDK, no I/O, no clock, no wire. Source: `reference/stepchat.md` §2 to §4.

mod conversation;
mod detail;
mod phone;
mod refusal;
mod search;
mod user;

pub use conversation::{Attachments, Conversation, ConversationStatus, Message, MessageText, Payload, Source, Title};
pub use detail::{Detail, DetailChange, DetailValue, Slug, display_name};
pub use phone::Phone;
pub use refusal::Refusal;
pub use search::Search;
pub use user::{Department, Email, ImageUrl, Name, NewUser, User, UserChange, UserType};
