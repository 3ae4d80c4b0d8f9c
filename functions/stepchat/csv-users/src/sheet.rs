//! Builds the file: rows are kept aside until all columns are known, since the header comes first.

use crate::columns::{Columns, Row};
use csv::{Reader, ReaderBuilder, StringRecord, Terminator, Writer, WriterBuilder};
use shared::store::StoreError;
use shared::text::formula::guard;
use std::collections::HashMap;
use std::io::Seek;
use tempfile::SpooledTempFile;

/// Bytes of rows that are kept in memory; more go to a file without a name, which disappears with the process.
const IN_MEMORY: usize = 16 * 1024 * 1024;
/// The most bytes of rows that are kept, in memory or not. A Lambda function has 512 MB for files.
const MOST: usize = 400 * 1024 * 1024;
/// Bytes of the finished file that are uploaded together.
const PIECE: usize = 256 * 1024;
/// Cells of the fixed columns, with which each kept row begins.
const FIXED: usize = 17;
/// Tells spreadsheet programs that the text is UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Rows that are kept aside.
#[derive(Debug)]
pub struct Sheet {
    kept: Writer<SpooledTempFile>,
    rows: usize,
    bytes: usize,
}

/// Every failure here comes from the disk.
fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("rows cannot be kept: {error}"))
}

impl Default for Sheet {
    fn default() -> Self {
        Self::new()
    }
}

impl Sheet {
    /// A sheet without rows.
    #[must_use]
    pub fn new() -> Self {
        let kept = WriterBuilder::new().flexible(true).from_writer(SpooledTempFile::new(IN_MEMORY));
        Self { kept, rows: 0, bytes: 0 }
    }

    /// How many rows there are.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Whether there is no room for more.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.bytes >= MOST
    }

    /// Keeps a row.
    pub fn add(&mut self, row: &Row) -> Result<(), StoreError> {
        let custom = row.custom.iter().flat_map(|(column, value)| [column.to_string(), value.clone()]);
        let cells: Vec<String> = row.fixed.iter().cloned().chain(custom).collect();
        self.bytes = cells.iter().fold(self.bytes, |bytes, cell| bytes.saturating_add(cell.len()).saturating_add(3));
        self.rows = self.rows.saturating_add(1);
        self.kept.write_record(cells).map_err(failed)
    }

    /// The finished file, now that all columns are known.
    pub fn finish(self, columns: &Columns) -> Result<Rows, StoreError> {
        let mut kept = self.kept.into_inner().map_err(failed)?;
        kept.rewind().map_err(failed)?;
        let kept = ReaderBuilder::new().flexible(true).has_headers(false).from_reader(kept);
        let (order, header) = columns.in_order();
        Ok(Rows { kept, order, header: Some(header) })
    }
}

/// The finished file, piece by piece.
#[derive(Debug)]
pub struct Rows {
    kept: Reader<SpooledTempFile>,
    /// The numbers of the columns after the fixed ones, in the order of the file.
    order: Vec<usize>,
    header: Option<Vec<String>>,
}

impl Rows {
    /// The next piece.
    pub fn next_piece(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let mut piece = Vec::new();
        if self.header.is_some() {
            piece.extend_from_slice(BYTE_ORDER_MARK.as_bytes());
        }
        let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(piece);
        if let Some(header) = self.header.take() {
            writer.write_record(header.iter().map(|cell| guard(cell))).map_err(failed)?;
        }
        let mut record = StringRecord::new();
        while writer.get_ref().len() < PIECE && self.kept.read_record(&mut record).map_err(failed)? {
            let mut cells = record.iter();
            let fixed: Vec<&str> = cells.by_ref().take(FIXED).collect();
            let mut custom: HashMap<usize, &str> = HashMap::new();
            while let (Some(column), Some(value)) = (cells.next(), cells.next()) {
                custom.extend(column.parse().map(|column: usize| (column, value)));
            }
            let custom = self.order.iter().map(|column| custom.get(column).copied().unwrap_or_default());
            let row = fixed.into_iter().chain(custom).map(guard);
            writer.write_record(row).map_err(failed)?;
        }
        let piece = writer.into_inner().map_err(failed)?;
        Ok(Some(piece).filter(|piece| !piece.is_empty()))
    }
}
