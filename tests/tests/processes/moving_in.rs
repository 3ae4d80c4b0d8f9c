//! Moving in: ids, duplicates, files that have grown, and there and back through `csv-users`.

use super::import::run;
use super::serve::{Folder, Server};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use tests::workspace::binary;

/// Imports a file of this name and content.
fn import(folder: &Folder, name: &str, content: &str, more: &[&str]) -> (bool, String) {
    let file = folder.0.join(name);
    fs::write(&file, content).unwrap();
    run(&folder.0, &[&["import", "stepchat", file.to_str().unwrap()], more].concat())
}

/// A folder in which a server has been, started with these words.
pub(super) fn started(name: &str, words: &[&str]) -> Folder {
    let folder = Folder::new(name);
    serve(&folder, words).kill();
    folder
}

pub(super) fn serve(folder: &Folder, words: &[&str]) -> Server {
    let beside = |name: &str| {
        let place = folder.0.with_extension("said");
        fs::create_dir_all(&place).unwrap();
        place.join(name)
    };
    Server::told(&folder.0, words, &beside("out"), &beside("err"))
}

pub(super) fn call(folder: &Folder, server: &Server, method: &str, form: &str) -> Value {
    let token = folder.json("stepchat.json")["token"].as_str().unwrap().to_owned();
    server.post("/stepchat", &format!("function={method}&token={token}&{form}")).unwrap()["response"].clone()
}

/// All users by id, as `export` tells.
fn users(state: &Path) -> BTreeMap<u64, Value> {
    let (_, said) = run(state, &["export", "stepchat"]);
    let users =
        said.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str::<Value>(line).unwrap());
    users.map(|user| (user["user"]["id"].as_u64().unwrap(), user)).collect()
}

fn rejected(folder: &Folder, name: &str) -> Vec<(String, String)> {
    let file = fs::read(folder.0.join(format!("{name}.rejected.csv"))).unwrap_or_default();
    let lines = String::from_utf8(file).unwrap();
    let rows = lines.lines().skip(1).map(|line| {
        let (number, rest) = line.split_once(',').unwrap();
        let reason = rest.strip_prefix('"').map_or_else(|| rest.split(','), |rest| rest.split('"')).next().unwrap();
        (number.to_owned(), reason.to_owned())
    });
    rows.collect()
}

fn name_of(users: &BTreeMap<u64, Value>, id: u64) -> &str {
    users.get(&id).unwrap_or_else(|| panic!("no user {id}"))["user"]["first_name"].as_str().unwrap()
}

#[test]
fn users_keep_their_ids_and_new_ones_come_behind_the_largest() {
    let folder = started("keep-ids", &["--admin-id", "5000"]);
    assert_eq!(folder.json("stepchat.json")["admin_id"], 5000);
    let rows = "id,first_name,email,user_type\n1,Old Admin,boss@example.com,admin\n4711,Anna,anna@example.com,\n7,Bob,,\n\
                7,Twice,,\n0,Zero,,\nx,None,,\n99999999999,Far,,\n";
    let (all, said) = import(&folder, "old.csv", rows, &["--keep-ids"]);
    assert!(!all && said.contains("3 users imported, 0 were there already, 4 rows rejected"), "{said}");
    let reasons = rejected(&folder, "old.csv");
    let no_id = "the id is no number from 1 to 2147483647".to_owned();
    assert_eq!(reasons[0], ("5".into(), "row 4 of this file has the same id".into()));
    assert!(reasons[1..].iter().all(|(_, reason)| *reason == no_id), "{reasons:?}");
    let found = users(&folder.0);
    assert_eq!((name_of(&found, 1), name_of(&found, 7), name_of(&found, 4711)), ("Old Admin", "Bob", "Anna"));
    assert!(!folder.0.join("old.csv.ids.csv").exists(), "nobody has another id than before");
    // The admin of the file stays the admin of the file, although another is older by now or has a lower id.
    let server = serve(&folder, &[]);
    assert_eq!(folder.json("stepchat.json")["admin_id"], 5000);
    assert_eq!(call(&folder, &server, "add-user", "first_name=New"), 5001);
    server.kill();
    let (all, said) = import(&folder, "more.csv", "id,first_name\n9000,Far\n", &["--keep-ids"]);
    assert!(all, "{said}");
    let server = serve(&folder, &[]);
    assert_eq!(call(&folder, &server, "add-user", "first_name=Newer"), 9001);
    server.kill();
}

