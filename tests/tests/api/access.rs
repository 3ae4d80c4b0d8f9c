//! Right caller only.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shared::ids::UserId;
use shared::method::Effect;
use shared::stepchat::{Scope, TokenName};
use shared::voximplant::Role;
use std::collections::BTreeSet;
use switchboard::methods::families;
use tests::{App, jwt};

#[tokio::test]
async fn stepchat_opens_to_admins_only_and_at_once_closes_to_the_demoted() {
    let app = App::new().await;
    let token_of = async |id: &str| {
        let row = app.stepchat("get-user", json!({ "user_id": id })).await.response();
        row["token"].as_str().unwrap().to_owned()
    };
    for kind in ["visitor", "lead", "user", "agent"] {
        let id = app.add_stepchat_user(json!({ "user_type": kind })).await;
        let answer = app.stepchat("count-users", json!({ "token": token_of(&id).await })).await;
        assert_eq!(answer.code(), "invalid-token", "{kind}");
    }
    let second = app.add_stepchat_user(json!({ "user_type": "admin" })).await;
    let token = token_of(&second).await;
    assert_eq!(app.stepchat("count-users", json!({ "token": token })).await.response()["all"], "6");
    app.stepchat("update-user", json!({ "user_id": second, "user_type": "agent" })).await.response();
    assert_eq!(app.stepchat("count-users", json!({ "token": token })).await.code(), "invalid-token");
    app.stepchat("update-user", json!({ "user_id": second, "user_type": "admin" })).await.response();
    assert_eq!(app.stepchat("count-users", json!({ "token": token })).await.code(), "invalid-token", "for ever");
    let token = token_of(&second).await;
    assert_eq!(app.stepchat("count-users", json!({ "token": token })).await.response()["all"], "6");
    app.stepchat("delete-user", json!({ "user_id": second })).await.response();
    assert_eq!(app.stepchat("count-users", json!({ "token": token })).await.code(), "invalid-token");
}

/// Answers show the tokens of users to every caller, of admins only to admins: so no token of the one becomes one of the
/// other.
#[tokio::test]
async fn a_token_that_was_noted_before_its_user_became_an_admin_opens_nothing() {
    let app = App::new().await;
    let reader = app.operator.create_token(TokenName::parse("crm").unwrap(), Scope::Read, None).await.unwrap();
    let seen = async |token: &str, id: &str| {
        let row = app.stepchat("get-user", json!({ "token": token, "user_id": id })).await.response();
        row["token"].as_str().unwrap().to_owned()
    };
    for kind in ["visitor", "lead", "user", "agent"] {
        let id = app.add_stepchat_user(json!({ "user_type": kind })).await;
        // Of an agent the reader sees none, but other admins do.
        let noted = seen(if kind == "agent" { &app.token } else { &reader }, &id).await;
        app.stepchat("update-user", json!({ "user_id": id, "user_type": "admin" })).await.response();
        let counted = app.stepchat("count-users", json!({ "token": noted })).await;
        assert_eq!(counted.code(), "invalid-token", "{kind}");
        let login = app.stepchat("login", json!({ "user_id": id, "user_token": noted })).await;
        assert_eq!(login.response(), json!(false), "{kind}");
        assert_eq!(seen(&reader, &id).await, "", "{kind}");
        let own = seen(&app.token, &id).await;
        assert_eq!(app.stepchat("count-users", json!({ "token": own })).await.response()["success"], Value::Null);
        let login = app.stepchat("login", json!({ "user_id": id, "user_token": own })).await;
        assert_eq!(login.response()[0]["token"], json!(own), "{kind}");
        // A change that leaves the type alone leaves the token.
        app.stepchat("update-user", json!({ "user_id": id, "user_type": "admin", "first_name": "A" })).await.response();
        assert_eq!(seen(&app.token, &id).await, own, "{kind}");
    }
    let lookups = app.items().into_iter().filter(|(_, item)| item["pk"]["S"].as_str().unwrap().starts_with("T#"));
    assert_eq!(lookups.count(), 5 * 4, "the copies of one of each admin, none of the tokens before");
}

/// StepChat methods that a token for reading does not reach.
const WRITING: [&str; 18] = [
    "add-user",
    "csv-users",
    "current-url",
    "delete-leads",
    "delete-user",
    "delete-users",
    "get-bot-id",
    "login",
    "logout",
    "new-conversation",
    "send-message",
    "set-typing",
    "update-bot",
    "update-login",
    "update-user",
    "update-user-to-lead",
    "update-users-last-activity",
    "get-avatar",
];

