//! The service around the APIs: who gets in beside them, and who may hold it up.

use super::serve::{Folder, Server, exchange, free_port, serving};
use serde_json::{Value, json};
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tests::workspace::binary;

/// Files that go with the test, beside a state folder.
fn beside(folder: &Folder, name: &str) -> PathBuf {
    fs::create_dir_all(&folder.0).unwrap();
    folder.0.join(name)
}

fn json_of(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Sends bytes and reads the answer to its end, as text; empty if the connection was closed without one.
pub(super) fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut answer = String::new();
    if stream.write_all(request.as_bytes()).is_ok() {
        let _ = stream.read_to_string(&mut answer);
    }
    answer
}

/// The request of an SDK, with other headers in the place of some.
fn operation(name: &str, body: &str, headers: &[(&str, &str)]) -> String {
    let mut all = vec![
        ("host", "127.0.0.1"),
        ("connection", "close"),
        ("content-type", "application/x-amz-json-1.0"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/dynamodb/aws4_request, Signature=x"),
    ];
    for (name, value) in headers {
        all.retain(|(other, _)| *other != *name);
        all.push((*name, *value));
    }
    let lines: String = all.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!(
        "POST / HTTP/1.1\r\nx-amz-target: DynamoDB_20120810.{name}\r\n{lines}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What another user of this machine gets; `None` where the test cannot become one.
fn as_nobody(address: SocketAddr, request: &str) -> Option<String> {
    let script = format!("exec 3<>/dev/tcp/{}/{}; cat >&3; timeout 10 cat <&3", address.ip(), address.port());
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "bash", "-c", &script]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    child.stdin.take().unwrap().write_all(request.as_bytes()).ok();
    let output = child.wait_with_output().unwrap();
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    root.then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_database_s_port_is_for_programs_of_the_same_user_and_for_no_web_page() {
    let folder = Folder::new("database-port");
    let state = beside(&folder, "state");
    let port = free_port();
    let words = ["--memory", "--database", &port.to_string()];
    let server = Server::told(&state, &words, &beside(&folder, "out"), &beside(&folder, "err"));
    let list = |headers: &[(&str, &str)]| raw(port, &operation("ListTables", "{}", headers));
    let answer = list(&[]);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"stepchat\""), "{answer}");
    for headers in [
        [("origin", "http://evil.example")],
        [("origin", "null")],
        [("origin", "http://127.0.0.1")],
        [("host", "rebound.example")],
        [("host", "127.0.0.1.nip.io")],
        [("sec-fetch-site", "cross-site")],
        [("referer", "http://evil.example/")],
        [("x-forwarded-for", "10.0.0.1")],
        [("content-type", "text/plain")],
        [("content-type", "application/x-www-form-urlencoded")],
    ] {
        let answer = list(&headers);
        assert!(answer.starts_with("HTTP/1.1 4") && !answer.contains("stepchat"), "{headers:?}: {answer}");
        assert!(!answer.to_ascii_lowercase().contains("access-control"), "{headers:?}: {answer}");
    }
    let preflight = "OPTIONS / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\norigin: http://evil.example\r\n\
                     access-control-request-method: POST\r\naccess-control-request-headers: x-amz-target,content-type\r\n\r\n";
    let answer = raw(port, preflight);
    assert!(answer.starts_with("HTTP/1.1 4") && !answer.to_ascii_lowercase().contains("access-control"), "{answer}");
    if let Some(answer) = as_nobody(port, &operation("ListTables", "{}", &[])) {
        assert_eq!(answer, "", "another user of this machine");
    }
    server.kill();
    let mut command = serving(&state, free_port(), free_port());
    let refused = command.args(["--memory", "--database", "0.0.0.0:0"]).output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("to this machine only"), "{refused:?}");
}

#[test]
fn the_page_s_credentials_are_told_to_whoever_has_the_printed_address() {
    let folder = Folder::new("page-key");
    let (state, err) = (beside(&folder, "state"), beside(&folder, "err"));
    let server = Server::told(&state, &["--memory"], &beside(&folder, "out"), &err);
    let greeting = greeting(&err);
    let (_, key) = greeting.split_once("/#key=").expect("the greeting names the page");
    let key = key.split_whitespace().next().unwrap();
    assert_eq!(key.len(), 40);
    let token = json_of(&state.join("stepchat.json"))["token"].as_str().unwrap().to_owned();
    let ask = |key: &str| {
        raw(
            server.http,
            &format!(
                "GET /reference/credentials HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nx-switchboard-page: {key}\r\n\
                 sec-fetch-site: same-origin\r\n\r\n",
                server.http
            ),
        )
    };
    assert!(ask(key).contains(&token));
    for wrong in ["1", "", &key[1..], &key.replace(|digit: char| digit.is_ascii_digit(), "a")] {
        let answer = ask(wrong);
        assert!(answer.starts_with("HTTP/1.1 403") && !answer.contains(&token), "{wrong}: {answer}");
    }
    // The page itself, which anybody may read, does not hold it.
    let page = raw(server.http, "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 200") && !page.contains(key));
    server.kill();
}

