//! Secrets and proofs: password hashes, tokens, signatures. It knows no request.

mod jwt;
mod password;
mod secret;
mod tokens;

pub mod foreign;

pub use jwt::{Claims, JwtError, Presented};
pub use password::{hash_password, is_foreign, verify_password};
pub use secret::{SECRET_BYTES, Secret, TokenSecret};
pub use tokens::{OWN_TOKEN_CHARS, Tokens, new_api_token, random_bytes, random_token};
