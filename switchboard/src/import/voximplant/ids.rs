//! Which id of the old account has become which id here: for the import itself, and for tools that store the old ids.

use anyhow::{Context as _, Result};
use csv::Writer;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The kinds of things that have an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Application,
    Skill,
    Queue,
    User,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Skill => "skill",
            Self::Queue => "queue",
            Self::User => "user",
        }
    }
}

/// Old ids and new ones.
pub(super) struct Ids {
    path: PathBuf,
    known: HashMap<(Kind, u64), u64>,
    order: Vec<(Kind, u64, u64)>,
}

impl Ids {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, known: HashMap::new(), order: Vec::new() }
    }

    pub(super) fn add(&mut self, kind: Kind, old: u64, new: u64) {
        self.known.insert((kind, old), new);
        self.order.push((kind, old, new));
    }

    pub(super) fn of(&self, kind: Kind, old: u64) -> Option<u64> {
        self.known.get(&(kind, old)).copied()
    }

    /// Writes the file of ids, if any id differs from the old one. Returns the file's path.
    pub(super) fn write(&self) -> Result<Option<&Path>> {
        if self.order.iter().all(|(_, old, new)| old == new) {
            return Ok(None);
        }
        let cannot = || format!("cannot write the file of ids {}", self.path.display());
        let mut writer = Writer::from_path(&self.path).with_context(cannot)?;
        writer.write_record(["kind", "old_id", "new_id"]).with_context(cannot)?;
        for (kind, old, new) in &self.order {
            let record = [kind.name().to_owned(), old.to_string(), new.to_string()];
            writer.write_record(&record).with_context(cannot)?;
        }
        writer.flush().with_context(cannot)?;
        Ok(Some(&self.path))
    }
}
