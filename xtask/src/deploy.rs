//! `cargo xtask deploy`: builds every function once and hands them to SAM. Two commands in one, with the questions that
//! are cheaper to ask before ten minutes of building than after.

use crate::generate::{self, Registry, deployment};
use crate::tools::{AWS, CARGO_LAMBDA, SAM};
use crate::workspace;
use ::tests::template;
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::str::FromStr;

/// Which deployment, and how.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The deployment, as samconfig.toml calls it: dev or prod.
    stage: String,
    /// Build for arm64 (Graviton) and deploy on it. Default: the processor that CI builds and tests on.
    #[arg(long)]
    arm64: bool,
    /// Take what the last build left in target/lambda.
    #[arg(long)]
    built: bool,
    /// A parameter of template.yaml, such as `AlarmEmail=ops@example.com`; may be repeated.
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<Parameter>,
}

/// A parameter of the template, and what it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parameter {
    name: String,
    value: String,
}

impl FromStr for Parameter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or("a parameter is NAME=VALUE")?;
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

impl Parameter {
    /// As SAM reads it: without quotes it would silently cut a value at its first blank.
    fn quoted(&self) -> String {
        let value = self.value.replace('\\', "\\\\").replace('"', "\\\"");
        format!("{}=\"{value}\"", self.name)
    }
}

/// Processors that functions run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Processor {
    X86,
    Arm,
}

impl Processor {
    /// The value of the template's parameter [`ARCHITECTURE`].
    const fn name(self) -> &'static str {
        match self {
            Self::X86 => "x86_64",
            Self::Arm => "arm64",
        }
    }

    /// How an executable for it says so: the field `e_machine` of ELF.
    const fn mark(self) -> [u8; 2] {
        match self {
            Self::X86 => [0x3e, 0],
            Self::Arm => [0xb7, 0],
        }
    }
}

/// The parameter that must agree with what was built.
const ARCHITECTURE: &str = "Architecture";

/// Builds and deploys. What can be known to fail fails before the build.
pub fn deploy(root: &Path, arguments: &Arguments) -> Result<()> {
    let plan = Plan::of(&workspace::read(&root.join("samconfig.toml"))?, arguments)?;
    CARGO_LAMBDA.require()?;
    SAM.require()?;
    AWS.require()?;
    let region = region()?;
    AWS.asked(&["sts", "get-caller-identity", "--region", &region, "--output", "text"]).with_context(|| {
        format!("AWS in {region} does not know who you are: run `aws configure`, or name a profile in AWS_PROFILE")
    })?;
    if !arguments.built {
        CARGO_LAMBDA.run(root, build(plan.processor, &binaries()))?;
    }
    let flaws = flaws(root, plan.processor);
    ensure!(flaws.is_empty(), "{}. Leave --built out", flaws.join(", "));
    // Said aloud: SAM does not know AWS_REGION.
    SAM.run(root, plan.sam.into_iter().chain(["--region".to_owned(), region]))
}

/// Where to, as the AWS command line decides it.
fn region() -> Result<String> {
    let set = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| std::env::var(name).ok());
    let region = set.or_else(|| AWS.asked(&["configure", "get", "region"]).ok());
    region.filter(|region| !region.is_empty()).context("there is no region: run `aws configure`, or set AWS_REGION")
}

/// What to build and what to tell SAM.
#[derive(Debug)]
struct Plan {
    processor: Processor,
    sam: Vec<String>,
}

impl Plan {
    fn of(samconfig: &str, arguments: &Arguments) -> Result<Self> {
        let Arguments { stage, arm64, parameters, .. } = arguments;
        let stages: Vec<&str> = samconfig.lines().filter_map(stage_of).collect();
        ensure!(
            stages.contains(&stage.as_str()),
            "samconfig.toml has no deployment `{stage}`: it has {}",
            stages.join(", ")
        );
        let known = template::defaults(&generate::template().text);
        for Parameter { name, .. } in parameters {
            ensure!(name != ARCHITECTURE, "{ARCHITECTURE} must be that of the build: say --arm64");
            ensure!(known.contains_key(name), "template.yaml has no parameter `{name}`; see docs/runbook.md");
        }
        let configured = configured(samconfig, stage);
        let arm = format!("{ARCHITECTURE}={}", Processor::Arm.name());
        let processor = if *arm64 || configured.contains(&arm) { Processor::Arm } else { Processor::X86 };
        let mut sam: Vec<String> = ["deploy", "--config-env", stage].map(str::to_owned).into();
        if *arm64 || !parameters.is_empty() {
            // SAM drops samconfig.toml's parameters where any are given.
            sam.push("--parameter-overrides".into());
            sam.extend(configured);
            sam.extend(parameters.iter().map(Parameter::quoted));
            sam.push(format!("{ARCHITECTURE}={}", processor.name()));
        }
        Ok(Self { processor, sam })
    }
}

/// The deployment whose section begins with this line of samconfig.toml.
fn stage_of(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.strip_suffix(".deploy.parameters]")
}

/// The functions' binaries; each is also the name of its package.
pub(crate) fn binaries() -> Vec<String> {
    let groups = deployment::groups(&Registry::compiled());
    groups.into_iter().flat_map(|group| group.functions).map(|function| function.binary).collect()
}

