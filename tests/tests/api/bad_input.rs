//! Any input gives a family-shaped answer, HTTP 200, nothing written.

use bytes::Bytes;
use http::Request;
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::limits::{MAX_BODY_BYTES, MAX_FIELDS};
use tests::{Answer, App};

/// A POST of any bytes with any content type.
async fn post(app: &App, path: &str, content_type: &str, body: impl Into<Bytes>) -> Answer {
    let request = Request::post(path).header("content-type", content_type).header(
        "authorization",
        format!("Bearer {}", if path.starts_with("/platform") { app.bearer(&app.key) } else { app.token.clone() }),
    );
    app.send(request.body(body.into()).unwrap()).await
}

/// The family's own error shape.
fn assert_shaped(path: &str, answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    if path.starts_with("/platform") {
        assert_eq!(answer.headers["content-type"], "application/json");
        let well_formed = body["error"]["code"].is_u64() && body["error"]["msg"].is_string();
        assert!(body.get("error").is_none() || (well_formed && body["errors"] == json!([body["error"]])), "{body}");
    } else {
        assert!(body["success"].is_boolean() && body.get("response").is_some(), "{body}");
    }
}

const PATHS: [&str; 4] = ["/include/api.php", "/stepchat/add-user", "/platform_api", "/platform_api/AddUser"];

#[tokio::test]
async fn requests_that_cannot_be_read_are_refused_and_write_nothing() {
    let app = App::new().await;
    let before = app.items();
    let form = "application/x-www-form-urlencoded";
    let selected = |rest: &str| format!("function=add-user&cmd=AddUser&user_name=abc&first_name=abc&{rest}");
    let nested = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("oversize", form, vec![b'a'; MAX_BODY_BYTES + 1]),
        ("10,000 fields", form, selected(&(0..10_000).map(|n| format!("f{n}=1&")).collect::<String>()).into_bytes()),
        (
            "broken multipart",
            "multipart/form-data; boundary=B",
            b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1".to_vec(),
        ),
        ("multipart without boundary", "multipart/form-data", b"--B--".to_vec()),
        ("invalid UTF-8 in a form", form, selected("x=%FF%FE").into_bytes()),
        ("raw invalid UTF-8", form, [selected("x=").into_bytes(), vec![0xFF]].concat()),
        ("NUL in a value", form, selected("x=a%00b").into_bytes()),
        ("NUL in a name", form, selected("x%00=1").into_bytes()),
        ("broken JSON", "application/json", b"{\"function\":".to_vec()),
        ("a JSON list", "application/json", b"[1,2]".to_vec()),
        (
            "deep JSON",
            "application/json",
            format!("{{\"function\":\"add-user\",\"cmd\":\"AddUser\",\"x\":{nested}}}").into_bytes(),
        ),
        ("deep brackets", form, selected(&format!("x{}=1", "[a]".repeat(50))).into_bytes()),
    ];
    for path in PATHS {
        for (what, content_type, body) in &cases {
            let answer = post(&app, path, content_type, body.clone()).await;
            assert_shaped(path, &answer);
            let expected = match (path.starts_with("/platform"), *what) {
                // Voximplant's hand-written callers post meaningless JSON beside their query: it is not read, and what
                // is missing then is the method, or its first parameter.
                (true, "broken JSON" | "a JSON list") => json!(if path.ends_with("AddUser") { 485 } else { 102 }),
                (true, _) => json!(101),
                (false, _) => json!("invalid-request"),
            };
            assert_eq!(answer.code(), expected, "{path}: {what}");
        }
    }
    assert_eq!(app.items(), before);
}

#[tokio::test]
async fn exactly_the_limit_of_fields_and_bytes_is_read() {
    let app = App::new().await;
    let fields: String = (0..MAX_FIELDS - 2).map(|n| format!("&f{n}=1")).collect();
    let answer = app.post("/stepchat/count-users", format!("token={}&x=1{fields}", app.token)).await;
    assert_eq!(answer.response()["all"], "1");
    let start = format!("token={}&x=", app.token);
    let answer =
        app.post("/stepchat/count-users", format!("{start}{}", "a".repeat(MAX_BODY_BYTES - start.len()))).await;
    assert_eq!(answer.response()["all"], "1");
}

