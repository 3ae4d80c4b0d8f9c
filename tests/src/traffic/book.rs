//! What single partitions and items are asked for: a network that writes down every call before it passes it on.
//!
//! The rules of the count are `DynamoDB`'s: a write costs a unit for each kilobyte of the larger of both items, in a
//! transaction two; an index entry costs where it appears, goes, or changes; a strong read costs a unit for each four
//! kilobytes.

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use dynoxide::Database;
use serde_json::{Map, Value, json};
use shared::store::schema::IndexSchema;
use shared::store::{Endpoint, Table, connect_with};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};
use switchboard::embedded;

/// A partition: of a table or of an index of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The table, or `table.index`.
    pub of: String,
    /// The partition key.
    pub key: String,
}

/// What one partition was asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Write units, in the order of the writes, by sort key.
    pub written: Vec<(String, f64)>,
    /// Read units of single items, by sort key.
    pub read: BTreeMap<String, f64>,
    /// Transactions that held an item, by sort key.
    pub locked: BTreeMap<String, u32>,
    /// For whom: what only one of them asks for is no place where all meet.
    pub callers: BTreeSet<usize>,
}

#[derive(Default)]
struct Book {
    caller: usize,
    asked: BTreeMap<Place, Asked>,
}

/// The network.
pub(super) struct Network {
    database: Database,
    book: Mutex<Book>,
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Network")
    }
}

impl Network {
    /// A database, and a client that reaches it over this network.
    pub(super) fn new() -> (Arc<Self>, Database, aws_sdk_dynamodb::Client) {
        let database = Database::memory().unwrap();
        let network = Arc::new(Self { database: database.clone(), book: Mutex::default() });
        let connector = SharedHttpConnector::new(Connector(Arc::clone(&network)));
        let transport = http_client_fn(move |_, _| connector.clone());
        (network, database, connect_with(&Endpoint::emulator(Some("http://embedded".into())), transport))
    }

    /// From now on calls are for this one.
    pub(super) fn caller(&self, caller: usize) {
        self.book.lock().unwrap().caller = caller;
    }

    /// What was asked for since the last look.
    pub(super) fn take(&self) -> BTreeMap<Place, Asked> {
        std::mem::take(&mut self.book.lock().unwrap().asked)
    }

    fn perform(&self, operation: &str, body: &[u8]) -> (u16, String) {
        let request: Value = serde_json::from_slice(body).unwrap();
        let writes = writes(operation, &request);
        let before: Vec<Option<Value>> = writes.iter().map(|write| self.item(write)).collect();
        let (status, answer) = embedded::perform(&self.database, operation, body);
        if status == 200 {
            for (write, before) in writes.iter().zip(before) {
                let after = if write.is_check { before.clone() } else { self.item(write) };
                self.note_write(write, before.as_ref(), after.as_ref());
            }
            self.note_reads(operation, &request, &serde_json::from_str(&answer).unwrap());
        }
        (status, answer)
    }

