//! What is deployed: a clone of the repository, where the functions must be built first, or an unpacked bundle, which
//! holds them.

use crate::architecture::Architecture;
use anyhow::{Context, Result, bail, ensure};
use ring::digest;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The file by which a folder is recognised as a bundle.
pub const MANIFEST: &str = "bundle.json";
/// The file with the checksums of all others, in the form of `sha256sum`.
pub const CHECKSUMS: &str = "SHA256SUMS";
/// Where a clone's template finds a function.
const BUILT: &str = "target/lambda/";
/// Where a bundle's template finds a function.
const PACKED: &str = "functions/";

/// The description of a bundle, from the file [`MANIFEST`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of Switchboard.
    pub version: String,
    /// The processor for which its functions and its `switchboard` are built.
    pub architecture: Architecture,
}

/// A folder with a template, its samconfig.toml and its functions.
#[derive(Debug, Clone)]
pub struct Artefacts {
    /// The folder.
    pub folder: PathBuf,
    /// The template's text.
    pub template: String,
    /// The text of samconfig.toml.
    pub samconfig: String,
    /// The bundle's description, if the folder is a bundle.
    pub bundle: Option<Manifest>,
}

impl Artefacts {
    /// Opens a folder.
    pub fn open(folder: &Path) -> Result<Self> {
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).with_context(|| {
                format!("cannot read {}: run this where Switchboard was unpacked or cloned", path.display())
            })
        };
        let bundle = if folder.join(MANIFEST).exists() {
            Some(serde_json::from_str(&read(MANIFEST)?).context("bundle.json is damaged: unpack the bundle again")?)
        } else {
            None
        };
        let (template, samconfig) = (read("template.yaml")?, read("samconfig.toml")?);
        Ok(Self { folder: folder.to_owned(), template, samconfig, bundle })
    }

    /// The functions: the name of each one's binary, which is also that of its package, and the file it is deployed
    /// from.
    #[must_use]
    pub fn functions(&self) -> Vec<(String, PathBuf)> {
        let sources = self.template.lines().filter_map(|line| line.trim().strip_prefix("CodeUri: "));
        let named = sources.filter_map(|source| {
            let packed = source.strip_prefix(PACKED).and_then(|rest| rest.strip_suffix(".zip"));
            let built = || Some(source.strip_prefix(BUILT)?.trim_end_matches('/'));
            let file = if packed.is_some() { source.to_owned() } else { format!("{source}bootstrap") };
            Some((packed.or_else(built)?.to_owned(), self.folder.join(file)))
        });
        named.collect()
    }

    /// Checks that all functions exist, are undamaged, and are built for this processor.
    pub fn check(&self, architecture: Architecture) -> Result<()> {
        ensure!(!self.functions().is_empty(), "template.yaml names no function: is it Switchboard's?");
        let Some(manifest) = &self.bundle else {
            let flaws: Vec<String> =
                self.functions().iter().filter_map(|(name, path)| flaw(name, path, architecture)).collect();
            ensure!(flaws.is_empty(), "{}. Leave --built out", flaws.join(", "));
            return Ok(());
        };
        ensure!(
            manifest.architecture == architecture,
            "this bundle is for {}, and the deployment is to be {architecture}: take the bundle for {architecture}, or \
             remove Architecture from samconfig.toml",
            manifest.architecture
        );
        self.check_sums()
    }

    /// Checks a bundle's files except samconfig.toml, which users may change.
    fn check_sums(&self) -> Result<()> {
        let sums =
            fs::read_to_string(self.folder.join(CHECKSUMS)).context("the bundle has no SHA256SUMS: unpack it again")?;
        let mut summed = Vec::new();
        for line in sums.lines() {
            let Some((sum, name)) = line.split_once("  ") else {
                bail!("SHA256SUMS is damaged: unpack the bundle again")
            };
            let content = fs::read(self.folder.join(name));
            let content = content.with_context(|| format!("{name} is missing: unpack the bundle again"))?;
            ensure!(
                name == "samconfig.toml" || checksum(&content) == sum,
                "{name} is not what it was when the bundle was made: unpack the bundle again"
            );
            summed.push(self.folder.join(name));
        }
        for (name, path) in self.functions() {
            ensure!(summed.contains(&path), "{name} is in the template and not in SHA256SUMS: unpack the bundle again");
        }
        Ok(())
    }
}

/// The template of a bundle: that of a clone, with the paths of the functions in the bundle.
#[must_use]
pub fn packed_template(template: &str) -> String {
    let line = |line: &str| match line.split_once("CodeUri: target/lambda/") {
        Some((indent, name)) => format!("{indent}CodeUri: {PACKED}{}.zip\n", name.trim_end().trim_end_matches('/')),
        None => format!("{line}\n"),
    };
    template.lines().map(line).collect()
}

