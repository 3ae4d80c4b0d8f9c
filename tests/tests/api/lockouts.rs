//! How often a login may fail, and whom that locks out.

use super::sessions::{EMAIL, PASSWORD, attempt, ivan, token_of};
use axum::extract::ConnectInfo;
use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tests::App;

/// Fails to log Ivan in, so many times.
async fn fail(app: &App, times: usize, fields: &Value) {
    for time in 0..times {
        assert_eq!(attempt(app, "wrong", fields).await, json!(false), "time {time}");
    }
}

#[tokio::test]
async fn after_the_limit_nothing_is_verified_until_a_failure_is_older_than_the_window() {
    let app = App::new().await;
    ivan(&app, "user").await;
    let address = json!({ "user_ip": "192.0.2.1" });
    for _ in 0..10 {
        fail(&app, 1, &address).await;
        app.wait_millis(60_000);
    }
    for password in ["wrong", PASSWORD] {
        assert_eq!(attempt(&app, password, &address).await, json!("ip-ban"), "{password}");
    }
    assert_eq!(app.last_line()["outcome"], "ip-ban");
    // Ten minutes have passed; the oldest failure counts for an hour.
    app.wait_millis(50 * 60_000 - 1);
    assert_eq!(attempt(&app, PASSWORD, &address).await, json!("ip-ban"));
    app.wait_millis(1);
    assert_eq!(attempt(&app, "wrong", &address).await, json!(false));
    assert_eq!(attempt(&app, PASSWORD, &address).await, json!("ip-ban"));
    app.wait_millis(60_000);
    assert!(attempt(&app, PASSWORD, &address).await.is_array());
    // The success has taken back what this address failed at this account.
    fail(&app, 10, &address).await;
}

#[tokio::test]
async fn limits_and_window_are_settings() {
    let app = App::with(|name| {
        let value = match name {
            "STEPCHAT_LOGIN_FAILURES" => "2",
            "STEPCHAT_LOGIN_FAILURES_PER_ACCOUNT" => "3",
            "STEPCHAT_LOGIN_WINDOW_SECONDS" => "60",
            _ => return None,
        };
        Some(value.into())
    })
    .await;
    ivan(&app, "user").await;
    fail(&app, 2, &json!({ "user_ip": "192.0.2.1" })).await;
    assert_eq!(attempt(&app, PASSWORD, &json!({ "user_ip": "192.0.2.1" })).await, json!("ip-ban"));
    // Many addresses do not make many tries: the account has a limit of its own.
    fail(&app, 1, &json!({ "user_ip": "192.0.2.2" })).await;
    assert_eq!(attempt(&app, PASSWORD, &json!({ "user_ip": "192.0.2.3" })).await, json!("ip-ban"));
    app.wait_millis(60_000);
    assert!(attempt(&app, PASSWORD, &json!({ "user_ip": "192.0.2.1" })).await.is_array());
}

/// Settings under which an account is locked after so many failures.
fn account_limit(failures: &'static str) -> impl Fn(&str) -> Option<String> {
    move |name| (name == "STEPCHAT_LOGIN_FAILURES_PER_ACCOUNT").then(|| failures.into())
}

#[tokio::test]
async fn ten_wrong_calls_without_an_address_lock_nobody_out_a_hundred_lock_this_account() {
    let app = App::new().await;
    let id = ivan(&app, "user").await;
    fail(&app, 11, &json!({})).await;
    assert!(attempt(&app, PASSWORD, &json!({})).await.is_array(), "the owner, after eleven");
    fail(&app, 89, &json!({})).await;
    assert_eq!(attempt(&app, PASSWORD, &json!({})).await, json!("ip-ban"), "the owner's login took back itself only");
    app.add_stepchat_user(json!({ "email": "petr@example.com", "password": "x" })).await;
    let petr = json!({ "email": "petr@example.com", "password": "x" });
    assert!(app.stepchat("login", petr).await.response().is_array(), "another account");
    // The id is another name of the account, and a token cannot be guessed.
    let by_token = json!({ "user_id": id, "user_token": token_of(&app, &id).await });
    assert!(app.stepchat("login", by_token).await.response().is_array(), "another way");
}

#[tokio::test]
async fn an_owner_who_logs_in_now_and_then_gives_a_guesser_no_more_tries() {
    for address in [None, Some("192.0.2.9")] {
        let app = App::with(account_limit("6")).await;
        ivan(&app, "user").await;
        let owner = address.map_or_else(|| json!({}), |address| json!({ "user_ip": address }));
        for guess in 0..6 {
            // Each from an address of its own, if the integration tells addresses.
            let guesser = address.map_or_else(|| json!({}), |_| json!({ "user_ip": format!("198.51.100.{guess}") }));
            fail(&app, 1, &guesser).await;
            if guess < 5 {
                assert!(attempt(&app, PASSWORD, &owner).await.is_array(), "{address:?} {guess}");
            }
        }
        let late = json!({ "user_ip": "198.51.100.77" });
        assert_eq!(attempt(&app, "another guess", &late).await, json!("ip-ban"), "{address:?}");
    }
}

#[tokio::test]
async fn an_owner_s_own_slips_are_taken_back_by_a_right_login() {
    let app = App::with(account_limit("12")).await;
    ivan(&app, "user").await;
    let owner = json!({ "user_ip": "192.0.2.9" });
    fail(&app, 3, &json!({ "user_ip": "198.51.100.1" })).await;
    for _ in 0..3 {
        // Nine of the address's ten, and all that the account has left.
        fail(&app, 8, &owner).await;
        assert!(attempt(&app, PASSWORD, &owner).await.is_array());
    }
}

