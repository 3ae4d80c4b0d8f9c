//! `switchboard operator …` as people run it: every command, every refusal, and what the APIs make of it afterwards.

use super::serve::{Folder, Server, exchange};
use rsa::RsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey as _;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tests::app::percent;
use tests::jwt;
use tests::workspace::binary;

/// What a command came back with.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

pub(super) fn operator(state: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(binary("switchboard"));
    command.arg("operator").args(arguments).arg("--state").arg(state).env("RUST_BACKTRACE", "0");
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The output of a command that must succeed.
pub(super) fn done(state: &Path, arguments: &[&str]) -> String {
    let ran = operator(state, arguments);
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
    ran.out
}

/// The words of a command line, separated by single blanks.
pub(super) fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// The cells of the row whose first cell is this.
fn row<'a>(table: &'a str, first: &str) -> Vec<&'a str> {
    let rows = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    rows.into_iter().find(|row| row[0] == first).unwrap_or_else(|| panic!("no {first} in\n{table}"))
}

fn form(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect::<Vec<_>>().join("&")
}

/// The call of a client that has loaded a credentials file.
fn signed(server: &Server, credentials: &Value, method: &str, fields: &[(&str, &str)]) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let key = RsaPrivateKey::from_pkcs8_pem(credentials["private_key"].as_str().unwrap()).unwrap();
    let claims = json!({ "iss": credentials["account_id"], "iat": now - 5, "exp": now + 60 });
    let token = jwt::sign(&claims, credentials["key_id"].as_str().unwrap(), &key);
    let body = form(fields);
    let request = format!(
        "POST /platform_api/{method}/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(server.http, request.as_bytes()).unwrap()
}

/// The call of a client that uses an API key.
pub(super) fn keyed(server: &Server, key: &str, method: &str, fields: &[(&str, &str)]) -> Value {
    let mut fields = fields.to_vec();
    fields.extend([("account_id", "1"), ("api_key", key)]);
    server.post(&format!("/platform_api/{method}/"), &form(&fields)).unwrap()
}

fn code(answer: &Value) -> Option<u64> {
    answer["error"]["code"].as_u64()
}

