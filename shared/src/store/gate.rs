//! Reads that go out before their caller is known: the first of them at once, any that follows from an answer only once the
//! gate is open.
//!
//! It stands between the SDK and the network, so no store function can pass by it.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

tokio::task_local! {
    static GATE: Gate;
}

/// Keeps back what would go out after an answer has come.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<State>);

#[derive(Debug, Default)]
struct State {
    has_answer: AtomicBool,
    is_open: AtomicBool,
    opened: Notify,
}

impl Gate {
    /// Runs reads behind this gate.
    pub async fn before<F: Future>(&self, reads: F) -> F::Output {
        GATE.scope(self.clone(), reads).await
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        self.0.is_open.store(true, Ordering::Release);
        self.0.opened.notify_waiters();
    }

    async fn pass(&self) {
        if !self.0.has_answer.load(Ordering::Acquire) {
            return;
        }
        // Whoever asks first and then waits may wait for ever.
        let opened = self.0.opened.notified();
        if !self.0.is_open.load(Ordering::Acquire) {
            opened.await;
        }
    }
}

/// A transport whose requests wait where they are behind a gate.
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
        let connector = self.0.clone();
        HttpConnectorFuture::new(async move {
            gate.pass().await;
            let answer = connector.call(request).await;
            gate.0.has_answer.store(true, Ordering::Release);
            answer
        })
    }
}