/// Every StepChat method, every kind of caller.
#[tokio::test]
async fn stepchat_methods_open_to_each_caller_as_far_as_its_token_reaches() {
    let stepchat = families().into_iter().find(|family| family.name == "stepchat").unwrap();
    let mut read_only = BTreeSet::new();
    for entry in stepchat.methods {
        // Of its own for each method: some delete everybody.
        let app = App::new().await;
        let mint = async |name: &str, scope: Scope, admin: Option<&str>| {
            let name = TokenName::parse(name).unwrap();
            app.operator.create_token(name, scope, admin.and_then(UserId::parse)).await.unwrap()
        };
        let (demoted, deleted) = (
            app.add_stepchat_user(json!({ "user_type": "admin" })).await,
            app.add_stepchat_user(json!({ "user_type": "admin" })).await,
        );
        let revoked = mint("revoked", Scope::Write, None).await;
        let of_demoted = mint("demoted", Scope::Write, Some(&demoted)).await;
        let of_deleted = mint("deleted", Scope::Write, Some(&deleted)).await;
        app.operator.revoke_token(&TokenName::parse("revoked").unwrap()).await.unwrap();
        app.stepchat("update-user", json!({ "user_id": demoted, "user_type": "agent" })).await.response();
        app.stepchat("delete-user", json!({ "user_id": deleted })).await.response();
        let (read, write) = (mint("read", Scope::Read, None).await, mint("write", Scope::Write, None).await);
        let agent = app.app.tokens.of(UserId::parse(&demoted).unwrap(), 1);
        for (caller, token, expected) in [
            ("nobody", "", "token-not-found"),
            ("a stranger", "x", "invalid-token"),
            ("an agent", &agent, "invalid-token"),
            ("a revoked token", &revoked, "invalid-token"),
            ("a demoted admin's token", &of_demoted, "invalid-token"),
            ("a deleted admin's token", &of_deleted, "invalid-token"),
        ] {
            let answer = app.stepchat(entry.name, json!({ "token": token })).await;
            assert_eq!(answer.code(), expected, "{} by {caller}", entry.name);
        }
        let reached = async |token: &str| {
            let answer = app.stepchat(entry.name, json!({ "token": token })).await.json();
            let refused = ["token-not-found", "invalid-token", "security-error"];
            !refused.contains(&answer["response"].as_str().unwrap_or_default())
        };
        if reached(&read).await {
            assert_eq!(entry.effect, Effect::Read, "{}", entry.name);
            read_only.insert(entry.name);
        }
        assert!(reached(&write).await, "{} by a token for writing", entry.name);
        assert!(reached(&app.token).await, "{} by an admin", entry.name);
    }
    let all = stepchat.methods.iter().map(|entry| entry.name);
    assert_eq!(read_only, all.filter(|name| !WRITING.contains(name)).collect());
}

#[tokio::test]
async fn an_api_token_follows_its_admin_out_of_the_type_and_back() {
    let app = App::new().await;
    let second = app.add_stepchat_user(json!({ "user_type": "admin" })).await;
    let name = TokenName::parse("crm").unwrap();
    let token = app.operator.create_token(name, Scope::Read, UserId::parse(&second)).await.unwrap();
    let count = async || app.stepchat("count-users", json!({ "token": token })).await;
    let become_a = async |kind: &str| {
        app.stepchat("update-user", json!({ "user_id": second, "user_type": kind })).await.response();
    };
    assert_eq!(count().await.response()["all"], "2");
    become_a("agent").await;
    assert_eq!(count().await.code(), "invalid-token");
    become_a("admin").await;
    assert_eq!(count().await.response()["all"], "2");
    let written = app.stepchat("add-user", json!({ "token": token })).await;
    assert_eq!(
        written.json(),
        json!({ "success": false, "status": "error", "response": "security-error", "message": "This token may only read." })
    );
}

#[tokio::test]
async fn stepchat_checks_function_then_token_then_arguments() {
    let app = App::new().await;
    let post = async |form: &str| app.post("/include/api.php", form.to_owned()).await.code();
    assert_eq!(post("").await, "missing-function-name");
    assert_eq!(post("function=no-such").await, "function-not-found");
    assert_eq!(post("function=get-user").await, "token-not-found");
    assert_eq!(post("function=get-user&token=").await, "token-not-found");
    assert_eq!(post("function=get-user&token=x").await, "invalid-token");
    let token = &app.token;
    assert_eq!(post(&format!("function=get-user&token={token}")).await, "missing-argument");
    // One token twice is one token; two tokens are an attack or a mistake.
    assert_eq!(post(&format!("function=get-user&token={token}&token={token}")).await, "missing-argument");
    assert_eq!(post(&format!("function=get-user&token=x&token={token}")).await, "invalid-token");
}

