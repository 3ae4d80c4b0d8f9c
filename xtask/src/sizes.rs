//! `cargo xtask sizes`: how big the deployed functions are. The smaller a function is, the faster it starts.

use crate::deploy::binaries;
use ::deploy::architecture::Architecture;
use ::deploy::build;
use ::deploy::cargo::cargo;
use anyhow::{Context, Result, bail};
use clap::Args;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The most that a function's binary may have, in bytes.
const BUDGET: u64 = 5_000_000;

/// A function that cannot keep to the budget of all others.
struct Exception {
    function: &'static str,
    /// Its own budget: a little more than its present size.
    budget: u64,
    reason: &'static str,
}

/// All exceptions.
const EXCEPTIONS: [Exception; 9] = [
    Exception {
        function: "background-jobs",
        budget: 5_450_000,
        reason: "what all methods of both families have promised",
    },
    Exception { function: "stepchat-csv-users", budget: 6_700_000, reason: "the client of S3" },
    Exception {
        function: "stepchat-front-door",
        budget: 10_800_000,
        reason: "all methods of StepChat, the client of S3, the letters of all scripts",
    },
    Exception {
        function: "stepchat-get-avatar",
        budget: 8_800_000,
        reason: "the client of S3, the letters of all scripts",
    },
    Exception {
        function: "voximplant-bind-skill",
        budget: 5_400_000,
        reason: "a skill binds users, and with them queues",
    },
    Exception {
        function: "voximplant-del-application",
        budget: 5_350_000,
        reason: "all that goes with a user, for all users of it",
    },
    Exception {
        function: "voximplant-del-user",
        budget: 5_350_000,
        reason: "memberships, money and search entries go with a user",
    },
    Exception { function: "voximplant-front-door", budget: 6_300_000, reason: "all methods of Voximplant" },
    Exception {
        function: "voximplant-transfer-money-to-user",
        budget: 5_350_000,
        reason: "transfers to very many, in chunks that are taken up again",
    },
];

/// Which functions.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The functions, by their binaries, such as stepchat-get-user. Default: all, which takes a quarter of an hour.
    functions: Vec<String>,
    /// Build with plain cargo, for this machine.
    #[arg(long)]
    plain: bool,
}

/// How big a function is, and how big it may be.
struct Size {
    function: String,
    bytes: u64,
    zipped: u64,
    budget: u64,
    reason: Option<&'static str>,
}

impl Size {
    fn of(function: &str, binary: &[u8]) -> Result<Self> {
        // The size in a zip file, except for some hundred bytes.
        let mut zip = DeflateEncoder::new(Vec::new(), Compression::default());
        zip.write_all(binary)?;
        let zipped = zip.finish()?;
        let exception = EXCEPTIONS.iter().find(|exception| exception.function == function);
        Ok(Self {
            function: function.to_owned(),
            bytes: u64::try_from(binary.len())?,
            zipped: u64::try_from(zipped.len())?,
            budget: exception.map_or(BUDGET, |exception| exception.budget),
            reason: exception.map(|exception| exception.reason),
        })
    }

    const fn is_over(&self) -> bool {
        self.bytes > self.budget
    }

    fn line(&self) -> String {
        let Self { function, bytes, zipped, budget, reason } = self;
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        let verdict = if self.is_over() { "  OVER" } else { "" };
        format!("{bytes:>10}{zipped:>10}{budget:>10}  {function}{reason}{verdict}")
    }
}

/// Builds the functions with the profile of deployments and prints how big they are; returns whether all are small
/// enough.
pub fn sizes(root: &Path, arguments: &Arguments) -> Result<bool> {
    let known = binaries();
    if let Some(stranger) = arguments.functions.iter().find(|name| !known.contains(name)) {
        bail!("there is no function `{stranger}`: see docs/methods.md, where each folder names one");
    }
    let functions = if arguments.functions.is_empty() { known } else { arguments.functions.clone() };
    let place = if arguments.plain { plain(root, &functions)? } else { packaged(root, &functions)? };
    println!("{:>10}{:>10}{:>10}  function", "bytes", "zipped", "budget");
    let mut over = 0_usize;
    for function in &functions {
        let path = place(function);
        let binary = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let size = Size::of(function, &binary)?;
        println!("{}", size.line());
        over = over.saturating_add(usize::from(size.is_over()));
    }
    println!("{over} of {} are over their budget", functions.len());
    Ok(over == 0)
}

/// Where a function's binary is.
type Place = Box<dyn Fn(&str) -> PathBuf>;

fn packaged(root: &Path, functions: &[String]) -> Result<Place> {
    build::require(Architecture::X86)?;
    build::build(root, Architecture::X86, build::PROFILE, functions)?;
    let folder = root.join("target/lambda");
    Ok(Box::new(move |function| folder.join(function).join("bootstrap")))
}

fn plain(root: &Path, functions: &[String]) -> Result<Place> {
    let packages = functions.iter().flat_map(|function| ["--package", function]);
    let arguments = ["build", "--profile", "dist", "--bins"].into_iter().chain(packages);
    let status = cargo().args(arguments).current_dir(root).status().context("cannot start cargo")?;
    if !status.success() {
        bail!("cargo could not build them");
    }
    let folder = root.join("target/dist");
    Ok(Box::new(move |function| folder.join(function)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_functions_with_more_than_the_common_budget() {
        for Exception { function, budget, reason } in EXCEPTIONS {
            assert!(binaries().iter().any(|binary| binary == function), "{function}");
            assert!(budget > BUDGET && !reason.is_empty(), "{function}");
        }
    }

    #[test]
    fn one_byte_more_than_the_budget_is_over() {
        let is_over = |function: &str, bytes: u64| {
            let binary = vec![0; usize::try_from(bytes).unwrap()];
            Size::of(function, &binary).unwrap().is_over()
        };
        assert!(!is_over("stepchat-get-user", BUDGET) && is_over("stepchat-get-user", BUDGET + 1));
        let Exception { function, budget, .. } = EXCEPTIONS[0];
        assert!(!is_over(function, budget) && is_over(function, budget + 1));
    }
}
