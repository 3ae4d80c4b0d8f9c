//! The local front: the paths of API Gateway, in one process.

use crate::methods::{FamilyEntry, families};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use shared::context::App;
use shared::limits::MAX_BODY_BYTES;
use shared::method::Entry;
use shared::runtime;
use shared::wire::{Inbound, Reply};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

#[derive(Clone)]
struct Routes {
    app: Arc<App>,
    methods: Arc<HashMap<String, Entry>>,
    index: Arc<str>,
}

/// Every route of both families, and a page that lists them at `/`.
pub fn router(app: Arc<App>) -> axum::Router {
    let families = families();
    let methods = families.iter().flat_map(|family| family.methods);
    let methods = methods.flat_map(|entry| entry.paths().into_iter().map(|path| (path, *entry)));
    let routes = Routes { app, methods: Arc::new(methods.collect()), index: index(&families).into() };
    axum::Router::new().fallback(route).with_state(routes)
}

async fn route(State(routes): State<Routes>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if path == "/" {
        return Html(routes.index.to_string()).into_response();
    }
    // Any prefix may come before the family's root: clients put a stage or a base path there.
    let below = |root: &str| path.split_once(root).is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with('/'));
    let voximplant = below("/platform_api");
    let stepchat = below("/stepchat") || below("/include/api.php");
    if !stepchat && !voximplant {
        return (StatusCode::NOT_FOUND, "No such path. See / for the methods.\n").into_response();
    }
    let accepts_json = Inbound::accepts_json(request.headers());
    let (head, body) = request.into_parts();
    // Chunked bodies are put together here; API Gateway does it in the cloud.
    let reply = match axum::body::to_bytes(body, MAX_BODY_BYTES).await {
        Err(_) if voximplant => runtime::too_large::<voximplant_front_door::Family>(&routes.app, accepts_json),
        Err(_) => runtime::too_large::<stepchat_front_door::Family>(&routes.app, accepts_json),
        Ok(body) => answer(&routes, &path, voximplant, http::Request::from_parts(head, body)).await,
    };
    response(reply)
}

async fn answer(routes: &Routes, path: &str, voximplant: bool, request: http::Request<Bytes>) -> Reply {
    let app = Arc::clone(&routes.app);
    if let Some(method) = routes.methods.get(path) {
        method.answer(app, request).await
    } else if voximplant {
        runtime::front_door::<voximplant_front_door::Family>(app, voximplant_front_door::METHODS, request).await
    } else {
        runtime::front_door::<stepchat_front_door::Family>(app, stepchat_front_door::METHODS, request).await
    }
}

fn response(reply: Reply) -> Response {
    let response: http::Response<Bytes> = reply.into();
    response.map(Body::from)
}

/// The methods, for whoever opens the address in a browser.
fn index(families: &[FamilyEntry]) -> String {
    let mut page = String::from(
        "<!doctype html><meta charset=utf-8><title>Switchboard</title>\
         <style>body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}td{padding:.1rem 1rem .1rem 0}</style>\
         <h1>Switchboard</h1><p>Your users, on your own AWS account, behind the two APIs your tools already speak.</p>",
    );
    for family in families {
        let doors = family.front_doors.join(" or ");
        let _ = write!(page, "<h2>{}</h2><p>Front door: POST {doors}</p><table>", family.name);
        for entry in family.methods {
            let path = entry.paths().into_iter().next().unwrap_or_default();
            let _ = write!(page, "<tr><td>{path}<td>{}<td>{}", entry.summary, entry.access());
        }
        page.push_str("</table>");
    }
    page
}