/// What a server says once its ports are open.
fn greeting(err: &Path) -> String {
    let greeting = (0..200).find_map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        Some(fs::read_to_string(err).unwrap()).filter(|text| text.contains("ca.pem"))
    });
    greeting.expect("the server greets")
}

/// What the console's page is told, by a route of the operator's.
fn told_to_page(server: &Server, key: &str, request: &str, body: &str) -> Value {
    let answer = raw(
        server.http,
        &format!(
            "{request} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nx-switchboard-page: {key}\r\n\
             sec-fetch-site: same-origin\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            server.http,
            body.len()
        ),
    );
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{request}: {answer}");
    serde_json::from_str(body).unwrap()
}

/// The console's own key opens the APIs as long as its server runs, and is made anew where it was revoked.
#[test]
fn the_console_s_key_ends_with_its_server_however_that_ended() {
    let folder = Folder::new("console-key");
    let state = beside(&folder, "state");
    let started = |round: usize| {
        let err = beside(&folder, &format!("err{round}"));
        let server = Server::told(&state, &[], &beside(&folder, "out"), &err);
        let greeting = greeting(&err);
        let (_, key) = greeting.split_once("/#key=").unwrap();
        (server, key.split_whitespace().next().unwrap().to_owned())
    };
    let own_key = |server: &Server, page: &str| {
        let session = told_to_page(server, page, "GET /console/operator/session", "");
        session["voximplant"]["api_key"].as_str().unwrap().to_owned()
    };
    let opens = |server: &Server, key: &str| {
        let form = format!("account_id=1&api_key={key}");
        call(server, "/platform_api/GetAccountInfo/", &form).get("result").is_some()
    };
    let (server, page) = started(1);
    let first = own_key(&server, &page);
    assert!(opens(&server, &first));
    let revoked = switchboard(&["operator", "api-key", "revoke", "--account", "1", &first], &state);
    assert!(revoked.status.success(), "{revoked:?}");
    assert!(!opens(&server, &first));
    let second = own_key(&server, &page);
    assert!(second != first && opens(&server, &second));
    server.kill();
    let (server, _) = started(2);
    assert!(!opens(&server, &second), "nobody has it any more");
    let table = said(&["operator", "api-key", "list", "--account", "1"], &state);
    assert!(!table.contains("switchboard-console"), "{table}");
    server.kill();
}

/// Who says that nothing more follows still waits for the answer; who hangs up does not stop what was begun.
#[test]
fn a_closed_half_gets_its_answer_and_who_hangs_up_is_logged() {
    let folder = Folder::new("hanging-up");
    let (state, out) = (beside(&folder, "state"), beside(&folder, "out"));
    let server = Server::told(&state, &["--memory"], &out, &beside(&folder, "err"));
    let token = json_of(&state.join("stepchat.json"))["token"].as_str().unwrap().to_owned();
    let call = |function: &str| {
        let target = format!("/stepchat/{function}?token={token}&first_name=x");
        format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    };
    let mut stream = TcpStream::connect(server.http).unwrap();
    stream.write_all(call("count-users").as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let added = || {
        let answer = raw(server.http, &call("count-users"));
        let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
        let all = serde_json::from_str::<Value>(body).unwrap()["response"]["all"].clone();
        all.as_str().and_then(|all| all.parse::<usize>().ok()).unwrap() - 1
    };
    for millis in [1, 2, 4, 8, 12, 16, 24, 32] {
        let mut stream = TcpStream::connect(server.http).unwrap();
        stream.write_all(call("add-user").as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(millis));
    }
    std::thread::sleep(Duration::from_secs(2));
    let added = added();
    server.stop();
    let logged = fs::read_to_string(&out).unwrap().lines().filter(|line| line.contains("\"add-user\"")).count();
    assert!(added > 0 && logged >= added, "{added} were added, {logged} calls are logged");
}

/// Whoever sends half a request, or a byte now and then, is not waited for.
#[test]
fn half_requests_slow_ones_and_idle_connections_end() {
    let folder = Folder::new("slow");
    let server = Server::start(&folder.0, true);
    let token = folder.json("stepchat.json")["token"].as_str().unwrap().to_owned();
    let http = server.http;
    let head = "POST /stepchat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let whole = format!("GET /stepchat/count-users?token={token} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let starts = [
        (String::new(), "nothing"),
        ("GET / HTTP/1.1\r\nHost: local".to_owned(), "half a head"),
        (format!("{head}Content-Length: 100\r\n\r\nfunction="), "half a body"),
        (format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nab"), "half a chunk"),
        (whole.clone(), "nothing more"),
    ];
    std::thread::scope(|scope| {
        for (start, what) in &starts {
            scope.spawn(move || {
                let mut stream = TcpStream::connect(http).unwrap();
                stream.write_all(start.as_bytes()).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(50))).unwrap();
                let (begun, mut answer) = (Instant::now(), Vec::new());
                let end = stream.read_to_end(&mut answer).map_err(|error| error.kind());
                assert!(end != Err(ErrorKind::WouldBlock), "{what}: still open after {:?}", begun.elapsed());
                assert!(begun.elapsed() > Duration::from_secs(10), "{what}: {:?} is too soon", begun.elapsed());
            });
        }
        // A drop now and then does not keep a head or a body alive.
        for (start, drop) in [("GET / HTTP/1.1\r\n", "x"), (&format!("{head}Content-Length: 5000\r\n\r\n"), "a")] {
            let start = start.to_owned();
            scope.spawn(move || {
                let mut stream = TcpStream::connect(http).unwrap();
                stream.write_all(start.as_bytes()).unwrap();
                stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
                let begun = Instant::now();
                while begun.elapsed() < Duration::from_secs(45) {
                    let mut byte = [0; 512];
                    match stream.read(&mut byte) {
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        Ok(0) | Err(_) => return,
                        Ok(_) => {}
                    }
                    if stream.write_all(drop.as_bytes()).is_err() {
                        return;
                    }
                }
                panic!("{start:?}: still open");
            });
        }
        // Others are served meanwhile.
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(200));
            let form = format!("function=count-users&token={token}");
            assert_eq!(server.post("/stepchat", &form).unwrap()["response"]["all"], "1");
        }
    });
    server.kill();
}

