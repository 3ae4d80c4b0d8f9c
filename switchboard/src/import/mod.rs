//! `switchboard import …`: users of another service become users of this one.

mod columns;
mod field;
mod headers;
mod http;
mod rejected;
mod remote;
mod stepchat;
mod table;
mod voximplant;

use crate::database::Place;
use anyhow::Result;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// What to do about an import that was cut off.
const AGAIN: &str = "run the same command again, it goes on where it stopped";

/// What to import, and the deployment that it goes to.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Users of a support chat, from a CSV file or a sheet of a workbook: that of `csv-users`, or any other.
    ///
    /// Encoding, delimiter and the usual headers in English, Russian, German and Spanish are found out, and shown with two
    /// rows before anything is done.
    ///
    /// Users get new ids in the order of the file, and the old id as the extra `imported_id`; with `--keep-ids` they keep
    /// theirs. Passwords come along as hashes in a column `password_hash` (bcrypt, argon2, WordPress); staff get new tokens.
    /// A row that cannot be imported is written to the file of rejected rows with the reason, and the rest goes on. The same
    /// command again goes on where it was interrupted.
    #[command(after_help = stepchat::EXAMPLES)]
    Stepchat(stepchat::Options),
    /// A telephony account, through its own API with a credentials file: applications, users, skills and queues.
    ///
    /// Passwords cannot move: each user gets one that nobody knows, set a new one with `SetUserInfo`. Money moves with
    /// `--balances`, else it stays in the old account. What is there already is left alone, so the same command again
    /// goes on where it was interrupted.
    #[command(after_help = voximplant::EXAMPLES)]
    Voximplant(voximplant::Options),
}

/// Runs the import. Returns whether everything could be imported.
pub async fn run(arguments: Arguments) -> Result<bool> {
    let opened = arguments.place.open().await?;
    match arguments.command {
        Command::Stepchat(options) => stepchat::import(&opened.app, &opened.bulk()?, &options).await,
        Command::Voximplant(options) => voximplant::import(&opened.app, &options).await,
    }
}

/// The path of `file`, with `ending` appended to its name.
fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
