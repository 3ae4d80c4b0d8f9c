//! Connections of the local server: how many may be open, how long they may be idle, and which users may open them.

use crate::caller::is_own;
use crate::connection::Connection;
use axum::Extension;
use axum::extract::connect_info::ConnectInfo;
use axum::middleware::AddExtension;
use axum_server::accept::Accept;
use axum_server::{Address, Server};
use futures_util::future::BoxFuture;
use hyper_util::rt::TokioTimer;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};
use tower::Layer as _;

/// Connections that may be open at once, over all ports. Each takes a file descriptor.
const MAX_CONNECTIONS: usize = 1_000;
/// Further connections, only for programs of the user who runs this process: on a machine with several users, other
/// users cannot lock this user out.
const OWN_CONNECTIONS: usize = 200;
/// How long the head of a request may take to arrive; and how long a connection may wait for its next request.
const HEAD_TIME: Duration = Duration::from_secs(20);
/// How long a connection may be idle in both directions. Longer than any answer takes to begin.
const STILL_TIME: Duration = Duration::from_mins(1);

/// Look-ups of a connection's owner that may run at once: each reads the kernel's list of all connections of the
/// machine.
const QUESTIONS: usize = 2;
/// Connections that may wait for such a look-up. Further ones are closed, so that nobody can make the server hold ever
/// more.
const MAX_WAITING: usize = 64;

/// Limits on connections and on look-ups of their owners.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    anybody: Arc<Semaphore>,
    own: Arc<Semaphore>,
    questions: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Places {
    /// The limits of the local server.
    pub(crate) fn new() -> Self {
        Self::of(MAX_CONNECTIONS, OWN_CONNECTIONS)
    }

    fn of(anybody: usize, own: usize) -> Self {
        let [anybody, own, questions, waiting] =
            [anybody, own, QUESTIONS, MAX_WAITING].map(|places| Arc::new(Semaphore::new(places)));
        Self { anybody, own, questions, waiting }
    }

    /// Takes a place for this connection. If all are taken, the connection is closed at once: a waiting one would take
    /// a file descriptor too.
    async fn take(self, connection: Connection, only_own: bool) -> io::Result<OwnedSemaphorePermit> {
        let place = self.anybody.try_acquire_owned();
        if only_own || place.is_err() {
            let busy = |_| io::Error::other("too many connections");
            let _waiting = self.waiting.try_acquire().map_err(busy)?;
            let _question = self.questions.acquire().await.map_err(|_| io::Error::other("no questions"))?;
            let is_own = connection.peer.ip().to_canonical().is_loopback()
                && tokio::task::spawn_blocking(move || is_own(connection)).await.unwrap_or(false);
            if !is_own {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
        }
        place.or_else(|_| self.own.try_acquire_owned()).map_err(|_| io::Error::other("too many connections"))
    }

    /// Accepts connections of anybody.
    pub(crate) fn anybody(&self) -> Door {
        Door { places: self.clone(), own: false }
    }

    /// Accepts only connections of programs of the user who runs this process.
    pub(crate) fn own_programs(&self) -> Door {
        Door { places: self.clone(), own: true }
    }
}

/// Accepts connections while there are free places.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    places: Places,
    own: bool,
}

impl<S: Send + 'static> Accept<TcpStream, S> for Door {
    type Stream = Limited<TcpStream>;
    type Service = AddExtension<S, ConnectInfo<Connection>>;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Self { places, own } = self.clone();
        Box::pin(async move {
            let connection = Connection { peer: stream.peer_addr()?, local: stream.local_addr()? };
            let place = places.take(connection, own).await?;
            stream.set_nodelay(true)?;
            let service = Extension(ConnectInfo(connection)).layer(service);
            Ok((Limited::new(stream, STILL_TIME, place), service))
        })
    }
}

/// Restricts a server to HTTP/1.1, and limits how long the head of a request may take.
pub(crate) fn limit_heads<A: Address, D>(server: Server<A, D>) -> Server<A, D> {
    let mut server = server.http1_only();
    server.http_builder().http1().half_close(true).timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    server
}

/// A connection that fails when it has been idle for too long.
#[derive(Debug)]
pub(crate) struct Limited<S> {
    stream: S,
    patience: Duration,
    still: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl<S> Limited<S> {
    fn new(stream: S, patience: Duration, place: OwnedSemaphorePermit) -> Self {
        Self { stream, patience, still: Box::pin(sleep(patience)), _place: place }
    }

    /// Restarts the idle timer after a finished read or write; a waiting one fails when the timer ends.
    fn watched<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.still.as_mut().reset(Instant::now() + self.patience);
            return outcome;
        }
        self.still.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Limited<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_read(context, into);
        this.watched(context, outcome)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Limited<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.watched(context, outcome)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// Raises this process's limit of open files as far as permitted, so that some are left for the database when all
/// places are taken.
#[cfg(unix)]
pub(crate) fn raise_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If the limit cannot be raised, fewer connections fit.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// There is no such limit here.
#[cfg(not(unix))]
pub(crate) fn raise_open_files() {}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    const PATIENCE: Duration = Duration::from_millis(300);

    fn limited<S>(stream: S) -> Limited<S> {
        Limited::new(stream, PATIENCE, Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap())
    }

    #[tokio::test]
    async fn a_connection_ends_when_nothing_moves_and_not_before() {
        let (near, mut far) = duplex(64);
        let mut near = limited(near);
        let begun = Instant::now();
        // Single bytes keep the connection open; the time for a whole request is limited elsewhere.
        for _ in 0..8 {
            sleep(PATIENCE / 6).await;
            far.write_all(b"x").await.unwrap();
            near.read_u8().await.unwrap();
        }
        assert!(begun.elapsed() > PATIENCE);
        let begun = Instant::now();
        assert_eq!(near.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= PATIENCE);
    }

    /// A server with one place for anybody, and some for this user's programs.
    fn served(own: usize) -> (std::net::SocketAddr, tokio::task::JoinHandle<io::Result<()>>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let routes = axum::Router::new().route("/", axum::routing::get(async || "served"));
        let server = axum_server::from_tcp(listener).unwrap().acceptor(Places::of(1, own).anybody());
        (address, tokio::spawn(limit_heads(server).serve(routes.into_make_service())))
    }

    #[tokio::test]
    async fn who_comes_when_all_places_are_taken_is_sent_away_and_the_others_are_served() {
        let (address, server) = served(0);
        let ask = async |address| {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
            let mut answer = String::new();
            // A client that is sent away may be told so while it still writes.
            if stream.write_all(request).await.is_ok() {
                let _ = stream.read_to_string(&mut answer).await;
            }
            answer
        };
        assert!(ask(address).await.ends_with("served"));
        let mut held = TcpStream::connect(address).await.unwrap();
        held.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        held.read_u8().await.unwrap();
        assert_eq!(ask(address).await, "");
        let (reserved, other) = served(1);
        let mut first = TcpStream::connect(reserved).await.unwrap();
        first.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        first.read_u8().await.unwrap();
        assert!(ask(reserved).await.ends_with("served"), "one of this user's own places");
        other.abort();
        drop(held);
        let patience = Instant::now() + Duration::from_secs(5);
        while !ask(address).await.ends_with("served") {
            assert!(Instant::now() < patience);
        }
        server.abort();
    }

    #[tokio::test]
    async fn whoever_does_not_read_the_answer_is_not_waited_for_for_ever() {
        let (near, _far) = duplex(64);
        let mut near = limited(near);
        assert_eq!(near.write_all(&[0; 65]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
