//! `cargo xtask sizes`: how big the deployed functions are. A function starts the quicker the less there is to load.

use crate::deploy::{binaries, build};
use crate::tools::CARGO_LAMBDA;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The most that a function's binary may have, in bytes.
const BUDGET: u64 = 5_000_000;

/// Which functions.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The functions, by their binaries, such as stepchat-get-user. Default: all, which takes a quarter of an hour.
    functions: Vec<String>,
    /// Build with plain cargo, for this machine.
    #[arg(long)]
    plain: bool,
}

/// Builds the functions with the profile of deployments and prints how big they are; whether all are small enough.
pub fn sizes(root: &Path, arguments: &Arguments) -> Result<bool> {
    let known = binaries();
    if let Some(stranger) = arguments.functions.iter().find(|name| !known.contains(name)) {
        bail!("there is no function `{stranger}`: see docs/methods.md, where each folder names one");
    }
    let functions = if arguments.functions.is_empty() { known } else { arguments.functions.clone() };
    let folder = if arguments.plain { plain(root, &functions)? } else { packaged(root, &functions)? };
    let mut all_well = true;
    println!("{:>10}  function", "bytes");
    for function in &functions {
        let path = folder(function);
        let bytes = fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?.len();
        let verdict = if bytes > BUDGET { "  OVER the budget" } else { "" };
        println!("{bytes:>10}  {function}{verdict}");
        all_well &= bytes <= BUDGET;
    }
    println!("{BUDGET:>10}  is the budget");
    Ok(all_well)
}

/// Where a function's binary is.
type Place = Box<dyn Fn(&str) -> PathBuf>;

fn packaged(root: &Path, functions: &[String]) -> Result<Place> {
    CARGO_LAMBDA.require()?;
    CARGO_LAMBDA.run(root, build(false, functions))?;
    let folder = root.join("target/lambda");
    Ok(Box::new(move |function| folder.join(function).join("bootstrap")))
}

fn plain(root: &Path, functions: &[String]) -> Result<Place> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let packages = functions.iter().flat_map(|function| ["--package", function]);
    let arguments = ["build", "--profile", "dist"].into_iter().chain(packages);
    let status = Command::new(cargo).args(arguments).current_dir(root).status().context("cannot start cargo")?;
    if !status.success() {
        bail!("cargo could not build them");
    }
    let folder = root.join("target/dist");
    Ok(Box::new(move |function| folder.join(function)))
}
