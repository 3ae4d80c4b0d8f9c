//! `switchboard console`: the page of a deployed stack, served from this machine, and the page as a folder.

use super::deployed::{command_line, deployment, on_stack};
use super::service::raw;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use tests::{App, workspace};

/// What serves the console of the stack `live`, and where.
struct Console {
    process: Child,
    address: SocketAddr,
    key: String,
}

fn command(folder: &Path, database: &str, stack: &str) -> Command {
    let mut command = on_stack(folder, database, stack);
    command.args(["console", "--listen", "127.0.0.1:0"]);
    command
}

impl Console {
    fn start(folder: &Path, database: &str) -> Self {
        let mut process = command(folder, database, "live").stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let (_, url) = line.trim().split_once("http://").unwrap_or_else(|| panic!("{line}"));
        let (address, key) = url.split_once("/console/#key=").unwrap();
        std::thread::spawn(move || drop(said.read_to_string(&mut String::new())));
        Self { address: address.parse().unwrap(), key: key.to_owned(), process }
    }

    /// The status and the body of an answer.
    fn ask(&self, request: &str, headers: &str, body: &str) -> (u16, String) {
        let head = format!("{request} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{headers}", self.address);
        let answer = raw(self.address, &format!("{head}content-length: {}\r\n\r\n{body}", body.len()));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn operator(&self, path: &str) -> Value {
        let key = format!("x-switchboard-page: {}\r\n", self.key);
        let (status, body) = self.ask(&format!("GET /console/operator/{path}"), &key, "");
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// A call of one of the APIs, passed on.
    fn call(&self, path: &str, headers: &str, form: &str) -> Value {
        let headers = format!("{headers}content-type: application/x-www-form-urlencoded\r\n");
        let (_, body) = self.ask(&format!("POST {path}"), &headers, form);
        // The answer of the stack is passed on as it comes, in chunks or whole.
        let json = body.split("\r\n").find(|line| line.starts_with('{')).unwrap_or(&body);
        serde_json::from_str(json).unwrap_or_else(|_| panic!("{path}: {body}"))
    }

    /// As Ctrl-C does.
    fn stop(mut self) {
        let told = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status().unwrap();
        assert!(told.success());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.process.kill();
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Serves the APIs of a deployment, as its API Gateway would.
async fn api(app: &App) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let routes = switchboard::router::router(Arc::clone(&app.app));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_of_a_stack_calls_it_with_a_key_that_ends_with_it() {
    let (app, database) = deployment().await;
    let folder = tempfile::tempdir().unwrap();
    command_line(folder.path(), &app, &api(&app).await);
    let metrics = json!({ "MetricDataResults": [
        { "Label": "stepchat duration_ms", "Values": [7.0], "Timestamps": ["2026-11-28T10:00:00+00:00"] },
        { "Label": "background left", "Values": [0.0], "Timestamps": ["2026-11-28T10:00:00+00:00"] },
    ]});
    std::fs::write(folder.path().join("metrics.json"), metrics.to_string()).unwrap();
    let before = app.operator.api_keys(app.account.id).await.unwrap().len();
    let place = folder.path().to_owned();
    let console = blocking(move || Console::start(&place, &database)).await;
    assert_eq!(app.operator.api_keys(app.account.id).await.unwrap().len(), before + 1);
    let console = blocking(move || {
        let (status, page) = console.ask("GET /console/", "", "");
        assert!(status == 200 && page.contains("switchboard-server\" content=\".\""), "{page}");
        let (status, _) = console.ask("GET /console/operator/session", "", "");
        assert_eq!(status, 403, "without the key in the printed address");
        let session = console.operator("session");
        assert_eq!(session["deployment"], "live");
        let bearer = format!("authorization: Bearer {}\r\n", session["stepchat"]["token"].as_str().unwrap());
        let counts = console.call("/stepchat/count-users", &bearer, "");
        assert_eq!(counts["success"], true, "{counts}");
        let form = format!("account_id=1&api_key={}", session["voximplant"]["api_key"].as_str().unwrap());
        assert_eq!(console.call("/platform_api/GetUsers", "", &form)["total_count"], 0);
        // Nothing but methods is passed on.
        assert_eq!(console.ask("POST /include/api.php", "", "").0, 404);
        let health = console.operator("health");
        assert_eq!((&health["hour"]["requests"], &health["jobs"]["left"]), (&json!(7), &json!(0)), "{health}");
        assert_eq!(health["ledger"]["findings"], Value::Null, "what is not known is no 0");
        console
    })
    .await;
    blocking(move || console.stop()).await;
    assert_eq!(app.operator.api_keys(app.account.id).await.unwrap().len(), before);
}

fn complaint(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_that_cannot_be_is_a_clear_sentence() {
    let (app, database) = deployment().await;
    let folder = tempfile::tempdir().unwrap();
    command_line(folder.path(), &app, "https://api.example.com");
    let place = folder.path().to_owned();
    blocking(move || {
        let said = complaint(&command(&place, &database, "other").output().unwrap());
        assert!(said.contains("`other`") && said.contains("does not exist"), "{said}");
        let said = complaint(&command(&place, &database, "live").args(["--account", "77"]).output().unwrap());
        assert!(said.contains("no account 77"), "{said}");
        let mut open = command(&place, &database, "live");
        let said = complaint(&open.args(["--listen", "0.0.0.0:0"]).output().unwrap());
        assert!(said.contains("--listen"), "{said}");
        let mut unnamed = Command::new(workspace::binary("switchboard"));
        let said = complaint(&unnamed.env_clear().arg("console").current_dir(&place).output().unwrap());
        assert!(said.contains("say which stack") && said.contains("/console/"), "{said}");
    })
    .await;
}

#[test]
fn the_console_is_written_as_a_folder_without_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let write = |words: &[&str]| {
        let mut command = Command::new(workspace::binary("switchboard"));
        command
            .env_clear()
            .current_dir(folder.path())
            .args(["console", "--out", "hosted"])
            .args(words)
            .output()
            .unwrap()
    };
    assert!(write(&["--server", "https://api.example.com/"]).status.success());
    let page = std::fs::read_to_string(folder.path().join("hosted/index.html")).unwrap();
    assert!(page.contains("content=\"https://api.example.com\""), "{page}");
    assert!(folder.path().join("hosted/vendor/uplot.js").is_file());
    let said = complaint(&write(&["--server", "javascript:alert(1)"]));
    assert!(said.contains("the server is an address such as"), "{said}");
}
