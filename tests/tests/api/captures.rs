//! What the published clients really sent, byte for byte, against the methods that exist. The captures are in
//! `tests/captures`; only the signature is put back, which they do not hold.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Request;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs8::EncodePrivateKey as _;
use serde_json::Value;
use shared::store::auth::{ApiKey, ServiceKey, TokenHash};
use shared::voximplant::Role;
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

/// Reads a capture: head, blank line, body, then the notes of whoever recorded it. Chunk framing is taken off, as any
/// HTTP server does before a handler sees the body.
fn read(path: &Path) -> Capture {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("\n# jwt header").next().unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut lines = head.lines();
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
    let body = if chunked { dechunked(body) } else { body.get(..length.unwrap_or(0)).unwrap_or(body).to_owned() };
    let file = path.file_name().unwrap().to_string_lossy().into_owned();
    Capture {
        client: path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned(),
        method: file.trim_end_matches(".txt").split_once('_').unwrap().1.to_owned(),
        request: request.body(Bytes::from(body)).unwrap(),
        file,
        issued,
    }
}

fn dechunked(mut text: &str) -> String {
    let mut body = String::new();
    loop {
        let (size, rest) = text.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return body;
        }
        body.push_str(&rest[..size]);
        text = rest[size..].strip_prefix("\r\n").unwrap();
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
    };
    store.put_api_key(&TokenHash::of(API_KEY), &owner).await.unwrap();
    assert_eq!(app.application, 1, "the captures speak of application 1");
    if let Some(issued) = issued {
        app.wait_millis(issued * 1000 - app.app.clock.now().millis());
    }
    app
}

async fn replay(method: &str) -> Vec<(String, Answer, App)> {
    let mut answers = Vec::new();
    let mut folders: Vec<_> =
        fs::read_dir(workspace::root().join("tests/captures")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders {
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            let capture = read(&file);
            if capture.method == method {
                let app = deployment(capture.issued).await;
                let answer = app.send(capture.request).await;
                answers.push((format!("{} {}", capture.client, capture.file), answer, app));
            }
        }
    }
    answers
}

#[tokio::test]
async fn every_captured_add_user_adds_exactly_the_user_it_describes() {
    let replayed = replay("AddUser").await;
    assert_eq!(replayed.len(), 7, "two of each Node client, one of each Python client and of the API-key client");
    for (capture, answer, app) in replayed {
        assert_eq!(answer.text, r#"{"result":1,"user_id":1}"#, "{capture}");
        let user = app.voximplant("GetUsers", serde_json::json!({ "user_id": 1 })).await.json()["result"][0].clone();
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
        assert_eq!(answer.headers["content-type"], "application/json", "{capture}");
        // Some name skill 7, which this deployment does not have.
        if body["error"]["field_name"] == "skill_id" {
            assert_eq!(answer.code(), 222, "{capture}");
        } else {
            assert_eq!(body, serde_json::json!({ "result": [], "count": 0, "total_count": 0 }), "{capture}");
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
    let users = app.voximplant("GetUsers", serde_json::json!({ "order_by": "user_id" })).await.json();
    assert_eq!(users["result"][0]["user_display_name"], "Café");
    assert_eq!(users["result"][1]["user_display_name"], "Идентити");
}
