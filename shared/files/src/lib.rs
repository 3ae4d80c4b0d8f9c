//! The file store in S3, for the few functions that keep files: only these link the S3 SDK (ADR 0012).

mod client;

pub use client::{Links, S3Files};

use shared::config::{self, ConfigError};
use shared::handler::Handler;
use shared::method::{Family, Method};
use shared::store::Https;
use shared::store::files::{BUCKET_VARIABLE, FileStore, LOCAL_BUCKET};
use std::sync::Arc;

/// Runs one method that keeps files as a Lambda function.
pub fn run<M: Method>() {
    shared::runtime::run_with_files::<M>(open);
}

/// Runs the front door of a family that keeps files as a Lambda function.
pub fn run_front_door<F: Family>(methods: &'static [Handler]) {
    shared::runtime::run_front_door_with_files::<F>(methods, open);
}

/// The bucket that the environment names. `AWS_ENDPOINT_URL_S3` is a local server's address.
pub fn open(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Arc<dyn FileStore>, ConfigError> {
    let endpoint = config::endpoint_of("AWS_ENDPOINT_URL_S3", lookup)?;
    Ok(Arc::new(S3Files::new(&endpoint, &bucket(lookup), Https::to(&endpoint).client(), Links::Endpoint)))
}

/// The name of the bucket.
#[must_use]
pub fn bucket(lookup: &dyn Fn(&str) -> Option<String>) -> String {
    lookup(BUCKET_VARIABLE).filter(|name| !name.is_empty()).unwrap_or_else(|| LOCAL_BUCKET.to_owned())
}
