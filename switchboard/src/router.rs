//! The local front: the paths of API Gateway, in one process.

use crate::methods::families;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::StatusCode;
use http::header::CONNECTION;
use shared::context::App;
use shared::limits::MAX_BODY_BYTES;
use shared::method::Entry;
use shared::runtime;
use shared::wire::{Inbound, Peer};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of the largest body that API Gateway takes.
const GATEWAY_BYTES: usize = 10 * 1024 * 1024;

/// How long a body may take to arrive: API Gateway answers within thirty seconds altogether.
const BODY_TIME: Duration = Duration::from_secs(30);

#[derive(Clone)]
struct Routes {
    app: Arc<App>,
    methods: Arc<HashMap<String, Entry>>,
}

/// Every route of both families.
pub fn router(app: Arc<App>) -> axum::Router {
    let families = families();
    let methods = families.iter().flat_map(|family| family.methods);
    let methods = methods.flat_map(|entry| entry.paths().into_iter().map(|path| (path, *entry)));
    let routes = Routes { app, methods: Arc::new(methods.collect()) };
    axum::Router::new().fallback(route).with_state(routes)
}

async fn route(State(routes): State<Routes>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    // Any prefix may come before the family's root: clients put a stage or a base path there.
    let below = |root: &str| path.split_once(root).is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with('/'));
    let voximplant = below("/platform_api");
    let stepchat = below("/stepchat") || below("/include/api.php");
    if !stepchat && !voximplant {
        return (StatusCode::NOT_FOUND, "No such path. See / for the methods.\n").into_response();
    }
    let accepts_json = Inbound::accepts_json(request.headers());
    let (mut head, body) = request.into_parts();
    if let Some(ConnectInfo(address)) = head.extensions.get::<ConnectInfo<SocketAddr>>().copied() {
        head.extensions.insert(Peer(address.ip()));
    }
    // Chunked bodies are put together here; API Gateway does it in the cloud.
    let Ok(body) = tokio::time::timeout(BODY_TIME, whole(body)).await else {
        // Whoever sends so slowly holds the connection on purpose, or has gone.
        return (StatusCode::REQUEST_TIMEOUT, [(CONNECTION, "close")], "The body took too long.\n").into_response();
    };
    let reply: http::Response<Bytes> = match body {
        None if voximplant => runtime::too_large::<voximplant_front_door::Family>(&routes.app, accepts_json).into(),
        None => runtime::too_large::<stepchat_front_door::Family>(&routes.app, accepts_json).into(),
        Some(body) => answer(&routes, &path, voximplant, http::Request::from_parts(head, body)).await,
    };
    reply.map(Body::from)
}

/// The body, unless it is above the limit. That one is still read, as far as API Gateway would take it, and dropped: who
/// is answered while still sending sees a broken connection instead of the answer.
async fn whole(body: Body) -> Option<Bytes> {
    let mut chunks = body.into_data_stream();
    let (mut kept, mut length) = (BytesMut::new(), 0_usize);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.ok()?;
        length = length.saturating_add(chunk.len());
        if length <= MAX_BODY_BYTES {
            kept.extend_from_slice(&chunk);
        } else if length > GATEWAY_BYTES {
            break;
        }
    }
    (length <= MAX_BODY_BYTES).then(|| kept.freeze())
}

async fn answer(routes: &Routes, path: &str, voximplant: bool, request: http::Request<Bytes>) -> http::Response<Bytes> {
    let app = Arc::clone(&routes.app);
    if let Some(method) = routes.methods.get(path) {
        method.answer(app, request).await.into()
    } else if voximplant {
        let methods = &voximplant_front_door::HANDLERS;
        runtime::front_door::<voximplant_front_door::Family>(app, methods, request).await
    } else {
        let methods = &stepchat_front_door::HANDLERS;
        runtime::front_door::<stepchat_front_door::Family>(app, methods, request).await
    }
}
