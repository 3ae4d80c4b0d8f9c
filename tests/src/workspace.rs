//! The workspace on disk: its root, and real binaries built from it.

use deploy::cargo::cargo;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The path of a binary of this workspace in its debug build. All of them are built together, once per test process:
/// `cargo test` itself builds no binary of another package.
pub fn binary(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        // The whole workspace, so that features are those of `cargo test --workspace` and nothing is built twice.
        let built = cargo().args(["build", "--workspace", "--bins"]).current_dir(root()).output();
        let built = built.unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        // …/target/debug/deps/<test executable>
        let executable = std::env::current_exe().unwrap();
        executable.ancestors().nth(2).unwrap().to_owned()
    });
    folder.join(name)
}
