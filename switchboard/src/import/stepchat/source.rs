//! The file to import, and how it is read.

use super::super::columns::{Columns, Rejection, Row, Rules, list};
use super::super::table::{Reading, Table};
use super::options::Options;
use anyhow::{Result, anyhow, bail, ensure};
use csv::{ByteRecord, StringRecord};
use ring::digest::{SHA256, digest};
use shared::context::App;
use shared::crypto::Tokens;
use shared::ids::UserId;
use shared::limits::MAX_DETAILS_PER_CALL;
use shared::stepchat::{Phone, Refusal, Slug, check_details};
use shared::text::hex;
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

/// Rows that are shown before anything is imported.
const SAMPLES: usize = 2;

/// A file that has been read through once.
pub(super) struct Source<'a> {
    options: &'a Options,
    file: &'a Path,
    unique_phone: bool,
    tokens: &'a Tokens,
    table: Table,
    hash: String,
    pub(super) header: ByteRecord,
    columns: Columns,
    pub(super) rows: u64,
    /// The largest id that a row keeps.
    pub(super) largest_id: u64,
    /// The first rows, to be shown to the operator.
    samples: Vec<StringRecord>,
}

/// One row of the file.
pub(super) struct NumberedRow {
    pub(super) number: u64,
    pub(super) record: ByteRecord,
    pub(super) row: Result<Row, Rejection>,
    /// A keyed hash of what the row says.
    pub(super) print: String,
}

impl<'a> Source<'a> {
    pub(super) fn survey(options: &'a Options, file: &'a Path, app: &'a App) -> Result<Self> {
        let Options { encoding, delimiter, sheet, .. } = options;
        let reading = Reading { encoding: *encoding, delimiter: *delimiter, sheet: sheet.clone() };
        let table = Table::open(file, &reading)?;
        let mut lines = table.rows()?;
        let empty = || anyhow!("{} is empty", file.display());
        let header = lines.next().ok_or_else(empty)??;
        let text = StringRecord::from_byte_record(header.clone());
        let text = text.map_err(|_| {
            anyhow!(
                "the header of {} cannot be read in this encoding: say --encoding, such as windows-1251",
                file.display()
            )
        })?;
        ensure!(text.iter().any(|cell| !cell.trim().is_empty()), empty());
        let rules = Rules { order: options.name_order, keep_ids: options.keep_ids };
        let columns = Columns::of(&text, &options.mappings, rules)?;
        let (mut rows, mut largest_id, mut samples) = (0_u64, 0, Vec::new());
        for line in lines.by_ref() {
            let line = line?;
            rows = rows.saturating_add(1);
            largest_id = largest_id.max(columns.kept_id(&line).map_or(0, UserId::get));
            if samples.len() < SAMPLES {
                samples.extend(StringRecord::from_byte_record(line));
            }
        }
        drop(lines);
        let Options { on_duplicate, keep_ids, .. } = options;
        let way = format!("{}\0{}\0{on_duplicate:?}\0{keep_ids}", table.hash, columns.reading());
        let hash = hex(digest(&SHA256, way.as_bytes()).as_ref());
        let (unique_phone, tokens) = (app.config.stepchat.unique_phone, &app.tokens);
        Ok(Self { options, file, unique_phone, tokens, table, hash, header, columns, rows, largest_id, samples })
    }

    /// Identifies the file and the way it is read and imported: with other options, rejected rows are tried again.
    pub(super) fn hash(&self) -> &str {
        &self.hash
    }

    /// Shows how the file is read, and asks at a terminal whether that is right. Without a terminal, a file in which no
    /// column identifies a person needs `--yes`.
    pub(super) fn approved(&self) -> Result<bool> {
        let Self { options, file, table, columns, .. } = self;
        eprint!("{}: {table}, {} rows\n{}", file.display(), self.rows, columns.shown(&self.samples));
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

    /// The rows after number `done`, in order. Earlier rows are read too, since later rows may repeat their ids, e-mail
    /// addresses and phone numbers.
    pub(super) fn rows(&self, done: u64) -> Result<impl Iterator<Item = Result<NumberedRow>>> {
        let mut seen: HashMap<Unique, u64> = HashMap::new();
        let mut alike: HashMap<u64, u32> = HashMap::new();
        let records = (1_u64..).zip(self.table.rows()?.skip(1));
        let rows = records.map(move |(number, record)| {
            let record = record?;
            let said = self.columns.said(&record);
            let nth = *alike.entry(short(&said)).and_modify(|nth| *nth = nth.saturating_add(1)).or_insert(1);
            let row = self.row(&record).and_then(|row| self.first_with(&row, number, &mut seen).map(|()| row));
            // Earlier rows only show what later rows repeat, so they need no hash.
            let print = if number > done {
                self.tokens.fingerprint(&format!("imported-row\0{nth}\0{said}"))
            } else {
                String::new()
            };
            Ok(NumberedRow { number, record, row, print })
        });
        Ok(rows.filter(move |row| row.as_ref().map_or(true, |row| row.number > done)))
    }

    /// Refuses a row that repeats the id, e-mail address or phone number of an earlier row.
    fn first_with(&self, row: &Row, number: u64, seen: &mut HashMap<Unique, u64>) -> Result<(), Rejection> {
        let email = row.user.email.as_ref().map(|email| Unique::Email(email.folded()));
        let phone = self.phone(row).map(Unique::Phone);
        for unique in [row.id.map(Unique::Id), email, phone].into_iter().flatten() {
            let first = *seen.entry(unique.clone()).or_insert(number);
            if first != number {
                return Err(unique.repeated(first));
            }
        }
        Ok(())
    }

    /// The phone number of a row, if phone numbers must be unique.
    pub(super) fn phone(&self, row: &Row) -> Option<Phone> {
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

/// A short hash by which equal rows are counted. Two different rows with the same hash are still recognised later.
fn short(said: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    said.hash(&mut hasher);
    hasher.finish()
}

/// A value that only one user may have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Unique {
    Id(UserId),
    Email(String),
    Phone(Phone),
}

impl Unique {
    /// Why a later row is not imported.
    fn repeated(self, first: u64) -> Rejection {
        match self {
            Self::Id(_) => Rejection::SameId(first),
            Self::Email(_) => Rejection::SameEmail(first),
            Self::Phone(_) => Rejection::SamePhone(first),
        }
    }
}
