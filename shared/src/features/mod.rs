//! What several methods do with a store and a caller.

pub mod stepchat;
pub mod voximplant;
