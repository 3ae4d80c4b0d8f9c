//! The work file: reads a running workspace page by page and remembers how far, so that an interrupted import goes on;
//! then writes its users as a table.

use super::api::{Api, member, text};
use crate::progress::Progress;
use anyhow::{Context as _, Result};
use csv::WriterBuilder;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::stepchat::csv::{ExtraColumn, LAST_ACTIVITY, PROFILE};
use shared::stepchat::{ProfileField, Slug, display_name};
use shared::text::formula::guard;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A user of the old workspace, without what is secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) id: u64,
    first_name: String,
    last_name: String,
    email: String,
    profile_image: String,
    user_type: String,
    creation_time: String,
    last_activity: String,
    /// What `csv-users` of the original has no column for, by the names of the fields.
    #[serde(default)]
    added: BTreeMap<String, String>,
    extras: BTreeMap<String, String>,
}

/// A line of the work file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// The address of the workspace's API.
    From(String),
    User(Person),
    /// The slug of an extra, and its display name.
    Name(String, String),
    /// The page of users to read next: all pages before it have been read.
    Page(u64),
    /// All users have been read.
    Users,
    /// The conversations of this user have been imported.
    Conversations(u64),
    /// The run has ended: the next one reads everything anew.
    All,
}

/// The work file, and what has been read into it so far.
#[derive(Debug, Default)]
pub(super) struct WorkFile {
    path: PathBuf,
    from: Option<String>,
    pub(super) people: BTreeMap<u64, Person>,
    names: BTreeMap<String, String>,
    page: u64,
    users_read: bool,
    taken: BTreeSet<u64>,
}

impl WorkFile {
    /// Opens the work file with what an interrupted run read from this address. What was read from another is dropped.
    pub(super) fn open(path: PathBuf, url: &str) -> Result<Self> {
        let mut work_file = Self { path, ..Self::default() };
        let text = match fs::read(&work_file.path) {
            // The last line may be cut off, even inside a letter.
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", work_file.path.display())),
        };
        if !text.is_empty() && !text.ends_with('\n') {
            // Otherwise the next line would be lost with the one that was cut off.
            work_file.append("\n")?;
        }
        // A line that was cut off by an interruption is skipped.
        for line in text.lines().filter_map(|line| serde_json::from_str(line).ok()) {
            match line {
                Line::From(url) => work_file.from = Some(url),
                Line::User(person) => drop(work_file.people.insert(person.id, person)),
                Line::Name(slug, name) => drop(work_file.names.insert(slug, name)),
                Line::Page(page) => work_file.page = page,
                Line::Users => work_file.users_read = true,
                Line::Conversations(user) => drop(work_file.taken.insert(user)),
                Line::All => work_file = Self { path: work_file.path, ..Self::default() },
            }
        }
        if work_file.from.as_deref() != Some(url) {
            work_file = Self { path: work_file.path, from: Some(url.to_owned()), ..Self::default() };
            File::create(&work_file.path).with_context(|| format!("cannot write {}", work_file.path.display()))?;
            work_file.write(&[Line::From(url.to_owned())])?;
        }
        Ok(work_file)
    }

    fn write(&self, lines: &[Line]) -> Result<()> {
        let mut text = String::new();
        for line in lines {
            text.push_str(&serde_json::to_string(line)?);
            text.push('\n');
        }
        self.append(&text)
    }

    fn append(&self, text: &str) -> Result<()> {
        let cannot = || format!("cannot write {}", self.path.display());
        let mut file = OpenOptions::new().append(true).create(true).open(&self.path).with_context(cannot)?;
        file.write_all(text.as_bytes()).with_context(cannot)
    }

    /// Ends the run: the next one reads everything anew.
    pub(super) fn finish(&self) -> Result<()> {
        self.write(&[Line::All])
    }

    /// Whether the conversations of a user have been imported.
    pub(super) fn is_imported(&self, user: u64) -> bool {
        self.taken.contains(&user)
    }

    /// Remembers that the conversations of a user have been imported.
    pub(super) fn mark_imported(&mut self, user: u64) -> Result<()> {
        self.taken.insert(user);
        self.write(&[Line::Conversations(user)])
    }

    /// Reads all users that have not been read yet.
    pub(super) async fn read_users(&mut self, api: &Api) -> Result<()> {
        let mut progress = Progress::new(None, "users read");
        progress.starts_at(u64::try_from(self.people.len())?);
        while !self.users_read {
            // The API's page says that pages count from 1; the original counts from 0. So the first may come twice.
            let fields = [
                ("pagination", self.page.to_string()),
                ("sorting[0]", "creation_time".to_owned()),
                ("sorting[1]", "ASC".to_owned()),
                ("extra", "true".to_owned()),
            ];
            let rows = api.rows("get-users", &fields).await?;
            let new: Vec<Person> =
                rows.iter().filter_map(person).filter(|one| !self.people.contains_key(&one.id)).collect();
            let mut lines = Vec::new();
            for person in new {
                for slug in person.extras.keys() {
                    if !self.names.contains_key(slug) {
                        lines.extend(self.learn_names(api, person.id).await?);
                    }
                }
                progress.advance(1);
                lines.push(Line::User(person.clone()));
                self.people.insert(person.id, person);
            }
            let nothing_new = !lines.iter().any(|line| matches!(line, Line::User(_)));
            if rows.is_empty() && self.page > 0 || nothing_new && self.page > 1 {
                lines.push(Line::Users);
                self.users_read = true;
            } else {
                self.page = self.page.saturating_add(1);
                lines.push(Line::Page(self.page));
            }
            self.write(&lines)?;
        }
        progress.finish();
        Ok(())
    }

