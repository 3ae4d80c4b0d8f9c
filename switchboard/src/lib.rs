//! The one binary people run: `serve` puts every method in one process over an embedded database, the operator's
//! commands work on the same state.

pub mod commands;
pub mod database;
pub mod embedded;
pub mod methods;
pub mod operator;
pub mod router;
pub mod serve;
pub mod state;

mod tls;
