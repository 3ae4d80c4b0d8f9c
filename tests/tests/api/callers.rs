//! What existing callers send, each with the right answer: faults that were met in the field.

use http::Request;
use serde_json::{Map, Value, json};
use shared::limits::{MAX_DETAILS, MAX_DETAILS_BYTES};
use tests::{Answer, App};

async fn user(app: &App, id: &str) -> Value {
    app.stepchat("get-user", json!({ "user_id": id, "extra": true })).await.response()
}

async fn form(app: &App, method: &str, form: &str) -> Answer {
    app.post(&format!("/stepchat/{method}"), format!("token={}&{form}", app.token)).await
}

async fn json_body(app: &App, method: &str, body: Value) -> Answer {
    let request = Request::post(format!("/stepchat/{method}")).header("content-type", "application/json");
    let request = request.header("authorization", format!("Bearer {}", app.token));
    app.send(request.body(body.to_string().into()).unwrap()).await
}

#[tokio::test]
async fn phps_false_is_not_given_and_stores_nothing() {
    let app = App::new().await;
    let id = app.add_stepchat_user(json!({ "extra": { "city": "Perm" } })).await;
    let all = app.stepchat("get-users", json!({})).await.response();
    for field in ["user_ids", "users_id", "user_types", "sorting", "extra"] {
        assert_eq!(form(&app, "get-users", &format!("{field}=0")).await.response(), all, "{field}");
    }
    let extras = app.stepchat("get-user-extra", json!({ "user_id": id })).await.response();
    assert_eq!(form(&app, "get-user-extra", &format!("user_id={id}&slug=0")).await.response(), extras);
    let none = form(&app, "get-user-extra", &format!("user_id={id}&slug=os&default=0")).await.response();
    assert_eq!(none, json!(false));
    assert_eq!(form(&app, "current-url", &format!("user_id={id}&url=0")).await.response(), json!(false));
    assert_eq!(app.stepchat("get-user-extra", json!({ "user_id": id })).await.response(), extras);
    let fields = "email=0&profile_image=0&user_type=0&password=0&extra=0&settings_extra=0";
    let plain = form(&app, "add-user", &format!("last_name=x&{fields}")).await.response();
    let row = user(&app, &plain.to_string()).await;
    assert_eq!((&row["email"], &row["user_type"], &row["details"]), (&Value::Null, &json!("visitor"), &json!([])));
    assert_eq!(row["profile_image"], user(&app, &id).await["profile_image"]);
    // Where somebody must be named, it names nobody.
    assert_eq!(form(&app, "delete-users", "user_ids=0").await.response(), json!(true));
    assert_eq!(app.stepchat("count-users", json!({})).await.response()["all"], "3");
}

#[tokio::test]
async fn a_delete_without_an_id_is_refused_and_one_of_unknown_ids_is_done() {
    let app = App::new().await;
    let ids = [app.add_stepchat_user(json!({})).await, app.add_stepchat_user(json!({})).await];
    let before = app.items();
    for list in ["", "[]", "false", "abc", "[object Object]", "[[2,3]]", "[\"\"]", "2.5", "undefined", "-1"] {
        let answer = app.stepchat("delete-users", json!({ "user_ids": list })).await;
        assert_eq!(answer.code(), "invalid-argument", "{list}");
    }
    assert_eq!(app.stepchat("delete-users", json!({ "user_ids": "[999999]" })).await.response(), json!(true));
    assert_eq!(app.items(), before);
    // As pandas writes ids, and encoded once too often.
    let spelled = format!("\"[{}.0,{}.0]\"", ids[0], ids[1]);
    assert_eq!(app.stepchat("delete-users", json!({ "user_ids": spelled })).await.response(), json!(true));
    assert_eq!(app.stepchat("count-users", json!({})).await.response()["all"], "1");
}

#[tokio::test]
async fn json_null_changes_nothing_and_the_word_clears_an_address() {
    let app = App::new().await;
    let fields = json!({
        "first_name": "Anna", "last_name": "X", "email": "anna@example.com", "department": 3,
        "profile_image": "https://example.com/a.png", "extra": { "city": "Perm" }
    });
    let id = app.add_stepchat_user(fields).await;
    let before = user(&app, &id).await;
    let nulls = json!({
        "user_id": id, "first_name": null, "last_name": null, "email": null, "department": null, "profile_image": null,
        "password": null, "user_type": null, "extra": null, "settings_extra": null
    });
    json_body(&app, "update-user", nulls).await.response();
    assert_eq!(user(&app, &id).await, before);
    json_body(&app, "update-user", json!({ "user_id": id, "email": "NULL" })).await.response();
    assert_eq!(user(&app, &id).await["email"], Value::Null);
    assert_eq!(json_body(&app, "update-user", json!({ "user_id": null })).await.code(), "missing-argument");
}

