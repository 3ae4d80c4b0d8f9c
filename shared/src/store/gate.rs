//! Holds back database calls until the caller is known. Reads that depend on no earlier answer go out at once. Reads
//! that depend on an answer, and all writes, wait until the gate is open.
//!
//! The gate stands between the SDK and the network, so no store function can bypass it.

use super::meter;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

tokio::task_local! {
    static GATE: Gate;
}

/// Until it is open, holds back all writes, and all reads that begin after the first answer has come.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<State>);

#[derive(Debug, Default)]
struct State {
    has_answer: AtomicBool,
    is_open: AtomicBool,
    opened: Notify,
}

impl Gate {
    /// Runs work behind this gate.
    pub async fn before<F: Future>(self, work: F) -> F::Output {
        GATE.scope(self, work).await
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        self.0.is_open.store(true, Ordering::Release);
        self.0.opened.notify_waiters();
    }

    fn is_open(&self) -> bool {
        self.0.is_open.load(Ordering::Acquire)
    }

    async fn pass(&self, is_read: bool) {
        if is_read && !self.0.has_answer.load(Ordering::Acquire) {
            return;
        }
        self.opened().await;
    }

    async fn opened(&self) {
        // Registered before the check: a task that checks first and registers later could miss the opening and wait for
        // ever.
        let opened = self.0.opened.notified();
        if !self.is_open() {
            opened.await;
        }
    }
}

/// Waits until the gate around this work, if any, is open: for work that an unknown caller must not cause, such as
/// hashing a password.
pub(crate) async fn opened() {
    if let Ok(gate) = GATE.try_with(Clone::clone) {
        gate.opened().await;
    }
}

/// An answer with all of its body.
async fn collected(mut answer: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
    let body = ByteStream::new(body).collect().await.map_err(|error| ConnectorError::io(error.into()))?;
    *answer.body_mut() = SdkBody::from(body.into_bytes());
    Ok(answer)
}

/// Operations that change nothing.
const READS: [&str; 3] = ["GetItem", "BatchGetItem", "Query"];

/// Whether a request of the SDK only reads, by the header that tells DynamoDB the operation.
fn is_read(request: &HttpRequest) -> bool {
    let target = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
    target.is_some_and(|operation| READS.contains(&operation))
}

/// A transport whose requests wait at the gate that their work is behind, if any.
pub(super) fn gated(transport: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(GatedClient(transport))
}

#[derive(Debug)]
struct GatedClient(SharedHttpClient);

impl HttpClient for GatedClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(GatedConnector(self.0.http_connector(settings, components)))
    }
}

#[derive(Debug)]
struct GatedConnector(SharedHttpConnector);

impl HttpConnector for GatedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Ok(gate) = GATE.try_with(Clone::clone) else {
            return self.0.call(request);
        };
        let (connector, is_read) = (self.0.clone(), is_read(&request));
        let was_open = gate.is_open();
        HttpConnectorFuture::new(async move {
            gate.pass(is_read).await;
            if gate.is_open() {
                let depth = if was_open { None } else { meter::depth_of_next() };
                let mut answer = connector.call(request).await?;
                if let Some(depth) = depth {
                    answer.add_extension(depth);
                }
                return Ok(answer);
            }
            // In a task of its own: a refused caller's work is dropped, and a connection whose answer is not read is
            // closed. The task also makes progress while the work itself is not polled.
            let answered = tokio::spawn(async move { collected(connector.call(request).await?).await }).await;
            gate.0.has_answer.store(true, Ordering::Release);
            answered.unwrap_or_else(|error| Err(ConnectorError::other(error.into(), None)))
        })
    }
}
