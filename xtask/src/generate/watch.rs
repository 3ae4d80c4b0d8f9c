//! The routes of `cargo lambda watch`: the paths of API Gateway.

use super::deployment::{Group, Trigger};
use super::{File, block};
use crate::workspace;
use anyhow::{Context, Result};
use shared::routes::{REST_OF_PATH, RoutePath};
use std::fmt::Write as _;
use std::path::Path;

/// What `cargo lambda watch` calls the rest of a path, which is never empty there.
const REST_OF_PATH_LOCALLY: &str = "{*proxy}";

/// The workspace's manifest.
pub(super) fn manifest(root: &Path, groups: &[Group]) -> Result<File> {
    let text = workspace::read(&root.join("Cargo.toml"))?;
    Ok(File::new("Cargo.toml", block::replaced(&text, "watch routes", &routes(groups)).context("Cargo.toml")?))
}

fn routes(groups: &[Group]) -> String {
    let mut lines = String::from("[workspace.metadata.lambda.watch.router]\n");
    for function in groups.iter().flat_map(|group| &group.functions) {
        // Scheduled work is invoked by its name.
        let Trigger::Routes(routes) = &function.trigger else {
            continue;
        };
        for path in routes.iter().flat_map(local) {
            let _ = writeln!(lines, "\"{path}\" = \"{}\"", function.binary);
        }
    }
    lines
}

/// A route as `cargo lambda watch` spells it: if the rest of a path may be empty, a second route stands for that.
fn local(route: &RoutePath) -> Vec<String> {
    match route.as_str().strip_suffix(REST_OF_PATH) {
        Some(above) => vec![above.to_owned(), format!("{above}{REST_OF_PATH_LOCALLY}")],
        None => vec![route.to_string()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Registry, deployment};

    #[test]
    fn methods_and_front_doors_answer_locally_on_the_deployed_paths() {
        let routes = routes(&deployment::groups(&Registry::compiled()));
        for line in [
            "\"/stepchat/get-user\" = \"stepchat-get-user\"",
            "\"/platform_api/AddUser/\" = \"voximplant-add-user\"",
            "\"/platform_api/AddUser/{*proxy}\" = \"voximplant-add-user\"",
            "\"/{folder1}/include/api.php\" = \"stepchat-front-door\"",
            "\"/include/api.php\" = \"stepchat-front-door\"",
            "\"/platform_api/{*proxy}\" = \"voximplant-front-door\"",
        ] {
            assert!(routes.lines().any(|other| other == line), "{line} is missing from\n{routes}");
        }
    }
}
