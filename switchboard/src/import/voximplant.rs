//! Users of a telephony account, from its own API.

use super::remote::Remote;
use crate::operator::Operator;
use crate::progress::Progress;
use crate::stack;
use anyhow::{Result, anyhow, bail};
use clap::Args;
use futures_util::stream::{self, StreamExt as _};
use serde::Deserialize;
use shared::auth::{Secret, hash_password, random_token};
use shared::context::App;
use shared::ids::{AccountId, ApplicationId, PhoneUserId};
use shared::limits::MAX_PARALLEL;
use shared::store::auth::PasswordHash;
use shared::store::voximplant::users;
use shared::store::{Attempts, CommitError, Sequence};
use shared::timestamp::Timestamp;
use shared::voximplant::{CustomData, DisplayName, MobilePhone, NewPhoneUser, Refusal, UserName};
use std::path::PathBuf;
use std::sync::Arc;

pub(super) const EXAMPLES: &str = "Examples:\n  \
    switchboard import voximplant --credentials live.json --account 1 --dry-run\n  \
    switchboard import voximplant --credentials live.json --account 1 --application shop --application demo";

/// Users asked for at once.
const PAGE: usize = 1_000;

/// What to import and how.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The credentials file of a service account of the old account, with a role that may list users.
    #[arg(long)]
    credentials: PathBuf,
    /// The account here that the users go to.
    #[arg(long, value_parser = crate::commands::account_id)]
    account: AccountId,
    /// Only the users of this application; may be repeated. Default: all applications.
    #[arg(long = "application")]
    applications: Vec<String>,
    /// The address of the old account's API.
    #[arg(long, default_value = "https://api.voximplant.com")]
    endpoint: String,
    /// A certificate authority to trust instead of the system's.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Read and check everything, write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// An application as the old account lists it (reference/voximplant.md §3.1).
#[derive(Debug, Deserialize)]
struct OldApplication {
    application_id: u64,
    application_name: String,
}

impl OldApplication {
    /// `shop` of `shop.acme.voximplant.com`.
    fn short_name(&self) -> &str {
        self.application_name.split_once('.').map_or(&*self.application_name, |(short, _)| short)
    }
}

/// What the old account says of a user, as far as it moves (page "GetUsers").
#[derive(Debug, Deserialize)]
struct OldUser {
    user_name: String,
    #[serde(default)]
    user_display_name: String,
    #[serde(default = "yes")]
    user_active: bool,
    #[serde(default = "yes")]
    parent_accounting: bool,
    user_custom_data: Option<String>,
    mobile_phone: Option<String>,
    created: Option<String>,
}

const fn yes() -> bool {
    true
}

impl OldUser {
    fn read(&self) -> Result<NewPhoneUser, Refusal> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        // Not every user had a display name before the page made it mandatory.
        let display = if self.user_display_name.is_empty() { &self.user_name } else { &self.user_display_name };
        Ok(NewPhoneUser {
            name: UserName::parse(&self.user_name)?,
            display_name: DisplayName::parse(display)?,
            active: self.user_active,
            parent_accounting: self.parent_accounting,
            custom_data: given(&self.user_custom_data).as_deref().map(CustomData::parse).transpose()?,
            mobile_phone: given(&self.mobile_phone).as_deref().map(MobilePhone::parse).transpose()?,
        })
    }
}

/// A page of a list.
#[derive(Debug, Deserialize)]
struct Page<T> {
    result: Vec<T>,
    total_count: u64,
}

/// Imports the account; whether every user could be imported.
pub(super) async fn import(app: &Arc<App>, options: &Options) -> Result<bool> {
    let operator = Operator::new(Arc::clone(app));
    let Some(account) = operator.account(options.account).await? else {
        bail!("there is no account {}: see `{}`", options.account, stack::command("operator account list"));
    };
    let remote = Remote::open(&options.credentials, &options.endpoint, options.ca.as_deref())?;
    let target = Target { app, account: account.id, password: unknown_password().await? };
    let mut counts = Counts::default();
    for application in wanted(&remote, &options.applications).await? {
        let name = application.short_name();
        let id = if options.dry_run { None } else { Some(operator.application(&account, name).await?) };
        println!("application {name}");
        target.take_all(&remote, &application, id, &mut counts).await?;
    }
    let Counts { made, there, rejected } = counts;
    let verb = if options.dry_run { "could be imported" } else { "imported" };
    println!("{made} users {verb}, {there} were there already, {rejected} rejected");
    if made > 0 && !options.dry_run {
        println!(
            "Passwords did not move: give each user a new one with SetUserInfo. Balances stay in the old account."
        );
    }
    Ok(rejected == 0)
}

