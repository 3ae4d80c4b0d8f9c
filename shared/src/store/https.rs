//! HTTP over TLS, with connections that are begun before the first request needs one. The request takes such a
//! connection over, even in the middle of its handshake. The SDK's own client could only open connections early by
//! sending requests, and requests that come meanwhile would open further ones.

use super::endpoint::{CONNECT, Endpoint};
use super::gate::gated;
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use futures_util::future::BoxFuture;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{CaptureConnection, HttpConnector as Tcp, capture_connection};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio::time::error::Elapsed;
use tower_service::Service;

/// The authorities behind AWS's endpoints (Amazon Trust Services). Only these are loaded: reading all authorities that
/// a system knows takes longer than a handshake.
const AMAZON_ROOTS: &str = include_str!("amazon-roots.pem");
/// How long an unused connection is trusted: at some time the other end closes it, and a request on a new connection is not
/// sent again by the pool.
const MAX_IDLE: Duration = Duration::from_secs(4);

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// HTTP over rustls on ring, the only TLS stack here: one pool of connections.
#[derive(Debug, Clone)]
pub struct Https {
    connect: Connect,
    pool: Client<Connect, SdkBody>,
}

impl Https {
    /// A client for AWS, or for the address that the endpoint names.
    #[must_use]
    pub fn to(endpoint: &Endpoint) -> Self {
        let connect = Connect::trusting(endpoint.authorities.as_deref().unwrap_or(AMAZON_ROOTS));
        let pool = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connect.clone());
        Self { connect, pool }
    }

    /// The same, in the form that clients of the SDK take.
    #[must_use]
    pub fn client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        // Behind the gate also for the file store: none of its calls goes out before the caller is known.
        gated(http_client_fn(move |_, _| connector.clone()))
    }

    /// Begins two connections to the database, one to authenticate a caller and one for the method's first read: the
    /// handshakes take place while the process starts, and not while a caller waits. Must run inside a Tokio runtime.
    pub fn preconnect(&self, endpoint: &Endpoint) {
        // The settings do not check the address: if it cannot be read, nothing is begun, and the first call fails.
        if let Ok(address) = endpoint.address().parse::<Uri>() {
            self.connect.preconnect(&address);
            self.connect.preconnect(&address);
        }
    }
}

impl HttpConnector for Https {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let captured = capture_connection(&mut request);
        if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
            capture.set_connection_retriever(move || used(&captured));
        }
        let answer = self.pool.request(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await.map_err(failed)?.map(SdkBody::from_body_1_x);
            HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// The connection that a request has used, so that the SDK can give it up after a failure.
fn used(captured: &CaptureConnection) -> Option<ConnectionMetadata> {
    captured.connection_metadata().as_ref()?;
    let captured = captured.clone();
    let give_up = move || {
        if let Some(connection) = captured.connection_metadata().as_ref() {
            connection.poison();
        }
    };
    Some(ConnectionMetadata::builder().proxied(false).poison_fn(give_up).build())
}

/// What a failure means to the SDK, which tries again where that may help.
fn failed(error: legacy::Error) -> ConnectorError {
    let timed_out = causes(&error).any(<dyn Error>::is::<Elapsed>);
    let of_hyper = causes(&error).find_map(|cause| cause.downcast_ref::<hyper::Error>());
    let is_users = of_hyper.is_some_and(hyper::Error::is_user);
    let is_cut_off = of_hyper.is_some_and(hyper::Error::is_incomplete_message);
    if timed_out {
        ConnectorError::timeout(error.into())
    } else if is_users {
        ConnectorError::user(error.into())
    } else if is_cut_off {
        ConnectorError::other(error.into(), Some(ErrorKind::TransientError))
    } else {
        ConnectorError::io(error.into())
    }
}

/// An error and what has caused it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}

/// Opens connections, TLS included.
#[derive(Debug, Clone)]
struct Connect {
    https: HttpsConnector<Tcp>,
    preconnected: Arc<Mutex<Vec<Preconnection>>>,
}

/// A connection that is being opened or is open, and that no request has taken yet.
#[derive(Debug)]
struct Preconnection {
    since: Instant,
    to: Uri,
    stream: JoinHandle<Result<Stream, BoxError>>,
}

impl Connect {
    fn trusting(authorities: &str) -> Self {
        let mut tcp = Tcp::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // The settings have checked that all of them can be read.
        let known = roots(authorities).unwrap_or_else(|_| RootCertStore::empty());
        let tls = ClientConfig::builder().with_root_certificates(known).with_no_client_auth();
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        Self { https: https.wrap_connector(tcp), preconnected: Arc::default() }
    }

    fn preconnect(&self, address: &Uri) {
        let begun = Preconnection {
            since: Instant::now(),
            to: address.clone(),
            stream: tokio::spawn(self.open(address.clone())),
        };
        self.unused().push(begun);
        let connect = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(MAX_IDLE).await;
            drop(connect.unused());
        });
    }

    fn open(&self, address: Uri) -> impl Future<Output = Result<Stream, BoxError>> + Send + use<> {
        let opening = self.https.clone().call(address);
        async move { tokio::time::timeout(CONNECT, opening).await? }
    }

    /// The connections that nobody has asked for yet, without those that are too old.
    fn unused(&self) -> MutexGuard<'_, Vec<Preconnection>> {
        let mut unused = self.preconnected.lock().unwrap_or_else(PoisonError::into_inner);
        unused.retain(|one| one.since.elapsed() < MAX_IDLE);
        unused
    }

    /// Takes a connection to this address that was begun recently, if there is one.
    fn take_preconnected(&self, address: &Uri) -> Option<JoinHandle<Result<Stream, BoxError>>> {
        let mut unused = self.unused();
        let is_there =
            |one: &Preconnection| one.to.scheme() == address.scheme() && one.to.authority() == address.authority();
        let place = unused.iter().position(is_there)?;
        Some(unused.swap_remove(place).stream)
    }
}

