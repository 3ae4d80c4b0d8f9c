//! Proving who is calling.

mod jwt;
mod last_use;
mod password;
mod secret;
mod tokens;

pub mod foreign;
pub mod lockout;
pub mod session;
pub mod stepchat;
pub mod voximplant;

pub use jwt::{Claims, JwtError, Presented};
pub use password::{hash_password, is_foreign, verify_password};
pub use secret::Secret;
pub use tokens::{Tokens, new_api_token, random_token};
