//! Users from a CSV file.

use super::columns::{Columns, Mapping, Rejection, Row};
use super::rejected::Rejected;
use crate::progress::Progress;
use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use csv::{ByteRecord, Reader, ReaderBuilder, StringRecord};
use futures_util::stream::{self, StreamExt as _};
use ring::digest::{Context as Digest, SHA256};
use shared::context::App;
use shared::limits::{MAX_DETAILS_PER_CALL, MAX_PARALLEL};
use shared::stepchat::{Phone, Refusal, Slug};
use shared::store::CommitError;
use shared::store::auth::TokenHash;
use shared::store::stepchat::imports::Checkpoint;
use shared::store::stepchat::users::{self, Attribute, Secrets};
use shared::text::hex;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

pub(super) const EXAMPLES: &str = "Examples:\n  \
    switchboard import stepchat users.csv --dry-run\n  \
    switchboard import stepchat users.csv\n  \
    switchboard import stepchat crm.csv --delimiter ';' --map Mail=email --map Tel=extra:phone --map Notes=ignore";

/// Rows between two checkpoints.
const CHECKPOINT_EVERY: u64 = 1_000;

/// What to import and how.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The file: UTF-8 text, its first line the header.
    file: PathBuf,
    /// What a column is: `first_name`, `last_name`, `email`, `profile_image`, `user_type`, `creation_time`,
    /// `department`, `extra:SLUG` or `ignore`. Columns that are not named here go by their header; what is no field
    /// becomes an extra.
    #[arg(long = "map", value_name = "HEADER=FIELD")]
    mappings: Vec<Mapping>,
    /// What stands between two cells.
    #[arg(long, default_value = ",", value_parser = delimiter)]
    delimiter: u8,
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

/// Imports the file; whether every row could be imported.
pub(super) async fn import(app: &App, options: &Options) -> Result<bool> {
    let source = Source::survey(options)?;
    let report = options.rejected.clone().unwrap_or_else(|| beside(&options.file));
    let target = Target {
        app,
        checkpoint: match (Checkpoint::find(&app.store, &source.hash).await?, options.dry_run) {
            (known, true) => known,
            (Some(known), false) => Some(known),
            (None, false) => Some(Checkpoint::begin(&app.store, &source.hash, source.rows).await?),
        },
        dry_run: options.dry_run,
    };
    let done = target.checkpoint.as_ref().map_or(0, Checkpoint::done);
    if done > 0 {
        eprintln!("{done} of {} rows have been imported before: going on behind them", source.rows);
    }
    let mut rejected = Rejected::open(&report, &source.header, done)?;
    let (made, there) = target.take_all(&source, done, &mut rejected).await?;
    let verb = if options.dry_run { "could be imported" } else { "imported" };
    println!("{made} users {verb}, {there} were there already, {} rows rejected", rejected.count());
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
    hash: String,
    header: ByteRecord,
    columns: Columns,
    rows: u64,
}

/// One row of the file.
struct Numbered {
    number: u64,
    record: ByteRecord,
    row: Result<Row, Rejection>,
}

impl<'a> Source<'a> {
    fn survey(options: &'a Options) -> Result<Self> {
        let (hash, start) = fingerprint(&options.file)?;
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
            bail!("{} is UTF-16 text: save it as UTF-8 first", options.file.display());
        }
        let mut reader = open(options)?;
        let header = reader.byte_headers().with_context(|| cannot_read(&options.file))?.clone();
        let text = StringRecord::from_byte_record(header.clone());
        let text = text.map_err(|_| anyhow!("{} is not UTF-8 text: save it as UTF-8 first", options.file.display()))?;
        if text.iter().all(|cell| cell.trim().is_empty()) {
            bail!("{} is empty", options.file.display());
        }
        let columns = Columns::of(&text, &options.mappings)?;
        let (mut rows, mut record) = (0_u64, ByteRecord::new());
        while reader.read_byte_record(&mut record).with_context(|| cannot_read(&options.file))? {
            rows = rows.saturating_add(1);
        }
        Ok(Self { options, hash, header, columns, rows })
    }

    /// The rows behind number `done`, in order. Earlier ones are read too: later ones may repeat their addresses.
    fn rows(&self, done: u64) -> Result<impl Iterator<Item = Result<Numbered>>> {
        let mut addresses: HashMap<String, u64> = HashMap::new();
        let records = (1_u64..).zip(open(self.options)?.into_byte_records());
        let rows = records.map(move |(number, record)| {
            let record = record.with_context(|| cannot_read(&self.options.file))?;
            let mut row = self.row(&record);
            if let Some(email) = row.as_ref().ok().and_then(|row| row.user.email.as_ref()) {
                let first = *addresses.entry(email.folded()).or_insert(number);
                if first != number {
                    row = Err(Rejection::SameEmail(first));
                }
            }
            Ok(Numbered { number, record, row })
        });
        Ok(rows.filter(move |row| row.as_ref().map_or(true, |row| row.number > done)))
    }

    fn row(&self, record: &ByteRecord) -> Result<Row, Rejection> {
        let text = StringRecord::from_byte_record(record.clone()).map_err(|_| Rejection::Encoding)?;
        let row = self.columns.row(&text)?;
        if row.details.len() > MAX_DETAILS_PER_CALL { Err(Refusal::TooManyExtras.into()) } else { Ok(row) }
    }
}

fn open(options: &Options) -> Result<Reader<File>> {
    let mut builder = ReaderBuilder::new();
    let builder = builder.flexible(true).delimiter(options.delimiter);
    builder.from_path(&options.file).with_context(|| cannot_read(&options.file))
}

