//! Access checks for what only the user who started the server may have: the state folder's credentials, and the
//! database.
//!
//! The credentials are given only to this server's own page, in a browser on this machine, opened at the address that
//! the server printed. Each check keeps out one kind of caller: the peer's address keeps out the network; the `Host`
//! header keeps out other names that lead to this machine (DNS rebinding); the page's own header and the browser's
//! headers about the origin keep out scripts of other sites; the refusal of forwarding headers keeps out callers
//! through a tunnel; the owner of the connection keeps out other users of the machine; and the key in the printed
//! address keeps out callers through a tunnel that passes bytes on unchanged, which no other check detects.
//!
//! The database is for programs: requests of browsers are refused.

use crate::connection::Connection;
use axum::extract::ConnectInfo;
use http::header::{FORWARDED, HOST, HeaderMap, HeaderName, ORIGIN, REFERER, VIA};
use http::request::Parts;
use http::uri::Authority;
use shared::crypto::Secret;
use std::net::IpAddr;
use thiserror::Error;

/// The header in which the page's script sends the key of the printed address. A form cannot set this header, and a
/// script of another origin may not.
const PAGE: HeaderName = HeaderName::from_static("x-switchboard-page");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Headers that proxies and tunnels add, besides all that begin with [`FORWARDING_PREFIX`].
const FORWARDING: [HeaderName; 8] = [
    FORWARDED,
    VIA,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-client-ip"),
    HeaderName::from_static("x-cluster-client-ip"),
    HeaderName::from_static("true-client-ip"),
    HeaderName::from_static("cf-connecting-ip"),
    HeaderName::from_static("fly-client-ip"),
];
const FORWARDING_PREFIX: &str = "x-forwarded-";

/// Whether a proxy or a tunnel says that it has passed the request on.
fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| FORWARDING.contains(name) || name.as_str().starts_with(FORWARDING_PREFIX))
}

/// Why credentials are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
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
    #[error("credentials are filled in at the address that the server has printed only, which ends in a key")]
    NoKey,
}

/// Whether this request may be answered with credentials; `key` is the key in the printed address.
pub(crate) fn check(request: &Parts, key: &Secret) -> Result<(), Refusal> {
    let connection = request.extensions.get::<ConnectInfo<Connection>>().map(|info| info.0);
    let here = |connection: &Connection| connection.peer.ip().to_canonical().is_loopback();
    let connection = connection.filter(here).ok_or(Refusal::Elsewhere)?;
    check_headers(&request.headers, key)?;
    if is_own(connection) { Ok(()) } else { Err(Refusal::OtherUser) }
}

/// Why a request is not let into the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum DatabaseRefusal {
    #[error("the database is reached at localhost or 127.0.0.1 only")]
    OtherName,
    #[error("the database is not for web pages")]
    Browser,
    #[error("the database is not reached through a proxy or tunnel")]
    Forwarded,
}

/// Whether this request comes from a program and not from a browser. Browsers say where a request comes from; no SDK
/// does.
pub(crate) fn check_program(headers: &HeaderMap) -> Result<(), DatabaseRefusal> {
    loopback_host(headers).ok_or(DatabaseRefusal::OtherName)?;
    if is_forwarded(headers) {
        return Err(DatabaseRefusal::Forwarded);
    }
    let browser =
        headers.keys().any(|name| name == ORIGIN || name == REFERER || name.as_str().starts_with("sec-fetch-"));
    if browser { Err(DatabaseRefusal::Browser) } else { Ok(()) }
}

/// The value of a header that was sent exactly once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())?.to_str().ok()
}

/// The `Host` header, if it names this machine by a loopback name or address.
fn loopback_host(headers: &HeaderMap) -> Option<Authority> {
    one(headers, &HOST)?.parse().ok().filter(is_loopback)
}

fn check_headers(headers: &HeaderMap, key: &Secret) -> Result<(), Refusal> {
    let host = loopback_host(headers).ok_or(Refusal::OtherName)?;
    if is_forwarded(headers) {
        return Err(Refusal::Forwarded);
    }
    let one = |name: &HeaderName| one(headers, name);
    let own_site = !headers.contains_key(FETCH_SITE) || one(&FETCH_SITE) == Some("same-origin");
    let own_origin = !headers.contains_key(ORIGIN)
        || one(&ORIGIN)
            .is_some_and(|origin| ["http", "https"].iter().any(|scheme| origin == format!("{scheme}://{host}")));
    if !(own_site && own_origin && headers.contains_key(PAGE)) {
        return Err(Refusal::OtherPage);
    }
    if one(&PAGE).is_some_and(|given| key.equals(given)) { Ok(()) } else { Err(Refusal::NoKey) }
}

fn is_loopback(host: &Authority) -> bool {
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    // `user@localhost` and `localhost:80,other` are no hosts that a browser sends.
    let plain = !host.as_str().contains(['@', ',']);
    plain && (name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()))
}

/// Whether the other end of a connection within this machine is a process of the user who runs this process.
#[cfg(target_os = "linux")]
pub(crate) fn is_own(connection: Connection) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(own) = std::fs::metadata("/proc/self").map(|process| process.uid()) else { return false };
    // Read line by line, since the tables are large on a busy machine.
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().filter_map(|path| std::fs::File::open(path).ok());
    let owner = tables.map(std::io::BufReader::new).find_map(|table| linux::owner(table, connection));
    owner == Some(own)
}

/// On other systems the kernel does not tell who owns a connection.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_own(_: Connection) -> bool {
    true
}

#[cfg(target_os = "linux")]
mod linux {
    use super::Connection;
    use std::fmt::Write as _;
    use std::io::BufRead;
    use std::net::{IpAddr, SocketAddr};

    const ESTABLISHED: &str = "01";

