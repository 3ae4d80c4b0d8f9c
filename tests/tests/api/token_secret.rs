//! The secret of the users' tokens is where it is needed, and nowhere else.

use serde_json::Map;
use shared::store::meter::metered;
use std::collections::BTreeMap;
use switchboard::methods::families;
use tests::{App, cases};

/// Whether a golden story of the method derives a token in the call of the method itself.
async fn derives(family: &'static str, entry: &shared::method::Entry) -> bool {
    let mut derived = false;
    for case in cases::of(entry) {
        let app = App::new().await;
        let mut kept = BTreeMap::new();
        for step in &case.steps {
            let fields: Map<_, _> = step.fields(&kept);
            let bare = cases::Step { with: fields, ..step.clone() };
            let (answer, readings) = metered(bare.call(&app, family, &BTreeMap::new())).await;
            step.check(&case.promise, &answer, &mut kept);
            derived |= step.call == entry.name && readings.tokens;
        }
    }
    derived
}

#[tokio::test]
async fn a_method_declares_that_it_derives_tokens_exactly_if_it_does() {
    let mut wrong = Vec::new();
    for family in families() {
        for entry in family.methods {
            let derives = derives(family.name, entry).await;
            if derives != entry.tokens {
                wrong.push(format!("{} derives tokens: {derives}, declares: {}", entry.name, entry.tokens));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn reading_methods_without_users_rows_get_no_secret_at_all() {
    let families = families();
    let entries: Vec<_> = families.iter().flat_map(|family| family.methods).collect();
    let needs = |name: &str| entries.iter().find(|entry| entry.name == name).unwrap().needs();
    for (name, tokens, fingerprints) in
        [("count-users", false, false), ("get-user", true, false), ("AddUser", false, true), ("add-user", true, true)]
    {
        assert_eq!((needs(name).tokens, needs(name).fingerprints), (tokens, fingerprints), "{name}");
    }
    assert!(entries.iter().filter(|entry| entry.family == "voximplant").all(|entry| !entry.tokens));
}
