//! Users from a CSV file.

use super::columns::{Columns, Mapping, Rejection, Row, list};
use super::field::NameOrder;
use super::rejected::Rejected;
use super::table::{self, Reading, Table};
use crate::progress::Progress;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use clap::Args;
use csv::{ByteRecord, StringRecord};
use encoding_rs::Encoding;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use shared::context::App;
use shared::ids::UserId;
use shared::limits::MAX_DETAILS_PER_CALL;
use shared::stepchat::{Phone, Refusal, Slug, check_details};
use shared::store::auth::TokenHash;
use shared::store::stepchat::counters::Leads;
use shared::store::stepchat::imports::{Checkpoint, Taken, Wanted};
use shared::store::stepchat::users::{self, Secrets};
use shared::store::{Attempts, CommitError, Store, Txn};
use std::collections::HashMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::{io, iter};

pub(super) const EXAMPLES: &str = "Examples:\n  \
    switchboard import stepchat users.csv --dry-run\n  \
    switchboard import stepchat users.csv\n  \
    switchboard import stepchat contacts.xlsx --sheet Customers --name-order last-first\n  \
    switchboard import stepchat crm.csv --map Mail=email --map 'Tel. 2=phone' --map Notes=ignore --yes";

/// Rows that are looked up and written together, and between two checkpoints.
const BATCH: usize = 1_000;
/// Batches that are under way at once.
const AT_ONCE: usize = 2;

/// What to import and how.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The file: text or a workbook (.xlsx, .xls, .ods), its first line the header.
    file: PathBuf,
    /// What a column is: `first_name`, `last_name`, `full_name`, `email`, `phone`, `profile_image`, `user_type`,
    /// `creation_time`, `department`, `extra:SLUG` or `ignore`. Columns that are not named here go by their header; what
    /// is no field becomes an extra. Of columns with one header, `Notes#2` is the second.
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
}

fn delimiter(text: &str) -> Result<u8, String> {
    match (text, text.as_bytes()) {
        ("\\t" | "tab", _) => Ok(b'\t'),
        (_, [one]) if one.is_ascii() => Ok(*one),
        _ => Err("a delimiter is one ASCII character, or `tab`".to_owned()),
    }
}

/// Imports the file by this way of writing; whether every row could be imported.
pub(super) async fn import(app: &App, store: Store, options: &Options) -> Result<bool> {
    let source = Source::survey(options, app.config.stepchat.unique_phone)?;
    let report = options.rejected.clone().unwrap_or_else(|| beside(&options.file));
    Rejected::check(&report, &options.file)?;
    let known = Checkpoint::find(&store, &source.table.hash).await?;
    let done = known.as_ref().map_or(0, Checkpoint::done);
    if done == 0 && !source.approved()? {
        eprintln!("Nothing was imported. Say what the columns are with --map.");
        return Ok(false);
    }
    if done > 0 {
        eprintln!("{done} of {} rows have been imported before: going on behind them", source.rows);
    }
    let checkpoint = match (known, options.dry_run) {
        (None, false) => Some(Checkpoint::begin(&store, &source.table.hash, source.rows).await?),
        (known, _) => known,
    };
    let target = Target { app, store, checkpoint, dry_run: options.dry_run };
    let mut rejected = Rejected::open(&report, &source.header, done)?;
    let Tally { made, there, nobody } = target.take_all(&source, done, &mut rejected).await?;
    let verb = if options.dry_run { "could be imported" } else { "imported" };
    let empty = if nobody == 0 { String::new() } else { format!(", {nobody} empty rows passed over") };
    println!("{made} users {verb}, {there} were there already, {} rows rejected{empty}", rejected.count());
    if rejected.count() > 0 {
        println!("the rejected rows, each with its reason: {}", report.display());
    }
    Ok(rejected.count() == 0)
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".rejected.csv");
    PathBuf::from(name)
}

/// A file that has been looked through once.
struct Source<'a> {
    options: &'a Options,
    unique_phone: bool,
    table: Table,
    header: ByteRecord,
    columns: Columns,
    rows: u64,
    /// The first rows, to show.
    samples: Vec<StringRecord>,
}

