//! A transport that performs each operation on the spot, on the caller's thread, for tests with a paused clock: while
//! another thread works, that clock would run ahead.

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use dynoxide::Database;
use std::fmt;
use switchboard::embedded;

/// The transport into a database.
pub fn transport(database: &Database) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(database.clone()));
    http_client_fn(move |_, _| connector.clone())
}

struct Connector(Database);

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connector(inline)")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let database = self.0.clone();
        HttpConnectorFuture::new(async move {
            let (operation, body) = embedded::asked(&request);
            // As over a network, calls that are made together are all sent before one is answered.
            tokio::task::yield_now().await;
            let (status, answer) = embedded::perform(&database, &operation, &body);
            embedded::answered(status, answer)
        })
    }
}
