//! Voximplant's values at their edges: amounts, ids, names, passwords, pairs, tokens. Each wrong one answers its
//! documented code and changes nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use rsa::pkcs8::EncodePublicKey as _;
use serde_json::{Value, json};
use shared::store::Table;
use tests::{Answer, App, jwt};

/// Everything stored but the sequences: a refused call may waste an id.
fn stored(app: &App) -> Vec<(Table, Value)> {
    app.items().into_iter().filter(|(_, item)| item["pk"]["S"] != "S").collect()
}

/// An account with a user of its own balance, one without, a skill and a queue.
struct World {
    app: App,
    user: u64,
    skill: u64,
    queue: u64,
}

impl World {
    async fn new() -> Self {
        let app = App::new().await;
        let user = app.add_voximplant_user("payee", json!({ "parent_accounting": false })).await;
        app.add_voximplant_user("joined", json!({})).await;
        let fields = json!({ "skill_name": "one" });
        let skill = app.voximplant("AddSkill", fields).await.json()["skill_id"].as_u64().unwrap();
        let fields = json!({ "acd_queue_name": "one", "application_id": app.application });
        let queue = app.voximplant("AddQueue", fields).await.json()["acd_queue_id"].as_u64().unwrap();
        let world = Self { app, user, skill, queue };
        world.done("TransferMoneyToUser", &json!({ "user_id": user, "amount": "10" })).await;
        world
    }

    async fn call(&self, method: &str, fields: &Value) -> Answer {
        self.app.voximplant(method, fields.clone()).await
    }

    async fn done(&self, method: &str, fields: &Value) {
        let answer = self.call(method, fields).await;
        assert_eq!(answer.json()["result"], 1, "{method} {}: {}", brief(fields), answer.text);
    }

    async fn refused(&self, method: &str, fields: &Value, code: u16) {
        let before = stored(&self.app);
        let answer = self.call(method, fields).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.code(), code, "{method} {}: {}", brief(fields), answer.text);
        assert_eq!(stored(&self.app), before, "{method} {}", brief(fields));
    }

    /// Methods that name things by id: other arguments, the parameter, the code for what is no such thing.
    fn by_id(&self) -> Vec<(&'static str, Value, &'static str, u16)> {
        let (application, user, skill, queue) = (self.app.application, self.user, self.skill, self.queue);
        vec![
            ("DelUser", json!({}), "user_id", 117),
            ("DelApplication", json!({}), "application_id", 116),
            ("TransferMoneyToUser", json!({ "amount": "1" }), "user_id", 117),
            ("TransferMoneyToUser", json!({ "amount": "-1", "strict_mode": false }), "user_id", 117),
            ("BindSkill", json!({ "skill_id": skill }), "user_id", 117),
            ("BindSkill", json!({ "user_id": user }), "skill_id", 222),
            ("BindSkill", json!({ "skill_id": skill }), "acd_queue_id", 218),
            ("BindUserToQueue", json!({ "application_id": application, "acd_queue_id": queue }), "user_id", 117),
            ("BindUserToQueue", json!({ "application_id": application, "user_id": user }), "acd_queue_id", 218),
        ]
    }
}

/// Fields as a failure shows them.
fn brief(fields: &Value) -> String {
    fields.to_string().chars().take(200).collect()
}

/// Fields and one more.
fn with(fields: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut fields = fields.clone();
    fields[name] = value.into();
    fields
}

