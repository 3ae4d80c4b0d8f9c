//! `cargo xtask vendor`: fetches libraries of the pages, which are files of published npm packages, byte for byte.
//!
//! `switchboard/assets/vendored.json` lists packages, versions, licences, files and their SHA-256. To renew a library,
//! change its version there and run this.

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

const ASSETS: &str = "switchboard/assets";
const LIST: &str = "switchboard/assets/vendored.json";

/// A package of the npm registry.
#[derive(Debug, Serialize, Deserialize)]
struct Library {
    package: String,
    version: String,
    licence: String,
    files: Vec<File>,
}

/// A file of a package.
#[derive(Debug, Serialize, Deserialize)]
struct File {
    /// Its path in the package.
    from: String,
    /// Its path below `switchboard/assets`.
    to: String,
    sha256: String,
}

fn list(root: &Path) -> Result<Vec<Library>> {
    let text = fs::read_to_string(root.join(LIST)).with_context(|| format!("cannot read {LIST}"))?;
    serde_json::from_str(&text).with_context(|| format!("cannot read {LIST}"))
}

fn sha256(bytes: &[u8]) -> String {
    shared::text::hex(digest(&SHA256, bytes).as_ref())
}

/// Fetches every library again with `npm`; writes the files that changed, and the list with the checksums. Returns the
/// names of the changed files.
pub fn fetch(root: &Path) -> Result<Vec<String>> {
    let mut libraries = list(root)?;
    let mut changed = Vec::new();
    for library in &mut libraries {
        let packed = packed(&library.package, &library.version)?;
        for file in &mut library.files {
            let name = format!("package/{}", file.from);
            let bytes = packed.get(&name).with_context(|| format!("{} has no file {}", library.package, file.from))?;
            let path = root.join(ASSETS).join(&file.to);
            if fs::read(&path).ok().as_ref() != Some(bytes) {
                fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
                changed.push(file.to.clone());
            }
            file.sha256 = sha256(bytes);
        }
    }
    fs::write(root.join(LIST), serde_json::to_string_pretty(&libraries)? + "\n")?;
    Ok(changed)
}

/// The files of a package, by their paths in it. `npm` checks the package against the registry's checksum.
fn packed(package: &str, version: &str) -> Result<BTreeMap<String, Vec<u8>>> {
    let folder = tempfile::tempdir()?;
    let wanted = format!("{package}@{version}");
    let npm = Command::new("npm").args(["pack", "--silent", &wanted]).current_dir(folder.path()).output();
    let npm = npm.context("cannot start npm: is Node.js installed?")?;
    ensure!(npm.status.success(), "npm pack {wanted}: {}", String::from_utf8_lossy(&npm.stderr).trim());
    let archive = folder.path().join(String::from_utf8(npm.stdout)?.trim());
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(GzDecoder::new(fs::File::open(&archive)?)).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        files.insert(name, bytes);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;
    use std::collections::BTreeSet;

    #[test]
    fn every_file_of_others_is_listed_with_its_checksum() {
        let (root, mut listed) = (workspace::root(), BTreeSet::new());
        for file in list(&root).unwrap().into_iter().flat_map(|library| library.files) {
            let bytes = fs::read(root.join(ASSETS).join(&file.to)).unwrap();
            assert_eq!(sha256(&bytes), file.sha256, "{}", file.to);
            listed.insert(file.to);
        }
        for folder in ["console/vendor", "rapidoc"] {
            for entry in fs::read_dir(root.join(ASSETS).join(folder)).unwrap() {
                let name = format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap());
                assert!(listed.contains(&name) || name == "rapidoc/README.md", "{name} is not listed");
            }
        }
    }
}
