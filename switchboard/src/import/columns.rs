//! Which column of a table is which field of a user, and what one row says.

use super::field::{Field, NameOrder, Named};
use anyhow::{Result, bail, ensure};
use csv::{ByteRecord, StringRecord};
use shared::crypto::foreign::{self, Unusable};
use shared::ids::UserId;
use shared::stepchat::csv::{ExtraColumn, LAST_ACTIVITY, PROFILE, says_all};
use shared::stepchat::{Detail, DetailValue, Name, NewUser, ProfileField, Refusal, Slug};
use shared::store::auth::PasswordHash;
use shared::text::formula::unguard;
use shared::timestamp::Timestamp;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::str::FromStr;
use thiserror::Error;

/// The first columns of a report of rejected rows. They are ignored, so that a corrected report can be imported.
pub(super) const OF_REPORT: [&str; 2] = ["row", "reason"];

/// The row number that a spreadsheet program shows for this row of the file: it counts the header as row 1.
pub(super) const fn sheet_row(number: u64) -> u64 {
    number.saturating_add(1)
}

/// One `--map HEADER=FIELD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapping {
    header: String,
    field: Field,
}

impl FromStr for Mapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mapping =
            text.rsplit_once('=').and_then(|(header, field)| Some((header, Field::of_mapping(field.trim())?)));
        let (header, field) = mapping.ok_or_else(|| {
            let profile = ProfileField::ALL.map(ProfileField::name).join(", ");
            format!(
                "write HEADER=FIELD, where FIELD is {profile}, full_name, phone, creation_time, last_activity, \
                 password_hash, id, extra:SLUG or ignore"
            )
        })?;
        Ok(Self { header: header.trim().to_owned(), field })
    }
}

/// Why a row is not imported.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Rejection {
    #[error("{0}")]
    Refused(#[from] Refusal),
    #[error(
        "the row has {found} cells, the header has {expected}: is a cell with the delimiter in it not between quotes?"
    )]
    Cells { found: usize, expected: usize },
    #[error("the row is not UTF-8 text")]
    Encoding,
    #[error("a cell holds a NUL character")]
    Nul,
    /// No cell holds anything to import. Such a row is not reported.
    #[error("the row is empty")]
    Nobody,
    #[error("the creation time is not YYYY-MM-DD HH:MM:SS")]
    CreationTime,
    #[error("the time of the last activity is not YYYY-MM-DD HH:MM:SS")]
    LastActivity,
    #[error("the id is no number from 1 to 2147483647")]
    Id,
    #[error("{0}")]
    Password(#[from] Unusable),
    #[error("row {} of this file has the same id", sheet_row(*.0))]
    SameId(u64),
    #[error("user {0} has this id: {1}")]
    IdTaken(UserId, String),
    #[error("user {0} was deleted and is not yet gone everywhere: import the row again in some minutes")]
    IdGoing(UserId),
    #[error("user {0} has this e-mail address, and user {1} this phone number")]
    TwoUsers(UserId, UserId),
    #[error("row {} of this file has the same e-mail address", sheet_row(*.0))]
    SameEmail(u64),
    #[error("row {} of this file has the same phone number", sheet_row(*.0))]
    SamePhone(u64),
}

/// What one row says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) user: NewUser,
    pub(super) details: Vec<Detail>,
    pub(super) created: Option<Timestamp>,
    pub(super) active: Option<Timestamp>,
    /// The id that the user keeps.
    pub(super) id: Option<UserId>,
    pub(super) password: Option<PasswordHash>,
}

/// The columns of a table.
#[derive(Debug)]
pub(super) struct Columns {
    columns: Vec<Column>,
    order: NameOrder,
}

#[derive(Debug)]
struct Column {
    /// The header as `--map` writes it: the second column with the same header ends in `#2`.
    header: String,
    /// The display name, if the column becomes an extra.
    name: String,
    field: Field,
    /// In a file of `csv-users`: the fixed column that shows the same extra. A value in this column replaces that one.
    shown_in: Option<&'static str>,
}

/// How the header line is read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rules {
    /// The order of a full name.
    pub(super) order: NameOrder,
    /// Whether users keep the ids of the file.
    pub(super) keep_ids: bool,
}

