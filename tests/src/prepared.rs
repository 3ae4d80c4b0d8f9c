//! Databases that are made once per process and copied for each test: making tables, keys and users anew takes most of a
//! small test's time.

use dynoxide::Database;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::{fs, process};

/// Copies of processes that have ended are removed after this time.
const KEPT: Duration = Duration::from_hours(1);

/// The state of a database, kept as a file.
#[derive(Debug)]
pub struct Prepared {
    path: PathBuf,
}

impl Prepared {
    /// Keeps the state that a database has now; `name` tells it from others of this process.
    pub fn of(database: &Database, name: &str) -> Self {
        let executable = std::env::current_exe().unwrap();
        let folder = executable.ancestors().nth(2).unwrap().join("prepared-databases");
        fs::create_dir_all(&folder).unwrap();
        remove_old(&folder);
        let path = folder.join(format!("{name}-{}.db", process::id()));
        // Left by a process that had the same number.
        let _ = fs::remove_file(&path);
        database.vacuum_into(path.to_str().unwrap()).unwrap();
        Self { path }
    }

    /// Makes another database one of this state, whatever was in it.
    pub fn copy_into(&self, database: &Database) {
        database.restore_from(self.path.to_str().unwrap()).unwrap();
    }
}

fn remove_old(folder: &Path) {
    let now = SystemTime::now();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
        if age.is_some_and(|age| age > KEPT) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
