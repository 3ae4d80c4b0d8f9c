//! `switchboard operator rebuild`

use crate::progress::Progress;
use crate::rebuild::{Step, rebuild};
use anyhow::Result;
use shared::context::App;

pub(super) const HELP: &str = "Example, once after an update that says so in CHANGELOG.md:\n  \
    switchboard --stack switchboard-dev operator rebuild\n\n\
    Users whose addresses are the same by the present comparison are listed: both stay, the older one keeps the address.";

/// Rebuilds, and says what was found.
pub(super) async fn run(app: &App) -> Result<()> {
    let mut users = Progress::new(None, "users");
    let mut items: Option<Progress> = None;
    let done = rebuild(app, |step| match step {
        Step::User => users.advance(1),
        Step::Items(number) => {
            users.finish();
            items.get_or_insert_with(|| Progress::new(None, "items looked at for what is left over")).advance(number);
        }
    })
    .await?;
    if let Some(items) = items {
        items.finish();
    }
    println!("{} users, of which {} were brought along", done.users, done.changed);
    println!("{} guards and look-ups of addresses and names were brought along", done.guards);
    println!("{} search entries and {} guards of an earlier version were removed", done.entries, done.left);
    println!("{} statement lines of an earlier version have got their numbers", done.lines);
    for collision in &done.collisions {
        println!("{collision}");
    }
    if !done.collisions.is_empty() {
        println!("{} have what somebody older has: change or merge them, then run this again", done.collisions.len());
    }
    Ok(())
}
