//! Imports a file of users.

use super::super::beside;
use super::super::rejected::Rejected;
use super::ids::Ids;
use super::options::Options;
use super::source::Source;
use super::target::{Tally, Target};
use crate::direct_writer::BulkStore;
use anyhow::Result;
use shared::context::App;
use shared::store::stepchat::imports::Checkpoint;
use shared::store::{Sequence, Store};
use std::path::{Path, PathBuf};

/// Imports a file. Returns how many rows could not be imported; `None` if the operator did not approve the columns.
pub(super) async fn import_file(app: &App, bulk: &BulkStore, options: &Options, file: &Path) -> Result<Option<u64>> {
    let source = Source::survey(options, file, app)?;
    let report = options.rejected.clone().unwrap_or_else(|| beside(file, ".rejected.csv"));
    Rejected::check(&report, file)?;
    let known = Checkpoint::find(&bulk.store, source.hash()).await?;
    let done = known.as_ref().map_or(0, Checkpoint::done);
    if done == 0 && !source.approved()? {
        eprintln!("Nothing was imported. Say what the columns are with --map.");
        return Ok(None);
    }
    if done > 0 {
        eprintln!(
            "{done} of {} rows were tried before and are not tried again; what was rejected is in the report",
            source.rows
        );
    }
    let checkpoint = match (known, options.dry_run) {
        (None, false) => Some(begun(&bulk.store, &source, options).await?),
        (known, _) => known,
    };
    let mut ids = Ids::new(ids_file(options, file), done, !options.dry_run);
    let target = Target::new(app, bulk, checkpoint, options);
    let mut rejected = Rejected::open(&report, &source.header, done)?;
    let tally = target.take_all(&source, done, &mut rejected, &mut ids).await?;
    tell(&tally, &rejected, options.dry_run);
    if rejected.count() > 0 {
        println!(
            "the rejected rows, each with its reason: {} (mend them there and import that file)",
            report.display()
        );
    }
    if let Some(path) = ids.written() {
        println!("which user has which id of the file: {}", path.display());
    }
    Ok(Some(rejected.count()))
}

/// Where the file of ids is.
pub(super) fn ids_file(options: &Options, file: &Path) -> PathBuf {
    options.ids.clone().unwrap_or_else(|| beside(file, ".ids.csv"))
}

/// Begins the checkpoint: reserves ids for the rows or, if they keep theirs, moves the sequence past the largest one.
async fn begun(store: &Store, source: &Source<'_>, options: &Options) -> Result<Checkpoint> {
    if options.keep_ids {
        store.advance_sequence_past(Sequence::StepchatUser, source.largest_id).await?;
        return Ok(Checkpoint::begin(store, source.hash(), None).await?);
    }
    Ok(Checkpoint::begin(store, source.hash(), Some(source.rows)).await?)
}

fn tell(tally: &Tally, rejected: &Rejected, dry_run: bool) {
    let Tally { made, updated, there, nobody } = tally;
    let (imported, changed) = if dry_run { ("could be imported", "would be updated") } else { ("imported", "updated") };
    let part = |count: u64, what: &str| if count > 0 { format!(", {count} {what}") } else { String::new() };
    let (updated, nobody) = (part(*updated, changed), part(*nobody, "empty rows passed over"));
    println!(
        "{made} users {imported}{updated}, {there} were there already, {} rows rejected{nobody}",
        rejected.count()
    );
}
