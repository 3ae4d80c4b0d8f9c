//! `switchboard operator rates …`

use super::parse;
use crate::operator::Operator;
use anyhow::Result;
use clap::Subcommand;
use shared::ledger::Rate;
use shared::voximplant::Currency;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say what one of a currency is worth in another.
    #[command(
        after_help = "Example, for accounts in USD to accept amounts in EUR:\n  switchboard operator rates set EUR USD 1.0837"
    )]
    Set {
        /// The currency of the amounts in requests.
        #[arg(value_parser = parse::currency)]
        given: Currency,
        /// The account's currency.
        #[arg(value_parser = parse::currency)]
        wanted: Currency,
        /// How much of the second one of the first is worth.
        #[arg(value_parser = parse::rate)]
        rate: Rate,
    },
    /// Remove a rate: amounts in this currency are refused again.
    Remove {
        /// The currency of the amounts in requests.
        #[arg(value_parser = parse::currency)]
        given: Currency,
        /// The account's currency.
        #[arg(value_parser = parse::currency)]
        wanted: Currency,
    },
    /// List the table.
    List,
}

impl Command {
    pub(super) async fn run(self, operator: &Operator) -> Result<()> {
        match self {
            Self::Set { given, wanted, rate } => operator.set_rate(&given, &wanted, Some(rate)).await?,
            Self::Remove { given, wanted } => operator.remove_rate(&given, &wanted).await?,
            Self::List => {}
        }
        for (given, wanted, rate) in operator.rates().await? {
            println!("1 {given} = {rate} {wanted}");
        }
        Ok(())
    }
}
