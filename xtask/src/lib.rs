//! Developer chores. They write everything that follows from the methods' declarations, and start new methods.

pub mod bench;
pub mod bless;
pub mod bundle;
pub mod deploy;
pub mod generate;
pub mod new_method;
pub mod seed;
pub mod sim;
pub mod sizes;
pub mod vendor;
pub mod workspace;

mod names;
