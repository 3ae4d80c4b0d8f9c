//! Every method × every parameter × every kind of bad value. The methods come from the front doors' lists and the
//! parameters from their schemas, so a new method is covered by being there.

use super::{assert_shaped, post};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};
use shared::limits::SEARCH_SETTLED_MILLIS;
use shared::method::{Effect, Entry};
use shared::store::grants::Action;
use shared::store::search;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use switchboard::embedded;
use switchboard::methods::families;
use tests::{Answer, App, workspace};
use tokio::time::Instant;

const UNKNOWN_ID: u64 = 987_654_321;

/// Items by table and key; a key as JSON text, which has an order.
type Items = BTreeMap<(String, String), Value>;

/// A deployment in which every method can succeed, and that is put back after each case.
struct World {
    app: App,
    bearer: String,
    methods: &'static [Entry],
    /// Arguments by name with which every method does something.
    usual: Map<String, Value>,
    /// Ids of things that are not what the parameter means, by what they are.
    others: Vec<(&'static str, Value)>,
    before: Items,
    codes: BTreeSet<String>,
    /// What was wrong: all of it is told, not the first only.
    faults: RefCell<Vec<String>>,
}

impl World {
    async fn new(
        app: App,
        family: &str,
        usual: Value,
        others: Vec<(&'static str, Value)>,
        codes: BTreeSet<String>,
    ) -> Self {
        let family = families().into_iter().find(|entry| entry.name == family).unwrap();
        let Value::Object(usual) = usual else { panic!("arguments have names") };
        settle(&app).await;
        let (before, bearer) = (items(&app), app.bearer(&app.key));
        Self { app, bearer, methods: family.methods, usual, others, before, codes, faults: RefCell::default() }
    }

    async fn call(&self, entry: &Entry, fields: Map<String, Value>) -> Answer {
        let path = &entry.paths()[0];
        let token = if entry.family == "stepchat" { &self.app.token } else { &self.bearer };
        post(&self.app, path, "application/json", token, Value::Object(fields).to_string()).await
    }

    /// Everything of the tables as it was.
    fn restore(&self, now: &Items) {
        for (place, item) in self.before.iter().filter(|(place, item)| now.get(*place) != Some(item)) {
            self.perform("PutItem", &json!({ "TableName": place.0, "Item": item }));
        }
        for (table, key) in now.keys().filter(|place| !self.before.contains_key(place)) {
            let key: Value = serde_json::from_str(key).unwrap();
            self.perform("DeleteItem", &json!({ "TableName": table, "Key": key }));
        }
    }

    fn fault(&self, what: String) {
        self.faults.borrow_mut().push(what);
    }

    fn perform(&self, action: &str, request: &Value) {
        let (status, body) = embedded::perform(&self.app.database, action, request.to_string().as_bytes());
        assert_eq!(status, 200, "{body}");
    }

    /// The case's answer is the family's and documented, and whoever is told no has changed nothing.
    async fn check(&self, entry: &Entry, case: &str, fields: Map<String, Value>) -> Answer {
        let answer = self.call(entry, fields).await;
        let shown: String = answer.text.chars().take(300).collect();
        if answer.status != 200 {
            self.fault(format!("{} {case}: {} {shown}", entry.name, answer.status));
            return answer;
        }
        assert_shaped(&entry.paths()[0], &answer);
        let body = answer.json();
        let error = code(&answer);
        if error.as_ref().is_some_and(|code| !self.codes.contains(code)) {
            self.fault(format!("{} {case}: {shown} {:?}", entry.name, self.app.log().last()));
        }
        let reads = |action| matches!(action, Action::GetItem | Action::BatchGetItem | Action::Query);
        if self.app.uses().iter().any(|need| !reads(need.action)) {
            let refused = error.is_some() || body["response"] == json!(false) || entry.effect == Effect::Read;
            self.compare(refused, &format!("{} {case}: {shown}", entry.name)).await;
        }
        answer
    }

    /// Nothing has changed, if nothing may; then everything is as before.
    async fn compare(&self, refused: bool, case: &str) {
        let mut now = items(&self.app);
        if refused && bookkept(&now) != bookkept(&self.before) {
            // What a search would have found is written before the change itself, and swept when that was refused.
            settle(&self.app).await;
            now = items(&self.app);
        }
        if refused && bookkept(&now) != bookkept(&self.before) {
            let changed = now.iter().filter(|(place, item)| self.before.get(*place) != Some(*item));
            let changed: Vec<_> = changed.map(|(place, _)| place).collect();
            self.fault(format!("{case}, but it changed {changed:?}"));
        }
        self.restore(&now);
    }

    /// Arguments with which the method does something, beside the parameter that is to be bad.
    fn good(&self, entry: &Entry, parameters: &Parameters, bad: Option<&str>) -> Map<String, Value> {
        // Of a pair such as `user_id` and `user_name` only one may be given.
        let partner = bad.and_then(|name| name.strip_suffix("_name")).map(|name| format!("{name}_id"));
        let partner = partner.filter(|_| entry.family == "voximplant");
        let wanted = |name: &String| {
            let named = entry.effect == Effect::Write && (name.ends_with("_id") || name == "amount");
            entry.family == "stepchat" || parameters.required.contains(name) || named
        };
        let given = |name: &String| {
            let own = self.usual.get(&format!("{}.{name}", entry.name));
            let value = own.or_else(|| self.usual.get(name)).filter(|value| !value.is_null())?;
            Some((name.clone(), value.clone()))
        };
        let names = parameters.names.iter().filter(|name| wanted(name) && Some(*name) != partner.as_ref());
        names.filter_map(given).collect()
    }

    /// The bad values; `None` is a parameter that is not sent.
    fn bad(&self) -> Vec<(&'static str, Option<Value>)> {
        let ids = (1..=10_000).map(|id| id.to_string()).collect::<Vec<_>>();
        let ids = if self.methods[0].family == "stepchat" { json!(ids) } else { json!(ids.join(";")) };
        let mut values = vec![
            ("missing", None),
            ("null", Some(Value::Null)),
            ("empty", Some(json!(""))),
            ("a flag", Some(json!(true))),
            ("a text", Some(json!("[abc"))),
            ("negative", Some(json!(-1))),
            ("2^63", Some(json!("9223372036854775808"))),
            ("1e300", Some(json!(1e300))),
            ("an unknown id", Some(json!(UNKNOWN_ID))),
            ("a nested list", Some(json!([[["x"]]]))),
            ("a nested map", Some(json!({ "a": { "b": "c" } }))),
            ("10,000 ids", Some(ids)),
            ("control characters", Some(json!("\u{1}\u{8}\r\n\t\u{7f}\u{202e}\u{feff}\u{fffe}"))),
            ("200 KB of text", Some(json!("x".repeat(200_000)))),
            ("1 MB of text", Some(json!("я".repeat(1 << 19)))),
        ];
        values.extend(self.others.iter().map(|(what, id)| (*what, Some(id.clone()))));
        values
    }

    /// Every case of every method.
    async fn run(&self) {
        let bad = self.bad();
        for entry in self.methods {
            let parameters = Parameters::of(entry);
            let answer = self.check(entry, "as usual", self.good(entry, &parameters, None)).await;
            let body = answer.json();
            let done = code(&answer).is_none() && (entry.effect == Effect::Read || body["response"] != json!(false));
            if !done {
                self.fault(format!("{}: `usual` has no good arguments for it: {}", entry.name, answer.text));
            }
            let key = (entry.effect == Effect::Write).then(|| "request_id".to_owned());
            for name in parameters.names.iter().chain(&key) {
                let good = self.good(entry, &parameters, Some(name));
                for (what, value) in &bad {
                    let mut fields = good.clone();
                    match value {
                        Some(value) => fields.insert(name.clone(), value.clone()),
                        None => fields.remove(name),
                    };
                    self.check(entry, &format!("{name}: {what}"), fields).await;
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

/// Sweeps what changes have announced for searches: nothing of theirs is on its way any more.
async fn settle(app: &App) {
    let later = app.app.clock.now().plus_millis(2 * SEARCH_SETTLED_MILLIS);
    search::settle(&app.app.store, later, Instant::now() + Duration::from_mins(1)).await.unwrap();
}

/// The names of a method's parameters.
pub(super) struct Parameters {
    pub(super) names: Vec<String>,
    required: Vec<String>,
}

impl Parameters {
    pub(super) fn of(entry: &Entry) -> Self {
        let mut generator = SchemaGenerator::default();
        let schema = entry.request_schema(&mut generator);
        let schema = match schema.as_value()["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            Some(name) => generator.definitions()[name].clone(),
            None => schema.as_value().clone(),
        };
        let names = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
        let required = schema["required"].as_array().into_iter().flatten();
        let required = required.map(|name| name.as_str().unwrap().to_owned());
        Self { names: names.collect(), required: required.collect() }
    }
}

/// The code of an error, as text.
fn code(answer: &Answer) -> Option<String> {
    let body = answer.json();
    let failed = !body["error"].is_null() || body["success"] == json!(false);
    failed.then(|| answer.code()).map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned))
}

fn items(app: &App) -> Items {
    let keyed = |(table, item): (_, Value)| {
        let mut key = json!({ "pk": item["pk"] });
        if let Some(sort) = item.get("sk") {
            key["sk"] = sort.clone();
        }
        ((app.app.store.table_name(table).to_owned(), key.to_string()), item)
    };
    app.items().into_iter().map(keyed).collect()
}

/// All but what a refused call may change: ids may be wasted, and failed logins are counted.
fn bookkept(items: &Items) -> Vec<&Value> {
    let counted = |item: &&Value| item["pk"]["S"].as_str().is_some_and(|pk| pk == "S" || pk.starts_with("L#"));
    items.values().filter(|item| !counted(item)).collect()
}

/// The codes of StepChat: those of the original, and our own as `docs/quirks.md` lists them.
fn stepchat_codes() -> BTreeSet<String> {
    let text = std::fs::read_to_string(workspace::root().join("docs/quirks.md")).unwrap();
    let section = text.split("### Codes of our own").nth(1).unwrap().split("###").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next());
    let own = rows.flat_map(|cell| cell.split('`').map(str::trim).filter(|code| code.contains('-')).map(str::to_owned));
    // Reference §1.3. Not a word about a defect, a database or a deadline: bad input may cause none.
    let originals = [
        "missing-argument",
        "invalid-token",
        "duplicate-email",
        "duplicate-phone",
        "invalid-user-type",
        "invalid-status-code",
        "conversation-id-not-found",
    ];
    let ours = ["internal-error", "db-error", "too-many-requests", "timeout"];
    let codes = own.filter(|code| !ours.contains(&code.as_str())).chain(originals.map(str::to_owned));
    codes.collect()
}

#[tokio::test]
async fn no_value_of_any_stepchat_parameter_does_harm() {
    let app = App::new().await;
    let add = async |kind: &str| {
        let fields = json!({ "user_type": kind, "email": format!("{kind}@example.com"), "password": "Passw0rd!" });
        app.add_stepchat_user(fields).await
    };
    let (gone, user, visitor, lead) = (add("user").await, add("user"), add("visitor").await, add("lead").await);
    app.stepchat("delete-user", json!({ "user_id": gone })).await.response();
    let (user, agent, admin) = (user.await, add("agent").await, add("admin").await);
    let bot = app.stepchat("get-bot-id", json!({})).await.response();
    let begin = async |user: &str| {
        let started = app.stepchat("new-conversation", json!({ "user_id": user })).await.response();
        let id = started["details"]["id"].clone();
        let fields = json!({ "user_id": user, "conversation_id": id, "message": "Hello" });
        app.stepchat("send-message", fields).await.response();
        id
    };
    let theirs = begin(&lead).await;
    let conversation = begin(&user).await;
    let usual = json!({
        "user_id": user, "user_ids": [user], "conversation_id": conversation, "agent_id": agent, "by": "email",
        "value": "user@example.com", "datetime": "2020-01-01 00:00:00", "details": ["email"], "search": "user",
        "email": "user@example.com", "add-user.email": "new@example.com", "update-login.email": "new@example.com",
        "login.password": "Passw0rd!",
        "first_name": "Anna", "message": "Hello", "url": "https://example.com/", "name": "Robot"
    });
    let others = vec![
        ("a deleted user", json!(gone)),
        ("a visitor", json!(visitor)),
        ("a lead", json!(lead)),
        ("an agent", json!(agent)),
        ("another admin", json!(admin)),
        ("the caller", json!(1)),
        ("the bot", bot),
        ("another's conversation", theirs),
        ("users, one of them deleted", json!([user, gone])),
    ];
    World::new(app, "stepchat", usual, others, stepchat_codes()).await.run().await;
}

/// The codes of `shared::voximplant::Refusal` that bad input may have: all but those of a defect, the database, pressure
/// and credentials.
const VOXIMPLANT_CODES: &[u16] = &[
    101, 107, 109, 111, 116, 117, 118, 122, 123, 127, 129, 157, 197, 203, 209, 210, 212, 213, 214, 215, 216, 217, 218,
    219, 220, 221, 222, 223, 224, 225, 227, 234, 235, 381, 393, 458, 462, 463, 464, 485, 496, 499, 524, 558, 573,
];

#[tokio::test]
async fn no_value_of_any_voximplant_parameter_does_harm() {
    let app = App::new().await;
    let made = async |method: &str, fields: Value, key: &str| app.voximplant(method, fields).await.json()[key].clone();
    let own = json!({ "parent_accounting": false });
    let gone = app.add_voximplant_user("gone", own.clone()).await;
    let user = app.add_voximplant_user("user", own.clone()).await;
    let joined = app.add_voximplant_user("joined", json!({})).await;
    app.voximplant("DelUser", json!({ "user_id": gone })).await;
    let other = made("AddApplication", json!({ "application_name": "other" }), "application_id").await;
    let theirs = json!({ "parent_accounting": false, "application_id": other });
    let stranger = app.add_voximplant_user("stranger", theirs).await;
    let skill = made("AddSkill", json!({ "skill_name": "one" }), "skill_id").await;
    let queue = async |name: &str, application: &Value| {
        made("AddQueue", json!({ "acd_queue_name": name, "application_id": application }), "acd_queue_id").await
    };
    let (queue, their_queue) = (queue("one", &json!(app.application)).await, queue("two", &other).await);
    app.voximplant("TransferMoneyToUser", json!({ "user_id": user, "amount": "10" })).await;
    let (foreign, key) = app.other_account("foreign", None).await;
    let fields = json!({ "application_name": "foreign" });
    let foreign_application = app.voximplant_as(&app.bearer(&key), "AddApplication", fields).await.json();
    let usual = json!({
        "application_id": app.application, "user_id": user, "skill_id": skill, "acd_queue_id": queue, "amount": "1",
        "user_name": "newcomer", "user_display_name": "Newcomer", "user_password": "Passw0rd!",
        "application_name": "new", "skill_name": "new", "acd_queue_name": "new"
    });
    let others = vec![
        ("a deleted user", json!(gone)),
        ("a user without a balance", json!(joined)),
        ("another application's user", json!(stranger)),
        ("another application", other),
        ("another account", json!(foreign.id)),
        ("another account's application", foreign_application["application_id"].clone()),
        ("another application's queue", their_queue),
        ("users, one of them deleted", json!(format!("{user};{gone}"))),
        ("all", json!("all")),
        ("a name that is taken", json!("user")),
        ("upper case", json!("User")),
    ];
    let codes = VOXIMPLANT_CODES.iter().map(ToString::to_string).collect();
    World::new(app, "voximplant", usual, others, codes).await.run().await;
}
