//! What samconfig.toml says of a deployment.

use crate::parameters::{self, Parameter};
use anyhow::{Context, Result, bail, ensure};
use std::fmt;
use std::str::FromStr;
use toml::{Table, Value};

/// The name of a stack, as CloudFormation takes one: 1 to 128 letters, digits and hyphens, beginning with a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackName(String);

impl StackName {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StackName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let length = text.chars().count();
        ensure!(length <= 128, "the stack's name has {length} characters: choose one of at most 128");
        let is_well_formed = text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        ensure!(
            is_well_formed,
            "{text:?} is no name for a stack: it has letters, digits and hyphens and begins with a letter"
        );
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for StackName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A deployment of samconfig.toml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// What the file calls it: dev, prod.
    pub name: String,
    /// The name of its stack.
    pub stack: StackName,
    /// The region, if the file says one.
    pub region: Option<String>,
    /// The profile of the AWS command line, if the file says one.
    pub profile: Option<String>,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
}

impl Stage {
    /// Finds a deployment in the text of samconfig.toml.
    pub fn find(samconfig: &str, name: &str) -> Result<Self> {
        let file: Table = samconfig.parse().context("samconfig.toml cannot be read: mend it")?;
        let deploy = |stage: &Value| stage.get("deploy").and_then(|deploy| deploy.get("parameters")).is_some();
        let known: Vec<&str> = file.iter().filter(|(_, stage)| deploy(stage)).map(|(name, _)| name.as_str()).collect();
        ensure!(known.contains(&name), "samconfig.toml has no deployment `{name}`: it has {}", known.join(", "));
        // A setting for the command `deploy` overrides one for all commands.
        let setting = |key: &str| {
            let commands = ["deploy", "global"];
            commands.into_iter().find_map(|command| file.get(name)?.get(command)?.get("parameters")?.get(key))
        };
        let text = |key: &str| setting(key).and_then(Value::as_str).map(str::to_owned);
        let stack = text("stack_name").with_context(|| format!("samconfig.toml: `{name}` has no stack_name"))?;
        Ok(Self {
            name: name.to_owned(),
            stack: stack.parse().with_context(|| format!("samconfig.toml, `{name}`, stack_name"))?,
            region: text("region"),
            profile: text("profile"),
            parameters: overrides(setting("parameter_overrides"))?,
        })
    }
}

/// The `parameter_overrides`: SAM takes a text or a list of texts.
fn overrides(setting: Option<&Value>) -> Result<Vec<Parameter>> {
    match setting {
        None => Ok(Vec::new()),
        Some(Value::String(line)) => parameters::in_line(line),
        Some(Value::Array(lines)) => {
            let lines = lines.iter().map(|line| parameters::in_line(line.as_str().unwrap_or_default()));
            Ok(lines.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
        }
        Some(_) => bail!("samconfig.toml: parameter_overrides is neither a text nor a list of texts"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMCONFIG: &str = "version = 0.1\n[default.validate.parameters]\nlint = true\n[dev.deploy.parameters]\n\
                             stack_name = 'sb-dev'\nparameter_overrides = \"LogRetentionDays=7\"\n\
                             [arm.global.parameters]\nregion = \"eu-north-1\"\n[arm.deploy.parameters]\n\
                             stack_name = \"sb-arm\"\nparameter_overrides = [\"Architecture=arm64\", \"RouteRate=9\"]\n";

    #[test]
    fn a_deployment_is_found_in_every_form_that_sam_reads() {
        let dev = Stage::find(SAMCONFIG, "dev").unwrap();
        assert_eq!((dev.stack.as_str(), dev.region), ("sb-dev", None));
        assert_eq!(dev.parameters, [Parameter::new("LogRetentionDays", 7)]);
        let arm = Stage::find(SAMCONFIG, "arm").unwrap();
        assert_eq!(arm.region.as_deref(), Some("eu-north-1"));
        assert_eq!(arm.parameters, [Parameter::new("Architecture", "arm64"), Parameter::new("RouteRate", 9)]);
    }

    #[test]
    fn a_deployment_that_is_not_there_is_told_with_those_that_are() {
        let missing = Stage::find(SAMCONFIG, "test").unwrap_err().to_string();
        assert_eq!(missing, "samconfig.toml has no deployment `test`: it has arm, dev");
        assert!(Stage::find("[", "dev").is_err());
    }

    #[test]
    fn names_that_cloudformation_refuses_are_refused() {
        assert!("a".repeat(128).parse::<StackName>().is_ok());
        for bad in ["a".repeat(129), String::new(), "1a".into(), "a_b".into(), "ä".into(), "a b".into()] {
            assert!(bad.parse::<StackName>().is_err(), "{bad}");
        }
    }
}
