//! The wire: requests in every spelling the clients use, answers in each family's exact shape.

#[macro_use]
mod schema;

mod content;
mod cookie;
mod decode;
mod fitting;
mod form;
mod inbound;
mod json;
mod malformed;
mod multipart;
mod node;
mod params;
mod reply;
mod target;

pub mod stepchat;
pub mod voximplant;

pub use cookie::{Cookie, Cookies};
pub use decode::{DecodeError, decode, decode_field};
pub use fitting::Fitting;
pub use inbound::{Inbound, Junk, Peer, Unreadable};
pub use malformed::Malformed;
pub use node::Node;
pub use params::Params;
pub use reply::{Reply, ReplyType};
pub use target::{legal_raw_target, legal_target};
