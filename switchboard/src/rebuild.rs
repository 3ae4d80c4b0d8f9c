//! Updates data that an earlier version wrote with another comparison of texts (decision E1).
//!
//! First every user is rebuilt: new search entries, places in lists, look-ups and guards are written, and the old ones
//! stay. Then what an earlier version has left is removed. No key leads to that, so the tables are scanned, which no
//! function does. What is right already is only read, so an interrupted run can simply be repeated.

use anyhow::Result;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::stream::{self, StreamExt as _};
use shared::context::App;
use shared::ids::{AccountId, PhoneUserId, UserId};
use shared::limits::MAX_PARALLEL;
use shared::store::stepchat::rebuild as stepchat;
use shared::store::voximplant::{accounts, rebuild as voximplant};
use shared::store::{Key, Sequence, StoreError, Table, ledger, search};
use shared::text::fold;
use shared::voximplant::Account;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

/// The most items in one page of a scan.
const PAGE: i32 = 1_000;

/// The progress of a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A user of either API is done.
    User,
    /// This many items were scanned.
    Items(u64),
}

/// The result of a rebuild.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Users of both APIs.
    pub users: usize,
    /// Users of which something was written.
    pub changed: usize,
    /// Guards and look-ups of accounts, skills and queues that were written.
    pub guards: usize,
    /// Search entries that were removed.
    pub entries: usize,
    /// Guards of users that were removed.
    pub left: usize,
    /// Statement lines of an earlier version that were given their numbers.
    pub lines: u64,
    /// Values that two have and only one may have.
    pub collisions: BTreeSet<Collision>,
}

/// A value that two have and only one may have: both stay, and the value counts for the older one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Collision {
    /// Two users of StepChat.
    StepChat(stepchat::Collision),
    /// Two accounts with one address: the account that cannot be found by it, and the account that can.
    Account(AccountId, AccountId),
    /// Two skills or queues with one name: the account, their kind, the id without the name's protection, the id with
    /// it, the name.
    Name(AccountId, &'static str, u64, u64, String),
}

impl fmt::Display for Collision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StepChat(stepchat::Collision::Email { user, keeper }) => write!(
                formatter,
                "StepChat: user {user} has the e-mail address of user {keeper}, who is found by it and logs in with it"
            ),
            Self::StepChat(stepchat::Collision::Phone { user, keeper }) => {
                write!(formatter, "StepChat: user {user} has the phone number of user {keeper}")
            }
            Self::Account(account, keeper) => {
                write!(formatter, "Voximplant: account {account} has the e-mail address of account {keeper}")
            }
            Self::Name(account, kind, id, keeper, name) => {
                write!(formatter, "Voximplant: account {account}: {kind} {id} has the name of {kind} {keeper}: {name}")
            }
        }
    }
}

/// Rebuilds everything.
pub async fn rebuild(app: &App, mut tell: impl FnMut(Step)) -> Result<Rebuilt> {
    let mut done = Rebuilt::default();
    let all = accounts::list(&app.store).await?;
    stepchat_users(app, &mut done, &mut tell).await?;
    for account in &all {
        phone_users(app, account.id, &mut done, &mut tell).await?;
        done.lines = done.lines.saturating_add(ledger::numbering::number(&app.store, account.id).await?);
        let names = voximplant::names(&app.store, account.id).await?;
        done.guards = done.guards.saturating_add(names.changed);
        done.collisions.extend(
            names.collisions.into_iter().map(|one| Collision::Name(account.id, one.kind, one.id, one.keeper, one.name)),
        );
    }
    let left = leftovers(app, &mut done, &mut tell).await?;
    let (changed, collisions) = voximplant::addresses(&app.store, &all, &left.addresses).await?;
    done.guards = done.guards.saturating_add(changed).saturating_add(api_keys(app, &all, &left.api_keys).await?);
    done.collisions.extend(collisions.into_iter().map(|one| Collision::Account(one.account, one.keeper)));
    Ok(done)
}

/// Checks every id that was ever given: an index may be late, and lacks users that no list shows.
async fn stepchat_users(app: &App, done: &mut Rebuilt, tell: &mut impl FnMut(Step)) -> Result<()> {
    let store = &app.store;
    let last = store.last_number(Sequence::StepchatUser).await?;
    let checks = (1..=last).filter_map(UserId::new).map(|id| stepchat::user(store, id, app.clock.now()));
    let mut checks = stream::iter(checks).buffer_unordered(MAX_PARALLEL);
    while let Some(checked) = checks.next().await {
        let Some(rebuilt) = checked? else { continue };
        done.users = done.users.saturating_add(1);
        done.changed = done.changed.saturating_add(usize::from(rebuilt.changed));
        done.collisions.extend(rebuilt.collisions.into_iter().map(Collision::StepChat));
        tell(Step::User);
    }
    Ok(())
}

