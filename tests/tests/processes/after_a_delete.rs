//! What is in the files after a delete, once its time has come. It waits for minutes and computes nothing: the tests beside it
//! run meanwhile, so it is the first by name.

use super::serve::{Folder, Server};
use super::state_folder::content;
use serde_json::Value;
use std::time::Duration;

/// Deleted data is overwritten, not only unlinked; what is searched for, as soon as the search entries' time has come.
#[test]
fn what_a_deleted_user_has_said_is_not_in_the_file() {
    let folder = Folder::new("forgotten");
    let server = Server::start(&folder.0, false);
    let token = folder.json("stepchat.json")["token"].as_str().unwrap().to_owned();
    let call = |form: &str| -> Value {
        server.post("/stepchat", &format!("token={token}&{form}")).unwrap()["response"].clone()
    };
    let ids: Vec<String> = (0..40)
        .map(|n| {
            let extra = "canary-of-a-deleted-user ".repeat(40);
            call(&format!("function=add-user&email=canary{n}@example.com&extra[note]={n}%20{extra}")).to_string()
        })
        .collect();
    assert!(ids.iter().all(|id| id.parse::<u64>().is_ok()), "{ids:?}");
    for id in &ids {
        assert_eq!(call(&format!("function=delete-user&user_id={id}")), Value::Bool(true));
    }
    // Two minutes until the search entries' time has come, and a minute until the jobs come by.
    std::thread::sleep(Duration::from_secs(200));
    assert_eq!(server.stop(), Some(0));
    assert!(!folder.0.join("switchboard.db-wal").exists(), "the server closes its database before it ends");
    for (name, bytes) in content(&folder.0) {
        let found = bytes.windows(24).filter(|window| *window == b"canary-of-a-deleted-user").count();
        assert_eq!(found, 0, "{name}");
    }
}
