//! What several Voximplant methods do: find the application and the users that they are about, promise work.

mod application;
mod promised;
mod selection;

pub use application::{ApplicationFilter, ApplicationRef, one_application};
pub use promised::promised;
pub use selection::{APPLICATIONS, Pair, QUEUES, SKILLS, Selection, USERS, Users, users_by_name};
