//! The build of all functions in one go.

use crate::architecture::Architecture;
use crate::cargo::of_no_package;
use crate::tools::CARGO_LAMBDA;
use anyhow::{Context, Result, ensure};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The profile of what is deployed, in Cargo.toml.
pub const PROFILE: &str = "dist";

/// The variable that tells cargo-lambda where Zig is, with which it links.
const ZIG: &str = "CARGO_ZIGBUILD_ZIG_PATH";

/// Builds these packages' binaries into target/lambda.
pub fn build(root: &Path, architecture: Architecture, profile: &str, packages: &[String]) -> Result<()> {
    let mut command = of_no_package(Command::new(CARGO_LAMBDA.program));
    command.args(arguments(architecture, profile, packages)).current_dir(root);
    if let Some(zig) = hidden_zig(&env::var_os("PATH").unwrap_or_default()) {
        command.env(ZIG, zig);
    }
    let status = command.status().context("cannot start `cargo-lambda`")?;
    ensure!(status.success(), "`cargo-lambda` could not build the functions: nothing was deployed");
    Ok(())
}

/// Refuses to begin a build that would fail: without the tool, or without Rust's standard library for this processor.
pub fn require(architecture: Architecture) -> Result<()> {
    CARGO_LAMBDA.require()?;
    require_target(architecture)
}

/// The Zig that `pipx` and `uv tool` install with cargo-lambda. It lies next to cargo-lambda's own executable and not
/// on the path, so cargo-lambda itself does not find it.
fn hidden_zig(path: &OsStr) -> Option<PathBuf> {
    let on_path = |name: &str| env::split_paths(path).map(|folder| folder.join(name)).find(|file| file.is_file());
    if env::var_os(ZIG).is_some() || on_path("zig").is_some() {
        return None;
    }
    let program = fs::canonicalize(on_path(CARGO_LAMBDA.program)?).ok()?;
    Some(program.parent()?.join("python-zig")).filter(|zig| zig.is_file())
}

/// The arguments of `cargo-lambda` that build these packages' binaries.
fn arguments(architecture: Architecture, profile: &str, packages: &[String]) -> Vec<String> {
    let processor = match architecture {
        Architecture::X86 => "--x86-64",
        Architecture::Arm => "--arm64",
    };
    // The profile says how a deployed function is optimised, not cargo-lambda.
    // Only binaries: building a library for its own sake would compile all that it depends on to unused machine code.
    let fixed = ["lambda", "build", "--profile", profile, "--disable-optimizations", "--bins", processor];
    let packages = packages.iter().flat_map(|name| ["--package", name]);
    fixed.into_iter().chain(packages).map(str::to_owned).collect()
}

/// Refuses to begin where Rust's standard library for this processor is not installed.
fn require_target(architecture: Architecture) -> Result<()> {
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let target = architecture.target();
    let asked = Command::new(compiler).args(["--print", "target-libdir", "--target", target]).output();
    let asked = asked.context("cannot start `rustc`: install Rust from https://rustup.rs")?;
    let folder = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
    ensure!(
        asked.status.success() && Path::new(&folder).is_dir(),
        "Rust cannot build for {architecture} yet: run `rustup target add {target}`"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_that_rust_cannot_build_for_is_told_with_the_command_that_mends_it() {
        for architecture in [Architecture::X86, Architecture::Arm] {
            if let Err(refusal) = require_target(architecture) {
                assert!(refusal.to_string().contains(&format!("rustup target add {}", architecture.target())));
            }
        }
    }

    #[test]
    fn the_zig_that_came_with_cargo_lambda_is_found_where_it_is_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let (own, shown) = (folder.path().join("venv"), folder.path().join("bin"));
        for made in [&own, &shown] {
            fs::create_dir(made).unwrap();
        }
        fs::write(own.join("cargo-lambda"), "").unwrap();
        std::os::unix::fs::symlink(own.join("cargo-lambda"), shown.join("cargo-lambda")).unwrap();
        assert_eq!(hidden_zig(shown.as_os_str()), None);
        fs::write(own.join("python-zig"), "").unwrap();
        assert_eq!(hidden_zig(shown.as_os_str()), Some(fs::canonicalize(own.join("python-zig")).unwrap()));
        fs::write(shown.join("zig"), "").unwrap();
        assert_eq!(hidden_zig(shown.as_os_str()), None, "one that cargo-lambda finds itself is left to it");
    }

    #[test]
    fn the_build_names_what_it_is_for_and_nothing_else() {
        let arguments = arguments(Architecture::Arm, PROFILE, &["a".into(), "b".into()]);
        assert_eq!(arguments.iter().filter(|word| *word == "--package").count(), 2);
        assert!(arguments.contains(&"--arm64".to_owned()) && arguments.contains(&"dist".to_owned()));
    }
}
