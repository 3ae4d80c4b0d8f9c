//! The binary that people run: `serve` runs every method in one process over an embedded database, and the operator's
//! commands work on the same deployment.

pub mod commands;
pub mod console;
pub mod database;
pub mod direct_writer;
pub mod embedded;
pub mod export;
pub mod files;
pub mod handbook;
pub mod import;
pub mod load;
pub mod methods;
pub mod operator;
pub mod page;
pub mod readable;
pub mod rebuild;
pub mod restore;
pub mod router;
pub mod serve;
pub mod sink;
pub mod stack;
pub mod state;

mod assets;
mod caller;
mod connection;
mod connections;
mod database_server;
mod kept;
mod lenient;
mod progress;
mod socket;
mod tls;
mod turns;
mod worker;