/// The SHA-256 of a file's content, in hexadecimal.
#[must_use]
pub fn checksum(content: &[u8]) -> String {
    let sum = digest::digest(&digest::SHA256, content);
    sum.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What is wrong with a function's binary; `None` if nothing is.
fn flaw(name: &str, path: &Path, architecture: Architecture) -> Option<String> {
    let Ok(content) = fs::read(path) else { return Some(format!("{name} is not built")) };
    let is_executable = fs::metadata(path).is_ok_and(|known| known.permissions().mode() & 0o111 != 0);
    if !architecture.made(&content) {
        return Some(format!("{name} is not built for {architecture}"));
    }
    (!is_executable).then(|| format!("{name} cannot be executed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "Resources:\n  A:\n    Properties:\n      CodeUri: target/lambda/stepchat-login/\n  B:\n    \
                            Properties:\n      CodeUri: target/lambda/voximplant-add-user/\n";

    fn executable(architecture: Architecture) -> Vec<u8> {
        let machine = if architecture == Architecture::X86 { 0x3e } else { 0xb7 };
        [b"\x7fELF".as_slice(), &[0; 14], &[machine, 0]].concat()
    }

    fn clone_at(folder: &Path) -> Artefacts {
        fs::write(folder.join("template.yaml"), TEMPLATE).unwrap();
        fs::write(folder.join("samconfig.toml"), "").unwrap();
        Artefacts::open(folder).unwrap()
    }

    fn build(artefacts: &Artefacts, name: &str, content: &[u8], mode: u32) {
        let path = artefacts.folder.join(BUILT).join(name).join("bootstrap");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_function_is_missed_if_it_is_not_built_or_for_another_processor_or_no_program() {
        let folder = tempfile::tempdir().unwrap();
        let artefacts = clone_at(folder.path());
        let names: Vec<String> = artefacts.functions().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["stepchat-login", "voximplant-add-user"]);
        build(&artefacts, "stepchat-login", &executable(Architecture::Arm), 0o755);
        let flaws = artefacts.check(Architecture::X86).unwrap_err().to_string();
        assert_eq!(
            flaws,
            "stepchat-login is not built for x86_64, voximplant-add-user is not built. Leave --built out"
        );
        build(&artefacts, "stepchat-login", &executable(Architecture::X86), 0o644);
        build(&artefacts, "voximplant-add-user", &executable(Architecture::X86), 0o755);
        assert!(
            artefacts.check(Architecture::X86).unwrap_err().to_string().contains("stepchat-login cannot be executed")
        );
        build(&artefacts, "stepchat-login", &executable(Architecture::X86), 0o755);
        artefacts.check(Architecture::X86).unwrap();
    }

    fn bundle_at(folder: &Path) -> Artefacts {
        let manifest = Manifest { version: "0.1.0".into(), architecture: Architecture::Arm };
        let files = [
            (MANIFEST, serde_json::to_string(&manifest).unwrap()),
            ("samconfig.toml", String::new()),
            ("template.yaml", packed_template(TEMPLATE)),
            ("functions/stepchat-login.zip", "1".into()),
            ("functions/voximplant-add-user.zip", "2".into()),
        ];
        fs::create_dir(folder.join("functions")).unwrap();
        let mut sums = String::new();
        for (name, content) in files {
            fs::write(folder.join(name), &content).unwrap();
            let _ = writeln!(sums, "{}  {name}", checksum(content.as_bytes()));
        }
        fs::write(folder.join(CHECKSUMS), sums).unwrap();
        Artefacts::open(folder).unwrap()
    }

    #[test]
    fn a_bundle_is_taken_whole_and_for_its_own_processor_only() {
        let folder = tempfile::tempdir().unwrap();
        let bundle = bundle_at(folder.path());
        assert_eq!(bundle.functions()[0].1, folder.path().join("functions/stepchat-login.zip"));
        bundle.check(Architecture::Arm).unwrap();
        let other = bundle.check(Architecture::X86).unwrap_err().to_string();
        assert!(other.contains("this bundle is for arm64"), "{other}");
        fs::write(folder.path().join("samconfig.toml"), "# mine").unwrap();
        bundle.check(Architecture::Arm).unwrap();
        fs::write(folder.path().join("functions/stepchat-login.zip"), "3").unwrap();
        assert!(bundle.check(Architecture::Arm).unwrap_err().to_string().contains("unpack the bundle again"));
        fs::remove_file(folder.path().join("functions/stepchat-login.zip")).unwrap();
        assert!(bundle.check(Architecture::Arm).unwrap_err().to_string().contains("is missing"));
    }
}
