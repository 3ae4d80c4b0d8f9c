//! What the published clients really sent, byte for byte, against the methods that exist. The captures are in
//! `tests/captures`; only the signature is put back, which they do not hold. What each client can read of an answer, and what
//! each request must be answered, is in `tests/captures/clients.json`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Request;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs8::EncodePrivateKey as _;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::store::auth::{ApiKey, ServiceKey, TokenHash};
use shared::timestamp::Timestamp;
use shared::voximplant::Role;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tests::{Answer, App, jwt, workspace};

/// The key and API key of the captures.
const KEY_ID: &str = "ab98c70e-573e-4446-9af9-105269dfafca";
const API_KEY: &str = "00000000-0000-0000-0000-000000000001";

struct Capture {
    client: String,
    file: String,
    method: String,
    request: Request<Bytes>,
    issued: Option<i64>,
}

/// The capture without the notes of whoever recorded it, in two at this separator.
fn split_at<'a>(bytes: &'a [u8], separator: &[u8]) -> (&'a [u8], &'a [u8]) {
    let place = bytes.windows(separator.len()).position(|window| window == separator).unwrap_or(bytes.len());
    (&bytes[..place], bytes.get(place + separator.len()..).unwrap_or_default())
}

/// Reads a capture: head, blank line, body, then the notes of whoever recorded it. Chunk framing is taken off, as any
/// HTTP server does before a handler sees the body.
fn read(path: &Path) -> Capture {
    let bytes = fs::read(path).unwrap();
    let (head, body) = split_at(split_at(&bytes, b"\n# jwt header").0, b"\r\n\r\n");
    let mut lines = std::str::from_utf8(head).unwrap().lines();
    let mut start = lines.next().unwrap().split(' ');
    let (verb, target) = (start.next().unwrap(), start.next().unwrap());
    let mut request = Request::builder().method(verb).uri(target);
    let (mut chunked, mut length, mut issued) = (false, None, None);
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        match name.to_lowercase().as_str() {
            "transfer-encoding" => chunked = true,
            "content-length" => length = value.parse::<usize>().ok(),
            "authorization" => {
                let signed = value.trim_start_matches("Bearer ").trim_end_matches(".<signature>");
                let claims = URL_SAFE_NO_PAD.decode(signed.split('.').nth(1).unwrap()).unwrap();
                issued = serde_json::from_slice::<Value>(&claims).unwrap()["iat"].as_i64();
                request = request.header(name, format!("Bearer {signed}.{}", signature(signed)));
            }
            _ => request = request.header(name, value),
        }
    }
    let body = if chunked { dechunked(body) } else { body[..length.unwrap_or(0)].to_owned() };
    let file = path.file_name().unwrap().to_string_lossy().into_owned();
    Capture {
        client: path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned(),
        method: file.trim_end_matches(".txt").split_once('_').unwrap().1.to_owned(),
        request: request.body(Bytes::from(body)).unwrap(),
        file,
        issued,
    }
}

fn dechunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let (size, rest) = split_at(bytes, b"\r\n");
        let size = usize::from_str_radix(std::str::from_utf8(size).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[..size]);
        bytes = rest[size..].strip_prefix(b"\r\n").unwrap();
    }
}

fn signature(signed: &str) -> String {
    let pair = RsaKeyPair::from_pkcs8(jwt::private_key().to_pkcs8_der().unwrap().as_bytes()).unwrap();
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    URL_SAFE_NO_PAD.encode(signature)
}

/// A deployment that knows the captures' key, API key and application 1, its clock at the moment of the capture.
async fn deployment(issued: Option<i64>) -> App {
    let app = App::new().await;
    let (store, account) = (&app.app.store, &app.account);
    let known = store.service_key(&app.key.key_id).await.unwrap().unwrap();
    let key = ServiceKey { id: KEY_ID.into(), roles: vec![Role::Owner], ..known };
    shared::store::voximplant::credentials::add(store, &key).await.unwrap();
    let owner = ApiKey {
        account: account.id,
        account_name: account.name.as_str().into(),
        account_email: account.email.clone(),
        used_at: None,
    };
    store.put_api_key(&TokenHash::of(API_KEY), &owner).await.unwrap();
    assert_eq!(app.application, 1, "the captures speak of application 1");
    if let Some(issued) = issued {
        app.wait_millis(issued * 1000 - app.app.clock.now().millis());
    }
    app
}

