//! The file of ids: which id of the imported file belongs to which user here. It is for tools that store the old ids.

use anyhow::{Context as _, Result};
use csv::{Reader, Writer};
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

/// A file of ids that is being written. It is created with the first id.
pub(super) struct Ids {
    path: PathBuf,
    /// Whether an earlier run has begun the file.
    goes_on: bool,
    writes: bool,
    open: Option<Open>,
}

struct Open {
    writer: Writer<File>,
    /// The old ids that an earlier run has written.
    told: HashSet<String>,
}

impl Ids {
    /// A file at `path`, continued if an earlier run has imported `done` rows. Without `writes` there is none.
    pub(super) fn new(path: PathBuf, done: u64, writes: bool) -> Self {
        Self { path, goes_on: done > 0, writes, open: None }
    }

    /// Writes that the user with the id `old` in the file has the id `new` here.
    pub(super) fn add(&mut self, old: &str, new: u64) -> Result<()> {
        if !self.writes {
            return Ok(());
        }
        let cannot = format!("cannot write the file of ids {}", self.path.display());
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(begin(&self.path, self.goes_on).with_context(|| cannot.clone())?),
        };
        if !open.told.contains(old) {
            open.writer.write_record([old, &new.to_string()]).context(cannot)?;
        }
        Ok(())
    }

    /// Makes sure that everything is in the file.
    pub(super) fn flush(&mut self) -> Result<()> {
        let flushed = self.open.as_mut().map_or(Ok(()), |open| open.writer.flush());
        flushed.with_context(|| format!("cannot write the file of ids {}", self.path.display()))
    }

    /// The file, if there is one.
    pub(super) fn written(&self) -> Option<&Path> {
        self.open.is_some().then_some(&*self.path)
    }
}

fn begin(path: &Path, goes_on: bool) -> Result<Open> {
    let mut told = HashSet::new();
    if goes_on && path.exists() {
        for record in Reader::from_path(path)?.records() {
            told.extend(record?.get(0).map(str::to_owned));
        }
        let file = OpenOptions::new().append(true).open(path)?;
        return Ok(Open { writer: Writer::from_writer(file), told });
    }
    let mut writer = Writer::from_path(path)?;
    writer.write_record(["old_id", "new_id"])?;
    Ok(Open { writer, told })
}