#[test]
fn a_taken_id_is_told_with_who_has_it() {
    let folder = started("keep-ids-taken", &[]);
    let (all, said) =
        import(&folder, "old.csv", "id,first_name,email\n1,Anna,anna@example.com\n2,Bob,\n", &["--keep-ids"]);
    assert!(!all && said.contains("1 users imported"), "{said}");
    assert_eq!(rejected(&folder, "old.csv"), [("2".into(), "user 1 has this id: Admin, admin".into())]);
    // The same people in a file that has grown are known again; others are told who they would replace.
    let rows = "id,first_name,email\n2,Bob,\n3,Eva,eva@example.com\n";
    let (all, said) = import(&folder, "grown.csv", rows, &["--keep-ids"]);
    assert!(all && said.contains("1 users imported, 1 were there already, 0 rows rejected"), "{said}");
    let (_, said) =
        import(&folder, "other.csv", "id,first_name,email\n2,Bert,\n3,Eve,EVA@example.com\n", &["--keep-ids"]);
    assert!(said.contains("0 users imported, 1 were there already, 1 rows rejected"), "{said}");
    let reasons = rejected(&folder, "other.csv");
    assert!(reasons.len() == 1 && reasons[0].1.starts_with("user 2 has this id: Bob #"), "{reasons:?}");
    // What is said of them later is theirs, also where there is no address.
    let hash = "$2y$10$.vGA1O9wmRjrwAVXD98HNOgsNpDczlqm3Jq7KnEd1rVAGv3Fykk1a";
    let rows = format!("id,email,city,password_hash\n2,,Oslo,\n3,eva@example.com,,{hash}\n");
    let (all, said) = import(&folder, "hashes.csv", &rows, &["--keep-ids", "--on-duplicate", "update"]);
    assert!(all && said.contains("0 users imported, 2 updated, 0 were there already, 0 rows rejected"), "{said}");
    assert_eq!(users(&folder.0)[&2]["details"][0]["value"], "Oslo");
    let server = serve(&folder, &[]);
    let eva = call(&folder, &server, "login", "email=eva@example.com&password=rasmuslerdorf");
    assert_eq!(eva[0]["first_name"], "Eva", "{eva}");
    server.kill();
    let (all, said) = import(&folder, "none.csv", "first_name\nAnna\n", &["--keep-ids"]);
    assert!(!all && said.contains("no column holds ids to keep"), "{said}");
    let refused = Command::new(binary("switchboard"))
        .args(["serve", "--listen", "127.0.0.1:0", "--https", "127.0.0.1:0", "--admin-id", "77", "--state"])
        .arg(&folder.0)
        .output()
        .unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("this deployment's has 1"), "{said}");
}

#[test]
fn an_id_is_not_given_again_while_something_of_its_old_user_may_still_come() {
    let folder = started("keep-ids-purge", &[]);
    assert!(import(&folder, "old.csv", "id,first_name,city\n50,Anna,Oslo\n", &["--keep-ids"]).0);
    let server = serve(&folder, &[]);
    assert_eq!(call(&folder, &server, "delete-user", "user_id=50"), true);
    server.kill();
    let (all, said) = import(&folder, "again.csv", "id,first_name,company\n50,Anne,ACME\n", &["--keep-ids"]);
    assert!(!all && said.contains("0 users imported"), "{said}");
    let reasons = rejected(&folder, "again.csv");
    assert!(reasons.len() == 1 && reasons[0].1.contains("import the row again in some minutes"), "{reasons:?}");
    assert!(!users(&folder.0).contains_key(&50));
}

