//! Passwords: argon2id at OWASP's floor (19 MiB, two passes, one lane).

use super::Secret;
use crate::store::StoreError;
use crate::store::auth::PasswordHash;
use argon2::Argon2;
use argon2::password_hash::PasswordHasher;

/// Hashes a password on a thread that may block for the 20 ms it takes.
pub async fn hash_password(password: Secret) -> Result<PasswordHash, StoreError> {
    let hash = tokio::task::spawn_blocking(move || {
        Argon2::default().hash_password(password.expose().as_bytes()).map(|hash| hash.to_string())
    });
    let hash = hash.await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    hash.map(PasswordHash).map_err(|error| StoreError::Unavailable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hashes_are_salted_argon2id_at_the_floor() {
        let (first, second) =
            (hash_password(Secret::new("x")).await.unwrap(), hash_password(Secret::new("x")).await.unwrap());
        assert!(first.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", first.0);
        assert_ne!(first, second);
    }
}
