//! `switchboard operator restore`: makes a table equal to another one.

use crate::operator::Operator;
use crate::progress::Progress;
use crate::restore::restore;
use anyhow::Result;
use clap::Args;
use shared::store::Table;

/// Which table, and from where.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The table of this deployment: stepchat, voximplant, auth or ledger.
    #[arg(long, value_parser = table)]
    table: Table,
    /// The table to take everything from: one that `restore-table-to-point-in-time` has made, or that a removed stack has
    /// left.
    #[arg(long, value_name = "TABLE")]
    from: String,
    /// Read both and say what would be changed; write nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Arguments {
    pub(crate) async fn run(self, operator: &Operator) -> Result<()> {
        let store = operator.store();
        let target = store.table_name(self.table);
        let mut progress = Progress::new(None, "items");
        let changes = restore(store.client(), &self.from, target, self.dry_run, || progress.advance(1)).await?;
        progress.finish();
        let verb = if self.dry_run { "would be" } else { "were" };
        println!(
            "{target}: {} items are as in {}, {} {verb} written, {} {verb} deleted",
            changes.same, self.from, changes.written, changes.deleted
        );
        Ok(())
    }
}

fn table(text: &str) -> Result<Table, String> {
    let known = Table::ALL.into_iter().find(|table| table.as_str() == text);
    known.ok_or_else(|| format!("the tables are: {}", Table::ALL.map(Table::as_str).join(", ")))
}
