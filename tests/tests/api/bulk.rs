//! Transactions that are committed many at once, as an import does.

use aws_sdk_dynamodb::Client;
use dynoxide::Database;
use serde_json::{Value, json};
use shared::ids::UserId;
use shared::stepchat::{Detail, DetailValue, Email, Name, NewUser, Refusal, Slug, UserType};
use shared::store::auth::TokenHash;
use shared::store::schema::create_tables;
use shared::store::stepchat::counters::LeadCounter;
use shared::store::stepchat::creation;
use shared::store::stepchat::users::Secrets;
use shared::store::{CommitError, Endpoint, Store, Table, Tables, Txn, connect_with};
use shared::timestamp::Timestamp;
use std::collections::BTreeSet;
use std::path::Path;
use switchboard::direct_writer::BulkStore;
use switchboard::embedded;

/// The creation of a user; the address is that of user `email`.
fn creation(id: u64, email: u64) -> Txn<Refusal> {
    let name = |text: &str| Some(Name::parse(text).unwrap());
    let new = NewUser {
        first_name: name(["Анна", "Ivan", ""][usize::try_from(id % 3).unwrap()]),
        last_name: name("Щёголев"),
        email: Some(Email::parse(&format!("user{email}@example.com")).unwrap()),
        user_type: Some(
            [UserType::User, UserType::Lead, UserType::Agent, UserType::Admin][usize::try_from(id % 4).unwrap()],
        ),
        ..NewUser::default()
    };
    let now = Timestamp::from_millis(1_700_000_000_000);
    let user = new.into_user(UserId::new(id).unwrap(), now, &Name::parse("x").unwrap(), 0);
    let extra = |slug: &str, value: String| Detail {
        slug: Slug::parse(slug).unwrap(),
        name: slug.to_owned(),
        value: DetailValue::parse(&value).unwrap().unwrap(),
    };
    let details = [extra("phone", format!("+7916{id:07}")), extra("city", "Paris".to_owned())];
    let secrets = Secrets { password: None, token: TokenHash::of(&format!("token {id}")) };
    creation::of(&user, &details, &secrets, true, &LeadCounter::unread()).unwrap()
}

/// An empty store: with its own way into a file, or without.
async fn store(file: Option<&Path>) -> (Database, BulkStore) {
    let database = file.map_or_else(Database::memory, |path| Database::new(path.to_str().unwrap())).unwrap();
    let client: Client =
        connect_with(&Endpoint::emulator(Some("http://embedded".into())), embedded::transport(&database).unwrap());
    let tables = Tables::default();
    create_tables(&client, &tables).await.unwrap();
    let store = Store::new(client, tables);
    let bulk = BulkStore::new(store, Some(&database)).unwrap();
    (database, bulk)
}

/// All that the database answers of its tables and indexes; of write intents that are left, how many they are: their keys
/// are random.
fn everything(database: &Database) -> BTreeSet<String> {
    let (mut all, mut intents) = (BTreeSet::new(), 0);
    for table in Table::ALL {
        let indexes = table.schema().indexes.iter().map(|index| Some(index.name));
        for index in indexes.chain([None]) {
            let mut request = json!({ "TableName": table.as_str() });
            if let Some(index) = index {
                request["IndexName"] = json!(index);
            }
            let (status, body) = embedded::perform(database, "Scan", request.to_string().as_bytes());
            assert_eq!(status, 200, "{body}");
            let answer: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(answer["LastEvaluatedKey"], Value::Null);
            for item in answer["Items"].as_array().unwrap() {
                if item["fate"] == Value::Null {
                    assert!(all.insert(format!("{table} {} {item}", index.unwrap_or("table"))), "twice: {item}");
                } else {
                    intents += 1;
                }
            }
        }
    }
    all.insert(format!("{intents} write intents"));
    all
}

/// Of two stores, one with a way past the SDK, both end with the same items, index entries and counters, whether a batch can
/// happen as a whole or one of it is refused: that one alone.
#[tokio::test]
async fn a_way_past_the_sdk_leaves_what_transactions_leave() {
    let folder = tempfile::tempdir().unwrap();
    let (in_file, past) = store(Some(&folder.path().join("db"))).await;
    let (in_memory, through) = store(None).await;
    let first: Vec<_> = (1..=40).map(|id| creation(id, id)).collect();
    // User 45 wants the address of user 7.
    let second: Vec<_> = (41..=50).map(|id| creation(id, if id == 45 { 7 } else { id })).collect();
    let mut counts = Vec::new();
    for batch in [first, second] {
        let (through, past) = (through.commit_each(&batch).await.unwrap(), past.commit_each(&batch).await.unwrap());
        assert_eq!(through, past);
        counts.push(past.iter().filter(|outcome| outcome.is_ok()).count());
        let refused: Vec<_> = past.into_iter().filter_map(Result::err).collect();
        assert!(refused.iter().all(|error| *error == CommitError::Refused(Refusal::DuplicateEmail)), "{refused:?}");
        let (through, past) = (everything(&in_memory), everything(&in_file));
        let different: Vec<_> = through.symmetric_difference(&past).collect();
        assert!(different.is_empty(), "{different:#?}");
        assert!(past.len() > 40 * 20, "{}", past.len());
    }
    assert_eq!(counts, [40, 9]);
}

/// Two of a batch that want the same address do not both get it.
#[tokio::test]
async fn of_two_in_a_batch_who_want_the_same_one_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    for file in [None, Some(folder.path().join("db"))] {
        let (_database, store) = store(file.as_deref()).await;
        let outcomes = store.commit_each(&[creation(1, 1), creation(2, 1), creation(3, 3)]).await.unwrap();
        let refused = |outcome: &&Result<_, _>| **outcome == Err(CommitError::Refused(Refusal::DuplicateEmail));
        assert_eq!(outcomes.iter().take(2).filter(refused).count(), 1, "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 2, "{outcomes:?}");
    }
}
