//! A deployment in which every method of a family can succeed, and that is put back after each call.

use super::{assert_shaped, post};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};
use shared::entry::MethodEntry;
use shared::limits::SEARCH_SETTLED_MILLIS;
use shared::method::Effect;
use shared::store::grants::Action;
use shared::store::search;
use shared::wire::{KIND, Kind};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use switchboard::embedded;
use switchboard::methods::families;
use tests::{Answer, App, workspace};
use tokio::time::Instant;

/// Of the things that are not what a parameter means, those that are people and exist.
const BYSTANDERS: [&str; 4] = ["a visitor", "a lead", "another admin", "another application's user"];

/// Items by table and key; a key as JSON text, which has an order.
pub(super) type Items = BTreeMap<(String, String), Value>;

/// A deployment in which every method can succeed, and that is put back after each case.
pub(super) struct World {
    pub(super) app: App,
    bearer: String,
    pub(super) methods: &'static [MethodEntry],
    /// Arguments by name with which every method does something.
    pub(super) usual: Map<String, Value>,
    /// Ids of things that are not what the parameter means, by what they are.
    pub(super) others: Vec<(&'static str, Value)>,
    pub(super) before: Items,
    codes: BTreeSet<String>,
    /// The profiles of those whom no parameter names as usual.
    bystanders: Vec<(String, String)>,
    /// What was wrong: all of it is told, not the first only.
    pub(super) faults: RefCell<Vec<String>>,
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
        let named = |value: &Value| usual.values().any(|own| own == value || Some(value) == own.get(0));
        let strangers: Vec<String> = others
            .iter()
            .filter(|(what, id)| BYSTANDERS.contains(what) && !named(id))
            .map(|(_, id)| id.as_str().map_or_else(|| id.to_string(), str::to_owned))
            .collect();
        let profile = |id: &str| format!("U#{id:0>12}");
        let is_stranger = |item: &Value| {
            let pk = item["pk"]["S"].as_str().unwrap_or_default();
            item["sk"]["S"] == json!("P") && strangers.iter().any(|stranger| pk.ends_with(&profile(stranger)))
        };
        let bystanders = before.iter().filter(|(_, item)| is_stranger(item)).map(|(place, _)| place.clone()).collect();
        assert_eq!(Vec::len(&bystanders), strangers.len());
        assert!(!strangers.is_empty());
        let methods = family.methods;
        Self { app, bearer, methods, usual, others, before, codes, bystanders, faults: RefCell::default() }
    }

    /// Calls a method with a body of this type.
    pub(super) async fn call(&self, entry: &MethodEntry, content_type: &str, body: String) -> Answer {
        let path = &entry.path();
        let token = if entry.family == "stepchat" { &self.app.token } else { &self.bearer };
        post(&self.app, path, content_type, token, body).await
    }

    /// Everything of the tables as it was.
    pub(super) fn restore(&self, now: &Items) {
        for (place, item) in self.before.iter().filter(|(place, item)| now.get(*place) != Some(item)) {
            self.perform("PutItem", &json!({ "TableName": place.0, "Item": item }));
        }
        for (table, key) in now.keys().filter(|place| !self.before.contains_key(place)) {
            let key: Value = serde_json::from_str(key).unwrap();
            self.perform("DeleteItem", &json!({ "TableName": table, "Key": key }));
        }
    }

    pub(super) fn fault(&self, what: String) {
        self.faults.borrow_mut().push(what);
    }

    fn perform(&self, action: &str, request: &Value) {
        let (status, body) = embedded::perform(&self.app.database, action, request.to_string().as_bytes());
        assert_eq!(status, 200, "{body}");
    }

    /// The case's answer is the family's and documented, and whoever is told no has changed nothing.
    pub(super) async fn check(&self, entry: &MethodEntry, case: &str, body: String, names_nobody: bool) -> Answer {
        let answer = self.call(entry, "application/json", body).await;
        let shown: String = answer.text.chars().take(300).collect();
        if answer.status != 200 {
            self.fault(format!("{} {case}: {} {shown}", entry.name, answer.status));
            return answer;
        }
        assert_shaped(&entry.path(), &answer);
        let body = answer.json();
        let error = code(&answer);
        if error.as_ref().is_some_and(|code| !self.codes.contains(code)) {
            self.fault(format!("{} {case}: {shown} {:?}", entry.name, self.app.log().last()));
        }
        let reads = |action| matches!(action, Action::GetItem | Action::BatchGetItem | Action::Query);
        if self.app.uses().iter().any(|need| !reads(need.action)) {
            let refused = error.is_some() || body["response"] == json!(false) || entry.effect == Effect::Read;
            let case = format!("{} {case}: {shown}", entry.name);
            let now = items(&self.app);
            if names_nobody && entry.name != "delete-leads" {
                self.spared(&now, &case);
            }
            self.compare_with(now, refused, &case).await;
        }
        answer
    }

