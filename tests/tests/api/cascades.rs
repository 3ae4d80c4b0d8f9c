//! After a delete nothing of the user is left in any item of any table, whatever the user had and whatever interrupts.

use serde_json::{Value, json};
use shared::ids::{ConversationId, MessageId, UserId};
use shared::limits::{INDEX_SETTLED_MILLIS, SEARCH_SETTLED_MILLIS};
use shared::stepchat::{
    Attachments, Conversation, Detail, DetailValue, Email, Message, MessageText, Name, NewUser, Payload, Slug, UserType,
};
use shared::store::auth::TokenHash;
use shared::store::backlog::Progress;
use shared::store::stepchat::counters::LeadCounter;
use shared::store::stepchat::imports::{ExistingClaims, RowClaims, nothing_left};
use shared::store::stepchat::users::Secrets;
use shared::store::stepchat::{conversations, creation, promises, purges, removals, users};
use shared::store::{CommitError, Sequence, Txn};
use std::ops::Range;
use switchboard::embedded;
use switchboard::load::Load;
use tests::App;
use tokio::time::Instant;

/// Ids begin here, so that an id is no other number by chance.
const FIRST: u64 = 7_654_321;
/// The ids of many: longer, because so many shorter numbers would be others by chance.
const FIRST_OF_MANY: u64 = 76_543_210_000;

/// Sets the sequence of users, so that the next one gets this id.
pub(super) fn next_user_is(app: &App, id: u64) {
    let item = json!({ "pk": { "S": "S" }, "sk": { "S": "user" }, "n": { "N": (id - 1).to_string() } });
    perform(app, "PutItem", &json!({ "TableName": "stepchat", "Item": item }));
}

fn perform(app: &App, action: &str, request: &Value) {
    let (status, body) = embedded::perform(&app.database, action, request.to_string().as_bytes());
    assert_eq!(status, 200, "{body}");
}

/// The items that hold any of these texts.
fn holding(app: &App, texts: &[&str]) -> Vec<String> {
    let items = app.items().into_iter().map(|(_, item)| item.to_string());
    // A few are enough to see what is wrong.
    items.filter(|item| texts.iter().any(|text| item.contains(text))).take(3).collect()
}

async fn start(app: &App, fields: Value) -> String {
    let started = app.stepchat("new-conversation", fields).await.response();
    started["details"]["id"].as_str().unwrap().to_owned()
}

async fn send(app: &App, user: &str, conversation: &str) {
    let fields = json!({ "user_id": user, "conversation_id": conversation, "message": "text" });
    app.stepchat("send-message", fields).await.response();
}

/// A user with everything a user can have: own and others' conversations, an assignment, typing, e-mail, extras, a
/// session.
pub(super) struct Busy {
    pub(super) id: String,
    other: String,
    own: String,
    elsewhere: String,
}

pub(super) async fn busy(app: &App, kind: &str) -> Busy {
    let other = app.add_stepchat_user(json!({ "email": "other@example.com" })).await;
    next_user_is(app, FIRST);
    let fields = json!({
        "email": "gone@example.com", "password": "x", "user_type": kind, "extra": { "phone": "+7919", "city": "Тверь" }
    });
    let id = app.add_stepchat_user(fields).await;
    assert_eq!(id, FIRST.to_string());
    // The sequence must not remember the id.
    app.add_stepchat_user(json!({})).await;
    let own = start(app, json!({ "user_id": id, "agent_id": 1 })).await;
    let agent = if kind == "agent" { id.as_str() } else { "1" };
    let elsewhere = start(app, json!({ "user_id": other, "agent_id": agent })).await;
    for (user, place) in [(&id, &own), (&other, &own), (&other, &elsewhere), (&id, &elsewhere)] {
        send(app, user, place).await;
    }
    let login = app.stepchat("login", json!({ "email": "gone@example.com", "password": "x" })).await.response();
    assert!(login.is_array(), "{login}");
    app.stepchat("set-typing", json!({ "user_id": id, "conversation_id": elsewhere })).await.response();
    app.stepchat("set-typing", json!({ "user_id": other, "conversation_id": own })).await.response();
    Busy { id, other, own, elsewhere }
}

