//! Passwords: argon2id at OWASP's minimum cost (19 MiB, two passes, one lane).

use super::{Secret, foreign};
use crate::store::auth::PasswordHash;
use crate::store::{StoreError, gate, meter};
use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use std::num::NonZeroUsize;
use std::sync::LazyLock;
use tokio::sync::Semaphore;

/// A hash of this form whose password nobody knows: a guess is checked against it where there is no hash.
const DUMMY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$6yDkwrh/EBRWjJlTeU5b3g$VhSW24g1JZ0S9M0jTrVe0VHmHk5m2dSkSgxBm2yLbxk";

/// What our own hashes begin with: the form and its costs.
const OWN: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

/// Allows as many hashes at once as there are processors: more would only take memory, and processor time from all
/// else.
static AT_WORK: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(1, NonZeroUsize::get)));

/// Computes a hash once its caller is known and its turn has come, on a thread that may block for the 20 ms it takes.
async fn work<T: Send + 'static>(hash: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    gate::opened().await;
    meter::hashed();
    let unavailable = |error: &dyn std::error::Error| StoreError::Unavailable(error.to_string());
    let turn = AT_WORK.acquire().await.map_err(|error| unavailable(&error))?;
    let done = tokio::task::spawn_blocking(hash).await.map_err(|error| unavailable(&error));
    drop(turn);
    done
}

/// Hashes a password.
pub async fn hash_password(password: Secret) -> Result<PasswordHash, StoreError> {
    let hash = work(move || Argon2::default().hash_password(password.expose().as_bytes()).map(|hash| hash.to_string()));
    hash.await?.map(PasswordHash).map_err(|error| StoreError::Unavailable(error.to_string()))
}

/// Whether a hash has another form or other costs than the hashes made here.
#[must_use]
pub fn is_foreign(hash: &PasswordHash) -> bool {
    !hash.0.starts_with(OWN)
}

/// Whether this is the password of that hash. Without a hash it takes as long, so that the time does not tell whether
/// an account exists or has a password. A hash of another system takes its own time, until the first right login.
pub async fn verify_password(password: Secret, hash: Option<PasswordHash>) -> Result<bool, StoreError> {
    let verified = work(move || {
        let against = hash.as_ref().map_or(DUMMY_HASH, |hash| hash.0.as_str());
        foreign::is_password(password.expose().as_bytes(), against).map(|right| right && hash.is_some())
    });
    verified.await?.map_err(StoreError::Corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_of_the_hash_is_right() {
        let hash = hash_password(Secret::new("right")).await.unwrap();
        for (password, hash, right) in
            [("right", Some(hash.clone()), true), ("Right", Some(hash), false), ("right", None, false)]
        {
            assert_eq!(verify_password(Secret::new(password), hash).await, Ok(right), "{password}");
        }
        let broken = PasswordHash("$argon2id$broken".into());
        assert!(matches!(verify_password(Secret::new("x"), Some(broken)).await, Err(StoreError::Corrupt(_))));
    }

    #[tokio::test]
    async fn hashes_are_salted_argon2id_at_the_floor() {
        let (first, second) =
            (hash_password(Secret::new("x")).await.unwrap(), hash_password(Secret::new("x")).await.unwrap());
        assert!(first.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", first.0);
        assert_ne!(first, second);
    }
}
