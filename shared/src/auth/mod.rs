//! Proving who is calling.

mod jwt;
mod password;
mod secret;
mod tokens;

pub mod stepchat;
pub mod voximplant;

pub use jwt::{Claims, JwtError, Presented};
pub use password::hash_password;
pub use secret::Secret;
pub use tokens::{Tokens, random_token};
