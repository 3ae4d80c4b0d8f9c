//! Serves the embedded database to other processes in `DynamoDB`'s own protocol: through a socket in the state folder,
//! for the operator's commands; and, if asked for, on a port of this machine, for function binaries.

use crate::caller::check_program;
use crate::embedded::EmbeddedDatabase;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::json;

/// Bytes of the largest request that `DynamoDB` takes.
const MAX_REQUEST_BYTES: usize = 16 * 1024 * 1024;
const AMZ_JSON: &str = "application/x-amz-json-1.0";

/// The database's routes. No answer has a header that lets a page of another origin read the answer.
pub(crate) fn routes(database: EmbeddedDatabase) -> axum::Router {
    axum::Router::new()
        .route("/", get(async || "healthy: dynamodb.us-east-1.amazonaws.com \n").post(perform))
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(database)
}

/// Like [`routes`], for a port of this machine; refuses browsers, which can reach the port too.
pub(crate) fn routes_for_programs(database: EmbeddedDatabase) -> axum::Router {
    routes(database).layer(from_fn(async |request: Request, next: Next| match check_program(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refused(StatusCode::FORBIDDEN, "AccessDeniedException", &refusal.to_string()),
    }))
}

async fn perform(State(database): State<EmbeddedDatabase>, headers: HeaderMap, body: Bytes) -> Response {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    // No SDK sends a form or plain text, which a web page may send to another origin without permission.
    if ![AMZ_JSON, "application/json"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        return refused(
            StatusCode::BAD_REQUEST,
            "SerializationException",
            "the body is not of type application/x-amz-json-1.0",
        );
    }
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    match database.perform(operation, body).await {
        Ok((status, body)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, [(CONTENT_TYPE, AMZ_JSON)], body).into_response()
        }
        Err(_) => refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "the request has failed"),
    }
}

fn refused(status: StatusCode, kind: &str, why: &str) -> Response {
    let body = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": why });
    (status, [(CONTENT_TYPE, AMZ_JSON)], body.to_string()).into_response()
}
