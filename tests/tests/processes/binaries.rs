//! Every method's own Lambda binary answers API Gateway events with the same bytes as its route and the front door.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use shared::method::Effect;
use std::collections::BTreeMap;
use switchboard::methods::families;
use tests::app::{FILES_SECRET, encode, token_secret};
use tests::cases::{self, Kept, Step};
use tests::lambda::{Lambda, event};
use tests::prepared::Prepared;
use tests::{App, jwt};

const FORM: &str = "application/x-www-form-urlencoded";

/// The variables a function gets, pointing at the database of this deployment.
async fn variables(app: &App) -> Vec<(&'static str, String)> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, app.database.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let files = listener.local_addr().unwrap();
    let bucket = app.files.clone().add_routes(axum::Router::new());
    tokio::spawn(async move { axum::serve(listener, bucket).await.unwrap() });
    vec![
        ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{address}")),
        ("SWITCHBOARD_TOKEN_SECRET", token_secret()),
        ("AWS_ENDPOINT_URL_S3", format!("http://{files}")),
        ("AWS_SECRET_ACCESS_KEY", FILES_SECRET.into()),
        // The function's clock is the machine's, the deployment's clock is the test's: only tokens care.
        ("AWS_REGION", "eu-central-1".into()),
    ]
}

/// The form of a step, with the credentials of its family; tokens are valid by the machine's clock.
fn form(
    app: &App,
    family: &str,
    selector: Option<&str>,
    fields: Map<String, Value>,
) -> (String, Vec<(String, String)>) {
    let mut fields = fields;
    let mut headers =
        vec![("content-type".to_owned(), FORM.to_owned()), ("host".to_owned(), "api.example.com".to_owned())];
    if family == "stepchat" {
        fields.entry("token").or_insert_with(|| app.token.as_str().into());
    } else {
        headers.push(("authorization".to_owned(), format!("Bearer {}", jwt::token(&app.key, now()))));
    }
    if let Some(name) = selector {
        fields.insert(if family == "stepchat" { "function" } else { "cmd" }.into(), name.into());
    }
    (encode(&fields), headers)
}

fn now() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since_epoch.as_secs()).unwrap()
}

/// A deployment whose clock is right, with the steps before the last done.
async fn prepared(family: &str, case: &cases::Case) -> (App, Kept) {
    let app = App::new().await;
    app.wait_millis(now() * 1000 - app.app.clock.now().millis());
    let mut kept = BTreeMap::new();
    let (_, before) = case.steps.split_last().unwrap();
    for step in before {
        let answer = step.call(&app, family, &kept).await;
        step.check(&case.promise, &answer, &mut kept);
    }
    (app, kept)
}

/// Status, headers (type and cookies) and body of a step's answer by one of the three ways.
async fn by(
    way: Way,
    app: &App,
    entry: &shared::entry::MethodEntry,
    step: &Step,
    kept: &Kept,
) -> (u64, String, String) {
    let selector = (way == Way::FrontDoor).then_some(entry.name);
    let (body, headers) = form(app, entry.family, selector, step.fields(kept));
    let path = match way {
        Way::FrontDoor => entry.root.to_owned(),
        Way::Route | Way::Binary => entry.path(),
    };
    if way == Way::Binary {
        let lambda = Lambda::start(&entry.binary(), &variables(app).await).await;
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        // API Gateway encodes bodies it does not take for text.
        let answer = lambda.post(&path, &headers, body.as_bytes(), step.with.len().is_multiple_of(2)).await;
        return (answer.status, format!("{} {:?}", answer.content_type, answer.cookies), answer.body);
    }
    let mut request = http::Request::post(path);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = app.send(request.body(body.into()).unwrap()).await;
    let texts = |name: &str| -> Vec<&str> {
        answer.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    };
    let headers = format!("{} {:?}", texts("content-type").concat(), texts("set-cookie"));
    (u64::from(answer.status.as_u16()), headers, answer.text)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    FrontDoor,
    Route,
    Binary,
}

