//! `switchboard operator …`: what only the operator may do, from the command line.

use crate::database;
use crate::operator::Operator;
use crate::state::State;
use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use shared::ids::{AccountId, PhoneUserId};
use shared::ledger::{Money, Rate};
use shared::observe::Log;
use shared::voximplant::{Account, AcdStatus, Currency, Role};
use std::path::{Path, PathBuf};

/// The operator's command and the state it works on.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The state folder of `switchboard serve`, which must not be running on it. Not used if the environment names
    /// another database: `AWS_ENDPOINT_URL_DYNAMODB`, or `SWITCHBOARD_DATABASE=aws`.
    #[arg(long, default_value = ".switchboard", global = true)]
    state: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Accounts, the tenants.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Service-account keys: what the official clients sign their requests with.
    #[command(subcommand)]
    Key(KeyCommand),
    /// API keys: everything the account may do, with one text.
    #[command(subcommand)]
    ApiKey(ApiKeyCommand),
    /// Put money on an account. The same name credits once, however often it is asked for.
    #[command(after_help = "Example:\n  switchboard operator credit --account 1 --amount 100.00 --name 'invoice 7'")]
    Credit {
        /// The account.
        #[arg(long, value_parser = account_id)]
        account: AccountId,
        /// How much, in the account's currency: at most 4 decimals.
        #[arg(long, value_parser = money)]
        amount: Money,
        /// What it is called on the statement; its identity.
        #[arg(long)]
        name: String,
    },
    /// The rate table by which `TransferMoneyToUser` converts other currencies.
    #[command(subcommand)]
    Rates(RatesCommand),
    /// The ledger.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Set a user's state in call distribution.
    #[command(after_help = "Example:\n  switchboard operator acd-status --account 1 --user 5 READY")]
    AcdStatus {
        /// The account.
        #[arg(long, value_parser = account_id)]
        account: AccountId,
        /// The user.
        #[arg(long, value_parser = user_id)]
        user: PhoneUserId,
        /// OFFLINE, ONLINE, READY, BANNED, `IN_SERVICE`, `AFTER_SERVICE`, TIMEOUT or DND.
        #[arg(value_parser = acd_status)]
        status: AcdStatus,
    },
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Create an account.
    #[command(
        after_help = "Example:\n  switchboard operator account create --name acme --email owner@acme.example --currency EUR"
    )]
    Create {
        /// 3 to 50 lower-case letters, digits and hyphens, beginning with a letter; unique.
        #[arg(long)]
        name: String,
        /// The owner's e-mail address; unique.
        #[arg(long)]
        email: String,
        /// The currency of all of its money, for ever.
        #[arg(long, default_value = "USD")]
        currency: String,
        /// The account whose keys may also manage this one.
        #[arg(long, value_parser = account_id)]
        parent: Option<AccountId>,
    },
    /// List all accounts.
    List,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make a key and write its credentials file, which clients load. The private half is in no other place.
    #[command(
        after_help = "Example:\n  switchboard operator key create --account 1 --role admin --role user-manager --out admin.json"
    )]
    Create {
        /// The account.
        #[arg(long, value_parser = account_id)]
        account: AccountId,
        /// A role of the key, such as owner, admin, user-manager, accountant; may be repeated.
        #[arg(long = "role", value_parser = role, required = true)]
        roles: Vec<Role>,
        /// What the key is for.
        #[arg(long, default_value = "")]
        description: String,
        /// The credentials file to write; it must not exist.
        #[arg(long)]
        out: PathBuf,
    },
    /// List the keys of an account.
    List {
        /// The account.
        #[arg(long, value_parser = account_id)]
        account: AccountId,
    },
    /// Make a key useless at once.
    Revoke {
        /// The account.
        #[arg(long, value_parser = account_id)]
        account: AccountId,
        /// The key's id, as `key list` shows it.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
enum ApiKeyCommand {
    /// Make an API key and print it: it is shown this once.
    Create {
        /// The account.
        #[arg(long, value_parser = account_id)]
        account: AccountId,
    },
    /// Make an API key useless at once.
    Revoke {
        /// The account.
        #[arg(long, value_parser = account_id)]
        account: AccountId,
        /// The key itself.
        key: String,
    },
}

#[derive(Debug, Subcommand)]
enum RatesCommand {
    /// Say what one of a currency is worth in another.
    #[command(
        after_help = "Example, for accounts in USD to accept amounts in EUR:\n  switchboard operator rates set EUR USD 1.0837"
    )]
    Set {
        /// The currency of the amounts in requests.
        #[arg(value_parser = currency)]
        given: Currency,
        /// The account's currency.
        #[arg(value_parser = currency)]
        wanted: Currency,
        /// How much of the second one of the first is worth.
        #[arg(value_parser = rate)]
        rate: Rate,
    },
    /// Remove a rate: amounts in this currency are refused again.
    Remove {
        /// The currency of the amounts in requests.
        #[arg(value_parser = currency)]
        given: Currency,
        /// The account's currency.
        #[arg(value_parser = currency)]
        wanted: Currency,
    },
    /// List the table.
    List,
}

