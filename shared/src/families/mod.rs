//! The two protocols, as the pipeline runs them.

pub mod stepchat;
pub mod voximplant;
