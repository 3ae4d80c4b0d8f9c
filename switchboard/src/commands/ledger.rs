//! `switchboard operator ledger …`

use super::{existing, parse};
use crate::operator::Operator;
use anyhow::Result;
use clap::Subcommand;
use shared::ids::AccountId;
use shared::store::ledger::audit::Progress;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Replay the journal, check its hash chain, and hold it against every balance. Exit code 1 on any finding.
    ///
    /// Balances that the journal does not know are looked for under every user id that was ever given. Money that moves
    /// meanwhile shows up as findings: audit when nobody transfers, or look again.
    #[command(after_help = "Example, for a nightly check:\n  switchboard operator ledger audit || mail-the-findings")]
    Audit {
        /// Only this account; default: all.
        #[arg(long, value_parser = parse::account_id)]
        account: Option<AccountId>,
    },
}

impl Command {
    /// Returns whether the audit found nothing wrong.
    pub(super) async fn run(self, operator: &Operator) -> Result<bool> {
        let Self::Audit { account } = self;
        audit(operator, account).await
    }
}

async fn audit(operator: &Operator, account: Option<AccountId>) -> Result<bool> {
    let accounts = match account {
        Some(id) => vec![existing(operator, id).await?],
        None => operator.accounts().await?,
    };
    let mut findings = 0_usize;
    for account in &accounts {
        let name = account.name.as_str();
        let tell = |progress| match progress {
            Progress::Entries(read) => eprintln!("account {name}: {read} entries read"),
            Progress::Balances(looked, of) => eprintln!("account {name}: {looked} of {of} balances compared"),
        };
        let audited = operator.audit(account.id, tell).await?;
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
