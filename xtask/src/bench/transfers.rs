//! Money: one transfer to many users, and many transfers one after another or at once.

use super::scenario::{Measured, median};
use crate::seed::{self, Place, Sink};
use anyhow::{Context, Result};
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::ids::{ApplicationId, PhoneUserId};
use shared::ledger::Money;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use switchboard::operator::Credentials;
use tests::App;

/// Users in one call.
const USERS: [u64; 4] = [1, 97, 1_000, 10_000];
/// More users than this cannot be named in one call.
const NAMED: usize = 1_000;
/// How long transfers are counted.
const SECONDS: f64 = 3.0;

/// One transfer to many users.
pub(super) struct Bulk {
    pub(super) users: u64,
    /// Whether money goes to the users, or back.
    pub(super) to: bool,
    pub(super) measured: Measured,
}

/// Transfers to each number of users, and back.
pub(super) async fn bulk() -> Result<Vec<Bulk>> {
    let app = App::new().await;
    app.expect_damage();
    let credit = Money::from_units(1_000_000_000_000);
    app.operator.credit(app.account.id, credit, "bench").await?;
    let mut rows = Vec::new();
    for users in USERS {
        let application = app.operator.application(&app.account, &format!("bulk-{users}")).await?;
        let place = Place { account: app.account.id, application, own_balances: 100 };
        let ids = seed::voximplant(&app.app, Sink::shared(&app.database), place, users, 1, |_| ()).await?;
        for to in [true, false] {
            let times = if users <= 97 { 5 } else { 1 };
            let mut all = Vec::new();
            for _ in 0..times {
                // An account takes so many transfers a second, by the clock of the deployment.
                app.wait_millis(1_000);
                all.push(transfer(&app, application, &ids, to).await);
            }
            let failure = all.iter().find_map(|one| one.failure.clone());
            let last = all.last().cloned().unwrap_or_default();
            let millis = median(all.iter().map(|one| one.millis));
            rows.push(Bulk { users, to, measured: Measured { millis, failure, ..last } });
        }
    }
    Ok(rows)
}

async fn transfer(app: &App, application: ApplicationId, ids: &[PhoneUserId], to: bool) -> Measured {
    let named = ids.len() <= NAMED;
    let list = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(";");
    let amount = if to { "0.01" } else { "-0.01" };
    let fields = if named {
        json!({ "user_id": list, "amount": amount })
    } else {
        json!({ "user_id": "all", "application_id": application, "amount": amount })
    };
    let started = Instant::now();
    Box::pin(app.voximplant("TransferMoneyToUser", fields)).await;
    Measured::of(&app.last_line(), started.elapsed())
}

/// How many transfers happen in a second.
pub(super) struct Throughput {
    pub(super) accounts: usize,
    pub(super) at_once: usize,
    pub(super) per_second: f64,
    /// Transfers that were answered 340, since others were always faster.
    pub(super) refused: u64,
}

/// Transfers on one account and on a hundred.
pub(super) async fn throughput() -> Result<Vec<Throughput>> {
    let app = App::new().await;
    app.expect_damage();
    let mut tills = Vec::new();
    for n in 0..100 {
        tills.push(till(&app, n).await?);
    }
    let mut rows = Vec::new();
    for (accounts, at_once) in [(1, 1), (1, 8), (100, 1), (100, 8)] {
        let some = tills.get(..accounts).unwrap_or_default();
        rows.push(Box::pin(counted(&app, some, at_once)).await);
    }
    Ok(rows)
}

/// An account with money and a user.
struct Till {
    key: Credentials,
    user: Value,
}

async fn till(app: &App, n: usize) -> Result<Till> {
    let (account, key) = app.other_account(&format!("till-{n}"), None).await;
    app.operator.credit(account.id, Money::from_units(1_000_000_000), "bench").await?;
    let application = app.operator.application(&account, "till").await?;
    let place = Place { account: account.id, application, own_balances: 100 };
    let users = seed::voximplant(&app.app, Sink::shared(&app.database), place, 1, 1, |_| ()).await?;
    Ok(Till { key, user: json!(users.first().context("no user")?) })
}

/// Counts the transfers of this many callers, each of which makes one after another, taking the accounts in turn.
async fn counted(app: &App, tills: &[Till], at_once: usize) -> Throughput {
    let started = Instant::now();
    let end = started + Duration::from_secs_f64(SECONDS);
    // The deployment's clock moves as that on the wall: an account takes so many transfers a second.
    let told = AtomicU64::new(0);
    let tick = || {
        let now = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let since = now.saturating_sub(told.fetch_max(now, Ordering::Relaxed));
        app.wait_millis(i64::try_from(since).unwrap_or(0));
    };
    let tick = &tick;
    let callers = (0..at_once).map(|caller| async move {
        let (mut done, mut refused) = (0_u64, 0_u64);
        for till in tills.iter().cycle().skip(caller) {
            if Instant::now() >= end {
                break;
            }
            tick();
            let bearer = app.bearer(&till.key);
            let fields = json!({ "user_id": till.user, "amount": "0.01" });
            let answer = Box::pin(app.voximplant_as(&bearer, "TransferMoneyToUser", fields)).await;
            let happened = answer.text.starts_with("{\"result\":1");
            done += u64::from(happened);
            refused += u64::from(!happened);
        }
        (done, refused)
    });
    let counts = join_all(callers).await;
    let seconds = started.elapsed().as_secs_f64();
    let done: u64 = counts.iter().map(|(done, _)| done).sum();
    let refused = counts.iter().map(|(_, refused)| refused).sum();
    #[expect(clippy::cast_precision_loss, reason = "some thousands in a few seconds")]
    let per_second = done as f64 / seconds;
    Throughput { accounts: tills.len(), at_once, per_second, refused }
}