#[test]
fn the_file_of_ids_says_who_is_who() {
    let folder = started("ids-file", &[]);
    let rows =
        "ID,name,email\n77,Anna Li,anna@example.com\n88,Bob,bob@example.com\n99,Nobody,anna@example.com\n,No id,\n";
    let (_, said) = import(&folder, "old.csv", rows, &[]);
    assert!(said.contains("3 users imported, 0 were there already, 1 rows rejected"), "{said}");
    assert_eq!(fs::read_to_string(folder.0.join("old.csv.ids.csv")).unwrap(), "old_id,new_id\n77,2\n88,3\n");
    // Whoever is there already is told as well.
    let rows = "ID,name,email\n5,A. Li,ANNA@example.com\n6,Eva,\n";
    let (all, said) = import(&folder, "other.csv", rows, &["--on-duplicate", "skip"]);
    assert!(all && said.contains("1 users imported, 1 were there already, 0 rows rejected"), "{said}");
    let eva = *users(&folder.0).iter().find(|(_, user)| user["user"]["first_name"] == "Eva").unwrap().0;
    let told = fs::read_to_string(folder.0.join("other.csv.ids.csv")).unwrap();
    assert_eq!(told, format!("old_id,new_id\n5,2\n6,{eva}\n"));
    let dry = import(&folder, "dry.csv", "ID,name\n1,Anna\n", &["--dry-run"]);
    assert!(dry.0 && !folder.0.join("dry.csv.ids.csv").exists(), "{dry:?}");
}

#[test]
fn a_grown_file_adds_only_its_new_rows() {
    let folder = started("grown", &[]);
    let first = "name,city,email\nAnna,Oslo,\nAnna,Oslo,\nBob,,bob@example.com\n";
    let (all, said) = import(&folder, "people.csv", first, &[]);
    assert!(all && said.contains("3 users imported"), "{said}");
    // In the middle, at the end, with a new column that is empty; and one more who is like two others.
    let grown =
        "name,city,email,note\nAnna,Oslo,,\nCarl,,,\nAnna,Oslo,,\nBob,,bob@example.com,\nAnna,Oslo,,\nDora,,,x\n";
    let (all, said) = import(&folder, "people.csv", grown, &[]);
    assert!(all && said.contains("3 users imported, 3 were there already, 0 rows rejected"), "{said}");
    let found = users(&folder.0);
    let named = |name: &str| found.values().filter(|user| user["user"]["first_name"] == name).count();
    assert_eq!((named("Anna"), named("Bob"), named("Carl"), named("Dora")), (3, 1, 1, 1));
    // Whoever was deleted meanwhile does not come back.
    let server = serve(&folder, &[]);
    let carl = found.iter().find(|(_, user)| user["user"]["first_name"] == "Carl").unwrap().0;
    call(&folder, &server, "delete-user", &format!("user_id={carl}"));
    server.kill();
    let (_, said) = import(&folder, "people.csv", &format!("{grown}Emil,,,\n"), &[]);
    assert!(said.contains("1 users imported, 6 were there already"), "{said}");
}