/// The arguments of the one build.
pub(crate) fn build(processor: Processor, packages: &[String]) -> Vec<String> {
    let processor = match processor {
        Processor::X86 => "--x86-64",
        Processor::Arm => "--arm64",
    };
    // Not its own optimisations: the profile says what a deployed function is like.
    // Only binaries: for a library that is built for its own sake all below it is made into machine code that none needs.
    let fixed =
        ["lambda", "build", "--profile", "dist", "--disable-optimizations", "--bins", processor].map(str::to_owned);
    fixed.into_iter().chain(packages.iter().flat_map(|name| ["--package".to_owned(), name.clone()])).collect()
}

/// What is wrong with what the template's functions are to be made of.
fn flaws(root: &Path, processor: Processor) -> Vec<String> {
    let flaw = |binary: String| {
        let path = root.join("target/lambda").join(&binary).join("bootstrap");
        let Ok(content) = fs::read(&path) else { return Some(format!("{binary} is not built")) };
        let is_executable = fs::metadata(&path).is_ok_and(|known| known.permissions().mode() & 0o111 != 0);
        if content.get(18..20) != Some(&processor.mark()) {
            return Some(format!("{binary} is not built for {}", processor.name()));
        }
        (!is_executable).then(|| format!("{binary} cannot be executed"))
    };
    binaries().into_iter().filter_map(flaw).collect()
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

    const SAMCONFIG: &str = "[default.global.parameters]\n[dev.deploy.parameters]\n\
                             parameter_overrides = \"LogRetentionDays=7\"\n[arm.deploy.parameters]\n\
                             parameter_overrides = \"Architecture=arm64 RouteRate=9\"\n";

    fn plan(stage: &str, arm64: bool, parameters: &[&str]) -> Result<Plan> {
        let parameters = parameters.iter().map(|text| text.parse().unwrap()).collect();
        Plan::of(SAMCONFIG, &Arguments { stage: stage.into(), arm64, built: false, parameters })
    }

    #[test]
    fn the_build_names_every_function_and_nothing_else() {
        let arguments = build(Processor::X86, &binaries());
        assert!(
            arguments.contains(&"stepchat-get-user".to_owned()) && arguments.contains(&"background-jobs".to_owned())
        );
        assert!(!arguments.contains(&"switchboard".to_owned()) && !arguments.contains(&"xtask".to_owned()));
    }

    #[test]
    fn given_parameters_come_on_top_of_the_stages_own() {
        let plan = plan("dev", true, &["StepchatDefaultFirstName=a \"b\" \\ c"]).unwrap();
        let expected = [
            "deploy",
            "--config-env",
            "dev",
            "--parameter-overrides",
            "LogRetentionDays=7",
            "StepchatDefaultFirstName=\"a \\\"b\\\" \\\\ c\"",
            "Architecture=arm64",
        ];
        assert_eq!(plan.sam, expected);
    }

    #[test]
    fn the_build_is_for_the_processor_that_is_deployed() {
        assert_eq!(plan("dev", false, &[]).unwrap().processor, Processor::X86);
        assert_eq!(plan("dev", true, &[]).unwrap().processor, Processor::Arm);
        assert_eq!(plan("arm", false, &[]).unwrap().processor, Processor::Arm);
        assert_eq!(plan("arm", false, &["RouteRate=5"]).unwrap().sam.last().unwrap(), "Architecture=arm64");
    }

    #[test]
    fn what_cannot_be_deployed_is_refused_before_the_build() {
        let refusal = |stage, parameter: &str| plan(stage, false, &[parameter]).unwrap_err().to_string();
        assert_eq!(refusal("test", "RouteRate=5"), "samconfig.toml has no deployment `test`: it has dev, arm");
        assert!(refusal("dev", "AlarmMail=a@b").contains("no parameter `AlarmMail`"));
        assert!(refusal("dev", "Architecture=arm64").contains("say --arm64"));
        assert!(Parameter::from_str("AlarmEmail").is_err() && Parameter::from_str("AlarmEmail=").is_ok());
    }

    #[test]
    fn the_deployments_of_the_workspace_are_found() {
        let samconfig = workspace::read(&workspace::root().join("samconfig.toml")).unwrap();
        let stages: Vec<&str> = samconfig.lines().filter_map(stage_of).collect();
        assert_eq!(stages, ["dev", "prod"]);
        assert!(configured(&samconfig, "prod").contains(&"LogRetentionDays=365".to_owned()));
    }

    #[test]
    fn a_function_is_missed_if_it_is_not_built_or_for_another_processor_or_no_program() {
        let root = std::env::temp_dir().join(format!("switchboard-deploy-{}", std::process::id()));
        let place = |binary: &str| root.join("target/lambda").join(binary).join("bootstrap");
        for (binary, mark, mode) in
            [("stepchat-login", 0x3e, 0o755), ("stepchat-logout", 0xb7, 0o755), ("stepchat-get-user", 0x3e, 0o644)]
        {
            fs::create_dir_all(place(binary).parent().unwrap()).unwrap();
            fs::write(place(binary), [[0; 18].as_slice(), &[mark, 0]].concat()).unwrap();
            fs::set_permissions(place(binary), fs::Permissions::from_mode(mode)).unwrap();
        }
        let flaws = flaws(&root, Processor::X86);
        fs::remove_dir_all(&root).unwrap();
        assert!(!flaws.iter().any(|flaw| flaw.contains("stepchat-login ")), "{flaws:?}");
        for flaw in ["stepchat-logout is not built for x86_64", "stepchat-get-user cannot be executed"] {
            assert!(flaws.contains(&flaw.to_owned()), "{flaws:?}");
        }
        assert!(flaws.contains(&"stepchat-add-user is not built".to_owned()), "{flaws:?}");
    }
}
