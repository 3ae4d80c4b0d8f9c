//! `switchboard operator account …`

use super::{existing, parse};
use crate::operator::Operator;
use anyhow::Result;
use clap::Subcommand;
use shared::ids::AccountId;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
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
        #[arg(long, value_parser = parse::account_id)]
        parent: Option<AccountId>,
    },
    /// List all accounts.
    List,
}

impl Command {
    pub(super) async fn run(self, operator: &Operator) -> Result<()> {
        let listed = match self {
            Self::Create { name, email, currency, parent } => {
                if let Some(parent) = parent {
                    existing(operator, parent).await?;
                }
                vec![operator.create_account(&name, &email, &currency, parent).await?]
            }
            Self::List => operator.accounts().await?,
        };
        println!("ID\tNAME\tE-MAIL\tCURRENCY\tPARENT\tCREATED");
        for account in listed {
            let parent = account.parent.map_or_else(|| "-".to_owned(), |parent| parent.to_string());
            let (name, created) = (account.name.as_str(), account.created.wire());
            println!("{}\t{name}\t{}\t{}\t{parent}\t{created}", account.id, account.email, account.currency);
        }
        Ok(())
    }
}
