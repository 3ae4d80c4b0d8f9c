//! The reference page: a viewer of the `OpenAPI` documents, at `/` of `switchboard serve`, and as a folder of static files
//! for any web host.

use crate::caller;
use crate::kept::{API_KEY_FILE, STEPCHAT_FILE};
use crate::state::State as Folder;
use anyhow::{Context, Result, ensure};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::read::GzDecoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, VARY};
use http::{StatusCode, Uri};
use serde_json::{Value, json};
use shared::auth::Secret;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

/// What the page's script asks for its server's credentials.
const CREDENTIALS: &str = "/reference/credentials";

/// Nothing but our own files, no frame around us. The viewer sets styles on its elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    // The next build may have other files under the same names.
    ("cache-control", "no-store"),
];

/// A file of the page, at its path below the page.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Where it is: `reference/page.js`.
    pub path: &'static str,
    kind: &'static str,
    content: Content,
}

#[derive(Debug, Clone, Copy)]
enum Content {
    Text(&'static str),
    Gzip(&'static [u8]),
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

macro_rules! asset {
    ($path:literal, $kind:expr, text $file:literal) => {
        Asset { path: $path, kind: $kind, content: Content::Text(include_str!($file)) }
    };
    ($path:literal, $kind:expr, gzip $file:literal) => {
        Asset { path: $path, kind: $kind, content: Content::Gzip(include_bytes!($file)) }
    };
}

/// The page itself.
const INDEX: Asset = asset!("index.html", HTML, text "../assets/page.html");

/// Everything the page loads.
pub static ASSETS: [Asset; 9] = [
    asset!("reference/page.css", "text/css; charset=utf-8", text "../assets/page.css"),
    asset!("reference/page.js", SCRIPT, text "../assets/page.js"),
    asset!("reference/icon.svg", "image/svg+xml", text "../assets/icon.svg"),
    asset!("reference/quirks.md", TEXT, text "../../docs/quirks.md"),
    asset!("reference/rapidoc/rapidoc-min.js", SCRIPT, gzip "../assets/rapidoc/rapidoc-min.js.gz"),
    asset!("reference/rapidoc/LICENSE.txt", TEXT, text "../assets/rapidoc/LICENSE.txt"),
    asset!("reference/rapidoc/NOTICES.txt", TEXT, text "../assets/rapidoc/NOTICES.txt"),
    asset!("openapi/stepchat.json", JSON, text "../../docs/openapi/stepchat.json"),
    asset!("openapi/voximplant.json", JSON, text "../../docs/openapi/voximplant.json"),
];

/// Where the page finds the API: in the page's text, for its script.
const SERVER: &str = "<meta name=\"switchboard-server\" content=\"\">";

/// The page, with the address of the API that it calls: `.` is where the page comes from, nothing is what the documents say.
fn index(server: &str) -> Result<String> {
    let text = String::from_utf8(INDEX.content.plain()?)?;
    ensure!(text.contains(SERVER), "the page has no place for its server");
    Ok(text.replace(SERVER, &SERVER.replace("\"\"", &format!("\"{server}\""))))
}

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
    /// What is in the file.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        self.content.plain()
    }

    fn response(self, asked: &HeaderMap) -> Response {
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

/// Every browser does; `curl` does only when told to.
fn takes_gzip(asked: &HeaderMap) -> bool {
    let codings = asked.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = codings.flat_map(|value| value.split(',')).map(|coding| coding.replace(' ', ""));
    codings.any(|coding| matches!(coding.split_once(";q="), None | Some((_, "1"))) && coding.starts_with("gzip"))
}

/// Whose credentials the page fills in, and for whom.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The state folder that holds them.
    pub folder: Folder,
    /// The key in the address that the server prints: who does not know it is told nothing.
    pub key: Secret,
}

/// The page and what it loads. With credentials it also fills these in, for those who may know them.
pub fn routes(credentials: Option<Credentials>) -> axum::Router {
    let mut routes = axum::Router::new()
        .route(
            "/",
            get(async || index(".").map_or_else(|_| internal(), |page| ([(CONTENT_TYPE, HTML)], page).into_response())),
        )
        .route(CREDENTIALS, get(told));
    for asset in ASSETS {
        let serve = async move |asked: HeaderMap| asset.response(&asked);
        routes = routes.route(&format!("/{}", asset.path), get(serve));
    }
    routes.layer(axum::middleware::map_response(with_headers)).with_state(Arc::new(credentials))
}

fn internal() -> Response {
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

async fn with_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, http::HeaderValue::from_static(value));
    }
    response
}

