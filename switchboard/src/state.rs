//! The state folder: database, secrets, and the files clients load. It is for its owner only.

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
    /// Opens the folder, making it if needed. A folder that others may open is closed to them; a folder of another user
    /// is refused.
    pub fn open(folder: &Path) -> Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt as _;
            // Only its owner may see what is in the folder, above all the database.
            builder.mode(0o700);
        }
        if folder.exists() && !folder.is_dir() {
            bail!("{} is a file: name a folder with --state", folder.display());
        }
        builder.create(folder).with_context(|| format!("cannot make the state folder {}", folder.display()))?;
        let state = Self { folder: folder.to_owned() };
        #[cfg(unix)]
        state.close()?;
        Ok(state)
    }

    /// Names the folder of a deployment that keeps nothing on this machine: nothing is made.
    #[must_use]
    pub fn unopened(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Opens a folder that a server has filled: a misspelt name must not become an empty deployment.
    pub fn existing(folder: &Path) -> Result<Self> {
        let state = Self { folder: folder.to_owned() };
        #[cfg(unix)]
        if folder.exists() {
            state.check_owner()?;
        }
        if !state.database().is_file() && !state.path("token-secret").is_file() {
            bail!(
                "{} holds no database: name the folder of your `switchboard serve` with --state, or run `switchboard serve` once, which makes one",
                folder.display()
            );
        }
        #[cfg(unix)]
        state.close()?;
        Ok(state)
    }

    /// Refuses a folder of another user; returns the folder's permissions otherwise.
    #[cfg(unix)]
    fn check_owner(&self) -> Result<u32> {
        use std::os::unix::fs::MetadataExt as _;
        let shown = self.folder.display();
        let about = fs::metadata(&self.folder).with_context(|| format!("cannot look at {shown}"))?;
        let (owner, own) = (about.uid(), rustix::process::geteuid().as_raw());
        if owner != own {
            bail!(
                "{shown} belongs to user {owner}, who could read and replace every secret in it, and not to user {own}, who \
                 runs this: choose another --state, or `chown -R {own}` it if its content is to be trusted"
            );
        }
        Ok(about.mode())
    }

    /// Refuses a folder with files of somebody else, such as a secret that was put there before the first start.
    #[cfg(unix)]
    fn check_files(&self) -> Result<()> {
        use std::os::unix::fs::MetadataExt as _;
        let own = rustix::process::geteuid().as_raw();
        let shown = self.folder.display();
        for file in fs::read_dir(&self.folder).with_context(|| format!("cannot look into {shown}"))? {
            let path = file.with_context(|| format!("cannot look into {shown}"))?.path();
            let about = fs::symlink_metadata(&path).with_context(|| format!("cannot look at {}", path.display()))?;
            if about.uid() != own {
                bail!(
                    "{} belongs to user {}, who can replace it, and not to user {own}, who runs this: remove it, or \
                     `chown -R {own}` the folder if its content is to be trusted",
                    path.display(),
                    about.uid()
                );
            }
        }
        Ok(())
    }

    /// Makes sure that nobody else reads or changes what is in the folder.
    #[cfg(unix)]
    fn close(&self) -> Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = self.check_owner()?;
        self.check_files()?;
        if mode.trailing_zeros() >= 6 {
            return Ok(());
        }
        let shown = self.folder.display();
        if mode & 0o1000 != 0 {
            bail!(
                "{shown} is a folder that users share (mode {:o}): choose one of your own with --state",
                mode & 0o7777
            );
        }
        let filled = fs::read_dir(&self.folder).is_ok_and(|mut files| files.next().is_some());
        if filled && mode & 0o022 != 0 {
            bail!(
                "others may write into {shown} (mode {:o}), so what is in it may be theirs: if it is not, `chmod 700` the \
                 folder and start again",
                mode & 0o7777
            );
        }
        fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o700))
            .with_context(|| format!("cannot close {shown} to other users"))?;
        if filled {
            eprintln!("{shown} was open to other users of this machine; it is closed to them now (mode 700)");
        }
        Ok(())
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
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

    /// Locks the folder against other processes until the file is dropped: two processes would not see each other's
    /// transactions, and would overwrite each other's credentials. `None` if another process has the lock.
    pub fn try_lock(&self) -> Result<Option<fs::File>> {
        let path = self.path("lock");
        let file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    /// Like [`Self::try_lock`], but fails if another process has the lock.
    pub fn lock(&self) -> Result<fs::File> {
        match self.try_lock()? {
            Some(file) => Ok(file),
            None => bail!(
                "{} is in use by another process: stop `switchboard serve` first, or choose another --state",
                self.folder.display()
            ),
        }
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

    /// Removes a file that may be there.
    pub fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Writes a file completely or not at all.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        replace(&self.path(name), text, false)
    }

    /// Writes a file that only its owner may read.
    pub fn write_secret(&self, name: &str, text: &str) -> Result<()> {
        replace(&self.path(name), text, true)
    }
}

/// Writes a file completely or not at all; a secret one is for its owner only.
pub(crate) fn replace(path: &Path, text: &str, secret: bool) -> Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
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
        fs::rename(&draft, path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&draft))).with_context(|| format!("cannot write {}", path.display()))
}

/// Files that this process makes from now on are for their owner only, also those that libraries make, such as the
/// database's.
#[cfg(unix)]
pub fn make_private_files() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// There are no such permissions here.
#[cfg(not(unix))]
pub fn make_private_files() {}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn folder(bits: u32, file: Option<&str>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        if let Some(name) = file {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(bits)).unwrap();
        folder
    }

    #[test]
    fn whatever_lies_in_a_folder_that_others_may_write_into_is_not_taken_over() {
        for file in ["ca-key.pem", "files-secret", "lock", "switchboard.db", "token-secret"] {
            let folder = folder(0o777, Some(file));
            let refused = State::open(folder.path()).unwrap_err().to_string();
            assert!(refused.contains("others may write") && refused.contains("chmod 700"), "{refused}");
            assert_eq!(mode(folder.path()), 0o777, "nothing was changed");
        }
    }

    #[test]
    fn a_folder_is_made_or_becomes_its_owner_s_alone() {
        let parent = tempfile::tempdir().unwrap();
        let new = parent.path().join("a/b");
        State::open(&new).unwrap();
        assert_eq!(mode(&new), 0o700);
        for (bits, file) in [(0o755, None), (0o777, None), (0o755, Some("token-secret"))] {
            let folder = folder(bits, file);
            State::open(folder.path()).unwrap();
            assert_eq!(mode(folder.path()), 0o700, "{bits:o}");
        }
    }

    #[test]
    fn a_folder_whose_secrets_others_may_have_replaced_and_a_shared_one_are_refused_as_they_are() {
        for (bits, file, said) in [
            (0o777, Some("token-secret"), "may be theirs"),
            (0o770, Some("switchboard.db"), "may be theirs"),
            (0o1777, None, "users share"),
        ] {
            let folder = folder(bits, file);
            let refused = State::open(folder.path()).unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
            assert_eq!(mode(folder.path()), bits);
        }
    }

    #[test]
    fn a_write_that_fails_leaves_the_file_as_it_was_and_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        fs::create_dir(state.path("taken")).unwrap();
        assert!(state.write_secret("taken", "x").unwrap_err().to_string().contains("cannot write"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_locked_folder_is_locked_until_the_lock_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let lock = state.lock().unwrap();
        assert!(state.try_lock().unwrap().is_none());
        assert!(state.lock().unwrap_err().to_string().contains("in use by another process"));
        drop(lock);
        assert!(state.try_lock().unwrap().is_some());
    }
}