/// Rows that are shown before anything is imported.
const SAMPLES: usize = 2;

/// One row of the file.
struct Numbered {
    number: u64,
    record: ByteRecord,
    row: Result<Row, Rejection>,
}

impl<'a> Source<'a> {
    fn survey(options: &'a Options, unique_phone: bool) -> Result<Self> {
        let Options { encoding, delimiter, sheet, .. } = options;
        let reading = Reading { encoding: *encoding, delimiter: *delimiter, sheet: sheet.clone() };
        let table = Table::open(&options.file, &reading)?;
        let mut lines = table.rows()?;
        let empty = || anyhow!("{} is empty", options.file.display());
        let header = lines.next().ok_or_else(empty)??;
        let text = StringRecord::from_byte_record(header.clone());
        let text = text.map_err(|_| {
            anyhow!("the header of {} is no text: say --encoding, such as windows-1251", options.file.display())
        })?;
        ensure!(text.iter().any(|cell| !cell.trim().is_empty()), empty());
        let columns = Columns::of(&text, &options.mappings, options.name_order)?;
        let (mut rows, mut samples) = (0_u64, Vec::new());
        for line in lines.by_ref() {
            let line = line?;
            rows = rows.saturating_add(1);
            if samples.len() < SAMPLES {
                samples.extend(StringRecord::from_byte_record(line));
            }
        }
        drop(lines);
        Ok(Self { options, unique_phone, table, header, columns, rows, samples })
    }

    /// Shows how the file is understood. Whoever sits at a terminal is asked whether that is right; where nobody can be
    /// asked, a file in which nothing tells who somebody is needs `--yes`.
    fn approved(&self) -> Result<bool> {
        let Self { options, table, columns, .. } = self;
        eprint!("{}: {table}, {} rows\n{}", options.file.display(), self.rows, columns.shown(&self.samples));
        let advice = "no column is known to be a name, an e-mail address or a phone number";
        if !columns.tell_who() {
            eprintln!("In this file {advice}.");
        }
        if options.yes {
            return Ok(true);
        }
        if io::stdin().is_terminal() && io::stderr().is_terminal() {
            if options.dry_run {
                return Ok(true);
            }
            eprint!("Import them so? [y/N] ");
            io::stderr().flush()?;
            let mut answer = String::new();
            io::stdin().read_line(&mut answer)?;
            return Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "д" | "да"));
        }
        if !columns.tell_who() {
            let header = StringRecord::from_byte_record_lossy(self.header.clone());
            bail!("{advice}: say which with --map, or --yes. The columns are {}", list(&header));
        }
        Ok(true)
    }

    /// The rows behind number `done`, in order. Earlier ones are read too: later ones may repeat their addresses and
    /// numbers.
    fn rows(&self, done: u64) -> Result<impl Iterator<Item = Result<Numbered>>> {
        let mut seen: HashMap<Unique, u64> = HashMap::new();
        let records = (1_u64..).zip(self.table.rows()?.skip(1));
        let rows = records.map(move |(number, record)| {
            let record = record?;
            let row = self.row(&record).and_then(|row| {
                let email = row.user.email.as_ref().map(|email| Unique::Email(email.folded()));
                let phone = self.phone(&row).map(Unique::Phone);
                for unique in [email, phone].into_iter().flatten() {
                    let first = *seen.entry(unique.clone()).or_insert(number);
                    if first != number {
                        return Err(unique.repeated(first));
                    }
                }
                Ok(row)
            });
            Ok(Numbered { number, record, row })
        });
        Ok(rows.filter(move |row| row.as_ref().map_or(true, |row| row.number > done)))
    }

    /// The phone number of a row, where that must be unique.
    fn phone(&self, row: &Row) -> Option<Phone> {
        let phone = row.details.iter().find(|detail| detail.slug.as_str() == Slug::PHONE);
        phone.filter(|_| self.unique_phone).and_then(|phone| Phone::parse(phone.value.as_str()))
    }

    fn row(&self, record: &ByteRecord) -> Result<Row, Rejection> {
        let text = StringRecord::from_byte_record(record.clone()).map_err(|_| Rejection::Encoding)?;
        let row = self.columns.row(&text)?;
        if row.details.len() > MAX_DETAILS_PER_CALL {
            return Err(Refusal::TooManyExtras.into());
        }
        check_details(&[], &row.details)?;
        Ok(row)
    }
}

