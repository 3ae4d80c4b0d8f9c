//! `switchboard operator …`: what only the operator may do, from the command line.

mod account;
mod api_key;
mod init;
mod key;
mod ledger;
mod parse;
mod rates;
mod rebuild;
mod restore;
mod search;
mod token;

pub use parse::stepchat_id;
pub(crate) use parse::{account_id, user_id};

use crate::database::Place;
use crate::operator::Operator;
use crate::stack;
use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};
use shared::ids::{AccountId, PhoneUserId};
use shared::ledger::Money;
use shared::timestamp::Timestamp;
use shared::voximplant::{Account, AcdStatus};

/// The operator's command and the state it works on.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new deployment's first admin, first account and its key, and show them once. Asked again it makes nothing.
    #[command(after_help = "Example:\n  switchboard --stack switchboard-dev operator init --email owner@acme.example")]
    Init(init::Arguments),
    /// Accounts, the tenants.
    #[command(subcommand)]
    Account(account::Command),
    /// Service-account keys: what the official clients sign their requests with.
    #[command(subcommand)]
    Key(key::Command),
    /// API keys: everything the account may do, with one text.
    #[command(subcommand)]
    ApiKey(api_key::Command),
    /// API tokens: what opens the StepChat API, named and revocable, beside the admins' own tokens.
    #[command(subcommand)]
    Token(token::Command),
    /// Put money on an account. The same name credits once, however often it is asked for.
    #[command(after_help = "Example:\n  switchboard operator credit --account 1 --amount 100.00 --name 'invoice 7'")]
    Credit {
        /// The account.
        #[arg(long, value_parser = parse::account_id)]
        account: AccountId,
        /// How much, in the account's currency: at most 4 decimals.
        #[arg(long, value_parser = parse::money, allow_hyphen_values = true)]
        amount: Money,
        /// What it is called on the statement; its identity.
        #[arg(long)]
        name: String,
    },
    /// The rate table by which `TransferMoneyToUser` converts other currencies.
    #[command(subcommand)]
    Rates(rates::Command),
    /// The ledger.
    #[command(subcommand)]
    Ledger(ledger::Command),
    /// Make a table of this deployment what another table is: restored from a point in time, or left by a removed stack.
    #[command(after_help = "Example, with nobody calling meanwhile (docs/backup.md, On AWS):\n  \
                            switchboard --stack switchboard-prod operator restore --table ledger --from LEDGER-restored")]
    Restore(restore::Arguments),
    /// Bring data of an earlier version along: whom lists, look-ups and searches find, and who has which address. Safe to
    /// repeat, to interrupt, and while the deployment serves.
    #[command(after_help = rebuild::HELP)]
    Rebuild,
    /// `search rebuild` is what `rebuild` was called before.
    #[command(subcommand, hide = true)]
    Search(search::Command),
    /// Set a user's state in call distribution.
    #[command(after_help = "Example:\n  switchboard operator acd-status --account 1 --user 5 READY")]
    AcdStatus {
        /// The account.
        #[arg(long, value_parser = parse::account_id)]
        account: AccountId,
        /// The user.
        #[arg(long, value_parser = parse::user_id)]
        user: PhoneUserId,
        /// OFFLINE, ONLINE, READY, BANNED, `IN_SERVICE`, `AFTER_SERVICE`, TIMEOUT or DND.
        #[arg(value_parser = parse::acd_status)]
        status: AcdStatus,
    },
}

/// Runs the command. Returns false only if an audit found something wrong.
pub async fn run(arguments: Arguments) -> Result<bool> {
    let opened = arguments.place.open().await?;
    let app = opened.app;
    let operator = Operator::new(app.clone());
    match arguments.command {
        Command::Init(command) => command.run(&operator).await?,
        Command::Account(command) => command.run(&operator).await?,
        Command::Key(command) => command.run(&operator).await?,
        Command::ApiKey(command) => command.run(&operator).await?,
        Command::Token(command) => command.run(&operator).await?,
        Command::Credit { account, amount, name } => {
            let account = existing(&operator, account).await?;
            let balance = operator.credit(account.id, amount, &name).await?;
            println!("account {}: balance {balance} {}", account.id, account.currency);
        }
        Command::Rates(command) => command.run(&operator).await?,
        Command::Ledger(command) => return command.run(&operator).await,
        Command::Restore(command) => command.run(&operator).await?,
        Command::Rebuild | Command::Search(search::Command::Rebuild) => rebuild::run(&app).await?,
        Command::AcdStatus { account, user, status } => {
            let account = existing(&operator, account).await?;
            operator.set_acd_status(account.id, user, status).await?;
            println!("user {user}: {}", serde_json::to_string(&status)?.trim_matches('"'));
        }
    }
    Ok(true)
}

/// A time as lists show it; `-` if there is none.
fn moment(moment: Option<Timestamp>) -> String {
    moment.map_or_else(|| "-".to_owned(), Timestamp::wire)
}

async fn existing(operator: &Operator, id: AccountId) -> Result<Account> {
    operator
        .account(id)
        .await?
        .ok_or_else(|| anyhow!("there is no account {id}: see `{}`", stack::command("operator account list")))
}