    /// Those whom no parameter names are as they were.
    fn spared(&self, now: &Items, case: &str) {
        let touched = self.bystanders.iter().filter(|place| now.get(*place) != self.before.get(*place));
        let touched: Vec<_> = touched.collect();
        if !touched.is_empty() {
            self.fault(format!("{case}, but it touched {touched:?}"));
        }
    }

    /// Nothing has changed, if nothing may; then everything is as before.
    pub(super) async fn compare(&self, refused: bool, case: &str) {
        self.compare_with(items(&self.app), refused, case).await;
    }

    async fn compare_with(&self, mut now: Items, refused: bool, case: &str) {
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
    pub(super) fn good(&self, entry: &MethodEntry, parameters: &Parameters, bad: Option<&str>) -> Map<String, Value> {
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

    /// A StepChat deployment.
    pub(super) async fn stepchat() -> Self {
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
        Self::new(app, "stepchat", usual, others, stepchat_codes()).await
    }

    /// A Voximplant deployment.
    pub(super) async fn voximplant() -> Self {
        let app = App::new().await;
        let made =
            async |method: &str, fields: Value, key: &str| app.voximplant(method, fields).await.json()[key].clone();
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
        Self::new(app, "voximplant", usual, others, codes).await
    }
}

/// Sweeps what changes have left of their write intents: nothing of theirs is on its way any more.
async fn settle(app: &App) {
    let later = app.app.clock.now().plus_millis(2 * SEARCH_SETTLED_MILLIS);
    search::settle(&app.app.store, later, Instant::now() + Duration::from_mins(1)).await.unwrap();
}

/// The names of a method's parameters.
pub(super) struct Parameters {
    pub(super) names: Vec<String>,
    pub(super) required: Vec<String>,
    /// The kind of each; a field type that names none has none.
    pub(super) kinds: BTreeMap<String, Kind>,
}

impl Parameters {
    pub(super) fn of(entry: &MethodEntry) -> Self {
        let mut generator = SchemaGenerator::default();
        let schema = entry.request_schema(&mut generator);
        let schema = match schema.as_value()["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            Some(name) => generator.definitions()[name].clone(),
            None => schema.as_value().clone(),
        };
        let properties = schema["properties"].as_object().cloned().unwrap_or_default();
        let names = properties.keys().cloned().collect();
        let kind = |property: &Value| kind_of(property, &generator);
        let kinds = properties.iter().filter_map(|(name, property)| Some((name.clone(), kind(property)?))).collect();
        let required = schema["required"].as_array().into_iter().flatten();
        let required = required.map(|name| name.as_str().unwrap().to_owned());
        Self { names, required: required.collect(), kinds }
    }
}

/// The kind that a field's schema names, itself or by what it refers to.
fn kind_of(schema: &Value, generator: &SchemaGenerator) -> Option<Kind> {
    if let Some(word) = schema[KIND].as_str() {
        return Kind::parse(word);
    }
    let referred = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    let definition = referred.and_then(|name| generator.definitions().get(name));
    let choices = schema["anyOf"].as_array().into_iter().flatten();
    definition.into_iter().chain(choices).find_map(|schema| kind_of(schema, generator))
}

/// The code of an error, as text.
pub(super) fn code(answer: &Answer) -> Option<String> {
    let body = answer.json();
    let failed = !body["error"].is_null() || body["success"] == json!(false);
    failed.then(|| answer.code()).map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned))
}

pub(super) fn items(app: &App) -> Items {
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

/// The codes of `shared::voximplant::Refusal` that bad input may have: all but those of a defect, the database, pressure
/// and credentials.
const VOXIMPLANT_CODES: &[u16] = &[
    101, 107, 109, 111, 116, 117, 118, 122, 123, 127, 129, 157, 197, 203, 209, 210, 212, 213, 214, 215, 216, 217, 218,
    219, 220, 221, 222, 223, 224, 225, 227, 234, 235, 381, 393, 458, 462, 463, 464, 485, 496, 499, 524, 558, 573,
];
