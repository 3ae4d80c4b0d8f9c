//! Statements as their readers follow them: by id, by date or by cursor, nobody misses a line, whoever dies where (decision
//! E5).

use super::story::{Deployment, mortal, runtime};
use serde_json::{Value, json};
use std::time::Duration;

/// One line as a reader sees it: its id, its date, whose it is and how much.
type Line = (u64, String, String);

/// Everybody's statement from the beginning.
async fn read(sim: &Deployment, more: Value) -> Vec<Line> {
    let mut fields = json!({ "from_date": "2026-11-21 00:00:00", "count": 1000, "with_total_count": false });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = sim.app.voximplant("GetTransactionHistory", fields).await.json();
    assert!(answer["next_cursor"].is_null(), "the whole statement fits in one answer");
    let lines = answer["result"].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
    lines
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            let what = format!("{} {}", line["amount"], text("transaction_description"));
            (line["transaction_id"].as_u64().unwrap(), text("performed_at"), what)
        })
        .collect()
}

/// A reader who comes again and again, and remembers what it has seen and when it looked.
#[derive(Default)]
struct Reader {
    seen: Vec<Line>,
    looked: String,
}

impl Reader {
    async fn look(&mut self, sim: &Deployment, place: &str) {
        let now = read(sim, json!({})).await;
        let (before, new) = now.split_at_checked(self.seen.len()).unwrap_or_else(|| panic!("{place}: lines are gone"));
        assert_eq!(before, self.seen, "{place}: what was read has changed, or something came before it");
        assert!(now.windows(2).all(|pair| pair[0].0 < pair[1].0), "{place}: ids rise: {now:?}");
        assert!(now.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{place}: dates never go back: {now:?}");
        for (_, date, what) in new {
            assert!(*date >= self.looked, "{place}: {what} is dated {date}, and was not there at {}", self.looked);
        }
        self.seen = now;
        self.looked = sim.app.app.clock.now().wire();
    }
}

async fn large(sim: &Deployment, amount: &str, polls: u32) -> bool {
    let application = sim.app.application;
    let fields = json!({ "user_id": "all", "application_id": application, "amount": amount, "strict_mode": false });
    mortal(sim.app.voximplant("TransferMoneyToUser", fields), Some(polls)).await.is_some()
}

async fn small(sim: &Deployment, user: usize) {
    let fields = json!({ "user_id": sim.users[user].get(), "amount": "0.03" });
    assert_eq!(sim.app.voximplant("TransferMoneyToUser", fields).await.json()["result"], 1);
}

/// A transfer to many dies anywhere on its way; others transfer and read; the jobs take it up a minute later.
#[test]
fn whatever_dies_a_statement_only_grows_at_its_end() {
    runtime().block_on(async {
        for amount in ["0.02", "-0.02"] {
            let mut ended = false;
            for polls in (0..).step_by(7).take_while(|polls| *polls < 2_000) {
                let sim = Deployment::new(1).await;
                let place = format!("{amount} after {polls} polls");
                let mut reader = Reader::default();
                assert!(large(&sim, "0.05", u32::MAX).await);
                reader.look(&sim, &place).await;
                sim.app.wait_millis(2_000);
                ended = large(&sim, amount, polls).await;
                reader.look(&sim, &place).await;
                sim.app.wait_millis(2_000);
                small(&sim, 3).await;
                reader.look(&sim, &place).await;
                assert!(sim.run_jobs().await);
                reader.look(&sim, &place).await;
                small(&sim, 50).await;
                reader.look(&sim, &place).await;
                // The users' own statements are parts of it, with the same ids.
                let own = read(&sim, json!({ "users_transactions_only": true })).await;
                let users: Vec<String> = sim.users.iter().map(ToString::to_string).collect();
                assert_eq!(read(&sim, json!({ "user_id": users.join(";") })).await, own, "{place}");
                if ended {
                    break;
                }
            }
            assert!(ended, "the transfer was interrupted everywhere on its way");
        }
    });
}

/// Two large transfers and small ones, all under way together, and a reader between their steps.
#[test]
fn transfers_under_way_together_do_not_overtake_each_others_lines() {
    runtime().block_on(async {
        let sim = Deployment::new(2).await;
        let mut reader = Reader::default();
        let (mut first, mut second) =
            (Box::pin(large(&sim, "0.02", u32::MAX)), Box::pin(large(&sim, "0.04", u32::MAX)));
        let (mut first_done, mut second_done) = (false, false);
        for step in 0_usize.. {
            if !first_done {
                first_done = futures_util::poll!(first.as_mut()).is_ready();
            }
            if !second_done {
                second_done = futures_util::poll!(second.as_mut()).is_ready();
            }
            // A pause of a transfer ends only if time goes on.
            tokio::time::sleep(Duration::from_millis(1)).await;
            if step.is_multiple_of(25) {
                sim.app.wait_millis(1_000);
                reader.look(&sim, &format!("step {step}")).await;
                if step.is_multiple_of(100) {
                    small(&sim, step % 52).await;
                }
            }
            if first_done && second_done {
                break;
            }
        }
        sim.run_jobs().await;
        reader.look(&sim, "the end").await;
    });
}