async fn phone_users(app: &App, account: AccountId, done: &mut Rebuilt, tell: &mut impl FnMut(Step)) -> Result<()> {
    let store = &app.store;
    let applications = shared::store::voximplant::applications::list(store, account).await?;
    let applications: Vec<_> = applications.iter().map(|application| application.id).collect();
    let ids: Vec<PhoneUserId> =
        shared::store::voximplant::users::ids(store, account, &applications, usize::MAX).await?;
    let checks = ids.into_iter().map(|id| voximplant::user(store, account, id, app.clock.now()));
    let mut checks = stream::iter(checks).buffer_unordered(MAX_PARALLEL);
    while let Some(changed) = checks.next().await {
        done.users = done.users.saturating_add(1);
        done.changed = done.changed.saturating_add(usize::from(changed?));
        tell(Step::User);
    }
    Ok(())
}

/// Keys of items that only a scan finds.
#[derive(Default)]
struct Left {
    addresses: Vec<String>,
    api_keys: Vec<(String, AccountId)>,
}

/// Removes what an earlier version has left, and collects the keys that have to be checked together.
async fn leftovers(app: &App, done: &mut Rebuilt, tell: &mut impl FnMut(Step)) -> Result<Left> {
    let (store, mut left) = (&app.store, Left::default());
    for table in [Table::Stepchat, Table::Voximplant, Table::Auth] {
        let mut from = None;
        loop {
            let page = page(app, table, from).await?;
            let mut outdated = Vec::new();
            for item in &page.items {
                let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str);
                let (pk, sk) = (text("pk").unwrap_or_default(), text("sk").unwrap_or_default());
                match table {
                    Table::Auth => left.api_keys.extend(api_key(pk, item)),
                    _ if search::is_search_entry(pk) => {
                        outdated.extend(search::is_outdated(sk).then(|| Key::new(pk, sk)));
                    }
                    Table::Stepchat if stepchat::is_guard(pk) => {
                        let cleared = stepchat::clear_guard(store, &Key::new(pk, sk)).await?;
                        done.left = done.left.saturating_add(usize::from(cleared));
                    }
                    Table::Voximplant if voximplant::is_address_guard(pk) => left.addresses.push(pk.to_owned()),
                    _ => {}
                }
            }
            search::clear(store, table, &outdated).await?;
            done.entries = done.entries.saturating_add(outdated.len());
            tell(Step::Items(u64::try_from(page.looked_at).unwrap_or_default()));
            from = page.next;
            if from.is_none() {
                break;
            }
        }
    }
    Ok(left)
}

type Item = HashMap<String, AttributeValue>;

struct Page {
    items: Vec<Item>,
    looked_at: i32,
    next: Option<Item>,
}

async fn page(app: &App, table: Table, from: Option<Item>) -> Result<Page, StoreError> {
    let scan = app.store.client().scan().table_name(app.store.table_name(table)).consistent_read(true).limit(PAGE);
    let page = scan.projection_expression("pk, sk, account").set_exclusive_start_key(from).send().await?;
    Ok(Page { looked_at: page.scanned_count, items: page.items.unwrap_or_default(), next: page.last_evaluated_key })
}

/// An item that says which account an API key opens.
fn api_key(pk: &str, item: &Item) -> Option<(String, AccountId)> {
    let account = item.get("account")?.as_n().ok()?.parse().ok().and_then(AccountId::new)?;
    pk.starts_with("A#").then(|| (pk.to_owned(), account))
}

/// Corrects the account's address that each API key keeps, in the form in which addresses are compared.
async fn api_keys(app: &App, accounts: &[Account], keys: &[(String, AccountId)]) -> Result<usize> {
    let mut changed = 0_usize;
    for (pk, id) in keys {
        let Some(account) = accounts.iter().find(|account| account.id == *id) else { continue };
        let address = AttributeValue::S(fold(&account.email));
        let update = app.store.client().update_item().table_name(app.store.table_name(Table::Auth));
        let update = update.key("pk", AttributeValue::S(pk.clone())).update_expression("SET account_email = :address");
        let update = update.condition_expression("attribute_exists(pk) AND account_email <> :address");
        match update.expression_attribute_values(":address", address).send().await {
            Ok(_) => changed = changed.saturating_add(1),
            // The address is right already, or the key has been revoked meanwhile.
            Err(error)
                if error.as_service_error().is_some_and(
                    aws_sdk_dynamodb::operation::update_item::UpdateItemError::is_conditional_check_failed_exception,
                ) => {}
            Err(error) => return Err(StoreError::from(error).into()),
        }
    }
    Ok(changed)
}