/// The largest id that tools can hold: ids have 32 bits in the original.
const MAX_ID: u64 = 2_147_483_647;

impl Columns {
    /// Reads the header line.
    pub(super) fn of(header: &StringRecord, mappings: &[Mapping], rules: Rules) -> Result<Self> {
        let own = header.iter().map(str::trim).take(PROFILE.len()).eq(PROFILE);
        let mut times: HashMap<String, usize> = HashMap::new();
        let names: Vec<(String, String)> = header
            .iter()
            .map(|cell| {
                let name = unguard(if own { cell } else { cell.trim() });
                let nth = times.entry(name.clone()).and_modify(|nth| *nth = nth.saturating_add(1)).or_insert(1);
                (if *nth == 1 { name.clone() } else { format!("{name}#{nth}") }, name)
            })
            .collect();
        if let Some(unknown) = mappings.iter().find(|mapping| names.iter().all(|(header, _)| *header != mapping.header))
        {
            bail!("the file has no column {:?}: its columns are {}", unknown.header, list(header));
        }
        let mut found = Self { columns: Vec::new(), order: rules.order };
        let parts = Named::of(names.iter().map(|(_, name)| name.as_str()));
        let report = names.iter().map(|(_, name)| name.as_str()).take(2).eq(OF_REPORT);
        for (place, (header, name)) in names.into_iter().enumerate() {
            let mapped = mappings.iter().find(|mapping| mapping.header == header).map(|mapping| mapping.field.clone());
            let behind = own && place >= PROFILE.len();
            let extra = ExtraColumn::parse(&name).filter(|_| behind);
            let (field, name, shown_in) = match (mapped, extra) {
                (Some(field), _) => {
                    ensure!(
                        field == Field::Ignored || !found.has(&field),
                        "two columns are mapped to {field}, the second is {header:?}: leave one out with --map '{header}=ignore'"
                    );
                    (field, name, None)
                }
                (None, Some(ExtraColumn { slug, name, shown_in })) => (Field::Extra(slug), name, shown_in),
                (None, None) if report && place < OF_REPORT.len() => (Field::Ignored, name, None),
                (None, None) => {
                    let known = if behind { Self::behind_profile(&name) } else { Field::known(&name, parts) };
                    (found.free(known, &name, mappings), name, None)
                }
            };
            let keeps = rules.keep_ids && !behind && field.is_old_id() && !found.has(&Field::Id);
            let field = if keeps { Field::Id } else { field };
            found.columns.push(Column { header, name, field, shown_in });
        }
        ensure!(
            !rules.keep_ids || found.has(&Field::Id),
            "no column holds ids to keep: say which with --map HEADER=id. The columns are {}",
            list(header)
        );
        Ok(found)
    }

    /// What a column of `csv-users` after the profile's columns holds, if its name alone determines it.
    fn behind_profile(name: &str) -> Option<Field> {
        match name {
            LAST_ACTIVITY => Some(Field::LastActivity),
            _ => Field::of_added(name).or_else(|| Field::of_extra(name)),
        }
    }

    fn has(&self, field: &Field) -> bool {
        self.columns.iter().any(|column| column.field == *field)
    }

    /// The known field, if no other column has it; otherwise an extra of the column's own.
    fn free(&self, known: Option<Field>, name: &str, mappings: &[Mapping]) -> Field {
        let free = |field: &Field| {
            *field == Field::Ignored || !self.has(field) && mappings.iter().all(|mapping| mapping.field != *field)
        };
        if let Some(field) = known.filter(free) {
            return field;
        }
        // A column without a name does not say what it holds.
        let Some(slug) = Slug::from_name(name) else { return Field::Ignored };
        let slugs = (2..).map(|nth| Slug::parse(&format!("{}_{nth}", slug.as_str())));
        let slugs = std::iter::once(Some(slug.clone())).chain(slugs).take(MAX_ALIKE).flatten();
        slugs.map(Field::Extra).find(free).unwrap_or(Field::Ignored)
    }