#[test]
fn what_the_operator_makes_the_apis_know_and_what_is_revoked_they_refuse() {
    let folder = Folder::new("operator");
    let state = folder.0.as_path();
    assert_eq!(Server::start(state, false).stop(), Some(0));

    let made = done(state, &words("account create --name acme --email owner@acme.example --currency EUR --parent 1"));
    assert_eq!(row(&made, "2")[..5], ["2", "acme", "owner@acme.example", "EUR", "1"]);
    let accounts = done(state, &words("account list"));
    assert_eq!(row(&accounts, "1")[..5], ["1", "demo", "owner@example.com", "USD", "-"]);
    assert_eq!(row(&accounts, "2"), row(&made, "2"));

    let file = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
    let (users, money) = (file("users.json"), file("money.json"));
    for (roles, description, out) in [("user-manager,developer", "CRM", &users), ("Accountant", "books", &money)] {
        let mut arguments = words("key create --account 1 --description");
        arguments.push(description);
        for role in roles.split(',') {
            arguments.extend(["--role", role]);
        }
        arguments.extend(["--out", out]);
        let said = done(state, &arguments);
        assert!(said.starts_with("key ") && said.trim_end().ends_with(out), "{said}");
        let again = operator(state, &arguments);
        assert_eq!(again.code, Some(1));
        assert!(again.err.contains("exists already"), "{again:?}");
    }
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&users).unwrap().permissions().mode() & 0o077, 0, "only its owner may read it");
    }
    let (users, money) = (folder.json("users.json"), folder.json("money.json"));
    let keys = done(state, &words("key list --account 1"));
    let (users_key, money_key) = (users["key_id"].as_str().unwrap(), money["key_id"].as_str().unwrap());
    assert_eq!((row(&keys, users_key)[1], row(&keys, users_key)[3]), ("User manager, Developer", "CRM"));
    assert_eq!((row(&keys, money_key)[1], row(&keys, money_key)[3]), ("Accountant", "books"));
    assert_eq!(keys.lines().count(), 4, "the head, the key that `serve` made, and two:\n{keys}");

    let api_key = done(state, &words("api-key create --account 1")).trim_end().to_owned();
    let credit = words("credit --account 1 --amount 12.3456 --name invoice-7");
    assert_eq!(done(state, &credit), "account 1: balance 1012.3456 USD\n");
    assert_eq!(done(state, &credit), "account 1: balance 1012.3456 USD\n", "once by name");
    assert_eq!(done(state, &words("rates set EUR USD 1.0837")), "1 EUR = 1.0837 USD\n");
    done(state, &words("rates set KZT USD 0.002"));
    assert_eq!(done(state, &words("rates list")), "1 EUR = 1.0837 USD\n1 KZT = 0.002 USD\n");
    let read = done(state, &words("token create --name reader --scope read")).trim_end().to_owned();
    let write = done(state, &words("token create --name writer --scope write --admin 1")).trim_end().to_owned();
    assert!(read.starts_with("sbk_1_reader_") && write.starts_with("sbk_1_writer_"), "{read} {write}");
    let tokens = done(state, &words("token list"));
    let cells = row(&tokens, "reader");
    assert_eq!((cells[1], cells[2], cells[4], cells[5]), ("read", "1", "-", "-"));
    assert!(!tokens.contains(&read[read.len() - 40..]), "shown once only");

    let server = Server::start(state, false);
    let user = [
        ("application_id", "1"),
        ("user_name", "ivan"),
        ("user_display_name", "Ivan"),
        ("user_password", "Passw0rd!"),
        ("parent_accounting", "false"),
    ];
    assert_eq!(code(&signed(&server, &money, "AddUser", &user)), Some(100), "an accountant");
    let added = signed(&server, &users, "AddUser", &user);
    let id = added["user_id"].as_u64().unwrap_or_else(|| panic!("{added}")).to_string();
    assert_eq!(code(&signed(&server, &users, "GetTransactionHistory", &[])), Some(100), "a user manager");
    let history = signed(&server, &money, "GetTransactionHistory", &[]);
    assert_eq!(history["result"][1]["transaction_description"], "invoice-7", "{history}");
    assert_eq!(keyed(&server, &api_key, "GetAccountInfo", &[])["result"]["balance"], json!(1012.3456));
    let euros = [("user_id", id.as_str()), ("amount", "10"), ("currency", "EUR")];
    assert_eq!(keyed(&server, &api_key, "TransferMoneyToUser", &euros)["balance"], json!(1001.5086));
    let stepchat = |function: &str, token: &str| {
        server.post("/include/api.php", &form(&[("function", function), ("token", token)])).unwrap()["response"].clone()
    };
    assert_eq!(stepchat("count-users", &read)["all"], "1");
    assert_eq!(stepchat("add-user", &read), "security-error");
    assert_eq!(stepchat("add-user", &write), 2);
    // While the server runs, commands go through it.
    assert_eq!(row(&done(state, &words("account list")), "2"), row(&made, "2"));
    done(state, &words("ledger audit"));
    assert!(row(&done(state, &words("token list")), "reader")[4].starts_with("20"), "used just now");
    assert_eq!(server.stop(), Some(0));

    let ready = ["acd-status", "--account", "1", "--user", &id, "READY"];
    assert_eq!(done(state, &ready), format!("user {id}: READY\n"));
    assert_eq!(done(state, &["key", "revoke", "--account", "1", users_key]), format!("key {users_key} revoked\n"));
    done(state, &["api-key", "revoke", "--account", "1", &api_key]);
    assert_eq!(done(state, &words("token revoke writer")), "token writer revoked\n");
    assert_eq!(done(state, &words("rates remove EUR USD")), "1 KZT = 0.002 USD\n");
    let tokens = done(state, &words("token list"));
    assert!(row(&tokens, "reader")[4].starts_with("20") && row(&tokens, "reader")[5] == "-", "{tokens}");
    assert!(row(&tokens, "writer")[4].starts_with("20") && row(&tokens, "writer")[5].starts_with("20"), "{tokens}");
    assert!(!done(state, &words("key list --account 1")).contains(users_key));

    let server = Server::start(state, false);
    assert_eq!(code(&signed(&server, &users, "GetUsers", &[("application_id", "1")])), Some(100));
    assert_eq!(code(&keyed(&server, &api_key, "GetAccountInfo", &[])), Some(100));
    assert_eq!(code(&signed(&server, &money, "GetTransactionHistory", &[])), None, "this key was not revoked");
    let own = folder.json("voximplant-apikey.json")["api_key"].as_str().unwrap().to_owned();
    assert_eq!(keyed(&server, &own, "GetUsers", &[])["result"][0]["acd_status"], "READY");
    assert_eq!(code(&keyed(&server, &own, "TransferMoneyToUser", &euros)), Some(210));
    let stepchat = |token: &str| {
        server.post("/stepchat", &form(&[("function", "count-users"), ("token", token)])).unwrap()["response"].clone()
    };
    assert_eq!((&stepchat(&read)["all"], stepchat(&write)), (&json!("2"), json!("invalid-token")));
    server.kill();
}