#[test]
fn people_who_are_there_are_rejected_passed_over_or_updated() {
    let folder = started("duplicates", &[]);
    let rows =
        "first_name,last_name,email,phone,city\nAnna,Li,anna@example.com,+491,Oslo\nBob,,bob@example.com,+492,\n";
    assert!(import(&folder, "old.csv", rows, &[]).0);
    let rows = "first_name,last_name,email,phone,city,password_hash\nAnne,,ANNA@example.com,,Rome,\nBert,Ray,,00492,Bonn,\n\
                Both,,anna@example.com,+492,,\nCarl,,carl@example.com,,,\n";
    let (_, said) = import(&folder, "reject.csv", rows, &["--dry-run"]);
    assert!(said.contains("1 users could be imported, 0 were there already, 3 rows rejected"), "{said}");
    let (_, said) = import(&folder, "dry.csv", rows, &["--dry-run", "--on-duplicate", "update"]);
    assert!(
        said.contains("1 users could be imported, 2 would be updated, 0 were there already, 1 rows rejected"),
        "{said}"
    );
    // Rows that were rejected are tried again when something else is wanted of them.
    let (_, said) = import(&folder, "update.csv", rows, &[]);
    assert!(said.contains("1 users imported") && said.contains("3 rows rejected"), "{said}");
    let (_, said) = import(&folder, "update.csv", rows, &["--on-duplicate", "skip"]);
    assert!(said.contains("0 users imported, 3 were there already, 1 rows rejected"), "{said}");
    let (_, said) = import(&folder, "update.csv", rows, &["--on-duplicate", "update"]);
    assert!(said.contains("0 users imported, 2 updated, 1 were there already, 1 rows rejected"), "{said}");
    assert_eq!(
        rejected(&folder, "update.csv"),
        [("4".into(), "row 2 of this file has the same e-mail address".into())]
    );
    let found = users(&folder.0);
    let value = |user: &Value, slug: &str| {
        let details = user["details"].as_array().unwrap().iter();
        details.into_iter().find(|detail| detail["slug"] == slug).map(|detail| detail["value"].clone())
    };
    let anna = &found[&2];
    assert_eq!((&anna["user"]["first_name"], &anna["user"]["last_name"]), (&json!("Anne"), &json!("Li")));
    assert_eq!((value(anna, "city"), value(anna, "phone")), (Some(json!("Rome")), Some(json!("+491"))));
    let bob = &found[&3];
    assert_eq!((&bob["user"]["first_name"], value(bob, "city")), (&json!("Bert"), Some(json!("Bonn"))));
    let two = "first_name,email,phone\nBoth,anna@example.com,+492\n";
    let (_, said) = import(&folder, "two.csv", two, &["--on-duplicate", "update"]);
    assert!(said.contains("1 rows rejected"), "{said}");
    let why = "user 2 has this e-mail address, and user 3 this phone number";
    assert_eq!(rejected(&folder, "two.csv"), [("2".into(), why.into())]);
}

/// What is told of a run without its verbs: the counts, and the rows rejected with their reasons.
fn outcome(folder: &Folder, name: &str, said: &str) -> (Vec<String>, Vec<(String, String)>) {
    let summary = said.lines().find(|line| line.contains("rows rejected")).unwrap_or_else(|| panic!("{said}"));
    let counts = summary.split(|letter: char| !letter.is_ascii_digit()).filter(|digits| !digits.is_empty());
    (counts.map(str::to_owned).collect(), rejected(folder, name))
}

#[test]
fn a_dry_run_tells_exactly_what_the_run_will_do() {
    let folder = started("dry-equals", &[]);
    assert!(
        import(&folder, "there.csv", "id,name,email,phone\n70,Anna,a@example.com,+491\n71,Bob,,\n", &["--keep-ids"]).0
    );
    // Of every kind of trouble some, in any order: numbers that a generator of its own gives.
    let mut state = 20_261_128_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for round in 0..4 {
        let mut rows = "id,name,email,phone,user_type,password_hash,note\n".to_owned();
        for number in 0..60 {
            let id = [format!("{}", 70 + next(30)), format!("{}", 1_000 * round + number), String::new(), "x".into()]
                [next(4)]
            .clone();
            let email = [
                "",
                "a@example.com",
                "A@EXAMPLE.com",
                "x".repeat(200).as_str(),
                &format!("r{round}n{}@x.de", next(40)),
            ][next(5)]
            .to_owned();
            let phone = ["", "00491", "+4917", &format!("+49{round}{}", next(30))][next(4)].to_owned();
            let kind = ["", "lead", "bot", "agent"][next(4)];
            let hash = ["", "", "$2y$10$.vGA1O9wmRjrwAVXD98HNOgsNpDczlqm3Jq7KnEd1rVAGv3Fykk1a", "md5"][next(4)];
            let note = ["", "y", "a,b"][next(3)];
            let row = format!("{id},Name{},{email},{phone},{kind},{hash},{note}\n", next(9));
            rows += &row;
        }
        let more: &[&str] =
            [&["--keep-ids"][..], &[], &["--on-duplicate", "skip"], &["--on-duplicate", "update", "--keep-ids"]][round];
        let name = format!("round{round}.csv");
        let (_, dry) = import(&folder, &name, &rows, &[more, &["--dry-run"]].concat());
        let dry = outcome(&folder, &name, &dry);
        let (_, real) = import(&folder, &name, &rows, more);
        assert_eq!(dry, outcome(&folder, &name, &real), "round {round}: {rows}");
        assert!(!dry.1.is_empty());
    }
}

