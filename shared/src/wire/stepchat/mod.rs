//! StepChat on the wire: envelope, errors, field types, rows. Source: `reference/stepchat.md` §1.

mod answer;
mod conversation_fields;
mod error;
mod extra;
mod extra_choice;
mod fields;
mod listing;

pub use answer::{Answer, OrFalse};
pub use conversation_fields::{
    AgentRef, AttachmentsField, ConversationRef, MessageCursor, PayloadField, SenderRef, StatusField,
};
pub use error::Error;
pub use extra::{Extra, misplaced_extras};
pub use extra_choice::ExtraChoice;
pub use fields::{
    DepartmentField, EmailField, Flag, NewPassword, OptionalUserRef, PageField, PictureField, SinceField, Text,
    TextOrFalse, TypeField, UrlField, UserRef,
};
pub use listing::{Names, PlaceCursor, Sorting, Types, UserCursor, UserRefs, UserSelection};
