//! Voximplant's rules, pure: no SDK, no I/O, no clock, no wire. Source: `reference/voximplant.md` §2, §3, §6.

mod account;
mod api_key;
mod application;
mod length;
mod queue;
mod refusal;
mod role;
mod skill;
mod user;

pub use account::{Account, AccountName, Currency};
pub use api_key::ApiKeyName;
pub use application::{Application, ApplicationName};
pub use queue::{Queue, QueueName, ServiceProbability};
pub use refusal::{Parameter, Refusal};
pub use role::Role;
pub use skill::{Skill, SkillName};
pub use user::{
    AcdStatus, CustomData, DisplayName, MobilePhone, NewPhoneUser, Password, PhoneUser, QueueLink, UserName,
};
