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
        let listed: Vec<String> = family.methods.iter().map(shared::entry::MethodEntry::folder).collect();
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
            // Only functions that keep files may link S3.
            let keeps_files = entry.grants().iter().any(shared::store::grants::Grant::is_on_files);
            let run = if keeps_files { " shared_files::run::<" } else { " shared::run::<" };
            assert!(statements == 1 && main.contains(run), "{binary}: main.rs is one line");
            assert_eq!(read("Cargo.toml").contains("shared-files.workspace"), keeps_files, "{binary}");
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
    let routes: Vec<String> = families()
        .iter()
        .flat_map(|family| family.methods)
        .flat_map(shared::entry::MethodEntry::routes)
        .map(|route| route.to_string())
        .collect();
    assert_eq!(routes.iter().collect::<BTreeSet<_>>().len(), routes.len());
}

#[test]
fn the_reference_page_holds_every_method_and_no_other() {
    for family in families() {
        let path = format!("openapi/{}.json", family.name);
        let asset = switchboard::page::ASSETS.iter().find(|asset| asset.path == path).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&asset.bytes().unwrap()).unwrap();
        let shown: BTreeSet<&str> = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .filter_map(|path| path["post"]["operationId"].as_str())
            .collect();
        let listed: BTreeSet<&str> = family.methods.iter().map(|entry| entry.name).chain(["front-door"]).collect();
        assert_eq!(shown, listed, "run `cargo xtask generate`");
    }
}

#[test]
fn every_generated_file_is_fresh() {
    let files = xtask::generate::files(root()).unwrap();
    let stale: Vec<_> = files.iter().filter(|file| file.is_stale(root())).map(|file| &file.path).collect();
    assert!(stale.is_empty(), "run `cargo xtask generate`: {stale:?}");
}

#[test]
fn the_tables_of_the_comparison_are_those_of_its_data() {
    for file in xtask::generate::comparison_tables(root()).unwrap() {
        assert!(!file.is_stale(root()), "{}: run `cargo xtask generate`", file.path.display());
    }
}
