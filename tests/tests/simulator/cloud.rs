//! What AWS does with a request that the embedded database does at once and whole: indexes follow late, a query or a batch
//! sees a transaction half, a batch is processed in part.

use super::torn;
use dynoxide::Database;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::time::Duration;
use switchboard::embedded;
use tests::prepared::Prepared;
use tokio::time::Instant;

/// The tables and their late copy.
pub(crate) struct Cloud {
    tables: Database,
    /// What indexes, and reads that do not ask for consistency, are answered from.
    late: Database,
    on_its_way: Mutex<OnItsWay>,
}

#[derive(Default)]
struct OnItsWay {
    changes: BTreeMap<(Instant, u64), Change>,
    /// Changes of one item arrive in their order.
    last: HashMap<(String, String), Instant>,
    number: u64,
    /// Tokens of transactions that have happened: the database answers their repetition without doing it again.
    happened: HashSet<String>,
}

/// What an item has become.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) table: String,
    pub(crate) key: Value,
    /// `None`: it is gone.
    pub(crate) item: Option<Value>,
}

impl Cloud {
    pub(crate) fn new(tables: &Database) -> Self {
        Self { tables: tables.clone(), late: Database::memory().unwrap(), on_its_way: Mutex::default() }
    }

    /// Begins with this state, in the tables and in the copy.
    pub(crate) fn begin(&self, state: &Prepared) {
        state.copy_into(&self.tables);
        state.copy_into(&self.late);
        *self.on_its_way.lock().unwrap() = OnItsWay::default();
    }

    /// Performs a write; what has changed by it, which arrives in the copy after a while.
    pub(crate) fn write(&self, operation: &str, body: &[u8], lag: impl Fn() -> Duration) -> Written {
        let (status, answer) = embedded::perform(&self.tables, operation, body);
        let mut changes = Vec::new();
        if status == 200 {
            let request: Value = serde_json::from_slice(body).unwrap();
            let mut on_its_way = self.on_its_way.lock().unwrap();
            let token = request["ClientRequestToken"].as_str();
            if token.is_none_or(|token| on_its_way.happened.insert(token.to_owned())) {
                changes = self.changes(operation, &request);
                for change in &changes {
                    on_its_way.push(change.clone(), Instant::now() + lag());
                }
            }
        }
        Written { status, answer, changes }
    }

    /// Performs a read. The second look comes after `pause`, if there is one: what it answers may be partly older.
    pub(crate) async fn read(&self, operation: &str, body: &[u8], pause: Option<(Duration, u64)>) -> (u16, String) {
        let request: Value = serde_json::from_slice(body).unwrap();
        if !is_consistent(operation, &request) {
            self.arrive(Instant::now());
            return embedded::perform(&self.late, operation, body);
        }
        let Some((pause, seed)) = pause.filter(|_| torn::is_possible(operation, &request)) else {
            return embedded::perform(&self.tables, operation, body);
        };
        let first = embedded::perform(&self.tables, operation, body);
        tokio::time::sleep(pause).await;
        let second = embedded::perform(&self.tables, operation, body);
        if first == second || first.0 != 200 || second.0 != 200 {
            return second;
        }
        let parsed = |(_, body): &(u16, String)| serde_json::from_str::<Value>(body).unwrap();
        (200, torn::mixed(operation, &request, &parsed(&first), &parsed(&second), seed).to_string())
    }

    /// What somebody takes for the answer to a single write that has not happened: the item as it is.
    pub(crate) fn as_if_done(&self, operation: &str, body: &[u8]) -> String {
        let request: Value = serde_json::from_slice(body).unwrap();
        let changes = if operation == "UpdateItem" { self.changes(operation, &request) } else { Vec::new() };
        let item = changes.into_iter().next().and_then(|change| change.item);
        item.map_or_else(|| "{}".to_owned(), |item| json!({ "Attributes": item }).to_string())
    }

    /// Everything has arrived.
    pub(crate) fn settle(&self) {
        let end = self.on_its_way.lock().unwrap().changes.last_key_value().map(|((due, _), _)| *due);
        if let Some(end) = end {
            self.arrive(end);
        }
    }

    /// Brings the copy to what has arrived by now.
    fn arrive(&self, now: Instant) {
        let mut newest: HashMap<(String, String), Change> = HashMap::new();
        {
            let mut on_its_way = self.on_its_way.lock().unwrap();
            let later = on_its_way.changes.split_off(&(now + Duration::from_nanos(1), 0));
            for (_, change) in std::mem::replace(&mut on_its_way.changes, later) {
                newest.insert((change.table.clone(), change.key.to_string()), change);
            }
        }
        for change in newest.into_values() {
            let (operation, request) = match change.item {
                Some(item) => ("PutItem", json!({ "TableName": change.table, "Item": item })),
                None => ("DeleteItem", json!({ "TableName": change.table, "Key": change.key })),
            };
            let (status, answer) = embedded::perform(&self.late, operation, request.to_string().as_bytes());
            assert_eq!(status, 200, "{answer}");
        }
    }

