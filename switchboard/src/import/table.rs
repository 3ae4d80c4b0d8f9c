//! A table as people have it: text in any usual encoding, with any usual delimiter, or a sheet of a workbook.

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use calamine::{Data, Range, Reader as _, open_workbook_auto_from_rs};
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use csv::{ByteRecord, Reader, ReaderBuilder};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use encoding_rs_io::DecodeReaderBytesBuilder;
use ring::digest::{Context as Digest, SHA256};
use shared::text::hex;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::{fmt, fs};

/// How much of a file's beginning is searched for its delimiter.
const START_BYTES: usize = 1 << 16;
/// Rows at the beginning of a file by which its delimiter is chosen.
const START_ROWS: usize = 50;
/// The delimiters that are tried if the file does not name its own, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// The first bytes of a workbook: of today's format, which is a zip archive, and of the format before 2007.
const WORKBOOKS: [&[u8]; 2] = [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"];

/// How to read a table. Whatever is `None` is found out from the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    pub(super) encoding: Option<&'static Encoding>,
    pub(super) delimiter: Option<u8>,
    pub(super) sheet: Option<String>,
}

/// A table whose file has been read through once.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    /// The SHA-256 of the file.
    pub(super) hash: String,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Text(Text),
    /// A sheet: its name and its rows.
    Sheet(String, Vec<ByteRecord>),
}

#[derive(Debug, Clone, Copy)]
struct Text {
    encoding: &'static Encoding,
    delimiter: u8,
    /// Whether the first line only names the delimiter.
    told: bool,
}

/// Tells people how the table is read.
impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.form {
            Form::Text(text) => {
                let sign = if text.delimiter == b'\t' {
                    "a tab".to_owned()
                } else {
                    format!("`{}`", char::from(text.delimiter))
                };
                write!(formatter, "{} text, cells parted by {sign}", text.encoding.name())
            }
            Form::Sheet(name, _) => write!(formatter, "the sheet {name:?}"),
        }
    }
}

impl Table {
    /// Reads the file once, to find out what it is and how to read it.
    pub(super) fn open(path: &Path, reading: &Reading) -> Result<Self> {
        let Looked { hash, start, encoding } = look(path)?;
        let form = if WORKBOOKS.iter().any(|mark| start.starts_with(mark)) {
            sheet(path, reading.sheet.as_deref())?
        } else {
            let encoding = reading.encoding.unwrap_or(encoding);
            let (start, _) = encoding.decode_with_bom_removal(&start);
            let told = told_delimiter(&start);
            let delimiter = reading.delimiter.or(told).unwrap_or_else(|| likeliest_delimiter(&start));
            Form::Text(Text { encoding, delimiter, told: told.is_some() })
        };
        Ok(Self { path: path.to_owned(), hash, form })
    }

    /// All rows, the header first. In a UTF-8 file, bytes that are not UTF-8 stay as they are.
    pub(super) fn rows(&self) -> Result<Box<dyn Iterator<Item = Result<ByteRecord>> + '_>> {
        match &self.form {
            Form::Text(text) => {
                let rows = reader(&self.path, *text)?.into_byte_records().skip(usize::from(text.told));
                Ok(Box::new(rows.map(|row| row.with_context(|| cannot_read(&self.path)))))
            }
            Form::Sheet(_, rows) => Ok(Box::new(rows.iter().cloned().map(Ok))),
        }
    }
}

pub(super) fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}

fn reader(path: &Path, text: Text) -> Result<Reader<Box<dyn Read>>> {
    let file = File::open(path).with_context(|| cannot_read(path))?;
    let bytes: Box<dyn Read> = if text.encoding == UTF_8 {
        Box::new(file)
    } else {
        Box::new(DecodeReaderBytesBuilder::new().encoding(Some(text.encoding)).build(file))
    };
    Ok(builder(text.delimiter).from_reader(bytes))
}

fn builder(delimiter: u8) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.flexible(true).has_headers(false).delimiter(delimiter);
    builder
}

