//! What every Switchboard function uses.
//!
//! Arrows run one way: the pipeline ([`entry`], [`runtime`], [`handler`], [`families`], [`method`]) → [`features`] → [`auth`] → [`context`] →
//! [`crypto`] and [`wire`] → [`store`] → the pure domain ([`stepchat`], [`voximplant`], [`ledger`]), which is a crate of its
//! own: it knows no SDK, no clock and no wire.

mod ahead;
pub mod auth;
pub mod clock;
pub mod config;
pub mod context;
pub mod crypto;
pub mod entry;
mod event;
pub mod families;
pub mod features;
pub mod handler;
pub mod method;
pub mod observe;
mod pipeline;
pub mod routes;
pub mod runtime;
pub mod slices;
pub mod store;
pub mod wire;

pub use domain::{grams, ids, ledger, limits, stepchat, text, timestamp, voximplant};
pub use runtime::{run, run_front_door, run_job};

/// What a method's folder imports: `use shared::prelude::*;`.
pub mod prelude {
    pub use crate::context::Ctx;
    pub use crate::method::{Effect, Method};
    pub use crate::store::grants::Grants;
    pub use futures_util::{join, try_join};
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
}