/// Texts that files go wrong with.
const NASTY: [&str; 26] = [
    "=1+1",
    "'=lit",
    "''=x",
    "+1 (2)",
    "+79191234567",
    "'+79191234567",
    "-2",
    "@x",
    "x;=1+1",
    "x\t=1",
    "a\n=1",
    "＝1",
    "a,b",
    "\"q\"",
    "'q'",
    "a\r\nb",
    "null?",
    "ё\u{1f642}",
    "דוד כהן",
    "محمد",
    "明 王",
    "\u{feff}x",
    "x \u{200b}y",
    "a;b;-c",
    ";",
    "Ä ö",
];

/// Whoever goes through `csv-users` and an import is the same in every field of `get-user` but the token; only the order of
/// extras is the file's.
#[test]
fn there_and_back_everybody_is_the_same() {
    let folder = Folder::new("there");
    let server = serve(&folder, &[]);
    let encode = |text: &str| percent_encoding(text);
    let mut ids = vec![1];
    for (place, nasty) in NASTY.iter().enumerate() {
        let other = NASTY[(place * 7 + 3) % NASTY.len()];
        let slug = [
            "city",
            "customer_no",
            "birthdate",
            "geburtstag",
            "password",
            "token",
            "department",
            "last_activity",
            "a [b]",
        ][place % 9];
        let label = [
            "City",
            "Kundennummer",
            "Birthdate",
            "Birthdate",
            "Password",
            "Token",
            "Department",
            "Last activity",
            "x [y]",
        ][place % 9];
        let detail = |slug: &str, value: &str, name: &str| {
            format!("&extra[{0}][0]={1}&extra[{0}][1]={2}", encode(slug), encode(value), encode(name))
        };
        let mut form = format!("first_name={}&last_name={}", encode(&format!("N{place} {nasty}")), encode(other));
        if place % 3 == 0 {
            form += "&email=";
            form += &encode(&format!("u{place}+'=x@example.com"));
        }
        if place % 4 == 0 {
            form += "&department=7&user_type=agent";
        }
        if place % 5 == 0 {
            form += "&profile_image=";
            form += &encode("https://example.com/a b.png?x=1&y=2");
        }
        form += &detail(slug, nasty, label);
        form += &detail("phone", &format!("+49 30 {place}"), if place % 2 == 0 { "Phone" } else { "Telefon" });
        form += &detail("ort", other, "CITY");
        form += &detail(&format!("slug {}", place % 4), nasty, other);
        let added = call(&folder, &server, "add-user", &form);
        ids.push(added.as_u64().unwrap_or_else(|| panic!("{form}: {added}")));
    }
    let get = |folder: &Folder, server: &Server, id: u64| {
        let mut user = call(folder, server, "get-user", &format!("user_id={id}&extra=1"));
        user.as_object_mut().unwrap().remove("token");
        let details = user["details"].as_array_mut().unwrap();
        details.sort_by_key(|detail| detail["slug"].as_str().unwrap().to_owned());
        user
    };
    let before: Vec<Value> = ids.iter().skip(1).map(|id| get(&folder, &server, *id)).collect();
    let link = call(&folder, &server, "csv-users", "").as_str().unwrap().to_owned();
    let (_, path) = link.split_once("//").unwrap().1.split_once('/').unwrap();
    let host = link.split_once("//").unwrap().1.split('/').next().unwrap().to_owned();
    let file =
        super::service::raw(server.http, &format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"));
    let (head, body) = file.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(!head.to_lowercase().contains("chunked"), "{head}");
    server.kill();
    let back = started("back", &["--admin-id", "1000"]);
    let (all, said) = import(&back, "users.csv", body, &["--keep-ids"]);
    assert!(all, "{said}: {:?}", rejected(&back, "users.csv"));
    let server = serve(&back, &[]);
    for before in &before {
        let id = before["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(get(&back, &server, id), *before);
    }
    server.kill();
}

fn percent_encoding(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