impl Service<Uri> for Connect {
    type Response = Stream;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Stream, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let (begun, connect) = (self.take_preconnected(&address), self.clone());
        let connecting = async move {
            if let Some(stream) = begun
                && let Ok(Ok(stream)) = stream.await
            {
                return Ok(stream);
            }
            connect.open(address).await
        };
        Box::pin(async move { tokio::time::timeout(CONNECT, connecting).await? })
    }
}

/// How many certificate authorities a text in PEM holds, if all of them can be used.
pub fn authorities(pem: &str) -> Result<usize, String> {
    let roots = roots(pem)?;
    if roots.is_empty() { Err("it holds no certificate".to_owned()) } else { Ok(roots.len()) }
}

fn roots(pem: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amazons_authorities_can_be_read() {
        assert_eq!(authorities(AMAZON_ROOTS), Ok(5));
    }

    #[test]
    fn what_is_no_certificate_is_refused_and_not_met_at_the_first_call() {
        for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(authorities(text).is_err(), "{text}");
        }
    }

    /// Accepts connections and counts them.
    async fn counted() -> (Endpoint, Arc<Mutex<usize>>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let count = Arc::new(Mutex::new(0));
        let counting = Arc::clone(&count);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *counting.lock().unwrap() += 1;
                let answer = hyper::service::service_fn(|_| async {
                    Ok::<_, std::convert::Infallible>(http::Response::new(String::from("ok")))
                });
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        (Endpoint::emulator(Some(address)), count)
    }

    #[tokio::test]
    async fn the_first_requests_take_over_what_was_begun_and_open_nothing_beside_it() {
        let (endpoint, count) = counted().await;
        let https = Https::to(&endpoint);
        https.preconnect(&endpoint);
        let ask = || async {
            let request = HttpRequest::get(endpoint.address()).unwrap();
            https.call(request).await.unwrap().status().as_u16()
        };
        assert_eq!(futures_util::future::join(ask(), ask()).await, (200, 200));
        assert_eq!(*count.lock().unwrap(), 2);
        assert_eq!(futures_util::future::join3(ask(), ask(), ask()).await, (200, 200, 200));
        assert_eq!(*count.lock().unwrap(), 3, "the third is a new one");
    }

    #[tokio::test]
    async fn a_connection_that_did_not_come_about_is_opened_anew() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let endpoint = Endpoint::emulator(Some(format!("http://{closed}")));
        let https = Https::to(&endpoint);
        https.preconnect(&endpoint);
        tokio::time::sleep(Duration::from_millis(20)).await;
        let refused = https.call(HttpRequest::get(endpoint.address()).unwrap()).await.unwrap_err();
        assert!(refused.is_io(), "{refused:?}");
        let (endpoint, count) = counted().await;
        let status = https.call(HttpRequest::get(endpoint.address()).unwrap()).await.unwrap().status();
        assert_eq!((status.as_u16(), *count.lock().unwrap()), (200, 1), "another address is another connection");
    }
}
