//! A query or a batch that runs beside a transaction sees it half, as AWS allows ("read-committed"): a query what it comes
//! to after the write, a batch any of its items.

use fastrand::Rng;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Whether this read may see a transaction half. An item read alone, and items read in a transaction, are whole.
pub(crate) fn is_possible(operation: &str, request: &Value) -> bool {
    // Where keys are not asked for, nobody could tell here which item is which.
    matches!(operation, "Query" | "BatchGetItem") && request.get("ProjectionExpression").is_none()
}

/// An answer between two looks.
pub(crate) fn mixed(operation: &str, request: &Value, before: &Value, after: &Value, seed: u64) -> Value {
    let mut rng = Rng::with_seed(seed);
    if operation == "Query" { query(request, before, after, &mut rng) } else { batch(before, after, &mut rng) }
}

fn place(item: &Value) -> String {
    item["sk"]["S"].as_str().unwrap_or_default().to_owned()
}

/// The items of two looks by their names: as they were, and as they are.
fn both(
    before: Vec<Value>,
    after: Vec<Value>,
    name: impl Fn(&Value) -> String,
) -> BTreeMap<String, [Option<Value>; 2]> {
    let mut items: BTreeMap<String, [Option<Value>; 2]> = BTreeMap::new();
    for (look, found) in [before, after].into_iter().enumerate() {
        for item in found {
            let name = name(&item);
            items.entry(name).or_default()[look] = Some(item);
        }
    }
    items
}

fn items(answer: &Value) -> Vec<Value> {
    answer["Items"].as_array().cloned().unwrap_or_default()
}

fn query(request: &Value, before: &Value, after: &Value, rng: &mut Rng) -> Value {
    let forward = request["ScanIndexForward"] != false;
    // Where the nearer of two pages ends, the mixed one ends.
    let ends = [before, after].map(|answer| answer.get("LastEvaluatedKey").filter(|key| !key.is_null()));
    let ends = ends.into_iter().flatten();
    let mut end = if forward { ends.min_by_key(|key| place(key)) } else { ends.max_by_key(|key| place(key)) }.cloned();
    let mut walked: Vec<[Option<Value>; 2]> = both(items(before), items(after), place).into_values().collect();
    if !forward {
        walked.reverse();
    }
    // A query walks along: what it has passed was read before the others' write, what comes after it.
    let here = rng.usize(0..=walked.len());
    let pick = |(at, [before, after]): (usize, [Option<Value>; 2])| if at < here { before } else { after };
    let mut found: Vec<Value> = walked.into_iter().enumerate().filter_map(pick).collect();
    if let Some(end) = &end {
        let end = place(end);
        found.retain(|item| if forward { place(item) <= end } else { place(item) >= end });
    }
    let limit = request["Limit"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    if found.len() > limit {
        found.truncate(limit);
        end = found.last().map(|last| json!({ "pk": last["pk"], "sk": last["sk"] }));
    }
    let mut answer = json!({ "Count": found.len(), "ScannedCount": found.len(), "Items": found });
    if let Some(end) = end {
        answer["LastEvaluatedKey"] = end;
    }
    answer
}

fn batch(before: &Value, after: &Value, rng: &mut Rng) -> Value {
    let name = |item: &Value| format!("{} {}", item["pk"], item["sk"]);
    let tables = after["Responses"].as_object().into_iter().flatten();
    let mixed: Map<String, Value> = tables
        .map(|(table, found)| {
            let of = |answer: &Value| answer["Responses"][table].as_array().cloned().unwrap_or_default();
            let after = found.as_array().cloned().unwrap_or_default();
            let pairs = both(of(before), after, name).into_values();
            let picked: Vec<Value> =
                pairs.filter_map(|[before, after]| if rng.bool() { before } else { after }).collect();
            (table.clone(), picked.into())
        })
        .collect();
    json!({ "Responses": mixed, "UnprocessedKeys": {} })
}

#[test]
fn a_mixed_page_ends_where_the_nearer_one_ends_and_keeps_to_the_limit() {
    let item = |sort: &str, value: &str| json!({ "pk": { "S": "p" }, "sk": { "S": sort }, "val": { "S": value } });
    let page = |items: Vec<Value>, end: Option<&str>| {
        let mut page = json!({ "Items": items });
        if let Some(end) = end {
            page["LastEvaluatedKey"] = json!({ "pk": { "S": "p" }, "sk": { "S": end } });
        }
        page
    };
    let before = page(vec![item("a", "old"), item("c", "old")], Some("c"));
    let after = page(vec![item("b", "new"), item("c", "new")], Some("c"));
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let mixed = mixed("Query", &json!({ "Limit": 2 }), &before, &after, seed);
        let places: Vec<String> = mixed["Items"].as_array().unwrap().iter().map(place).collect();
        assert!(places.len() <= 2 && places.is_sorted(), "{mixed}");
        assert_eq!(place(&mixed["LastEvaluatedKey"]), if places == ["a", "b"] { "b" } else { "c" });
        seen.insert(mixed.to_string());
    }
    assert_eq!(seen.len(), 4, "it is anywhere on its way when the write happens");
    let descending = mixed(
        "Query",
        &json!({ "ScanIndexForward": false }),
        &page(vec![item("d", "old"), item("c", "old")], Some("c")),
        &page(vec![item("d", "old"), item("b", "new")], None),
        1,
    );
    assert!(descending["Items"].as_array().unwrap().iter().all(|item| place(item).as_str() >= "c"), "{descending}");
}
