//! `DynamoDB` inside the process: the real SDK speaks to the emulator without a socket in between.

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use dynoxide::Database;
use dynoxide::errors::DynoxideError;
use serde::de::DeserializeOwned;
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::sync::Semaphore;

/// A transport into an embedded database.
#[must_use]
pub fn transport(database: &Database) -> SharedHttpClient {
    let connector = connector(database);
    http_client_fn(move |_, _| connector.clone())
}

/// The connector that all requests of the transport share.
#[must_use]
pub fn connector(database: &Database) -> SharedHttpConnector {
    let cores = available_parallelism().map_or(1, NonZero::get);
    let turns = Arc::new(Semaphore::new(cores.saturating_mul(2)));
    SharedHttpConnector::new(Connector { database: database.clone(), turns })
}

struct Connector {
    database: Database,
    /// Limits operations to two at once for each core, which keeps the cores busy, in the order of arrival. If hundreds
    /// of threads waited for the database instead, some would be woken much later than others, and each would take
    /// memory (docs/benchmarks.md).
    turns: Arc<Semaphore>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connector(embedded)")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (database, turns) = (self.database.clone(), Arc::clone(&self.turns));
        HttpConnectorFuture::new(async move {
            let (operation, body) = asked(&request);
            // A network would not answer before the next call is sent: after this, calls that are made together also
            // run at the same time here.
            tokio::task::yield_now().await;
            let turn = turns.acquire_owned().await.map_err(|error| ConnectorError::other(Box::new(error), None))?;
            // SQLite blocks; the event loop must not.
            let answer = tokio::task::spawn_blocking(move || {
                let answer = perform(&database, &operation, &body);
                drop(turn);
                answer
            });
            let answer = answer.await;
            let (status, body) = answer.map_err(|error| ConnectorError::other(Box::new(error), None))?;
            answered(status, body)
        })
    }
}

/// What a request of the SDK asks for: the operation, and its body.
#[must_use]
pub fn asked(request: &HttpRequest) -> (String, Vec<u8>) {
    let operation = request.headers().get("x-amz-target").unwrap_or_default();
    let operation = operation.rsplit('.').next().unwrap_or_default().to_owned();
    (operation, request.body().bytes().unwrap_or_default().to_vec())
}

/// An answer of [`perform`] as the SDK expects it.
pub fn answered(status: u16, body: String) -> Result<HttpResponse, ConnectorError> {
    let status = status.try_into().map_err(|error| ConnectorError::other(Box::new(error), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}

/// Performs one operation: HTTP status and JSON body, as `DynamoDB` would send them.
#[must_use]
pub fn perform(database: &Database, operation: &str, body: &[u8]) -> (u16, String) {
    match dispatch(database, operation, body) {
        Ok(body) => (200, body),
        Err(error) => (error.status_code(), error.to_json()),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, DynoxideError> {
    serde_json::from_slice(body).map_err(|error| DynoxideError::ValidationException(error.to_string()))
}

fn dispatch(database: &Database, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
    macro_rules! operations {
        ($($name:literal => $method:ident),+ $(,)?) => {
            match operation {
                $($name => serde_json::to_string(&database.$method(read(body)?)?),)+
                other => return Err(DynoxideError::ValidationException(format!("{other} is not embedded"))),
            }
        };
    }
    let answer = operations! {
        "GetItem" => get_item,
        "BatchGetItem" => batch_get_item,
        "Query" => query,
        "Scan" => scan,
        "PutItem" => put_item,
        "UpdateItem" => update_item,
        "DeleteItem" => delete_item,
        "BatchWriteItem" => batch_write_item,
        "TransactWriteItems" => transact_write_items,
        "TransactGetItems" => transact_get_items,
        "CreateTable" => create_table,
        "ListTables" => list_tables,
        "DescribeTable" => describe_table,
        "DeleteTable" => delete_table,
        "UpdateTimeToLive" => update_time_to_live,
        "DescribeTimeToLive" => describe_time_to_live,
    };
    answer.map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