/// What no two users may have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Unique {
    Email(String),
    Phone(Phone),
}

impl Unique {
    /// Why a later row is not imported.
    fn repeated(self, first: u64) -> Rejection {
        match self {
            Self::Email(_) => Rejection::SameEmail(first),
            Self::Phone(_) => Rejection::SamePhone(first),
        }
    }
}

fn batches(mut rows: impl Iterator<Item = Result<Numbered>>) -> impl Iterator<Item = Result<Vec<Numbered>>> {
    iter::from_fn(move || {
        let batch = rows.by_ref().take(BATCH).collect::<Result<Vec<_>>>();
        Some(batch).filter(|batch| batch.as_ref().map_or(true, |rows| !rows.is_empty()))
    })
}

/// What became of a row.
#[derive(Debug, Clone)]
enum Outcome {
    Made,
    There,
    /// The row is empty.
    Nobody,
    Rejected(Rejection),
}

/// How many rows came to which end.
#[derive(Debug, Default)]
struct Tally {
    made: u64,
    there: u64,
    nobody: u64,
}

/// A row that can be a user, and where its outcome goes.
struct Candidate<'a> {
    place: usize,
    number: u64,
    id: Option<UserId>,
    row: &'a Row,
    phone: Option<Phone>,
}

impl Candidate<'_> {
    fn wanted(&self) -> Wanted<'_> {
        Wanted { id: self.id, email: self.row.user.email.as_ref(), phone: self.phone.as_ref() }
    }

    /// What is known of it before anything is written. The id belongs to the row, so a user who has it was made from it.
    fn known(&self, taken: &Taken) -> Option<Outcome> {
        if self.id.is_some_and(|id| taken.has_user(id)) {
            return Some(Outcome::There);
        }
        let wanted = self.wanted();
        if wanted.email.is_some_and(|email| taken.has_email(email)) {
            return Some(Outcome::Rejected(Refusal::DuplicateEmail.into()));
        }
        let phone = wanted.phone.filter(|phone| taken.has_phone(phone));
        phone.map(|_| Outcome::Rejected(Refusal::DuplicatePhone.into()))
    }
}

/// Where the rows go.
struct Target<'a> {
    app: &'a App,
    store: Store,
    /// None in a dry run of a file that has not been imported before.
    checkpoint: Option<Checkpoint>,
    dry_run: bool,
}