struct Looked {
    hash: String,
    start: Vec<u8>,
    encoding: &'static Encoding,
}

/// Reads the file once: its hash, its beginning, and the encoding that it seems to have.
fn look(path: &Path) -> Result<Looked> {
    let mut file = File::open(path).with_context(|| cannot_read(path))?;
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let (mut digest, mut start, mut buffer) = (Digest::new(&SHA256), Vec::new(), vec![0; START_BYTES]);
    let mut utf8 = Utf8::default();
    loop {
        let read = file.read(&mut buffer).with_context(|| cannot_read(path))?;
        let piece = buffer.get(..read).unwrap_or_default();
        digest.update(piece);
        detector.feed(piece, piece.is_empty());
        utf8.feed(piece);
        let room = START_BYTES.saturating_sub(start.len());
        start.extend(piece.iter().take(room));
        if piece.is_empty() {
            break;
        }
    }
    let marked = Encoding::for_bom(&start).map(|(encoding, _)| encoding);
    let encoding = marked
        .or_else(|| wide(&start))
        .unwrap_or_else(|| if utf8.is_likely() { UTF_8 } else { detector.guess(None, Utf8Detection::Deny) });
    Ok(Looked { hash: hex(digest.finish().as_ref()), start, encoding })
}

/// Counts how much of a text is UTF-8. A file with one broken row still counts as UTF-8.
#[derive(Debug, Default)]
struct Utf8 {
    /// Characters of several bytes.
    right: u64,
    /// Byte sequences that are not UTF-8.
    wrong: u64,
    /// The beginning of a character that ends in the next piece.
    rest: Vec<u8>,
}

impl Utf8 {
    fn feed(&mut self, piece: &[u8]) {
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend(piece);
        for chunk in bytes.utf8_chunks() {
            let wide = chunk.valid().chars().filter(|letter| !letter.is_ascii()).count();
            self.right = self.right.saturating_add(u64::try_from(wide).unwrap_or(u64::MAX));
            let broken = chunk.invalid();
            let at_end = std::ptr::eq(broken.as_ptr_range().end, bytes.as_ptr_range().end);
            if at_end && broken.len() < 4 && !piece.is_empty() {
                self.rest = broken.to_vec();
            } else if !broken.is_empty() {
                self.wrong = self.wrong.saturating_add(1);
            }
        }
    }

    fn is_likely(&self) -> bool {
        self.wrong == 0 || self.right > self.wrong.saturating_mul(10)
    }
}