#[tokio::test]
async fn stepchat_takes_the_token_as_bearer_too() {
    let app = App::new().await;
    let request = http::Request::post("/stepchat/count-users").header("authorization", format!("Bearer {}", app.token));
    let answer = app.send(request.body(bytes::Bytes::new()).unwrap()).await;
    assert_eq!(answer.response()["all"], "1");
}

/// Every Voximplant method, every role: the method answers something else than 100 exactly if the role is documented.
#[tokio::test]
async fn voximplant_methods_open_to_their_documented_roles_only() {
    let app = App::new().await;
    let voximplant = families().into_iter().find(|family| family.name == "voximplant").unwrap();
    let mut matrix = Vec::new();
    for entry in voximplant.methods {
        let mut reached = Vec::new();
        for role in Role::ALL {
            let key = app.key_with(&[role]).await;
            let answer = app.voximplant_as(&app.bearer(&key), entry.name, json!({})).await.json();
            if answer["error"]["code"] != json!(100) {
                reached.push(role.name());
            }
        }
        let nobody = app.key_with(&[]).await;
        let open =
            app.voximplant_as(&app.bearer(&nobody), entry.name, json!({})).await.json()["error"]["code"] != json!(100);
        let open = if open { "any key; " } else { "" };
        matrix.push(format!(
            "{}: {open}{}
",
            entry.name,
            reached.join(", ")
        ));
    }
    let all = Role::ALL.map(Role::name).join(", ");
    let expected = format!(
        "AddApplication: Owner, Admin, Developer\n\
         AddQueue: Owner, Admin, Developer\n\
         AddSkill: Owner, Admin, Developer\n\
         AddUser: Owner, Admin, User manager\n\
         BindSkill: Owner, Admin, Developer, User manager\n\
         BindUserToQueue: Owner, Admin, Developer, User manager\n\
         DelApplication: Owner, Admin, Developer\n\
         DelUser: Owner, Admin, User manager\n\
         GetAccountInfo: any key; {all}\n\
         GetApplications: Owner, Admin, Developer, Supervisor, User manager\n\
         GetQueues: Owner, Admin, Developer, Supervisor, User manager\n\
         GetSkills: Owner, Admin, Developer, Supervisor, User manager\n\
         GetTransactionHistory: Owner, Admin, Accountant, Payer\n\
         GetUsers: Owner, Admin, Developer, Supervisor, User manager\n\
         SetUserInfo: Owner, Admin, User manager\n\
         TransferMoneyToUser: Owner, Admin, User manager\n"
    );
    assert_eq!(matrix.concat(), expected);
}

#[tokio::test]
async fn every_way_a_token_can_be_wrong_has_its_documented_code() {
    let app = App::new().await;
    let now = app.app.clock.now().seconds();
    let kid = app.key.key_id.as_str();
    let signed = |claims: Value| jwt::sign(&claims, kid, jwt::private_key());
    let header = |alg: &str| json!({ "alg": alg, "kid": kid, "typ": "JWT" });
    let good = json!({ "iss": 1, "iat": now, "exp": now + 30 });
    let unsigned = |header: Value| {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", part(&header), part(&good))
    };
    let cases = [
        ("not a token", "abc".to_owned(), 447),
        ("two parts", "abc.def".to_owned(), 447),
        ("claims are no JSON", "eyJhbGciOiJSUzI1NiJ9.AAAA.AAAA".to_owned(), 447),
        ("no exp", signed(json!({ "iss": 1, "iat": now })), 447),
        ("life of an hour and a second", signed(json!({ "iss": 1, "iat": now, "exp": now + 3601 })), 454),
        ("from the future", signed(json!({ "iss": 1, "iat": now + 60, "exp": now + 90 })), 455),
        ("expired", signed(json!({ "iss": 1, "iat": now - 90, "exp": now - 60 })), 456),
        ("unknown key", jwt::sign(&good, "00000000-0000-4000-a000-000000000000", jwt::private_key()), 100),
        ("other key's signature", jwt::sign(&good, kid, jwt::stranger_key()), 100),
        ("no key named", jwt::sign_with(&json!({ "alg": "RS256" }), &good, jwt::private_key()), 100),
        ("alg none", unsigned(header("none")), 100),
        ("alg HS256", jwt::sign_with(&header("HS256"), &good, jwt::private_key()), 100),
        ("another account", signed(json!({ "iss": 77, "iat": now, "exp": now + 30 })), 100),
    ];
    for (what, token, code) in cases {
        let answer = app.voximplant_as(&token, "GetAccountInfo", json!({})).await;
        assert_eq!(answer.status, 200, "{what}");
        assert_eq!(answer.code(), code, "{what}: {}", answer.text);
    }
    let none = app.post("/platform_api", "cmd=GetAccountInfo".into()).await;
    assert_eq!(none.code(), 100);
}