#[tokio::test]
async fn amounts_at_their_edges() {
    let world = World::new().await;
    let huge = format!("1{}", "0".repeat(30));
    for fields in [
        json!({ "user_id": world.user }),
        json!({ "user_id": "all", "strict_mode": false }),
        json!({ "user_name": "payee", "application_id": world.app.application }),
    ] {
        for amount in [
            "0",
            "-0",
            "0.0",
            "0.001",
            "-0.001",
            "0.0099",
            " 5",
            "5 ",
            "5,0",
            "1 000",
            "NaN",
            "inf",
            "1.00001",
            "-5.12345",
            "1e-3",
            "0x10",
            "",
            &huge,
            &format!("-{huge}"),
            "1e30",
            "1E+400",
            "five",
            "५",
        ] {
            let code = if amount.is_empty() { 485 } else { 225 };
            world.refused("TransferMoneyToUser", &with(&fields, "amount", amount), code).await;
        }
    }
    // There are 990 left.
    for (amount, balance) in [
        ("9e2", "90"),
        ("-9E+2", "990"),
        ("9.9e2", "0"),
        ("-1e3", "1000"),
        ("1E+3", "0"),
        ("-999.9999", "999.9999"),
        ("0.0100", "999.9899"),
        ("-0.01", "999.9999"),
        ("+1", "998.9999"),
        ("-.5", "999.4999"),
    ] {
        let fields = json!({ "user_id": world.user, "amount": amount });
        let answer = world.call("TransferMoneyToUser", &fields).await;
        assert_eq!(answer.text, format!("{{\"result\":1,\"balance\":{balance}}}"), "{amount}");
    }
    // More than there is, but a number.
    for amount in ["999.5", "1e12", "-0.5002", "-900000000000.0001"] {
        world.refused("TransferMoneyToUser", &json!({ "user_id": world.user, "amount": amount }), 127).await;
    }
}

#[tokio::test]
async fn ids_at_their_edges() {
    let world = World::new().await;
    let listed = |ids: std::ops::Range<u64>| ids.map(|id| id.to_string()).collect::<Vec<_>>().join(";");
    for (method, fields, name, code) in world.by_id() {
        let good = match name {
            "user_id" => world.user,
            "skill_id" => world.skill,
            "acd_queue_id" => world.queue,
            _ => world.app.application,
        };
        for bad in [
            "-1",
            "1.5",
            "1 2",
            "1. 0",
            "+1",
            "1e3",
            "0x1",
            "x",
            "9223372036854775808",
            "18446744073709551616",
            "1000000000000",
            "999999999999",
            "all;1",
            "ALL",
            "1,2",
            "1;0",
            "٣",
            &format!("{good};999999"),
            &format!("{good};-1"),
            &format!("{good};{good};x"),
            &listed(1_000_000..1_001_000),
        ] {
            world.refused(method, &with(&fields, name, bad), code).await;
        }
        for nothing in ["", "0", ";", ";;"] {
            world.refused(method, &with(&fields, name, nothing), 485).await;
        }
        world.refused(method, &with(&fields, name, listed(1_000_000..1_001_001)), 499).await;
        if !method.starts_with("Del") {
            let several = vec![good.to_string(); 1_000].join(";");
            world.done(method, &with(&fields, name, several)).await;
        }
    }
    // One user, by one id.
    for bad in ["-1", "1.5", "x", "9223372036854775808", "999999999999", "1;2", "all"] {
        world.refused("SetUserInfo", &json!({ "user_id": bad, "user_active": true }), 117).await;
    }
    world.refused("SetUserInfo", &json!({ "user_id": "0", "user_active": true }), 485).await;
    // To each once, and back from each once, as often as its id was named.
    let balance = world.call("GetAccountInfo", &json!({})).await.json()["result"]["balance"].clone();
    assert_eq!(balance, json!(990));
}