    /// Asks for the display names of a user's extras.
    async fn learn_names(&mut self, api: &Api, user: u64) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        for detail in api.rows("get-user-extra", &[("user_id", user.to_string())]).await? {
            let (slug, name) = (member(&detail, "slug"), member(&detail, "name"));
            if !name.is_empty() && !self.names.contains_key(&slug) {
                self.names.insert(slug.clone(), name.clone());
                lines.push(Line::Name(slug, name));
            }
        }
        Ok(lines)
    }

    /// Writes the users to a file that an import reads like one of `csv-users`; its columns stand in another order.
    pub(super) fn write_csv(&self, path: &Path) -> Result<()> {
        let cannot = || format!("cannot write {}", path.display());
        let slugs: BTreeSet<&String> = self.people.values().flat_map(|person| person.extras.keys()).collect();
        let extras: Vec<(&String, String)> = slugs
            .into_iter()
            .filter_map(|text| {
                let slug = Slug::parse(text)?;
                let name = self.names.get(text).cloned().unwrap_or_else(|| display_name(&slug));
                Some((text, ExtraColumn { slug, name, shown_in: None }.to_string()))
            })
            .collect();
        let file = File::create(path).with_context(cannot)?;
        let mut writer = WriterBuilder::new().from_writer(file);
        let profile = PROFILE.into_iter().chain(ProfileField::added().map(ProfileField::column)).chain([LAST_ACTIVITY]);
        let profile = profile.map(str::to_owned);
        let header = profile.chain(extras.iter().map(|(_, header)| guard(header)));
        writer.write_record(header).with_context(cannot)?;
        for person in self.people.values() {
            let id = person.id.to_string();
            let profile = [
                &id,
                &person.first_name,
                &person.last_name,
                &person.email,
                &person.profile_image,
                &person.user_type,
                &person.creation_time,
            ];
            let added = ProfileField::added().map(|field| person.added.get(field.name()).map_or("", String::as_str));
            let extras = extras.iter().map(|(slug, _)| person.extras.get(*slug).map_or("", String::as_str));
            let row = profile.into_iter().map(String::as_str).chain(added).chain([person.last_activity.as_str()]);
            let row = row.chain(extras).map(guard);
            writer.write_record(row).with_context(cannot)?;
        }
        writer.flush().with_context(cannot)
    }
}

/// Reads a user from a row of the API's list; `None` for the bot, and for a row without an id.
fn person(row: &Value) -> Option<Person> {
    let of = |name: &str| member(row, name);
    let extras = row.get("extra").and_then(Value::as_object).into_iter().flatten();
    let person = Person {
        id: of("id").parse().ok()?,
        first_name: of("first_name"),
        last_name: of("last_name"),
        email: of("email"),
        profile_image: of("profile_image"),
        user_type: of("user_type"),
        creation_time: of("creation_time"),
        last_activity: of("last_activity"),
        added: ProfileField::added().map(|field| (field.name().to_owned(), of(field.name()))).collect(),
        extras: extras.map(|(slug, value)| (slug.clone(), text(value))).collect(),
    };
    (person.user_type != "bot").then_some(person)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process may die in the middle of a line, and its successor in the middle of the next one.
    #[test]
    fn a_line_that_was_cut_off_inside_a_letter_takes_no_other_line_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.csv.jsonl");
        let url = "https://chat.example.com";
        let work_file = WorkFile::open(path.clone(), url).unwrap();
        work_file.write(&[Line::Name("city".to_owned(), "Город".to_owned())]).unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in (1..whole.len()).filter(|cut| *cut > "{\"from\":\"https://chat.example.com\"}\n".len()) {
            fs::write(&path, &whole[..cut]).unwrap();
            let work_file = WorkFile::open(path.clone(), url).unwrap();
            work_file.write(&[Line::Page(7)]).unwrap();
            assert_eq!(WorkFile::open(path.clone(), url).unwrap().page, 7, "cut at {cut}");
        }
    }

    #[test]
    fn every_field_that_the_originals_file_lacks_is_read_and_written() {
        let row = serde_json::json!({ "id": "7", "first_name": "Anna", "department": "3", "user_type": "agent" });
        let person = person(&row).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let work_file = WorkFile { people: BTreeMap::from([(7, person)]), ..WorkFile::default() };
        let path = folder.path().join("old.csv");
        work_file.write_csv(&path).unwrap();
        let text = fs::read_to_string(path).unwrap();
        assert!(text.starts_with("ID,First Name,"), "{text}");
        assert!(text.contains("Creation Time,Department (profile),Last Activity (profile)\n"), "{text}");
        assert!(text.contains("7,Anna,,,,agent,,3,\n"), "{text}");
    }
}
