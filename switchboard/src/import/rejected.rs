//! The report of rows that were not imported: number and reason, then the row as it was.

use super::columns::{OF_REPORT, Rejection, sheet_row};
use anyhow::{Context, Result, bail};
use csv::{ByteRecord, Reader, ReaderBuilder, Writer};
use std::fs::File;
use std::path::{Path, PathBuf};

/// A report that is being written. The file appears with the first rejected row.
#[derive(Debug)]
pub(super) struct Rejected {
    path: PathBuf,
    header: ByteRecord,
    /// If the imported file is itself a report: how many cells that report has put in front of each row.
    told_before: usize,
    writer: Option<Writer<File>>,
    count: u64,
}

impl Rejected {
    /// Checks, before the first row is imported, that a report about `file` can be written to `path`.
    pub(super) fn check(path: &Path, file: &Path) -> Result<()> {
        let cannot = || format!("cannot write the report of rejected rows {}", path.display());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.canonicalize().with_context(cannot)?;
        if path.is_dir() {
            bail!("{}: it is a folder", cannot());
        }
        let name = path.file_name().with_context(cannot)?;
        if path.canonicalize().unwrap_or(folder.join(name)) == file.canonicalize().with_context(cannot)? {
            bail!("{}: it is the file that is imported", cannot());
        }
        Ok(())
    }

    /// Begins a report at `path`. If a report is already there, its rows up to number `done` are kept.
    pub(super) fn open(path: &Path, header: &ByteRecord, done: u64) -> Result<Self> {
        let is_report = header.iter().take(OF_REPORT.len()).eq(OF_REPORT.map(str::as_bytes));
        let told_before = if is_report { OF_REPORT.len() } else { 0 };
        let mut report = Self { path: path.to_owned(), header: header.clone(), told_before, writer: None, count: 0 };
        let mut kept = Vec::new();
        if done > 0 && path.exists() {
            let mut reader: Reader<File> =
                ReaderBuilder::new().flexible(true).from_path(path).with_context(report.cannot("read"))?;
            for record in reader.byte_records() {
                let record = record.with_context(report.cannot("read"))?;
                let number = record.get(0).and_then(|cell| std::str::from_utf8(cell).ok()?.parse::<u64>().ok());
                if number.is_some_and(|number| number <= sheet_row(done)) {
                    kept.push(record);
                }
            }
        }
        for record in kept {
            report.write(&record)?;
        }
        Ok(report)
    }

    /// Adds a row.
    pub(super) fn add(&mut self, number: u64, why: &Rejection, row: &ByteRecord) -> Result<()> {
        let mut record = ByteRecord::from(vec![sheet_row(number).to_string(), why.to_string()]);
        record.extend(row.iter().skip(self.told_before));
        self.write(&record)
    }

    fn write(&mut self, record: &ByteRecord) -> Result<()> {
        let cannot = self.cannot("write");
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                let mut builder = csv::WriterBuilder::new();
                let mut writer = builder.flexible(true).from_path(&self.path).with_context(&cannot)?;
                let mut header = ByteRecord::from(OF_REPORT.to_vec());
                header.extend(self.header.iter().skip(self.told_before));
                writer.write_byte_record(&header).with_context(&cannot)?;
                self.writer.insert(writer)
            }
        };
        writer.write_byte_record(record).with_context(&cannot)?;
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    /// Makes sure that everything is in the file.
    pub(super) fn flush(&mut self) -> Result<()> {
        let cannot = self.cannot("write");
        self.writer.as_mut().map_or(Ok(()), csv::Writer::flush).with_context(cannot)
    }

    /// Rows in the report.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    fn cannot(&self, what: &'static str) -> impl Fn() -> String + use<> {
        let path = self.path.display().to_string();
        move || format!("cannot {what} the report of rejected rows {path}")
    }
}
