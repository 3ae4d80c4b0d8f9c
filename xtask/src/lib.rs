//! Developer chores: everything that follows from the methods' declarations is written from here, and new methods are
//! started from here.

pub mod bench;
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
