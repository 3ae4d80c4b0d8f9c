//! Moving in: a telephony account, with its ids, memberships and money.

use super::import::run;
use super::moving_in::{serve, started};
use super::serve::{Folder, Server};
use serde_json::Value;
use std::fs;

/// Whoever calls a server's Voximplant methods with an API key.
struct Phone<'a>(&'a Server, String);

impl Phone<'_> {
    fn call(&self, method: &str, form: &str) -> Value {
        self.0.post(&format!("/platform_api/{method}/"), &format!("{}&{form}", self.1)).unwrap()
    }

    fn done(&self, method: &str, form: &str) -> Value {
        let answer = self.call(method, form);
        assert!(answer["error"].is_null(), "{method} {form}: {answer}");
        answer
    }
}

fn phone<'a>(folder: &Folder, server: &'a Server) -> Phone<'a> {
    let key = folder.json("voximplant-apikey.json")["api_key"].as_str().unwrap().to_owned();
    Phone(server, format!("account_id=1&api_key={key}"))
}

/// An old account with everything that moves.
fn old_account(api: &Phone<'_>) {
    let id = |answer: Value, name: &str| answer[name].as_u64().unwrap();
    let shop = id(api.done("AddApplication", "application_name=shop"), "application_id");
    let skill = id(api.done("AddSkill", "skill_name=russian"), "skill_id");
    let queue = format!(
        "application_id={shop}&acd_queue_name=first&acd_queue_priority=3&service_probability=0.8&max_queue_size=5"
    );
    let by_skill = id(api.done("AddQueue", &queue), "acd_queue_id");
    let by_hand = format!("application_id={shop}&acd_queue_name=hand&auto_binding=false");
    let by_hand = id(api.done("AddQueue", &by_hand), "acd_queue_id");
    for (application, number) in [(1, 0), (shop, 1), (shop, 2), (1, 3)] {
        let form = format!(
            "application_id={application}&user_name=user{number}&user_display_name=User%20{number}&user_password=Passw0rd!\
             &parent_accounting={}&mobile_phone=4930{number}&user_custom_data=%D0%94",
            number == 3
        );
        let user = id(api.done("AddUser", &form), "user_id");
        if application == shop {
            api.done("BindSkill", &format!("skill_id={skill}&user_id={user}"));
            api.done(
                "BindUserToQueue",
                &format!("application_id={shop}&user_id={user}&acd_queue_id={by_hand}&bind=true"),
            );
        }
        if number < 2 {
            api.done("TransferMoneyToUser", &format!("user_id={user}&amount=10.25"));
        }
    }
    api.done("BindSkill", &format!("skill_id={skill}&acd_queue_id={by_skill}"));
}

#[test]
fn a_telephony_account_moves_with_ids_memberships_and_money_once() {
    let (old, new) = (Folder::new("phone-old"), started("phone-new", &[]));
    let server = serve(&old, &[]);
    let before = phone(&old, &server);
    old_account(&before);
    let create = ["operator", "account", "create", "--name", "moved", "--email", "m@example.com"];
    assert!(run(&new.0, &create).0);
    let (made, key) = run(&new.0, &["operator", "api-key", "create", "--account", "2"]);
    assert!(made, "{key}");
    let (file, ca) = (old.0.join("voximplant.json"), old.0.join("ca.pem"));
    let endpoint = format!("https://localhost:{}", server.https.port());
    let import = |more: &[&str]| {
        let words = [
            "import",
            "voximplant",
            "--credentials",
            file.to_str().unwrap(),
            "--ca",
            ca.to_str().unwrap(),
            "--endpoint",
            &endpoint,
        ];
        run(&new.0, &[&words, more].concat())
    };
    let (all, said) = import(&["--account", "2", "--keep-ids", "--balances", "--dry-run"]);
    assert!(all && said.contains("4 users could be imported") && said.contains("1000 of the"), "{said}");
    for there in [0, 4] {
        let (all, said) = import(&["--account", "2", "--keep-ids", "--balances"]);
        let counts = format!("{} users imported, {there} were there already, 0 rejected", 4 - there);
        assert!(all && said.contains(&counts) && said.contains("1000 of the"), "{said}");
        assert!(!said.contains("which id is which"), "{said}");
    }
    let lists = [
        ("GetUsers", "with_skills=true&with_queues=true&count=100"),
        ("GetSkills", ""),
        ("GetQueues", "with_skills=true&with_operatorcount=true"),
        ("GetApplications", ""),
    ];
    let shown = |api: &Phone<'_>, method: &str, form: &str| {
        let mut answer = api.done(method, form);
        for record in answer["result"].as_array_mut().unwrap() {
            let record = record.as_object_mut().unwrap();
            record.remove("modified");
            // The full name of an application names the account, and when it was made is nowhere told.
            for name in ["application_name", "extended_application_name"] {
                record.remove(name);
            }
            if method == "GetApplications" {
                record.remove("created");
            }
        }
        answer
    };
    let wanted = lists.map(|(method, form)| shown(&before, method, form));
    let after = serve(&new, &[]);
    let api = Phone(&after, format!("account_id=2&api_key={}", key.trim()));
    assert_eq!(lists.map(|(method, form)| shown(&api, method, form)), wanted);
    assert_eq!(
        api.done("GetAccountInfo", "")["result"]["balance"],
        before.done("GetAccountInfo", "")["result"]["balance"]
    );
    let history = api.done("GetTransactionHistory", "");
    let texts = history["result"].to_string();
    assert!(texts.contains("Balance of user 1 of account 1") && texts.contains("Balance of account 1"), "{texts}");
    let next = api.done("AddUser", "application_id=1&user_name=later&user_display_name=L&user_password=Passw0rd!");
    assert_eq!(next["user_id"], 5, "behind the largest that came along");
    after.kill();
    let (clean, said) = run(&new.0, &["operator", "ledger", "audit", "--account", "2"]);
    assert!(clean, "{said}");
    // What has changed meanwhile is told, and nothing is given twice.
    before.done("TransferMoneyToUser", "user_id=1&amount=1");
    let (all, said) = import(&["--account", "2", "--keep-ids", "--balances"]);
    assert!(!all && said.contains("the balance of user0 is 11.25 there and stays as it is here"), "{said}");
    // Into another account without the ids: the file says which is which. One whose name cannot be stays behind alone.
    let (all, said) = import(&["--account", "1", "--rename", "shop=Shop_1"]);
    assert!(!all && said.contains("rejected application shop") && said.contains("2 users imported"), "{said}");
    assert!(said.contains("--rename shop=NAME"), "{said}");
    let (_, dry) = import(&["--account", "1", "--rename", "shop=Shop_1", "--dry-run"]);
    assert!(dry.contains("rejected application shop"), "{dry}");
    let ids = fs::read_to_string(format!("{}.ids.csv", file.display())).unwrap();
    assert!(ids.starts_with("kind,old_id,new_id\n") && ids.contains("user,1,"), "{ids}");
    let (all, said) = import(&["--account", "1", "--keep-ids"]);
    assert!(!all && said.contains("rejected"), "{said}");
    server.kill();
}
