//! Makes users by the hundred thousand from a seed: the functions that create one user make their items, which are
//! written in bulk.
//!
//! The same seed and the same ids make the same users; only the salt of their common password's hash differs.

mod names;
mod stepchat;
mod voximplant;

pub use switchboard::sink::Sink;
pub use voximplant::Place;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use futures_util::stream::{self, StreamExt};
use shared::clock::Clock;
use shared::context::App;
use shared::crypto::{Secret, hash_password};
use shared::ids::{PhoneUserId, UserId};
use shared::observe::Log;
use shared::store::Sequence;
use shared::store::auth::PasswordHash;
use shared::timestamp::Timestamp;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use switchboard::database::{self, Opened};
use switchboard::load::{Load, Sums};
use switchboard::operator::Operator;
use switchboard::serve::{ACCOUNT, APPLICATION};
use switchboard::state::State;

/// The password of every made user that has one.
pub const PASSWORD: &str = "Passw0rd!";
/// 2024-01-01 00:00:00 UTC: when the first user was created.
const START: i64 = 1_704_067_200_000;
/// How long users were created: two years.
const SPAN: i64 = 2 * 365 * 24 * 60 * 60 * 1000;
/// Users made and written by one task.
const CHUNK: usize = 250;
/// Tasks at once: one makes users while another one's items are written.
const TASKS: usize = 4;

/// Which protocol's users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Family {
    /// Users of the support chat.
    Stepchat,
    /// Users of one application of one account.
    Voximplant,
}

/// What the users of one run have in common.
#[derive(Debug, Clone)]
struct Making {
    seed: u64,
    /// The first id, the number of users, and the time over which they were created.
    first: u64,
    count: u64,
    start: Timestamp,
    end: Timestamp,
}

impl Making {
    /// When the user of this id was created: ids rise with time.
    fn moment(&self, id: u64, rng: &mut Rng) -> Timestamp {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let span = self.end.millis().saturating_sub(self.start.millis());
        let step = span.checked_div(number(self.count.max(1))).unwrap_or(0);
        let place = step.saturating_mul(number(id.saturating_sub(self.first)));
        Timestamp::from_millis(self.start.millis().saturating_add(place).saturating_add(rng.i64(0..=step.max(0))))
    }
}