    /// The user who has the other end of this connection, according to a table of `/proc/net`. Both addresses are
    /// compared: connections of several users to different servers may have the same port.
    pub(super) fn owner(table: impl BufRead, connection: Connection) -> Option<u32> {
        let (there, here) = (forms(connection.peer), forms(connection.local));
        let owner = |line: &str| {
            let mut columns = line.split_whitespace().skip(1);
            let (local, remote, state, owner) = (columns.next()?, columns.next()?, columns.next()?, columns.nth(3)?);
            let is = |forms: &[String], address: &str| forms.iter().any(|form| form == address);
            (state == ESTABLISHED && is(&there, local) && is(&here, remote)).then(|| owner.parse().ok())?
        };
        // Most lines are about other connections: those are not parsed.
        let meant = |line: &String| there.iter().any(|form| line.contains(form.as_str()));
        table.lines().skip(1).map_while(Result::ok).filter(meant).find_map(|line| owner(&line))
    }

    /// How the tables may write an address: as 32-bit words in the machine's byte order. A socket for both versions of
    /// IP writes an IPv4 address as a mapped IPv6 address.
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

    const KEY: &str = "0123abcd";

    fn check_headers(headers: &HeaderMap) -> Result<(), Refusal> {
        super::check_headers(headers, &Secret::new(KEY))
    }

    fn with(name: &'static str, value: &'static str) -> Result<(), Refusal> {
        let mut all =
            headers(&[("host", "localhost:9000"), ("x-switchboard-page", KEY), ("sec-fetch-site", "same-origin")]);
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
        assert_eq!(check_headers(&headers(&[("x-switchboard-page", KEY)])), Err(Refusal::OtherName));
        let mut twice = headers(&[("host", "localhost"), ("x-switchboard-page", KEY)]);
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
        for name in ["x-forwarded-for", "x-forwarded-proto", "cf-connecting-ip", "via"] {
            assert_eq!(with(name, "10.0.0.1"), Err(Refusal::Forwarded), "{name}");
        }
    }

    #[test]
    fn who_does_not_know_the_printed_address_may_not() {
        for key in ["", "1", "0123abc", "0123abcde", "0123ABCD"] {
            assert_eq!(with("x-switchboard-page", key), Err(Refusal::NoKey), "{key}");
        }
    }

    #[test]
    fn the_database_is_for_programs_on_this_machine() {
        let with = |name: &'static str, value: &'static str| {
            let mut all = headers(&[("host", "127.0.0.1:8000"), ("x-amz-target", "DynamoDB_20120810.Scan")]);
            all.insert(HeaderName::from_static(name), value.parse().unwrap());
            check_program(&all)
        };
        for host in ["localhost:8000", "127.0.0.1", "[::1]:8000"] {
            assert_eq!(with("host", host), Ok(()), "{host}");
        }
        for host in ["evil.example:8000", "127.0.0.1.evil.example", "10.0.0.1:8000", "a@localhost"] {
            assert_eq!(with("host", host), Err(DatabaseRefusal::OtherName), "{host}");
        }
        for (name, value) in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1:8000"),
            ("referer", "http://evil.example/"),
            ("sec-fetch-site", "none"),
            ("sec-fetch-mode", "no-cors"),
        ] {
            assert_eq!(with(name, value), Err(DatabaseRefusal::Browser), "{name}: {value}");
        }
        assert_eq!(with("x-forwarded-for", "10.0.0.1"), Err(DatabaseRefusal::Forwarded));
    }

    #[test]
    fn the_network_may_not() {
        for (peer, expected) in [(None, Refusal::Elsewhere), (Some("10.0.0.1:5000"), Refusal::Elsewhere)] {
            let (mut request, ()) = http::Request::new(()).into_parts();
            if let Some(peer) = peer {
                let (peer, local) = (peer.parse().unwrap(), "10.0.0.2:9000".parse().unwrap());
                request.extensions.insert(ConnectInfo(Connection { peer, local }));
            }
            assert_eq!(check(&request, &Secret::new(KEY)), Err(expected));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn other_users_of_the_machine_may_not() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1\n\
             1: 0100007F:C350 0100007F:2328 01 00000000:00000000 00:00000000 00000000  1001        0 2\n\
             2: 0100007F:C350 0100007F:1F90 06 00000000:00000000 03:00000000 00000000     0        0 0\n\
             3: 0100007F:C350 0100007F:1F91 01 00000000:00000000 00:00000000 00000000  1002        0 3\n";
        let owner = |peer: &str, local: &str| {
            let (peer, local) = (peer.parse().unwrap(), local.parse().unwrap());
            linux::owner(table.as_bytes(), Connection { peer, local })
        };
        assert_eq!(owner("127.0.0.1:50000", "127.0.0.1:9000"), Some(1001));
        assert_eq!(owner("[::ffff:127.0.0.1]:50000", "[::ffff:127.0.0.1]:9000"), Some(1001));
        assert_eq!(owner("127.0.0.1:50000", "127.0.0.1:8081"), Some(1002), "another server's, from the same port");
        assert_eq!(owner("127.0.0.1:50000", "127.0.0.1:8080"), None, "a connection that has ended");
        assert_eq!(owner("127.0.0.1:9000", "127.0.0.1:9000"), None, "a listener is no end of a connection");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_connection_of_one_s_own_is_known() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let near = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_far, peer) = listener.accept().unwrap();
        assert_eq!(peer, near.local_addr().unwrap());
        let local = listener.local_addr().unwrap();
        assert!(is_own(Connection { peer, local }));
        let other = "127.0.0.1:1".parse().unwrap();
        assert!(!is_own(Connection { peer: other, local }) && !is_own(Connection { peer, local: other }));
        drop(near);
    }
}