#[tokio::test]
async fn other_verbs_are_refused_in_the_familys_shape() {
    let app = App::new().await;
    for path in PATHS {
        for verb in ["PUT", "DELETE", "OPTIONS"] {
            let answer = app.send(Request::builder().method(verb).uri(path).body(Bytes::new()).unwrap()).await;
            assert_shaped(path, &answer);
            assert!(answer.text.contains("use GET or POST"), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn unknown_paths_below_a_family_are_unknown_methods() {
    let app = App::new().await;
    assert_eq!(app.post("/platform_api/NoSuchMethod/", String::new()).await.code(), 103);
    assert_eq!(app.post("/platform_api/adduser", String::new()).await.code(), 103);
    assert_eq!(app.post("/platform_api", String::new()).await.code(), 102);
    assert_eq!(app.post("/stepchat/no-such", String::new()).await.code(), "function-not-found");
    assert_eq!(app.post("/elsewhere", String::new()).await.status, 404);
}

#[tokio::test]
async fn text_that_looks_like_a_query_is_only_text() {
    let app = App::new().await;
    for text in [
        "'; DROP TABLE sb_users; --",
        "{\"$gt\":\"\"}",
        "a\" OR \"1\"=\"1",
        "${jndi:ldap://x}",
        "<script>alert(1)</script>",
        ":pk AND 1",
    ] {
        let id =
            app.add_stepchat_user(json!({ "first_name": text, "email": text, "extra": { "company": text } })).await;
        let row = app.stepchat("get-user-by", json!({ "by": "company", "value": text })).await.response();
        assert_eq!((row["id"].as_str(), row["first_name"].as_str()), (Some(id.as_str()), Some(text)));
        app.stepchat("delete-user", json!({ "user_id": id })).await.response();
    }
    let name = "' OR 1=1 --";
    let answer = app.voximplant(
        "AddUser",
        json!({ "application_id": 1, "user_name": name, "user_display_name": name, "user_password": "Passw0rd!" }),
    );
    assert_eq!(answer.await.code(), 122);
}

#[tokio::test]
async fn fields_that_are_not_declared_cannot_be_set() {
    let app = App::new().await;
    let id = app.add_stepchat_user(json!({
        "id": 999, "user_id": 999, "token_version": 9, "version": 9, "creation_time": "2001-01-01 00:00:00", "pk": "U#1", "lp": "admin"
    }));
    assert_eq!(id.await, "2");
    let row = app.stepchat("get-user", json!({ "user_id": 2 })).await.response();
    assert_eq!(
        (row["creation_time"].as_str(), row["user_type"].as_str()),
        (Some("2026-11-22 00:00:00"), Some("visitor"))
    );
}

/// Values that have surprised parsers before.
fn odd_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("")),
        Just(json!(null)),
        Just(json!(-1)),
        Just(json!("-1")),
        Just(json!(true)),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[["x"]]])),
        Just(json!({"a": {"b": "c"}})),
        Just(json!("9223372036854775808")),
        Just(json!(1e300)),
        Just(json!("NULL")),
        Just(json!("x".repeat(3000))),
        "\\PC{0,20}".prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the fields hold: the family's shape, status 200, and an answer that is never our own defect.
    #[test]
    fn no_fields_leave_the_familys_shape(fields in proptest::collection::vec((0_usize..14, odd_value()), 0..8)) {
        const NAMES: [&str; 14] = [
            "user_id", "first_name", "last_name", "email", "user_type", "extra", "by", "value", "application_id",
            "user_name", "user_display_name", "user_password", "count", "user_active",
        ];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let app = App::new().await;
            let fields: serde_json::Map<_, _> = fields.into_iter().map(|(name, value)| (NAMES[name].to_owned(), value)).collect();
            for family in switchboard::methods::families() {
                for entry in family.methods {
                    let path = &entry.paths()[0];
                    let answer = post(&app, path, "application/json", Value::Object(fields.clone()).to_string()).await;
                    assert_shaped(path, &answer);
                    let defect = answer.text.contains("internal-error") || answer.text.contains("db-error")
                        || answer.text.contains("\"code\":2,") || answer.text.contains("\"code\":4,");
                    assert!(!defect, "{path} {fields:?}: {} {:?}", answer.text, app.log().last());
                }
            }
        });
    }
}