/// The random numbers of one user, the same whichever task makes the user and when.
fn rng(seed: u64, id: u64) -> Rng {
    let mut rng = Rng::with_seed(seed ^ id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    // The counters' shards are drawn from the thread's own generator, so that is seeded too.
    fastrand::seed(rng.u64(..));
    rng
}

/// Makes StepChat users, created after the first admin; returns their ids.
pub async fn stepchat(app: &Arc<App>, sink: Sink, count: u64, seed: u64, told: impl FnMut(u64)) -> Result<Vec<UserId>> {
    let admin = Operator::new(Arc::clone(app)).first_admin().await?;
    let ids = app.store.next_ids(Sequence::StepchatUser, count, UserId::new).await?;
    // The operator's first admin stays the oldest one.
    let start = admin.creation_time.millis().saturating_add(1);
    let making = making(seed, ids.first().map_or(0, |id| id.get()), count, start, app.clock.now());
    let (password, made) = (password().await?, Arc::clone(app));
    let add = move |load: &mut Load, id| stepchat::add(load, &made, id, &making, &password);
    write(app, sink, &ids, add, told).await?;
    Ok(ids)
}

/// Makes Voximplant users; returns their ids.
pub async fn voximplant(
    app: &Arc<App>,
    sink: Sink,
    place: Place,
    count: u64,
    seed: u64,
    told: impl FnMut(u64),
) -> Result<Vec<PhoneUserId>> {
    let ids = app.store.next_ids(Sequence::PhoneUser, count, PhoneUserId::new).await?;
    let making = making(seed, ids.first().map_or(0, |id| id.get()), count, START, app.clock.now());
    let password = password().await?;
    let add = move |load: &mut Load, id| voximplant::add(load, id, place, &making, &password);
    write(app, sink, &ids, add, told).await?;
    Ok(ids)
}

fn making(seed: u64, first: u64, count: u64, start: i64, now: Timestamp) -> Making {
    let end = start.saturating_add(SPAN).min(now.millis()).max(start);
    Making { seed, first, count, start: Timestamp::from_millis(start), end: Timestamp::from_millis(end) }
}

/// The hash that all users share: hashing takes 20 ms, so one for each user would take an hour.
async fn password() -> Result<PasswordHash> {
    Ok(hash_password(Secret::new(PASSWORD)).await?)
}

/// Makes and writes users, several tasks at once, and updates the counters when all users are written.
async fn write<I: Copy + Send + 'static>(
    app: &Arc<App>,
    sink: Sink,
    ids: &[I],
    add: impl Fn(&mut Load, I) -> Result<()> + Send + Sync + 'static,
    mut told: impl FnMut(u64),
) -> Result<()> {
    let (add, sink) = (Arc::new(add), Arc::new(sink));
    let tasks = ids.chunks(CHUNK).map(|chunk| {
        let (app, add, sink, chunk) = (Arc::clone(app), Arc::clone(&add), Arc::clone(&sink), chunk.to_vec());
        tokio::task::spawn_blocking(move || {
            let mut load = Load::default();
            for id in &chunk {
                add(&mut load, *id)?;
            }
            sink.write(&mut load, |table| app.store.table_name(table).to_owned())?;
            Ok::<_, anyhow::Error>((chunk.len(), load.into_sums()))
        })
    });
    let mut tasks = stream::iter(tasks).buffer_unordered(TASKS);
    let mut sums = Sums::default();
    while let Some(written) = tasks.next().await {
        let (count, counted) = written??;
        sums.merge(counted);
        told(u64::try_from(count).unwrap_or(0));
    }
    drop(tasks);
    // The sink's connection to the file is closed before the database that is open on it updates the counters.
    drop(sink);
    Ok(sums.count(&app.store).await?)
}

/// Fills a state folder that `switchboard serve` then serves.
pub fn folder(folder: &Path, family: Family, count: u64, seed: u64) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context("no runtime")?.block_on(filled(folder, family, count, seed))
}

