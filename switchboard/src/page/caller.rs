//! Who may be told the state folder's credentials: this server's own page, in a browser on this machine, run by the user
//! who started the server.
//!
//! Each check closes a door of its own: the peer's address keeps out the network; the host's name keeps out names of
//! others that lead to this machine (DNS rebinding); the page's header and the browser's word about its origin keep out
//! other sites' scripts; the absence of forwarding keeps out a tunnel's guests; the owner of the connection keeps out
//! other users of the machine.

use axum::extract::ConnectInfo;
use http::header::{FORWARDED, HOST, HeaderMap, HeaderName, ORIGIN, VIA};
use http::request::Parts;
use http::uri::Authority;
use std::net::{IpAddr, SocketAddr};
use thiserror::Error;

/// What the page's script sends along: no form can, and no script of another origin may.
const PAGE: HeaderName = HeaderName::from_static("x-switchboard-page");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FORWARDING: [HeaderName; 5] = [
    FORWARDED,
    VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-real-ip"),
];

/// Why somebody may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    #[error("credentials are filled in on the server's own machine only")]
    Elsewhere,
    #[error("credentials are filled in at localhost or 127.0.0.1 only")]
    OtherName,
    #[error("credentials are for this server's own page only")]
    OtherPage,
    #[error("credentials are not filled in through a proxy or tunnel")]
    Forwarded,
    #[error("credentials are filled in for the user who started the server only")]
    OtherUser,
}

/// Whether this request may be answered with credentials.
pub(super) fn check(request: &Parts) -> Result<(), Refusal> {
    let peer = request.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let peer = peer.filter(|peer| peer.ip().to_canonical().is_loopback()).ok_or(Refusal::Elsewhere)?;
    check_headers(&request.headers)?;
    if is_own(peer) { Ok(()) } else { Err(Refusal::OtherUser) }
}

fn check_headers(headers: &HeaderMap) -> Result<(), Refusal> {
    let one = |name: &HeaderName| {
        let mut values = headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none())?.to_str().ok()
    };
    let host = one(&HOST).and_then(|host| host.parse::<Authority>().ok()).ok_or(Refusal::OtherName)?;
    if !is_loopback(&host) {
        return Err(Refusal::OtherName);
    }
    if FORWARDING.iter().any(|name| headers.contains_key(name)) {
        return Err(Refusal::Forwarded);
    }
    let own_site = !headers.contains_key(FETCH_SITE) || one(&FETCH_SITE) == Some("same-origin");
    let own_origin = !headers.contains_key(ORIGIN)
        || one(&ORIGIN)
            .is_some_and(|origin| ["http", "https"].iter().any(|scheme| origin == format!("{scheme}://{host}")));
    if own_site && own_origin && headers.contains_key(PAGE) { Ok(()) } else { Err(Refusal::OtherPage) }
}

fn is_loopback(host: &Authority) -> bool {
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    // `user@localhost` is no host that a browser sends.
    let plain = !host.as_str().contains('@');
    plain && (name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()))
}

/// Whether the other end of a connection within this machine is a process of the user who runs this one.
#[cfg(target_os = "linux")]
fn is_own(peer: SocketAddr) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(own) = std::fs::metadata("/proc/self").map(|process| process.uid()) else { return false };
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    let owners: Vec<u32> = tables.iter().flat_map(|table| linux::owners(table, peer)).collect();
    // One end may talk to several servers from one port: all of them must be ours.
    !owners.is_empty() && owners.iter().all(|owner| *owner == own)
}

