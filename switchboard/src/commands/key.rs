//! `switchboard operator key …`

use super::{existing, moment, parse};
use crate::operator::Operator;
use crate::stack;
use crate::state;
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use shared::ids::AccountId;
use shared::voximplant::{Account, Role};
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a key and write its credentials file, which clients load. The private half is in no other place.
    #[command(
        after_help = "Example:\n  switchboard operator key create --account 1 --role admin --role user-manager --out admin.json"
    )]
    Create {
        /// The account.
        #[arg(long, value_parser = parse::account_id)]
        account: AccountId,
        /// A role of the key, such as owner, admin, user-manager, accountant; may be repeated.
        #[arg(long = "role", value_parser = parse::role, required = true)]
        roles: Vec<Role>,
        /// What the key is for.
        #[arg(long, default_value = "")]
        description: String,
        /// The credentials file to write; it must not exist.
        #[arg(long)]
        out: PathBuf,
    },
    /// List the keys of an account, with their last use.
    List {
        /// The account.
        #[arg(long, value_parser = parse::account_id)]
        account: AccountId,
    },
    /// Make a key useless at once.
    Revoke {
        /// The account.
        #[arg(long, value_parser = parse::account_id)]
        account: AccountId,
        /// The key's id, as `key list` shows it.
        id: String,
    },
}

impl Command {
    pub(super) async fn run(self, operator: &Operator) -> Result<()> {
        match self {
            Self::Create { account, roles, description, out } => {
                if out.exists() {
                    bail!(
                        "{} exists already: a credentials file is never overwritten. No key was made: choose another --out",
                        out.display()
                    );
                }
                let account = existing(operator, account).await?;
                let credentials = operator.create_key(&account, &roles, &description).await?;
                let text = format!("{:#}\n", serde_json::to_value(&credentials)?);
                write_credentials(&out, &text).with_context(|| lost(&account, &credentials.key_id))?;
                println!("key {} written to {}", credentials.key_id, out.display());
            }
            Self::List { account } => {
                let account = existing(operator, account).await?;
                println!("ID\tROLES\tCREATED\tDESCRIPTION\tLAST USED");
                for key in operator.keys(account.id).await? {
                    let roles = key.roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
                    let (created, used) = (key.created.wire(), moment(key.used_at));
                    println!("{}\t{roles}\t{created}\t{}\t{used}", key.id, key.description);
                }
            }
            Self::Revoke { account, id } => {
                let account = existing(operator, account).await?;
                if !operator.revoke_key(account.id, &id).await? {
                    bail!(
                        "account {} has no key {id}, nothing was revoked: see `{}`",
                        account.id,
                        stack::command(&format!("operator key list --account {}", account.id))
                    );
                }
                println!("key {id} revoked");
            }
        }
        Ok(())
    }
}

/// The error's advice for a key whose private half could not be written to a file.
pub(super) fn lost(account: &Account, key: &str) -> String {
    let revoke = stack::command(&format!("operator key revoke --account {} {key}", account.id));
    format!(
        "key {key} was made, but its credentials file could not be written, and nobody has the private half. Revoke it with \
         `{revoke}`, then make another"
    )
}

pub(super) fn write_credentials(out: &Path, text: &str) -> Result<()> {
    if out.file_name().is_none() {
        bail!("--out must name a file");
    }
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    state::replace(out, text, true)
}
