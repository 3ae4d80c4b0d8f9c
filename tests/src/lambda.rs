//! The Lambda runtime API, played for one real function process: it hands out events and takes the answers.

use crate::workspace;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc, watch};

const PATIENCE: Duration = Duration::from_secs(20);
/// The gateway's id of each request.
pub const GATEWAY_ID: &str = "gateway-request";
/// Lambda's id of each event.
pub const INVOCATION_ID: &str = "invocation";

/// A function process and the runtime API it polls.
pub struct Lambda {
    events: mpsc::Sender<String>,
    answers: Mutex<mpsc::Receiver<Result<Value, String>>>,
    lines: Mutex<mpsc::UnboundedReceiver<String>>,
    polled: watch::Receiver<Option<Instant>>,
    process: Child,
}

struct Api {
    polled: watch::Sender<Option<Instant>>,
    events: Mutex<mpsc::Receiver<String>>,
    answers: mpsc::Sender<Result<Value, String>>,
}

/// What a function answered to an HTTP event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LambdaAnswer {
    /// `statusCode`.
    pub status: u64,
    /// `content-type`.
    pub content_type: String,
    /// `body`, decoded.
    pub body: String,
    /// `cookies`: what API Gateway makes `Set-Cookie` of.
    pub cookies: Vec<String>,
}

impl Lambda {
    /// Starts a function binary with these environment variables and nothing else.
    pub async fn start(binary: &str, variables: &[(&str, String)]) -> Self {
        Self::start_program(&workspace::binary(binary), binary, variables).await
    }

    /// The same of a program that was built otherwise.
    pub async fn start_program(program: &std::path::Path, name: &str, variables: &[(&str, String)]) -> Self {
        let (polled, when_polled) = watch::channel(None);
        let (events, receiver) = mpsc::channel(1);
        let (sender, answers) = mpsc::channel(1);
        let api = Arc::new(Api { polled, events: Mutex::new(receiver), answers: sender });
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failure))
            .route("/2018-06-01/runtime/init/error", post(init_failure))
            .with_state(api);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let mut process = Command::new(program)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "test")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "test")
            .envs(variables.iter().map(|(name, value)| (*name, value)))
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        let (line, lines) = mpsc::unbounded_channel();
        let mut written = BufReader::new(process.stdout.take().unwrap()).lines();
        tokio::spawn(async move {
            while let Ok(Some(text)) = written.next_line().await {
                // Nobody has to read them.
                let _ = line.send(text);
            }
        });
        Self { events, answers: Mutex::new(answers), lines: Mutex::new(lines), polled: when_polled, process }
    }

    /// When it first asked for an event.
    pub async fn polled(&self) -> Instant {
        let mut polled = self.polled.clone();
        let moment = tokio::time::timeout(PATIENCE, polled.wait_for(Option::is_some)).await.unwrap().unwrap();
        moment.unwrap()
    }

    /// The most memory that it has had.
    pub fn peak_kilobytes(&self) -> std::io::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id().unwrap_or_default()))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        Ok(peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default())
    }

    /// The next line of its log.
    pub async fn line(&self) -> Value {
        let mut lines = self.lines.lock().await;
        let line = tokio::time::timeout(PATIENCE, lines.recv()).await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("a line that is no JSON: {line}"))
    }

    /// Hands the function an event and waits for its answer.
    pub async fn invoke(&self, event: &Value) -> Result<Value, String> {
        self.invoke_text(event.to_string()).await
    }

    /// Hands the function an event that no JSON library would write.
    pub async fn invoke_text(&self, event: String) -> Result<Value, String> {
        let mut answers = self.answers.lock().await;
        self.events.send(event).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE, answers.recv()).await;
        answer.map_err(|_| String::from("no answer in 20 s"))?.ok_or_else(|| String::from("the function has gone"))?
    }

    /// Hands the function a posted form as API Gateway's HTTP API does (payload format 2.0).
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8], base64: bool) -> LambdaAnswer {
        let answer = self.invoke(&event(path, headers, body, base64)).await;
        let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
        let text = |name: &str| answer["headers"][name].as_str().unwrap_or_default().to_owned();
        let body = answer["body"].as_str().unwrap_or_default();
        assert_eq!(answer["isBase64Encoded"], json!(false), "answers are text");
        LambdaAnswer {
            status: answer["statusCode"].as_u64().unwrap(),
            content_type: text("content-type"),
            body: body.to_owned(),
            cookies: serde_json::from_value(answer["cookies"].clone()).unwrap_or_default(),
        }
    }

    /// Waits for the process to end by itself.
    pub async fn exit_code(mut self) -> Option<i32> {
        tokio::time::timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap().code()
    }
}

/// An API Gateway HTTP API event, payload format 2.0.
pub fn event(path: &str, headers: &[(&str, &str)], body: &[u8], base64: bool) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let headers: serde_json::Map<String, Value> =
        headers.iter().map(|(name, value)| (name.to_lowercase(), Value::from(*value))).collect();
    json!({
        "version": "2.0",
        "routeKey": format!("POST {path}"),
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "api.example.com",
            "http": { "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test" },
            "requestId": GATEWAY_ID,
            "routeKey": format!("POST {path}"),
            "stage": "$default",
            "time": "22/Nov/2026:00:00:00 +0000",
            "timeEpoch": 1_795_305_600_000_i64,
        },
        "body": if base64 { STANDARD.encode(body) } else { String::from_utf8(body.to_vec()).unwrap() },
        "isBase64Encoded": base64,
    })
}

async fn next(State(api): State<Arc<Api>>) -> impl IntoResponse {
    api.polled.send_if_modified(|polled| polled.is_none() && polled.replace(Instant::now()).is_none());
    let event = api.events.lock().await.recv().await;
    let Some(event) = event else {
        return (StatusCode::GONE, HeaderMap::new(), String::new());
    };
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + PATIENCE;
    let mut headers = HeaderMap::new();
    headers.insert("lambda-runtime-aws-request-id", HeaderValue::from_static(INVOCATION_ID));
    headers.insert("lambda-runtime-deadline-ms", deadline.as_millis().to_string().parse().unwrap());
    headers.insert("lambda-runtime-trace-id", HeaderValue::from_static("Root=1-0-0"));
    let arn = "arn:aws:lambda:eu-central-1:123456789012:function:test";
    headers.insert("lambda-runtime-invoked-function-arn", HeaderValue::from_static(arn));
    (StatusCode::OK, headers, event)
}

async fn response(State(api): State<Arc<Api>>, Path(_): Path<String>, body: Bytes) -> StatusCode {
    let answer = serde_json::from_slice(&body).map_err(|error| error.to_string());
    api.answers.send(answer).await.unwrap();
    StatusCode::ACCEPTED
}

async fn failure(State(api): State<Arc<Api>>, Path(_): Path<String>, body: String) -> StatusCode {
    api.answers.send(Err(body)).await.unwrap();
    StatusCode::ACCEPTED
}

async fn init_failure(State(api): State<Arc<Api>>, body: String) -> StatusCode {
    api.answers.send(Err(body)).await.unwrap();
    StatusCode::ACCEPTED
}
