//! `switchboard serve` as people run it.

use serde_json::Value;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tests::workspace::binary;

/// A folder that goes with the test.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("switchboard-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    pub(super) fn json(&self, file: &str) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.0.join(file)).unwrap()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) struct Server {
    pub(super) process: Child,
    pub(super) http: SocketAddr,
    pub(super) https: SocketAddr,
}

pub(super) fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The command that serves a state folder on these ports.
pub(super) fn serving(state: &Path, http: SocketAddr, https: SocketAddr) -> Command {
    let mut command = Command::new(binary("switchboard"));
    command.args(["serve", "--listen", &http.to_string(), "--https", &https.to_string(), "--state"]).arg(state);
    command.env("RUST_BACKTRACE", "0");
    command
}

impl Server {
    pub(super) fn start(state: &Path, memory: bool) -> Self {
        let (http, https) = (free_port(), free_port());
        let mut command = serving(state, http, https);
        if memory {
            command.arg("--memory");
        }
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self::of(command, http, https)
    }

    /// With more words on the command line; what it says goes into these files.
    pub(super) fn told(state: &Path, words: &[&str], out: &Path, err: &Path) -> Self {
        let (http, https) = (free_port(), free_port());
        let mut command = serving(state, http, https);
        command.args(words).stdout(File::create(out).unwrap()).stderr(File::create(err).unwrap());
        Self::of(command, http, https)
    }

    /// Waits until the command serves.
    pub(super) fn of(mut command: Command, http: SocketAddr, https: SocketAddr) -> Self {
        let mut process = command.spawn().unwrap();
        let patience = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(http).is_err() || TcpStream::connect(https).is_err() {
            assert!(process.try_wait().unwrap().is_none(), "the server stopped");
            assert!(Instant::now() < patience, "the server did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { process, http, https }
    }

    /// Posts a form; `None` if the server went away before it answered.
    pub(super) fn post(&self, path: &str, form: &str) -> Option<Value> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            form.len()
        );
        exchange(self.http, request.as_bytes())
    }

    pub(super) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks the server to stop and returns its exit code.
    pub(super) fn stop(mut self) -> Option<i32> {
        let terminated = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(terminated.success());
        self.process.wait().unwrap().code()
    }
}

