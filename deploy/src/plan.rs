//! What is to be deployed, according to the deployment's own files: nothing here asks AWS.

use crate::architecture::{self, Architecture};
use crate::arguments::Arguments;
use crate::artefacts::Artefacts;
use crate::parameters::{Declarations, Parameter};
use crate::revision;
use crate::stage::Stage;
use anyhow::{Context, Result, ensure};

/// A deployment whose settings were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) stage: Stage,
    pub(crate) architecture: Architecture,
    /// The parameters that were given, and the architecture: each name once, the later of two values wins.
    pub(crate) parameters: Vec<Parameter>,
}

impl Plan {
    pub(crate) fn of(artefacts: &Artefacts, arguments: &Arguments) -> Result<Self> {
        let stage = Stage::find(&artefacts.samconfig, &arguments.stage)?;
        let declared = Declarations::of(&artefacts.template);
        let given = [revision::PARAMETER, architecture::PARAMETER];
        for Parameter { name, .. } in &arguments.parameters {
            ensure!(
                !given.contains(&name.as_str()),
                "{name} follows from what is built: leave it out (or say --arm64)"
            );
        }
        let mut parameters = stage.parameters.clone();
        parameters.extend(arguments.parameters.iter().cloned());
        let parameters = last_of_each(parameters);
        declared.check(&parameters)?;
        let configured = parameters.iter().find(|parameter| parameter.name == architecture::PARAMETER);
        let configured = configured.map_or_else(String::new, |parameter| parameter.value.clone());
        let architecture = match &artefacts.bundle {
            _ if arguments.arm64 || configured == Architecture::Arm.name() => Architecture::Arm,
            Some(manifest) if configured.is_empty() => manifest.architecture,
            _ => Architecture::X86,
        };
        let parameters: Vec<Parameter> = parameters
            .into_iter()
            .filter(|parameter| !given.contains(&parameter.name.as_str()))
            .chain([Parameter::new(architecture::PARAMETER, architecture)])
            .collect();
        let missing =
            |name: &&str| *name != revision::PARAMETER && !parameters.iter().any(|known| known.name == **name);
        let missing: Vec<&str> = declared.required().filter(missing).collect();
        ensure!(missing.is_empty(), "say --parameter NAME=VALUE for {}", missing.join(", "));
        Ok(Self { stage, architecture, parameters })
    }

    /// The arguments of SAM, with every parameter, also those left at their default. SAM ignores the parameters of
    /// samconfig.toml if any is given here, and a stack silently keeps the values of an earlier deployment: the
    /// processor could then be another than the one built for, and `ReleaseAlarms=off` would stay off.
    pub(crate) fn sam(&self, artefacts: &Artefacts, region: &str) -> Result<Vec<String>> {
        let declared = Declarations::of(&artefacts.template);
        let mut parameters = self.parameters.clone();
        if declared.has(revision::PARAMETER) {
            let named = parameters.iter().map(|parameter| (parameter.name.as_str(), parameter.value.as_str()));
            let revision = revision::revision(artefacts.functions(), named).context("cannot read what was built")?;
            parameters.push(Parameter::new(revision::PARAMETER, revision));
        }
        let is_given = |name: &str| self.parameters.iter().any(|given| given.name == name);
        parameters.extend(declared.defaults().filter(|left| !is_given(&left.name)));
        // The region is given explicitly: SAM does not know AWS_REGION.
        let fixed = ["deploy", "--config-env", &self.stage.name, "--region", region, "--parameter-overrides"];
        Ok(fixed.into_iter().map(str::to_owned).chain(parameters.iter().map(Parameter::quoted)).collect())
    }

    /// The certificate among the parameters, if one is.
    pub(crate) fn certificate(&self) -> Option<&str> {
        let mut values = self.parameters.iter().map(|parameter| parameter.value.as_str());
        values.find(|value| value.starts_with("arn:") && value.split(':').nth(2) == Some("acm"))
    }
}

