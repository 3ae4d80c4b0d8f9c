//! Moving from a running workspace through its own API: from one of ours, and from a stand-in that answers as the original
//! does (reference/stepchat.md).

use super::import::run;
use super::moving_in::call;
use super::serve::{Folder, Server};
use axum::extract::{Form, State};
use axum::routing::post;
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex};
use tests::workspace::binary;

/// Imports from an address into a state folder, whose file is called `old.csv`.
fn import(folder: &Folder, url: &str, token: &str, more: &[&str]) -> (bool, String) {
    let (file, secret) = (folder.0.join("old.csv"), folder.0.join("old-token"));
    fs::write(&secret, token).unwrap();
    let words = ["import", "stepchat", file.to_str().unwrap(), "--from", url, "--token-file", secret.to_str().unwrap()];
    run(&folder.0, &[&words, ["--rate", "500"].as_slice(), more].concat())
}

#[test]
fn a_workspace_of_ours_moves_with_ids_extras_and_conversations() {
    let (old, new) = (Folder::new("from-ours"), Folder::new("to-ours"));
    let server = Server::start(&old.0, false);
    let mut ids = Vec::new();
    for number in 0..120 {
        let kind = if number == 0 { "agent" } else { "" };
        let form = format!(
            "first_name=User{number}&email=u{number}@example.com&user_type={kind}&extra[phone][0]=%2B49{number}\
             &extra[phone][1]=Telefon&extra[note][0]==1;{number}&extra[note][1]=Note"
        );
        let form = form.replace("user_type=&", "");
        ids.push(call(&old, &server, "add-user", &form).as_u64().unwrap());
    }
    let agent = ids[0];
    let mut conversations = Vec::new();
    for user in &ids[1..4] {
        let form = format!("user_id={user}&title=Help&agent_id={agent}&source=wa&department=2");
        let id = call(&old, &server, "new-conversation", &form)["details"]["id"].as_str().unwrap().to_owned();
        for (author, text) in [(*user, "hello;=1"), (agent, "hi"), (*user, "%D0%9F%D0%BE%D0%BA%D0%B0")] {
            let form = format!(
                "user_id={author}&conversation_id={id}&message={text}&attachments=[[\"a\",\"https://x/a\"]]&payload={{\"k\":1}}"
            );
            call(&old, &server, "send-message", &form);
        }
        conversations.push(id);
    }
    Server::told(&new.0, &["--admin-id", "900"], &old.0.join("out"), &old.0.join("err")).kill();
    let url = format!("http://{}/include/api.php", server.http);
    let token = old.json("stepchat.json")["token"].as_str().unwrap().to_owned();
    let (all, said) = import(&new, &url, &token, &["--keep-ids", "--conversations", "--dry-run"]);
    assert!(all && said.contains("121 users could be imported"), "{said}");
    // What the dry run has read is not what the run takes: it reads again, and with this token only.
    let (all, said) = import(&new, &url, "wrong", &["--keep-ids", "--dry-run"]);
    assert!(!all && said.contains("get-users: it says"), "{said}");
    call(&old, &server, "update-user", &format!("user_id={}&first_name=Renamed", ids[9]));
    let (all, said) = import(&new, &url, &token, &["--keep-ids", "--conversations"]);
    assert!(
        all && said.contains("121 users imported") && said.contains("3 conversations imported, 9 messages"),
        "{said}"
    );
    let (all, said) = import(&new, &url, &token, &["--keep-ids", "--conversations"]);
    assert!(all && said.contains("0 conversations imported, 0 messages; 9 messages were there already"), "{said}");
    let moved = Server::start(&new.0, false);
    let shown = |folder: &Folder, server: &Server, method: &str, form: &str| {
        let mut answer = call(folder, server, method, form);
        if let Some(user) = answer.as_object_mut() {
            user.remove("token");
        }
        // An extra of all users is called as that of the first.
        answer
    };
    for id in &ids {
        let form = format!("user_id={id}&extra=1");
        let (was, is) = (shown(&old, &server, "get-user", &form), shown(&new, &moved, "get-user", &form));
        let sorted = |user: &Value| {
            let details = user["details"].as_array().unwrap().iter();
            details.map(|detail| (detail["slug"].to_string(), detail.to_string())).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(sorted(&is), sorted(&was));
        for field in
            ["id", "first_name", "last_name", "email", "user_type", "creation_time", "last_activity", "profile_image"]
        {
            assert_eq!(is[field], was[field], "{field} of {id}");
        }
    }
    for id in &conversations {
        let form = format!("conversation_id={id}");
        assert_eq!(call(&new, &moved, "get-conversation", &form), call(&old, &server, "get-conversation", &form));
    }
    let next = call(&new, &moved, "new-conversation", &format!("user_id={}", ids[5]));
    assert!(next["details"]["id"].as_str().unwrap().parse::<u64>().unwrap() > 3, "{next}");
    moved.kill();
    server.kill();
}

/// A workspace as the original answers: pages of a hundred counted from 0, `false` behind the last, numbers as numbers or
/// texts, `[]` where there are no extras, the hash and the token of everybody in the rows; and a bad day.
#[derive(Default)]
struct Original {
    calls: Mutex<HashMap<String, usize>>,
}

const PEOPLE: u64 = 230;

impl Original {
    fn answer(&self, fields: &HashMap<String, String>) -> (StatusCode, String) {
        let of = |name: &str| fields.get(name).cloned().unwrap_or_default();
        let function = of("function");
        let nth = {
            let mut calls = self.calls.lock().unwrap();
            let nth = calls.entry(function.clone()).or_default();
            *nth += 1;
            *nth
        };
        // Once too many requests, once an outage.
        if function == "get-users" && nth == 2 {
            return (StatusCode::TOO_MANY_REQUESTS, "slow down".to_owned());
        }
        let user = |id: u64| {
            json!({
                "id": id.to_string(), "first_name": format!("Имя {id}"), "last_name": "", "email": if id.is_multiple_of(2) { json!(format!("o{id}@example.com")) } else { Value::Null },
                "profile_image": "https://chat.example.com/media/user.svg", "user_type": if id == 3 { "agent" } else { "lead" },
                "creation_time": "2021-03-04 05:06:07", "last_activity": "2021-03-05 05:06:07", "department": Value::Null,
                "token": "6d969f64f5ed6263714b9b39f3d3700b66f16820", "password": "$2y$10$secretsecretsecretsecre",
                "extra": if id.is_multiple_of(3) { json!({ "phone": format!("+7900{id}"), "customer_no": id }) } else { json!([]) },
            })
        };
        let message = |id: u64, author: u64, text: &str| {
            json!({ "id": id, "user_id": author.to_string(), "message": text, "creation_time": "2021-03-04 06:00:00",
                    "attachments": "[[\"a.png\",\"https://chat.example.com/a.png\"]]", "payload": "", "conversation_id": "41" })
        };
        let response = match function.as_str() {
            "get-users" => {
                let page: u64 = of("pagination").parse().unwrap_or(0);
                let ids: Vec<Value> =
                    (1..=PEOPLE).skip(usize::try_from(page * 100).unwrap()).take(100).map(user).collect();
                if ids.is_empty() { json!(false) } else { json!(ids) }
            }
            "get-user-extra" => {
                json!([{ "slug": "customer_no", "name": "Kundennummer", "value": 3 }, { "slug": "phone", "name": "Phone", "value": "+79003" }])
            }
            "get-user-conversations" if of("user_id") == "7" => json!([{ "conversation_id": "41", "message": "x" }]),
            "get-user-conversations" => json!([]),
            "get-conversation" => json!({
                "messages": [message(5, 7, "Здравствуйте"), message(9, 3, "Hi"), message(10, 9999, "who?")],
                "details": { "id": "41", "user_id": "7", "title": "", "creation_time": "2021-03-04 05:59:00", "conversation_status_code": "3",
                             "department": Value::Null, "agent_id": 3, "source": "", "extra": Value::Null },
            }),
            _ => return (StatusCode::OK, json!({ "success": false, "response": "function-not-found" }).to_string()),
        };
        (StatusCode::OK, json!({ "success": true, "response": response }).to_string())
    }
}

async fn original() -> (Arc<Original>, String) {
    let original = Arc::new(Original::default());
    let handler = async |State(original): State<Arc<Original>>, Form(fields): Form<HashMap<String, String>>| {
        original.answer(&fields)
    };
    let routes = axum::Router::new().route("/include/api.php", post(handler)).with_state(Arc::clone(&original));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/include/api.php", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (original, url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_original_moves_with_its_oddities() {
    let (calls, url) = original().await;
    tokio::task::spawn_blocking(move || {
        let folder = Folder::new("from-original");
        Server::start(&folder.0, false).kill();
        let (all, said) = import(&folder, &url, "t", &["--conversations"]);
        assert!(!all && said.contains("230 users imported"), "{said}");
        assert!(said.contains("1 conversations imported, 2 messages; 0 messages were there already, 1 left"), "{said}");
        assert!(said.contains("message 10 of conversation 41 stays behind: its author is not here"), "{said}");
        assert!(said.contains("get-users: HTTP status 429") && said.contains("trying again"), "{said}");
        let text = fs::read_to_string(folder.0.join("old.csv")).unwrap()
            + &fs::read_to_string(folder.0.join("old.csv.jsonl")).unwrap();
        assert!(!text.contains("secretsecret") && !text.contains("6d969f64"), "no secret is kept");
        let ids = fs::read_to_string(folder.0.join("old.csv.ids.csv")).unwrap();
        let here = |old: u64| ids.lines().find_map(|line| line.strip_prefix(&format!("{old},"))).unwrap().to_owned();
        // The same again changes nothing, and asks again for everything.
        let before = calls.calls.lock().unwrap()["get-user-conversations"];
        let (_, said) = import(&folder, &url, "t", &["--conversations"]);
        assert!(
            said.contains("0 users imported") && said.contains("0 conversations imported, 0 messages; 2 messages"),
            "{said}"
        );
        assert_eq!(calls.calls.lock().unwrap()["get-user-conversations"], 2 * before);
        let server = Server::start(&folder.0, false);
        let user = call(&folder, &server, "get-user", &format!("user_id={}&extra=1", here(3)));
        assert_eq!((&user["user_type"], &user["creation_time"]), (&json!("agent"), &json!("2021-03-04 05:06:07")));
        let details = user["details"].to_string();
        assert!(
            details.contains("Kundennummer") && details.contains("\"customer_no\"") && details.contains("+79003"),
            "{details}"
        );
        let list = call(&folder, &server, "get-user-conversations", &format!("user_id={}", here(7)));
        let id = list[0]["conversation_id"].as_str().unwrap();
        let conversation = call(&folder, &server, "get-conversation", &format!("conversation_id={id}"));
        let messages = conversation["messages"].as_array().unwrap();
        let shown: Vec<_> =
            messages.iter().map(|row| (row["user_id"].as_str().unwrap(), row["message"].as_str().unwrap())).collect();
        assert_eq!(shown, [(here(7).as_str(), "Здравствуйте"), (here(3).as_str(), "Hi")]);
        assert_eq!(conversation["details"]["conversation_status_code"], "3");
        assert_eq!(conversation["details"]["agent_id"], here(3).as_str());
        assert_eq!(messages[0]["creation_time"], "2021-03-04 06:00:00");
        server.kill();
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_reading_goes_on_where_it_was() {
    let (calls, url) = original().await;
    tokio::task::spawn_blocking(move || {
        let folder = Folder::new("from-interrupted");
        Server::start(&folder.0, false).kill();
        let (file, secret) = (folder.0.join("old.csv"), folder.0.join("old-token"));
        fs::write(&secret, "t").unwrap();
        let mut slow = Command::new(binary("switchboard"));
        slow.args([
            "import",
            "stepchat",
            file.to_str().unwrap(),
            "--from",
            &url,
            "--token-file",
            secret.to_str().unwrap(),
        ]);
        let mut process = slow.args(["--rate", "2", "--state"]).arg(&folder.0).spawn().unwrap();
        let spool = folder.0.join("old.csv.jsonl");
        for _ in 0..200 {
            if fs::read_to_string(&spool).is_ok_and(|text| text.contains("\"page\":1")) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        process.kill().unwrap();
        process.wait().unwrap();
        calls.calls.lock().unwrap().insert("get-users".into(), 10);
        let (all, said) = import(&folder, &url, "t", &["--conversations"]);
        assert!(!all && said.contains("230 users imported"), "{said}");
        // Pages 1 and 2, and the one behind the last.
        assert!(calls.calls.lock().unwrap()["get-users"] - 10 <= 3, "{:?}", calls.calls);
        for (words, why) in [
            (vec!["--from", "http://chat.example.com/api.php", "--token", "t"], "say https"),
            (vec!["--from", &url], "say --token-file"),
            (vec!["--from", &url, "--token", "t", "--rate", "0"], "--rate is calls a second"),
        ] {
            let (all, said) = run(&folder.0, &[&["import", "stepchat"], words.as_slice()].concat());
            assert!(!all && said.contains(why), "{said}");
        }
    })
    .await
    .unwrap();
}