#[derive(Debug, Subcommand)]
enum LedgerCommand {
    /// Replay the journal, check its hash chain, and hold it against every balance. Exit code 1 on any finding.
    ///
    /// Money that moves meanwhile shows up as findings: audit when nobody transfers, or look again.
    Audit {
        /// Only this account; default: all.
        #[arg(long, value_parser = account_id)]
        account: Option<AccountId>,
    },
}

fn account_id(text: &str) -> Result<AccountId, String> {
    AccountId::parse(text).ok_or_else(|| "an account id is a positive number, as `account list` shows it".to_owned())
}

fn user_id(text: &str) -> Result<PhoneUserId, String> {
    PhoneUserId::parse(text).ok_or_else(|| "a user id is a positive number".to_owned())
}

fn money(text: &str) -> Result<Money, String> {
    Money::parse(text).map_err(|error| error.to_string())
}

fn currency(text: &str) -> Result<Currency, String> {
    Currency::parse(text).ok_or_else(|| "a currency has three capital letters, such as USD".to_owned())
}

fn rate(text: &str) -> Result<Rate, String> {
    Rate::parse(text).ok_or_else(|| "a rate is a positive decimal number, such as 1.0837".to_owned())
}

fn role(text: &str) -> Result<Role, String> {
    let plain = |text: &str| text.to_ascii_lowercase().replace([' ', '-', '_'], "");
    let known = Role::ALL.into_iter().find(|role| plain(role.name()) == plain(text));
    known.ok_or_else(|| format!("the roles are: {}", Role::ALL.map(Role::name).join(", ")))
}

fn acd_status(text: &str) -> Result<AcdStatus, String> {
    serde_json::from_value(text.into()).map_err(|_| {
        "the states are: OFFLINE, ONLINE, READY, BANNED, IN_SERVICE, AFTER_SERVICE, TIMEOUT, DND".to_owned()
    })
}

/// Does what is asked; whether all is well, which only an audit can deny.
pub async fn run(arguments: Arguments) -> Result<bool> {
    let state = State::open(&arguments.state)?;
    let opened = database::open(&state, false, Log::Stdout).await?;
    let operator = Operator::new(opened.app);
    match arguments.command {
        Command::Account(command) => accounts(&operator, command).await?,
        Command::Key(command) => keys(&operator, command).await?,
        Command::ApiKey(command) => api_keys(&operator, command).await?,
        Command::Credit { account, amount, name } => {
            let account = existing(&operator, account).await?;
            let balance = operator.credit(account.id, amount, &name).await?;
            println!("account {}: balance {balance} {}", account.id, account.currency);
        }
        Command::Rates(command) => rates(&operator, command).await?,
        Command::Ledger(LedgerCommand::Audit { account }) => return audit(&operator, account).await,
        Command::AcdStatus { account, user, status } => {
            operator.set_acd_status(account, user, status).await?;
            println!("user {user}: {}", serde_json::to_string(&status)?.trim_matches('"'));
        }
    }
    Ok(true)
}

async fn existing(operator: &Operator, id: AccountId) -> Result<Account> {
    operator
        .account(id)
        .await?
        .ok_or_else(|| anyhow!("there is no account {id}: see `switchboard operator account list`"))
}