/// The text with the random texts of sessions, 43 characters long, replaced.
fn without_sessions(text: &str) -> String {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let words = text.split_inclusive(|letter| !is_letter(letter));
    let replaced = words.map(|word| match word.trim_end_matches(|letter| !is_letter(letter)) {
        random if random.len() == 43 => word.replace(random, "SESSION"),
        _ => word.to_owned(),
    });
    replaced.collect()
}

/// The text without its links to files: each has a number and a signature of its own, and leads to whoever has the files.
fn without_links(text: &str) -> String {
    let mut pieces = text.split('"').map(|piece| if piece.contains("/files/exports/") { "LINK" } else { piece });
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| format!("{text}\"{piece}"))
}

/// The text with every `YYYY-MM-DD HH:MM:SS` in it replaced by zeros.
fn without_moments(text: &str) -> String {
    let form = b"0000-00-00 00:00:00";
    let mut bytes = text.as_bytes().to_vec();
    for start in 0..bytes.len().saturating_sub(form.len() - 1) {
        let window = &mut bytes[start..start + form.len()];
        let is_moment = window.iter().zip(form).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        });
        if is_moment {
            window.copy_from_slice(form);
        }
    }
    String::from_utf8(bytes).unwrap()
}

async fn same_bytes(family: &'static str) {
    let family = families().into_iter().find(|known| known.name == family).unwrap();
    for entry in family.methods {
        for case in cases::of(entry) {
            let last = case.steps.last().unwrap();
            let mut answers = Vec::new();
            // Told once up to its last step, which then comes three times, each time on what was there before.
            let (app, kept) = prepared(family.name, &case).await;
            let before = Prepared::of(&app.database, family.name);
            for way in [Way::FrontDoor, Way::Route, Way::Binary] {
                before.copy_into(&app.database);
                let answer = by(way, &app, entry, last, &kept).await;
                let (status, headers, body) = answer;
                // Writes happen one after another: their moments differ and the sessions they begin, nothing else may.
                let body = if entry.effect == Effect::Read {
                    body
                } else {
                    without_links(&without_sessions(&without_moments(&body)))
                };
                answers.push((way, (status, without_sessions(&headers), body)));
            }
            let (_, first) = &answers[0];
            for (way, answer) in &answers {
                assert_eq!(answer, first, "{}: {} by {way:?}", entry.name, case.promise);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stepchat_answers_the_same_bytes_by_front_door_route_and_binary() {
    same_bytes("stepchat").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn voximplant_answers_the_same_bytes_by_front_door_route_and_binary() {
    same_bytes("voximplant").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_front_doors_own_binaries_serve_their_families() {
    let app = App::new().await;
    let variables = variables(&app).await;
    let stepchat = Lambda::start("stepchat-front-door", &variables).await;
    let headers = [("content-type", FORM)];
    let body = format!("function=count-users&token={}", app.token);
    for path in ["/include/api.php", "/stepchat", "/stepchat/count-users"] {
        let answer = stepchat.post(path, &headers, body.as_bytes(), true).await;
        assert_eq!(
            answer.body, r#"{"success":true,"response":{"all":"1","lead":"0","user":"0","visitor":"0"}}"#,
            "{path}"
        );
    }
    let voximplant = Lambda::start("voximplant-front-door", &variables).await;
    let query = format!("account_id=1&api_key={}", app.api_key);
    for path in [
        "/platform_api?cmd=GetUsers&",
        "/platform_api/?cmd=GetUsers&",
        "/platform_api/GetUsers?",
        "/platform_api/GetUsers/?",
        "/stage/platform_api/GetUsers?",
    ] {
        let answer =
            voximplant.post(&format!("{path}{query}"), &[("content-type", "application/json")], b"{}", false).await;
        assert_eq!(answer.body, r#"{"result":[],"count":0,"total_count":0}"#, "{path}");
    }
}

/// The error of an answer in its family's shape: Voximplant's `error.code`, StepChat's `response`.
fn refusal(family: &str, answer: &Value) -> Value {
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let json = "application/json; charset=utf-8";
    let kind = if family == "voximplant" { json } else { "text/plain; charset=utf-8" };
    assert_eq!(answer["headers"]["content-type"], kind, "{answer}");
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    if family == "voximplant" {
        assert_eq!(body["errors"], json!([body["error"]]), "{body}");
        body["error"]["code"].clone()
    } else {
        assert_eq!(body["success"], json!(false), "{body}");
        body["response"].clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_event_comes_the_answer_has_the_familys_shape() {
    let app = App::new().await;
    let variables = variables(&app).await;
    let good = |path: &str| event(path, &[("content-type", FORM)], b"", false);
    let with = |path: &str, pointer: &str, value: Value| {
        let mut event = good(path);
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap()[name] = value;
        event
    };
    for (family, binary, path) in [
        ("voximplant", "voximplant-get-users", "/platform_api/GetUsers"),
        ("voximplant", "voximplant-front-door", "/platform_api"),
        ("stepchat", "stepchat-count-users", "/stepchat/count-users"),
        ("stepchat", "stepchat-front-door", "/include/api.php"),
    ] {
        let lambda = Lambda::start(binary, &variables).await;
        let mut events = vec![json!({}), json!([]), json!("x"), json!(5), json!(null), json!({ "key1": "value1" })];
        for (pointer, value) in [
            ("/rawQueryString", json!("a={\"b\": <1>}\u{1}\u{7f}И#&%zz")),
            ("/rawQueryString", json!(format!("a={}", "x".repeat(100_000)))),
            ("/rawQueryString", json!(5)),
            ("/rawPath", json!("/a b\"<>{}\u{0}?И#")),
            ("/rawPath", json!(null)),
            ("/isBase64Encoded", json!(true)),
            ("/isBase64Encoded", json!("true")),
            ("/isBase64Encoded", json!([])),
            ("/body", json!({ "a": 1 })),
            ("/body", json!(null)),
            ("/headers/x-odd", json!("a\r\nb\u{1}")),
            ("/headers/x odd", json!("a")),
            ("/headers/content-type", json!("multipart/form-data; boundary=\u{1}")),
            ("/headers/host", json!("a b/\\{}")),
            ("/headers/x-forwarded-proto", json!("no scheme")),
            ("/headers/accept", json!(["a"])),
            ("/headers/x-long", json!("x".repeat(200_000))),
            ("/headers", json!((0..2_000).map(|number| (format!("x-{number}"), json!("a"))).collect::<Map<_, _>>())),
            ("/headers", json!([1])),
            ("/cookies", json!(["a=\u{1}", 5, "b=2"])),
            ("/cookies", json!("a=1")),
            ("/requestContext", json!(null)),
            ("/requestContext", json!([])),
            ("/requestContext/http", json!(7)),
            ("/requestContext/http/method", json!("PROPFIND")),
            ("/requestContext/http/method", json!("G ET")),
            ("/requestContext/http/method", json!("")),
            ("/requestContext/http/sourceIp", json!("nowhere")),
            ("/requestContext/stage", json!("a b/../\u{1}")),
            ("/requestContext/domainName", json!("{}")),
            ("/requestContext/timeEpoch", json!("late")),
        ] {
            let mut event = with(path, pointer, value);
            if pointer == "/isBase64Encoded" {
                event["body"] = json!("%%% no base64");
            }
            events.push(event);
        }
        for event in events {
            let shown: String = event.to_string().chars().take(300).collect();
            let answer = lambda.invoke(&event).await.unwrap_or_else(|error| panic!("{binary} {shown}: {error}"));
            refusal(family, &answer);
        }
        let lone = lambda.invoke_text(r#"{"rawPath":"\ud800","headers":{"a":"\udfff"}}"#.to_owned()).await;
        refusal(family, &lone.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raw_query_is_read_and_a_broken_key_refused() {
    let app = App::new().await;
    let variables = variables(&app).await;
    let add = Lambda::start("voximplant-add-user", &variables).await;
    let raw = format!(
        "account_id=1&api_key={}&application_id=1&user_name=raw&user_display_name=a \"b\" <c>&user_password=Passw0rd!\
         &user_custom_data={{\"a\":1}}",
        app.api_key
    );
    let mut event = event("/platform_api/AddUser", &[], b"", false);
    event["rawQueryString"] = json!(raw);
    let answer = add.invoke(&event).await.unwrap();
    assert_eq!(answer["body"], r#"{"result":1,"user_id":1}"#);
    let user = app.voximplant("GetUsers", json!({ "user_id": 1 })).await.json()["result"][0].clone();
    assert_eq!((&user["user_display_name"], &user["user_custom_data"]), (&json!("a \"b\" <c>"), &json!("{\"a\":1}")));
    // Dropping a key that cannot be read would let the effect happen twice.
    event["rawQueryString"] = json!(raw.replace("user_name=raw", "user_name=other"));
    event["headers"]["idempotency-key"] = json!("a\u{1}b");
    assert_eq!(refusal("voximplant", &add.invoke(&event).await.unwrap()), 101);
    assert_eq!(app.voximplant("GetUsers", json!({})).await.json()["total_count"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_that_one_function_draws_is_served_by_the_front_door() {
    let app = App::new().await;
    let variables = variables(&app).await;
    let drawing = Lambda::start("stepchat-get-avatar", &variables).await;
    let headers = [("content-type", FORM), ("host", "api.example.com"), ("x-forwarded-proto", "https")];
    let form = format!("token={}&first_name=Ivan&last_name=Petrov", app.token);
    let answer = drawing.post("/stepchat/get-avatar", &headers, form.as_bytes(), false).await;
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    let path = answer["response"].as_str().unwrap().strip_prefix("https://api.example.com").unwrap();
    let door = Lambda::start("stepchat-front-door", &variables).await;
    let mut event = event(path, &[("host", "api.example.com")], b"", false);
    event["requestContext"]["http"]["method"] = "GET".into();
    let picture = door.invoke(&event).await.unwrap();
    assert_eq!((&picture["statusCode"], &picture["isBase64Encoded"]), (&json!(200), &json!(true)), "{picture}");
    assert_eq!(picture["headers"]["content-type"], "image/png");
    let picture = STANDARD.decode(picture["body"].as_str().unwrap()).unwrap();
    assert!(picture.starts_with(b"\x89PNG\r\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_without_its_secret_does_not_start() {
    let lambda =
        Lambda::start("stepchat-get-user", &[("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1".into())]).await;
    assert_eq!(lambda.exit_code().await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_whose_database_is_gone_answers_in_its_familys_shape() {
    let nowhere =
        [("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1".to_owned()), ("SWITCHBOARD_TOKEN_SECRET", token_secret())];
    let stepchat = Lambda::start("stepchat-count-users", &nowhere).await;
    let answer = stepchat.post("/stepchat/count-users", &[("content-type", FORM)], b"token=x", false).await;
    assert_eq!(answer.status, 503);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((body["success"].clone(), body["response"].clone()), (json!(false), json!("db-error")));
    // The connection broke: whether a write has happened is not known, so it is not 340, on which callers retry. A read
    // may be repeated.
    for (binary, method, code) in [("voximplant-add-skill", "AddSkill", 2), ("voximplant-get-users", "GetUsers", 340)] {
        let voximplant = Lambda::start(binary, &nowhere).await;
        let path = format!("/platform_api/{method}");
        let form = b"account_id=1&api_key=x&skill_name=y";
        let answer = voximplant.post(&path, &[("content-type", FORM)], form, false).await;
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status, body["error"]["code"].clone()), (200, json!(code)), "{method}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_jobs_binary_finishes_what_a_request_left() {
    let app = App::new().await;
    let id = app.add_stepchat_user(json!({ "extra": { "company": "ACME" } })).await;
    let user = shared::ids::UserId::parse(&id).unwrap();
    let store = &app.app.store;
    let stored = shared::store::stepchat::users::load(store, user).await.unwrap().unwrap();
    store.commit(&shared::store::stepchat::users::deletion(&stored, app.app.clock.now()).unwrap()).await.unwrap();
    let jobs = Lambda::start("background-jobs", &variables(&app).await).await;
    let event = json!({ "source": "aws.events", "detail-type": "Scheduled Event" });
    assert_eq!(jobs.invoke(&event).await, Ok(json!(1)));
    assert!(!app.items().iter().any(|(_, item)| item.to_string().contains("ACME")));
    assert_eq!(jobs.invoke(&event).await, Ok(json!(0)));
}
