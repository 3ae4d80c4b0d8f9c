//! The secret of the users' tokens is where it is needed, and nowhere else.

use super::golden::stories;
use switchboard::methods::families;

#[tokio::test]
async fn a_method_declares_that_it_derives_tokens_exactly_if_it_does() {
    let mut wrong = Vec::new();
    for entry in families().iter().flat_map(|family| family.methods) {
        let mut own = stories().await.iter().filter(|story| story.entry.name == entry.name);
        let derives = own.any(|story| story.tokens);
        if derives != entry.tokens {
            wrong.push(format!("{} derives tokens: {derives}, declares: {}", entry.name, entry.tokens));
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
