//! A network that holds one call back until it is let through, that is slow for some, and that changes what answers say:
//! for tests of what happens in between.

use aws_sdk_dynamodb::Client;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use dynoxide::Database;
use serde_json::Value;
use shared::store::{Endpoint, connect_with};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchboard::embedded;
use tests::App;
use tokio::sync::Notify;

/// Which calls: by operation and request.
type Rule = Box<dyn Fn(&str, &Value) -> bool + Send>;
/// Changes the answer to a call.
type Edit = Box<dyn FnMut(&str, &Value, &mut Value) + Send>;

#[derive(Default)]
struct State {
    held: Option<Rule>,
    slow: Option<(Rule, Duration)>,
    edit: Option<Edit>,
    seen: Vec<(String, Value)>,
}

/// The network.
pub(super) struct Gate {
    database: Database,
    state: Mutex<State>,
    arrived: Notify,
    opened: Notify,
}

impl Gate {
    /// A deployment behind a gate.
    pub(super) async fn app() -> (Arc<Self>, App) {
        let database = Database::memory().unwrap();
        let gate = Arc::new(Self {
            database: database.clone(),
            state: Mutex::default(),
            arrived: Notify::new(),
            opened: Notify::new(),
        });
        let connector = SharedHttpConnector::new(Connector(Arc::clone(&gate)));
        let transport = http_client_fn(move |_, _| connector.clone());
        let client: Client = connect_with(&Endpoint::emulator(Some("http://embedded".into())), transport);
        let app = App::on(database, client, |_| None).await;
        (gate, app)
    }

    /// The next such call waits until the gate is opened.
    pub(super) fn hold(&self, rule: impl Fn(&str, &Value) -> bool + Send + 'static) {
        self.state.lock().unwrap().held = Some(Box::new(rule));
    }

    /// Waits for the call that is held.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Lets the held call through.
    pub(super) fn open(&self) {
        self.opened.notify_one();
    }

    /// Every such call takes so long.
    pub(super) fn slow(&self, rule: impl Fn(&str, &Value) -> bool + Send + 'static, by: Duration) {
        self.state.lock().unwrap().slow = Some((Box::new(rule), by));
    }

    /// From now on answers go through this.
    pub(super) fn edit(&self, edit: impl FnMut(&str, &Value, &mut Value) + Send + 'static) {
        self.state.lock().unwrap().edit = Some(Box::new(edit));
    }

    /// The calls since the last look.
    pub(super) fn seen(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut self.state.lock().unwrap().seen)
    }

    async fn answer(&self, operation: &str, body: Vec<u8>) -> (u16, String) {
        let request: Value = serde_json::from_slice(&body).unwrap();
        let (held, pause) = {
            let mut state = self.state.lock().unwrap();
            state.seen.push((operation.to_owned(), request.clone()));
            let held = state.held.take_if(|rule| rule(operation, &request)).is_some();
            let slow = state.slow.as_ref().filter(|(rule, _)| rule(operation, &request));
            (held, slow.map(|(_, by)| *by))
        };
        if held {
            self.arrived.notify_one();
            self.opened.notified().await;
        }
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
        tokio::task::yield_now().await;
        let (database, name) = (self.database.clone(), operation.to_owned());
        let performed = tokio::task::spawn_blocking(move || embedded::perform(&database, &name, &body));
        let (status, answer) = performed.await.unwrap();
        let mut state = self.state.lock().unwrap();
        let Some(edit) = state.edit.as_mut() else { return (status, answer) };
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        edit(operation, &request, &mut answer);
        (status, answer.to_string())
    }
}

struct Connector(Arc<Gate>);

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connector(gate)")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let gate = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let (operation, body) = embedded::asked(&request);
            let (status, body) = gate.answer(&operation, body).await;
            embedded::answered(status, body)
        })
    }
}