/// Nothing of the busy user is left, once the search entries' time has come, and everything of the other is.
pub(super) async fn assert_gone(app: &App, busy: &Busy) {
    app.wait_millis(SEARCH_SETTLED_MILLIS);
    app.run_jobs().await;
    assert_eq!(holding(app, &["7654321", "gone@example.com", "Тверь"]), Vec::<String>::new());
    assert!(promises::pending_purges(&app.app.store).await.unwrap().is_empty());
    assert!(removals::pending(&app.app.store).await.unwrap().is_empty());
    let padded = format!("C#{:0>12}", busy.own);
    assert_eq!(holding(app, &[&padded]), Vec::<String>::new(), "the own conversation");
    let row = app.stepchat("get-conversation", json!({ "conversation_id": busy.elsewhere })).await.response();
    assert_eq!(row["messages"].as_array().unwrap().len(), 1);
    assert_eq!(row["messages"][0]["user_id"], busy.other);
    let latest = app.stepchat("get-user-conversations", json!({ "user_id": busy.other })).await.response();
    assert_eq!(latest[0]["id"], row["messages"][0]["id"]);
    let typing = app.stepchat("is-typing", json!({ "user_id": busy.other })).await.response();
    assert_eq!(typing, json!(false), "in a conversation that is gone");
}

/// Deletes the user as a request does that dies right after its transaction.
pub(super) async fn delete_and_die(app: &App, id: &str) -> UserId {
    let user = UserId::parse(id).unwrap();
    let stored = users::load(&app.app.store, user).await.unwrap().unwrap();
    app.app.store.commit(&users::deletion(&stored, app.app.clock.now()).unwrap()).await.unwrap();
    user
}

/// One run of a user's purge.
pub(super) async fn purge(app: &App, user: UserId, until: Instant) -> Progress {
    purges::purge(&app.app.store, user, app.app.clock.now(), until).await.unwrap()
}

#[tokio::test]
async fn nothing_of_a_deleted_user_or_agent_is_left() {
    for kind in ["user", "agent"] {
        let app = App::new().await;
        let busy = busy(&app, kind).await;
        app.stepchat("delete-user", json!({ "user_id": busy.id })).await.response();
        assert_gone(&app, &busy).await;
        let row = app.stepchat("get-conversation", json!({ "conversation_id": busy.elsewhere })).await.response();
        let agent = if kind == "agent" { Value::Null } else { json!("1") };
        assert_eq!(row["details"]["agent_id"], agent);
    }
}

#[tokio::test]
async fn what_somebody_wrote_as_an_agent_goes_though_they_were_one_no_longer() {
    let app = App::new().await;
    let busy = busy(&app, "agent").await;
    app.stepchat("update-user", json!({ "user_id": busy.id, "user_type": "user" })).await.response();
    app.stepchat("delete-user", json!({ "user_id": busy.id })).await.response();
    assert_gone(&app, &busy).await;
}

