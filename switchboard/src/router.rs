//! The local router: the paths of API Gateway, in one process.

use crate::methods::families;
use crate::turns::Turns;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::StatusCode;
use http::header::CONNECTION;
use shared::context::App;
use shared::entry::MethodEntry;
use shared::limits::MAX_BODY_BYTES;
use shared::method::Family;
use shared::routes::{MOST_FOLDERS, RoutePath};
use shared::runtime;
use shared::wire::{Inbound, Peer};
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
    /// The most specific routes first.
    table: Arc<[(RoutePath, Target)]>,
    turns: Turns,
}

/// What a route leads to.
#[derive(Clone, Copy)]
enum Target {
    /// A method's own function.
    Method(MethodEntry),
    /// The front door of the family of this name.
    FrontDoor(&'static str),
}

impl Target {
    fn is_voximplant(&self) -> bool {
        let (Self::Method(MethodEntry { family, .. }) | Self::FrontDoor(family)) = self;
        *family == voximplant_front_door::Family::NAME
    }
}

/// Every route of both families.
pub fn router(app: Arc<App>) -> axum::Router {
    router_with(app, Turns::unlimited())
}

/// The same, where calls take turns.
pub(crate) fn router_with(app: Arc<App>, turns: Turns) -> axum::Router {
    let mut table: Vec<(RoutePath, Target)> = Vec::new();
    for family in families() {
        table.extend(family.door_routes().into_iter().map(|route| (route, Target::FrontDoor(family.name))));
        let methods = family.methods.iter();
        table.extend(methods.flat_map(|entry| entry.routes().into_iter().map(|route| (route, Target::Method(*entry)))));
    }
    table.sort_by_key(|(route, _)| route.precedence());
    axum::Router::new().fallback(route).with_state(Routes { app, table: table.into(), turns })
}

impl Routes {
    /// Where a path leads. A route may come after a base path, such as a domain name may have on AWS.
    fn target(&self, path: &str) -> Option<Target> {
        let starts = path.match_indices('/').map(|(at, _)| at).take(MOST_FOLDERS + 1);
        let mut paths = starts.filter_map(|at| path.get(at..));
        paths.find_map(|path| self.table.iter().find(|(route, _)| route.matches(path)).map(|(_, target)| *target))
    }
}

async fn route(State(routes): State<Routes>, request: Request) -> Response {
    let Some(target) = routes.target(request.uri().path()) else {
        return (StatusCode::NOT_FOUND, "No such path. See / for the methods.\n").into_response();
    };
    let voximplant = target.is_voximplant();
    let accepts_json = Inbound::accepts_json(request.headers());
    let (mut head, body) = request.into_parts();
    if let Some(ConnectInfo(address)) = head.extensions.get::<ConnectInfo<SocketAddr>>().copied() {
        head.extensions.insert(Peer(address.ip()));
    }
    // Chunked bodies are put together here; API Gateway does it in the cloud.
    let Ok(body) = tokio::time::timeout(BODY_TIME, collected(body)).await else {
        // Whoever sends so slowly holds the connection on purpose, or has gone.
        return (StatusCode::REQUEST_TIMEOUT, [(CONNECTION, "close")], "The body took too long.\n").into_response();
    };
    let reply: http::Response<Bytes> = match body {
        None if voximplant => runtime::too_large::<voximplant_front_door::Family>(&routes.app, accepts_json).into(),
        None => runtime::too_large::<stepchat_front_door::Family>(&routes.app, accepts_json).into(),
        // Only now, so that no slow body takes up a turn.
        Some(body) => routes.turns.take(answer(&routes.app, target, http::Request::from_parts(head, body))).await,
    };
    reply.map(Body::from)
}

/// The body; `None` if it is above the limit. A body above the limit is still read, as far as API Gateway would take
/// it, and dropped: a client that is answered while still sending sees a broken connection instead of the answer.
async fn collected(body: Body) -> Option<Bytes> {
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

async fn answer(app: &Arc<App>, target: Target, request: http::Request<Bytes>) -> http::Response<Bytes> {
    let app = Arc::clone(app);
    match target {
        Target::Method(method) => method.answer(app, request).await.into(),
        Target::FrontDoor(_) if target.is_voximplant() => {
            let methods = &voximplant_front_door::HANDLERS;
            runtime::front_door::<voximplant_front_door::Family>(app, methods, request).await
        }
        Target::FrontDoor(_) => {
            let methods = &stepchat_front_door::HANDLERS;
            runtime::front_door::<stepchat_front_door::Family>(app, methods, request).await
        }
    }
}
/// Answers in a task of its own: as on Lambda, a caller who hangs up must not stop a call half-way and unlogged.
pub(crate) async fn run_to_completion(request: Request, next: Next) -> Response {
    let answered = tokio::spawn(next.run(request)).await;
    answered.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