/// The credentials of the state folder, under the names of the documents' security schemes.
async fn told(State(credentials): State<Arc<Option<Credentials>>>, request: Request) -> Response {
    let Some(Credentials { folder, key }) = (*credentials).clone() else {
        return refused("this server has no credentials of its own");
    };
    let (request, _) = request.into_parts();
    let told = tokio::task::spawn_blocking(move || match caller::check(&request, &key) {
        Ok(()) => Ok(of_folder(&folder)),
        Err(refusal) => Err(refusal),
    });
    match told.await {
        Ok(Ok(Ok(credentials))) => ([(CONTENT_TYPE, JSON)], credentials.to_string()).into_response(),
        Ok(Err(refusal)) => refused(&refusal.to_string()),
        Ok(Ok(Err(_))) | Err(_) => internal(),
    }
}

fn refused(why: &str) -> Response {
    (StatusCode::FORBIDDEN, [(CONTENT_TYPE, TEXT)], format!("{why}\n")).into_response()
}

fn of_folder(folder: &Folder) -> Result<Value> {
    let file = |name: &str| -> Result<Value> {
        let text = folder.read(name)?.with_context(|| format!("there is no {name}"))?;
        serde_json::from_str(&text).with_context(|| format!("{name} is no JSON"))
    };
    let member = |file: &Value, name: &str| file.get(name).cloned().unwrap_or_default();
    let (admin, account) = (file(STEPCHAT_FILE)?, file(API_KEY_FILE)?);
    Ok(json!({
        "stepchat": { "bearer": member(&admin, "token") },
        "voximplant": { "accountId": member(&account, "account_id"), "apiKey": member(&account, "api_key") },
    }))
}

/// Writes the page and all it loads into a folder for any web host. It holds no credential. `server` is the address of the
/// API that it calls; without one it offers those of the documents.
pub fn write(out: &Path, server: Option<&str>) -> Result<()> {
    let server = server.map(address).transpose()?.unwrap_or_default();
    let put = |path: &str, bytes: &[u8]| -> io::Result<()> {
        let path = out.join(path);
        fs::create_dir_all(path.parent().unwrap_or(out))?;
        fs::write(path, bytes)
    };
    let put = |path: &str, bytes: &[u8]| {
        put(path, bytes).with_context(|| format!("cannot write {path} in {}", out.display()))
    };
    put(INDEX.path, index(&server)?.as_bytes())?;
    ASSETS.iter().try_for_each(|asset| put(asset.path, &asset.bytes()?))
}

/// An address of an API: `https://host` or `https://host/stage`, and nothing that would end the attribute it is put into.
fn address(text: &str) -> Result<String> {
    let hint = "the server is an address such as https://abc123.execute-api.eu-central-1.amazonaws.com";
    let uri: Uri = text.parse().context(hint)?;
    let web = matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none();
    ensure!(web && !text.contains(['"', '\'', '&', '<', '>']), hint);
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(path: &str) -> Asset {
        *ASSETS.iter().find(|asset| asset.path == path).unwrap()
    }

    #[test]
    fn the_viewer_is_packed_for_browsers_and_plain_for_others() {
        let viewer = asset("reference/rapidoc/rapidoc-min.js");
        let asked = |value: &'static str| HeaderMap::from_iter([(ACCEPT_ENCODING, value.parse().unwrap())]);
        let coding = |value| viewer.response(&asked(value)).headers().get(CONTENT_ENCODING).cloned();
        assert_eq!(coding("gzip, deflate, br").unwrap(), "gzip");
        assert!([coding("br"), coding("gzip;q=0"), coding("")].iter().all(Option::is_none));
        assert!(String::from_utf8(viewer.bytes().unwrap()).unwrap().contains("RapiDoc 9."));
    }

    #[test]
    fn only_an_address_becomes_the_static_page_s_server() {
        assert_eq!(address("https://a.example/prod/").unwrap(), "https://a.example/prod");
        for text in ["", "a.example", "javascript:alert(1)", "https://a\"><script>", "https://a/?b=\"", "ftp://a"] {
            assert!(address(text).is_err(), "{text}");
        }
        assert!(index("https://a.example").unwrap().contains("content=\"https://a.example\""));
    }

    #[test]
    fn the_static_folder_is_whole_and_has_no_credential() {
        let out = std::env::temp_dir().join(format!("switchboard-page-{}", std::process::id()));
        write(&out, None).unwrap();
        let page = fs::read_to_string(out.join("index.html")).unwrap();
        assert!(page.contains(SERVER));
        for asset in ASSETS {
            assert!(fs::metadata(out.join(asset.path)).unwrap().len() > 0, "{}", asset.path);
        }
        fs::remove_dir_all(out).unwrap();
    }
}
