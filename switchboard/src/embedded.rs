//! `DynamoDB` inside the process: the real SDK speaks to the emulator without a socket in between.

use crate::worker::Worker;
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use dynoxide::Database;
use dynoxide::errors::DynoxideError;
use serde::de::DeserializeOwned;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::{fmt, io};
use tokio::sync::oneshot;

/// A transport into a database. Fails if its thread cannot be started.
pub fn transport(database: &Database) -> io::Result<SharedHttpClient> {
    Ok(EmbeddedDatabase::start(database.clone())?.transport())
}

/// The connector of such a transport.
pub fn connector(database: &Database) -> io::Result<SharedHttpConnector> {
    Ok(EmbeddedDatabase::start(database.clone())?.connector())
}

/// A database, and the thread that performs its operations, one after the other in the order in which they come.
///
/// The database does one operation at a time in any case. If several threads took turns at it, nearly every operation
/// would wake one thread and put another to sleep (docs/benchmarks.md, "Under load").
#[derive(Debug, Clone)]
pub struct EmbeddedDatabase(Arc<Running>);

struct Running {
    // Dropped in this order: the last handle waits for the operation under way. Then the file is closed, and whoever holds
    // the lock of its folder may let go of it.
    operations: Worker<Operation>,
    database: Database,
}

impl fmt::Debug for Running {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Running")
    }
}

/// An operation, and where its answer goes.
struct Operation {
    name: String,
    body: Bytes,
    answer: oneshot::Sender<(u16, String)>,
}

/// The operation has panicked.
#[derive(Debug, thiserror::Error)]
#[error("the database has failed at this operation")]
pub(crate) struct Failed;

impl EmbeddedDatabase {
    /// Starts the thread.
    pub fn start(database: Database) -> io::Result<Self> {
        let own = database.clone();
        Self::start_with(database, move |name, body| perform(&own, name, body))
    }

    fn start_with(
        database: Database,
        perform: impl Fn(&str, &[u8]) -> (u16, String) + Send + 'static,
    ) -> io::Result<Self> {
        let operations = Worker::start("database", move |Operation { name, body, answer }| {
            // Nobody waits any more: as when a connection is closed before the request was read.
            if answer.is_closed() {
                return;
            }
            // A panic does not end the thread. It drops `answer`, which tells the caller.
            let _ = catch_unwind(AssertUnwindSafe(|| answer.send(perform(&name, &body))));
        })?;
        Ok(Self(Arc::new(Running { operations, database })))
    }

    /// The database itself.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// A transport into the database.
    #[must_use]
    pub fn transport(&self) -> SharedHttpClient {
        let connector = self.connector();
        http_client_fn(move |_, _| connector.clone())
    }

    fn connector(&self) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector(self.clone()))
    }

    /// Performs one operation, as [`perform`] does.
    pub(crate) async fn perform(&self, name: String, body: Bytes) -> Result<(u16, String), Failed> {
        let (answer, answered) = oneshot::channel();
        self.0.operations.send(Operation { name, body, answer }).map_err(|_| Failed)?;
        answered.await.map_err(|_| Failed)
    }
}

#[derive(Debug)]
struct Connector(EmbeddedDatabase);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let database = self.0.clone();
        HttpConnectorFuture::new(async move {
            let (operation, body) = asked(&request);
            // A network would not answer before the next call is sent: after this, calls that are made together are
            // also asked together here.
            tokio::task::yield_now().await;
            let answer = database.perform(operation, body.into()).await;
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join;
    use std::sync::mpsc;
    use std::thread;

    fn performing(perform: impl Fn(&str) -> String + Send + 'static) -> EmbeddedDatabase {
        let database = Database::memory().unwrap();
        EmbeddedDatabase::start_with(database, move |name, _| (200, perform(name))).unwrap()
    }

    #[tokio::test]
    async fn a_panic_fails_its_operation_and_no_other() {
        let database = performing(|name| if name == "bad" { panic!("bad") } else { name.to_owned() });
        let (bad, good) =
            join(database.perform("bad".into(), Bytes::new()), database.perform("good".into(), Bytes::new())).await;
        assert!(bad.is_err());
        assert_eq!(good.unwrap(), (200, "good".to_owned()));
    }

    #[tokio::test]
    async fn the_last_handle_waits_for_the_operation_under_way() {
        let (told, performed) = mpsc::channel();
        let database = performing(move |_| {
            told.send("begun").unwrap();
            thread::sleep(std::time::Duration::from_millis(50));
            told.send("ended").unwrap();
            String::new()
        });
        let handle = database.clone();
        let mut call = Box::pin(async move { handle.perform("any".into(), Bytes::new()).await });
        assert!(futures_util::poll!(&mut call).is_pending());
        assert_eq!(performed.recv(), Ok("begun"));
        drop(call);
        drop(database);
        assert_eq!(performed.try_recv(), Ok("ended"));
    }

    #[tokio::test]
    async fn an_operation_that_nobody_waits_for_any_more_is_not_begun() {
        let (release, held) = mpsc::channel::<()>();
        let (told, performed) = mpsc::channel();
        let database = performing(move |name| {
            told.send(name.to_owned()).unwrap();
            if name == "first" {
                held.recv().unwrap();
            }
            String::new()
        });
        let first = tokio::spawn({
            let database = database.clone();
            async move { database.perform("first".into(), Bytes::new()).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(performed.recv().unwrap(), "first");
        let mut dropped = Box::pin(database.perform("dropped".into(), Bytes::new()));
        assert!(futures_util::poll!(&mut dropped).is_pending());
        drop(dropped);
        release.send(()).unwrap();
        database.perform("last".into(), Bytes::new()).await.unwrap();
        first.await.unwrap().unwrap();
        assert_eq!(performed.recv().unwrap(), "last");
    }
}