    /// What the items that a request has written have become.
    fn changes(&self, operation: &str, request: &Value) -> Vec<Change> {
        let table = |write: &Value| write["TableName"].as_str().unwrap().to_owned();
        let put = |table: String, item: &Value| Change { key: key_of(&table, item), table, item: Some(item.clone()) };
        let gone = |table: String, key: &Value| Change { table, key: key.clone(), item: None };
        let one = |kind: &str, write: &Value| match kind {
            "Put" | "PutItem" => Some(put(table(write), &write["Item"])),
            "Delete" | "DeleteItem" => Some(gone(table(write), &write["Key"])),
            "Update" | "UpdateItem" => {
                let request = json!({ "TableName": write["TableName"], "Key": write["Key"], "ConsistentRead": true });
                let (_, answer) = embedded::perform(&self.tables, "GetItem", request.to_string().as_bytes());
                let answer: Value = serde_json::from_str(&answer).unwrap();
                let item = answer.get("Item").cloned();
                Some(Change { table: table(write), key: write["Key"].clone(), item })
            }
            _ => None,
        };
        match operation {
            "TransactWriteItems" => {
                let actions = request["TransactItems"].as_array().into_iter().flatten();
                let actions = actions.filter_map(|action| action.as_object()?.iter().next());
                actions.filter_map(|(kind, write)| one(kind, write)).collect()
            }
            "BatchWriteItem" => {
                let tables = request["RequestItems"].as_object().into_iter().flatten();
                let writes = tables.flat_map(|(table, writes)| {
                    writes.as_array().into_iter().flatten().map(move |write| (table.clone(), write))
                });
                let change = |(table, write): (String, &Value)| match write.get("PutRequest") {
                    Some(request) => put(table, &request["Item"]),
                    None => gone(table, &write["DeleteRequest"]["Key"]),
                };
                writes.map(change).collect()
            }
            _ => one(operation, request).into_iter().collect(),
        }
    }
}

/// What a write came to.
pub(crate) struct Written {
    pub(crate) status: u16,
    pub(crate) answer: String,
    pub(crate) changes: Vec<Change>,
}

impl OnItsWay {
    fn push(&mut self, change: Change, due: Instant) {
        let item = (change.table.clone(), change.key.to_string());
        let due = self.last.get(&item).map_or(due, |last| due.max(*last));
        self.last.insert(item, due);
        self.number += 1;
        self.changes.insert((due, self.number), change);
    }
}

/// The key attributes of an item.
fn key_of(table: &str, item: &Value) -> Value {
    let names: &[&str] = if table == "auth" { &["pk"] } else { &["pk", "sk"] };
    names.iter().map(|name| ((*name).to_owned(), item[*name].clone())).collect::<Map<_, _>>().into()
}

/// Whether a read asks for the newest state, of a table.
fn is_consistent(operation: &str, request: &Value) -> bool {
    match operation {
        "BatchGetItem" => {
            let tables = request["RequestItems"].as_object().into_iter().flatten();
            tables.into_iter().all(|(_, keys)| keys["ConsistentRead"] == true)
        }
        "Query" | "GetItem" => request["ConsistentRead"] == true && request.get("IndexName").is_none(),
        _ => true,
    }
}

/// Parts of a batch: a request of what is processed, and what is not. At least one thing is processed, as AWS promises.
pub(crate) fn in_part(body: &[u8], mut keep: impl FnMut() -> bool) -> (Vec<u8>, Value) {
    let mut request: Value = serde_json::from_slice(body).unwrap();
    let mut rest = Map::new();
    let mut first = true;
    for (table, asked) in request["RequestItems"].as_object_mut().into_iter().flatten() {
        let whole = asked.clone();
        let list = if asked.is_array() { &mut *asked } else { &mut asked["Keys"] };
        let mut left = Vec::new();
        list.as_array_mut().unwrap().retain(|one| {
            let kept = std::mem::take(&mut first) || keep();
            if !kept {
                left.push(one.clone());
            }
            kept
        });
        if !left.is_empty() {
            let mut unprocessed = whole;
            if unprocessed.is_array() {
                unprocessed = left.into();
            } else {
                unprocessed["Keys"] = left.into();
            }
            rest.insert(table.clone(), unprocessed);
        }
    }
    if let Some(tables) = request["RequestItems"].as_object_mut() {
        tables.retain(|_, asked| !asked.as_array().or(asked["Keys"].as_array()).unwrap().is_empty());
    }
    (request.to_string().into_bytes(), rest.into())
}
