//! The reference page: a viewer of the `OpenAPI` documents, at `/` of `switchboard serve`, and as a folder of static
//! files for any web host.

use crate::assets::{self, Asset, HTML, JSON, SCRIPT, STYLE, SVG, TEXT, asset};
use crate::caller;
use crate::kept::{API_KEY_FILE, STEPCHAT_FILE};
use crate::state::State as Folder;
use anyhow::{Context, Result};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use shared::crypto::Secret;
use std::path::Path;
use std::sync::Arc;

/// The path from which the page's script reads its server's credentials.
const CREDENTIALS: &str = "/reference/credentials";

/// The page may load only files of this server, and no other page may frame it. The viewer sets styles on its elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page itself.
const INDEX: Asset = asset!("index.html", HTML, text "../assets/page.html");

/// Everything the page loads.
pub static ASSETS: [Asset; 9] = [
    asset!("reference/page.css", STYLE, text "../assets/page.css"),
    asset!("reference/page.js", SCRIPT, text "../assets/page.js"),
    asset!("reference/icon.svg", SVG, text "../assets/icon.svg"),
    asset!("reference/quirks.md", TEXT, text "../../docs/quirks.md"),
    asset!("reference/rapidoc/rapidoc-min.js", SCRIPT, gzip "../assets/rapidoc/rapidoc-min.js.gz"),
    asset!("reference/rapidoc/LICENSE.txt", TEXT, text "../assets/rapidoc/LICENSE.txt"),
    asset!("reference/rapidoc/NOTICES.txt", TEXT, text "../assets/rapidoc/NOTICES.txt"),
    asset!("openapi/stepchat.json", JSON, text "../../docs/openapi/stepchat.json"),
    asset!("openapi/voximplant.json", JSON, text "../../docs/openapi/voximplant.json"),
];

/// The credentials that the page fills in, and the key that protects them.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The state folder that holds them.
    pub folder: Folder,
    /// The key in the address that the server prints: without it, no credentials are given.
    pub key: Secret,
}

/// The routes of the page and of its files. With credentials the page also fills these in, for callers who may have
/// them.
pub fn routes(credentials: Option<Credentials>) -> axum::Router {
    let page = assets::routes("/", INDEX, &ASSETS).route(CREDENTIALS, get(told));
    assets::guarded(page.with_state(Arc::new(credentials)), POLICY)
}

fn internal() -> Response {
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
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

/// Writes the page and all files that it loads into a folder for any web host. The folder holds no credential. `server`
/// is the address of the API that the page calls; without it the page offers the documents' addresses.
pub fn write(out: &Path, server: Option<&str>) -> Result<()> {
    let server = server.map(assets::address).transpose()?.unwrap_or_default();
    assets::write_folder(out, &INDEX.with_server(&server)?, &ASSETS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_static_folder_is_whole_and_has_no_credential() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        write(out, None).unwrap();
        let page = fs::read_to_string(out.join("index.html")).unwrap();
        assert!(page.contains("<meta name=\"switchboard-server\" content=\"\">"));
        for asset in ASSETS {
            assert!(fs::metadata(out.join(asset.path)).unwrap().len() > 0, "{}", asset.path);
        }
    }
}
