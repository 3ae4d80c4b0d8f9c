//! Developer chores: everything that follows from the methods' declarations is written from here, and new methods are
//! started from here.

pub mod generate;
pub mod new_method;
pub mod workspace;

mod names;
