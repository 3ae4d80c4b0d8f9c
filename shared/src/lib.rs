//! What every Switchboard function uses.
//!
//! Dependencies point one way: the pipeline ([`runtime`], [`method`], [`families`]) → [`features`] → [`auth`] →
//! [`wire`] → [`store`] → the pure domain ([`stepchat`], [`voximplant`], [`ledger`]), a crate of its own that knows no
//! SDK, no clock and no wire.

mod ahead;
pub mod auth;
pub mod clock;
pub mod config;
pub mod context;
mod event;
pub mod families;
pub mod features;
pub mod method;
pub mod observe;
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
