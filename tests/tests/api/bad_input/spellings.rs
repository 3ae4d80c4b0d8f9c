//! Every method × every parameter × every spelling of its kind. What means the same is answered the same and leaves the same
//! behind. The parameters and their kinds come from the schemas: a new field cannot miss a spelling, and one without a kind
//! fails.

use super::world::{Items, Parameters, World, items};
use bytes::Bytes;
use http::Request;
use serde_json::{Map, Value, json};
use shared::entry::MethodEntry;
use shared::method::Effect;
use shared::wire::Kind;
use tests::app::{encode, percent};

/// One spelling of a value.
#[derive(Debug, Clone)]
enum Spelling {
    /// The parameter is not sent.
    Absent,
    /// In a JSON body.
    Json(Value),
    /// In a form: what follows the parameter's name, and the text.
    Form(Vec<(String, String)>),
}

use Spelling::Absent;

fn json_of(values: impl IntoIterator<Item = Value>) -> Vec<Spelling> {
    values.into_iter().map(Spelling::Json).collect()
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<Spelling> {
    // A text is sent both ways.
    let both = |text: &str| [Spelling::Json(json!(text)), Spelling::Form(vec![(String::new(), text.to_owned())])];
    texts.into_iter().flat_map(both).collect()
}

/// A list in every spelling in which lists are sent.
fn list(items: &[Value]) -> Vec<Spelling> {
    let text = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
    let json = json!(items).to_string();
    let brackets = |name: fn(usize) -> String| {
        Spelling::Form(items.iter().enumerate().map(|(place, item)| (name(place), text(item))).collect())
    };
    let mut spellings = texts([json.as_str(), &json!(json).to_string()]);
    spellings.push(Spelling::Json(json!(items)));
    spellings.extend([brackets(|_| "[]".into()), brackets(|place| format!("[{place}]"))]);
    spellings
}

/// A number as JSON shows it that went through a float.
fn float(id: u64) -> Value {
    serde_json::from_str(&format!("{id}.0")).unwrap()
}

/// One id in every spelling of a number.
fn number(id: u64) -> Vec<Spelling> {
    let mut spellings = json_of([json!(id), float(id)]);
    spellings.extend(texts([
        id.to_string().as_str(),
        &format!("{id}.0"),
        &format!(" {id} "),
        &format!("{id}e0"),
        &format!("{id}.00"),
    ]));
    spellings
}

/// Ids in every spelling of a list and of numbers.
fn numbers(ids: &[u64], separator: &str) -> Vec<Spelling> {
    let values: Vec<Value> = ids.iter().map(|id| json!(id)).collect();
    let strings: Vec<Value> = ids.iter().map(|id| json!(id.to_string())).collect();
    let floats: Vec<Value> = ids.iter().map(|id| float(*id)).collect();
    let float_texts: Vec<Value> = ids.iter().map(|id| json!(format!("{id}.0"))).collect();
    let mut spellings: Vec<Spelling> =
        [values, strings, floats, float_texts].iter().flat_map(|ids| list(ids)).collect();
    let joined = |form: fn(&u64) -> String| ids.iter().map(form).collect::<Vec<_>>().join(separator);
    spellings.extend(texts([joined(u64::to_string).as_str(), &joined(|id| format!("{id}.0"))]));
    spellings
}

/// How callers say "not given" where the page names `false` as the default (decision E6).
fn not_given() -> Vec<Spelling> {
    [vec![Absent], no(), texts(["", " "])].concat()
}

/// `false` in all its spellings.
fn no() -> Vec<Spelling> {
    [json_of([json!(false), json!(0), json!(0.0)]), texts(["false", "False", "FALSE", "0", " 0 "])].concat()
}

const MOMENTS: [&str; 13] = [
    "2026-11-21 14:41:02",
    "2026-11-21T14:41:02",
    "2026-11-21T14:41:02Z",
    "2026-11-21T14:41:02.000Z",
    "2026-11-21T14:41:02.0000000Z",
    "2026-11-21T14:41:02+00:00",
    "2026-11-21T17:41:02+03:00",
    "2026-11-21 14:41:02 +0000",
    "2026-11-21 14:41:02 UTC",
    "2026-11-21 14:41:02.000000+00:00",
    "2026-11-21 14:41:02 +0000 UTC",
    "2026-11-21T14:41:02Z[UTC]",
    " 2026-11-21 14:41:02 ",
];

impl World {
    fn id(&self, name: &str) -> u64 {
        let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        self.usual.get(name).and_then(number).or_else(|| number(&self.usual["user_id"])).unwrap()
    }

    /// Groups of spellings, each of which means one thing in a field of this kind.
    fn groups(&self, entry: &MethodEntry, name: &str, kind: Kind, required: bool) -> Vec<Vec<Spelling>> {
        let (id, picture) = (self.id(name), self.app.app.config.stepchat.default_profile_image.clone());
        let mut groups = match kind {
            Kind::Text | Kind::Word => Vec::new(),
            Kind::TextOrFalse => vec![not_given()],
            Kind::Url => vec![[vec![Absent], no()].concat(), texts([""])],
            Kind::RemovableText => vec![[vec![Absent], no()].concat(), texts(["", " ", "NULL", "null"])],
            Kind::Picture => vec![
                [vec![Absent], no()].concat(),
                texts(["", " ", "NULL", &picture, &format!(" {picture} ")]),
                texts(["https://example.com/1.png", " https://example.com/1.png "]),
            ],
            Kind::NewPassword => vec![[not_given(), texts(["********"])].concat()],
            Kind::UserType => vec![not_given(), texts(["lead", "Lead", " LEAD "])],
            Kind::Department => {
                let no = [json_of([json!(false)]), texts(["false", "False"])].concat();
                vec![[vec![Absent], no].concat(), texts(["", " ", "NULL"]), number(7), texts(["0", "0.0"])]
            }
            Kind::Switch => vec![
                [json_of([json!(true), json!(1)]), texts(["true", "True", "1", "yes", "on"])].concat(),
                [no(), texts(["", "None", "null", "undefined", "NaN"])].concat(),
            ],
            Kind::Boolean => vec![
                [json_of([json!(true), json!(1)]), texts(["true", "True", "TRUE", "1"])].concat(),
                [json_of([json!(false), json!(0)]), texts(["false", "False", "0"])].concat(),
            ],
            Kind::Id => vec![number(id)],
            Kind::Sender => vec![number(id), [json_of([json!(-1)]), texts(["-1", " -1 "])].concat()],
            Kind::Agent => {
                vec![number(id), [not_given(), json_of([json!(-1)]), texts(["-1", "NULL"])].concat()]
            }
            Kind::Page => vec![number(2), [not_given(), number(1), texts(["-1", "x", "2.5", "undefined"])].concat()],
            Kind::Moment => vec![texts(MOMENTS)],
            Kind::MomentOrId => vec![texts(MOMENTS), number(1), number(0)],
            Kind::Status => vec![number(1), number(0), [vec![Absent], texts(["", " ", "NULL"])].concat()],
            Kind::Payload => {
                let payload = json!({ "a": 5, "b": [true, "x"] });
                let text = payload.to_string();
                vec![[json_of([payload]), texts([text.as_str(), &json!(text).to_string()])].concat(), not_given()]
            }
            Kind::Cursor => vec![[vec![Absent], texts([""])].concat()],
            Kind::Count => vec![number(2)],
            Kind::Users
            | Kind::UsersOrWord
            | Kind::UserTypes
            | Kind::Names
            | Kind::Sorting
            | Kind::IdList
            | Kind::SemicolonList
            | Kind::Attachments
            | Kind::Extras
            | Kind::ExtraChoice => self.groups_of_lists(name, kind, required),
        };
        // JSON's `null` is not sent (decision E10), and Voximplant's clients send nothing as an empty text.
        let mut nothing = vec![Absent, Spelling::Json(Value::Null)];
        if entry.family == "voximplant" {
            nothing.extend(texts([""]));
        }
        groups.push(nothing);
        groups
    }

    /// The same for kinds that are lists, or more.
    fn groups_of_lists(&self, name: &str, kind: Kind, required: bool) -> Vec<Vec<Spelling>> {
        let id = self.id(name);
        let lead: u64 = self
            .others
            .iter()
            .find(|(what, _)| *what == "a lead")
            .map_or(id, |(_, id)| id.as_str().unwrap().parse().unwrap());
        match kind {
            Kind::Users => {
                let empty = [texts(["[]", "\"[]\"", "null"]), json_of([json!([]), json!({})])].concat();
                // Where users must be named, 0 is nobody's id, and what has no id in it is refused (decisions E6, E11).
                let nothing = if required {
                    let none = texts(["", "false", "x", "2.5", "undefined", "[object Object]", "[[2,3]]", "[\"\"]"]);
                    vec![
                        [empty, none, json_of([json!(false)])].concat(),
                        [json_of([json!(0)]), texts(["0", "[0]"])].concat(),
                    ]
                } else {
                    vec![[not_given(), empty].concat(), texts(["x", "[[2,3]]", "[\"\"]", "2.5", "undefined"])]
                };
                [vec![numbers(&[id, lead], ","), numbers(&[lead], ",")], nothing].concat()
            }
            Kind::UsersOrWord => vec![
                numbers(&[id, lead], ","),
                [not_given(), texts(["all", "ALL", ">all", "[\"all\"]", "[]"])].concat(),
                texts(["agents", "Agents"]),
                [texts(["nobody", "[[2,3]]", "[\"\"]"]), json_of([json!([""]), json!([[2, 3]])])].concat(),
            ],
            Kind::UserTypes => vec![
                [list(&[json!("lead"), json!("agent")]), texts(["lead,agent", "Lead, AGENT"])].concat(),
                [not_given(), texts(["all", "ALL", "[\"all\"]", "[]"])].concat(),
            ],
            Kind::Names => {
                vec![[list(&[json!("email"), json!("city")]), texts(["email,city", "email, city"])].concat()]
            }
            Kind::Sorting => vec![
                [
                    list(&[json!("first_name"), json!("ASC")]),
                    list(&[json!("First_Name"), json!("ascending")]),
                    texts(["first_name ASC", "FIRST_NAME,asc"]),
                ]
                .concat(),
                [not_given(), texts(["[]", "creation_time", "[\"creation_time\",\"DESC\"]"])].concat(),
            ],
            Kind::Extras => extras(),
            Kind::ExtraChoice => vec![
                [json_of([json!(true), json!(1)]), texts(["true", "1", "yes"])].concat(),
                [not_given(), texts(["[]"])].concat(),
                list(&[json!("city")]),
            ],
            Kind::Attachments => {
                let files = json!([["a.png", "https://example.com/a.png"]]);
                let text = files.to_string();
                let brackets = [("[0][0]", "a.png"), ("[0][1]", "https://example.com/a.png")];
                let brackets = brackets.map(|(place, text)| (place.to_owned(), text.to_owned())).to_vec();
                let spelled = [
                    json_of([files]),
                    texts([text.as_str(), &json!(text).to_string()]),
                    vec![Spelling::Form(brackets)],
                ];
                vec![spelled.concat(), [not_given(), texts(["[]"])].concat()]
            }
            Kind::IdList => vec![numbers(&[id], ";"), numbers(&[id, 987_654_321], ";")],
            Kind::SemicolonList if name.ends_with("_id") => vec![numbers(&[id], ";"), numbers(&[id, 987_654_321], ";")],
            Kind::SemicolonList => {
                let words = if name == "acd_status" { ["READY", "ONLINE"] } else { ["one", "two"] };
                let joined = words.join(";");
                let loose = format!(";{};;{};", words[0], words[1]);
                vec![[list(&words.map(|word| json!(word))), texts([joined.as_str(), &loose])].concat()]
            }
            other => panic!("{other} is no list"),
        }
    }

    /// Sends a spelling beside the usual arguments: the answer, and what is stored then.
    async fn sent(
        &self,
        entry: &MethodEntry,
        name: &str,
        good: &Map<String, Value>,
        spelling: &Spelling,
    ) -> (Value, Items) {
        let mut fields = good.clone();
        fields.remove(name);
        let (content_type, body) = match spelling {
            Absent => ("application/json", Value::Object(fields).to_string()),
            Spelling::Json(value) => {
                fields.insert(name.to_owned(), value.clone());
                ("application/json", Value::Object(fields).to_string())
            }
            Spelling::Form(pairs) => {
                let pairs = pairs
                    .iter()
                    .map(|(place, text)| format!("{}={}", percent(&format!("{name}{place}")), percent(text)));
                let body = std::iter::once(encode(&fields)).chain(pairs).collect::<Vec<_>>().join("&");
                ("application/x-www-form-urlencoded", body)
            }
        };
        let answer = self.call(entry, content_type, body).await;
        let mut shown = answer.json();
        // What a link leads to, in place of the link; a session's text is another each time.
        match shown.pointer("/response").and_then(Value::as_str).map(str::to_owned) {
            Some(link) if entry.name == "csv-users" && link.starts_with("http") => {
                let path = link.strip_prefix("http://localhost").unwrap().to_owned();
                let file = Request::get(path).header("host", "localhost").body(Bytes::new()).unwrap();
                shown["response"] = json!(self.app.send(file).await.text);
            }
            Some(_) if entry.name == "update-login" => shown["response"] = json!("a session"),
            _ => {}
        }
        if entry.name == "login" && shown["response"].is_array() {
            shown["response"][1] = json!("a session");
        }
        let now = items(&self.app);
        self.restore(&now);
        (shown, now)
    }

    /// All spellings of all kinds in all fields.
    async fn spelled(&self) -> usize {
        let mut calls = 0;
        for entry in self.methods {
            let parameters = Parameters::of(entry);
            for name in &parameters.names {
                let Some(kind) = parameters.kinds.get(name) else {
                    self.fault(format!("{} {name}: its type names no kind", entry.name));
                    continue;
                };
                let good = self.good(entry, &parameters, Some(name));
                for group in self.groups(entry, name, *kind, parameters.required.contains(name)) {
                    let (first, others) = group.split_first().unwrap();
                    let expected = self.sent(entry, name, &good, first).await;
                    for spelling in others {
                        calls += 1;
                        let actual = self.sent(entry, name, &good, spelling).await;
                        self.alike(entry, &format!("{name} ({kind}): {first:?} and {spelling:?}"), &expected, &actual);
                    }
                }
            }
        }
        let faults = self.faults.borrow();
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
        calls
    }

    fn alike(&self, entry: &MethodEntry, case: &str, expected: &(Value, Items), actual: &(Value, Items)) {
        if expected.0 != actual.0 {
            let shown = |answer: &Value| answer.to_string().chars().take(200).collect::<String>();
            self.fault(format!("{} {case}: {} and {}", entry.name, shown(&expected.0), shown(&actual.0)));
        }
        let kept = |items: &Items| items.iter().filter_map(people).collect::<Vec<_>>();
        if entry.effect == Effect::Write && kept(&expected.1) != kept(&actual.1) {
            let differ = kept(&actual.1).into_iter().find(|pair| !kept(&expected.1).contains(pair));
            self.fault(format!("{} {case}: what is stored differs: {differ:?}", entry.name));
        }
    }
}

/// What is stored of people, their extras, guards and conversations, without what is drawn at random: the stamps of search
/// index entries, and numbers in place of names. Counters, index entries and sessions stand under another key each time.
fn people(((table, key), item): (&(String, String), &Value)) -> Option<(String, Value)> {
    let pk = item["pk"]["S"].as_str()?;
    let is_kept = ["U#", "E#", "F#", "C#"].iter().any(|start| pk.starts_with(start)) || pk.contains("#U#");
    let mut item = item.as_object()?.clone();
    // Whoever has no last name gets a number for one.
    let numbered = item.get("last").is_some_and(|last| last["S"].as_str().is_some_and(|last| last.starts_with('#')));
    item.retain(|name, _| !(name.starts_with('g') || numbered && ["last", "s_last"].contains(&name.as_str())));
    (is_kept && !table.ends_with("auth")).then(|| (key.clone(), Value::Object(item)))
}

/// Extras in every form, and what is none.
fn extras() -> Vec<Vec<Spelling>> {
    let form = |pairs: &[(&str, &str)]| {
        Spelling::Form(pairs.iter().map(|(place, text)| ((*place).to_owned(), (*text).to_owned())).collect())
    };
    let whole = json!({ "city": ["Perm", "City"] });
    let values = [
        whole.clone(),
        json!({ "city": "Perm" }),
        json!({ "city": ["Perm"] }),
        json!({ " City ": "Perm" }),
        json!({ "city": { "0": "Perm", "1": "City" } }),
        json!({ "city": { "value": "Perm", "name": "City" } }),
        json!([["Perm", "City"]]),
        json!([{ "slug": "city", "name": "City", "value": "Perm" }]),
    ];
    let as_text: Vec<String> = values.iter().map(Value::to_string).collect();
    let spelled = [
        json_of(values),
        texts(as_text.iter().map(String::as_str)),
        texts([json!(whole.to_string()).to_string().as_str()]),
        vec![
            form(&[("[city]", "Perm")]),
            form(&[("[city][0]", "Perm"), ("[city][1]", "City")]),
            form(&[("[city][]", "Perm"), ("[city][]", "City")]),
            form(&[("[0][0]", "Perm"), ("[0][1]", "City")]),
            form(&[("[0][slug]", "city"), ("[0][name]", "City"), ("[0][value]", "Perm")]),
        ],
    ];
    // What cannot be decoded is left out (decision E18).
    let undecodable = ["[object Object]", "Array", "undefined", "NaN", "{", "x", "5"];
    let none =
        [not_given(), texts(undecodable), texts(["[]", "{}", "null"]), json_of([json!([]), json!({}), json!(true)])];
    let empty = [
        json_of([json!({ "os": "" }), json!({ "os": [null, "OS"] }), json!({ "os": null }), json!({ "os": [] })]),
        vec![form(&[("[os][1]", "OS")]), form(&[("[os]", "")])],
    ];
    vec![spelled.concat(), none.concat(), empty.concat()]
}

#[tokio::test]
async fn every_spelling_of_a_stepchat_value_means_the_same() {
    let calls = World::stepchat().await.spelled().await;
    assert!(calls > 1_500, "{calls}");
}

#[tokio::test]
async fn every_spelling_of_a_voximplant_value_means_the_same() {
    let calls = World::voximplant().await.spelled().await;
    assert!(calls > 700, "{calls}");
}