fn cannot_read(file: &Path) -> String {
    format!("cannot read {}", file.display())
}

/// The SHA-256 of a file, and its first bytes.
fn fingerprint(path: &Path) -> Result<(String, Vec<u8>)> {
    let mut file = File::open(path).with_context(|| cannot_read(path))?;
    let (mut digest, mut start, mut buffer) = (Digest::new(&SHA256), Vec::new(), vec![0; 1 << 16]);
    loop {
        let read = file.read(&mut buffer).with_context(|| cannot_read(path))?;
        let piece = buffer.get(..read).unwrap_or_default();
        if piece.is_empty() {
            return Ok((hex(digest.finish().as_ref()), start));
        }
        if start.is_empty() {
            start = piece.iter().take(4).copied().collect();
        }
        digest.update(piece);
    }
}

/// What became of a row.
enum Outcome {
    Made,
    There,
    Rejected(Rejection),
}

/// Where the rows go.
struct Target<'a> {
    app: &'a App,
    /// None in a dry run of a file that has not been imported before.
    checkpoint: Option<Checkpoint>,
    dry_run: bool,
}

impl Target<'_> {
    /// Takes the rows behind number `done`; how many users were made, and how many were there already.
    async fn take_all(&self, source: &Source<'_>, done: u64, rejected: &mut Rejected) -> Result<(u64, u64)> {
        let mut progress = Progress::new(Some(source.rows), "rows");
        progress.advance(done);
        let mut checkpoint = self.checkpoint.clone();
        let (mut made, mut there, mut last) = (0_u64, 0_u64, done);
        let work = source.rows(done)?.map(|row| async {
            let row = row?;
            let outcome = match &row.row {
                Ok(content) => self.take(row.number, content).await?,
                Err(why) => Outcome::Rejected(why.clone()),
            };
            Ok::<_, anyhow::Error>((row, outcome))
        });
        // In order, so that a checkpoint says all there is to say.
        let mut taken = stream::iter(work).buffered(MAX_PARALLEL);
        while let Some(row) = taken.next().await {
            let (row, outcome) = row?;
            match outcome {
                Outcome::Made => made = made.saturating_add(1),
                Outcome::There => there = there.saturating_add(1),
                Outcome::Rejected(why) => rejected.add(row.number, &why, &row.record)?,
            }
            last = row.number;
            progress.advance(1);
            if last.is_multiple_of(CHECKPOINT_EVERY) {
                self.remember(checkpoint.as_mut(), last, rejected).await?;
            }
        }
        self.remember(checkpoint.as_mut(), last, rejected).await?;
        progress.finish();
        Ok((made, there))
    }

    async fn remember(&self, checkpoint: Option<&mut Checkpoint>, done: u64, rejected: &mut Rejected) -> Result<()> {
        rejected.flush()?;
        match checkpoint {
            Some(checkpoint) if !self.dry_run => Ok(checkpoint.advance(&self.app.store, done).await?),
            _ => Ok(()),
        }
    }

    async fn take(&self, number: u64, row: &Row) -> Result<Outcome> {
        match &self.checkpoint {
            Some(checkpoint) if !self.dry_run => self.make(checkpoint, number, row).await,
            _ => self.try_out(row).await,
        }
    }

    /// Makes the user. The id belongs to the row, so one that is there already was made from it.
    async fn make(&self, checkpoint: &Checkpoint, number: u64, row: &Row) -> Result<Outcome> {
        let app = self.app;
        let id = checkpoint.id(number).with_context(|| format!("row {number} is behind the last id"))?;
        let config = &app.config.stepchat;
        let random = fastrand::u32(0..100_000);
        let mut user = row.user.clone().into_user(id, app.clock.now(), &config.default_first_name, random);
        if let Some(created) = row.created {
            user.creation_time = created;
            user.last_activity = created;
        }
        let secrets = Secrets { password: None, token: TokenHash::of(&app.tokens.of(id, user.token_version)) };
        let txn = users::creation(&user, &row.details, &secrets, config.unique_phone)?;
        Ok(match app.store.commit(&txn).await {
            Ok(()) => Outcome::Made,
            // Or the write was taken for dead, minutes late.
            Err(CommitError::Stale) => match users::find_profile(&app.store, id).await? {
                Some(_) => Outcome::There,
                None => bail!("row {number}: the database was too slow; the same command goes on from here"),
            },
            Err(CommitError::Refused(refusal)) => Outcome::Rejected(refusal.into()),
            Err(error) => bail!("row {number}: {error}; the same command goes on from here"),
        })
    }

    /// Looks whether the row could be imported as things are now.
    async fn try_out(&self, row: &Row) -> Result<Outcome> {
        let store = &self.app.store;
        if let Some(email) = &row.user.email
            && users::find_by(store, &Attribute::Email(email.clone())).await?.is_some()
        {
            return Ok(Outcome::Rejected(Refusal::DuplicateEmail.into()));
        }
        let phone = row.details.iter().find(|detail| detail.slug.as_str() == Slug::PHONE);
        if self.app.config.stepchat.unique_phone
            && let Some(phone) = phone.and_then(|phone| Phone::parse(phone.value.as_str()))
            && users::find_by(store, &Attribute::Phone(phone)).await?.is_some()
        {
            return Ok(Outcome::Rejected(Refusal::DuplicatePhone.into()));
        }
        Ok(Outcome::Made)
    }
}
