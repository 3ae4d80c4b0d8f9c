//! Imports users from a file or from a running workspace.

mod api;
mod conversations;
mod from;
mod ids;
mod source;
mod target;

use super::beside;
use super::columns::{Mapping, Rules};
use super::field::NameOrder;
use super::rejected::Rejected;
use super::table::{self, Reading};
use crate::direct_writer::BulkStore;
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use encoding_rs::Encoding;
use ids::Ids;
use shared::context::App;
use shared::store::stepchat::imports::Checkpoint;
use shared::store::{Sequence, Store};
use source::Source;
use std::path::{Path, PathBuf};
use target::{Tally, Target};

pub(super) const EXAMPLES: &str = "Examples:\n  \
    switchboard import stepchat users.csv --dry-run\n  \
    switchboard import stepchat users.csv\n  \
    switchboard import stepchat contacts.xlsx --sheet Customers --name-order last-first\n  \
    switchboard import stepchat crm.csv --map Mail=email --map 'Tel. 2=phone' --map Notes=ignore --yes\n  \
    switchboard import stepchat old-workspace.csv --keep-ids --map Hash=password_hash\n  \
    switchboard import stepchat newsletter.csv --on-duplicate skip\n  \
    switchboard import stepchat --from https://chat.example.com/include/api.php --token-file token --keep-ids --conversations";

/// What to import and how.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The file: text or a workbook (.xlsx, .xls, .ods), its first line the header. With --from, what is read there is
    /// written to it; by default it has that host's name.
    #[arg(required_unless_present = "from")]
    file: Option<PathBuf>,
    #[command(flatten)]
    origin: Origin,
    /// What a column is: a field of the profile (`first_name`, `email`, `department` and so on), `full_name`, `phone`,
    /// `creation_time`, `last_activity`, `password_hash`, `id`, `extra:SLUG` or `ignore`. Columns that are not named here
    /// go by their header; what is no field becomes an extra. Of columns with one header, `Notes#2` is the second.
    #[arg(long = "map", value_name = "HEADER=FIELD")]
    mappings: Vec<Mapping>,
    /// What stands between two cells: one character, or `tab`. Default: found out.
    #[arg(long, value_parser = delimiter)]
    delimiter: Option<u8>,
    /// The encoding of the text, such as windows-1251. Default: found out.
    #[arg(long, value_parser = table::encoding)]
    encoding: Option<&'static Encoding>,
    /// The sheet of a workbook. Default: the first.
    #[arg(long)]
    sheet: Option<String>,
    /// In which order a full name in one cell is written.
    #[arg(long, value_enum, default_value_t)]
    name_order: NameOrder,
    /// Users keep the ids of the file. New users get ids behind the largest; a row whose id is taken is rejected with who
    /// has it. Without this, users get new ids, and the file of ids says which.
    #[arg(long)]
    keep_ids: bool,
    /// What becomes of a row whose e-mail address or phone number somebody here has; with --keep-ids, whose id as well.
    #[arg(long, value_enum, default_value_t)]
    on_duplicate: OnDuplicate,
    /// Do not ask whether the columns are understood rightly; import also where no column is known to be a name, an e-mail
    /// address or a phone number.
    #[arg(long)]
    yes: bool,
    /// Read and check everything, write nothing but the report of rejected rows.
    #[arg(long)]
    dry_run: bool,
    /// The report of rejected rows. Default: the file's name with `.rejected.csv` behind it.
    #[arg(long)]
    rejected: Option<PathBuf>,
    /// The file of ids: which user here has which id of the file. Default: the file's name with `.ids.csv` behind it.
    #[arg(long)]
    ids: Option<PathBuf>,
}

/// The workspace that users come from, if not from a file.
#[derive(Debug, Args)]
pub(super) struct Origin {
    /// The address of a running workspace's API, such as `https://chat.example.com/include/api.php`: users come from there,
    /// with all extras.
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// The file that holds an admin's token there.
    #[arg(long, value_name = "FILE", requires = "from")]
    token_file: Option<PathBuf>,
    /// An admin's token there. Other users of this machine may see it while the command runs: better --token-file.
    #[arg(long, requires = "from", conflicts_with = "token_file")]
    token: Option<String>,
    /// Conversations come along with their messages.
    #[arg(long, requires = "from")]
    conversations: bool,
    /// Calls a second there, at most.
    #[arg(long, default_value_t = 5.0, requires = "from")]
    rate: f64,
    /// A certificate authority to trust instead of the system's.
    #[arg(long, requires = "from")]
    ca: Option<PathBuf>,
}

/// What becomes of a row whose e-mail address or phone number somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum OnDuplicate {
    /// It is rejected.
    #[default]
    Reject,
    /// It is passed over.
    Skip,
    /// Whoever has it gets what the row says; empty cells change nothing.
    Update,
}

fn delimiter(text: &str) -> Result<u8, String> {
    match (text, text.as_bytes()) {
        ("\\t" | "tab", _) => Ok(b'\t'),
        (_, [one]) if one.is_ascii() => Ok(*one),
        _ => Err("a delimiter is one ASCII character, or `tab`".to_owned()),
    }
}

/// Imports the users, written through `bulk`. Returns whether everything could be imported.
pub(super) async fn import(app: &App, bulk: &BulkStore, options: &Options) -> Result<bool> {
    match (&options.origin.from, &options.file) {
        (Some(url), file) => from::import(app, bulk, options, url, file.as_deref()).await,
        (None, Some(file)) => Ok(import_file(app, bulk, options, file).await?.is_some_and(|rejected| rejected == 0)),
        (None, None) => bail!("say which file"),
    }
}

/// Imports a file. Returns how many rows could not be imported; `None` if the operator did not approve the columns.
async fn import_file(app: &App, bulk: &BulkStore, options: &Options, file: &Path) -> Result<Option<u64>> {
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
fn ids_file(options: &Options, file: &Path) -> PathBuf {
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
