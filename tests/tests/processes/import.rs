//! `switchboard import` and `switchboard export` as people run them.

use super::serve::{Folder, Server};
use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use encoding_rs::{WINDOWS_1251, WINDOWS_1252};
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use switchboard::embedded;
use tests::App;
use tests::workspace::binary;

fn switchboard(state: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary("switchboard"));
    command.args(arguments).arg("--state").arg(state);
    command
}

/// Runs to the end: whether it said success, and all it said.
pub(super) fn run(state: &Path, arguments: &[&str]) -> (bool, String) {
    let Output { status, stdout, stderr } = switchboard(state, arguments).output().unwrap();
    (status.success(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

/// Imports a file with these bytes into a new state folder.
fn import(folder: &Folder, bytes: &[u8], more: &[&str]) -> (bool, String) {
    let file = folder.0.join("users.csv");
    fs::write(&file, bytes).unwrap();
    let arguments = [&["import", "stepchat", file.to_str().unwrap()], more].concat();
    run(&folder.0, &arguments)
}

/// A folder in which a server has been.
fn started(name: &str) -> Folder {
    let folder = Folder::new(name);
    Server::start(&folder.0, false).kill();
    folder
}

/// Every user of the support chat but the first admin, as `export` tells.
fn exported(state: &Path) -> Vec<Value> {
    let (_, said) = run(state, &["export", "stepchat"]);
    let users = said.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap());
    users.filter(|user: &Value| user["user"]["user_type"] != "admin").collect()
}

fn emails(users: &[Value]) -> Vec<&str> {
    users.iter().filter_map(|user| user["user"]["email"].as_str()).collect()
}

const COLUMNS: &str = "ID,First Name,Last Name,Email,Profile Image,Type,Creation Time,Phone,Shoe size\n";

#[test]
fn good_rows_become_users_and_bad_ones_a_report() {
    let folder = started("import");
    let rows = "7,Анна,Ли,anna@example.com,https://x/media/user.svg,agent,2024-02-29 10:00:00,'+7 900 111,'=42\n\
                8,\"O\"\"Hara, Bob\",,bob@example.com,,,,,\n\
                9,Twice,,ANNA@example.com,,,,,\n\
                10,Bot,,,,bot,,,\n\
                11,Short\n\
                12,Eva,,,,lead,2024-03-01 00:00:00,,\n";
    let (all, said) = import(&folder, format!("\u{feff}{COLUMNS}{rows}").as_bytes(), &[]);
    assert!(!all && said.contains("3 users imported, 0 were there already, 3 rows rejected"), "{said}");
    let users = exported(&folder.0);
    assert_eq!(users.len(), 3);
    let anna = users.iter().find(|user| user["user"]["email"] == "anna@example.com").unwrap();
    assert_eq!((&anna["user"]["first_name"], &anna["user"]["user_type"]), (&"Анна".into(), &"agent".into()));
    assert_eq!(anna["user"]["creation_time"], "2024-02-29 10:00:00");
    assert_eq!(anna["user"]["profile_image"], Value::Null);
    let details = anna["details"].as_array().unwrap();
    let value = |slug: &str| details.iter().find(|detail| detail["slug"] == slug).map(|detail| &detail["value"]);
    assert_eq!(value("phone"), Some(&"+7 900 111".into()));
    assert_eq!((value("shoe_size"), value("imported_id")), (Some(&"=42".into()), Some(&"7".into())));
    let report = fs::read_to_string(folder.0.join("users.csv.rejected.csv")).unwrap();
    let reasons: Vec<_> = report.lines().skip(1).map(|line| line.split(',').take(2).collect::<Vec<_>>()).collect();
    assert_eq!(
        reasons,
        [
            ["4", "row 2 of this file has the same e-mail address"],
            ["5", "invalid-user-type"],
            ["6", "\"the row has 2 cells"]
        ]
    );
}

/// Whoever is in the file is somebody whom every method can show.
#[test]
fn a_row_has_no_more_extras_than_a_user_may_have() {
    let folder = started("import-bounds");
    let long = "x".repeat(60_000);
    let rows = format!("Four,{long},{long},{long},{long},\nFive,{long},{long},{long},{long},{long}\n");
    let (all, said) = import(&folder, format!("first_name,a,b,c,d,e\n{rows}").as_bytes(), &[]);
    assert!(!all && said.contains("1 users imported, 0 were there already, 1 rows rejected"), "{said}");
    let report = fs::read_to_string(folder.0.join("users.csv.rejected.csv")).unwrap();
    assert!(report.lines().nth(1).unwrap().starts_with("3,extra-too-long"), "{report:.200}");
}

#[test]
fn the_same_file_again_makes_nobody_twice() {
    let folder = started("import-again");
    let rows: String = (0..20).map(|number| format!("User {number},u{number}@example.com\n")).collect();
    let file = format!("first_name,email\n{rows}");
    assert!(import(&folder, file.as_bytes(), &[]).0);
    let (all, said) = import(&folder, file.as_bytes(), &[]);
    assert!(all && said.contains("0 users imported"), "{said}");
    assert_eq!(exported(&folder.0).len(), 20);
}

#[test]
fn an_import_that_is_killed_goes_on_where_it_was() {
    let folder = started("import-killed");
    let rows: String = (0..1_500).map(|number| format!("User {number},u{number}@example.com,{number}\n")).collect();
    let file = folder.0.join("users.csv");
    fs::write(&file, format!("first_name,email,number\n{rows}")).unwrap();
    let arguments = ["import", "stepchat", file.to_str().unwrap()];
    for wait in [400, 900] {
        let mut process =
            switchboard(&folder.0, &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        process.kill().unwrap();
        process.wait().unwrap();
    }
    let (all, said) = run(&folder.0, &arguments);
    assert!(all, "{said}");
    let users = exported(&folder.0);
    let mut emails = emails(&users);
    emails.sort_unstable();
    let found = emails.len();
    emails.dedup();
    assert_eq!((found, emails.len()), (1_500, 1_500), "{said}");
}

#[test]
fn a_dry_run_checks_everything_and_writes_nothing() {
    let folder = started("import-dry");
    assert!(import(&folder, b"first_name,email\nAnna,anna@example.com\n", &[]).0);
    let file = b"first_name,email\nEva,eva@example.com\nAnn,ANNA@example.com\n";
    let (all, said) = import(&folder, file, &["--dry-run"]);
    assert!(!all && said.contains("1 users could be imported") && said.contains("1 rows rejected"), "{said}");
    assert_eq!(emails(&exported(&folder.0)), ["anna@example.com"]);
}

/// The database of a deployment, as an import far away reaches it.
struct Remote {
    app: App,
    /// How often the jobs still come between a write intent and its transaction.
    fences: Mutex<u32>,
    /// What was asked: operation and body.
    asked: Mutex<Vec<(String, String)>>,
}

impl Remote {
    /// Begins to answer.
    async fn start(fences: u32) -> (Arc<Self>, SocketAddr) {
        let remote = Arc::new(Self { app: App::new().await, fences: Mutex::new(fences), asked: Mutex::default() });
        let answering = Arc::clone(&remote);
        let answer = move |headers: HeaderMap, body: Bytes| {
            let remote = Arc::clone(&answering);
            async move { remote.answer(&headers, &body).await }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await.unwrap() });
        (remote, address)
    }

    async fn answer(&self, headers: &HeaderMap, body: &[u8]) -> axum::response::Response {
        let operation = headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let settles = operation == "TransactWriteItems" && text.contains("J#postings");
        let fenced = settles && {
            let mut left = self.fences.lock().unwrap();
            let one_more = *left > 0;
            *left = left.saturating_sub(1);
            one_more
        };
        if fenced {
            // Ten minutes after the write intent: whoever made it must have died.
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_mins(10);
            let now = i64::try_from(now.as_millis()).unwrap();
            self.app.wait_millis(now - self.app.app.clock.now().millis());
            self.app.run_jobs().await;
        }
        self.asked.lock().unwrap().push((operation.clone(), text));
        let (status, answer) = embedded::perform(&self.app.database, &operation, body);
        (StatusCode::from_u16(status).unwrap(), [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], answer)
            .into_response()
    }

    /// Imports a file with these bytes: whether it said success, and all it said.
    async fn import(address: SocketAddr, folder: &Folder, bytes: &[u8]) -> (bool, String) {
        fs::create_dir_all(&folder.0).unwrap();
        let file = folder.0.join("users.csv");
        fs::write(&file, bytes).unwrap();
        let mut command = switchboard(&folder.0, &["import", "stepchat", file.to_str().unwrap()]);
        command.env("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{address}")).env("AWS_REGION", "eu-central-1");
        command.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local");
        let Output { status, stdout, stderr } =
            tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        (status.success(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
    }

    /// How many users a search finds.
    async fn found(&self, word: &str) -> usize {
        let found = self.app.stepchat("search-users", json!({ "search": word })).await.response();
        found.as_array().unwrap_or_else(|| panic!("{found}")).len()
    }
}

/// The jobs take the import for dead between its write intent and its transaction. The transaction is stale then, and that
/// is no sign that the user is there.
#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_write_intent_was_aborted_are_imported_once_and_found() {
    let folder = Folder::new("import-fenced");
    let (remote, address) = Remote::start(2).await;
    let file = "first_name,last_name,email\nAnnabella,Ivanova,annabella@example.com\nBoris,,\nКсения,,k@example.com\n";
    let (all, said) = Remote::import(address, &folder, file.as_bytes()).await;
    assert!(all && said.contains("3 users imported, 0 were there already, 0 rows rejected"), "{said}");
    assert_eq!(*remote.fences.lock().unwrap(), 0, "nothing was taken for dead");
    for word in ["nnabel", "Boris", "ксен"] {
        assert_eq!(remote.found(word).await, 1, "{word}");
    }
    // What the aborted intents have left goes without the users' own search entries.
    remote.app.wait_millis(10 * 60 * 1000);
    remote.app.run_jobs().await;
    for word in ["nnabel", "Boris", "ксен", "k@exam"] {
        assert_eq!(remote.found(word).await, 1, "{word}, after the jobs");
    }
    let count = remote.app.stepchat("count-users", json!({})).await.response();
    assert_eq!(count["all"], "4", "three and the first admin");
}

/// No write intent and no search entry is written for rows that cannot be users: it would only have to be cleaned up.
#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_address_or_number_is_taken_are_told_before_anything_is_written() {
    let folder = Folder::new("import-taken");
    let (remote, address) = Remote::start(0).await;
    let rows: String = (0..60).map(|number| format!("User{number},u{number}@example.com,+7900{number:04}\n")).collect();
    let (all, said) = Remote::import(address, &folder, format!("first_name,email,phone\n{rows}").as_bytes()).await;
    assert!(all && said.contains("60 users imported"), "{said}");
    remote.asked.lock().unwrap().clear();
    let rows: String = (0..60)
        .map(|number| match number % 2 {
            0 => format!("Other{number},U{number}@EXAMPLE.com,\n"),
            _ => format!("Other{number},o{number}@example.com,007900{number:04}\n"),
        })
        .collect();
    let (all, said) = Remote::import(address, &folder, format!("first_name,email,phone\n{rows}").as_bytes()).await;
    assert!(!all && said.contains("0 users imported, 0 were there already, 60 rows rejected"), "{said}");
    let report = fs::read_to_string(folder.0.join("users.csv.rejected.csv")).unwrap();
    assert_eq!((report.matches("duplicate-email").count(), report.matches("duplicate-phone").count()), (30, 30));
    let asked = remote.asked.lock().unwrap().clone();
    let writes = ["BatchWriteItem", "TransactWriteItems", "PutItem"];
    let wrote =
        |(operation, body): &&(String, String)| writes.contains(&operation.as_str()) && body.contains("\"stepchat\"");
    assert_eq!(asked.iter().filter(wrote).collect::<Vec<_>>(), Vec::<&(String, String)>::new());
    let looks = asked.iter().filter(|(operation, _)| operation == "BatchGetItem").count();
    assert!((1..=3).contains(&looks), "120 keys, and 60 of rows are asked for together, not {looks} times");
    assert_eq!(remote.found("Other").await, 0);
}

/// Files as the usual exports write them, headers as published, each with one person: Anna Schmidt or Анна Ёлкина.
#[test]
fn a_file_of_any_usual_export_goes_in_right_at_the_first_try() {
    let cp1251 = |text: &str| WINDOWS_1251.encode(text).0.into_owned();
    let cp1252 = |text: &str| WINDOWS_1252.encode(text).0.into_owned();
    let utf16 = |text: &str| format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let german = [("first_name", "Anna"), ("last_name", "Schmidt"), ("email", "anna@example.com")];
    let russian = [("first_name", "Анна"), ("last_name", "Ёлкина"), ("email", "anna@example.com")];
    for (what, bytes, expected) in [
        (
            "contacts of a mail service",
            b"Name,Given Name,Family Name,Group Membership,E-mail 1 - Type,E-mail 1 - Value,Phone 1 - Type,Phone 1 - Value\n\
              Anna Schmidt,Anna,Schmidt,* myContacts,Work,anna@example.com,Mobile,+49 171 5550199\n"
                .to_vec(),
            german,
        ),
        (
            "contacts of a mail program",
            b"\"First Name\",\"Last Name\",\"Company\",\"Business Phone\",\"E-mail Address\",\"\",\"\"\r\n\
              \"Anna\",\"Schmidt\",\"Acme\",\"+49 171 5550199\",\"anna@example.com\",\"\",\"\"\r\n"
                .to_vec(),
            german,
        ),
        (
            "a marketing tool",
            b"Record ID,First Name,Last Name,Email,Phone Number,Lifecycle Stage,Contact owner\n\
              101,Anna,Schmidt,anna@example.com,+49 171 5550199,lead,Bob\n"
                .to_vec(),
            german,
        ),
        (
            "a newsletter",
            b"Email Address,First Name,Last Name,Address,Phone Number,MEMBER_RATING,OPTIN_TIME\n\
              anna@example.com,Anna,Schmidt,,+49 171 5550199,2,2024-01-02 03:04:05\n"
                .to_vec(),
            german,
        ),
        (
            "a shop",
            b"name,email,phone_number,orders\n,,,\nAnna Schmidt,anna@example.com,+49 171 5550199,3\n,,,\n".to_vec(),
            german,
        ),
        (
            "a German spreadsheet",
            cp1252("Vorname;Nachname;E-Mail-Adresse;Handy;Straße\r\nAnna;Schmidt;anna@example.com;+49 171 5550199;Königsweg 7\r\n"),
            german,
        ),
        (
            "a spreadsheet saved as Unicode text",
            utf16("Nombre\tApellidos\tCorreo electrónico\tTeléfono\r\nAnna\tSchmidt\tanna@example.com\t+49 171 5550199\r\n"),
            german,
        ),
        (
            "a Russian spreadsheet",
            cp1251("sep=;\r\nИмя;Фамилия;Телефон;Эл. почта;Город\r\nАнна;Ёлкина;+49 171 5550199;anna@example.com;Пермь\r\n"),
            russian,
        ),
        (
            "a Russian CRM",
            "ID;Имя;Фамилия;Рабочий телефон;Рабочий e-mail;Источник\n7;Анна;Ёлкина;+49 171 5550199;anna@example.com;Сайт\n".into(),
            russian,
        ),
        (
            "a Russian contact list",
            "ФИО,Телефон,Почта,Примечание,Примечание\n\"Ёлкина, Анна\",+49 171 5550199,anna@example.com,раз,два\n".into(),
            russian,
        ),
    ] {
        let folder = started("import-usual");
        let (all, said) = import(&folder, &bytes, &[]);
        assert!(all && said.contains("1 users imported, 0 were there already, 0 rows rejected"), "{what}: {said}");
        assert!(said.contains("->  extra:phone") && said.contains("+49 171 5550199"), "{what} is shown: {said}");
        let users = exported(&folder.0);
        for (field, value) in expected {
            assert_eq!(users[0]["user"][field], value, "{what}: {users:?}");
        }
        let details = users[0]["details"].as_array().unwrap();
        let phone = details.iter().find(|detail| detail["slug"] == "phone").unwrap();
        assert_eq!(phone["value"], "+49 171 5550199", "{what}");
    }
}

#[test]
fn a_report_of_rejected_rows_is_mended_and_imported_as_it_is() {
    let folder = started("import-mended");
    let (all, said) = import(&folder, b"first_name,user_type\nAnna,lead\nEva,bot\n", &[]);
    assert!(!all && said.contains("1 users imported"), "{said}");
    let report = || fs::read_to_string(folder.0.join("users.csv.rejected.csv")).unwrap();
    // Mended wrongly, it is rejected once more, in a report of the same form.
    assert!(!import(&folder, report().replace(",bot", ",robot").as_bytes(), &[]).0);
    assert_eq!(report(), "row,reason,first_name,user_type\n2,invalid-user-type,Eva,robot\n");
    let (all, said) = import(&folder, report().replace(",robot", ",lead").as_bytes(), &[]);
    assert!(all && said.contains("1 users imported, 0 were there already, 0 rows rejected"), "{said}");
    let users = exported(&folder.0);
    let names: Vec<_> = users.iter().map(|user| user["user"]["first_name"].as_str().unwrap()).collect();
    assert_eq!((names, &users[1]["details"]), (vec!["Anna", "Eva"], &json!([])));
}

#[test]
fn files_that_make_no_sense_are_refused_in_a_sentence() {
    let folder = started("import-refused");
    for (bytes, more, sentence) in [
        (b"".as_slice(), [].as_slice(), "is empty"),
        (b"\xffx,email\n", &["--encoding", "utf-8"], "say --encoding, such as windows-1251"),
        (b"first_name\nAnna\n", &["--encoding", "klingon"], "the encodings are"),
        (b"PK\x03\x04nonsense", &[], "no workbook that can be read: save the sheet as CSV"),
        (b"color,size\nred,5\n", &[], "no column is known to be a name, an e-mail address or a phone number"),
        (b"first_name\nAnna\n", &["--map", "Name=first_name"], "no column \"Name\""),
        (b"first_name\nAnna\n", &["--map", "nonsense"], "HEADER=FIELD"),
        (b"first_name\nAnna\n", &["--delimiter", "ab"], "one ASCII character"),
        (b"email,a,b\na@example.com,1,2\n", &["--map", "a=phone", "--map", "b=phone"], "--map 'b=ignore'"),
        (b"first_name\nAnna\n", &["--rejected", "/"], "it is a folder"),
        (b"first_name\nAnna\n", &["--rejected", "/does/not/exist.csv"], "cannot write the report"),
    ] {
        let (all, said) = import(&folder, bytes, more);
        assert!(!all && said.contains(sentence), "{said}");
    }
    let (all, said) = run(&folder.0.join("nowhere"), &["export", "stepchat"]);
    assert!(!all && said.contains("nowhere") && !folder.0.join("nowhere").exists(), "{said}");
    let (all, said) = run(&folder.0, &["import", "stepchat", "/does/not/exist.csv"]);
    assert!(!all && said.contains("cannot read /does/not/exist.csv"), "{said}");
    let (all, said) = run(&folder.0, &["import", "stepchat", folder.0.to_str().unwrap()]);
    assert!(!all && said.contains("cannot read") && said.contains("directory"), "{said}");
    let file = folder.0.join("users.csv");
    let (all, said) = import(&folder, b"first_name\nAnna\n", &["--rejected", file.to_str().unwrap()]);
    assert!(!all && said.contains("it is the file that is imported"), "{said}");
    assert_eq!(fs::read(&file).unwrap(), b"first_name\nAnna\n");
    for (variable, value) in [("SWITCHBOARD_DATABASE", "mars"), ("AWS_ENDPOINT_URL_DYNAMODB", "localhost:8000")] {
        let mut command = switchboard(&folder.0, &["import", "stepchat", file.to_str().unwrap()]);
        let Output { status, stderr, .. } = command.env(variable, value).output().unwrap();
        let said = String::from_utf8(stderr).unwrap();
        assert!(!status.success() && said.contains(&format!("{variable} is \"{value}\"")), "{said}");
    }
    assert_eq!(exported(&folder.0), Vec::<Value>::new(), "nothing of all this was imported");
    let (all, said) = import(&folder, b"first_name;email\r\nAnna;a@example.com\r\n", &["--delimiter", ";"]);
    assert!(all && said.contains("1 users imported"), "{said}");
    let (all, said) = import(&folder, b"first_name,phone\nEva,+7 1\nIda,007 1\n", &[]);
    assert!(!all && said.contains("1 users imported") && said.contains("1 rows rejected"), "{said}");
    let (all, said) = import(&folder, b"first_name,note\nAnna,\xff\xff\nEva,ok\n", &["--encoding", "utf-8"]);
    assert!(!all && said.contains("1 users imported") && said.contains("1 rows rejected"), "{said}");
}

#[test]
fn a_telephony_account_moves_through_its_own_api() {
    let (old, new) = (Folder::new("import-old"), started("import-new"));
    let server = Server::start(&old.0, false);
    let key = old.json("voximplant-apikey.json");
    let credentials = format!("account_id=1&api_key={}", key["api_key"].as_str().unwrap());
    for number in 0..25 {
        let form = format!(
            "{credentials}&application_id=1&user_name=user{number:02}&user_display_name=User%20{number}\
             &user_password=Passw0rd!&user_custom_data=%D0%94%26{number}&user_active={}",
            number % 2 == 0
        );
        assert_eq!(server.post("/platform_api/AddUser/", &form).unwrap()["result"], 1);
    }
    let (file, ca) = (old.0.join("voximplant.json"), old.0.join("ca.pem"));
    let endpoint = format!("https://localhost:{}", server.https.port());
    let arguments = [
        "import",
        "voximplant",
        "--account",
        "1",
        "--credentials",
        file.to_str().unwrap(),
        "--ca",
        ca.to_str().unwrap(),
        "--endpoint",
        &endpoint,
    ];
    let (all, said) = run(&new.0, &[arguments.as_slice(), &["--dry-run"]].concat());
    assert!(all && said.contains("25 users could be imported"), "{said}");
    let (all, said) = run(&new.0, &arguments);
    assert!(all && said.contains("25 users imported") && said.contains("Passwords did not move"), "{said}");
    let (all, said) = run(&new.0, &arguments);
    assert!(all && said.contains("0 users imported, 25 were there already"), "{said}");
    let (all, said) = run(&new.0, &["export", "voximplant", "--account", "1"]);
    assert!(all, "{said}");
    let users: Vec<Value> =
        said.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(users.len(), 25);
    let third = users.iter().find(|user| user["user"]["user_name"] == "user03").unwrap();
    assert_eq!((&third["user"]["user_custom_data"], &third["user"]["user_active"]), (&"Д&3".into(), &false.into()));
    let wrong = [&arguments[..8], &["--endpoint", &endpoint, "--application", "nothing"]].concat();
    let (all, said) = run(&new.0, &wrong);
    assert!(!all && said.contains("no application nothing; it has: demo"), "{said}");
    server.kill();
}

#[test]
fn an_export_of_one_user_holds_everything_and_no_secret() {
    let folder = Folder::new("export");
    let server = Server::start(&folder.0, false);
    let stepchat = folder.json("stepchat.json");
    let token = stepchat["token"].as_str().unwrap();
    let call = |function: &str, form: &str| {
        server.post("/include/api.php", &format!("function={function}&token={token}&{form}")).unwrap()["response"]
            .clone()
    };
    let id = call("add-user", "first_name=Ivan&password=SecretOfIvan&extra={\"city\":[\"Omsk\",\"City\"]}");
    let conversation = call("new-conversation", &format!("user_id={id}"))["details"]["id"].clone();
    let conversation = conversation.as_str().unwrap();
    call("send-message", &format!("user_id={id}&conversation_id={conversation}&message=hello"));
    server.kill();
    let file = folder.0.join("ivan.json");
    let id = id.to_string();
    let (all, said) = run(&folder.0, &["export", "stepchat", &id, "--out", file.to_str().unwrap()]);
    assert!(all, "{said}");
    let text = fs::read_to_string(&file).unwrap();
    let ivan: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(ivan["details"][0]["value"], "Omsk");
    assert_eq!(ivan["conversations"][0]["messages"][0]["message"], "hello");
    assert!(!text.contains("argon2") && !text.contains("SecretOfIvan") && !text.contains(token));
    let (all, said) = run(&folder.0, &["export", "stepchat", &id, "--out", file.to_str().unwrap()]);
    assert!(!all && said.contains("cannot make the file"), "{said}");
    let (all, said) = run(&folder.0, &["export", "stepchat", "999"]);
    assert!(!all && said.contains("there is no user 999"), "{said}");
    // What fails leaves no file behind, so the second try says the same.
    let none = folder.0.join("none.json");
    for _ in 0..2 {
        let (all, said) = run(&folder.0, &["export", "stepchat", "999", "--out", none.to_str().unwrap()]);
        assert!(!all && said.contains("there is no user 999") && !none.exists(), "{said}");
    }
}
