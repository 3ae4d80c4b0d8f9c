//! Everything that follows from the methods' declarations.

pub mod deployment;

pub(crate) mod front_door;

mod access_patterns;
mod block;
mod comparison;
mod costs;
mod errors;
mod limits;
mod methods;
mod month;
mod openapi;
mod prices;
mod scale;
mod settings;
mod template;
mod watch;

use crate::workspace;
use anyhow::Result;
use shared::runtime::ScheduledJob;
use std::fs;
use std::path::{Path, PathBuf};
use switchboard::methods::{FamilyEntry, JOBS, families};

/// All methods and jobs, as this program was built with them.
#[derive(Clone)]
pub struct Registry {
    /// Both families.
    pub families: Vec<FamilyEntry>,
    /// Scheduled work.
    pub jobs: Vec<&'static ScheduledJob>,
}

impl Registry {
    /// The methods and jobs of the workspace.
    #[must_use]
    pub fn compiled() -> Self {
        Self { families: families().to_vec(), jobs: JOBS.to_vec() }
    }
}

/// A generated file, or a file with a generated part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it is, below the root.
    pub path: PathBuf,
    /// All of its text.
    pub text: String,
    /// Whether its numbers were measured: they move a little with the machine's load.
    measured: bool,
}

impl File {
    pub(crate) fn new(path: impl Into<PathBuf>, text: String) -> Self {
        Self { path: path.into(), text, measured: false }
    }

    /// A file whose numbers were measured.
    pub(crate) fn measured(path: impl Into<PathBuf>, text: String) -> Self {
        Self { measured: true, ..Self::new(path, text) }
    }

    /// Whether the file on disk says something else, or is not there.
    #[must_use]
    pub fn is_stale(&self, root: &Path) -> bool {
        let Ok(found) = fs::read_to_string(root.join(&self.path)) else { return true };
        if self.measured { !is_alike(&found, &self.text) } else { found != self.text }
    }

    /// Writes it.
    pub fn write(&self, root: &Path) -> Result<()> {
        workspace::write(&root.join(&self.path), &self.text)
    }
}

/// Whether two texts have the same words, and numbers that are as near to each other as those of two measurements.
fn is_alike(left: &str, right: &str) -> bool {
    let (left, right): (Vec<&str>, Vec<&str>) = (left.split_whitespace().collect(), right.split_whitespace().collect());
    let is_near = |left: f64, right: f64| (left - right).abs() <= 0.5 + left.abs().max(right.abs()) / 5.0;
    left.len() == right.len()
        && left.iter().zip(&right).all(|(left, right)| {
            let numbers = [left, right].map(|word| word.trim_matches(['*', ',', '.', ')', '(']).parse());
            left == right || matches!(numbers, [Ok(left), Ok(right)] if is_near(left, right))
        })
}

/// The template as it should be.
#[must_use]
pub fn template() -> File {
    let registry = Registry::compiled();
    File::new("template.yaml", template::text(&registry, &deployment::groups(&registry)))
}

/// The tables by which texts are compared, as they should be.
pub fn comparison_tables(root: &Path) -> Result<Vec<File>> {
    Ok(comparison::tables(root)?.to_vec())
}

/// Every generated file as it should be. Nothing is written.
pub fn files(root: &Path) -> Result<Vec<File>> {
    let registry = Registry::compiled();
    let groups = deployment::groups(&registry);
    let measured = access_patterns::measured(&registry)?;
    let mut files = vec![
        template(),
        watch::manifest(root, &groups)?,
        File::new("docs/methods.md", methods::text(&registry)),
        File::measured("docs/access-patterns.md", access_patterns::text(&measured)),
        File::measured("docs/costs.md", costs::text(&measured, &month::real_sizes()?)),
        File::measured("docs/scale.md", scale::text()?),
        File::new("docs/errors.md", errors::text(&registry)),
        File::new("docs/limits.md", limits::text()),
        File::new("docs/settings.md", settings::text()),
    ];
    files.extend(comparison_tables(root)?);
    for family in &registry.families {
        files.push(front_door::manifest(root, family.name)?);
        files.push(openapi::document(root, family)?);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::is_alike;

    #[test]
    fn measured_numbers_may_move_a_little_and_words_not_at_all() {
        assert!(is_alike("| `delete-user` | 12 | 54 |", "| `delete-user` | 13 | 60 |"));
        for other in ["| `delete-user` | 7 | 54 |", "| `delete-users` | 12 | 54 |", "| `delete-user` | 12 |"] {
            assert!(!is_alike("| `delete-user` | 12 | 54 |", other), "{other}");
        }
        assert!(!is_alike("| `get-user` | 2 |", "| `get-user` | 1 |"));
    }
}
