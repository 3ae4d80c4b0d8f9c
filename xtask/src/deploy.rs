//! `cargo xtask deploy`: the same as `./deploy.sh`, which asks its questions before this program is compiled.

use crate::generate::{Registry, deployment};

/// The functions' binaries; each is also the name of its package.
pub(crate) fn binaries() -> Vec<String> {
    let groups = deployment::groups(&Registry::compiled());
    groups.into_iter().flat_map(|group| group.functions).map(|function| function.binary).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{generate, workspace};
    use deploy::Artefacts;
    use deploy::stage::Stage;

    #[test]
    fn the_template_names_every_function_and_nothing_else() {
        let clone = Artefacts::open(&workspace::root()).unwrap();
        let template = Artefacts { template: generate::template().text, ..clone };
        let mut named: Vec<String> = template.functions().into_iter().map(|(name, _)| name).collect();
        let mut expected = binaries();
        named.sort();
        expected.sort();
        assert_eq!(named, expected);
        assert!(!named.contains(&"switchboard".to_owned()));
    }

    #[test]
    fn the_deployments_of_the_workspace_can_be_deployed_as_far_as_they_are_written_down() {
        let clone = Artefacts::open(&workspace::root()).unwrap();
        let declared = deploy::parameters::Declarations::of(&clone.template);
        for stage in ["dev", "prod"] {
            let stage = Stage::find(&clone.samconfig, stage).unwrap();
            declared.check(&stage.parameters).unwrap();
        }
    }
}