    /// Whether any column identifies a person: by a name, an e-mail address or a phone number.
    pub(super) fn tell_who(&self) -> bool {
        let telling = [ProfileField::FirstName, ProfileField::LastName, ProfileField::Email].map(Field::Profile);
        let telling = telling.into_iter().chain([Field::FullName, Field::Extra(Slug::phone())]);
        telling.into_iter().any(|field| self.has(&field))
    }

    /// A text that shows people what each column becomes, with its cells in some rows.
    pub(super) fn shown(&self, samples: &[StringRecord]) -> String {
        let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or_default().min(MAX_SHOWN);
        let headers = width(&mut self.columns.iter().map(|column| column.header.chars().count()));
        let fields = width(&mut self.columns.iter().map(|column| column.field.to_string().chars().count()));
        let line = |(place, column): (usize, &Column)| {
            let cells = samples.iter().map(|row| cut(row.get(place).unwrap_or_default())).collect::<Vec<_>>();
            let header = if column.header.is_empty() { "(no header)" } else { &column.header };
            let (header, field) = (cut(header), column.field.to_string());
            format!("  {header:<headers$}  ->  {field:<fields$}  {}", cells.join(" | ")).trim_end().to_owned() + "\n"
        };
        self.columns.iter().enumerate().map(line).collect()
    }

    /// A text of how the columns are read: their fields, and the order of a full name.
    pub(super) fn reading(&self) -> String {
        let fields: Vec<String> = self.columns.iter().map(|column| column.field.to_string()).collect();
        format!("{fields:?} {:?}", self.order)
    }

    /// The text by which a row is recognised later: all cells that are imported and do not change by themselves.
    pub(super) fn said(&self, record: &ByteRecord) -> String {
        let cells = self.columns.iter().zip(record);
        let cells = cells.filter(|(column, _)| !matches!(column.field, Field::Ignored | Field::LastActivity));
        let mut said = String::new();
        for (column, cell) in cells.filter(|(_, cell)| !cell.trim_ascii().is_empty()) {
            // Writing into a text cannot fail.
            let _ = writeln!(said, "{:?}={:?}", column.header, String::from_utf8_lossy(cell));
        }
        said
    }

    /// The id that a row keeps, if it is a valid id.
    pub(super) fn kept_id(&self, record: &ByteRecord) -> Option<UserId> {
        let place = self.columns.iter().position(|column| column.field == Field::Id)?;
        id(std::str::from_utf8(record.get(place)?).ok()?).ok()
    }

    /// Reads a row.
    pub(super) fn row(&self, record: &StringRecord) -> Result<Row, Rejection> {
        if record.iter().all(|cell| cell.trim().is_empty()) {
            return Err(Rejection::Nobody);
        }
        // A row may have any number of empty cells at the end.
        let beyond = record.iter().skip(self.columns.len()).any(|cell| !cell.trim().is_empty());
        if beyond || record.len() < self.columns.len() {
            return Err(Rejection::Cells { found: record.len(), expected: self.columns.len() });
        }
        let mut row = Row::default();
        let mut nobody = true;
        for (column, cell) in self.columns.iter().zip(record) {
            let cell = &*unguard(cell);
            if cell.contains('\0') {
                return Err(Rejection::Nul);
            }
            let given = Some(cell.trim()).filter(|cell| !cell.is_empty());
            nobody &= given.is_none() || column.field == Field::Ignored;
            match &column.field {
                // What the original shows for users without a picture.
                Field::Profile(ProfileField::ProfileImage) if cell.trim().ends_with("/media/user.svg") => {}
                Field::Profile(field) => field.set(&mut row.user, cell)?,
                Field::FullName => {
                    let (first, last) = self.order.split(cell);
                    (row.user.first_name, row.user.last_name) = (Some(Name::parse(first)?), Some(Name::parse(last)?));
                }
                Field::CreationTime => {
                    row.created = given.map(|text| moment(text, Rejection::CreationTime)).transpose()?;
                }
                Field::LastActivity => {
                    row.active = given.map(|text| moment(text, Rejection::LastActivity)).transpose()?;
                }
                Field::Id => row.id = Some(id(cell)?),
                Field::PasswordHash => row.password = given.map(foreign::password_hash).transpose()?,
                Field::Extra(slug) => {
                    if let Some(value) = DetailValue::parse(cell)? {
                        if let Some(shown_in) = column.shown_in {
                            row.details.retain(|detail| !says_all(shown_in, detail));
                        }
                        row.details.push(Detail { slug: slug.clone(), name: column.name.clone(), value });
                    }
                }
                Field::Ignored => {}
            }
        }
        if nobody { Err(Rejection::Nobody) } else { Ok(row) }
    }
}

