//! `cargo xtask deploy`: builds every function once and hands them to SAM. Two commands in one, with the questions that
//! are cheaper to ask before ten minutes of building than after.

use crate::generate::{Registry, deployment};
use crate::tools::{AWS, CARGO_LAMBDA, SAM};
use crate::workspace;
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use std::path::Path;

/// Which deployment, and how.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The deployment in samconfig.toml.
    #[arg(value_enum)]
    stage: Stage,
    /// Build for arm64 (Graviton) and deploy on it. Default: the processor that CI builds and tests on.
    #[arg(long)]
    arm64: bool,
    /// Take what the last build left in target/lambda.
    #[arg(long)]
    built: bool,
    /// A parameter of template.yaml, such as `AlarmEmail=ops@example.com`; may be repeated.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<String>,
}

/// A deployment of samconfig.toml.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    Dev,
    Prod,
}

impl Stage {
    const fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Prod => "prod",
        }
    }
}

fn parameter(text: &str) -> Result<String, String> {
    let known = text.split_once('=').is_some_and(|(name, _)| name.chars().all(|letter| letter.is_ascii_alphanumeric()));
    if known { Ok(text.to_owned()) } else { Err("a parameter is NAME=VALUE".to_owned()) }
}

/// Builds and deploys.
pub fn deploy(root: &Path, arguments: &Arguments) -> Result<()> {
    CARGO_LAMBDA.require()?;
    SAM.require()?;
    AWS.require()?;
    AWS.asked(&["sts", "get-caller-identity", "--output", "text"])
        .context("AWS does not know who you are: run `aws configure`, or name a profile in AWS_PROFILE")?;
    if std::env::var_os("AWS_REGION").is_none() && std::env::var_os("AWS_DEFAULT_REGION").is_none() {
        AWS.asked(&["configure", "get", "region"])
            .context("there is no region: run `aws configure`, or set AWS_REGION")?;
    }
    if !arguments.built {
        CARGO_LAMBDA.run(root, build(arguments.arm64, &binaries()))?;
    }
    let missing = unbuilt(root);
    if !missing.is_empty() {
        bail!("not built: {}. Leave --built out", missing.join(", "));
    }
    SAM.run(root, sam(root, arguments)?)
}

/// The functions' binaries; each is also the name of its package.
pub(crate) fn binaries() -> Vec<String> {
    let groups = deployment::groups(&Registry::compiled());
    groups.into_iter().flat_map(|group| group.functions).map(|function| function.binary).collect()
}

/// The arguments of the one build.
pub(crate) fn build(arm64: bool, packages: &[String]) -> Vec<String> {
    let processor = if arm64 { "--arm64" } else { "--x86-64" };
    // Not its own optimisations: the profile says what a deployed function is like.
    let fixed = ["lambda", "build", "--profile", "dist", "--disable-optimizations", processor].map(str::to_owned);
    fixed.into_iter().chain(packages.iter().flat_map(|name| ["--package".to_owned(), name.clone()])).collect()
}

fn unbuilt(root: &Path) -> Vec<String> {
    let is_missing = |binary: &String| !root.join("target/lambda").join(binary).join("bootstrap").is_file();
    binaries().into_iter().filter(is_missing).collect()
}

/// The arguments of `sam deploy`. Parameters given here come on top of samconfig.toml's, which SAM would drop.
fn sam(root: &Path, arguments: &Arguments) -> Result<Vec<String>> {
    let stage = arguments.stage.name();
    let mut command: Vec<String> = ["deploy", "--config-env", stage].map(str::to_owned).into();
    let mut parameters = arguments.parameters.clone();
    if arguments.arm64 {
        parameters.push("Architecture=arm64".into());
    }
    if !parameters.is_empty() {
        let configured = configured(&workspace::read(&root.join("samconfig.toml"))?, stage);
        command.push("--parameter-overrides".into());
        command.extend(configured.into_iter().chain(parameters));
    }
    Ok(command)
}

/// The `parameter_overrides` of a stage.
fn configured(text: &str, stage: &str) -> Vec<String> {
    let section = text.split(&format!("[{stage}.deploy.parameters]\n")).nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let line = section.lines().find_map(|line| line.strip_prefix("parameter_overrides = "));
    line.unwrap_or_default().trim_matches('"').split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_names_every_function_and_nothing_else() {
        let arguments = build(false, &binaries());
        assert!(
            arguments.contains(&"stepchat-get-user".to_owned()) && arguments.contains(&"background-jobs".to_owned())
        );
        assert!(!arguments.contains(&"switchboard".to_owned()) && !arguments.contains(&"xtask".to_owned()));
    }

    #[test]
    fn given_parameters_come_on_top_of_the_stages_own() {
        let given = ["AlarmEmail=ops@example.com".to_owned()];
        let arguments = Arguments { stage: Stage::Prod, arm64: true, built: true, parameters: given.into() };
        let command = sam(&workspace::root(), &arguments).unwrap();
        assert_eq!(command[..4], ["deploy", "--config-env", "prod", "--parameter-overrides"]);
        for parameter in ["LogRetentionDays=365", "AlarmEmail=ops@example.com", "Architecture=arm64"] {
            assert!(command.contains(&parameter.to_owned()), "{command:?}");
        }
    }

    #[test]
    fn a_parameter_needs_a_name_and_a_value() {
        assert!(parameter("AlarmEmail=a@b").is_ok() && parameter("AlarmEmail").is_err() && parameter("a b=c").is_err());
    }
}
