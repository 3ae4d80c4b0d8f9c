//! The workspace on disk.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The one folder in each family's folder that is not a method.
pub const FRONT_DOOR: &str = "front-door";

/// The root of this workspace.
#[must_use]
pub fn root() -> PathBuf {
    // Cargo sets this for a program that it runs; a program started by hand uses the folder where it was built.
    let here = env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    let here = PathBuf::from(here);
    here.parent().map(Path::to_owned).unwrap_or(here)
}

/// The text of a file, with its path in the error.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Writes a file and the folders it needs.
pub fn write(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The folder of a family's methods.
#[must_use]
pub fn family_folder(root: &Path, family: &str) -> PathBuf {
    root.join("functions").join(family)
}

/// The names of a family's method folders, sorted.
pub fn method_folders(root: &Path, family: &str) -> Result<Vec<String>> {
    let folder = family_folder(root, family);
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != FRONT_DOOR && entry.path().join("Cargo.toml").is_file() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}
