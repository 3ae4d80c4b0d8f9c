//! Which column of a CSV file is which field of a user, and what one row says.

use anyhow::{Context as _, Result, bail};
use csv::StringRecord;
use shared::stepchat::{Department, Detail, DetailValue, Email, ImageUrl, Name, NewUser, Refusal, Slug, UserType};
use shared::timestamp::Timestamp;
use std::collections::HashSet;
use std::str::FromStr;
use thiserror::Error;

/// The extra that keeps the id a user had before.
const OLD_ID: &str = "imported_id";

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Field {
    FirstName,
    LastName,
    Email,
    ProfileImage,
    UserType,
    CreationTime,
    Department,
    /// An extra; its display name is the column's header.
    Extra(Slug),
    /// Nothing that is imported.
    Ignored,
}

impl Field {
    /// What a column of this name holds: the columns of `csv-users`, the fields of `add-user`, else an extra.
    fn of_header(header: &str) -> Option<Self> {
        let slug = |text: &str| Slug::parse(text).map(Self::Extra);
        match header.trim().to_lowercase().replace([' ', '-'], "_").as_str() {
            "id" | "user_id" => slug(OLD_ID),
            "first_name" => Some(Self::FirstName),
            "last_name" => Some(Self::LastName),
            "email" | "e_mail" => Some(Self::Email),
            "profile_image" => Some(Self::ProfileImage),
            "type" | "user_type" => Some(Self::UserType),
            "creation_time" => Some(Self::CreationTime),
            "department" => Some(Self::Department),
            "last_activity" | "password" | "token" => Some(Self::Ignored),
            "birthdate" => slug("birthday"),
            _ => Slug::from_name(header).map(Self::Extra),
        }
    }
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
        const WANTED: &str = "write HEADER=FIELD, where FIELD is first_name, last_name, email, profile_image, user_type, \
                              creation_time, department, extra:SLUG or ignore";
        let (header, field) = text.rsplit_once('=').ok_or(WANTED)?;
        let field = match field.trim() {
            "ignore" => Field::Ignored,
            field => match field.strip_prefix("extra:") {
                Some(slug) => Field::Extra(Slug::parse(slug).ok_or(WANTED)?),
                None => Field::of_header(field).filter(|field| !matches!(field, Field::Extra(_))).ok_or(WANTED)?,
            },
        };
        Ok(Self { header: header.trim().to_owned(), field })
    }
}

/// Why a row is not imported.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Rejection {
    #[error("{0}")]
    Refused(#[from] Refusal),
    #[error("the row has {found} cells, the header {expected}")]
    Cells { found: usize, expected: usize },
    #[error("the row is not UTF-8 text")]
    Encoding,
    #[error("the creation time is not YYYY-MM-DD HH:MM:SS")]
    CreationTime,
    #[error("row {0} of this file has the same e-mail address")]
    SameEmail(u64),
    #[error("row {0} of this file has the same phone number")]
    SamePhone(u64),
}

/// What one row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) user: NewUser,
    pub(super) details: Vec<Detail>,
    pub(super) created: Option<Timestamp>,
}

/// The columns of a file.
#[derive(Debug)]
pub(super) struct Columns {
    fields: Vec<(Field, String)>,
}

impl Columns {
    /// Reads the header line.
    pub(super) fn of(header: &StringRecord, mappings: &[Mapping]) -> Result<Self> {
        if let Some(unknown) = mappings.iter().find(|mapping| header.iter().all(|cell| cell.trim() != mapping.header)) {
            bail!("the file has no column {:?}: its columns are {}", unknown.header, list(header));
        }
        let (mut fields, mut seen) = (Vec::new(), HashSet::new());
        for cell in header {
            let cell = cell.trim();
            let mapped = mappings.iter().find(|mapping| mapping.header == cell).map(|mapping| mapping.field.clone());
            let field = mapped.or_else(|| Field::of_header(cell));
            let field = field.context("the header has a column without a name: is the first line the header?")?;
            if field != Field::Ignored && !seen.insert(field.clone()) {
                bail!("two columns would be the same field, one of them {cell:?}: say --map '{cell}=ignore'");
            }
            fields.push((field, cell.to_owned()));
        }
        let person = [Field::FirstName, Field::LastName, Field::Email];
        if !person.iter().any(|field| seen.contains(field)) {
            let other = [(';', "';'"), ('\t', "tab"), ('|', "'|'")];
            let other =
                other.iter().find(|(sign, _)| header.len() == 1 && header.iter().any(|cell| cell.contains(*sign)));
            if let Some((_, name)) = other {
                bail!("the header is one cell, {}: say --delimiter {name}", list(header));
            }
            bail!("no column is a name or an e-mail address: say which with --map. The columns are {}", list(header));
        }
        Ok(Self { fields })
    }