#[test]
fn a_bad_input_is_refused_in_a_sentence_and_changes_nothing() {
    let folder = Folder::new("refusals");
    let state = folder.0.as_path();
    assert_eq!(Server::start(state, false).stop(), Some(0));
    let out = folder.0.join("key.json").to_str().unwrap().to_owned();
    let keyed = format!("key create --account 1 --out {out} --role boss");
    let unknown = format!("key create --account 9 --out {out} --role owner");
    for (line, sentence) in [
        ("account create --name Acme --email a@example.com", "3 to 50 lower-case letters"),
        ("account create --name demo --email a@example.com", "an account with this name or e-mail address exists"),
        ("account create --name acme --email OWNER@example.com", "an account with this name or e-mail address exists"),
        ("account create --name acme --email a@example.com --currency dollars", "three capital letters"),
        ("account create --name acme --email a@example.com --parent 9", "there is no account 9"),
        ("account create --name acme", "--email"),
        (keyed.as_str(), "the roles are: Owner, Admin"),
        (unknown.as_str(), "there is no account 9"),
        ("key list --account 9", "there is no account 9"),
        ("key list --account one", "an account id is a positive number"),
        ("key revoke --account 1 no-such-key", "account 1 has no key no-such-key"),
        ("key revoke --account 9 no-such-key", "there is no account 9"),
        ("api-key create --account 9", "there is no account 9"),
        ("api-key revoke --account 1 no-such-key", "account 1 has no such API key"),
        ("credit --account 9 --amount 1 --name x", "there is no account 9"),
        ("credit --account 1 --amount 0 --name x", "the amount must be positive"),
        ("credit --account 1 --amount -5 --name x", "the amount must be positive"),
        ("credit --account 1 --amount 1.00001 --name x", "invalid value '1.00001' for '--amount"),
        ("credit --account 1 --amount 5,0 --name x", "invalid value '5,0' for '--amount"),
        ("credit --account 1 --amount 922337203685477 --name x", "the balance would be out of range"),
        ("credit --account 1 --amount 1", "--name"),
        ("acd-status --account 1 --user 1 READY", "account 1 has no user 1"),
        ("acd-status --account 9 --user 1 READY", "there is no account 9"),
        ("acd-status --account 1 --user 1 ASLEEP", "the states are: OFFLINE"),
        ("rates set EUR USD 0", "a rate is a positive decimal number"),
        ("rates set EUR euro 1", "three capital letters"),
        ("rates set EUR EUR 1", "a rate is between two currencies"),
        ("rates remove EUR USD", "there is no rate from EUR to USD"),
        ("token create --name CRM --scope read", "a token's name has 1 to 40 lower-case letters"),
        ("token create --name crm --scope all", "the scopes are: read, write"),
        ("token create --name crm --scope read --admin 9", "user 9 is no admin"),
        ("token create --name crm --scope read --admin me", "an admin's id is a positive number"),
        ("token revoke crm", "there is no token crm"),
        ("ledger audit --account 9", "there is no account 9"),
        ("ledger", "Usage"),
        ("audit", "unrecognized subcommand"),
    ] {
        let refused = operator(state, &words(line));
        assert!(refused.code.is_some_and(|code| code != 0), "{line}: {refused:?}");
        assert!(refused.err.contains(sentence), "{line}: {refused:?}");
        assert_eq!(refused.out, "", "{line}");
        assert!(!refused.err.contains("panicked") && !refused.err.contains("Refused("), "{line}: {refused:?}");
    }
    assert!(!folder.0.join("key.json").exists());
    assert_eq!(done(state, &words("account list")).lines().count(), 2);
    assert_eq!(done(state, &words("rates list")), "");
    assert_eq!(done(state, &words("token list")).lines().count(), 1);
    let misspelt = folder.0.join("misspelt");
    let refused = operator(&misspelt, &words("account list"));
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("misspelt holds no database"), "{refused:?}");
    assert!(!misspelt.exists(), "a misspelt name makes no folder");
    for (line, example) in [
        ("credit --help", "switchboard operator credit --account 1"),
        ("token create --help", "switchboard operator token create --name"),
        ("rates set --help", "switchboard operator rates set"),
        ("ledger audit --help", "switchboard operator ledger audit"),
    ] {
        assert!(done(state, &words(line)).contains(example), "{line}");
    }
}

