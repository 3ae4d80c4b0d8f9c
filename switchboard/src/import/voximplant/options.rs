//! The options of `switchboard import voximplant`, and what it counts.

use clap::Args;
use shared::ids::AccountId;
use shared::ledger::Money;
use std::path::PathBuf;
use std::str::FromStr;

/// What to import and how.
#[derive(Debug, Args)]
pub(in crate::import) struct Options {
    /// The credentials file of a service account of the old account, with a role that may list users.
    #[arg(long)]
    pub(super) credentials: PathBuf,
    /// The account here that the users go to.
    #[arg(long, value_parser = crate::commands::account_id)]
    pub(super) account: AccountId,
    /// Only the users of this application; may be repeated. Default: all applications.
    #[arg(long = "application")]
    pub(super) applications: Vec<String>,
    /// Calls an application otherwise here, such as one whose name breaks the rules for names; may be repeated.
    #[arg(long = "rename", value_name = "OLD=NEW")]
    pub(super) renames: Vec<Rename>,
    /// Applications, users, skills and queues keep their ids. New ones get ids behind the largest; what has a taken id is
    /// rejected with who has it.
    #[arg(long)]
    pub(super) keep_ids: bool,
    /// Money comes along, once: as credits to the account and to its users that name where they came from.
    #[arg(long)]
    pub(super) balances: bool,
    /// The file of ids: which id of the old account is which here. Default: the credentials file's name with `.ids.csv`
    /// behind it.
    #[arg(long)]
    pub(super) ids: Option<PathBuf>,
    /// The address of the old account's API.
    #[arg(long, default_value = "https://api.voximplant.com")]
    pub(super) endpoint: String,
    /// A certificate authority to trust instead of the system's.
    #[arg(long)]
    pub(super) ca: Option<PathBuf>,
    /// Read and check everything, write nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// One `--rename OLD=NEW`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rename {
    pub(super) old: String,
    pub(super) new: String,
}

impl FromStr for Rename {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (old, new) = text.split_once('=').ok_or("write OLD=NEW")?;
        Ok(Self { old: old.trim().to_owned(), new: new.trim().to_owned() })
    }
}

/// How many users were created or were there already, how much was rejected, and how much money was moved.
#[derive(Debug)]
pub(super) struct Counts {
    pub(super) made: u64,
    pub(super) there: u64,
    pub(super) rejected: u64,
    pub(super) money: Money,
}