fn switchboard(words: &[&str], state: &Path) -> std::process::Output {
    let mut command = Command::new(binary("switchboard"));
    command.args(words).arg("--state").arg(state).env("RUST_BACKTRACE", "0").stdin(Stdio::null());
    command.output().unwrap()
}

fn said(words: &[&str], state: &Path) -> String {
    let output = switchboard(words, state);
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn call(server: &Server, path: &str, form: &str) -> Value {
    server.post(path, form).unwrap()
}

/// The operator's commands, imports and exports go through the socket of the server that runs, and nobody else does.
#[test]
fn commands_work_while_the_server_runs() {
    for memory in [false, true] {
        let folder = Folder::new(if memory { "beside-memory" } else { "beside-file" });
        let state = folder.0.as_path();
        let server = Server::start(state, memory);
        let token = folder.json("stepchat.json")["token"].as_str().unwrap().to_owned();
        let socket = state.join("operator.sock");
        assert!(fs::metadata(&socket).unwrap().file_type().is_socket());
        assert_eq!(mode(&socket), 0o600);
        assert_eq!(mode(state), 0o700);

        let minted = said(&["operator", "token", "create", "--name", "crm", "--scope", "read"], state);
        let form = format!("function=count-users&token={}", minted.trim());
        assert_eq!(call(&server, "/stepchat", &form)["response"]["all"], "1", "the server knows it at once");
        said(&["operator", "token", "revoke", "crm"], state);
        assert_eq!(call(&server, "/stepchat", &form)["response"], "invalid-token");

        let key = said(&["operator", "api-key", "create", "--account", "1", "--name", "books"], state);
        let account = format!("account_id=1&api_key={}", key.trim());
        said(&["operator", "credit", "--account", "1", "--amount", "5", "--name", "gift"], state);
        assert_eq!(call(&server, "/platform_api/GetAccountInfo/", &account)["result"]["balance"], json!(1005));

        let table = state.with_extension("csv");
        fs::write(&table, "first_name,email\nAnn,ann@example.com\nBob,bob@example.com\n").unwrap();
        said(&["import", "stepchat", table.to_str().unwrap()], state);
        fs::remove_file(&table).unwrap();
        let form = format!("function=get-user-by&token={token}&by=email&value=bob@example.com");
        assert_eq!(call(&server, "/stepchat", &form)["response"]["first_name"], "Bob");
        let exported = said(&["export", "stepchat"], state);
        assert!(exported.contains("ann@example.com") && exported.contains("bob@example.com"), "{exported}");
        said(&["operator", "ledger", "audit"], state);

        let second = serving(state, free_port(), free_port()).args(memory.then_some("--memory")).output().unwrap();
        assert!(!second.status.success());
        assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another process"), "{second:?}");
        let still = format!("function=count-users&token={token}");
        assert_eq!(call(&server, "/stepchat", &still)["response"]["all"], "3", "the second server changed nothing");
        assert_eq!(folder.json("stepchat.json")["token"], token.as_str());

        assert_eq!(server.stop(), Some(0));
        assert!(!socket.exists());
        if memory {
            let late = switchboard(&["operator", "account", "list"], state);
            assert!(String::from_utf8_lossy(&late.stderr).contains("no server runs on it"), "{late:?}");
        } else {
            assert!(said(&["operator", "api-key", "list", "--account", "1"], state).contains("books\t"));
        }
    }
}

/// A socket that a killed server has left leads nowhere, and stops nobody.
#[test]
fn a_socket_of_a_killed_server_is_in_nobody_s_way() {
    let folder = Folder::new("stale-socket");
    Server::start(&folder.0, false).kill();
    assert!(folder.0.join("operator.sock").exists());
    assert!(said(&["operator", "account", "list"], &folder.0).contains("demo"));
    let server = Server::start(&folder.0, false);
    assert!(said(&["operator", "account", "list"], &folder.0).contains("demo"));
    server.kill();
}

/// An address of a socket has a hundred bytes; paths may be longer.
#[cfg(target_os = "linux")]
#[test]
fn a_long_path_has_a_socket_too() {
    let folder = Folder::new("long");
    let state = folder.0.join("a".repeat(90)).join("b".repeat(90));
    let server = Server::start(&state, true);
    assert!(said(&["operator", "account", "list"], &state).contains("demo"));
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn api_keys_are_listed_by_name_and_ending_and_revoked_by_name_or_text() {
    let folder = Folder::new("api-keys");
    let state = folder.0.as_path();
    let server = Server::start(state, true);
    let create = |words: &[&str]| {
        said(&[&["operator", "api-key", "create", "--account", "1"], words].concat(), state).trim().to_owned()
    };
    let list = || said(&["operator", "api-key", "list", "--account", "1"], state);
    let revoke = |key: &str| switchboard(&["operator", "api-key", "revoke", "--account", "1", key], state);
    let opens = |key: &str| {
        let form = format!("account_id=1&api_key={key}");
        call(&server, "/platform_api/GetAccountInfo/", &form).get("result").is_some()
    };
    let (named, unnamed) = (create(&["--name", "crm-2027"]), create(&[]));
    let made_by_serve = folder.json("voximplant-apikey.json")["api_key"].as_str().unwrap().to_owned();
    let table = list();
    for (name, key) in [("crm-2027", &named), (&format!("key-{}", &unnamed[32..]), &unnamed)] {
        assert!(table.contains(&format!("{name}\t{}\t", &key[32..])), "{table}");
        assert!(!table.contains(&key[..31]), "{table}");
    }
    assert!(table.contains(&made_by_serve[32..]), "{table}");
    let twice = switchboard(&["operator", "api-key", "create", "--account", "1", "--name", "crm-2027"], state);
    assert!(String::from_utf8_lossy(&twice.stderr).contains("already"), "{twice:?}");
    assert!(opens(&named) && opens(&unnamed));
    assert!(revoke("crm-2027").status.success());
    assert!(!opens(&named) && opens(&unnamed));
    assert!(revoke(&unnamed).status.success(), "as before names, by its text");
    assert!(!opens(&unnamed) && opens(&made_by_serve));
    assert_eq!(list().lines().count(), 2, "the head, and the key that `serve` made");
    for gone in ["crm-2027", unnamed.as_str(), "never-was"] {
        let refused = revoke(gone);
        assert!(String::from_utf8_lossy(&refused.stderr).contains("account 1 has no such API key"), "{refused:?}");
    }
    assert!(opens(&create(&["--name", "crm-2027"])), "a name is free again");
    server.kill();
}

#[test]
fn requests_are_logged_as_json_unless_text_is_asked_for() {
    for (words, readable) in
        [(&["--memory"][..], false), (&["--memory", "--log", "text"], true), (&["--memory", "--log", "json"], false)]
    {
        let folder = Folder::new("log");
        let (state, out) = (beside(&folder, "state"), beside(&folder, "out"));
        let server = Server::told(&state, words, &out, &beside(&folder, "err"));
        let token = json_of(&state.join("stepchat.json"))["token"].as_str().unwrap().to_owned();
        let form = format!("function=count-users&token={token}");
        exchange(
            server.http,
            format!("POST /stepchat?{form} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes(),
        );
        server.stop();
        let log = fs::read_to_string(&out).unwrap();
        let line = log.lines().find(|line| line.contains("count-users")).unwrap_or_else(|| panic!("{log}"));
        if readable {
            assert!(line.contains("  stepchat count-users  ok  ") && line.ends_with(" ms"), "{line}");
            assert!(!line.contains('\u{1b}'), "a file has no colours: {line}");
        } else {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!((line["outcome"].as_str(), line["faults"].as_u64()), (Some("ok"), Some(0)));
        }
        assert!(!log.contains(&token));
    }
}
