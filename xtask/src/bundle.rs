//! `cargo xtask bundle`: everything that a deployment needs in one archive, for accounts whose owners have no Rust.

use crate::deploy::binaries;
use crate::generate;
use crate::workspace;
use ::deploy::architecture::Architecture;
use ::deploy::artefacts::{CHECKSUMS, MANIFEST, Manifest, checksum, packed_template};
use ::deploy::build;
use anyhow::{Context, Result, ensure};
use clap::Args;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The one program in a bundle that is not a function.
const OPERATOR: &str = "switchboard";
/// Its build profile: this program also serves and imports, which the functions' profile for small binaries would slow
/// down.
const OPERATOR_PROFILE: &str = "release";

/// What a bundle is for.
#[derive(Debug, Args)]
pub struct Arguments {
    /// For arm64 (Graviton). Default: `x86_64`.
    #[arg(long)]
    arm64: bool,
    /// Take the programs from a folder that holds each under its own name, such as target/debug, and build none. For
    /// trying the way of a bundle: what is not built with the profile of deployments is several times as large.
    #[arg(long, value_name = "FOLDER")]
    from: Option<PathBuf>,
    /// The folder to write the archive into.
    #[arg(long, default_value = "target/bundle")]
    out: PathBuf,
}

/// Builds all functions and `switchboard`, and packs them with the files that deploy them; returns the archive's path.
pub fn bundle(root: &Path, arguments: &Arguments) -> Result<PathBuf> {
    let architecture = if arguments.arm64 { Architecture::Arm } else { Architecture::X86 };
    let manifest = Manifest { version: env!("CARGO_PKG_VERSION").to_owned(), architecture };
    if arguments.from.is_none() {
        build::require(architecture)?;
        build::build(root, architecture, build::PROFILE, &binaries())?;
        build::build(root, architecture, OPERATOR_PROFILE, &[OPERATOR.to_owned()])?;
    }
    let program = |name: &str| match &arguments.from {
        Some(folder) => folder.join(name),
        None => root.join("target/lambda").join(name).join("bootstrap"),
    };
    let read = |name: &str| {
        let path = program(name);
        let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(architecture.made(&content), "{} is not built for {architecture}", path.display());
        Ok(content)
    };
    let name = format!("switchboard-{}-{architecture}", manifest.version);
    let out = root.join(&arguments.out);
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let path = out.join(format!("{name}.tar.gz"));
    let mut archive = Archive::create(&path, &name, arguments.from.is_some())?;
    archive.add(MANIFEST, 0o644, format!("{:#}\n", serde_json::to_value(&manifest)?).as_bytes())?;
    archive.add("README.md", 0o644, readme(&manifest).as_bytes())?;
    archive.add("template.yaml", 0o644, packed_template(&generate::template().text).as_bytes())?;
    for (file, mode) in
        [("samconfig.toml", 0o644), ("deploy.sh", 0o755), ("LICENSE-MIT", 0o644), ("LICENSE-APACHE", 0o644)]
    {
        archive.add(file, mode, workspace::read(&root.join(file))?.as_bytes())?;
    }
    archive.add(OPERATOR, 0o755, &read(OPERATOR)?)?;
    for function in binaries() {
        let zipped = zipped(&read(&function)?, archive.is_quick)?;
        archive.add(&format!("functions/{function}.zip"), 0o644, &zipped)?;
    }
    archive.finish()?;
    let sum = checksum(&fs::read(&path)?);
    workspace::write(&out.join(format!("{name}.tar.gz.sha256")), &format!("{sum}  {name}.tar.gz\n"))?;
    Ok(path)
}

/// Packs a function as Lambda expects it. The same binary makes the same bytes, so that SAM uploads it once.
fn zipped(binary: &[u8], quick: bool) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(if quick { 1 } else { 9 }))
        .unix_permissions(0o755);
    zip.start_file("bootstrap", options)?;
    zip.write_all(binary)?;
    Ok(zip.finish()?.into_inner())
}

/// The archive while it is written: one folder, whose checksums come last.
struct Archive {
    tar: tar::Builder<GzEncoder<File>>,
    folder: String,
    sums: String,
    is_quick: bool,
}

impl Archive {
    fn create(path: &Path, folder: &str, is_quick: bool) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let compression = if is_quick { Compression::fast() } else { Compression::best() };
        let tar = tar::Builder::new(GzEncoder::new(file, compression));
        Ok(Self { tar, folder: folder.to_owned(), sums: String::new(), is_quick })
    }

    fn add(&mut self, name: &str, mode: u32, content: &[u8]) -> Result<()> {
        self.append(name, mode, content)?;
        let _ = writeln!(self.sums, "{}  {name}", checksum(content));
        Ok(())
    }

    fn append(&mut self, name: &str, mode: u32, content: &[u8]) -> Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(content.len())?);
        header.set_mode(mode);
        header.set_mtime(0);
        self.tar.append_data(&mut header, format!("{}/{name}", self.folder), content)?;
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        let sums = std::mem::take(&mut self.sums);
        self.append(CHECKSUMS, 0o644, sums.as_bytes())?;
        self.tar.into_inner()?.finish()?;
        Ok(())
    }
}

/// The README of a bundle.
fn readme(manifest: &Manifest) -> String {
    let Manifest { version, architecture } = manifest;
    format!(
        "# Switchboard {version} for {architecture}\n\
         \n\
         Deploys to your AWS account from Linux on {architecture}, without Rust. You need the AWS command line, version 2,\n\
         signed in (`aws configure`), and the SAM command line (`pipx install aws-sam-cli`).\n\
         \n\
         1. `sha256sum --check --quiet SHA256SUMS` says nothing if everything is here and whole.\n\
         2. `./deploy.sh dev --check` asks all that can be asked and changes nothing; `./deploy.sh dev` deploys.\n\
         3. `./switchboard --stack switchboard-dev operator init --email you@example.com` makes the first admin and account.\n\
         Lasting settings are `parameter_overrides` in samconfig.toml; docs/settings.md of the repository lists them.\n\
         `./switchboard serve` is the whole product on this machine, to try it first.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundles_readme_has_ten_lines() {
        let manifest = Manifest { version: "0.1.0".into(), architecture: Architecture::X86 };
        assert_eq!(readme(&manifest).lines().count(), 10);
    }

    #[test]
    fn the_same_binary_is_the_same_zip() {
        assert_eq!(zipped(b"abc", true).unwrap(), zipped(b"abc", true).unwrap());
    }
}