/// The tokens of all seven client flavours (reference/voximplant.md §1.4).
#[tokio::test]
async fn the_tokens_of_all_client_flavours_open_the_account() {
    let app = App::new().await;
    let now = app.app.clock.now().seconds();
    let kid = app.key.key_id.as_str();
    let flavours = [
        (
            "Python 1",
            json!({ "alg": "RS256", "kid": kid, "typ": "JWT" }),
            json!({ "iss": 1, "iat": now - 5, "exp": now + 24 }),
        ),
        (
            "Python 2",
            json!({ "alg": "RS256", "kid": kid, "typ": "JWT" }),
            json!({ "iss": "1", "iat": now - 5, "exp": now + 24 }),
        ),
        (
            "Python 2, config",
            json!({ "alg": "RS256", "kid": kid, "typ": "JWT" }),
            json!({ "iss": "0", "iat": now - 5, "exp": now + 24 }),
        ),
        ("Node", json!({ "alg": "RS256", "typ": "JWT", "kid": kid }), json!({ "iss": 1, "iat": now, "exp": now + 64 })),
        (
            "Go, at its last second",
            json!({ "alg": "RS256", "kid": kid, "typ": "JWT" }),
            json!({ "exp": now, "iat": now - 30, "iss": 1 }),
        ),
        ("Java", json!({ "kid": kid, "alg": "RS256" }), json!({ "iss": "1", "iat": now - 5, "exp": now + 60 })),
        ("PHP", json!({ "typ": "JWT", "alg": "RS256", "kid": kid }), json!({ "iss": 1, "iat": now, "exp": now + 60 })),
        (
            ".NET",
            json!({ "alg": "RS256", "kid": kid, "typ": "JWT" }),
            json!({ "iss": "1", "iat": now, "exp": now + 3600, "nbf": now }),
        ),
    ];
    for (client, header, claims) in flavours {
        let token = jwt::sign_with(&header, &claims, jwt::private_key());
        let answer = app.voximplant_as(&token, "GetAccountInfo", json!({})).await;
        assert_eq!(answer.json()["result"]["account_id"], 1, "{client}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_parents_key_acts_for_its_child_accounts_and_no_other() {
    let app = App::new().await;
    let (child, _) = app.other_account("child", Some(app.account.id)).await;
    let (stranger, _) = app.other_account("stranger", None).await;
    let now = app.app.clock.now().seconds();
    let act = async |account: u64| {
        let token =
            jwt::sign(&json!({ "iss": account, "iat": now, "exp": now + 30 }), &app.key.key_id, jwt::private_key());
        app.voximplant_as(&token, "GetAccountInfo", json!({})).await.json()
    };
    assert_eq!(act(child.id.get()).await["result"]["account_name"], "child");
    assert_eq!(act(stranger.id.get()).await["error"]["code"], 100);
}

#[tokio::test]
async fn an_api_key_opens_the_account_it_names_and_no_other() {
    let app = App::new().await;
    app.other_account("stranger", None).await;
    let key = &app.api_key;
    for (query, opens) in [
        (format!("account_id=1&api_key={key}"), true),
        (format!("account_name=demo&api_key={key}"), true),
        (format!("account_email=OWNER@example.com&api_key={key}"), true),
        (format!("account_id=1&account_name=demo&api_key={key}"), true),
        (format!("account_id=2&api_key={key}"), false),
        (format!("account_id=1&account_name=stranger&api_key={key}"), false),
        (format!("api_key={key}"), false),
        ("account_id=1&api_key=00000000-0000-4000-a000-000000000000".to_owned(), false),
        ("account_id=1".to_owned(), false),
    ] {
        let request = http::Request::get(format!("/platform_api/GetAccountInfo/?{query}"));
        let answer = app.send(request.body(bytes::Bytes::new()).unwrap()).await.json();
        if opens {
            assert_eq!(answer["result"]["account_id"], 1, "{query}");
        } else {
            assert_eq!(answer["error"]["code"], 100, "{query}");
        }
    }
}

#[tokio::test]
async fn accounts_never_see_each_other() {
    let app = App::new().await;
    let (_, other) = app.other_account("other", None).await;
    app.add_voximplant_user("mine", json!({})).await;
    let theirs = app.bearer(&other);
    let answer = app.voximplant_as(&theirs, "GetUsers", json!({})).await.json();
    assert_eq!(answer, json!({ "result": [], "count": 0, "total_count": 0 }));
    let by_id = app.voximplant_as(&theirs, "GetUsers", json!({ "application_id": app.application })).await;
    assert_eq!(by_id.code(), 116);
    let fields = json!({
        "application_id": app.application, "user_name": "intruder", "user_display_name": "I", "user_password": "Passw0rd!"
    });
    assert_eq!(app.voximplant_as(&theirs, "AddUser", fields).await.code(), 116);
}