fn last_of_each(parameters: Vec<Parameter>) -> Vec<Parameter> {
    let mut kept: Vec<Parameter> = Vec::new();
    for parameter in parameters {
        kept.retain(|known| known.name != parameter.name);
        kept.push(parameter);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artefacts::Manifest;
    use std::path::PathBuf;

    const SAMCONFIG: &str = "[dev.deploy.parameters]\nstack_name = \"sb\"\nparameter_overrides = \"RouteRate=7\"\n\
                             [arm.deploy.parameters]\nstack_name = \"sb\"\nparameter_overrides = \"Architecture=arm64\"\n";
    const TEMPLATE: &str = "Parameters:\n  Architecture:\n    Type: String\n    Default: x86_64\n    AllowedValues: \
                            [x86_64, arm64]\n  Name:\n    Type: String\n    Default: x\n  Revision:\n    Type: String\n  \
                            RouteRate:\n    Type: Number\n    Default: 1\n    MinValue: 1\n    MaxValue: 10\n";

    fn artefacts(bundle: Option<Architecture>) -> Artefacts {
        Artefacts {
            folder: PathBuf::new(),
            template: TEMPLATE.into(),
            samconfig: SAMCONFIG.into(),
            bundle: bundle.map(|architecture| Manifest { version: "0.1.0".into(), architecture }),
        }
    }

    fn plan(artefacts: &Artefacts, stage: &str, arm64: bool, parameters: &[&str]) -> Result<Plan> {
        let parameters = parameters.iter().map(|text| text.parse().unwrap()).collect();
        let stage = stage.to_owned();
        Plan::of(artefacts, &Arguments { stage, arm64, built: false, check: false, parameters })
    }

    fn told(plan: &Plan) -> Vec<String> {
        plan.parameters.iter().map(Parameter::quoted).collect()
    }

    #[test]
    fn given_parameters_replace_the_stages_own_and_all_are_said() {
        let clone = artefacts(None);
        let expected = ["Name=\"a \\\"b\\\" \\\\ c\"", "RouteRate=\"9\"", "Architecture=\"x86_64\""];
        assert_eq!(told(&plan(&clone, "dev", false, &["Name=a \"b\" \\ c", "RouteRate=9"]).unwrap()), expected);
        let sam = plan(&clone, "dev", false, &[]).unwrap().sam(&clone, "eu-north-1").unwrap();
        assert_eq!(sam[..6], ["deploy", "--config-env", "dev", "--region", "eu-north-1", "--parameter-overrides"]);
        assert_eq!(sam[6..8], ["RouteRate=\"7\"", "Architecture=\"x86_64\""]);
        assert!(sam[8].starts_with("Revision=\""), "{sam:?}");
        // A stack would keep what an earlier deployment gave.
        assert_eq!(sam[9..], ["Name=\"x\""]);
    }

    #[test]
    fn another_parameter_is_another_revision() {
        let clone = artefacts(None);
        let revision = |parameters: &[&str]| {
            let sam = plan(&clone, "dev", false, parameters).unwrap().sam(&clone, "eu-north-1").unwrap();
            sam.into_iter().find(|word| word.starts_with("Revision=")).unwrap()
        };
        assert_eq!(revision(&[]), revision(&["RouteRate=7"]));
        assert_ne!(revision(&[]), revision(&["RouteRate=8"]));
    }

    #[test]
    fn the_processor_is_that_of_the_build() {
        let processor = |artefacts: &Artefacts, stage, arm64| plan(artefacts, stage, arm64, &[]).unwrap().architecture;
        let clone = artefacts(None);
        assert_eq!(processor(&clone, "dev", false), Architecture::X86);
        assert_eq!(processor(&clone, "dev", true), Architecture::Arm);
        assert_eq!(processor(&clone, "arm", false), Architecture::Arm);
        assert_eq!(processor(&artefacts(Some(Architecture::Arm)), "dev", false), Architecture::Arm);
        assert_eq!(
            processor(&artefacts(Some(Architecture::X86)), "arm", false),
            Architecture::Arm,
            "then it is refused"
        );
    }

    #[test]
    fn what_cannot_be_deployed_is_refused() {
        let refusal =
            |stage, parameter: &str| plan(&artefacts(None), stage, false, &[parameter]).unwrap_err().to_string();
        assert!(refusal("test", "RouteRate=5").contains("no deployment `test`"));
        assert!(refusal("dev", "RouteRate=11").contains("RouteRate=11 must be a number from 1 to 10"));
        assert!(refusal("dev", "AlarmMail=a@b").contains("no parameter `AlarmMail`"));
        assert!(refusal("dev", "Architecture=arm64").contains("say --arm64"));
        assert!(refusal("dev", "Revision=abc").contains("follows from what is built"));
    }

    #[test]
    fn a_certificate_is_known_by_its_value() {
        let with = plan(&artefacts(None), "dev", false, &["Name=arn:aws:acm:eu-north-1:1:certificate/x"]).unwrap();
        assert_eq!(with.certificate(), Some("arn:aws:acm:eu-north-1:1:certificate/x"));
        assert_eq!(plan(&artefacts(None), "dev", false, &[]).unwrap().certificate(), None);
    }
}