#[tokio::test]
async fn a_row_that_is_posted_back_changes_nothing() {
    let app = App::new().await;
    let extra = json!({ "customer_no": ["17", "Kundennummer"], "city": "Perm" });
    let id = app.add_stepchat_user(json!({ "first_name": "Anna", "email": "anna@example.com", "extra": extra })).await;
    let before = user(&app, &id).await;
    let stored = |app: &App| app.items().iter().any(|(_, item)| item.to_string().contains("user.svg"));
    let mut row = before.as_object().unwrap().clone();
    row.remove("token");
    row.insert("user_id".into(), json!(id));
    let details = row.remove("details").unwrap();
    for name in ["extra", "settings_extra"] {
        let mut fields = row.clone();
        fields.insert(name.into(), details.clone());
        for answer in [
            json_body(&app, "update-user", Value::Object(fields.clone())).await,
            app.stepchat("update-user", Value::Object(fields)).await,
        ] {
            assert_eq!(answer.response(), json!(true));
            assert_eq!(user(&app, &id).await, before);
            assert!(!stored(&app), "the default picture is somebody's own");
        }
    }
    let bot = app.stepchat("update-bot", json!({ "name": "Robot", "profile_image": before["profile_image"] })).await;
    assert_eq!((bot.response(), stored(&app)), (json!(true), false));
}

