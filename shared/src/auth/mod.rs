//! Proving who is calling.

mod last_use;

pub mod lockout;
pub mod session;
pub mod stepchat;
pub mod voximplant;