/// The applications whose users are wanted.
async fn wanted(remote: &Remote, names: &[String]) -> Result<Vec<OldApplication>> {
    let mut all: Vec<OldApplication> = Vec::new();
    loop {
        let fields = [("count", PAGE.to_string()), ("offset", all.len().to_string())];
        let page: Page<OldApplication> = remote.call("GetApplications", &fields).await?;
        let ended = page.result.is_empty();
        all.extend(page.result);
        if ended || u64::try_from(all.len()).is_ok_and(|seen| seen >= page.total_count) {
            break;
        }
    }
    let called = |application: &OldApplication, name: &String| {
        application.application_name == *name || application.short_name() == name
    };
    if let Some(unknown) = names.iter().find(|name| !all.iter().any(|application| called(application, name))) {
        let known = all.iter().map(OldApplication::short_name).collect::<Vec<_>>().join(", ");
        bail!("the account has no application {unknown}; it has: {known}");
    }
    all.retain(|application| names.is_empty() || names.iter().any(|name| called(application, name)));
    Ok(all)
}

/// A hash of what nobody knows.
async fn unknown_password() -> Result<PasswordHash> {
    Ok(hash_password(Secret::new(&random_token(32)?)).await?)
}

#[derive(Debug, Default)]
struct Counts {
    made: u64,
    there: u64,
    rejected: u64,
}

/// What became of a user.
enum Outcome {
    Made,
    There,
    Rejected(String),
}

struct Target<'a> {
    app: &'a App,
    account: AccountId,
    password: PasswordHash,
}

impl Target<'_> {
    /// Takes the users of one application; `to` is the application here, unless nothing is written.
    async fn take_all(
        &self,
        remote: &Remote,
        from: &OldApplication,
        to: Option<ApplicationId>,
        counts: &mut Counts,
    ) -> Result<()> {
        let (mut progress, mut offset) = (None, 0_usize);
        loop {
            let fields = [
                ("application_id", from.application_id.to_string()),
                ("count", PAGE.to_string()),
                ("offset", offset.to_string()),
                ("order_by", "user_id".to_owned()),
            ];
            let page: Page<OldUser> = remote.call("GetUsers", &fields).await?;
            let progress = progress.get_or_insert_with(|| Progress::new(Some(page.total_count), "users"));
            let work = page.result.iter().map(|old| async move { anyhow::Ok((old, self.take(old, to).await?)) });
            let mut taken = stream::iter(work.collect::<Vec<_>>()).buffered(MAX_PARALLEL);
            while let Some(done) = taken.next().await {
                let (old, outcome) = done?;
                match outcome {
                    Outcome::Made => counts.made = counts.made.saturating_add(1),
                    Outcome::There => counts.there = counts.there.saturating_add(1),
                    Outcome::Rejected(why) => {
                        counts.rejected = counts.rejected.saturating_add(1);
                        println!("  rejected {}: {why}", old.user_name);
                    }
                }
                progress.advance(1);
            }
            offset = offset.saturating_add(page.result.len());
            if page.result.is_empty() || u64::try_from(offset).is_ok_and(|seen| seen >= page.total_count) {
                progress.finish();
                return Ok(());
            }
        }
    }

    async fn take(&self, old: &OldUser, to: Option<ApplicationId>) -> Result<Outcome> {
        let new = match old.read() {
            Ok(new) => new,
            Err(refusal) => return Ok(Outcome::Rejected(refusal.to_string())),
        };
        let Some(application) = to else { return Ok(Outcome::Made) };
        let store = &self.app.store;
        if users::id_by_name(store, self.account, application, &new.name).await?.is_some() {
            return Ok(Outcome::There);
        }
        let mut attempts = Attempts::default();
        loop {
            let limit = self.app.config.voximplant.max_users_per_account;
            let capacity = match limit {
                None => None,
                Some(limit) => match users::capacity(store, self.account, limit).await? {
                    Some(capacity) => Some(capacity),
                    None => bail!("account {} may have {limit} users and has them", self.account),
                },
            };
            let id = store.next_id(Sequence::PhoneUser, PhoneUserId::new).await?;
            let mut user = new.clone().into_user(id, application, self.app.clock.now());
            if let Some(created) = old.created.as_deref().and_then(Timestamp::parse) {
                user.created = created;
            }
            let Some(place) = users::Place::read(store, self.account, application).await? else {
                bail!("application {application} has been deleted");
            };
            match store.commit(&users::creation(self.account, &user, &self.password, capacity, &place)?).await {
                Ok(()) => return Ok(Outcome::Made),
                Err(CommitError::Refused(Refusal::UserNameNotUnique)) => return Ok(Outcome::There),
                Err(CommitError::Refused(refusal)) => return Ok(Outcome::Rejected(refusal.to_string())),
                Err(CommitError::Stale) => attempts.again().await?,
                Err(error) => {
                    return Err(anyhow!("user {}: {error}; the same command goes on from here", old.user_name));
                }
            }
        }
    }
}
