//! Imports a telephony account from its own API: applications, users, skills, queues, and their money.

mod groups;
mod ids;
mod old;
mod options;
mod people;

pub(super) use options::Options;

use super::beside;
use super::remote::Remote;
use crate::operator::Operator;
use crate::stack;
use anyhow::{Result, bail, ensure};
use groups::Groups;
use ids::Ids;
use old::AccountAnswer;
use options::Counts;
use people::People;
use shared::context::App;
use shared::ledger::Money;
use shared::voximplant::Account;
use std::sync::Arc;

pub(super) const EXAMPLES: &str = "Examples:\n  \
    switchboard import voximplant --credentials live.json --account 1 --dry-run\n  \
    switchboard import voximplant --credentials live.json --account 2 --keep-ids --balances\n  \
    switchboard import voximplant --credentials live.json --account 1 --application shop --rename Test=test";

/// Imports the account. Returns whether all of it could be imported.
pub(super) async fn import(app: &Arc<App>, options: &Options) -> Result<bool> {
    let operator = Operator::new(Arc::clone(app));
    let Some(account) = operator.account(options.account).await? else {
        bail!("there is no account {}: see `{}`", options.account, stack::command("operator account list"));
    };
    let remote = Remote::open(&options.credentials, &options.endpoint, options.ca.as_deref())?;
    let old = if options.balances { Some(with_money(&remote, &account).await?) } else { None };
    let groups = Groups { app, operator: &operator, account: &account, options };
    let mut counts = Counts { made: 0, there: 0, rejected: 0, money: Money::from_units(0) };
    let mut ids = Ids::new(options.ids.clone().unwrap_or_else(|| beside(&options.credentials, ".ids.csv")));
    let wanted = wanted(&remote, &options.applications).await?;
    groups.skills(&old::list(&remote, "GetSkills", &[]).await?, &mut ids, &mut counts).await?;
    let applications = groups.applications(&wanted, &mut ids, &mut counts).await?;
    let queues = old::list(&remote, "GetQueues", &[("with_skills", "true".to_owned())]).await?;
    groups.queues(&queues, &applications, &mut ids, &mut counts).await?;
    let people = People::new(&groups, &remote).await?;
    for application in &wanted {
        let Some(to) = applications.get(&application.application_id) else { continue };
        println!("application {}", application.short_name());
        people.take_all(application, *to, &mut ids, &mut counts).await?;
    }
    if let Some(old) = &old {
        people::endow_account(&groups, old, &mut counts).await?;
    }
    tell(&counts, options);
    if !options.dry_run
        && let Some(path) = ids.write()?
    {
        println!("which id is which: {}", path.display());
    }
    Ok(counts.rejected == 0)
}

/// The old account, for its money; an error if the new account has another currency.
async fn with_money(remote: &Remote, account: &Account) -> Result<old::Account> {
    let AccountAnswer { result: old } = remote.call("GetAccountInfo", &[]).await?;
    ensure!(
        old.currency == account.currency.to_string(),
        "the old account's money is {}, that of account {} is {}: money comes along in one currency only",
        old.currency,
        account.id,
        account.currency
    );
    Ok(old)
}

fn tell(counts: &Counts, options: &Options) {
    let Counts { made, there, rejected, money } = counts;
    let verb = if options.dry_run { "could be imported" } else { "imported" };
    println!("{made} users {verb}, {there} were there already, {rejected} rejected");
    if options.balances {
        let verb = if options.dry_run { "would come along" } else { "is here now, with what earlier runs brought" };
        println!("{money} of the old account's and its users' money {verb}");
    }
    if *made > 0 && !options.dry_run {
        let balances = if options.balances { "" } else { " Balances stay in the old account." };
        println!("Passwords did not move: give each user a new one with SetUserInfo.{balances}");
    }
}

/// The applications to import: the named ones, or all.
async fn wanted(remote: &Remote, names: &[String]) -> Result<Vec<old::Application>> {
    let mut all: Vec<old::Application> = old::list(remote, "GetApplications", &[]).await?;
    let called = |application: &old::Application, name: &String| {
        application.application_name == *name || application.short_name() == name
    };
    if let Some(unknown) = names.iter().find(|name| !all.iter().any(|application| called(application, name))) {
        let known = all.iter().map(old::Application::short_name).collect::<Vec<_>>().join(", ");
        bail!("the old account has no application {unknown}; it has: {known}");
    }
    all.retain(|application| names.is_empty() || names.iter().any(|name| called(application, name)));
    Ok(all)
}