/// An integration that tells no address is counted by the account, wherever it connects from.
#[tokio::test]
async fn a_caller_that_tells_no_address_is_counted_by_the_account_alone() {
    let app = App::with(account_limit("10")).await;
    ivan(&app, "user").await;
    let from = async |address: [u8; 4], password: &str| {
        let form = format!("function=login&token={}&email={EMAIL}&password={password}", app.token);
        let request = Request::post("/stepchat").header("content-type", "application/x-www-form-urlencoded");
        let mut request = request.header("x-forwarded-for", "198.51.100.1").body(Bytes::from(form)).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((address, 1234))));
        app.send(request).await.response()
    };
    for last in 0..10 {
        assert_eq!(from([192, 0, 2, last], "wrong").await, json!(false));
    }
    assert_eq!(from([192, 0, 2, 99], PASSWORD).await, json!("ip-ban"));
}

#[tokio::test]
async fn an_address_that_guesses_at_many_accounts_cannot_clear_itself_by_a_login_of_its_own() {
    let app = App::new().await;
    ivan(&app, "user").await;
    app.add_stepchat_user(json!({ "email": "mallory@example.com", "password": "x" })).await;
    let own = json!({ "email": "mallory@example.com", "password": "x", "user_ip": "2001:db8:1:2::1" });
    for n in 0..10 {
        // The other half of the address is the guesser's to choose.
        fail(&app, 1, &json!({ "user_ip": format!("2001:db8:1:2::{n}") })).await;
        if n < 9 {
            assert!(app.stepchat("login", own.clone()).await.response().is_array(), "{n}");
        }
    }
    assert_eq!(app.stepchat("login", own).await.response(), json!("ip-ban"));
    assert!(attempt(&app, PASSWORD, &json!({ "user_ip": "2001:db8:1:3::1" })).await.is_array());
}

/// Tries all these passwords at once; how many were verified and wrong, and the answers.
async fn at_once(app: &App, passwords: &[String], fields: &Value) -> (usize, Vec<Value>) {
    let tries = passwords.iter().map(|password| {
        let mut all = json!({ "email": EMAIL, "password": password });
        all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        app.stepchat("login", all)
    });
    let answers = join_all(tries).await;
    let answers: Vec<Value> = answers.iter().map(|answer| answer.json()["response"].clone()).collect();
    let known = [json!(false), json!("ip-ban"), json!("too-many-requests")];
    assert!(answers.iter().all(|answer| answer.is_array() || known.contains(answer)), "{answers:?}");
    (answers.iter().filter(|answer| **answer == json!(false)).count(), answers)
}

#[tokio::test]
async fn many_tries_at_once_are_no_more_tries() {
    let app = App::with(account_limit("40")).await;
    ivan(&app, "user").await;
    let wrong: Vec<String> = (0..32).map(|n| format!("wrong{n}")).collect();
    let address = json!({ "user_ip": "192.0.2.1" });
    let (mut verified, answers) = at_once(&app, &wrong, &address).await;
    assert!((1..=10).contains(&verified), "{answers:?}");
    // What is left of the ten, if some gave up in the crowd, and no more.
    while attempt(&app, "wrong", &address).await == json!(false) {
        verified += 1;
    }
    assert_eq!(verified, 10, "{answers:?}");
    // Counted by the account, a success takes back its own try and leaves the others counted: thirty are left.
    let with_right: Vec<String> = wrong.into_iter().chain([PASSWORD.to_owned()]).collect();
    let (mut verified, answers) = at_once(&app, &with_right, &json!({})).await;
    while attempt(&app, "wrong", &json!({})).await == json!(false) {
        verified += 1;
    }
    assert_eq!(verified, 30, "{answers:?}");
}

#[tokio::test]
async fn whatever_is_wrong_costs_the_same_work() {
    let app = App::new().await;
    ivan(&app, "user").await;
    app.add_stepchat_user(json!({ "email": "none@example.com" })).await;
    let hashes = async |fields: Value| {
        let response = app.stepchat("login", fields).await.response();
        (response, app.last_line()["hashes"].as_u64().unwrap())
    };
    let long = "x".repeat(2_000);
    for (what, email, password) in [
        ("unknown", "nobody@example.com", PASSWORD),
        ("an address that cannot be", long.as_str(), PASSWORD),
        ("without a password", "none@example.com", PASSWORD),
        ("wrong", EMAIL, "wrong"),
        ("too long", EMAIL, long.as_str()),
    ] {
        assert_eq!(hashes(json!({ "email": email, "password": password })).await, (json!(false), 1), "{what}");
    }
    let (right, runs) = hashes(json!({ "email": EMAIL, "password": PASSWORD })).await;
    assert!(right.is_array() && runs == 1);
    let address = "192.0.2.1";
    fail(&app, 10, &json!({ "user_ip": address })).await;
    for (what, password) in [("locked", "wrong"), ("locked, though right", PASSWORD)] {
        let fields = json!({ "email": EMAIL, "password": password, "user_ip": address });
        assert_eq!(hashes(fields).await, (json!("ip-ban"), 1), "{what}");
    }
    // A token needs no such work: it is too long to be guessed.
    assert_eq!(hashes(json!({ "user_id": 1 })).await.1, 0);
}

#[tokio::test]
async fn counters_tell_no_address_and_no_account() {
    let app = App::new().await;
    let fields = json!({ "email": "victim@example.com", "password": "x", "user_ip": "192.0.2.77" });
    assert_eq!(app.stepchat("login", fields).await.response(), json!(false));
    let items: Vec<String> = app.items().into_iter().map(|(_, item)| item.to_string()).collect();
    assert_eq!(items.iter().filter(|item| item.contains("\"L#")).count(), 2);
    for text in ["victim", "192.0.2.77"] {
        assert!(!items.iter().any(|item| item.contains(text)), "{text}");
    }
}
