//! `switchboard operator ledger audit`: what it finds in a ledger that was damaged, each way there is.

use super::operator::{done, keyed, operator, words};
use super::serve::{Folder, Server};
use dynoxide::Database;
use serde_json::{Value, json};
use switchboard::embedded;

fn perform(database: &Database, action: &str, request: &Value) -> Value {
    let (status, body) = embedded::perform(database, action, request.to_string().as_bytes());
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// The ledger's items whose partition key ends so and whose sort key begins so.
fn ledger(database: &Database, partition: &str, sort: &str) -> Vec<Value> {
    let all = perform(database, "Scan", &json!({ "TableName": "ledger" }));
    let mut found: Vec<Value> = all["Items"].as_array().unwrap().clone();
    found.retain(|item| {
        item["pk"]["S"].as_str().unwrap().ends_with(partition) && item["sk"]["S"].as_str().unwrap().starts_with(sort)
    });
    found
}

fn put(database: &Database, item: &Value) {
    perform(database, "PutItem", &json!({ "TableName": "ledger", "Item": item }));
}

fn remove(database: &Database, item: &Value) {
    let key = json!({ "pk": item["pk"], "sk": item["sk"] });
    perform(database, "DeleteItem", &json!({ "TableName": "ledger", "Key": key }));
}

/// The item with this number in it raised by one.
fn raised(item: &Value, pointer: &str) -> Value {
    let mut item = item.clone();
    let number = item.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}"));
    *number = json!((number.as_str().unwrap().parse::<i64>().unwrap() + 1).to_string());
    item
}

/// A balance of a user whom nobody ever paid.
fn planted(user: u64) -> Value {
    json!({
        "pk": { "S": format!("A#000000000001#U#{user:012}") }, "sk": { "S": "B" },
        "units": { "N": "5" }, "v": { "N": "1" }, "c": { "N": "0" },
    })
}

const UNITS: &str = "/units/N";

/// What it damages, how, and what the audit says of it.
type Damage = (&'static str, fn(&Database), &'static [&'static str]);

/// Every way in which we damage a ledger.
fn damages() -> Vec<Damage> {
    vec![
        (
            "the account's balance",
            |database| put(database, &raised(&ledger(database, "A#000000000001", "B")[0], UNITS)),
            &["the account's balance: stored 9850001, replayed 9850000", "all balances sum to 1, not to zero"],
        ),
        (
            "a user's balance",
            |database| put(database, &raised(&ledger(database, "#U#000000000001", "B")[0], UNITS)),
            &["the balance of user 1: stored 100001, replayed 100000", "all balances sum to 1, not to zero"],
        ),
        (
            "the amount of an entry",
            |database| put(database, &raised(&ledger(database, "#J", "")[1], "/postings/L/0/M/units/N")),
            &["entry 2/0: its hash is not of its content", "the balance of user 1: stored 100000, replayed 100001"],
        ),
        (
            "an entry in the middle",
            |database| remove(database, &ledger(database, "#J", "")[1]),
            &["entry 3/0: follows entry 1", "entry 3/0: does not link to the entry before"],
        ),
        (
            "the last entry",
            |database| remove(database, ledger(database, "#J", "").last().unwrap()),
            &["the account stands at entry 3, the journal at 2"],
        ),
        (
            "a line of a statement",
            |database| remove(database, &ledger(database, "#U#000000000002", "H#")[0]),
            &["the statement of user 2 sums to 0, the journal to 50000"],
        ),
        (
            "money of a user whom nobody paid",
            |database| put(database, &planted(3)),
            &["the balance of user 3: stored 5, replayed 0", "all balances sum to 5, not to zero"],
        ),
        (
            "money of a user who is gone",
            |database| put(database, &planted(4)),
            &["the balance of user 4: stored 5, replayed 0", "all balances sum to 5, not to zero"],
        ),
        (
            "money on its way nowhere",
            |database| {
                let operation = ledger(database, "#O", "").pop().unwrap();
                let pk = format!("A#000000000001#S#{}", operation["sk"]["S"].as_str().unwrap());
                let suspense = json!({ "units": { "N": "7" }, "v": { "N": "1" } });
                put(
                    database,
                    &json!({ "pk": { "S": pk }, "sk": { "S": "B" }, "units": suspense["units"], "v": suspense["v"] }),
                );
            },
            &["has ended, but 7 are in suspense", "all balances sum to 7, not to zero"],
        ),
    ]
}

#[test]
fn the_audit_passes_a_sound_ledger_and_finds_every_damage() {
    let folder = Folder::new("audit");
    let state = folder.0.as_path();
    let server = Server::start(state, false);
    let key = folder.json("voximplant-apikey.json")["api_key"].as_str().unwrap().to_owned();
    for name in ["one", "two", "three", "four"] {
        let fields = [
            ("application_id", "1"),
            ("user_name", name),
            ("user_display_name", name),
            ("user_password", "Passw0rd!"),
            ("parent_accounting", "false"),
        ];
        assert_eq!(keyed(&server, &key, "AddUser", &fields)["result"], 1);
    }
    for (user, amount) in [("1", "10"), ("2", "5")] {
        let transfer = [("user_id", user), ("amount", amount)];
        assert_eq!(keyed(&server, &key, "TransferMoneyToUser", &transfer)["result"], 1);
    }
    assert_eq!(keyed(&server, &key, "DelUser", &[("user_id", "4")])["result"], 1);
    assert_eq!(server.stop(), Some(0));
    done(state, &words("account create --name other --email other@example.com"));

    let sound = operator(state, &words("ledger audit"));
    assert_eq!(sound.code, Some(0), "{sound:?}");
    let said: Vec<&str> = sound.out.lines().collect();
    assert_eq!(
        said,
        [
            "account 1 demo: 3 entries, 2 users, 0 transfers on their way",
            "account 2 other: 0 entries, 0 users, 0 transfers on their way",
            "2 accounts: every journal replays to its balances, and all balances sum to zero",
        ]
    );
    for progress in ["account demo: 3 entries read", "account demo: 4 of 4 balances compared"] {
        assert!(sound.err.contains(progress), "{sound:?}");
    }

    let database = state.join("switchboard.db");
    let open = || Database::new(database.to_str().unwrap()).unwrap();
    for (what, damage, findings) in damages() {
        let before = ledger(&open(), "", "");
        damage(&open());
        let audited = operator(state, &words("ledger audit"));
        assert_eq!(audited.code, Some(1), "{what}: {audited:?}");
        for finding in findings {
            let found = audited.out.lines().any(|line| line.starts_with("  FINDING ") && line.contains(finding));
            assert!(found, "{what}: no {finding:?} in\n{}", audited.out);
        }
        assert!(audited.out.lines().last().unwrap().ends_with(" findings"), "{what}: {}", audited.out);
        // Undone, item by item.
        for item in ledger(&open(), "", "") {
            remove(&open(), &item);
        }
        for item in &before {
            put(&open(), item);
        }
    }
    assert_eq!(operator(state, &words("ledger audit")).code, Some(0), "the damages were undone");
    put(&open(), &planted(3));
    assert_eq!(operator(state, &words("ledger audit --account 2")).code, Some(0), "the other account is sound");
    assert_eq!(operator(state, &words("ledger audit --account 1")).code, Some(1));
}
