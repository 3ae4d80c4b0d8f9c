//! The dependencies of a family's front door: one per method folder.

use super::{File, block};
use crate::workspace::{self, FRONT_DOOR};
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::path::Path;

/// The manifest of a family's front door. It follows from the folders alone, so that it can be written before the
/// front door compiles.
pub(crate) fn manifest(root: &Path, family: &str) -> Result<File> {
    let path = Path::new("functions").join(family).join(FRONT_DOOR).join("Cargo.toml");
    let text = workspace::read(&root.join(&path))?;
    let lines = dependencies(family, &workspace::method_folders(root, family)?);
    let text = block::replaced(&text, "methods", &lines).with_context(|| path.display().to_string())?;
    Ok(File::new(path, text))
}

fn dependencies(family: &str, folders: &[String]) -> String {
    let mut lines = String::new();
    for folder in folders {
        let _ = writeln!(lines, "{family}-{folder} = {{ path = \"../{folder}\" }}");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_folder_is_one_dependency() {
        let lines = dependencies("stepchat", &["add-user".into(), "get-user".into()]);
        let expected =
            "stepchat-add-user = { path = \"../add-user\" }\nstepchat-get-user = { path = \"../get-user\" }\n";
        assert_eq!(lines, expected);
    }
}