/// Who writes in somebody else's conversation is not locked by it: such a message may come after the purge.
#[tokio::test]
async fn a_message_that_comes_after_the_purge_of_its_author_goes_with_the_second_look() {
    for kind in ["user", "agent"] {
        let app = App::new().await;
        let busy = busy(&app, kind).await;
        let store = &app.app.store;
        let author = users::find_profile(store, UserId::parse(&busy.id).unwrap()).await.unwrap().unwrap();
        let place = ConversationId::parse(&busy.elsewhere).unwrap();
        let place = conversations::find(store, place).await.unwrap().unwrap();
        // Who is assigned is locked by it.
        let place = Conversation { agent: None, ..place };
        let message = Message {
            id: store.next_id(Sequence::Message, MessageId::new).await.unwrap(),
            conversation: place.id,
            author: author.id,
            from_staff: author.user_type.is_staff(),
            text: MessageText::parse("too late").unwrap(),
            creation_time: app.app.clock.now(),
            attachments: Attachments::default(),
            payload: Payload::default(),
        };
        let late = conversations::sending(&place, &message, &author, None, None).unwrap();
        app.stepchat("delete-user", json!({ "user_id": busy.id })).await.response();
        store.commit(&late).await.unwrap();
        assert!(!holding(&app, &["too late"]).is_empty(), "it came");
        assert_gone(&app, &busy).await;
        assert_eq!(holding(&app, &["too late"]), Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_a_deleted_user_had_is_invisible_before_it_is_purged() {
    let app = App::new().await;
    let busy = busy(&app, "agent").await;
    delete_and_die(&app, &busy.id).await;
    let call = async |function: &str, fields: Value| app.stepchat(function, fields).await.response();
    let own = json!({ "conversation_id": busy.own });
    assert_eq!(call("get-conversation", own.clone()).await, json!(false));
    assert_eq!(call("get-user-from-conversation", own).await, json!(false));
    assert_eq!(call("get-user-conversations", json!({ "user_id": busy.id })).await, json!([]));
    assert_eq!(call("get-user-conversations", json!({ "user_id": busy.id, "agent": 1 })).await, json!([]));
    assert_eq!(call("get-user-conversations", json!({ "user_id": 1, "agent": 1 })).await, json!([]));
    assert_eq!(call("is-typing", json!({ "user_id": busy.id })).await, json!(false));
    let elsewhere = json!({ "conversation_id": busy.elsewhere });
    assert_eq!(call("is-agent-typing", elsewhere.clone()).await, json!(false));
    let agent = json!({ "conversation_id": busy.elsewhere, "agent": true });
    assert_eq!(call("get-user-from-conversation", agent).await, json!(false));
    let row = call("get-conversation", elsewhere).await;
    assert_eq!(row["messages"].as_array().unwrap().len(), 1);
    let latest = call("get-user-conversations", json!({ "user_id": busy.other })).await;
    assert_eq!((latest[0]["user_id"].clone(), latest.as_array().unwrap().len()), (json!(busy.other), 1));
    let fields = json!({ "user_id": busy.other, "conversation_id": busy.own, "message": "x" });
    assert_eq!(app.stepchat("send-message", fields).await.code(), "conversation-id-not-found");
    assert_eq!(app.run_jobs().await, 0, "it has gone; the promise waits for what may still come");
    assert_gone(&app, &busy).await;
    assert_eq!(app.run_jobs().await, 0);
}

/// Copies a message of the user many times, as items: quicker than sending. With their pointers, if asked for.
fn multiply(app: &App, conversation: &str, author: &str, copies: u64) {
    let place = format!("C#{conversation:0>12}");
    let items = app.items();
    let items = || items.iter().map(|(_, item)| item);
    let message = items()
        .find(|item| item["pk"]["S"] == place.as_str() && item.get("body").is_some() && item["uid"]["N"] == author);
    let message = message.unwrap();
    let old = message["mid"]["N"].as_str().unwrap();
    let pointer = items().find(|item| item.get("mid") == message.get("mid") && item.get("body").is_none());
    let (padded, mut writes) = (format!("{old:0>12}"), Vec::new());
    for copy in 1..=copies {
        let id = (1_000_000 + copy).to_string();
        for item in [Some(message), pointer].into_iter().flatten() {
            let mut item = item.clone();
            let sort = item["sk"]["S"].as_str().unwrap().replace(&format!("X#{padded}"), &format!("X#{id:0>12}"));
            let sort =
                sort.strip_suffix(&format!("#{padded}")).map_or(sort.clone(), |start| format!("{start}#{id:0>12}"));
            item["sk"]["S"] = json!(sort);
            item["mid"]["N"] = json!(id);
            writes.push(json!({ "PutRequest": { "Item": item } }));
        }
    }
    for batch in writes.chunks(25) {
        perform(app, "BatchWriteItem", &json!({ "RequestItems": { "stepchat": batch } }));
    }
}

#[tokio::test]
async fn a_user_with_five_thousand_messages_goes_whole_though_every_page_is_interrupted() {
    let app = App::new().await;
    let busy = busy(&app, "user").await;
    multiply(&app, &busy.own, &busy.id, 4_000);
    multiply(&app, &busy.elsewhere, &busy.id, 1_000);
    let user = delete_and_die(&app, &busy.id).await;
    // Each run has time for one page only.
    let mut runs = 1;
    while purge(&app, user, Instant::now()).await == Progress::Left {
        runs += 1;
    }
    assert!(runs > 40, "{runs}");
    assert_gone(&app, &busy).await;
}

#[tokio::test]
async fn a_request_deletes_five_thousand_messages_by_itself() {
    let app = App::new().await;
    let busy = busy(&app, "user").await;
    multiply(&app, &busy.own, &busy.other, 2_500);
    multiply(&app, &busy.elsewhere, &busy.id, 2_500);
    app.stepchat("delete-users", json!({ "user_ids": [busy.id] })).await.response();
    assert_gone(&app, &busy).await;
}

/// Three hundred leads with e-mail, conversation and message.
async fn leads(app: &App) {
    next_user_is(app, FIRST);
    for n in 0..300 {
        let fields =
            json!({ "user_type": "lead", "email": format!("lead{n}@gone.example"), "extra": { "city": "Тверь" } });
        let id = app.add_stepchat_user(fields).await;
        let place = start(app, json!({ "user_id": id })).await;
        send(app, &id, &place).await;
    }
}

/// Leads with e-mail and extra, written in bulk.
async fn bulk_of_leads(app: &App, count: u64) {
    next_user_is(app, FIRST_OF_MANY);
    let store = &app.app.store;
    let name = Name::parse("Lead").unwrap();
    let mut load = Load::default();
    for id in store.next_ids(Sequence::StepchatUser, count, UserId::new).await.unwrap() {
        let email = Some(Email::parse(&format!("lead{id}@gone.example")).unwrap());
        let new = NewUser { user_type: Some(UserType::Lead), email, ..NewUser::default() };
        let user = new.into_user(id, app.app.clock.now(), &name, 7);
        let city = DetailValue::parse("Тверь").unwrap().unwrap();
        let details = [Detail { slug: Slug::parse("city").unwrap(), name: "City".into(), value: city }];
        let secrets = Secrets { password: None, token: TokenHash::of(&app.app.tokens.of(id, 1)) };
        load.add(creation::of(&user, &details, &secrets, false, &LeadCounter::unread()).unwrap()).unwrap();
    }
    app.load(load).await;
}

async fn assert_no_leads(app: &App, ids: Range<u64>) {
    app.run_jobs_to_the_end().await;
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    let mut texts: Vec<&str> = ids.iter().map(String::as_str).collect();
    texts.extend(["gone.example", "Тверь"]);
    assert_eq!(holding(app, &texts), Vec::<String>::new());
    let counts = app.stepchat("count-users", json!({})).await.response();
    assert_eq!((counts["lead"].clone(), counts["all"].clone()), (json!("0"), json!("2")));
    assert!(removals::pending(&app.app.store).await.unwrap().is_empty());
}

#[tokio::test]
async fn three_hundred_leads_go_in_one_call_and_if_its_time_was_up_in_the_next_job() {
    let app = App::new().await;
    leads(&app).await;
    app.add_stepchat_user(json!({})).await;
    app.stepchat("delete-leads", json!({})).await.response();
    // An index may be late: the leads are looked for once more when it certainly shows all.
    app.wait_millis(INDEX_SETTLED_MILLIS);
    app.run_jobs().await;
    assert_no_leads(&app, FIRST..FIRST + 300).await;
}

#[tokio::test]
async fn a_lead_whom_the_index_shows_late_goes_with_the_next_job() {
    let app = App::new().await;
    let id = app.add_stepchat_user(json!({ "user_type": "lead" })).await;
    let indexed = |expression: &str, values: Value| {
        let key = json!({ "pk": { "S": format!("U#{id:0>12}") }, "sk": { "S": "P" } });
        let mut request = json!({ "TableName": "stepchat", "Key": key, "UpdateExpression": expression });
        if !values.is_null() {
            request["ExpressionAttributeValues"] = values;
        }
        perform(&app, "UpdateItem", &request);
    };
    indexed("REMOVE lp", Value::Null);
    app.stepchat("delete-leads", json!({})).await.response();
    indexed("SET lp = :lead", json!({ ":lead": { "S": "lead" } }));
    assert_eq!(app.stepchat("count-users", json!({})).await.response()["lead"], "1");
    assert_eq!(app.run_jobs().await, 0, "it may be later than that");
    assert_eq!(app.stepchat("count-users", json!({})).await.response()["lead"], "0");
    assert_eq!(app.stepchat("get-user", json!({ "user_id": id })).await.response(), json!(false));
    app.wait_millis(INDEX_SETTLED_MILLIS);
    assert_eq!(app.run_jobs().await, 3, "the promise, the purge of the lead, and the search entries of them");
    assert_eq!(app.run_jobs().await, 0);
}

#[tokio::test]
async fn fifteen_hundred_leads_go_in_one_call_and_the_jobs_that_follow_it() {
    let app = App::new().await;
    bulk_of_leads(&app, 1_500).await;
    app.add_stepchat_user(json!({})).await;
    assert_eq!(app.stepchat("count-users", json!({})).await.response()["lead"], "1500");
    app.stepchat("delete-leads", json!({})).await.response();
    let mut runs = 0;
    while !removals::pending(&app.app.store).await.unwrap().is_empty() {
        app.wait_millis(INDEX_SETTLED_MILLIS);
        app.run_jobs().await;
        runs += 1;
        assert!(runs < 20, "the jobs do not come to an end");
    }
    assert_no_leads(&app, FIRST_OF_MANY..FIRST_OF_MANY + 1_500).await;
}

#[tokio::test]
async fn leads_whose_delete_was_only_promised_are_deleted_by_the_job_and_later_ones_are_not() {
    let app = App::new().await;
    leads(&app).await;
    app.add_stepchat_user(json!({})).await;
    let now = app.app.clock.now();
    let removal = removals::leads(&app.app.store, now).await.unwrap();
    app.app.store.commit(&removal.promise().unwrap()).await.unwrap();
    let performed = removal.perform(&app.app.store, now, Instant::now()).await.unwrap();
    assert_eq!(performed, Progress::Left, "no time");
    let later = app.add_stepchat_user(json!({ "user_type": "lead" })).await;
    app.wait_millis(INDEX_SETTLED_MILLIS);
    assert_eq!(app.run_jobs().await, 1);
    assert_ne!(app.stepchat("get-user", json!({ "user_id": later })).await.response(), json!(false));
    app.stepchat("delete-user", json!({ "user_id": later })).await.response();
    assert_no_leads(&app, FIRST..FIRST + 300).await;
}

#[tokio::test]
async fn a_list_with_the_last_admin_deletes_nobody() {
    let app = App::new().await;
    let user = app.add_stepchat_user(json!({})).await;
    let second = app.add_stepchat_user(json!({ "user_type": "admin" })).await;
    let ids = json!({ "user_ids": format!("[{user},{second},1]") });
    assert_eq!(app.stepchat("delete-users", ids).await.code(), "cannot-delete-user");
    let counts = app.stepchat("count-users", json!({})).await.response();
    assert_eq!(counts["all"], "3");
    let ids = json!({ "user_ids": format!("{user},{second}") });
    assert_eq!(app.stepchat("delete-users", ids).await.response(), json!(true));
    // Promised by hand, as if both admins had been deleted at once: the last one stays all the same.
    let removal = removals::users(vec![UserId::new(1).unwrap()], app.app.clock.now());
    app.app.store.commit(&removal.promise().unwrap()).await.unwrap();
    assert_eq!(app.run_jobs().await, 1);
    assert_eq!(app.stepchat("count-users", json!({})).await.response()["all"], "1");
}

#[tokio::test]
async fn lists_of_users_come_in_brackets_too() {
    let app = App::new().await;
    let (one, two) = (app.add_stepchat_user(json!({})).await, app.add_stepchat_user(json!({})).await);
    let form = format!("token={}&user_ids[]={one}&user_ids[]={two}", app.token);
    assert_eq!(app.post("/stepchat/delete-users", form).await.response(), json!(true));
    assert_eq!(app.stepchat("count-users", json!({})).await.response()["all"], "1");
}

/// A purge that comes later would take the extras of whoever was imported with the id.
#[tokio::test]
async fn an_id_is_not_given_again_while_something_of_its_user_is_left() {
    let app = App::new().await;
    let user = app.add_stepchat_user(json!({ "extra": { "city": "Oslo" } })).await;
    let id = delete_and_die(&app, &user).await;
    let store = &app.app.store;
    let is_free = async || {
        let wanted = RowClaims { id: Some(id), kept: true, email: None, phone: None, row: "row" };
        let taken = ExistingClaims::of(store, &[wanted]).await.unwrap();
        assert!(taken.user(id).is_none());
        let mut txn: Txn<()> = Txn::default();
        txn.push(nothing_left(id));
        match store.commit(&txn).await {
            Ok(()) => !taken.is_going(id),
            Err(CommitError::Stale) => false,
            Err(other) => panic!("{other:?}"),
        }
    };
    assert!(!is_free().await, "its purge is promised");
    app.run_jobs().await;
    assert!(!is_free().await, "something may still come");
    app.wait_millis(SEARCH_SETTLED_MILLIS);
    app.run_jobs().await;
    assert!(is_free().await);
}
