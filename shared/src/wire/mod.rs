//! The wire: requests in every spelling the clients use, answers in each family's exact shape.

mod decode;
mod form;
mod inbound;
mod json;
mod multipart;
mod node;
mod params;
mod reply;

pub mod stepchat;
pub mod voximplant;

pub use decode::{DecodeError, decode, decode_field};
pub use inbound::{Inbound, Junk, Malformed};
pub use node::Node;
pub use params::Params;
pub use reply::{Reply, ReplyType};
