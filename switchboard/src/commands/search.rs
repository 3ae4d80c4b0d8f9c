//! `switchboard operator search …`

use crate::operator::Operator;
use crate::progress::Progress;
use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Let searches find the users of both APIs that an earlier version has left without postings. Safe to repeat, to interrupt,
    /// and while the deployment serves.
    #[command(after_help = "Example, once after an update from a version without postings:\n  \
                            switchboard operator search rebuild")]
    Rebuild,
}

impl Command {
    pub(super) async fn run(self, operator: &Operator) -> Result<()> {
        let Self::Rebuild = self;
        let mut progress = Progress::new(None, "users");
        let (users, completed) = operator.complete_searches(|| progress.advance(1)).await?;
        progress.finish();
        println!("{users} users, of which {completed} were not to be found by everything");
        let numbered = operator.number_statements().await?;
        println!("{numbered} statement lines of earlier states have got their numbers");
        Ok(())
    }
}
