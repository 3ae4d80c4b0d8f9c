//! The wire: requests in every spelling the clients use, answers in each family's exact shape.

#[macro_use]
mod schema;

mod content;
mod cookie;
mod decode;
mod failure;
mod filled_page;
mod form;
mod inbound;
mod json;
mod kind;
mod malformed;
mod multipart;
mod node;
mod params;
mod reply;
mod spelling;
mod target;

pub mod stepchat;
pub mod voximplant;

pub use cookie::{Cookie, Cookies};
pub use decode::{DecodeError, decode, decode_field, field_names};
pub use failure::{Blame, Failure};
pub use filled_page::FilledPage;
pub use inbound::{IDEMPOTENCY_FIELD, Inbound, NonObjectJson, Peer, Unreadable};
pub use kind::{KIND, Kind};
pub use malformed::Malformed;
pub use node::Node;
pub use params::Params;
pub use reply::{Reply, ReplyType};
pub use target::{legal_raw_target, legal_target};