#[tokio::test]
async fn texts_at_their_edges() {
    let world = World::new().await;
    let application = world.app.application;
    let user = |name: &str| json!({ "application_id": application, "user_name": name, "user_display_name": "x", "user_password": "Passw0rd!" });
    let set = json!({ "user_id": world.user });
    let transfer = json!({ "user_id": world.user, "amount": "0.01" });
    let queue = json!({ "application_id": application });
    for (method, fields, name, letter, good, bad, code) in [
        ("AddUser", user(""), "user_name", "a", [3, 50], [2, 51], 122),
        ("SetUserInfo", set.clone(), "new_user_name", "b", [3, 50], [2, 51], 462),
        ("AddUser", user("display-1"), "user_display_name", "я", [255, 255], [256, 256], 157),
        ("SetUserInfo", set.clone(), "user_display_name", "я", [1, 255], [256, 300], 157),
        ("AddUser", user("custom-1"), "user_custom_data", "я", [8_191, 8_191], [8_192, 9_000], 212),
        ("SetUserInfo", set.clone(), "user_custom_data", "x", [1, 8_191], [8_192, 9_000], 212),
        ("AddUser", user("mobile-1"), "mobile_phone", "1", [49, 49], [50, 99], 203),
        ("SetUserInfo", set, "mobile_phone", "1", [1, 49], [50, 99], 203),
        ("AddApplication", json!({}), "application_name", "a", [2, 65], [1, 66], 107),
        ("AddSkill", json!({}), "skill_name", "я", [1, 511], [512, 600], 220),
        ("AddQueue", queue, "acd_queue_name", "я", [1, 99], [100, 101], 213),
        ("TransferMoneyToUser", transfer.clone(), "user_transaction_description", "я", [1, 119], [120, 121], 235),
        ("TransferMoneyToUser", transfer, "account_transaction_description", "я", [1, 119], [120, 121], 234),
    ] {
        for length in bad {
            world.refused(method, &with(&fields, name, letter.repeat(length)), code).await;
        }
        for length in if good[0] == good[1] { &good[..1] } else { &good[..] } {
            world.done(method, &with(&fields, name, letter.repeat(*length))).await;
        }
    }
    for bad in ["Abc", "_ab", "-ab", "a b", "a.b", "абв", "ab\u{301}c", "abc\n"] {
        world.refused("AddUser", &user(bad), 122).await;
        world.refused("SetUserInfo", &json!({ "user_id": world.user, "new_user_name": bad }), 462).await;
    }
}

#[tokio::test]
async fn passwords_at_the_edge_of_every_rule() {
    let world = World::new().await;
    let user = |password: &str, name: &str| {
        json!({
            "application_id": 1, "user_name": name, "user_display_name": "x", "user_password": password
        })
    };
    let long = |length: usize| format!("Aa1!{}", "a".repeat(length - 4));
    for (password, code) in [
        ("Aa1!aaa", 464),
        ("aa1!aaaa", 464),
        ("AA1!AAAA", 464),
        ("Aaa!aaaa", 464),
        ("Aa1aaaaa", 464),
        (&long(1_025), 464),
        ("        ", 463),
        ("\t", 463),
        ("Aa1! aaa", 524),
        (" Aa1!aaaa", 524),
        ("Aa1!aaaa ", 524),
        ("Aa1!\u{a0}aaaa", 524),
    ] {
        world.refused("AddUser", &user(password, "somebody"), code).await;
        let change = json!({ "user_id": world.user, "user_password": password, "new_user_name": "renamed" });
        world.refused("SetUserInfo", &change, code).await;
    }
    world.refused("AddUser", &user("", "somebody"), 485).await;
    for (n, password) in ["Aa1!aaaa", "Яя1!яяяя", "Aa1_aaaa", &long(1_024)].into_iter().enumerate() {
        world.done("AddUser", &user(password, &format!("good{n}"))).await;
        world.done("SetUserInfo", &json!({ "user_id": world.user, "user_password": password })).await;
    }
}

