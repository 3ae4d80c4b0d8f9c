//! What distinguishes one state of a deployment from another: its binaries and its parameters.
//!
//! Functions that are released slowly are called through an alias, which points to one published version. SAM publishes
//! another version only under another name, and takes the name from the parameter [`PARAMETER`]: SAM does not notice
//! that some other parameter has changed (SAM's issue 3820).

use ring::digest;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// The template's parameter.
pub const PARAMETER: &str = "Revision";

/// Hexadecimal digits of a revision. SAM uses the first ten.
const DIGITS: usize = 16;

/// The revision of a deployment: of each function's name and `bootstrap`, and of every parameter that was given. The
/// order of functions and of parameters does not matter.
pub fn revision<'a, N: AsRef<str>, P: AsRef<Path>>(
    binaries: impl IntoIterator<Item = (N, P)>,
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> io::Result<String> {
    let mut parts = Vec::new();
    for (name, path) in binaries {
        let content = digest::digest(&digest::SHA256, &std::fs::read(path)?);
        parts.push(digest_of([b"binary", name.as_ref().as_bytes(), content.as_ref()]));
    }
    let parameters = parameters.into_iter().filter(|(name, _)| *name != PARAMETER);
    parts.extend(parameters.map(|(name, value)| digest_of([b"parameter", name.as_bytes(), value.as_bytes()])));
    parts.sort_unstable();
    let mut revision = String::new();
    for byte in digest::digest(&digest::SHA256, &parts.concat()).as_ref() {
        let _ = write!(revision, "{byte:02x}");
    }
    revision.truncate(DIGITS);
    Ok(revision)
}

/// One digest of several texts, with their lengths, so that they cannot run into each other.
fn digest_of(parts: [&[u8]; 3]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    struct Folder(PathBuf);

    impl Folder {
        fn with(name: &str, files: &[(&str, &str)]) -> Self {
            let path = std::env::temp_dir().join(format!("switchboard-revision-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            for (name, content) in files {
                std::fs::write(path.join(name), content).unwrap();
            }
            Self(path)
        }

        fn revision(&self, binaries: &[&str], parameters: &[(&str, &str)]) -> String {
            let binaries = binaries.iter().map(|name| (*name, self.0.join(name)));
            revision(binaries, parameters.iter().copied()).unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn another_binary_or_parameter_is_another_revision_within_what_sam_looks_at() {
        let folder = Folder::with("other", &[("login", "1"), ("front", "2")]);
        let first = folder.revision(&["login", "front"], &[("RouteRate", "5")]);
        assert!(first.len() == DIGITS && first.bytes().all(|byte| byte.is_ascii_hexdigit()), "{first}");
        for other in [
            folder.revision(&["login"], &[("RouteRate", "5")]),
            folder.revision(&["login", "front"], &[("RouteRate", "6")]),
            folder.revision(&["login", "front"], &[]),
            folder.revision(&["login", "front"], &[("RouteRate5", "")]),
        ] {
            assert_ne!(other.get(..10), first.get(..10));
        }
        std::fs::write(folder.0.join("login"), "changed").unwrap();
        assert_ne!(folder.revision(&["login", "front"], &[("RouteRate", "5")]).get(..10), first.get(..10));
    }

    #[test]
    fn the_same_deployment_in_another_order_is_the_same_revision() {
        let folder = Folder::with("same", &[("a", "1"), ("b", "2")]);
        let first = folder.revision(&["a", "b"], &[("X", "1"), ("Y", "2")]);
        assert_eq!(folder.revision(&["b", "a"], &[("Y", "2"), ("Revision", "anything"), ("X", "1")]), first);
    }

    #[test]
    fn a_binary_that_is_not_there_has_no_revision() {
        let missing = revision([("login", "/nowhere/bootstrap")], []);
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
