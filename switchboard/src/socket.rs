//! The way into the database of a running server: a socket in the state folder, for the folder's owner only. The
//! operator's commands send what they would send to `DynamoDB`, so the same code runs with a server and without.

use crate::database_server;
use crate::embedded::EmbeddedDatabase;
use crate::state::State;
use anyhow::{Context, Result};
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use axum_server::Handle;
use axum_server::accept::Accept;
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use std::fs::{self, File};
use std::future::{Ready, ready};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;
use tokio::net::UnixStream;

const SOCKET: &str = "operator.sock";
/// Bytes of the longest path that an address of a socket holds, on every system.
const MAX_PATH_BYTES: usize = 100;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A path to the folder's socket that is short enough, and the open folder without which that path is not valid.
fn reachable(state: &State) -> io::Result<(PathBuf, Option<File>)> {
    let path = state.path(SOCKET);
    if path.as_os_str().len() <= MAX_PATH_BYTES || !cfg!(target_os = "linux") {
        return Ok((path, None));
    }
    // Reached through the open folder, however long its path is.
    let folder = File::open(state.folder())?;
    Ok((PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd())), Some(folder)))
}

/// The listening end; the socket's file is removed with it.
#[derive(Debug)]
pub(crate) struct Door {
    listener: UnixListener,
    socket: Socket,
}

/// A socket's file, which is removed when this is dropped.
#[derive(Debug)]
struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        // A file that cannot be removed now is removed by the next server.
        let _ = fs::remove_file(&self.0);
    }
}

impl Door {
    /// Opens the socket of a folder whose lock the caller holds: a socket that exists already was left by a killed
    /// server.
    pub(crate) fn open(state: &State) -> Result<Self> {
        state.remove(SOCKET)?;
        let shown = state.path(SOCKET);
        let open = || -> io::Result<UnixListener> {
            let (path, _folder) = reachable(state)?;
            let listener = UnixListener::bind(path)?;
            fs::set_permissions(&shown, fs::Permissions::from_mode(0o600))?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let listener = open().with_context(|| format!("cannot open the socket {}", shown.display()))?;
        Ok(Self { listener, socket: Socket(shown) })
    }

    /// Serves the database until the handle says to stop.
    pub(crate) async fn serve(self, database: EmbeddedDatabase, handle: Handle<SocketAddr>) -> io::Result<()> {
        let Self { listener, socket } = self;
        let routes = database_server::routes(database).into_make_service();
        let served = axum_server::from_unix(listener)?.acceptor(Own).handle(handle).serve(routes).await;
        drop(socket);
        served
    }
}

/// Accepts only connections of the user who runs this process. The folder's permissions ensure this already; the kernel
/// confirms it.
#[derive(Debug, Clone, Copy)]
struct Own;

impl<S> Accept<UnixStream, S> for Own {
    type Stream = UnixStream;
    type Service = S;
    type Future = Ready<io::Result<(UnixStream, S)>>;

    fn accept(&self, stream: UnixStream, service: S) -> Self::Future {
        let own = rustix::process::geteuid().as_raw();
        ready(match stream.peer_cred() {
            Ok(peer) if peer.uid() == own => Ok((stream, service)),
            Ok(_) => Err(io::ErrorKind::PermissionDenied.into()),
            Err(error) => Err(error),
        })
    }
}

/// A transport to the server that runs on this folder; `None` if there is none.
pub(crate) async fn transport(state: &State) -> Option<SharedHttpClient> {
    let way = Way(state.clone());
    way.connect().await.ok()?;
    let connector = SharedHttpConnector::new(way);
    Some(http_client_fn(move |_, _| connector.clone()))
}

#[derive(Debug, Clone)]
struct Way(State);

impl Way {
    async fn connect(&self) -> io::Result<UnixStream> {
        let (path, _folder) = reachable(&self.0)?;
        UnixStream::connect(path).await
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Failed> {
        let (mut sender, connection) = handshake(TokioIo::new(self.connect().await?)).await?;
        tokio::spawn(connection);
        let request = request.try_into_http1x()?;
        let mut request = request.map(|body| Full::new(Bytes::copy_from_slice(body.bytes().unwrap_or_default())));
        *request.uri_mut() = Uri::from_static("/");
        request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(HttpResponse::try_from(http::Response::from_parts(head, SdkBody::from(body)))?)
    }
}

impl HttpConnector for Way {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let way = self.clone();
        HttpConnectorFuture::new(async move { way.send(request).await.map_err(ConnectorError::io) })
    }
}