/// The captures of a client, in the order in which it sent them.
fn captures(client: &str) -> Vec<Capture> {
    let folder = workspace::root().join("tests/captures").join(client);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|file| file.to_str().unwrap().contains("/0")).collect();
    files.sort();
    files.iter().map(|file| read(file)).collect()
}

/// Clients of which every request is replayed on a deployment of its own.
const ALONE: [&str; 5] = ["apikey-0.0.5", "node-2.5.0", "node-4.11.0", "python-1.15.0", "python-2.12.0"];

async fn replay(method: &str) -> Vec<(String, Answer, App)> {
    let mut answers = Vec::new();
    for capture in ALONE.iter().flat_map(|client| captures(client)).filter(|capture| capture.method == method) {
        let app = deployment(capture.issued).await;
        let answer = app.send(capture.request).await;
        answers.push((format!("{} {}", capture.client, capture.file), answer, app));
    }
    answers
}

/// What a client can read of an answer, as `clients.json` says it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "a row of a table")]
struct Reads {
    status: (u16, u16),
    charset: bool,
    json_type: bool,
    typed: bool,
    null: bool,
    dates: bool,
    counts: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Client {
    reads: Reads,
    /// What is expected of each answer: these members at least, or an error of this code.
    answers: BTreeMap<String, Value>,
}

/// What kind of value a member of an answer has in the clients' own types.
fn kind(name: &str) -> &'static str {
    match name {
        "created" | "modified" | "acd_status_change_time" | "performed_at" => "date",
        "user_active" | "parent_accounting" | "active" | "frozen" | "auto_link" | "secure_record_storage" => "boolean",
        "balance" | "live_balance" | "fixed_balance" | "amount" | "credit_limit" => "number",
        "user_id" | "transaction_id" | "application_id" | "skill_id" | "acd_queue_id" | "count" | "total_count" => {
            "whole"
        }
        _ => "other",
    }
}

impl Reads {
    /// Everything in an answer that the client could not read.
    fn faults(&self, answer: &Answer) -> Vec<String> {
        let mut faults = Vec::new();
        let kind = answer.headers["content-type"].to_str().unwrap();
        if !(self.status.0..=self.status.1).contains(&answer.status.as_u16()) {
            faults.push(format!("status {}", answer.status));
        }
        if self.charset && !kind.contains("charset=utf-8") || self.json_type && !kind.starts_with("application/json") {
            faults.push(format!("content type {kind}"));
        }
        let body = answer.json();
        if self.counts && body["result"].is_array() && !(body["count"].is_u64() && body["total_count"].is_u64()) {
            faults.push("a list without its counts".into());
        }
        self.members(&body, &mut faults);
        faults
    }

    fn members(&self, value: &Value, faults: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.members(item, faults)),
            Value::Object(members) => {
                for (name, value) in members {
                    if !self.member(name, value) {
                        faults.push(format!("{name}: {value}"));
                    }
                    self.members(value, faults);
                }
            }
            _ => {}
        }
    }

    fn member(&self, name: &str, value: &Value) -> bool {
        match kind(name) {
            "date" | "boolean" if value.is_null() => self.null,
            "date" => {
                !self.dates
                    || value.as_str().is_some_and(|text| Timestamp::parse(text).is_some_and(|at| at.wire() == text))
            }
            "boolean" => !self.typed || value.is_boolean(),
            "number" => !self.typed || value.is_number(),
            "whole" => !self.typed || value.as_i64().is_some_and(|number| number < 1 << 31),
            _ => true,
        }
    }
}