    fn item(&self, write: &Written) -> Option<Value> {
        let request = json!({ "TableName": write.table, "Key": write.key, "ConsistentRead": true });
        let (status, answer) = embedded::perform(&self.database, "GetItem", request.to_string().as_bytes());
        assert_eq!(status, 200, "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer.get("Item").cloned()
    }

    fn note_write(&self, write: &Written, before: Option<&Value>, after: Option<&Value>) {
        let size = [before, after].into_iter().flatten().map(bytes).max().unwrap_or_default();
        let times = if write.in_transaction { 2.0 } else { 1.0 };
        let mut book = self.book.lock().unwrap();
        let caller = book.caller;
        let mut asked = |of: String, key: &str, sort: &str, units: f64, locks: bool| {
            let place = Place { of, key: key.to_owned() };
            let asked = book.asked.entry(place).or_default();
            asked.callers.insert(caller);
            asked.written.push((sort.to_owned(), units));
            if locks {
                *asked.locked.entry(sort.to_owned()).or_default() += 1;
            }
        };
        let (pk, sk) = (text(&write.key, "pk"), text(&write.key, "sk"));
        asked(write.table.clone(), pk, sk, times * kilobytes(size), write.in_transaction);
        let table = Table::ALL.into_iter().find(|table| table.as_str() == write.table).unwrap();
        for index in table.schema().indexes {
            let entries = [before, after].map(|item| item.and_then(|item| entry(index, item)));
            let [old, new] = &entries;
            if old == new {
                continue;
            }
            let of = || format!("{}.{}", write.table, index.name);
            let same_key = matches!((old, new), (Some(old), Some(new)) if (&old.0, &old.1) == (&new.0, &new.1));
            // An entry whose key changes goes and comes; one whose carried values change is written over.
            for (partition, sort, size) in
                entries.iter().skip(usize::from(same_key)).flatten().map(|e| (&e.0, &e.1, e.3))
            {
                asked(of(), partition, sort, kilobytes(size), false);
            }
        }
    }

    fn note_reads(&self, operation: &str, request: &Value, answer: &Value) {
        let mut book = self.book.lock().unwrap();
        let caller = book.caller;
        let mut read = |table: &str, key: &Value, item: Option<&Value>, strong: bool| {
            let size = item.map_or(0, bytes);
            let units = pages(size, 4_096) * if strong { 1.0 } else { 0.5 };
            let place = Place { of: table.to_owned(), key: text(key, "pk").to_owned() };
            let asked = book.asked.entry(place).or_default();
            asked.callers.insert(caller);
            *asked.read.entry(text(key, "sk").to_owned()).or_default() += units;
        };
        match operation {
            "GetItem" => {
                let strong = request["ConsistentRead"] == true;
                read(request["TableName"].as_str().unwrap(), &request["Key"], answer.get("Item"), strong);
            }
            "BatchGetItem" => {
                for (table, asked) in request["RequestItems"].as_object().unwrap() {
                    let strong = asked["ConsistentRead"] == true;
                    for key in asked["Keys"].as_array().unwrap() {
                        let items = answer["Responses"][table].as_array();
                        let is_it = |item: &&Value| item["pk"] == key["pk"] && item["sk"] == key["sk"];
                        read(table, key, items.and_then(|items| items.iter().find(is_it)), strong);
                    }
                }
            }
            _ => {}
        }
    }
}

/// One write of a call.
struct Written {
    table: String,
    key: Value,
    in_transaction: bool,
    is_check: bool,
}

fn writes(operation: &str, request: &Value) -> Vec<Written> {
    let one = |of: &Value, in_transaction, is_check| {
        let whole = of.get("Item").or_else(|| of.get("Key")).unwrap().as_object().unwrap();
        let key: Map<String, Value> = whole
            .iter()
            .filter(|(name, _)| *name == "pk" || *name == "sk")
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let table = of["TableName"].as_str().unwrap().to_owned();
        Written { table, key: Value::Object(key), in_transaction, is_check }
    };
    match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" => vec![one(request, false, false)],
        "BatchWriteItem" => {
            let tables = request["RequestItems"].as_object().unwrap();
            let all = tables.iter().flat_map(|(table, writes)| {
                writes.as_array().unwrap().iter().map(move |write| {
                    let mut write = write.as_object().unwrap().values().next().unwrap().clone();
                    write["TableName"] = json!(table);
                    write
                })
            });
            all.map(|write| one(&write, false, false)).collect()
        }
        "TransactWriteItems" => {
            let all = request["TransactItems"].as_array().unwrap().iter();
            all.flat_map(|action| action.as_object().unwrap())
                .map(|(kind, write)| one(write, true, kind == "ConditionCheck"))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// The entry of an item in an index: partition, sort key, what it carries, and its size; nothing without both keys.
fn entry(index: &IndexSchema, item: &Value) -> Option<(String, String, Vec<Value>, usize)> {
    let key = |name: &str| item[name]["S"].as_str().map(str::to_owned);
    let (partition, sort) = (key(index.partition)?, key(index.sort)?);
    let carried: Vec<Value> = index.carries.iter().map(|name| item[*name].clone()).collect();
    let size = partition.len() + sort.len() + text(item, "pk").len() + text(item, "sk").len();
    let size = size + carried.iter().map(bytes).sum::<usize>();
    Some((partition, sort, carried, size))
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name]["S"].as_str().unwrap_or_default()
}

fn kilobytes(size: usize) -> f64 {
    pages(size, 1_024)
}

/// How many of these an item fills; one at least.
fn pages(size: usize, page: usize) -> f64 {
    f64::from(u32::try_from(size.div_ceil(page).max(1)).unwrap())
}

/// About what `DynamoDB` counts: names and values.
fn bytes(item: &Value) -> usize {
    match item {
        Value::Object(members) => members.iter().map(|(name, value)| name.len() + bytes(value)).sum(),
        Value::Array(items) => items.iter().map(bytes).sum::<usize>() + items.len(),
        Value::String(text) => text.len(),
        _ => 1,
    }
}

struct Connector(Arc<Network>);

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let network = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let (operation, body) = embedded::asked(&request);
            let (status, answer) = network.perform(&operation, &body);
            embedded::answered(status, answer)
        })
    }
}
