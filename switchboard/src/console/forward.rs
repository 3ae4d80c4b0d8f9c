//! Passes the page's calls on to a deployed stack, so that the browser talks to this machine only.

use anyhow::{Context as _, Result};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName};
use http::{StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of the largest request, as in API Gateway.
const MAX_BYTES: usize = 10 * 1024 * 1024;
/// Longer than API Gateway waits: it gives up after 30 s.
const TIMEOUT: Duration = Duration::from_secs(35);
/// The headers that are passed on: none that concerns only this machine or this page.
const KEPT: [HeaderName; 4] = [ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName::from_static("idempotency-key")];

/// Where calls go.
#[derive(Debug, Clone)]
pub(super) struct Forward {
    client: Client<HttpsConnector<HttpConnector>, Full<bytes::Bytes>>,
    stepchat: String,
    voximplant: String,
}

impl Forward {
    /// Passes calls on to the stack at these base addresses of the two APIs.
    pub(super) fn to(stepchat: &str, voximplant: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("no TLS")?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        let base = |url: &str, root: &str| {
            let url = url.trim_end_matches('/');
            url.strip_suffix(root).unwrap_or(url).to_owned()
        };
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            stepchat: base(stepchat, "/include/api.php").trim_end_matches("/stepchat").to_owned(),
            voximplant: base(voximplant, "/platform_api"),
        })
    }

    /// The two APIs' paths.
    pub(super) fn routes(self) -> axum::Router {
        axum::Router::new()
            .route("/stepchat/{method}", any(stepchat))
            .route("/platform_api/{method}", any(voximplant))
            .with_state(self)
    }

    async fn pass(&self, base: &str, request: Request) -> Result<Response> {
        let (head, body) = request.into_parts();
        let uri: Uri = format!("{base}{}", head.uri.path()).parse().context("no address")?;
        let body =
            Limited::new(body, MAX_BYTES).collect().await.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes();
        let mut passed = http::Request::builder().method(head.method).uri(uri).body(Full::new(body))?;
        for name in KEPT {
            if let Some(value) = head.headers.get(&name) {
                passed.headers_mut().insert(name, value.clone());
            }
        }
        let answered = tokio::time::timeout(TIMEOUT, self.client.request(passed)).await.context("no answer in time")?;
        let (answer, body) = answered.context("no answer")?.into_parts();
        let mut response = Response::new(Body::new(body));
        *response.status_mut() = answer.status;
        if let Some(kind) = answer.headers.get(CONTENT_TYPE) {
            response.headers_mut().insert(CONTENT_TYPE, kind.clone());
        }
        Ok(response)
    }
}

async fn stepchat(State(forward): State<Forward>, request: Request) -> Response {
    answer(forward.pass(&forward.stepchat, request).await)
}

async fn voximplant(State(forward): State<Forward>, request: Request) -> Response {
    answer(forward.pass(&forward.voximplant, request).await)
}

fn answer(passed: Result<Response>) -> Response {
    passed.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, format!("{error:#}\n")).into_response())
}