/// Whether the answer says all that is expected of it.
fn says(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            expected.iter().all(|(name, value)| actual.get(name).is_some_and(|actual| says(value, actual)))
        }
        (Value::Array(expected), Value::Array(actual)) => {
            expected.len() == actual.len()
                && expected.iter().zip(actual).all(|(expected, actual)| says(expected, actual))
        }
        (Value::Number(expected), Value::Number(actual)) => expected.as_f64() == actual.as_f64(),
        (expected, actual) => expected == actual,
    }
}

/// Gives user 2 the balance of its own that a transfer to it needs, and that the captured AddUser did not ask for.
async fn with_balance(app: &App) {
    let answer = app.voximplant("SetUserInfo", json!({ "user_id": 2, "parent_accounting": false })).await;
    assert_eq!(answer.json()["result"], 1, "{}", answer.text);
}

/// Adds the users that a delete by names is about, if an earlier one of the story has removed them.
async fn with_users(app: &App) {
    for name in ["vera1", "boris2"] {
        let fields = json!({
            "application_id": 1, "user_name": name, "user_display_name": name, "user_password": "Passw0rd!"
        });
        app.voximplant("AddUser", fields).await;
    }
}

#[tokio::test]
async fn every_client_gets_what_it_asked_for_in_a_form_that_it_can_read() {
    let table = fs::read_to_string(workspace::root().join("tests/captures/clients.json")).unwrap();
    let table: BTreeMap<String, Client> = serde_json::from_str(&table).unwrap();
    let mut folders: Vec<String> = fs::read_dir(workspace::root().join("tests/captures"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !ALONE.contains(&name.as_str()))
        .collect();
    folders.sort();
    assert_eq!(table.keys().cloned().collect::<Vec<_>>(), folders);
    let mut faults = Vec::new();
    for (name, client) in &table {
        let captures = captures(name);
        let app = deployment(captures[0].issued).await;
        assert_eq!(client.answers.len(), captures.len(), "{name}");
        for capture in captures {
            if let Some(issued) = capture.issued {
                app.wait_millis((issued * 1000 - app.app.clock.now().millis()).max(0));
            }
            let step = capture.file.trim_end_matches(".txt");
            if capture.method == "TransferMoneyToUser" {
                with_balance(&app).await;
            }
            if capture.method == "DelUser" && contains(&capture.request, "vera1") {
                with_users(&app).await;
            }
            let answer = app.send(capture.request).await;
            let (expected, actual) = (&client.answers[step], answer.json());
            let as_expected = match expected.get("code") {
                Some(code) => actual["error"]["code"] == *code,
                None => says(expected, &actual),
            };
            if !as_expected {
                faults.push(format!("{name} {step}: {expected} expected, not {actual}"));
            }
            faults.extend(client.reads.faults(&answer).into_iter().map(|fault| format!("{name} {step}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whether this text is in the target or the body.
fn contains(request: &Request<Bytes>, text: &str) -> bool {
    request.uri().to_string().contains(text) || String::from_utf8_lossy(request.body()).contains(text)
}

#[tokio::test]
async fn a_java_clients_latin_1_is_stored_as_the_text_it_is() {
    for name in ["java-1.12.0", "java-2.9.0"] {
        let capture = captures(name).into_iter().find(|capture| contains(&capture.request, "zoe3")).unwrap();
        let app = deployment(capture.issued).await;
        app.send(capture.request).await;
        let user = app.voximplant("GetUsers", json!({ "user_id": 1 })).await.json()["result"][0].clone();
        assert_eq!(user["user_display_name"], "Zoë Ñandú", "{name}");
    }
}

#[tokio::test]
async fn every_captured_add_user_adds_exactly_the_user_it_describes() {
    let replayed = replay("AddUser").await;
    assert_eq!(replayed.len(), 7, "two of each Node client, one of each Python client and of the API-key client");
    for (capture, answer, app) in replayed {
        assert_eq!(answer.text, r#"{"result":1,"user_id":1}"#, "{capture}");
        let user = app.voximplant("GetUsers", json!({ "user_id": 1 })).await.json()["result"][0].clone();
        assert_eq!(user["user_name"], "iden1", "{capture}");
        let display = ["Идентити & Co; 1+1", "x", "I D"];
        assert!(display.contains(&user["user_display_name"].as_str().unwrap()), "{capture}: {user}");
        if user["user_display_name"] == display[0] {
            assert_eq!(user["user_custom_data"], r#"{"k":"v=1&2"}"#, "{capture}");
        }
        assert_eq!(user["parent_accounting"], user["user_display_name"] == display[2], "{capture}: {user}");
    }
}

#[tokio::test]
async fn every_captured_get_users_is_answered() {
    let replayed = replay("GetUsers").await;
    assert_eq!(replayed.len(), 7);
    for (capture, answer, _) in replayed {
        let body = answer.json();
        assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8", "{capture}");
        // Some name skill 7, which this deployment does not have.
        if body["error"]["field_name"] == "skill_id" {
            assert_eq!(answer.code(), 222, "{capture}");
        } else {
            assert_eq!(body, json!({ "result": [], "count": 0, "total_count": 0 }), "{capture}");
        }
    }
}

#[tokio::test]
async fn the_go_clients_empty_fields_count_as_not_given() {
    let app = App::new().await;
    let body = "--B\r\nContent-Disposition: form-data; name=\"user_id\"\r\n\r\n0\r\n--B\r\nContent-Disposition: form-data; \
                name=\"user_name\"\r\n\r\n\r\n--B\r\nContent-Disposition: form-data; name=\"application_id\"\r\n\r\n1\r\n--B--\r\n";
    let request = Request::post("/platform_api/GetUsers")
        .header("content-type", "multipart/form-data; boundary=B")
        .header("authorization", format!("Bearer {}", app.bearer(&app.key)));
    assert_eq!(app.send(request.body(Bytes::from(body)).unwrap()).await.json()["total_count"], 0);
}

#[tokio::test]
async fn java_and_dotnet_bodies_are_read() {
    let app = App::new().await;
    let part = |name: &str, kind: &str, value: &[u8]| {
        let head = format!(
            "--B\r\nContent-Disposition: form-data; name={name}\r\nContent-Type: text/plain; charset={kind}\r\n"
        );
        [head.as_bytes(), b"Content-Transfer-Encoding: 8bit\r\n\r\n", value, b"\r\n"].concat()
    };
    let post = async |path: &str, boundary: &str, parts: Vec<Vec<u8>>| {
        let body = [parts.concat(), b"--B--\r\n".to_vec()].concat();
        let request = Request::post(path)
            .header("content-type", format!("multipart/form-data; boundary={boundary}"))
            .header("authorization", format!("Bearer {}", app.bearer(&app.key)));
        app.send(request.body(Bytes::from(body)).unwrap()).await
    };
    let fields = |name: &str, display: &[u8], kind: &str, quote: &str| {
        [
            ("application_id", &b"1"[..]),
            ("user_name", name.as_bytes()),
            ("user_display_name", display),
            ("user_password", b"Passw0rd!"),
        ]
        .map(|(field, value)| part(&format!("{quote}{field}{quote}"), kind, value))
        .to_vec()
    };
    let java = post("/platform_api/AddUser", "B", fields("java", b"Caf\xe9", "ISO-8859-1", "\"")).await;
    assert_eq!(java.json()["result"], 1, "{}", java.text);
    let mut dotnet = fields("dotnet", "Идентити".as_bytes(), "utf-8", "");
    dotnet.push(part("cmd", "utf-8", b"AddUser"));
    let dotnet = post("/platform_api/AddUser", "\"B\"", dotnet).await;
    assert_eq!(dotnet.json()["result"], 1, "{}", dotnet.text);
    let users = app.voximplant("GetUsers", json!({ "order_by": "user_id" })).await.json();
    assert_eq!(users["result"][0]["user_display_name"], "Café");
    assert_eq!(users["result"][1]["user_display_name"], "Идентити");
}
