//! `switchboard operator api-key …`

use super::{existing, moment, parse};
use crate::operator::Operator;
use crate::stack;
use anyhow::{Result, bail};
use clap::Subcommand;
use shared::ids::AccountId;
use shared::voximplant::ApiKeyName;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an API key and print it: it is shown this once.
    #[command(after_help = "Example:\n  key=$(switchboard operator api-key create --account 1 --name crm-2027)")]
    Create {
        /// The account.
        #[arg(long, value_parser = parse::account_id)]
        account: AccountId,
        /// 1 to 32 lower-case letters, digits and hyphens, unique in the account. Default: `key-` and the key's last four
        /// characters.
        #[arg(long, value_parser = parse::api_key_name)]
        name: Option<ApiKeyName>,
    },
    /// List the API keys of an account: their names, their last four characters, and when they were last used.
    ///
    /// Keys that versions without names have made are not listed: they are revoked by their text.
    List {
        /// The account.
        #[arg(long, value_parser = parse::account_id)]
        account: AccountId,
    },
    /// Make an API key useless at once.
    #[command(after_help = "Example:\n  switchboard operator api-key revoke --account 1 crm-2026")]
    Revoke {
        /// The account.
        #[arg(long, value_parser = parse::account_id)]
        account: AccountId,
        /// The key's name, as `api-key list` shows it; or the key itself.
        #[arg(value_name = "NAME")]
        key: String,
    },
}

impl Command {
    pub(super) async fn run(self, operator: &Operator) -> Result<()> {
        match self {
            Self::Create { account, name } => {
                let account = existing(operator, account).await?;
                let key = match name {
                    Some(name) => operator.create_named_api_key(&account, &name).await?,
                    None => operator.create_api_key(&account).await?,
                };
                println!("{key}");
            }
            Self::List { account } => {
                let account = existing(operator, account).await?;
                println!("NAME\tENDS IN\tCREATED\tLAST USED");
                for key in operator.api_keys(account.id).await? {
                    println!("{}\t{}\t{}\t{}", key.name, key.last, key.created.wire(), moment(key.used_at));
                }
            }
            Self::Revoke { account, key } => {
                let account = existing(operator, account).await?;
                if !operator.revoke_api_key(account.id, &key).await? {
                    bail!(
                        "account {} has no such API key, nothing was revoked: see `{}`",
                        account.id,
                        stack::command(&format!("operator api-key list --account {}", account.id))
                    );
                }
                println!("API key revoked");
            }
        }
        Ok(())
    }
}
