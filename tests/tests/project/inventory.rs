//! Folders, lists, manifests and golden cases agree.

use std::collections::BTreeSet;
use std::fs;
use switchboard::methods::families;
use tests::workspace::root;

fn folders(family: &str) -> BTreeSet<String> {
    let folder = root().join("functions").join(family);
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "front-door").collect()
}

#[test]
fn every_folder_is_a_listed_method_and_every_listed_method_has_its_folder() {
    for family in families() {
        let listed: Vec<String> = family.methods.iter().map(shared::method::Entry::folder).collect();
        let mut sorted = listed.clone();
        sorted.sort();
        assert_eq!(listed, sorted, "the list of {} is sorted", family.name);
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), folders(family.name));
    }
}

#[test]
fn every_method_has_manifest_main_and_golden_cases_of_the_same_form() {
    for family in families() {
        for entry in family.methods {
            let folder = root().join("functions").join(family.name).join(entry.folder());
            let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
            let binary = entry.binary();
            assert!(
                read("Cargo.toml")
                    .contains(&format!("[[bin]]\nname = \"{binary}\"\npath = \"src/main.rs\"\ntest = false")),
                "{binary}"
            );
            let main = read("src/main.rs");
            let statements = main.lines().filter(|line| line.trim_end().ends_with(';')).count();
            assert!(statements == 1 && main.contains("shared::run::<"), "{binary}: main.rs is one line");
            assert!(!tests::cases::of(entry).is_empty(), "{binary}");
        }
    }
}

#[test]
fn a_method_fits_on_about_one_screen() {
    let mut lengths: Vec<usize> = Vec::new();
    for family in families() {
        for entry in family.methods {
            let path = root().join("functions").join(family.name).join(entry.folder()).join("src/lib.rs");
            lengths.push(fs::read_to_string(path).unwrap().lines().count());
        }
    }
    lengths.sort_unstable();
    assert!(lengths[lengths.len() / 2] <= 100, "median {}", lengths[lengths.len() / 2]);
    assert!(*lengths.last().unwrap() <= 200, "longest {:?}", lengths.last());
}

#[test]
fn no_two_methods_answer_on_one_path() {
    let paths: Vec<String> =
        families().iter().flat_map(|family| family.methods).flat_map(shared::method::Entry::paths).collect();
    assert_eq!(paths.iter().collect::<BTreeSet<_>>().len(), paths.len());
}

#[test]
fn every_generated_file_is_fresh() {
    let files = xtask::generate::files(root()).unwrap();
    let stale: Vec<_> = files.iter().filter(|file| file.is_stale(root())).map(|file| &file.path).collect();
    assert!(stale.is_empty(), "run `cargo xtask generate`: {stale:?}");
}