/// Elsewhere the kernel does not tell.
#[cfg(not(target_os = "linux"))]
fn is_own(_: SocketAddr) -> bool {
    true
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fmt::Write as _;
    use std::net::{IpAddr, SocketAddr};

    const ESTABLISHED: &str = "01";

    /// The users whose open sockets have this address, by a table of `/proc/net`.
    pub(super) fn owners(table: &str, end: SocketAddr) -> Vec<u32> {
        let forms = forms(end);
        let owner = |line: &str| {
            let mut columns = line.split_whitespace().skip(1);
            let (local, state, owner) = (columns.next()?, columns.nth(1)?, columns.nth(3)?);
            (state == ESTABLISHED && forms.iter().any(|form| form == local)).then(|| owner.parse().ok())?
        };
        table.lines().skip(1).filter_map(owner).collect()
    }

    /// How the tables write an address: words in the machine's byte order; a socket for both versions maps the old one
    /// into the new one.
    fn forms(end: SocketAddr) -> Vec<String> {
        let written = |octets: &[u8]| {
            let mut text = String::new();
            for word in octets.chunks_exact(4) {
                let word = word.try_into().map(u32::from_ne_bytes).unwrap_or_default();
                let _ = write!(text, "{word:08X}");
            }
            let _ = write!(text, ":{:04X}", end.port());
            text
        };
        match end.ip().to_canonical() {
            IpAddr::V4(ip) => vec![written(&ip.octets()), written(&ip.to_ipv6_mapped().octets())],
            IpAddr::V6(ip) => vec![written(&ip.octets())],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn with(name: &'static str, value: &'static str) -> Result<(), Refusal> {
        let mut all =
            headers(&[("host", "localhost:9000"), ("x-switchboard-page", "1"), ("sec-fetch-site", "same-origin")]);
        all.insert(HeaderName::from_static(name), value.parse().unwrap());
        check_headers(&all)
    }

    #[test]
    fn the_page_of_this_machine_may_know() {
        for host in ["localhost", "LOCALHOST:9000", "127.0.0.1:9000", "127.8.8.8", "[::1]:9000"] {
            assert_eq!(with("host", host), Ok(()), "{host}");
        }
        assert_eq!(with("origin", "http://localhost:9000"), Ok(()));
        assert_eq!(with("origin", "https://localhost:9000"), Ok(()));
    }

    #[test]
    fn other_names_of_this_machine_may_not() {
        let hosts =
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "a@localhost", "10.0.0.1", "0.0.0.0"];
        for host in hosts {
            assert_eq!(with("host", host), Err(Refusal::OtherName), "{host}");
        }
        assert_eq!(check_headers(&headers(&[("x-switchboard-page", "1")])), Err(Refusal::OtherName));
        let mut twice = headers(&[("host", "localhost"), ("x-switchboard-page", "1")]);
        twice.append(HOST, "evil.example".parse().unwrap());
        assert_eq!(check_headers(&twice), Err(Refusal::OtherName));
    }

    #[test]
    fn other_pages_and_tunnels_may_not() {
        for site in ["cross-site", "same-site", "none"] {
            assert_eq!(with("sec-fetch-site", site), Err(Refusal::OtherPage), "{site}");
        }
        for origin in ["http://evil.example", "http://localhost:3000", "null", "http://localhost:9000.evil.example"] {
            assert_eq!(with("origin", origin), Err(Refusal::OtherPage), "{origin}");
        }
        assert_eq!(check_headers(&headers(&[("host", "localhost")])), Err(Refusal::OtherPage));
        assert_eq!(with("x-forwarded-for", "10.0.0.1"), Err(Refusal::Forwarded));
    }

    #[test]
    fn the_network_may_not() {
        for (peer, expected) in [(None, Refusal::Elsewhere), (Some("10.0.0.1:5000"), Refusal::Elsewhere)] {
            let (mut request, ()) = http::Request::new(()).into_parts();
            if let Some(peer) = peer {
                request.extensions.insert(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
            }
            assert_eq!(check(&request), Err(expected));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn other_users_of_the_machine_may_not() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1\n\
             1: 0100007F:C350 0100007F:2328 01 00000000:00000000 00:00000000 00000000  1001        0 2\n\
             2: 0100007F:C350 0100007F:1F90 06 00000000:00000000 03:00000000 00000000     0        0 0\n";
        let owners = |end: &str| linux::owners(table, end.parse().unwrap());
        assert_eq!(owners("127.0.0.1:50000"), [1001]);
        assert_eq!(owners("[::ffff:127.0.0.1]:50000"), [1001]);
        assert!(owners("127.0.0.1:9000").is_empty(), "a listener is no end of a connection");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_connection_of_one_s_own_is_known() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let near = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_far, peer) = listener.accept().unwrap();
        assert_eq!(peer, near.local_addr().unwrap());
        assert!(is_own(peer));
        drop(near);
        assert!(!is_own("127.0.0.1:1".parse().unwrap()));
    }
}