#[tokio::test]
async fn both_or_neither_of_a_pair() {
    let world = World::new().await;
    let (application, user) = (json!({ "application_id": 1 }), json!({ "user_id": world.user }));
    let money = with(&user, "amount", "1");
    let add = with(&with(&json!({ "user_name": "new" }), "user_display_name", "x"), "user_password", "Passw0rd!");
    let queue = with(&application, "acd_queue_id", world.queue);
    let skill = json!({ "skill_id": world.skill });
    // Method, good arguments without the pair, the pair's stem, a good id, a good name, and the code for neither.
    let id = |id: u64| json!(id);
    for (method, fields, stem, good, name, neither) in [
        ("AddUser", add, "application", id(1), "demo", Some(485)),
        ("AddQueue", json!({ "acd_queue_name": "two" }), "application", id(1), "demo", Some(485)),
        ("DelUser", application.clone(), "user", id(world.user), "payee", Some(485)),
        ("DelUser", user.clone(), "application", id(1), "demo", None),
        ("DelApplication", json!({}), "application", id(1), "demo", Some(485)),
        ("SetUserInfo", with(&application, "user_active", true), "user", id(world.user), "payee", Some(485)),
        ("SetUserInfo", user.clone(), "application", id(1), "demo", None),
        ("TransferMoneyToUser", with(&application, "amount", "1"), "user", id(world.user), "payee", Some(485)),
        ("TransferMoneyToUser", money, "application", id(1), "demo", None),
        ("BindSkill", user, "skill", id(world.skill), "one", Some(485)),
        ("BindSkill", with(&skill, "application_id", 1), "user", id(world.user), "payee", Some(485)),
        ("BindSkill", with(&skill, "application_id", 1), "acd_queue", id(world.queue), "one", Some(485)),
        ("BindUserToQueue", queue, "user", id(world.user), "payee", Some(485)),
        (
            "BindUserToQueue",
            json!({ "user_id": world.user, "acd_queue_id": world.queue }),
            "application",
            id(1),
            "demo",
            Some(485),
        ),
        (
            "BindUserToQueue",
            json!({ "user_id": world.user, "application_id": 1 }),
            "acd_queue",
            id(world.queue),
            "one",
            Some(485),
        ),
    ] {
        let both = with(&with(&fields, &format!("{stem}_id"), good), &format!("{stem}_name"), name);
        world.refused(method, &both, 458).await;
        match neither {
            Some(code) => world.refused(method, &fields, code).await,
            None if method == "DelUser" => {}
            None => world.done(method, &fields).await,
        }
    }
    // A list takes both and combines them.
    let found = json!({ "application_id": 1, "application_name": "dem", "user_id": world.user, "user_name": "pay" });
    assert_eq!(world.call("GetUsers", &found).await.json()["total_count"], 1);
}

/// The Go client always sends `user_id` and `user_name` of `DelUser` and `SetUserInfo`, empty or 0 when they are not
/// given (reference/voximplant.md §0.7).
#[tokio::test]
async fn empty_texts_and_zero_count_as_not_given() {
    let world = World::new().await;
    let empty = json!({
        "application_name": "", "parent_accounting": "", "user_active": "", "user_custom_data": "", "mobile_phone": "",
        "new_user_name": "", "user_display_name": "", "user_password": ""
    });
    let fields = with(&with(&with(&empty, "user_id", 0), "user_name", "payee"), "application_id", 1);
    world.done("SetUserInfo", &with(&fields, "new_user_name", "renamed")).await;
    world.done("SetUserInfo", &with(&with(&empty, "user_id", world.user), "user_name", "")).await;
    let user = world.call("GetUsers", &json!({ "user_id": world.user })).await.json()["result"][0].clone();
    let kept = [&user["user_name"], &user["user_display_name"], &user["user_active"], &user["balance"]];
    assert_eq!(kept, [&json!("renamed"), &json!("payee"), &json!(true), &json!(10)]);
    let listed = json!({ "application_id": 1, "user_id": 0, "user_name": "", "skill_id": 0, "acd_status": "", "count": "", "order_by": "" });
    assert_eq!(world.call("GetUsers", &listed).await.json()["total_count"], 2);
    let money = json!({ "user_id": "", "user_name": "renamed", "application_id": 1, "amount": "1", "currency": "", "strict_mode": "" });
    world.done("TransferMoneyToUser", &money).await;
    let fields = json!({ "user_id": "", "user_name": "renamed", "application_id": 1, "application_name": "" });
    world.done("DelUser", &fields).await;
    let left = world.call("GetUsers", &json!({})).await.json();
    world.done("DelUser", &json!({ "user_id": left["result"][0]["user_id"], "user_name": "" })).await;
    world.refused("DelUser", &json!({ "user_id": "", "user_name": "" }), 485).await;
}