    /// Reads a row.
    pub(super) fn row(&self, record: &StringRecord) -> Result<Row, Rejection> {
        if record.len() != self.fields.len() {
            return Err(Rejection::Cells { found: record.len(), expected: self.fields.len() });
        }
        let mut row = Row { user: NewUser::default(), details: Vec::new(), created: None };
        // A name that is there and empty was empty before: no default takes its place.
        for ((field, header), cell) in self.fields.iter().zip(record) {
            let cell = unguarded(cell);
            let given = Some(cell.trim()).filter(|cell| !cell.is_empty());
            match field {
                Field::FirstName => row.user.first_name = Some(Name::parse(cell)?),
                Field::LastName => row.user.last_name = Some(Name::parse(cell)?),
                Field::Email => row.user.email = given.map(Email::parse).transpose()?,
                Field::ProfileImage => row.user.profile_image = given.and_then(picture).transpose()?,
                Field::UserType => row.user.user_type = given.map(UserType::parse).transpose()?,
                Field::Department => row.user.department = given.map(Department::parse).transpose()?,
                Field::CreationTime => row.created = given.map(created).transpose()?,
                Field::Extra(slug) => {
                    if let Some(value) = DetailValue::parse(cell)? {
                        row.details.push(Detail { slug: slug.clone(), name: header.clone(), value });
                    }
                }
                Field::Ignored => {}
            }
        }
        Ok(row)
    }
}

fn list(header: &StringRecord) -> String {
    header.iter().map(|cell| format!("{cell:?}")).collect::<Vec<_>>().join(", ")
}

/// Takes away the quote by which `csv-users` keeps spreadsheets from running a cell.
fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r']) => rest,
        _ => cell,
    }
}

/// The original's default picture is no picture.
fn picture(address: &str) -> Option<Result<ImageUrl, Refusal>> {
    (!address.ends_with("/media/user.svg")).then(|| ImageUrl::parse(address))
}

fn created(text: &str) -> Result<Timestamp, Rejection> {
    Timestamp::parse(text).ok_or(Rejection::CreationTime)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(cells: &[&str]) -> StringRecord {
        StringRecord::from(cells.to_vec())
    }

    fn columns(header: &[&str], mappings: &[&str]) -> Result<Columns> {
        let mappings: Vec<Mapping> = mappings.iter().map(|text| text.parse().unwrap()).collect();
        Columns::of(&record(header), &mappings)
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

    #[test]
    fn a_header_that_makes_no_sense_is_refused_with_what_to_do() {
        for (header, mappings, said) in [
            (vec!["a", "b"], vec![], "no column is a name"),
            (vec!["email", "E-mail"], vec![], "--map 'E-mail=ignore'"),
            (vec!["email", ""], vec![], "without a name"),
            (vec!["email"], vec!["Mail=email"], "no column \"Mail\""),
            (vec!["Name;E-mail"], vec![], "say --delimiter ';'"),
            (vec!["Name\tE-mail"], vec![], "say --delimiter tab"),
        ] {
            let error = columns(&header, &mappings).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        for bad in ["email", "x=y", "x=extra:", "x=password-hash"] {
            assert!(bad.parse::<Mapping>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_row_that_cannot_be_a_user_says_why() {
        let columns = columns(&["email", "type", "creation_time"], &[]).unwrap();
        let long = "x".repeat(192);
        for (cells, why) in [
            (vec!["a@b"], "the row has 1 cells, the header 3"),
            (vec![long.as_str(), "", ""], "email-too-long"),
            (vec!["a@b", "bot", ""], "invalid-user-type"),
            (vec!["a@b", "", "yesterday"], "the creation time is not YYYY-MM-DD HH:MM:SS"),
        ] {
            assert_eq!(columns.row(&record(&cells)).unwrap_err().to_string(), why);
        }
    }
}
