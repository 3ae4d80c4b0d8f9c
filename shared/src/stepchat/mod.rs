//! StepChat's rules, pure: no SDK, no I/O, no clock, no wire. Source: `reference/stepchat.md` §2 to §4.

mod api_token;
mod conversation;
mod detail;
mod login;
mod phone;
mod refusal;
mod search;
mod user;

pub use api_token::{Scope, TokenLabel, TokenName};
pub use conversation::{Attachments, Conversation, ConversationStatus, Message, MessageText, Payload, Source, Title};
pub use detail::{Detail, DetailChange, DetailValue, Slug, display_name};
pub use login::{Account, Failures, Limit, ends_sessions};
pub use phone::Phone;
pub use refusal::Refusal;
pub use search::{Search, is_searched};
pub use user::{Department, Email, ImageUrl, Name, NewUser, User, UserChange, UserType};
