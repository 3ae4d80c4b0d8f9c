//! Accepts requests that the real gateway accepts. Hyper answers a raw quote, brace or blank in a query, or a control
//! character in a header, with an empty 400, which no client of the families can read; a gateway passes them on. So the
//! head of each request is made legal before hyper sees it: here, on the bytes of the connection.

use axum_server::accept::Accept;
use bytes::{Buf, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use shared::wire::legal_raw_target;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The largest head that is looked at; hyper refuses larger ones.
const MAX_HEAD: usize = 256 * 1024;
/// The longest line that says how long a chunk is.
const MAX_SIZE_LINE: usize = 1024;

/// Wraps the streams of another acceptor in [`Lenient`].
#[derive(Debug, Clone)]
pub(crate) struct LenientAcceptor<A>(pub(crate) A);

impl<I, S, A> Accept<I, S> for LenientAcceptor<A>
where
    A: Accept<I, S, Future: Send + 'static>,
{
    type Stream = Lenient<A::Stream>;
    type Service = A::Service;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let accepted = self.0.accept(stream, service);
        accepted.map(|accepted| accepted.map(|(stream, service)| (Lenient::new(stream), service))).boxed()
    }
}

/// A connection whose incoming heads are made legal.
#[derive(Debug)]
pub(crate) struct Lenient<S> {
    stream: S,
    mender: HeadNormalizer,
    ready: BytesMut,
    ended: bool,
}

