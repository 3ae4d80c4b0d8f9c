//! The golden stories on a second DynamoDB that nobody here wrote, in the tables that a stack made there: the same bytes as
//! on the embedded one. `python3 tests/aws/run.py` starts it and names it here.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{DeleteRequest, KeySchemaElement, WriteRequest};
use dynoxide::Database;
use futures_util::future::join_all;
use serde_json::Value;
use shared::store::{Endpoint, Table, connect};
use std::collections::BTreeMap;
use std::env;
use switchboard::methods::families;
use tests::cases::{self, Case, Step};
use tests::{Answer, App};

/// Stories that the second engine is known to get wrong: method, the promise's beginning, and what it does.
const WRONG_THERE: [(&str, &str, &str); 0] = [];

/// Items that one request deletes.
const BATCH: usize = 25;

/// The second engine and the stack's tables in it.
struct Second {
    client: Client,
}

impl Second {
    fn of_the_environment() -> Self {
        let url = env::var("SECOND_ENGINE").expect("SECOND_ENGINE is the address of a DynamoDB: see tests/aws/run.py");
        Self { client: connect(&Endpoint::emulator(Some(url))) }
    }

    fn table(table: Table) -> String {
        env::var(table.variable()).unwrap_or_else(|_| panic!("{} names a table", table.variable()))
    }

    /// An empty deployment.
    async fn deployment(&self) -> App {
        join_all(Table::ALL.map(|table| self.clear(table))).await;
        let settings = |name: &str| Table::ALL.into_iter().find(|table| table.variable() == name).map(Self::table);
        App::on(Database::memory().unwrap(), self.client.clone(), settings).await
    }

    async fn clear(&self, table: Table) {
        let name = Self::table(table);
        let described = self.client.describe_table().table_name(&name).send().await.unwrap();
        let keys: Vec<String> = described
            .table()
            .unwrap()
            .key_schema()
            .iter()
            .map(KeySchemaElement::attribute_name)
            .map(str::to_owned)
            .collect();
        loop {
            let page = self.client.scan().table_name(&name).limit(1000).send().await.unwrap();
            if page.items().is_empty() {
                return;
            }
            for items in page.items().chunks(BATCH) {
                let deletes = items.iter().map(|item| {
                    let key = keys.iter().map(|name| (name.clone(), item[name].clone())).collect();
                    let delete = DeleteRequest::builder().set_key(Some(key)).build().unwrap();
                    WriteRequest::builder().delete_request(delete).build()
                });
                self.client.batch_write_item().request_items(&name, deletes.collect()).send().await.unwrap();
            }
        }
    }
}

/// What a deployment answers to a story.
async fn answers(app: &App, family: &str, case: &Case) -> Vec<Answer> {
    let (mut kept, mut answers) = (BTreeMap::new(), Vec::new());
    for step in &case.steps {
        let answer = step.call(app, family, &kept).await;
        step.check(&case.promise, &answer, &mut kept);
        answers.push(answer);
    }
    answers
}

/// An answer without what is another at every run: the texts for which the story has a `$name`.
fn masked(step: &Step, answer: &Answer) -> String {
    let mut found = Vec::new();
    chance(&step.answer, &answer.json(), &mut found);
    found.iter().fold(answer.text.clone(), |text, value| text.replace(value, "$"))
}

fn chance(expected: &Value, actual: &Value, found: &mut Vec<String>) {
    match (expected, actual) {
        (Value::String(name), Value::String(text)) if name.starts_with('$') && text.len() > 8 => {
            found.push(text.clone())
        }
        (Value::Array(left), Value::Array(right)) => left.iter().zip(right).for_each(|(l, r)| chance(l, r, found)),
        (Value::Object(left), Value::Object(right)) => {
            left.iter()
                .filter_map(|(name, value)| Some((value, right.get(name)?)))
                .for_each(|(l, r)| chance(l, r, found));
        }
        _ => {}
    }
}

async fn run(family: &'static str) {
    let second = Second::of_the_environment();
    let family = families().into_iter().find(|known| known.name == family).unwrap();
    let mut stories = 0;
    for entry in family.methods {
        for case in cases::of(entry) {
            if WRONG_THERE.iter().any(|(method, promise, _)| *method == entry.name && case.promise.starts_with(promise))
            {
                continue;
            }
            let embedded = App::new().await;
            let there = second.deployment().await;
            let expected = answers(&embedded, family.name, &case).await;
            let actual = answers(&there, family.name, &case).await;
            for ((step, expected), actual) in case.steps.iter().zip(&expected).zip(&actual) {
                let told = format!("{}: {}", entry.name, case.promise);
                assert_eq!((expected.status, &expected.headers), (actual.status, &actual.headers), "{told}");
                if expected.text != actual.text {
                    assert_eq!(masked(step, expected), masked(step, actual), "{told}");
                }
            }
            stories += 1;
        }
    }
    println!("{stories} stories of {} answer the same there", family.name);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a second engine: python3 tests/aws/run.py"]
async fn every_story_answers_the_same_bytes_on_another_dynamodb() {
    for family in ["voximplant", "stepchat"] {
        run(family).await;
    }
}

/// What is left out stays small, and never of the five methods whose page is the product's.
#[test]
fn no_published_method_of_voximplant_and_at_most_two_of_stepchat_are_left_out() {
    let published = ["AddUser", "DelUser", "GetUsers", "SetUserInfo", "TransferMoneyToUser"];
    let mut left_out: Vec<&str> = WRONG_THERE.iter().map(|(method, ..)| *method).collect();
    left_out.dedup();
    assert!(left_out.iter().all(|method| !published.contains(method)), "{left_out:?}");
    let stepchat = families().into_iter().find(|family| family.name == "stepchat").unwrap();
    assert!(stepchat.methods.iter().filter(|entry| left_out.contains(&entry.name)).count() <= 2, "{left_out:?}");
    assert!(WRONG_THERE.iter().all(|(_, promise, reason)| !promise.is_empty() && reason.len() > 20));
}
