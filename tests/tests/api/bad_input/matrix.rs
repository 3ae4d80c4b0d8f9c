//! Every method × every parameter × every kind of bad value. The methods come from the front doors' lists and the
//! parameters from their schemas, so a new method is covered by being there.

use super::world::{Parameters, World, code};
use serde_json::{Map, Value, json};
use shared::method::Effect;
use shared::wire::IDEMPOTENCY_FIELD;

const UNKNOWN_ID: u64 = 987_654_321;

/// A parameter as it is sent.
enum Sent {
    /// Not at all.
    Missing,
    /// As JSON.
    Value(Value),
    /// As text that stands in the JSON body as it is: what no JSON library writes.
    Raw(String),
}

/// What stands in the body for raw text until it is sent.
const PLACE: &str = "\"@raw@\"";

impl Sent {
    /// The body with this parameter.
    fn body(&self, name: &str, mut fields: Map<String, Value>) -> String {
        match self {
            Self::Missing => drop(fields.remove(name)),
            Self::Value(value) => drop(fields.insert(name.to_owned(), value.clone())),
            Self::Raw(_) => drop(fields.insert(name.to_owned(), json!(PLACE.trim_matches('"')))),
        }
        let body = Value::Object(fields).to_string();
        if let Self::Raw(text) = self { body.replace(PLACE, &text.replace("$name", name)) } else { body }
    }
}

impl World {
    /// The bad values, and whether they name nobody: then nobody but those the other parameters name may be touched.
    fn bad(&self) -> Vec<(&'static str, Sent, bool)> {
        let ids = (1..=10_000).map(|id| id.to_string()).collect::<Vec<_>>();
        let ids = if self.methods[0].family == "stepchat" { json!(ids) } else { json!(ids.join(";")) };
        let texts = [
            ("empty", ""),
            ("a text", "[abc"),
            ("2^63", "9223372036854775808"),
            ("control characters", "\u{1}\u{8}\r\n\t\u{7f}\u{202e}\u{feff}\u{fffe}"),
            ("bidi marks", "\u{202a}\u{202e}2\u{2066}\u{2069}\u{200e}\u{200f}"),
            ("zero-width marks", "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}"),
            ("NUL", "a\0b"),
            ("an object of JavaScript's", "[object Object]"),
            ("undefined", "undefined"),
            ("NaN", "NaN"),
            ("a fraction as text", "2.5"),
            ("minus zero as text", "-0"),
            ("1e400 as text", "1e400"),
            ("deep JSON as text", "[[[[[[[[[1]]]]]]]]]"),
        ];
        let digits = "9".repeat(100);
        let raw = [
            ("half a surrogate pair", r#""\ud83d""#),
            ("the other half", r#"["x\udc00"]"#),
            ("the key half a surrogate pair", r#"{"\ud83d":"x"}"#),
            ("1e400", "1e400"),
            ("minus zero", "-0"),
            ("a fraction", "2.5"),
            ("a hundred digits", digits.as_str()),
            ("duplicate keys inside", r#"{"a":1,"a":[2],"a":{"b":3}}"#),
            ("the parameter twice", r#""x","$name":[2.5]"#),
            ("nested nine deep", "[[[[[[[[[1]]]]]]]]]"),
            ("an object nested nine deep", r#"{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}}"#),
        ];
        let mut values = vec![
            ("missing", Sent::Missing),
            ("null", Sent::Value(Value::Null)),
            ("a flag", Sent::Value(json!(true))),
            ("no flag", Sent::Value(json!(false))),
            ("negative", Sent::Value(json!(-1))),
            ("1e300", Sent::Value(json!(1e300))),
            ("an unknown id", Sent::Value(json!(UNKNOWN_ID))),
            ("a nested list", Sent::Value(json!([[["x"]]]))),
            ("a nested map", Sent::Value(json!({ "a": { "b": "c" } }))),
            ("an empty list", Sent::Value(json!([]))),
            ("an empty object", Sent::Value(json!({}))),
            ("10,000 ids", Sent::Value(ids)),
            ("10,000 elements", Sent::Value(json!(vec!["x"; 10_000]))),
            ("200 KB of text", Sent::Value(json!("x".repeat(200_000)))),
            ("1 MB of text", Sent::Value(json!("я".repeat(1 << 19)))),
        ];
        values.extend(texts.map(|(what, text)| (what, Sent::Value(json!(text)))));
        values.extend(raw.map(|(what, text)| (what, Sent::Raw(text.to_owned()))));
        let others = self.others.iter().map(|(what, id)| (*what, Sent::Value(id.clone()), false));
        values.into_iter().map(|(what, sent)| (what, sent, true)).chain(others).collect()
    }

    /// Every case of every method.
    async fn run(&self) {
        let bad = self.bad();
        for entry in self.methods {
            let parameters = Parameters::of(entry);
            let usual = Value::Object(self.good(entry, &parameters, None)).to_string();
            let answer = self.check(entry, "as usual", usual, false).await;
            let body = answer.json();
            let done = code(&answer).is_none() && (entry.effect == Effect::Read || body["response"] != json!(false));
            if !done {
                self.fault(format!("{}: `usual` has no good arguments for it: {}", entry.name, answer.text));
            }
            let key = (entry.effect == Effect::Write).then(|| IDEMPOTENCY_FIELD.to_owned());
            for name in parameters.names.iter().chain(&key) {
                let good = self.good(entry, &parameters, Some(name));
                for (what, sent, names_nobody) in &bad {
                    let body = sent.body(name, good.clone());
                    self.check(entry, &format!("{name}: {what}"), body, *names_nobody).await;
                }
            }
            // Also what no use told of.
            self.compare(true, entry.name).await;
        }
        let lines = self.app.log();
        let panics: Vec<&String> = lines.iter().filter(|line| line.contains("\"cause\":\"panic\"")).collect();
        assert!(panics.is_empty(), "{panics:?}");
        let faults = self.faults.borrow();
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    }
}

#[tokio::test]
async fn no_value_of_any_stepchat_parameter_does_harm() {
    World::stepchat().await.run().await;
}

#[tokio::test]
async fn no_value_of_any_voximplant_parameter_does_harm() {
    World::voximplant().await.run().await;
}
