//! What several StepChat methods do: rows of users and conversations, the bot.

mod bot;
mod conversation_row;
mod listed;
mod row;

pub use bot::new_bot;
pub use conversation_row::{ConversationDetails, ConversationRow, LatestRow, MessageRow, Person};
pub use listed::{ListedUser, Values};
pub use row::{DetailRow, UserDetails, UserRow};
