//! The files of the web pages: compiled into the binary, served with strict headers, or written into a static folder.

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::read::GzDecoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, VARY};
use http::{StatusCode, Uri};
use std::future::ready;
use std::io::Read as _;
use std::path::Path;
use std::{fs, io};

/// Media types of assets.
pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const SCRIPT: &str = "text/javascript; charset=utf-8";
pub(crate) const STYLE: &str = "text/css; charset=utf-8";
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
pub(crate) const JSON: &str = "application/json";
pub(crate) const SVG: &str = "image/svg+xml";

/// The tag in a page's HTML from which the page's script reads the address of the API.
const SERVER: &str = "<meta name=\"switchboard-server\" content=\"\">";

const HEADERS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    // The next build may have other files under the same names.
    ("cache-control", "no-store"),
];

/// A file of a page, at its path below the page.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Its path below the page, such as `reference/page.js`.
    pub path: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) content: Content,
}

/// The content of an asset, as the binary holds it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content {
    /// Uncompressed text.
    Text(&'static str),
    /// Compressed with gzip; decompressed for clients that do not accept gzip.
    Gzip(&'static [u8]),
}

/// Declares an asset: its path, its media type, and the file that holds it.
macro_rules! asset {
    ($path:literal, $kind:expr, text $file:literal) => {
        $crate::assets::Asset { path: $path, kind: $kind, content: $crate::assets::Content::Text(include_str!($file)) }
    };
    ($path:literal, $kind:expr, gzip $file:literal) => {
        $crate::assets::Asset {
            path: $path,
            kind: $kind,
            content: $crate::assets::Content::Gzip(include_bytes!($file)),
        }
    };
}
pub(crate) use asset;

impl Content {
    fn plain(self) -> Result<Vec<u8>> {
        match self {
            Self::Text(text) => Ok(text.into()),
            Self::Gzip(packed) => {
                let mut plain = Vec::new();
                GzDecoder::new(packed).read_to_end(&mut plain)?;
                Ok(plain)
            }
        }
    }
}

impl Asset {
    /// The file's content, decompressed.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        self.content.plain()
    }

    /// The page's text with the address of the API that it calls. `.` is the server that the page comes from; an empty
    /// text leaves the choice to the reader.
    pub(crate) fn with_server(&self, server: &str) -> Result<String> {
        let text = String::from_utf8(self.bytes()?)?;
        ensure!(text.contains(SERVER), "the page {} has no place for its server", self.path);
        Ok(text.replace(SERVER, &SERVER.replace("\"\"", &format!("\"{server}\""))))
    }

    /// The file as an HTTP response.
    pub(crate) fn response(self, asked: &HeaderMap) -> Response {
        let kind = (CONTENT_TYPE, self.kind);
        match self.content {
            Content::Text(text) => ([kind], text).into_response(),
            Content::Gzip(packed) if takes_gzip(asked) => {
                ([kind, (CONTENT_ENCODING, "gzip"), (VARY, "accept-encoding")], packed).into_response()
            }
            Content::Gzip(_) => match self.content.plain() {
                Ok(plain) => ([kind, (VARY, "accept-encoding")], plain).into_response(),
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            },
        }
    }
}

/// Whether the client accepts gzip. Every browser does; `curl` does only when told to.
fn takes_gzip(asked: &HeaderMap) -> bool {
    let codings = asked.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = codings.flat_map(|value| value.split(',')).map(|coding| coding.replace(' ', ""));
    codings.any(|coding| matches!(coding.split_once(";q="), None | Some((_, "1"))) && coding.starts_with("gzip"))
}

/// The routes of a page at `folder` (`/`, `/console/`) and of all files that it loads. The page calls the server that
/// serves it.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(
    folder: &str,
    index: Asset,
    assets: &'static [Asset],
) -> Router<S> {
    let page = move || {
        let page = index.with_server(".").map(|page| ([(CONTENT_TYPE, HTML)], page).into_response());
        ready(page.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()))
    };
    assets.iter().fold(Router::new().route(folder, get(page)), |routes, asset| {
        routes.route(&format!("{folder}{}", asset.path), get(|asked: HeaderMap| ready(asset.response(&asked))))
    })
}

/// Adds to all responses the headers that let a page load only its own files: `policy` is its
/// `Content-Security-Policy`.
pub(crate) fn guarded(routes: Router, policy: &'static str) -> Router {
    routes.layer(map_response(move |response| ready(guard(response, policy))))
}

/// Adds the headers that let a page load only its own files: `policy` is its `Content-Security-Policy`.
fn guard(mut response: Response, policy: &'static str) -> Response {
    let headers = response.headers_mut();
    headers.insert("content-security-policy", HeaderValue::from_static(policy));
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// Writes a page and all files that it loads into a folder, for any web host.
pub(crate) fn write_folder(out: &Path, index: &str, assets: &[Asset]) -> Result<()> {
    let put = |path: &str, bytes: &[u8]| -> io::Result<()> {
        let path = out.join(path);
        fs::create_dir_all(path.parent().unwrap_or(out))?;
        fs::write(path, bytes)
    };
    let put = |path: &str, bytes: &[u8]| {
        put(path, bytes).with_context(|| format!("cannot write {path} in {}", out.display()))
    };
    put("index.html", index.as_bytes())?;
    assets.iter().try_for_each(|asset| put(asset.path, &asset.bytes()?))
}

/// The address of an API: `https://host` or `https://host/stage`. Refuses characters that would end the HTML attribute
/// that holds the address.
pub(crate) fn address(text: &str) -> Result<String> {
    let hint =
        "the server is an address such as https://abc123.execute-api.eu-central-1.amazonaws.com; nothing was written";
    let uri: Uri = text.parse().context(hint)?;
    let web = matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none();
    ensure!(web && !text.contains(['"', '\'', '&', '<', '>', ';']), hint);
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_becomes_the_static_page_s_server() {
        assert_eq!(address("https://a.example/prod/").unwrap(), "https://a.example/prod");
        for text in ["", "a.example", "javascript:alert(1)", "https://a\"><script>", "https://a/?b=\"", "ftp://a"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_packed_travels_packed_only_to_those_who_unpack() {
        let packed = Asset {
            path: "x",
            kind: TEXT,
            content: Content::Gzip(include_bytes!("../assets/rapidoc/rapidoc-min.js.gz")),
        };
        let asked = |value: &'static str| HeaderMap::from_iter([(ACCEPT_ENCODING, value.parse().unwrap())]);
        let coding = |value| packed.response(&asked(value)).headers().get(CONTENT_ENCODING).cloned();
        assert_eq!(coding("gzip, deflate, br").unwrap(), "gzip");
        assert!([coding("br"), coding("gzip;q=0"), coding("")].iter().all(Option::is_none));
    }
}