impl<S> Lenient<S> {
    fn new(stream: S) -> Self {
        Self { stream, mender: HeadNormalizer::default(), ready: BytesMut::new(), ended: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lenient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.ready.is_empty() && !self.ended {
            let mut space = [0; 8 * 1024];
            let mut read = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
            let Self { mender, ready, ended, .. } = &mut *self;
            if read.filled().is_empty() {
                mender.end(ready);
                *ended = true;
            } else {
                mender.take(read.filled(), ready);
            }
        }
        let length = self.ready.len().min(buf.remaining());
        buf.put_slice(&self.ready.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lenient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What the next byte in the stream of requests belongs to.
#[derive(Debug)]
enum Place {
    Head,
    /// A body, or a chunk with its line end; the number is how many bytes of it are left.
    Body(u64),
    Chunk(u64),
    /// The line before a chunk, with the chunk's length.
    Size,
    /// The lines after the last chunk.
    Trailer,
    /// The rest of the stream is passed on unchanged: it is not framed as HTTP/1.1 requires.
    Unknown,
}

/// Finds the heads in a stream of requests, and makes them legal.
#[derive(Debug)]
struct HeadNormalizer {
    place: Place,
    /// Bytes that cannot be passed on yet: an incomplete head, or an incomplete line between chunks.
    held: BytesMut,
    /// How far the head was scanned: a head that arrives byte by byte must not be scanned again for each byte.
    seen: Seen,
}

impl Default for HeadNormalizer {
    fn default() -> Self {
        Self { place: Place::Head, held: BytesMut::new(), seen: Seen::default() }
    }
}

impl HeadNormalizer {
    /// Takes bytes in, and appends to `out` those that can be passed on.
    fn take(&mut self, bytes: &[u8], out: &mut BytesMut) {
        self.held.extend_from_slice(bytes);
        while !self.held.is_empty() {
            let length = match self.place {
                Place::Head => match self.seen.head_length(&self.held) {
                    Some(length) => {
                        let head = self.held.split_to(length);
                        self.seen = Seen::default();
                        if let Some(normalized) = normalized(&head) {
                            self.place = framing(&head);
                            out.extend_from_slice(&normalized);
                        } else {
                            // Hyper will refuse this head, and nothing after it is a request.
                            self.place = Place::Unknown;
                            out.extend_from_slice(&head);
                        }
                        continue;
                    }
                    None if self.held.len() > MAX_HEAD => {
                        self.place = Place::Unknown;
                        continue;
                    }
                    None => return,
                },
                Place::Body(left) | Place::Chunk(left) => {
                    let length = usize::try_from(left).unwrap_or(usize::MAX).min(self.held.len());
                    let left = left.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
                    self.place = match self.place {
                        Place::Chunk(_) if left == 0 => Place::Size,
                        Place::Chunk(_) => Place::Chunk(left),
                        _ if left == 0 => Place::Head,
                        _ => Place::Body(left),
                    };
                    length
                }
                Place::Size | Place::Trailer => match self.held.iter().position(|byte| *byte == b'\n') {
                    Some(end) => {
                        let length = end.saturating_add(1);
                        self.place = behind_line(&self.place, self.held.get(..end).unwrap_or_default().trim_ascii());
                        length
                    }
                    None if self.held.len() > MAX_SIZE_LINE => {
                        self.place = Place::Unknown;
                        continue;
                    }
                    None => return,
                },
                Place::Unknown => self.held.len(),
            };
            out.extend_from_slice(self.held.get(..length).unwrap_or_default());
            self.held.advance(length);
        }
    }

    /// Passes on what is left when the stream ends.
    fn end(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(&self.held.split());
    }
}

/// The place after a line before a chunk, or after a line of the trailer.
fn behind_line(place: &Place, line: &[u8]) -> Place {
    if matches!(place, Place::Trailer) {
        return if line.is_empty() { Place::Head } else { Place::Trailer };
    }
    let size = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let size = std::str::from_utf8(size).ok().and_then(|size| u64::from_str_radix(size, 16).ok());
    match size {
        Some(0) => Place::Trailer,
        // The chunk's own line end is counted with it.
        Some(size) => Place::Chunk(size.saturating_add(2)),
        None => Place::Unknown,
    }
}

/// How far a head was scanned.
#[derive(Debug, Default)]
struct Seen {
    bytes: usize,
    /// Whether the head has begun: empty lines before it are ignored.
    begun: bool,
    line_is_empty: bool,
}

impl Seen {
    /// The length of the head, with the empty line at its end; `None` if that has not arrived yet.
    fn head_length(&mut self, bytes: &[u8]) -> Option<usize> {
        for byte in bytes.iter().skip(self.bytes) {
            self.bytes = self.bytes.saturating_add(1);
            match byte {
                b'\n' if self.begun && self.line_is_empty => return Some(self.bytes),
                b'\n' => self.line_is_empty = self.begun,
                b'\r' => {}
                _ => (self.begun, self.line_is_empty) = (true, false),
            }
        }
        None
    }
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
}

/// A header's name and value; `None` if the line is no header.
fn header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    (!name.is_empty() && name.iter().all(is_token)).then(|| (name, value.get(1..).unwrap_or_default().trim_ascii()))
}

/// What follows a head.
fn framing(head: &[u8]) -> Place {
    if head.starts_with(b"PRI * HTTP/2") {
        return Place::Unknown;
    }
    let mut length = 0;
    for (name, value) in lines(head).skip(1).filter_map(header) {
        let text = std::str::from_utf8(value).unwrap_or_default();
        if name.eq_ignore_ascii_case(b"transfer-encoding") && text.to_ascii_lowercase().ends_with("chunked") {
            return Place::Size;
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            length = text.parse().unwrap_or(0);
        }
    }
    if length == 0 { Place::Head } else { Place::Body(length) }
}

/// The head with a legal method and target, and with legal values of headers. A control character in a value becomes a
/// byte that no text has. The header is then present but unreadable, so that a broken idempotency key is refused, not
/// ignored.
///
/// `None` if a line is not valid HTTP. Such a head must be refused (RFC 9112 §5.1, §5.2): without a folded line, or
/// without a blank before a colon, this server could read another length of the body than a proxy in front of it.
fn normalized(head: &[u8]) -> Option<Vec<u8>> {
    let mut lines = lines(head);
    let (method, target, version) = lines.next().and_then(request_line)?;
    // An illegal method becomes a word that is refused like every other method but GET and POST.
    let method = if method.iter().all(u8::is_ascii_alphabetic) { method } else { b"UNKNOWN" };
    let mut normalized = [method, b" ", legal_raw_target(target).as_bytes(), b" ", version, b"\r\n"].concat();
    for line in lines {
        let (name, value) = header(line)?;
        normalized.extend_from_slice(name);
        normalized.extend_from_slice(b": ");
        normalized
            .extend(value.iter().map(|byte| if byte.is_ascii_control() && *byte != b'\t' { 0xff } else { *byte }));
        normalized.extend_from_slice(b"\r\n");
    }
    normalized.extend_from_slice(b"\r\n");
    Some(normalized)
}

/// Method, target and version of a request line: everything between the first blank and the last is the target.
fn request_line(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let first = line.iter().position(|byte| *byte == b' ')?;
    let last = line.iter().rposition(|byte| *byte == b' ').filter(|last| *last > first)?;
    let (method, target, version) =
        (line.get(..first)?, line.get(first..last)?.trim_ascii(), line.get(last..)?.trim_ascii());
    (!method.is_empty() && !target.is_empty() && version.starts_with(b"HTTP/1.")).then_some((method, target, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is passed on if the bytes arrive in pieces of this size.
    fn through(bytes: &[u8], size: usize) -> String {
        let (mut mender, mut out) = (HeadNormalizer::default(), BytesMut::new());
        for piece in bytes.chunks(size) {
            mender.take(piece, &mut out);
        }
        mender.end(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    fn always(bytes: &str, expected: &str) {
        for size in [1, 2, 3, 7, 1_000] {
            assert_eq!(through(bytes.as_bytes(), size), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn legal_requests_pass_as_they_are() {
        let request =
            "POST /stepchat?a=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\na=\"{GET /x HTTP/1.1\r\nA: b\r\n\r\n";
        always(request, request);
    }

    #[test]
    fn illegal_targets_and_headers_are_mended_in_every_request_of_a_connection() {
        always(
            "\r\nGET /a?b={\"c\": 1} HTTP/1.1\nX: a\u{1}b\r\n\r\nG@T /<x> HTTP/1.1\r\n\r\n",
            "GET /a?b=%7B%22c%22:%201%7D HTTP/1.1\r\nX: a\u{fffd}b\r\n\r\nUNKNOWN /%3Cx%3E HTTP/1.1\r\n\r\n",
        );
    }

    #[test]
    fn chunked_bodies_are_passed_to_their_end() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let body = "4;x=y\r\n{\" <\r\na\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
        always(&format!("{head}{body}GET /\"  HTTP/1.1\r\n\r\n"), &format!("{head}{body}GET /%22 HTTP/1.1\r\n\r\n"));
    }

    #[test]
    fn a_head_with_a_line_that_is_no_header_is_left_to_be_refused_with_all_that_follows() {
        for line in [
            "no header",
            " folded",
            "bad name: x",
            "Content-Length : 5",
            "Content-Length\t: 5",
            "Content-Length\n: 5",
            "Transfer-Encoding : chunked",
            "Transfer-Encoding\0: chunked",
            "X: y\r\n Content-Length: 5",
        ] {
            let request = format!("POST /x HTTP/1.1\r\n{line}\r\n\r\nGET /\" HTTP/1.1\r\n\r\n");
            always(&request, &request);
        }
    }

    #[test]
    fn a_head_that_comes_byte_by_byte_is_looked_at_once() {
        let (mut mender, mut out) = (HeadNormalizer::default(), BytesMut::new());
        let head = format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(1_000));
        for byte in head.as_bytes() {
            mender.take(&[*byte], &mut out);
            assert_eq!(mender.seen.bytes, mender.held.len());
        }
        assert!(out.is_empty());
    }

    #[test]
    fn what_is_no_http_is_left_alone() {
        for text in [
            "garbage\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{\"",
        ] {
            always(text, text);
        }
    }
}
