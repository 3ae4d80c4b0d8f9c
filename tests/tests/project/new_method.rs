//! A new method is one folder and one line: shown on a copy of the workspace, which is built and tested.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::workspace::{binary, root};

/// A copy that goes with the test.
struct Copy(PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Copies a tree, keeping the times by which cargo knows what is fresh.
fn copy(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            if wanted(&path) {
                copy(&path, &target, wanted);
            }
        } else if wanted(&path) {
            fs::copy(&path, &target).unwrap();
            let modified = entry.metadata().unwrap().modified().unwrap();
            fs::File::options().write(true).open(&target).unwrap().set_modified(modified).unwrap();
        }
    }
}

fn workspace_copy() -> Copy {
    let place = std::env::temp_dir().join(format!("switchboard-new-method-{}", std::process::id()));
    let source = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy();
        !matches!(name.as_ref(), "target" | ".git" | "node_modules") && !name.starts_with(".switchboard")
    };
    copy(root(), &place, &source);
    // What is compiled already: libraries and what cargo knows of them, no executables.
    let profile = binary("switchboard").parent().unwrap().to_owned();
    let library = |path: &Path| {
        path.is_dir()
            || path.extension().is_some_and(|kind| matches!(kind.to_str(), Some("rlib" | "rmeta" | "so" | "d")))
    };
    let target = place.join("target/debug");
    copy(&profile.join("deps"), &target.join("deps"), &library);
    for folder in [".fingerprint", "build"] {
        copy(&profile.join(folder), &target.join(folder), &|_| true);
    }
    Copy(place)
}

fn cargo(place: &Path, arguments: &[&str]) -> String {
    let ran =
        Command::new(env!("CARGO")).args(arguments).current_dir(place).env_remove("CARGO_TARGET_DIR").output().unwrap();
    let output = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "cargo {arguments:?}: {output}");
    output
}

#[test]
fn a_new_method_is_one_folder_and_one_line_and_passes_its_own_test() {
    let copy = workspace_copy();
    let place = copy.0.as_path();
    let list = place.join("functions/stepchat/front-door/src/lib.rs");
    let before = fs::read_to_string(&list).unwrap();
    xtask::new_method::create(place, "stepchat", "get-frobnicated").unwrap();
    xtask::new_method::create(place, "voximplant", "GetFrobnicated").unwrap();
    let after = fs::read_to_string(&list).unwrap();
    let added: Vec<&str> = after.lines().filter(|line| !before.lines().any(|known| known == *line)).collect();
    assert_eq!(added, ["    Entry::of::<stepchat_get_frobnicated::GetFrobnicated>(),"]);
    // The names of the copy's own packages, unlike the copy itself, are known to cargo already.
    cargo(place, &["xtask", "generate"]);
    for file in
        ["template.yaml", "docs/methods.md", "docs/openapi/stepchat.json", "docs/openapi/voximplant.json", "Cargo.toml"]
    {
        let text = fs::read_to_string(place.join(file)).unwrap();
        assert!(text.to_lowercase().contains("frobnicated"), "{file}");
    }
    let tested = cargo(place, &["test", "--workspace", "--test", "api", "--", "golden"]);
    assert!(tested.contains("2 passed"), "{tested}");
    let tested = cargo(place, &["test", "--workspace", "--test", "project", "--", "inventory"]);
    assert!(tested.contains("test result: ok"), "{tested}");
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