#[tokio::test]
async fn an_extra_keeps_its_display_name_and_its_place() {
    let app = App::new().await;
    let token = &app.token;
    let fields = "extra[zebra][0]=1&extra[zebra][1]=Zebra&extra[apple][0]=2&extra[apple][1]=%C3%84pfel&extra[mango]=3";
    let id = app.post("/stepchat/add-user", format!("token={token}&{fields}")).await.response().to_string();
    let details = async || {
        let user = user(&app, &id).await;
        let rows = user["details"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| format!("{} {} {}", row["slug"], row["name"], row["value"]))
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(details().await, r#""zebra" "Zebra" "1", "apple" "Äpfel" "2", "mango" "Mango" "3""#);
    app.wait_millis(5);
    let change = json!({ "apple": "4", "banana": "5", "zebra": ["6"] });
    app.stepchat("update-user", json!({ "user_id": id, "settings_extra": change })).await.response();
    app.stepchat("current-url", json!({ "user_id": id, "url": "https://example.com/" })).await.response();
    let expected = r#""zebra" "Zebra" "6", "apple" "Äpfel" "4", "mango" "Mango" "3", "banana" "Banana" "5", "current_url" "Current URL" "https://example.com/""#;
    assert_eq!(details().await, expected);
    // A page view moves nothing; an extra that went and came stands last.
    app.stepchat("current-url", json!({ "user_id": id, "url": "https://example.com/longer" })).await.response();
    app.wait_millis(5);
    app.stepchat("update-user", json!({ "user_id": id, "extra": { "zebra": "" } })).await.response();
    app.stepchat("update-user", json!({ "user_id": id, "extra": { "zebra": "7" } })).await.response();
    assert!(details().await.ends_with(r#""https://example.com/longer", "zebra" "Zebra" "7""#), "{}", details().await);
    // Every list shows the same order.
    let listed = app.stepchat("get-users", json!({ "user_ids": [id], "extra": true })).await;
    let (apple, zebra) = (listed.text.find("\"apple\":\"4\"").unwrap(), listed.text.find("\"zebra\":\"7\"").unwrap());
    assert!(apple < zebra, "{}", listed.text);
    let extras = app.stepchat("get-user-extra", json!({ "user_id": id })).await.response();
    assert_eq!(extras, user(&app, &id).await["details"]);
}

#[tokio::test]
async fn extras_that_cannot_be_decoded_are_left_out_and_the_log_says_so() {
    let app = App::new().await;
    for undecodable in ["[object Object]", "Array", "{\"city\":", "undefined"] {
        let id = app.add_stepchat_user(json!({ "first_name": "Anna", "extra": undecodable })).await;
        let line = app.last_line();
        assert_eq!((&line["outcome"], line["cause"].as_str().unwrap().contains("left out")), (&json!("ok"), true));
        assert_eq!(user(&app, &id).await["details"], json!([]), "{undecodable}");
        let fields = json!({ "user_id": id, "last_name": "B", "settings_extra": undecodable });
        app.stepchat("update-user", fields).await.response();
        assert!(app.last_line()["cause"].is_string());
        assert_eq!(user(&app, &id).await["last_name"], "B");
    }
    app.add_stepchat_user(json!({ "extra": { "city": "Perm" } })).await;
    assert!(app.last_line().get("cause").is_none());
}

/// Nobody is found by such a number, and nobody would know why.
#[tokio::test]
async fn a_usual_extra_beside_the_fields_is_left_out_and_the_log_says_so() {
    let app = App::new().await;
    let id = app.add_stepchat_user(json!({ "first_name": "Anna", "phone": "+491701234567" })).await;
    assert!(app.last_line()["cause"].as_str().unwrap().contains("extras come within `extra`"));
    let found = app.stepchat("get-user-by", json!({ "by": "phone", "value": "+491701234567" })).await;
    assert_eq!(found.response(), json!(false));
    app.stepchat("update-user", json!({ "user_id": id, "city": "Perm" })).await.response();
    assert!(app.last_line()["cause"].is_string());
    app.stepchat("update-user", json!({ "user_id": id, "extra": { "city": "Perm" } })).await.response();
    assert!(app.last_line().get("cause").is_none());
}

#[tokio::test]
async fn a_phone_is_known_by_its_digits_and_kept_as_it_was_sent() {
    let app = App::new().await;
    let sent = "+7 (919) 123-12-12";
    let id = app.add_stepchat_user(json!({ "extra": { "phone": sent } })).await;
    for spelled in ["79191231212", "+79191231212", "0079191231212", " 79191231212", "\u{202a}+7 919 1231212\u{202c}"] {
        let found = app.stepchat("get-user-by", json!({ "by": "phone", "value": spelled })).await.response();
        assert_eq!(found["id"], json!(id), "{spelled}");
        let twice = app.stepchat("add-user", json!({ "extra": { "phone": spelled } })).await;
        assert_eq!(twice.code(), "duplicate-phone", "{spelled}");
    }
    assert_eq!(user(&app, &id).await["details"][0]["value"], json!(sent));
    // What has no digits is nobody's number.
    let one = app.add_stepchat_user(json!({ "extra": { "phone": "none" } })).await;
    app.add_stepchat_user(json!({ "extra": { "phone": "none" } })).await;
    let found = app.stepchat("get-user-by", json!({ "by": "phone", "value": "NONE" })).await.response();
    assert_eq!(found["id"], json!(one));
}

#[tokio::test]
async fn the_bot_takes_nobodys_address_or_number() {
    let app = App::new().await;
    let bot = app.stepchat("get-bot-id", json!({})).await.response();
    let address = app.stepchat("update-user", json!({ "user_id": bot, "email": "a@example.com" })).await;
    assert_eq!(address.code(), "invalid-email");
    app.stepchat("update-user", json!({ "user_id": bot, "email": "", "extra": { "phone": "+7919" } })).await.response();
    app.add_stepchat_user(json!({ "email": "a@example.com", "extra": { "phone": "+7919" } })).await;
}

#[tokio::test]
async fn no_address_breaks_out_of_its_line() {
    let app = App::new().await;
    let id = app.add_stepchat_user(json!({ "email": "first@example.com" })).await;
    let before = app.items();
    for bad in
        ["a@b.example\r\nBcc: all@b.example", "a\u{1b}[1m@b.example", "a\u{202e}elpmaxe.b@a", "a\u{2029}@b.example"]
    {
        assert_eq!(app.stepchat("add-user", json!({ "email": bad })).await.code(), "invalid-email", "{bad:?}");
        let update = app.stepchat("update-user", json!({ "user_id": id, "email": bad })).await;
        assert_eq!(update.code(), "invalid-email", "{bad:?}");
        assert_eq!(app.stepchat("update-login", json!({ "email": bad })).await.code(), "invalid-email", "{bad:?}");
        // Nobody has such an address.
        let by = app.stepchat("get-user-by", json!({ "by": "email", "value": bad })).await.response();
        assert_eq!(by, json!(false));
        let login = app.stepchat("login", json!({ "email": bad, "password": "x" })).await.response();
        assert_eq!(login, json!(false));
    }
    let profiles = |items: Vec<(_, Value)>| items.into_iter().filter(|(_, item)| item["sk"]["S"] == json!("P")).count();
    assert_eq!(profiles(app.items()), profiles(before));
}

#[tokio::test]
async fn dates_are_read_as_programs_print_them() {
    let app = App::new().await;
    app.wait_millis(3_600_000);
    let id = app.add_stepchat_user(json!({})).await;
    for datetime in [
        "2026-11-22 00:30:00",
        "2026-11-22T00:30",
        "2026-11-22T00:30:00.000Z",
        "2026-11-22T00:30:00.123456+00:00",
        "2026-11-22 00:30:00 +0000",
        "2026-11-22 00:30:00 UTC",
        "2026-11-22T03:30:00+03:00",
    ] {
        let rows = app.stepchat("get-new-users", json!({ "datetime": datetime })).await.response();
        let ids: Vec<&Value> = rows.as_array().unwrap().iter().map(|row| &row["id"]).collect();
        assert_eq!(ids, [&json!(id)], "{datetime}");
    }
    assert_eq!(app.stepchat("get-new-users", json!({ "datetime": "22.11.2026" })).await.code(), "invalid-datetime");
    for date in ["2026-11-09 14:41:02 +0000", "2026-11-09", "2026-11-09T14:41Z"] {
        let fields = json!({ "from_date": date, "to_date": "2026-12-01T00:00:00Z" });
        let answer = app.voximplant("GetTransactionHistory", fields).await.json();
        assert!(answer["result"].is_array(), "{date}: {answer}");
    }
    assert_eq!(app.voximplant("GetTransactionHistory", json!({ "from_date": "yesterday" })).await.code(), json!(111));
}

#[tokio::test]
async fn sorting_and_types_are_read_in_any_case() {
    let app = App::new().await;
    for name in ["b", "a", "c"] {
        app.add_stepchat_user(json!({ "first_name": name, "last_name": "", "user_type": "Lead" })).await;
    }
    let names = async |fields: Value| {
        let rows = app.stepchat("get-users", fields).await.response();
        rows.as_array().unwrap().iter().map(|row| row["first_name"].as_str().unwrap().to_owned()).collect::<String>()
    };
    for sorting in ["first_name ASC", "First_Name,ascending", r#"["first_name","Ascending"]"#] {
        for types in ["lead", r#"["Lead"]"#, "LEAD"] {
            assert_eq!(names(json!({ "sorting": sorting, "user_types": types })).await, "abc", "{sorting} {types}");
        }
    }
    assert_eq!(app.stepchat("get-users", json!({ "user_types": "all" })).await.response().as_array().unwrap().len(), 4);
}

/// Text that JSON writes at its longest, and a Lambda answer longer still.
fn longest(bytes: usize) -> String {
    format!("x{}x", "\u{1}".repeat(bytes - 2))
}

/// Adds extras, as many as one call may write, until the next one is refused.
async fn fill(app: &App, id: &str, value: &str) -> Value {
    let mut number = 0;
    loop {
        let extra: Map<String, Value> = (number..number + 4).map(|n| (format!("s{n}"), json!(value))).collect();
        let answer = json_body(app, "update-user", json!({ "user_id": id, "extra": extra })).await;
        if answer.json()["success"] == json!(false) {
            return answer.code();
        }
        number += 4;
    }
}

/// The largest user there can be is in every answer that shows one, and the answer fits (decision E9).
#[tokio::test]
async fn the_largest_user_fits_into_every_answer() {
    let app = App::new().await;
    let id = app.add_stepchat_user(json!({
        "first_name": longest(100), "last_name": longest(100), "user_type": "agent", "password": "Passw0rd!",
        "profile_image": longest(191), "email": "x".repeat(191)
    }));
    let id = id.await;
    let bytes = MAX_DETAILS_BYTES / MAX_DETAILS - 16;
    assert_eq!(fill(&app, &id, &longest(bytes)).await, json!("too-many-extras"));
    let row = user(&app, &id).await;
    assert_eq!(row["details"].as_array().unwrap().len(), MAX_DETAILS);
    // Not one more, by any way.
    let one = app.stepchat("update-user", json!({ "user_id": id, "extra": { "one": "more" } })).await;
    assert_eq!(one.code(), "too-many-extras");
    let page = app.stepchat("current-url", json!({ "user_id": id, "url": "https://example.com/" })).await;
    assert_eq!(page.code(), "too-many-extras");
    // But what is there may change and go.
    app.stepchat("update-user", json!({ "user_id": id, "extra": { "s0": "short", "s1": "" } })).await.response();
    app.stepchat("update-user", json!({ "user_id": id, "extra": { "s1": longest(bytes) } })).await.response();
    let conversation = app.stepchat("new-conversation", json!({ "user_id": id })).await.response();
    let place = conversation["details"]["id"].clone();
    app.stepchat("send-message", json!({ "user_id": id, "conversation_id": place, "message": "x" })).await.response();
    let slugs: Vec<String> = (0..80).map(|n| format!("s{n}")).collect();
    let mut largest = 0;
    for (method, fields) in [
        ("get-user", json!({ "user_id": id, "extra": true })),
        ("get-user-extra", json!({ "user_id": id })),
        ("get-user-extra", json!({ "user_id": id, "slug": "s1" })),
        ("get-agent", json!({ "agent_id": id })),
        ("get-user-by", json!({ "by": "email", "value": "x".repeat(191) })),
        ("get-users", json!({ "extra": true })),
        ("get-users", json!({ "extra": slugs, "user_ids": [id] })),
        ("get-new-users", json!({ "datetime": 0 })),
        ("get-online-users", json!({})),
        ("search-users", json!({ "search": "x" })),
        ("get-users-with-details", json!({ "details": slugs })),
        ("get-conversation", json!({ "conversation_id": place })),
        ("get-user-conversations", json!({ "user_id": id })),
        ("get-user-from-conversation", json!({ "conversation_id": place })),
        ("login", json!({ "email": "x".repeat(191), "password": "Passw0rd!" })),
    ] {
        let answer = json_body(&app, method, fields).await;
        let shown = answer.response();
        assert!(shown != json!(false) && shown != json!([]), "{method}: {}", answer.text);
        // As a Lambda function says it: a JSON text within JSON.
        let said = serde_json::to_string(&answer.text).unwrap().len();
        assert!(said <= 5 * 1024 * 1024, "{method}: {said}");
        largest = largest.max(said);
    }
    assert!(largest > 3 * 1024 * 1024, "{largest}: not the largest user");
    let lists = json_body(&app, "csv-users", json!({})).await.response();
    assert!(lists.is_string());
    let fewer = app.add_stepchat_user(json!({})).await;
    assert_eq!(fill(&app, &fewer, &"x".repeat(60_000)).await, json!("extra-too-long"));
}

#[tokio::test]
async fn the_link_to_an_export_ends_in_its_name_and_tells_its_head() {
    let app = App::new().await;
    let link = app.stepchat("csv-users", json!({})).await.response().as_str().unwrap().to_owned();
    assert!(link.ends_with("users.csv"), "{link}");
    let path = link.strip_prefix("http://localhost").unwrap();
    let open = async |verb: &str| {
        let request = Request::builder().method(verb).uri(path).header("host", "localhost");
        app.send(request.body(bytes::Bytes::new()).unwrap()).await
    };
    let (whole, head) = (open("GET").await, open("HEAD").await);
    assert_eq!((whole.status.as_u16(), head.status.as_u16()), (200, 200), "{} {}", whole.text, head.text);
    assert_eq!((head.text.as_str(), &head.headers["content-length"]), ("", &whole.headers["content-length"]));
    let saved = whole.headers["content-disposition"].to_str().unwrap();
    assert!(saved.contains("users.csv"), "{saved}");
    // Reading is all it is for.
    for verb in ["PUT", "DELETE", "POST", "PATCH"] {
        assert_eq!(open(verb).await.status.as_u16(), 405, "{verb}");
    }
    for (name, value) in [("cache-control", "no-store"), ("x-content-type-options", "nosniff")] {
        assert_eq!(whole.headers[name], value);
    }
}