async fn filled(folder: &Path, family: Family, count: u64, seed: u64) -> Result<()> {
    ensure!((1..=10_000_000).contains(&count), "between 1 and 10,000,000 users can be made");
    let state = State::open(folder)?;
    let Opened { app, embedded, lock, .. } = database::open(&state, false, Log::Silent).await?;
    ensure!(embedded.is_some(), "the environment names another database than the state folder's");
    // On a fresh folder the first admin is as old as the first user, so that the same seed always makes the same users.
    let clock = Clock::manual(Timestamp::from_millis(START));
    let past = Arc::new(App::new(app.config.clone(), app.store.clone(), clock, Log::Silent));
    Operator::new(past).first_admin().await?;
    let (started, mut done) = (Instant::now(), 0);
    let told = |more: u64| {
        let tenth = |done: u64| done.saturating_mul(10) / count;
        let before = done;
        done += more;
        if tenth(done) > tenth(before) {
            println!("{done} of {count} users after {:.1?}", started.elapsed());
        }
    };
    let sink = Sink::file(&state.database())?;
    match family {
        Family::Stepchat => {
            stepchat(&app, sink, count, seed, told).await?;
        }
        Family::Voximplant => {
            let operator = Operator::new(Arc::clone(&app));
            let account = match operator.account_by_name(ACCOUNT).await? {
                Some(account) => account,
                None => operator.create_account(ACCOUNT, "owner@example.com", "USD", None).await?,
            };
            let application = operator.application(&account, APPLICATION).await?;
            let place = Place { account: account.id, application, own_balances: 50 };
            voximplant(&app, sink, place, count, seed, told).await?;
        }
    }
    drop(lock);
    println!("{count} users in {:.1?}; next: switchboard serve --state {}", started.elapsed(), folder.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::tests::App as Deployment;
    use serde_json::{Value, json};
    use switchboard::embedded;

    /// The profiles and extras in a state folder, without values that are drawn or derived again in each folder: stamps
    /// of search entries and hashes of tokens.
    fn users(folder: &Path) -> Vec<Value> {
        let file = folder.join("switchboard.db");
        let database = dynoxide::Database::new(file.to_str().unwrap()).unwrap();
        let request = json!({ "TableName": "stepchat" }).to_string();
        let (status, body) = embedded::perform(&database, "Scan", request.as_bytes());
        assert_eq!(status, 200, "{body}");
        let items: Value = serde_json::from_str(&body).unwrap();
        let mut users: Vec<Value> = items["Items"].as_array().unwrap().clone();
        users.retain(|item| item["pk"]["S"].as_str().unwrap().starts_with("U#"));
        for item in users.iter_mut().filter_map(Value::as_object_mut) {
            item.retain(|name, _| !["g", "g_first", "g_last", "g_email", "admin_token"].contains(&name.as_str()));
        }
        users
    }

    #[test]
    fn the_same_seed_fills_two_folders_alike_and_another_one_does_not() {
        let root = std::env::temp_dir().join(format!("switchboard-seed-{}", std::process::id()));
        let folders = [("a", 7), ("b", 7), ("c", 8)].map(|(name, seed)| (root.join(name), seed));
        for (path, seed) in &folders {
            for family in [Family::Stepchat, Family::Voximplant] {
                folder(path, family, 20, *seed).unwrap();
            }
        }
        let [a, b, c] = folders.map(|(path, _)| users(&path));
        std::fs::remove_dir_all(root).unwrap();
        assert!(a.len() > 40, "{a:#?}");
        assert_eq!(a, b);
        assert_ne!(a, c);
    }

    #[tokio::test]
    async fn made_users_are_counted_found_and_deleted_like_any_others() {
        let app = Deployment::new().await;
        let ids = stepchat(&app.app, Sink::shared(&app.database), 40, 1, |_| ()).await.unwrap();
        assert_eq!(app.stepchat("count-users", json!({})).await.response()["all"], "41");
        let list = json!({ "user_types": ["user"], "extra": true });
        let rows = app.stepchat("get-users", list).await.response();
        for row in rows.as_array().unwrap().iter().take(3) {
            let email = row["email"].as_str().unwrap();
            let found = app.stepchat("search-users", json!({ "search": email })).await.response();
            assert_eq!(found[0]["id"], row["id"], "{email}");
            let found = app.stepchat("get-user-by", json!({ "by": "email", "value": email })).await.response();
            assert_eq!(found["id"], row["id"], "{email}");
        }
        let all: Vec<u64> = ids.iter().map(|id| id.get()).collect();
        app.stepchat("delete-users", json!({ "user_ids": all })).await.response();
        assert_eq!(app.stepchat("count-users", json!({})).await.response()["all"], "1");
        let left = app.items().into_iter().filter(|(_, item)| {
            let key = item["pk"]["S"].as_str().unwrap();
            ["U#", "E#", "F#"].iter().any(|start| key.starts_with(start)) && key != "U#000000000001"
        });
        assert_eq!(left.count(), 0);
    }

    #[tokio::test]
    async fn made_phone_users_are_counted_and_their_names_are_taken() {
        let app = Deployment::new().await;
        let application = shared::ids::ApplicationId::new(app.application).unwrap();
        let place = Place { account: app.account.id, application, own_balances: 50 };
        voximplant(&app.app, Sink::shared(&app.database), place, 40, 1, |_| ()).await.unwrap();
        let listed = app.voximplant("GetUsers", json!({ "count": 100 })).await.json();
        assert_eq!((&listed["count"], &listed["total_count"]), (&json!(40), &json!(40)));
        let again = json!({
            "application_id": app.application, "user_name": listed["result"][0]["user_name"],
            "user_display_name": "U", "user_password": PASSWORD,
        });
        assert_eq!(app.voximplant("AddUser", again).await.code(), 118);
    }
}
