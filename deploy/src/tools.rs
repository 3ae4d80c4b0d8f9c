//! Other programs that are called; if one is missing, the error says where to get it.

use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, ExitStatus};

/// A program that is called.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// Its name on the path.
    pub program: &'static str,
    /// The arguments with which it only prints its version.
    pub version: &'static [&'static str],
    /// Where to get it. Never `pip install`: Debian's and Homebrew's Python refuse it.
    pub source: &'static str,
}

/// Builds functions as Lambda wants them.
pub const CARGO_LAMBDA: Tool = Tool {
    program: "cargo-lambda",
    // Called as cargo calls it: without `lambda` it knows no flags.
    version: &["lambda", "--version"],
    source: "`pipx install cargo-lambda`, or `uv tool install cargo-lambda`",
};
/// Deploys the template.
pub const SAM: Tool = Tool {
    program: "sam",
    version: &["--version"],
    source: "`pipx install aws-sam-cli`, or `uv tool install aws-sam-cli`",
};
/// Knows region and credentials.
pub const AWS: Tool = Tool {
    program: "aws",
    version: &["--version"],
    source: "the AWS command line, version 2: `sudo apt install awscli` (Debian 12, Ubuntu 24.04 or later), \
             `brew install awscli`, or AWS's own installer",
};

impl Tool {
    /// What it prints about its version; if it is missing, an error that says where to get it.
    pub fn require(self) -> Result<String> {
        let said = Command::new(self.program).args(self.version).output();
        match said.ok().filter(|said| said.status.success()) {
            // Old releases of the AWS command line print their version on standard error.
            Some(said) => Ok([said.stdout, said.stderr].iter().map(|text| String::from_utf8_lossy(text)).collect()),
            None => bail!("`{}` is missing or does not start. It comes with {}", self.program, self.source),
        }
    }

    /// Runs it in a folder; its output goes where this program's goes. Returns how it ended.
    pub fn status<S: AsRef<OsStr>>(self, folder: &Path, arguments: impl IntoIterator<Item = S>) -> Result<ExitStatus> {
        let mut command = Command::new(self.program);
        command.args(arguments).current_dir(folder);
        command.status().with_context(|| format!("cannot start `{}`", self.program))
    }
}

/// The version in what the AWS command line prints: `aws-cli/2.9.19 Python/…`. Versions before 2.9 are refused: they
/// cannot give a program the credentials of the user who is signed in, which `switchboard --stack` needs.
pub fn aws_version(said: &str) -> Result<&str> {
    let version = said.split_whitespace().find_map(|word| word.strip_prefix("aws-cli/"));
    let version =
        version.context("`aws` does not say its version as the AWS command line does: is it another program?")?;
    let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    ensure!(
        (major, minor) >= (2, 9),
        "`aws` is version {version}, and version 2.9 or later is needed: install {}. If you have both, put the new one \
         first on the PATH",
        AWS.source
    );
    Ok(version)
}

/// The version in what SAM prints: `SAM CLI, version 1.170.0`.
#[must_use]
pub fn sam_version(said: &str) -> &str {
    said.split_whitespace().last().unwrap_or("of unknown version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_of_the_aws_command_line_is_told_apart_and_refused() {
        assert_eq!(aws_version("aws-cli/2.9.19 Python/3.11.2 Linux/6 source/x86_64").unwrap(), "2.9.19");
        assert_eq!(aws_version("aws-cli/2.31.0 Python/3.13").unwrap(), "2.31.0");
        for old in ["aws-cli/1.45.11 Python/3.11.7 botocore/1.43.11", "aws-cli/2.2.1 Python/3.8"] {
            let refusal = aws_version(old).unwrap_err().to_string();
            assert!(refusal.contains("version 2.9 or later is needed") && refusal.contains("apt install"), "{refusal}");
        }
        assert!(aws_version("something else").is_err());
    }

    #[test]
    fn no_tool_is_said_to_come_by_a_way_that_the_systems_python_refuses() {
        for tool in [CARGO_LAMBDA, SAM, AWS] {
            assert!(!tool.source.contains("pip install"), "{}", tool.program);
        }
    }
}