/// The answer to a StepChat call.
fn stepchat(server: &Server, token: &str, function: &str, fields: &[(&str, &str)]) -> Value {
    let mut all = vec![("function", function), ("token", token)];
    all.extend(fields);
    server.post("/include/api.php", &form(&all)).unwrap()["response"].clone()
}

fn first_token(state: &Path) -> String {
    let file = std::fs::read_to_string(state.join("stepchat.json")).unwrap();
    serde_json::from_str::<Value>(&file).unwrap()["token"].as_str().unwrap().to_owned()
}

fn copied(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// docs/backup.md, "On a laptop": a copy is the whole deployment, also of a server that was killed.
#[test]
fn a_copied_state_folder_is_served_with_everything_in_it() {
    let (folder, copy) = (Folder::new("copied"), Folder::new("copied-copy"));
    let server = Server::start(&folder.0, false);
    let token = first_token(&folder.0);
    let id = stepchat(&server, &token, "add-user", &[("first_name", "Kept"), ("email", "kept@example.com")]);
    assert!(id.is_u64(), "{id}");
    server.kill();
    copied(&folder.0, &copy.0);
    let server = Server::start(&copy.0, false);
    assert_eq!(first_token(&copy.0), token);
    let found = stepchat(&server, &token, "get-user-by", &[("by", "email"), ("value", "kept@example.com")]);
    assert_eq!(found["first_name"], "Kept");
    let key = copy.json("voximplant-apikey.json")["api_key"].as_str().unwrap().to_owned();
    assert_eq!(keyed(&server, &key, "GetAccountInfo", &[])["result"]["balance"], json!(1000));
    assert!(stepchat(&server, &token, "add-user", &[("first_name", "Later")]).is_u64());
    assert_eq!(server.stop(), Some(0));
    assert_eq!(operator(&copy.0, &words("ledger audit")).code, Some(0));
    let server = Server::start(&folder.0, false);
    assert_eq!(stepchat(&server, &token, "count-users", &[])["all"], "2", "the copy is one of its own");
    server.kill();
}

/// docs/secrets.md, "Exchange the token secret", step by step.
#[test]
fn a_new_token_secret_ends_the_old_tokens_once_each_admin_was_demoted_and_promoted() {
    let folder = Folder::new("rotated");
    let state = folder.0.as_path();
    assert_eq!(Server::start(state, false).stop(), Some(0));
    let old = first_token(state);
    std::fs::write(state.join("token-secret"), "bmV3LXNlY3JldC1uZXctc2VjcmV0LW5ldy1zZWNyZXQh").unwrap();
    let server = Server::start(state, false);
    let new = first_token(state);
    assert_ne!(new, old);
    assert!(stepchat(&server, &old, "count-users", &[]).is_object(), "admins' old tokens go on working");
    assert_eq!(stepchat(&server, &new, "count-users", &[]), "invalid-token", "the new one not yet");
    let second = stepchat(&server, &old, "add-user", &[("user_type", "admin"), ("first_name", "Rotation")]).to_string();
    let shown = stepchat(&server, &old, "get-user", &[("user_id", &second)]);
    let helper = shown["token"].as_str().unwrap();
    for kind in ["agent", "admin"] {
        let done = stepchat(&server, helper, "update-user", &[("user_id", "1"), ("user_type", kind)]);
        assert_eq!(done, true, "{kind}");
    }
    assert_eq!(stepchat(&server, &old, "count-users", &[]), "invalid-token");
    let new = stepchat(&server, helper, "get-user", &[("user_id", "1")])["token"].as_str().unwrap().to_owned();
    assert_eq!(stepchat(&server, &new, "delete-user", &[("user_id", &second)]), true);
    assert_eq!(server.stop(), Some(0));
    let server = Server::start(state, false);
    assert_eq!(first_token(state), new, "the state folder tells it from the next start on");
    assert_eq!(stepchat(&server, &new, "count-users", &[])["all"], "1");
    server.kill();
}

/// More users than one transaction serves.
const MANY: usize = 56;

/// Transfers one after another until the server is gone: how many were answered as done.
fn transfers(server: &Server, key: &str, fields: impl Fn(usize) -> [(&'static str, String); 2]) -> usize {
    let mut answered = 0;
    for round in 0.. {
        let fields = fields(round);
        let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fields.extend([("account_id", "1"), ("api_key", key)]);
        match server.post("/platform_api/TransferMoneyToUser/", &form(&fields)) {
            Some(answer) => answered += usize::from(answer["result"] == 1),
            None => break,
        }
    }
    answered
}

/// `kill -9` while money moves, large transfers among it: the ledger is sound as it lies there, what was answered has
/// happened, and the next start brings what was on its way to its end.
#[test]
fn a_kill_while_money_moves_leaves_a_sound_ledger() {
    let folder = Folder::new("killed-ledger");
    let state = folder.0.as_path();
    let server = Server::start(state, false);
    let key = folder.json("voximplant-apikey.json")["api_key"].as_str().unwrap().to_owned();
    for n in 0..MANY {
        let name = format!("user{n}");
        let fields = [
            ("application_id", "1"),
            ("user_name", name.as_str()),
            ("user_display_name", "x"),
            ("user_password", "Passw0rd!"),
            ("parent_accounting", "false"),
        ];
        assert_eq!(keyed(&server, &key, "AddUser", &fields)["result"], 1);
    }
    assert_eq!(server.stop(), Some(0));
    // The first user is paid by one writer only; the large transfers name the others.
    let others = (2..=MANY).map(|id| id.to_string()).collect::<Vec<_>>().join(";");
    let (mut answered, mut rounds, mut cut) = (0, 0, 0);
    while rounds < 3 || (rounds < 8 && cut == 0) {
        rounds += 1;
        let server = Server::start(state, false);
        answered += std::thread::scope(|scope| {
            let (server, key, others) = (&server, &key, &others);
            let one = scope.spawn(move || {
                transfers(server, key, |_| [("user_id", "1".to_owned()), ("amount", "0.01".to_owned())])
            });
            scope.spawn(move || {
                transfers(server, key, |round| {
                    let amount = if round.is_multiple_of(3) { "-0.01" } else { "0.02" };
                    [("user_id", others.clone()), ("amount", amount.to_owned())]
                })
            });
            std::thread::sleep(Duration::from_millis(1_500 + 130 * rounds));
            let killed = Command::new("kill").args(["-KILL", &server.process.id().to_string()]).status().unwrap();
            assert!(killed.success());
            one.join().unwrap()
        });
        server.kill();
        let audited = operator(state, &words("ledger audit"));
        assert_eq!(audited.code, Some(0), "round {rounds}: {audited:?}");
        cut += usize::from(!audited.out.contains(" 0 transfers on their way"));
    }
    assert!(answered > 0, "no transfer was answered before a kill");
    let server = Server::start(state, false);
    let balance = keyed(&server, &key, "GetUsers", &[("user_id", "1")])["result"][0]["balance"].clone();
    // A cent a transfer.
    let paid: usize = format!("{:.0}", balance.as_f64().unwrap() * 100.0).parse().unwrap();
    // One transfer a round may have happened without its answer getting out.
    let (least, most) = (answered, answered + usize::try_from(rounds).unwrap());
    assert!((least..=most).contains(&paid), "{balance}, {answered}");
    // The server looks for unfinished work when it starts. A transfer belongs to its request for a minute: only then it is
    // taken for left.
    let patience = Instant::now() + Duration::from_mins(3);
    let mut server = Some(server);
    loop {
        assert_eq!(server.take().unwrap().stop(), Some(0));
        let audited = operator(state, &words("ledger audit"));
        assert_eq!(audited.code, Some(0), "{audited:?}");
        if audited.out.contains("demo") && audited.out.contains(" 0 transfers on their way") {
            break;
        }
        assert!(Instant::now() < patience, "work is left: {audited:?}");
        server = Some(Server::start(state, false));
        std::thread::sleep(Duration::from_secs(1));
    }
    eprintln!("{rounds} kills, {cut} of them in the middle of a large transfer");
}
