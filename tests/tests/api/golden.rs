//! The stories of every method's `cases.json`.

use super::budgets::budget;
use std::collections::BTreeMap;
use switchboard::methods::families;
use tests::{App, cases};

/// Times a story is run before its round trips count as too many: calls that are in the air together may miss each other
/// on a busy machine, which can only add to the count.
const ATTEMPTS: u32 = 3;

/// Runs all stories of a family, each on a deployment of its own.
async fn run(family: &'static str) {
    let family = families().into_iter().find(|known| known.name == family).unwrap();
    for entry in family.methods {
        let cases = cases::of(entry);
        assert!(!cases.is_empty(), "{} has no golden case", entry.name);
        for case in cases {
            assert_eq!(case.steps.last().unwrap().call, entry.name, "{}", case.promise);
            let budget = budget(entry.name);
            let mut spent = u64::MAX;
            for _ in 0..ATTEMPTS {
                spent = spent.min(round_trips(family.name, &case).await);
                if spent <= budget {
                    break;
                }
            }
            assert!(spent <= budget, "{}: {spent} round trips, not {budget}: {}", entry.name, case.promise);
        }
    }
}

/// Holds a story and returns the round trips of its last step, which is the method's own.
async fn round_trips(family: &'static str, case: &cases::Case) -> u64 {
    let app = App::new().await;
    let mut kept = BTreeMap::new();
    for step in &case.steps {
        let answer = step.call(&app, family, &kept).await;
        assert_eq!(answer.status, 200, "{}: {}", case.promise, answer.text);
        step.check(&case.promise, &answer, &mut kept);
    }
    app.last_line()["round_trips"].as_u64().unwrap()
}

#[tokio::test]
async fn every_stepchat_story_holds_within_its_round_trips() {
    run("stepchat").await;
}

#[tokio::test]
async fn every_voximplant_story_holds_within_its_round_trips() {
    run("voximplant").await;
}
