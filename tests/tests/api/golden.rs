//! The stories of every method's `cases.json`, told once for all that is held against them: their answers and round trips
//! here, grants in `budgets.rs`, the use of the tokens' secret in `token_secret.rs`.

use super::budgets::{budget, granted};
use shared::entry::MethodEntry;
use shared::stepchat::{Scope, TokenName};
use shared::store::grants::Grant;
use shared::store::meter::metered;
use std::collections::{BTreeMap, BTreeSet};
use switchboard::methods::families;
use tests::cases::{Case, Kept, Step};
use tests::prepared::Prepared;
use tests::{App, cases};
use tokio::sync::OnceCell;

/// Times a step is run before its round trips count as too many: of two chains of calls that run together, one may end
/// late on a busy machine, and its next call then counts as if it had waited for the other. That can only add to the count.
const ATTEMPTS: u32 = 10;

/// What a story came to. That its answers are right is checked while it is told.
pub(super) struct Story {
    pub(super) entry: MethodEntry,
    promise: String,
    /// Of its last step, which is the method's own.
    round_trips: u64,
    /// Whether the method's own calls derived users' tokens.
    pub(super) tokens: bool,
    /// What the method's own calls did, with and without idempotency key and API token.
    pub(super) used: BTreeSet<Grant>,
}

/// All stories of all methods.
pub(super) async fn stories() -> &'static [Story] {
    static STORIES: OnceCell<Vec<Story>> = OnceCell::const_new();
    STORIES
        .get_or_init(|| async {
            let mut stories = Vec::new();
            for family in families() {
                for entry in family.methods {
                    let cases = cases::of(entry);
                    assert!(!cases.is_empty(), "{} has no golden case", entry.name);
                    for case in cases {
                        stories.push(Teller::tell(*entry, case).await);
                    }
                }
            }
            stories
        })
        .await
}

/// Tells one story.
struct Teller {
    app: App,
    case: Case,
    kept: Kept,
    story: Story,
}

impl Teller {
    async fn tell(entry: MethodEntry, case: Case) -> Story {
        let promise = case.promise.clone();
        let story = Story { entry, promise, round_trips: 0, tokens: false, used: BTreeSet::new() };
        let mut teller = Self { app: App::new().await, case, kept: BTreeMap::new(), story };
        let (last, earlier) =
            teller.case.steps.split_last().map(|(last, earlier)| (last.clone(), earlier.to_vec())).unwrap();
        assert_eq!(last.call, entry.name, "{}", teller.story.promise);
        for step in &earlier {
            teller.step(step).await;
        }
        let before = (Prepared::of(&teller.app.database, "story"), teller.kept.clone());
        teller.step(&last).await;
        let budget = budget(entry.name);
        teller.story.round_trips = teller.round_trips();
        for _ in 1..ATTEMPTS {
            if teller.story.round_trips <= budget {
                break;
            }
            teller.back(&before);
            teller.step(&last).await;
            teller.story.round_trips = teller.story.round_trips.min(teller.round_trips());
        }
        teller.back(&before);
        teller.with_a_key(&last).await;
        teller.story
    }

    fn back(&mut self, (database, kept): &(Prepared, Kept)) {
        database.copy_into(&self.app.database);
        self.kept.clone_from(kept);
    }

    fn round_trips(&self) -> u64 {
        self.app.last_line()["round_trips"].as_u64().unwrap()
    }

    /// Makes the call of a step, and holds the answer against the one that is written down.
    async fn step(&mut self, step: &Step) {
        let (answer, readings) = metered(step.call(&self.app, self.story.entry.family, &self.kept)).await;
        assert_eq!(answer.status, 200, "{}: {}", self.story.promise, answer.text);
        step.check(&self.story.promise, &answer, &mut self.kept);
        if step.call == self.story.entry.name {
            self.story.tokens |= readings.tokens;
            self.note_uses();
        }
    }

    /// The last step with an idempotency key, so that its reads and writes are seen too; and once more some seconds later,
    /// since only then does activity move on, with an API token, whose admin is looked up and whose first use is noted.
    async fn with_a_key(&mut self, last: &Step) {
        let family = self.story.entry.family;
        let keyed = |fields: &mut serde_json::Map<String, serde_json::Value>, key: &str| {
            fields.insert("idempotency_key".into(), key.into());
        };
        let mut fields = last.fields(&self.kept);
        keyed(&mut fields, "first");
        let step = Step { with: fields, ..last.clone() };
        let answer = step.call(&self.app, family, &BTreeMap::new()).await;
        step.check(&self.story.promise, &answer, &mut self.kept);
        self.note_uses();
        self.app.wait_millis(10_000);
        let mut fields = last.fields(&self.kept);
        keyed(&mut fields, "later");
        if family == "stepchat" {
            let name = TokenName::parse("grants").unwrap();
            let token = self.app.operator.create_token(name, Scope::Write, None).await.unwrap();
            fields.insert("token".into(), token.into());
        }
        Step { with: fields, ..last.clone() }.call(&self.app, family, &BTreeMap::new()).await;
        self.note_uses();
    }

    fn note_uses(&mut self) {
        let uses = self.app.uses();
        self.story.used.extend(uses.iter().map(|need| granted(&self.app, need)));
        self.story.used.extend(self.app.file_uses());
    }
}

#[tokio::test]
async fn every_story_holds_within_its_round_trips() {
    let dear = stories().await.iter().filter_map(|story| {
        let (name, budget) = (story.entry.name, budget(story.entry.name));
        let (spent, promise) = (story.round_trips, &story.promise);
        (spent > budget).then(|| format!("{name}: {spent} round trips, not {budget}: {promise}"))
    });
    assert_eq!(dear.collect::<Vec<_>>(), Vec::<String>::new());
}
