//! Other programs: found or missed with a sentence that says where they come from.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// A program that chores call.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// Its name on the path.
    pub program: &'static str,
    /// What makes it say its version, and nothing else.
    pub version: &'static [&'static str],
    /// Where it comes from.
    pub source: &'static str,
}

/// Builds functions as Lambda wants them.
pub const CARGO_LAMBDA: Tool = Tool {
    program: "cargo-lambda",
    // As cargo starts it: it knows no flags of its own.
    version: &["lambda", "--version"],
    source: "`pip install cargo-lambda`",
};
/// Deploys the template.
pub const SAM: Tool = Tool { program: "sam", version: &["--version"], source: "`pip install aws-sam-cli`" };
/// Knows region and credentials.
pub const AWS: Tool = Tool { program: "aws", version: &["--version"], source: "the AWS command line, version 2" };

impl Tool {
    /// Whether it can be started.
    #[must_use]
    pub fn is_there(self) -> bool {
        Command::new(self.program).args(self.version).output().is_ok_and(|done| done.status.success())
    }

    /// Fails with a sentence if it is not there.
    pub fn require(self) -> Result<()> {
        if !self.is_there() {
            bail!("`{}` is missing: it comes with {}", self.program, self.source);
        }
        Ok(())
    }

    /// Runs it in a folder, its output going where ours goes.
    pub fn run<S: AsRef<OsStr>>(self, folder: &Path, arguments: impl IntoIterator<Item = S>) -> Result<()> {
        let mut command = Command::new(self.program);
        command.args(arguments).current_dir(folder);
        let status = command.status().with_context(|| format!("cannot start `{}`", self.program))?;
        if !status.success() {
            bail!("`{}` failed: nothing after it was done", self.program);
        }
        Ok(())
    }

    /// What it prints on standard output, if it succeeds; else the last line of its complaint.
    pub fn asked(self, arguments: &[&str]) -> Result<String> {
        let done = Command::new(self.program).args(arguments).output();
        let done = done.with_context(|| format!("cannot start `{}`", self.program))?;
        if !done.status.success() {
            let complaint = String::from_utf8_lossy(&done.stderr);
            bail!("{}", complaint.trim().lines().last().unwrap_or("it said nothing"));
        }
        Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
    }
}
