//! StepChat's rules, pure: no SDK, no I/O, no clock, no wire. Source: `reference/stepchat.md` §2 to §4.

mod api_token;
mod conversation;
mod detail;
mod language;
mod login;
mod phone;
mod profile;
mod refusal;
mod search;
mod user;

pub mod csv;

pub use api_token::{Scope, TokenLabel, TokenName};
pub use conversation::{Attachments, Conversation, ConversationStatus, Message, MessageText, Payload, Source, Title};
pub use detail::{
    Detail, DetailChange, DetailEdit, DetailValue, MAX_LABEL_CHARS, Slug, changed_details, check_details,
    details_of_new_user, display_name,
};
pub use language::language_code;
pub use login::{Account, Failures, Limit, ends_sessions};
pub use phone::Phone;
pub use profile::ProfileField;
pub use refusal::Refusal;
pub use search::Search;
pub use user::{Department, DraftUser, Email, ImageUrl, Name, NewUser, User, UserChange, UserType};
