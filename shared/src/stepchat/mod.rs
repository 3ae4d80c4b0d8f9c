//! StepChat's rules, pure: no SDK, no I/O, no clock, no wire. Source: `reference/stepchat.md` §2 to §4.

mod detail;
mod phone;
mod refusal;
mod user;

pub use detail::{Detail, DetailChange, DetailValue, Slug, display_name};
pub use phone::Phone;
pub use refusal::Refusal;
pub use user::{Department, Email, ImageUrl, Name, NewUser, User, UserChange, UserType};
