//! What the database says when something goes wrong.

use fastrand::Rng;
use serde_json::{Value, json};

/// Reasons that are no fault of the caller.
const PRESSURE: [&str; 4] =
    ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict"];

fn error(kind: &str, message: &str) -> Value {
    json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": message, "Message": message })
}

fn count(body: &[u8]) -> usize {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["TransactItems"].as_array().map_or(1, Vec::len)
}

/// A transaction that was cancelled: the reason stands at this action.
pub(crate) fn cancelled(body: &[u8], code: &str, at: usize) -> String {
    let reasons: Vec<Value> =
        (0..count(body)).map(|n| json!({ "Code": if n == at { code } else { "None" } })).collect();
    let message = format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{code}]");
    let mut answer = error("TransactionCanceledException", &message);
    answer["CancellationReasons"] = reasons.into();
    answer.to_string()
}

/// A transaction that was cancelled by others, or by too little capacity for one of its actions, wherever that stands.
pub(crate) fn cancelled_somewhere(body: &[u8], code: &str, rng: &mut Rng) -> String {
    cancelled(body, code, rng.usize(0..count(body)))
}

/// A cancellation of its own cause, to which pressure on another action is added.
pub(crate) fn with_pressure(answer: &str, rng: &mut Rng) -> String {
    let mut answer: Value = serde_json::from_str(answer).unwrap();
    let Some(reasons) = answer["CancellationReasons"].as_array_mut() else { return answer.to_string() };
    let free: Vec<usize> = (0..reasons.len()).filter(|n| reasons[*n]["Code"] == "None").collect();
    if let Some(at) = rng.choice(free) {
        reasons[at] = json!({ "Code": PRESSURE[rng.usize(0..PRESSURE.len())] });
    }
    answer.to_string()
}

pub(crate) fn conflict() -> String {
    error("TransactionConflictException", "Transaction is ongoing for the item").to_string()
}

pub(crate) fn in_progress() -> String {
    let message = "The transaction with the given request token is already in progress";
    error("TransactionInProgressException", message).to_string()
}

pub(crate) fn throttle() -> String {
    let message = "The level of configured provisioned throughput for the table was exceeded.";
    error("ProvisionedThroughputExceededException", message).to_string()
}