impl Target<'_> {
    /// Takes the rows behind number `done`.
    async fn take_all(&self, source: &Source<'_>, done: u64, rejected: &mut Rejected) -> Result<Tally> {
        let mut progress = Progress::new(Some(source.rows), "rows");
        progress.advance(done);
        let mut checkpoint = self.checkpoint.clone();
        let mut tally = Tally::default();
        // What one batch takes no other wants: the file names everything once. So the next is prepared while one is written.
        let taking = batches(source.rows(done)?).map(|batch| async {
            let batch = batch?;
            let outcomes = self.take(source, &batch).await?;
            anyhow::Ok((batch, outcomes))
        });
        let mut taken = pin!(stream::iter(taking).buffered(AT_ONCE));
        while let Some((batch, outcomes)) = taken.try_next().await? {
            let last = batch.last().map_or(done, |row| row.number);
            for (row, outcome) in batch.iter().zip(outcomes) {
                let count = match outcome {
                    Outcome::Made => Some(&mut tally.made),
                    Outcome::There => Some(&mut tally.there),
                    Outcome::Nobody => Some(&mut tally.nobody),
                    Outcome::Rejected(why) => {
                        rejected.add(row.number, &why, &row.record)?;
                        None
                    }
                };
                if let Some(count) = count {
                    *count = count.saturating_add(1);
                }
                progress.advance(1);
            }
            self.remember(checkpoint.as_mut(), last, rejected).await?;
        }
        progress.finish();
        Ok(tally)
    }

    async fn remember(&self, checkpoint: Option<&mut Checkpoint>, done: u64, rejected: &mut Rejected) -> Result<()> {
        rejected.flush()?;
        match checkpoint {
            Some(checkpoint) if !self.dry_run => Ok(checkpoint.advance(&self.store, done).await?),
            _ => Ok(()),
        }
    }

    /// Takes a batch; the outcomes in its order.
    async fn take(&self, source: &Source<'_>, batch: &[Numbered]) -> Result<Vec<Outcome>> {
        let mut outcomes = vec![Outcome::Made; batch.len()];
        let mut candidates = Vec::with_capacity(batch.len());
        for (place, (outcome, numbered)) in outcomes.iter_mut().zip(batch).enumerate() {
            match &numbered.row {
                Ok(row) => {
                    let id = self.checkpoint.as_ref().and_then(|checkpoint| checkpoint.id(numbered.number));
                    let phone = source.phone(row);
                    candidates.push(Candidate { place, number: numbered.number, id, row, phone });
                }
                Err(Rejection::Nobody) => *outcome = Outcome::Nobody,
                Err(why) => *outcome = Outcome::Rejected(why.clone()),
            }
        }
        let mut attempts = Attempts::default();
        loop {
            let wanted: Vec<Wanted<'_>> = candidates.iter().map(Candidate::wanted).collect();
            let taken = Taken::of(&self.store, &wanted).await?;
            candidates.retain(|candidate| match (candidate.known(&taken), outcomes.get_mut(candidate.place)) {
                (Some(known), Some(outcome)) => {
                    *outcome = known;
                    false
                }
                _ => true,
            });
            if candidates.is_empty() || self.dry_run {
                return Ok(outcomes);
            }
            let mut made = self.make(&candidates).await?.into_iter();
            let mut late = Vec::new();
            for candidate in candidates {
                match (made.next(), outcomes.get_mut(candidate.place)) {
                    // The row is there, or what was announced for it was taken for dead meanwhile: look, and try again.
                    (Some(Err(CommitError::Stale)), _) => late.push(candidate),
                    (Some(Err(CommitError::Refused(refusal))), Some(outcome)) => {
                        *outcome = Outcome::Rejected(refusal.into());
                    }
                    (Some(Err(error)), _) => {
                        bail!("row {}: {error}; the same command goes on from here", candidate.number)
                    }
                    _ => {}
                }
            }
            if late.is_empty() {
                return Ok(outcomes);
            }
            candidates = late;
            let again = attempts.again().await;
            again.with_context(|| "the database is too slow; the same command goes on from here".to_owned())?;
        }
    }

    /// Makes users; what became of each, in order.
    async fn make(&self, candidates: &[Candidate<'_>]) -> Result<Vec<Result<(), CommitError<Refusal>>>> {
        let leads = Leads::read(&self.store).await?;
        let txns = candidates.iter().map(|candidate| self.creation(candidate, &leads)).collect::<Result<Vec<_>>>()?;
        let made = self.store.commit_each(&txns).await;
        made.with_context(|| "the same command goes on from here".to_owned())
    }

    fn creation(&self, candidate: &Candidate<'_>, leads: &Leads) -> Result<Txn<Refusal>> {
        let Candidate { row, number, .. } = candidate;
        let id = candidate.id.with_context(|| format!("row {number} is behind the last id"))?;
        let config = &self.app.config.stepchat;
        let random = fastrand::u32(0..100_000);
        let mut user = row.user.clone().into_user(id, self.app.clock.now(), &config.default_first_name, random);
        if let Some(created) = row.created {
            user.creation_time = created;
            user.last_activity = created;
        }
        let secrets = Secrets { password: None, token: TokenHash::of(&self.app.tokens.of(id, user.token_version)) };
        Ok(users::creation(&user, &row.details, &secrets, config.unique_phone, leads)?)
    }
}
