//! The stories of every method's `cases.json`.

use super::budgets::budget;
use std::collections::BTreeMap;
use switchboard::methods::families;
use tests::{App, cases};

/// Runs all stories of a family, each on a deployment of its own.
async fn run(family: &str) {
    let family = families().into_iter().find(|known| known.name == family).unwrap();
    for entry in family.methods {
        let cases = cases::of(entry);
        assert!(!cases.is_empty(), "{} has no golden case", entry.name);
        for case in cases {
            let app = App::new().await;
            let mut kept = BTreeMap::new();
            assert_eq!(case.steps.last().unwrap().call, entry.name, "{}", case.promise);
            for step in &case.steps {
                let answer = step.call(&app, family.name, &kept).await;
                assert_eq!(answer.status, 200, "{}: {}", case.promise, answer.text);
                step.check(&case.promise, &answer, &mut kept);
            }
            // The last line is the method's own.
            let (spent, budget) = (app.last_line()["round_trips"].as_u64().unwrap(), budget(entry.name));
            assert!(spent <= budget, "{}: {spent} round trips, not {budget}: {}", entry.name, case.promise);
        }
    }
}

#[tokio::test]
async fn every_stepchat_story_holds_within_its_round_trips() {
    run("stepchat").await;
}

#[tokio::test]
async fn every_voximplant_story_holds_within_its_round_trips() {
    run("voximplant").await;
}