/// A token that claims HS256 and whose key is the public key, which everybody may know.
fn confused(claims: &Value, key_id: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": "HS256", "kid": key_id, "typ": "JWT" })), part(claims));
    let public = jwt::private_key().to_public_key().to_public_key_der().unwrap();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, public.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

#[tokio::test]
async fn bad_tokens_move_nothing() {
    let world = World::new().await;
    let (now, kid) = (world.app.app.clock.now().seconds(), world.app.key.key_id.as_str());
    let claims = |from: i64, to: i64| json!({ "iss": 1, "iat": now + from, "exp": now + to });
    let signed = |claims: Value| jwt::sign(&claims, kid, jwt::private_key());
    let good = claims(0, 30);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = format!("{}.{}.", part(&json!({ "alg": "none", "kid": kid })), part(&good));
    let mut changed = signed(good.clone());
    let middle = changed.find('.').unwrap() + 5;
    let letter = if &changed[middle..=middle] == "A" { "B" } else { "A" };
    changed.replace_range(middle..=middle, letter);
    let tokens = [
        ("expired", signed(claims(-90, -60)), 456),
        ("expired long ago", signed(claims(-100_000, -99_000)), 456),
        ("from the future", signed(claims(60, 90)), 455),
        ("a second too long", signed(claims(0, 3_601)), 454),
        ("for ever", signed(claims(0, 1_000_000_000)), 454),
        ("no end", signed(json!({ "iss": 1, "iat": now })), 447),
        ("alg none", unsigned, 100),
        ("HS256 with the public key", confused(&good, kid), 100),
        (
            "HS256, signed with RS256",
            jwt::sign_with(&json!({ "alg": "HS256", "kid": kid }), &good, jwt::private_key()),
            100,
        ),
        ("another key's signature", jwt::sign(&good, kid, jwt::stranger_key()), 100),
        ("another account", signed(with(&good, "iss", 2)), 100),
        ("an unknown key", jwt::sign(&good, "00000000-0000-4000-a000-000000000000", jwt::private_key()), 100),
        ("no token", String::new(), 100),
    ];
    let calls = [
        ("TransferMoneyToUser", json!({ "user_id": world.user, "amount": "1" })),
        ("TransferMoneyToUser", json!({ "user_id": "all", "amount": "-1000", "strict_mode": false })),
        ("DelUser", json!({ "user_id": "all" })),
        ("DelApplication", json!({ "application_id": "all" })),
        ("SetUserInfo", json!({ "user_id": world.user, "new_user_name": "stolen" })),
        ("AddSkill", json!({ "skill_name": "two" })),
        ("GetUsers", json!({})),
        ("GetTransactionHistory", json!({})),
    ];
    let before = world.app.items();
    for (what, token, code) in tokens {
        for (method, fields) in &calls {
            let answer = world.app.voximplant_as(&token, method, fields.clone()).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (200, json!(code)), "{what}, {method}");
        }
        assert_eq!(world.app.items(), before, "{what}");
    }
    // With a claim changed after signing, whatever is found first about it.
    let answer = world.app.voximplant_as(&changed, "DelUser", json!({ "user_id": "all" })).await;
    assert!([json!(100), json!(447), json!(454), json!(455), json!(456)].contains(&answer.code()), "{}", answer.text);
    assert_eq!(world.app.items(), before);
}
