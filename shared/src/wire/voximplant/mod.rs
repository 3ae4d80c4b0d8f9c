//! Voximplant on the wire: answers, errors, field types. Source: `reference/voximplant.md` §1.

mod error;
mod fields;
mod records;

pub use error::Error;
pub use fields::{Bool, Count, Cursor, IdList, Ids, Moment, SemicolonList, Text};
pub use records::{
    ApplicationCreated, ApplicationInfo, Done, ListAnswer, Page, QueueInfo, QueueOfUser, SkillInfo, UserInfo,
};