async fn accounts(operator: &Operator, command: AccountCommand) -> Result<()> {
    let listed = match command {
        AccountCommand::Create { name, email, currency, parent } => {
            if let Some(parent) = parent {
                existing(operator, parent).await?;
            }
            vec![operator.create_account(&name, &email, &currency, parent).await?]
        }
        AccountCommand::List => operator.accounts().await?,
    };
    println!("ID\tNAME\tE-MAIL\tCURRENCY\tPARENT\tCREATED");
    for account in listed {
        let parent = account.parent.map_or_else(|| "-".to_owned(), |parent| parent.to_string());
        let (name, created) = (account.name.as_str(), account.created.wire());
        println!("{}\t{name}\t{}\t{}\t{parent}\t{created}", account.id, account.email, account.currency);
    }
    Ok(())
}

async fn keys(operator: &Operator, command: KeyCommand) -> Result<()> {
    match command {
        KeyCommand::Create { account, roles, description, out } => {
            if out.exists() {
                bail!("{} exists already: a credentials file is never overwritten", out.display());
            }
            let account = existing(operator, account).await?;
            let credentials = operator.create_key(&account, &roles, &description).await?;
            write_credentials(&out, &format!("{:#}\n", serde_json::to_value(&credentials)?))?;
            println!("key {} written to {}", credentials.key_id, out.display());
        }
        KeyCommand::List { account } => {
            let account = existing(operator, account).await?;
            println!("ID\tROLES\tCREATED\tDESCRIPTION");
            for key in operator.keys(account.id).await? {
                let roles = key.roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
                println!("{}\t{roles}\t{}\t{}", key.id, key.created.wire(), key.description);
            }
        }
        KeyCommand::Revoke { account, id } => {
            if !operator.revoke_key(account, &id).await? {
                bail!("account {account} has no key {id}");
            }
            println!("key {id} revoked");
        }
    }
    Ok(())
}

fn write_credentials(out: &Path, text: &str) -> Result<()> {
    let name = out.file_name().and_then(|name| name.to_str()).context("--out must name a file")?;
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    State::open(folder)?.write_secret(name, text)
}

async fn api_keys(operator: &Operator, command: ApiKeyCommand) -> Result<()> {
    match command {
        ApiKeyCommand::Create { account } => {
            let account = existing(operator, account).await?;
            println!("{}", operator.create_api_key(&account).await?);
        }
        ApiKeyCommand::Revoke { account, key } => {
            if !operator.revoke_api_key(account, &key).await? {
                bail!("account {account} has no such API key");
            }
            println!("API key revoked");
        }
    }
    Ok(())
}

async fn rates(operator: &Operator, command: RatesCommand) -> Result<()> {
    match command {
        RatesCommand::Set { given, wanted, rate } => operator.set_rate(&given, &wanted, Some(rate)).await?,
        RatesCommand::Remove { given, wanted } => operator.set_rate(&given, &wanted, None).await?,
        RatesCommand::List => {}
    }
    for (given, wanted, rate) in operator.rates().await? {
        println!("1 {given} = {rate} {wanted}");
    }
    Ok(())
}

async fn audit(operator: &Operator, account: Option<AccountId>) -> Result<bool> {
    let accounts = match account {
        Some(id) => vec![existing(operator, id).await?],
        None => operator.accounts().await?,
    };
    let mut findings = 0_usize;
    for account in &accounts {
        let name = account.name.as_str();
        let audited = operator.audit(account.id, |entries| eprintln!("account {name}: {entries} entries read")).await?;
        let (entries, users, pending) = (audited.entries, audited.users, audited.pending);
        println!("account {} {name}: {entries} entries, {users} users, {pending} transfers on their way", account.id);
        for finding in &audited.findings {
            println!("  FINDING {finding}");
        }
        findings = findings.saturating_add(audited.findings.len());
    }
    match findings {
        0 => {
            println!(
                "{} accounts: every journal replays to its balances, and all balances sum to zero",
                accounts.len()
            );
        }
        findings => println!("{} accounts: {findings} findings", accounts.len()),
    }
    Ok(findings == 0)
}