impl Drop for Server {
    /// A test that fails leaves no server behind.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(super) fn exchange(address: SocketAddr, request: &[u8]) -> Option<Value> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}

#[test]
fn a_first_start_makes_everything_a_client_needs() {
    let folder = Folder::new("first");
    let server = Server::start(&folder.0, true);
    let stepchat = folder.json("stepchat.json");
    assert_eq!(stepchat["url"], format!("http://{}/include/api.php", server.http));
    let form =
        format!("function=get-user&token={}&user_id={}", stepchat["token"].as_str().unwrap(), stepchat["admin_id"]);
    let admin = server.post("/include/api.php", &form).unwrap();
    assert_eq!(admin["response"]["user_type"], "admin");
    let key = folder.json("voximplant-apikey.json");
    assert_eq!((key["account_id"].as_u64(), key["application_name"].as_str()), (Some(1), Some("demo")));
    let form = format!("account_id=1&api_key={}", key["api_key"].as_str().unwrap());
    let account = server.post("/platform_api/GetAccountInfo/", &form).unwrap();
    assert_eq!(
        (account["result"]["balance"].as_f64(), account["result"]["currency"].as_str()),
        (Some(1000.0), Some("USD"))
    );
    assert_eq!(account["result"]["account_name"], key["account_name"]);
    let credentials = folder.json("voximplant.json");
    assert!(credentials["private_key"].as_str().unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert!(std::fs::read_to_string(folder.0.join("ca.pem")).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(server.stop(), Some(0), "a graceful stop");
}

#[test]
fn chunked_bodies_are_put_together() {
    let folder = Folder::new("chunked");
    let server = Server::start(&folder.0, true);
    let form = format!("function=count-users&token={}", folder.json("stepchat.json")["token"].as_str().unwrap());
    let (start, end) = form.split_at(9);
    let head = "POST /stepchat HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n";
    let request = format!("{head}{:x}\r\n{start}\r\n{:x}\r\n{end}\r\n0\r\n\r\n", start.len(), end.len());
    assert_eq!(exchange(server.http, request.as_bytes()).unwrap()["response"]["all"], "1");
    server.kill();
}

#[test]
fn raw_targets_and_headers_are_taken_as_a_gateway_takes_them() {
    let folder = Folder::new("raw");
    let server = Server::start(&folder.0, true);
    let key = folder.json("voximplant-apikey.json")["api_key"].as_str().unwrap().to_owned();
    let add = |name: &str, more: &str| {
        format!(
            "/platform_api/AddUser?account_id=1&api_key={key}&application_id=1&user_name={name}&user_display_name=a b&\
             user_password=Passw0rd!&user_custom_data={{\"a\":<1>}}{more}"
        )
    };
    // As PHP's file_get_contents and `curl -g` send it; the second on one connection with a first.
    let request = |target: &str, more: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\n{more}\r\n");
    let close = "Connection: close\r\n";
    assert_eq!(exchange(server.http, request(&add("one", ""), close).as_bytes()).unwrap()["user_id"], 1);
    let pipelined = request(&add("two", ""), "") + &request(&add("three", ""), close);
    let mut stream = TcpStream::connect(server.http).unwrap();
    stream.write_all(pipelined.as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("\"user_id\":").count(), 2, "{answers}");
    let list = format!("/platform_api/GetUsers?account_id=1&api_key={key}");
    let users = exchange(server.http, request(&list, close).as_bytes()).unwrap();
    assert_eq!((&users["total_count"], &users["result"][2]["user_custom_data"]), (&3.into(), &"{\"a\":<1>}".into()));
    for (what, raw, code) in [
        (
            "a control character in a header",
            format!("GET {list} HTTP/1.1\r\nHost: x\r\nX: a\u{1}b\r\n{close}\r\n"),
            None,
        ),
        ("a line that is no header", format!("GET {list} HTTP/1.1\r\nHost: x\r\nnonsense\r\n{close}\r\n"), None),
        ("an odd method", format!("PROP{{FIND {list} HTTP/1.1\r\nHost: x\r\n{close}\r\n"), Some(101)),
        ("an odd path", format!("GET /platform_api/\"<x> y HTTP/1.1\r\nHost: x\r\n{close}\r\n"), Some(103)),
        (
            "a broken key",
            format!("GET {} HTTP/1.1\r\nHost: x\r\nIdempotency-Key: \u{1}\r\n{close}\r\n", add("four", "")),
            Some(101),
        ),
    ] {
        let answer = exchange(server.http, raw.as_bytes()).unwrap_or_else(|| panic!("{what}: no answer"));
        assert_eq!(answer["error"]["code"].as_i64(), code, "{what}: {answer}");
    }
    server.kill();
}

#[test]
fn secrets_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("modes");
    Server::start(&folder.0, true).kill();
    for file in ["token-secret", "ca-key.pem", "stepchat.json", "voximplant.json", "voximplant-apikey.json"] {
        let mode = std::fs::metadata(folder.0.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file}");
    }
}

#[test]
fn memory_does_not_overwrite_the_credentials_of_a_database_on_disk() {
    let folder = Folder::new("mixed");
    Server::start(&folder.0, false).kill();
    let mut command = Command::new(binary("switchboard"));
    command.args(["serve", "--memory", "--listen", "127.0.0.1:0", "--https", "127.0.0.1:0", "--state"]);
    let refused = command.arg(&folder.0).output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("choose another --state"));
}

/// `kill -9` while four clients write: every write that was acknowledged is there after the restart, the same
/// credentials open the same data, and the counters are right.
#[test]
fn a_kill_loses_no_acknowledged_write() {
    let folder = Folder::new("kill");
    let mut acknowledged: Vec<(u64, String)> = Vec::new();
    let mut credentials = None;
    for round in 0..3 {
        let server = Server::start(&folder.0, false);
        let token = folder.json("stepchat.json")["token"].as_str().unwrap().to_owned();
        let key = folder.json("voximplant-apikey.json")["api_key"].clone();
        let known = credentials.get_or_insert_with(|| (token.clone(), key.clone()));
        assert_eq!(*known, (token.clone(), key));
        let written = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|writer| {
                    let (server, token) = (&server, &token);
                    scope.spawn(move || {
                        let mut written = Vec::new();
                        for n in 0.. {
                            let email = format!("r{round}w{writer}n{n}@example.com");
                            let form = format!("function=add-user&token={token}&email={email}&extra[company]=c{n}");
                            match server.post("/stepchat", &form) {
                                Some(answer) => written.push((answer["response"].as_u64().unwrap(), email)),
                                None => break,
                            }
                        }
                        written
                    })
                })
                .collect();
            std::thread::sleep(Duration::from_millis(700));
            Command::new("kill").args(["-KILL", &server.process.id().to_string()]).status().unwrap();
            writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<Vec<_>>()
        });
        server.kill();
        assert!(written.len() > 4, "only {} writes before the kill", written.len());
        acknowledged.extend(written);
    }
    let server = Server::start(&folder.0, false);
    let (token, _) = credentials.unwrap();
    let mut ids = std::collections::BTreeSet::new();
    for (id, email) in &acknowledged {
        let form = format!("function=get-user&token={token}&user_id={id}&extra=1");
        let user = server.post("/stepchat", &form).unwrap()["response"].clone();
        assert_eq!(
            (user["email"].as_str(), user["details"][0]["slug"].as_str()),
            (Some(email.as_str()), Some("company"))
        );
        assert!(ids.insert(id), "{id} was given twice");
    }
    let counts = server.post("/stepchat", &format!("function=count-users&token={token}")).unwrap();
    let users: usize = counts["response"]["user"].as_str().unwrap().parse().unwrap();
    // A write may have happened without its answer getting out: one per writer and round at most.
    assert!((acknowledged.len()..=acknowledged.len() + 12).contains(&users), "{users} of {}", acknowledged.len());
    server.kill();
}