/// Recognises UTF-16 without a byte order mark: a table has ASCII characters in every line, and half of each is zero.
fn wide(start: &[u8]) -> Option<&'static Encoding> {
    let zeros = |first: usize| start.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let many = start.len() / 50;
    if odd > many && odd > even.saturating_mul(4) {
        Some(UTF_16LE)
    } else if even > many && even > odd.saturating_mul(4) {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// The delimiter that the first line names, as spreadsheet programs write it for each other: `sep=;`.
fn told_delimiter(start: &str) -> Option<u8> {
    let line = start.lines().next()?.trim_matches('"').trim_end();
    match line.strip_prefix("sep=")?.as_bytes() {
        [] => Some(b'\t'),
        [one] => Some(*one),
        _ => None,
    }
}

/// The delimiter that splits the first row into several cells and most rows after it into as many.
fn likeliest_delimiter(start: &str) -> u8 {
    let parted = |delimiter: u8| {
        let mut rows = builder(delimiter).from_reader(start.as_bytes()).into_byte_records().take(START_ROWS);
        let cells = rows.next().and_then(Result::ok).map_or(0, |row| row.len());
        // The last row of the beginning may be cut off.
        let alike = rows.filter(|row| row.as_ref().is_ok_and(|row| row.len() == cells)).count();
        if cells > 1 { alike.saturating_add(1).saturating_mul(cells) } else { 0 }
    };
    let best = DELIMITERS.into_iter().map(|delimiter| (parted(delimiter), delimiter));
    best.reduce(|best, other| if other.0 > best.0 { other } else { best }).map_or(b',', |(_, delimiter)| delimiter)
}

fn sheet(path: &Path, name: Option<&str>) -> Result<Form> {
    let bytes = fs::read(path).with_context(|| cannot_read(path))?;
    let cannot = || format!("{} is no workbook that can be read: save the sheet as CSV", path.display());
    let mut book = open_workbook_auto_from_rs(Cursor::new(bytes)).with_context(cannot)?;
    let names = book.sheet_names();
    let name = match name {
        Some(name) => {
            ensure!(
                names.iter().any(|known| known == name),
                "{} has no sheet {name:?}: its sheets are {names:?}",
                path.display()
            );
            name.to_owned()
        }
        None => names.first().cloned().ok_or_else(|| anyhow!("{} has no sheet", path.display()))?,
    };
    let range = book.worksheet_range(&name).with_context(cannot)?;
    let rows = rows_of(&range)?;
    Ok(Form::Sheet(name, rows))
}

/// The rows of a sheet from its first used cell on, all of the same length.
fn rows_of(range: &Range<Data>) -> Result<Vec<ByteRecord>> {
    let row = |cells: &[Data]| cells.iter().map(cell).collect::<Result<Vec<String>>>().map(ByteRecord::from);
    range.rows().map(row).collect()
}

/// A cell as it looks without formatting: a phone number that became a number has no fraction.
fn cell(cell: &Data) -> Result<String> {
    Ok(match cell {
        Data::Empty => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        Data::Bool(flag) => flag.to_string(),
        Data::DateTime(moment) => {
            let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
        }
        Data::Error(error) => bail!("a cell of the sheet is the error {error}: mend it and save the file again"),
    })
}

/// The encoding with this name, for `--encoding`.
pub(super) fn encoding(label: &str) -> Result<&'static Encoding, String> {
    let known = Encoding::for_label(label.trim().as_bytes());
    known.ok_or_else(|| {
        "the encodings are those of web pages: utf-8, utf-16le, windows-1251, windows-1252, koi8-r, …".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{KOI8_U, WINDOWS_1251, WINDOWS_1252};
    use std::io::Write as _;

    const RUSSIAN: &str = "Имя;Фамилия;Телефон\nАнна;Ёлкина;+7 919 555-00-11\nПётр;Щукин;+7 919 555-00-12\n";
    const GERMAN: &str = "Vorname;Nachname;Straße\nJörg;Müller;Königsweg 7\nZoë;Weiß;Bäckergasse 1\n";

    fn table(bytes: &[u8], reading: &Reading) -> (String, Vec<Vec<String>>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        let table = Table::open(file.path(), reading).unwrap();
        let text = |cell: &[u8]| String::from_utf8(cell.to_vec()).unwrap();
        let rows = table.rows().unwrap().map(|row| row.unwrap().iter().map(text).collect());
        (table.to_string(), rows.collect())
    }

    fn cells(bytes: &[u8]) -> Vec<Vec<String>> {
        table(bytes, &Reading::default()).1
    }

    fn wide(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn text_is_read_in_whatever_encoding_it_comes() {
        let expected = cells(RUSSIAN.as_bytes());
        assert_eq!(expected[1], ["Анна", "Ёлкина", "+7 919 555-00-11"]);
        let marked = format!("\u{feff}{RUSSIAN}");
        for (what, bytes) in [
            ("UTF-8 with a mark", marked.as_bytes().to_vec()),
            ("windows-1251", WINDOWS_1251.encode(RUSSIAN).0.into_owned()),
            ("KOI8", KOI8_U.encode(RUSSIAN).0.into_owned()),
            ("UTF-16LE with a mark", wide(&marked, u16::to_le_bytes)),
            ("UTF-16BE with a mark", wide(&marked, u16::to_be_bytes)),
            ("UTF-16LE without a mark", wide(RUSSIAN, u16::to_le_bytes)),
            ("UTF-16BE without a mark", wide(RUSSIAN, u16::to_be_bytes)),
        ] {
            assert_eq!(cells(&bytes), expected, "{what}");
        }
        assert_eq!(cells(&WINDOWS_1252.encode(GERMAN).0), cells(GERMAN.as_bytes()));
    }

    #[test]
    fn one_broken_row_makes_no_other_encoding_of_a_file() {
        let mut bytes = RUSSIAN.repeat(20).into_bytes();
        bytes.extend(b"\xff;x;y\n");
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        let table = Table::open(file.path(), &Reading::default()).unwrap();
        assert_eq!(table.to_string(), "UTF-8 text, cells parted by `;`");
        assert_eq!(&table.rows().unwrap().last().unwrap().unwrap()[0], b"\xff");
    }

    #[test]
    fn the_delimiter_is_found_and_one_that_is_told_is_taken() {
        for (text, expected) in [
            ("a,b\n1,\"x;y;z\"\n", vec!["a", "b"]),
            ("a;b;c\n1,5;2,5;3,5\n", vec!["a", "b", "c"]),
            ("a\tb\nx, y\tz\n", vec!["a", "b"]),
            ("a|b\n1|2\n", vec!["a", "b"]),
            ("sep=;\na,1;b\n1;2\n", vec!["a,1", "b"]),
            ("\"sep=,\"\na,b\n", vec!["a", "b"]),
            ("email\na@b\n", vec!["email"]),
        ] {
            assert_eq!(cells(text.as_bytes())[0], expected, "{text}");
        }
        let reading = Reading { delimiter: Some(b':'), ..Reading::default() };
        assert_eq!(table(b"a:b\n", &reading).1[0], ["a", "b"]);
    }

    /// A workbook of one sheet, as small as one can be.
    fn workbook(rows: &str) -> Vec<u8> {
        const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
        const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
        let relations = |id: &str, kind: &str, target: &str| {
            format!(
                "<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"{id}\" Type=\"{RELATIONS}/{kind}\" \
                 Target=\"{target}\"/></Relationships>"
            )
        };
        let sheets = "<sheets><sheet name=\"Customers\" sheetId=\"1\" r:id=\"r1\"/></sheets>";
        let parts = [
            ("[Content_Types].xml", format!("<Types xmlns=\"{PACKAGE}/content-types\"/>")),
            ("_rels/.rels", relations("r1", "officeDocument", "xl/workbook.xml")),
            ("xl/workbook.xml", format!("<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\">{sheets}</workbook>")),
            ("xl/_rels/workbook.xml.rels", relations("r1", "worksheet", "worksheets/sheet1.xml")),
            (
                "xl/worksheets/sheet1.xml",
                format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>"),
            ),
        ];
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in parts {
            archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    #[test]
    fn a_sheet_of_a_workbook_is_a_table() {
        let text = |place: &str, text: &str| format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
        let rows = format!(
            "<row r=\"1\">{}{}</row><row r=\"2\">{}<c r=\"B2\"><v>4915112345678</v></c></row>",
            text("A1", "Имя"),
            text("B1", "Телефон"),
            text("A2", "Анна")
        );
        let (shown, cells) = table(&workbook(&rows), &Reading::default());
        assert_eq!(shown, "the sheet \"Customers\"");
        assert_eq!(cells, [["Имя", "Телефон"], ["Анна", "4915112345678"]]);
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), workbook(&rows)).unwrap();
        let reading = Reading { sheet: Some("Other".into()), ..Reading::default() };
        let error = Table::open(file.path(), &reading).unwrap_err().to_string();
        assert!(error.contains("its sheets are [\"Customers\"]"), "{error}");
    }

    #[test]
    fn a_number_in_a_sheet_has_no_fraction_that_nobody_wrote() {
        assert_eq!(cell(&Data::Float(4_915_112_345_678.0)).unwrap(), "4915112345678");
        assert_eq!(cell(&Data::Float(2.5)).unwrap(), "2.5");
        assert!(cell(&Data::Error(calamine::CellErrorType::NA)).is_err());
    }
}
