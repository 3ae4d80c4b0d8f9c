//! Requests as the real gateway takes them. Hyper answers a raw quote, brace or blank in a query, or a control character in
//! a header, with an empty 400, which no client of the families can read; a gateway hands them on. So the head of each
//! request is made legal before hyper sees it: here, on the bytes of the connection.

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

/// Wraps what another acceptor makes of a connection.
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
    mender: Mender,
    ready: BytesMut,
    ended: bool,
}

impl<S> Lenient<S> {
    fn new(stream: S) -> Self {
        Self { stream, mender: Mender::default(), ready: BytesMut::new(), ended: false }
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

/// Where in the stream of requests the next byte is.
#[derive(Debug)]
enum Place {
    Head,
    /// In a body, or in a chunk with its line end: so many bytes are left of it.
    Body(u64),
    Chunk(u64),
    /// In the line before a chunk.
    Size,
    /// In the lines behind the last chunk.
    Trailer,
    /// What follows is none of ours: it is not framed as HTTP/1.1 says.
    Unknown,
}

/// Finds the heads in a stream of requests, and mends them.
#[derive(Debug)]
struct Mender {
    place: Place,
    /// What is not decided yet: a head, or a line between chunks.
    held: BytesMut,
}

impl Default for Mender {
    fn default() -> Self {
        Self { place: Place::Head, held: BytesMut::new() }
    }
}

impl Mender {
    /// Takes bytes in and hands out those that are decided.
    fn take(&mut self, bytes: &[u8], out: &mut BytesMut) {
        self.held.extend_from_slice(bytes);
        while !self.held.is_empty() {
            let length = match self.place {
                Place::Head => match head_length(&self.held) {
                    Some(length) => {
                        let head = self.held.split_to(length);
                        self.place = framing(&head);
                        out.extend_from_slice(&mended(&head));
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

    /// Hands out what is left when the stream ends.
    fn end(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(&self.held.split());
    }
}

/// Where a line before or behind chunks leads.
fn behind_line(place: &Place, line: &[u8]) -> Place {
    if matches!(place, Place::Trailer) {
        return if line.is_empty() { Place::Head } else { Place::Trailer };
    }
    let size = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let size = std::str::from_utf8(size).ok().and_then(|size| u64::from_str_radix(size, 16).ok());
    match size {
        Some(0) => Place::Trailer,
        // The chunk has a line end of its own.
        Some(size) => Place::Chunk(size.saturating_add(2)),
        None => Place::Unknown,
    }
}

/// The length of the head, up to the empty line behind it, if that is there. Empty lines before it belong to nothing.
fn head_length(bytes: &[u8]) -> Option<usize> {
    let begin = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let mut line_is_empty = false;
    for (place, byte) in bytes.iter().enumerate().skip(begin) {
        match byte {
            b'\n' if line_is_empty => return place.checked_add(1),
            b'\n' => line_is_empty = true,
            b'\r' => {}
            _ => line_is_empty = false,
        }
    }
    None
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
}

/// A header's name and value, if the line is one: lines that are none would be refused.
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

/// The head with a legal method and target, and with legal headers. A control character in a value becomes a byte that no
/// text has: the header is then there and not readable, so that a broken idempotency key is refused and not dropped.
fn mended(head: &[u8]) -> Vec<u8> {
    let mut lines = lines(head);
    let Some((method, target, version)) = lines.next().and_then(request_line) else { return head.to_vec() };
    // Any word that is no method here is refused like every other that is neither GET nor POST.
    let method = if method.iter().all(u8::is_ascii_alphabetic) { method } else { b"UNKNOWN" };
    let mut mended = [method, b" ", legal_raw_target(target).as_bytes(), b" ", version, b"\r\n"].concat();
    for (name, value) in lines.filter_map(header) {
        mended.extend_from_slice(name);
        mended.extend_from_slice(b": ");
        mended.extend(value.iter().map(|byte| if byte.is_ascii_control() && *byte != b'\t' { 0xff } else { *byte }));
        mended.extend_from_slice(b"\r\n");
    }
    mended.extend_from_slice(b"\r\n");
    mended
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

    /// What comes out if the bytes come in pieces of this size.
    fn through(bytes: &[u8], size: usize) -> String {
        let (mut mender, mut out) = (Mender::default(), BytesMut::new());
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
            "\r\nGET /a?b={\"c\": 1} HTTP/1.1\nX: a\u{1}b\r\nno header\r\n folded\r\nbad name: x\r\n\r\nG@T /<x> HTTP/1.1\r\n\r\n",
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
