//! A new method is one folder and one line: shown on a copy of the workspace, which is built and whose golden cases run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tests::workspace::{binary, root};

/// A copy that goes with the test.
struct Copy(PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the compiler makes, and links against.
fn is_library(path: &Path) -> bool {
    path.extension().is_some_and(|kind| matches!(kind.to_str(), Some("rlib" | "rmeta" | "so" | "a")))
}

/// Copies a file with the time by which cargo knows what is fresh. A library gets a second name only: cargo does the same
/// with it, as the compiler never changes such a file but writes a new one.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    if is_library(from) && fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to)?;
    fs::File::options().write(true).open(to)?.set_modified(fs::metadata(from)?.modified()?)
}

/// Copies what is wanted of a tree, and is still there: a clippy beside this test comes and goes with files of its own.
fn copy(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) {
    fs::create_dir_all(to).unwrap();
    let Ok(entries) = fs::read_dir(from) else { return };
    for entry in entries {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if !wanted(&path) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &target, wanted);
        } else if let Err(error) = copy_file(&path, &target) {
            assert_eq!(error.kind(), io::ErrorKind::NotFound, "{}: {error}", path.display());
        }
    }
}

fn workspace_copy() -> Copy {
    // Beside what is compiled already, so that it can get a second name.
    let profile = binary("switchboard").parent().unwrap().to_owned();
    let place = profile.with_file_name("tmp").join(format!("new-method-{}", std::process::id()));
    let source = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy();
        !matches!(name.as_ref(), "target" | ".git" | "node_modules") && !name.starts_with(".switchboard")
    };
    copy(root(), &place, &source);
    // What is compiled already: libraries and what cargo knows of them, no executables.
    let compiled = |path: &Path| path.is_dir() || is_library(path) || path.extension().is_some_and(|kind| kind == "d");
    let target = place.join("target/debug");
    copy(&profile.join("deps"), &target.join("deps"), &compiled);
    for folder in [".fingerprint", "build"] {
        copy(&profile.join(folder), &target.join(folder), &|_| true);
    }
    Copy(place)
}

/// The workspace's packages that its profile optimises for tests that run for minutes: these few run in seconds, and
/// compiling takes the time.
const OPTIMISED: [&str; 4] = ["domain", "shared", "switchboard", "tests"];

fn cargo(place: &Path, arguments: &[&str]) {
    let plain =
        OPTIMISED.iter().flat_map(|name| ["--config".to_owned(), format!("profile.dev.package.{name}.opt-level=0")]);
    let mut command = deploy::cargo::cargo();
    command.args(plain).args(arguments).current_dir(place).env_remove("CARGO_TARGET_DIR");
    let ran = command.output().unwrap();
    let output = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "cargo {arguments:?}: {output}");
}

#[test]
fn a_new_method_is_one_folder_and_one_line_and_passes_its_golden_case() {
    let copy = workspace_copy();
    let place = copy.0.as_path();
    let list = place.join("functions/stepchat/front-door/src/lib.rs");
    let before = fs::read_to_string(&list).unwrap();
    xtask::new_method::create(place, "stepchat", "get-frobnicated").unwrap();
    xtask::new_method::create(place, "voximplant", "GetFrobnicated").unwrap();
    let after = fs::read_to_string(&list).unwrap();
    let added: Vec<&str> = after.lines().filter(|line| !before.lines().any(|known| known == *line)).collect();
    assert_eq!(added, ["    MethodEntry::of::<stepchat_get_frobnicated::GetFrobnicated>(),"]);
    // The names of the copy's own packages, unlike the copy itself, are known to cargo already.
    cargo(place, &["xtask", "generate"]);
    for file in
        ["template.yaml", "docs/methods.md", "docs/openapi/stepchat.json", "docs/openapi/voximplant.json", "Cargo.toml"]
    {
        let text = fs::read_to_string(place.join(file)).unwrap();
        assert!(text.to_lowercase().contains("frobnicated"), "{file}");
    }
    // What a method costs is measured by running its golden cases, each step held against its answer.
    let costs = fs::read_to_string(place.join("docs/access-patterns.md")).unwrap();
    for row in ["| `get-frobnicated` | 1 |", "| `GetFrobnicated` | 1 |"] {
        assert!(costs.contains(row), "{costs}");
    }
}

#[test]
fn names_that_cannot_be_are_refused_and_nothing_is_written() {
    let place = Copy(std::env::temp_dir().join(format!("switchboard-no-method-{}", std::process::id())));
    fs::create_dir_all(&place.0).unwrap();
    for (family, name) in
        [("stepchat", "GetFoo"), ("voximplant", "get-foo"), ("email", "get-foo"), ("stepchat", "../get-foo")]
    {
        assert!(xtask::new_method::create(&place.0, family, name).is_err(), "{family} {name}");
    }
    assert_eq!(fs::read_dir(&place.0).unwrap().count(), 0);
}