/// The most columns whose names make the same slug.
const MAX_ALIKE: usize = 100;
/// Characters of a cell that are shown.
const MAX_SHOWN: usize = 28;

/// A cell as it is shown: on one line, and not too long.
fn cut(cell: &str) -> String {
    let line: String = cell.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if line.chars().count() <= MAX_SHOWN {
        return line;
    }
    line.chars().take(MAX_SHOWN.saturating_sub(1)).chain(['…']).collect()
}

pub(super) fn list(header: &StringRecord) -> String {
    header.iter().map(|cell| format!("{cell:?}")).collect::<Vec<_>>().join(", ")
}

fn moment(text: &str, otherwise: Rejection) -> Result<Timestamp, Rejection> {
    Timestamp::parse(text).ok_or(otherwise)
}

fn id(cell: &str) -> Result<UserId, Rejection> {
    UserId::parse(cell.trim()).filter(|id| id.get() <= MAX_ID).ok_or(Rejection::Id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::stepchat::UserType;

    fn record(cells: &[&str]) -> StringRecord {
        StringRecord::from(cells.to_vec())
    }

    fn columns(header: &[&str], mappings: &[&str]) -> Result<Columns> {
        let mappings: Vec<Mapping> = mappings.iter().map(|text| text.parse().unwrap()).collect();
        Columns::of(&record(header), &mappings, Rules::default())
    }

    #[test]
    fn the_columns_of_csv_users_need_no_mapping() {
        let columns = columns(
            &[
                "ID",
                "First Name",
                "Last Name",
                "Email",
                "Profile Image",
                "Type",
                "Creation Time",
                "Birthdate",
                "Shoe size",
            ],
            &[],
        );
        let cells = [
            "7",
            "Anna",
            "",
            "a@example.com",
            "https://x/media/user.svg",
            "agent",
            "2024-02-29 10:00:00",
            "1.2.",
            "'=42",
        ];
        let row = columns.unwrap().row(&record(&cells)).unwrap();
        assert_eq!(row.user.first_name.unwrap().as_str(), "Anna");
        assert_eq!(row.user.last_name.unwrap().as_str(), "");
        assert_eq!((row.user.profile_image, row.user.user_type), (None, Some(UserType::Agent)));
        assert_eq!(row.created.unwrap().wire(), "2024-02-29 10:00:00");
        let extras: Vec<_> =
            row.details.iter().map(|one| (one.slug.as_str(), one.name.as_str(), one.value.as_str())).collect();
        assert_eq!(
            extras,
            [("imported_id", "ID", "7"), ("birthday", "Birthdate", "1.2."), ("shoe_size", "Shoe size", "=42")]
        );
    }

    #[test]
    fn any_file_is_read_with_a_map() {
        let columns = columns(&["Mail", "Tel", "Notes"], &["Mail=email", "Tel=extra:phone", "Notes=ignore"]).unwrap();
        let row = columns.row(&record(&["a@b", "+7 900", "secret"])).unwrap();
        assert_eq!(row.user.email.unwrap().as_str(), "a@b");
        assert_eq!(row.details.len(), 1);
        assert_eq!(row.details[0].slug.as_str(), "phone");
    }

    fn fields(header: &[&str], mappings: &[&str]) -> Vec<String> {
        let columns = columns(header, mappings).unwrap();
        columns.columns.iter().map(|column| column.field.to_string()).collect()
    }

    #[test]
    fn usual_headers_are_known_and_others_become_extras() {
        for (header, expected) in [
            (vec!["name", "email", "phone_number"], vec!["full_name", "email", "extra:phone"]),
            (vec!["Имя", "Фамилия", "Рабочий телефон"], vec!["first_name", "last_name", "extra:phone"]),
            (vec!["Name", "Given Name", "Family Name"], vec!["left out", "first_name", "last_name"]),
            (vec!["ФИО", "Эл. почта", "Город"], vec!["full_name", "email", "extra:город"]),
            (
                vec!["Vorname", "Nachname", "E-Mail-Adresse", "Handy"],
                vec!["first_name", "last_name", "email", "extra:phone"],
            ),
            (
                vec!["Nombre", "Apellidos", "Correo electrónico", "Móvil"],
                vec!["first_name", "last_name", "email", "extra:phone"],
            ),
            (
                vec!["First Name", "Mobile Phone", "Business Phone"],
                vec!["first_name", "extra:phone", "extra:business_phone"],
            ),
            (vec!["Email", "E-mail Address", ""], vec!["email", "extra:e_mail_address", "left out"]),
            (
                vec!["email", "Department", "Password", "Token"],
                vec!["email", "extra:department", "left out", "left out"],
            ),
            (
                [PROFILE.as_slice(), &["Password", "Department", "Email"]].concat(),
                vec![
                    "extra:imported_id",
                    "first_name",
                    "last_name",
                    "email",
                    "profile_image",
                    "user_type",
                    "creation_time",
                    "extra:password",
                    "extra:department",
                    "extra:email",
                ],
            ),
            (vec!["row", "reason", "email", "reason"], vec!["left out", "left out", "email", "extra:reason"]),
        ] {
            assert_eq!(fields(&header, &[]), expected, "{header:?}");
        }
    }

    #[test]
    fn of_columns_with_one_name_each_can_be_named() {
        let header = ["email", "Notes", "Notes", "Notes"];
        assert_eq!(fields(&header, &[]), ["email", "extra:notes", "extra:notes_2", "extra:notes_3"]);
        assert_eq!(fields(&header, &["Notes#2=ignore"]), ["email", "extra:notes", "left out", "extra:notes_2"]);
        assert_eq!(
            fields(&header, &["Notes#3=extra:notes"]),
            ["email", "extra:notes_2", "extra:notes_3", "extra:notes"]
        );
    }

    #[test]
    fn a_row_that_says_nothing_is_nobody() {
        let columns = columns(&["email", "x", ""], &["x=ignore"]).unwrap();
        for cells in [vec!["", "", ""], vec![" ", "\t", ""], vec!["", "kept out", ""], vec![""]] {
            assert_eq!(columns.row(&record(&cells)).unwrap_err(), Rejection::Nobody, "{cells:?}");
        }
        assert!(columns.row(&record(&["a@b", "", "", "", ""])).is_ok(), "empty cells at the end");
    }

    #[test]
    fn a_header_that_makes_no_sense_is_refused_with_what_to_do() {
        for (header, mappings, said) in [
            (vec!["email", "E-mail"], vec!["E-mail=email", "email=email"], "--map 'E-mail=ignore'"),
            (vec!["email"], vec!["Mail=email"], "no column \"Mail\""),
        ] {
            let error = columns(&header, &mappings).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert!(!columns(&["a", "b"], &[]).unwrap().tell_who());
        for bad in ["email", "x=y", "x=extra:", "x=password"] {
            assert!(bad.parse::<Mapping>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_row_that_cannot_be_a_user_says_why() {
        let columns = columns(&["email", "type", "creation_time"], &[]).unwrap();
        let long = "x".repeat(192);
        for (cells, why) in [
            (
                vec!["a@b"],
                "the row has 1 cells, the header has 3: is a cell with the delimiter in it not between quotes?",
            ),
            (vec![long.as_str(), "", ""], "email-too-long"),
            (vec!["a@b", "bot", ""], "invalid-user-type"),
            (vec!["a@b\0", "", ""], "a cell holds a NUL character"),
            (vec!["a@b", "", "yesterday"], "the creation time is not YYYY-MM-DD HH:MM:SS"),
        ] {
            assert_eq!(columns.row(&record(&cells)).unwrap_err().to_string(), why);
        }
    }
}
