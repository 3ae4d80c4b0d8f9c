//! The state folder: database, secrets, and the files clients load.

use anyhow::{Context, Result, bail};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A state folder.
#[derive(Debug, Clone)]
pub struct State {
    folder: PathBuf,
}

impl State {
    /// Opens the folder, making it if needed.
    pub fn open(folder: &Path) -> Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt as _;
            // Everything in it is its owner's business, the database above all.
            builder.mode(0o700);
        }
        builder.create(folder).with_context(|| format!("cannot make the state folder {}", folder.display()))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Names the folder of a deployment that keeps nothing on this machine: nothing is made.
    #[must_use]
    pub fn unmade(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Opens a folder that holds a database: a misspelt name must not become an empty deployment.
    pub fn existing(folder: &Path) -> Result<Self> {
        let state = Self { folder: folder.to_owned() };
        if !state.database().is_file() {
            bail!(
                "{} holds no database: name the state folder of `switchboard serve` with --state, or start it once",
                folder.display()
            );
        }
        Ok(state)
    }

    /// The path of a file in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The database file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path("switchboard.db")
    }

    /// Refuses to mix a database in memory with the credentials of one on disk.
    pub fn check_memory(&self) -> Result<()> {
        if self.database().exists() {
            bail!(
                "{} holds a database whose credentials `--memory` would overwrite: choose another --state",
                self.folder.display()
            );
        }
        Ok(())
    }

    /// Keeps other processes off the folder's database until the file is dropped: two of them would not see each other's
    /// transactions.
    pub fn lock(&self) -> Result<fs::File> {
        let path = self.path("lock");
        let file = fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        if let Err(error) = file.try_lock() {
            bail!(
                "{} is in use by another process ({error}): stop `switchboard serve` first, or choose another --state",
                self.folder.display()
            );
        }
        Ok(file)
    }

    /// The text of a file; `None` if there is none.
    pub fn read(&self, name: &str) -> Result<Option<String>> {
        let path = self.path(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Writes a file whole or not at all.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        self.replace(name, text, false)
    }

    /// Writes a file that only its owner may read.
    pub fn write_secret(&self, name: &str, text: &str) -> Result<()> {
        self.replace(name, text, true)
    }

    fn replace(&self, name: &str, text: &str, secret: bool) -> Result<()> {
        let (path, draft) = (self.path(name), self.path(&format!("{name}.new")));
        let write = || -> std::io::Result<()> {
            let mut options = fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            if secret {
                use std::os::unix::fs::OpenOptionsExt as _;
                options.mode(0o600);
            }
            let mut file = options.open(&draft)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&draft, &path)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}
