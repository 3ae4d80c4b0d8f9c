//! `switchboard operator api-key …`

use super::{existing, parse};
use crate::operator::Operator;
use anyhow::{Result, bail};
use clap::Subcommand;
use shared::ids::AccountId;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an API key and print it: it is shown this once.
    #[command(after_help = "Example:\n  key=$(switchboard operator api-key create --account 1)")]
    Create {
        /// The account.
        #[arg(long, value_parser = parse::account_id)]
        account: AccountId,
    },
    /// Make an API key useless at once.
    Revoke {
        /// The account.
        #[arg(long, value_parser = parse::account_id)]
        account: AccountId,
        /// The key itself.
        key: String,
    },
}

impl Command {
    pub(super) async fn run(self, operator: &Operator) -> Result<()> {
        match self {
            Self::Create { account } => {
                let account = existing(operator, account).await?;
                println!("{}", operator.create_api_key(&account).await?);
            }
            Self::Revoke { account, key } => {
                let account = existing(operator, account).await?;
                if !operator.revoke_api_key(account.id, &key).await? {
                    bail!("account {} has no such API key", account.id);
                }
                println!("API key revoked");
            }
        }
        Ok(())
    }
}
