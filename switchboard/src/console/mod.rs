//! The console: a page for people, at `/console/` of `switchboard serve` and of `switchboard console`.
//!
//! Everything about people and money goes through the two public APIs, with credentials that the page is given. What
//! only the operator may do goes through the routes below `/console/operator/`, which require the key in the address
//! that the server prints.

mod activity;
mod api_keys;
mod desk;
mod forward;
mod metrics;
mod stack_server;

pub use activity::Activity;
pub use api_keys::ApiKeys;
pub(crate) use api_keys::revoke_left;
pub use desk::ConsoleState;
pub use stack_server::{Options, serve};

use crate::assets::{self, Asset, HTML, SCRIPT, STYLE, SVG, TEXT, asset};
use anyhow::Result;
use axum::response::Redirect;
use axum::routing::get;
use std::path::Path;
use std::sync::Arc;

/// Only our own files may be loaded, inline scripts and styles do not run, and no page may frame ours.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const INDEX: Asset = asset!("index.html", HTML, text "../../assets/console/index.html");

/// Everything the page loads.
static ASSETS: [Asset; 28] = [
    asset!("access.js", SCRIPT, text "../../assets/console/access.js"),
    asset!("api.js", SCRIPT, text "../../assets/console/api.js"),
    asset!("app.js", SCRIPT, text "../../assets/console/app.js"),
    asset!("console.css", STYLE, text "../../assets/console/console.css"),
    asset!("health.js", SCRIPT, text "../../assets/console/health.js"),
    asset!("i18n.js", SCRIPT, text "../../assets/console/i18n.js"),
    asset!("icon.svg", SVG, text "../../assets/icon.svg"),
    asset!("import.js", SCRIPT, text "../../assets/console/import.js"),
    asset!("lang/en.js", SCRIPT, text "../../assets/console/lang/en.js"),
    asset!("lang/ru.js", SCRIPT, text "../../assets/console/lang/ru.js"),
    asset!("money.js", SCRIPT, text "../../assets/console/money.js"),
    asset!("people.js", SCRIPT, text "../../assets/console/people.js"),
    asset!("person.js", SCRIPT, text "../../assets/console/person.js"),
    asset!("phone.js", SCRIPT, text "../../assets/console/phone.js"),
    asset!("phones.js", SCRIPT, text "../../assets/console/phones.js"),
    asset!("preact.js", SCRIPT, text "../../assets/console/preact.js"),
    asset!("route.js", SCRIPT, text "../../assets/console/route.js"),
    asset!("session.js", SCRIPT, text "../../assets/console/session.js"),
    asset!("setup.js", SCRIPT, text "../../assets/console/setup.js"),
    asset!("statement.js", SCRIPT, text "../../assets/console/statement.js"),
    asset!("transfer.js", SCRIPT, text "../../assets/console/transfer.js"),
    asset!("ui.js", SCRIPT, text "../../assets/console/ui.js"),
    asset!("vendor/htm-preact.js", SCRIPT, text "../../assets/console/vendor/htm-preact.js"),
    asset!("vendor/htm.LICENSE.txt", TEXT, text "../../assets/console/vendor/htm.LICENSE.txt"),
    asset!("vendor/preact.LICENSE.txt", TEXT, text "../../assets/console/vendor/preact.LICENSE.txt"),
    asset!("vendor/uplot.js", SCRIPT, text "../../assets/console/vendor/uplot.js"),
    asset!("vendor/uplot.css", STYLE, text "../../assets/console/vendor/uplot.css"),
    asset!("vendor/uplot.LICENSE.txt", TEXT, text "../../assets/console/vendor/uplot.LICENSE.txt"),
];

/// The routes of the page, of the files that it loads, and of the operator.
pub fn routes(desk: Arc<ConsoleState>) -> axum::Router {
    let page = assets::routes("/console/", INDEX, &ASSETS)
        .route("/console", get(async || Redirect::permanent("/console/")))
        .merge(desk::routes(desk));
    assets::guarded(page, POLICY)
}

/// Writes the console as a folder of static files for any web host. The files hold no credential: people sign in with
/// theirs. `server` is the address of the API to call; without it, people enter one. The operator's views do not open.
pub fn write(out: &Path, server: Option<&str>) -> Result<()> {
    let server = server.map(assets::address).transpose()?.unwrap_or_default();
    assets::write_folder(out, &INDEX.with_server(&server)?, &ASSETS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::collections::BTreeSet;
    use std::fs;
    use std::io::Write as _;
    use std::path::PathBuf;

    /// The most bytes of the page with all its files, compressed.
    const MAX_PACKED: usize = 300_000;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/console")
    }

    fn files(folder: &Path, below: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{below}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                found.extend(files(&entry.path(), &format!("{name}/")));
            } else {
                found.insert(name);
            }
        }
        found
    }

    #[test]
    fn every_file_of_the_page_is_served_and_no_other() {
        let served: BTreeSet<String> = ASSETS.iter().map(|asset| asset.path.to_owned()).collect();
        let mut there = files(&folder(), "");
        there.remove("index.html");
        there.remove("README.md");
        there.insert("icon.svg".to_owned());
        assert_eq!(served, there);
    }

    #[test]
    fn the_page_is_small() {
        let packed: usize = ASSETS
            .iter()
            .chain([&INDEX])
            .map(|asset| {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(&asset.bytes().unwrap()).unwrap();
                encoder.finish().unwrap().len()
            })
            .sum();
        assert!(packed < MAX_PACKED, "{packed} bytes");
    }

    #[test]
    fn both_languages_have_the_same_texts() {
        let names = |language: &str| -> BTreeSet<String> {
            let text = fs::read_to_string(folder().join(format!("lang/{language}.js"))).unwrap();
            let names = text.split('"').collect::<Vec<_>>();
            names.windows(2).filter(|pair| pair[1].starts_with(": ")).map(|pair| pair[0].to_owned()).collect()
        };
        let (english, russian) = (names("en"), names("ru"));
        assert!(english.len() > 200);
        assert_eq!(english, russian);
    }
}
