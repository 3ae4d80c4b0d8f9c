//! Golden wire cases: the stories in each method's `cases.json`.

use crate::workspace;
use crate::{Answer, App};
use serde::Deserialize;
use serde_json::{Map, Value};
use shared::entry::MethodEntry;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One story: a promise and the calls that show it. The last call is of the method whose folder the story is in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What is promised.
    pub promise: String,
    /// The calls.
    pub steps: Vec<Step>,
}

/// One call and the answer it must get.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The method.
    pub call: String,
    /// Its parameters; `$name` stands for a kept value.
    #[serde(default)]
    pub with: Map<String, Value>,
    /// The whole answer; `$name`, `$time`, `$token` and `$any` stand for what cannot be written down.
    pub answer: Value,
    /// Values of the answer to keep, by JSON pointer.
    #[serde(default)]
    pub keep: BTreeMap<String, String>,
}

/// Values kept by earlier steps.
pub type Kept = BTreeMap<String, Value>;

/// The file of a method's stories, from the root of the workspace.
pub fn path(entry: &MethodEntry) -> PathBuf {
    Path::new("functions").join(entry.family).join(entry.folder()).join("cases.json")
}

/// The stories of a method.
pub fn of(entry: &MethodEntry) -> Vec<Case> {
    let path = workspace::root().join(path(entry));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Step {
    /// The parameters with kept values in place.
    pub fn fields(&self, kept: &Kept) -> Map<String, Value> {
        self.with.iter().map(|(name, value)| (name.clone(), filled(value, kept))).collect()
    }

    /// Where an answer is other than written down.
    pub fn difference(&self, answer: &Answer, kept: &Kept) -> Option<String> {
        matches(&self.answer, &answer.json(), kept, "").err()
    }

    /// Checks an answer and keeps what later steps need.
    pub fn check(&self, promise: &str, answer: &Answer, kept: &mut Kept) {
        let body = answer.json();
        if let Some(difference) = self.difference(answer, kept) {
            let text = &answer.text;
            panic!("{promise}\n{} answered {text}\n{difference}\nIf it is meant: cargo xtask bless", self.call);
        }
        if let Err(missing) = self.keep_of(&body, kept) {
            panic!("{promise}: nothing at {missing}");
        }
    }

    /// Keeps what later steps need of an answer. Where there is nothing to keep is the error; all else is kept.
    pub fn keep_of(&self, body: &Value, kept: &mut Kept) -> Result<(), String> {
        let mut done = Ok(());
        for (name, pointer) in &self.keep {
            match body.pointer(pointer) {
                Some(value) => drop(kept.insert(name.clone(), value.clone())),
                None => done = Err(pointer.clone()),
            }
        }
        done
    }

    /// Makes the call at the family's front door.
    pub async fn call(&self, app: &App, family: &str, kept: &Kept) -> Answer {
        let fields = Value::Object(self.fields(kept));
        match family {
            "stepchat" => app.stepchat(&self.call, fields).await,
            _ => app.voximplant(&self.call, fields).await,
        }
    }
}

/// Replaces `$name` by the kept value, also inside lists and objects.
fn filled(value: &Value, kept: &Kept) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('$') {
            Some(name) => kept.get(name).unwrap_or_else(|| panic!("nothing kept as {name}")).clone(),
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(|item| filled(item, kept)).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), filled(value, kept))).collect(),
        other => other.clone(),
    }
}

/// Whether an answer is what was written down.
pub fn is_answered(expected: &Value, actual: &Value, kept: &Kept) -> bool {
    matches(expected, actual, kept, "").is_ok()
}

/// Compares an answer with what was written down; says where they differ.
fn matches(expected: &Value, actual: &Value, kept: &Kept, at: &str) -> Result<(), String> {
    let differ = || Err(format!("at {at}/: expected {expected}, got {actual}"));
    match (expected, actual) {
        (Value::String(text), _) if text.starts_with('$') => {
            let right = match text.as_str() {
                "$any" => true,
                "$time" => actual.as_str().is_some_and(is_wire_time),
                "$token" => actual.as_str().is_some_and(|token| {
                    token.len() == 40 && token.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
                }),
                // An id that was a number in one answer is text in another.
                name => kept
                    .get(&name[1..])
                    .is_some_and(|value| value == actual || Some(value.to_string().as_str()) == actual.as_str()),
            };
            if right { Ok(()) } else { differ() }
        }
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            let pairs = expected.iter().zip(actual).enumerate();
            pairs
                .into_iter()
                .try_for_each(|(index, (left, right))| matches(left, right, kept, &format!("{at}/{index}")))
        }
        (Value::Object(left), Value::Object(right)) => {
            let names = |members: &Map<String, Value>| members.keys().cloned().collect::<Vec<_>>().join(",");
            if left.len() != right.len() {
                return Err(format!("at {at}/: expected members {}, got {}", names(left), names(right)));
            }
            left.iter().try_for_each(|(name, value)| match right.get(name) {
                Some(actual) => matches(value, actual, kept, &format!("{at}/{name}")),
                None => Err(format!("at {at}/: no member {name}, got {}", names(right))),
            })
        }
        _ if expected == actual => Ok(()),
        _ => differ(),
    }
}

fn is_wire_time(text: &str) -> bool {
    text.len() == 19
        && text.bytes().zip(b"0000-00-00 00:00:00").all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            other => byte == *other,
        })
}
