//! Arrows run one way: pipeline → features, auth → context → crypto, wire → store → domain; and nothing is linked twice.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tests::workspace::root;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The code of a file without its unit tests and comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The rooms of `shared`, from the bottom to the top, with the rooms that each may use beside the domain. The same is in
/// docs/architecture.md.
const ROOMS: [(&str, &[&str]); 8] = [
    ("ground", &[]),
    ("store", &["ground"]),
    ("wire", &["store"]),
    ("crypto", &["store"]),
    ("context", &["crypto", "wire", "store", "ground"]),
    ("auth", &["context", "crypto", "wire", "store"]),
    ("features", &["context", "wire", "store"]),
    ("pipeline", &["features", "auth", "context", "crypto", "wire", "store", "ground"]),
];
/// What the domain's crate is re-exported as.
const DOMAIN: [&str; 8] = ["grams", "ids", "ledger", "limits", "stepchat", "text", "timestamp", "voximplant"];

/// The room of a module.
fn room(module: &str) -> &str {
    match module {
        "clock" | "slices" => "ground",
        "store" | "wire" | "crypto" | "auth" | "features" => module,
        "ahead" | "config" | "context" | "observe" => "context",
        _ => "pipeline",
    }
}

/// Modules of `shared` that a file names.
fn named(code: &str) -> BTreeSet<&str> {
    assert!(!code.contains("crate::{"), "each import names its module from the top: {code}");
    let after = code.split("crate::").skip(1);
    let modules = after.map(|rest| rest.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_').next());
    modules.flatten().filter(|module| !module.is_empty()).collect()
}

/// The compiler holds the domain apart; this reads every import of every file of `shared`.
#[test]
fn arrows_between_the_rooms_of_shared_run_one_way() {
    let folder = root().join("shared/src");
    let mut up = BTreeSet::new();
    for file in sources(&folder) {
        let place = file.strip_prefix(&folder).unwrap().display().to_string();
        let module = place.split('/').next().unwrap().trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let (_, below) = ROOMS.iter().find(|(name, _)| *name == room(module)).unwrap();
        let code = code(&file);
        assert!(room(module) == "pipeline" || !code.contains("lambda_"), "{place} knows of Lambda");
        for named in named(&code).into_iter().filter(|named| !DOMAIN.contains(named)) {
            if room(named) != room(module) && !below.contains(&room(named)) {
                up.insert((place.clone(), named.to_owned()));
            }
        }
    }
    assert_eq!(up, BTreeSet::new());
}

#[test]
fn the_picture_of_the_rooms_is_that_of_the_code() {
    let picture = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    for (name, below) in ROOMS {
        let below: Vec<String> = below.iter().map(|room| format!("`{room}`")).collect();
        let row = format!("| `{name}` | {} |", if below.is_empty() { "–".to_owned() } else { below.join(", ") });
        assert!(picture.contains(&row), "{row}");
    }
}

#[test]
fn the_domain_needs_no_sdk_no_runtime_and_no_http() {
    let manifest = fs::read_to_string(root().join("domain/Cargo.toml")).unwrap();
    let needed = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let needed: Vec<&str> =
        needed.lines().filter_map(|line| line.split('.').next()).filter(|name| !name.is_empty()).collect();
    assert_eq!(
        needed,
        ["ring", "rust_decimal", "schemars", "serde", "serde_json", "thiserror", "time", "unicode-normalization"],
        "whatever is added here every room can use: is it pure?"
    );
    for file in sources(&root().join("domain/src")) {
        let code = code(&file);
        let clocks = ["SystemTime", "Instant"].iter().find(|word| code.contains(**word));
        assert_eq!(clocks, None, "{}", file.display());
    }
}

#[test]
fn methods_speak_to_the_database_only_through_the_store() {
    let mut found = Vec::new();
    for file in sources(&root().join("functions")) {
        let code = code(&file);
        for word in ["aws_", ".unwrap()", ".expect(", "SystemTime", "println!"] {
            if code.contains(word) {
                found.push(format!("{} uses {word}", file.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// A paused clock of a test then holds for every deadline.
#[test]
fn deadlines_and_durations_are_by_the_clock_of_the_runtime() {
    let mut found = Vec::new();
    for folder in ["shared/src", "functions"] {
        for file in sources(&root().join(folder)) {
            let of_std = |line: &&str| line.contains("std::time") && line.contains("Instant");
            if let Some(line) = code(&file).lines().find(of_std) {
                found.push(format!("{}: {line}", file.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_request_can_scan_a_table() {
    for folder in ["shared/src", "functions"] {
        for file in sources(&root().join(folder)) {
            assert!(!code(&file).contains(".scan()"), "{}", file.display());
        }
    }
}

#[test]
fn a_file_of_more_than_500_lines_says_why() {
    for folder in ["deploy", "domain", "functions", "shared", "switchboard", "tests", "xtask"] {
        for path in sources(&root().join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            let head: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
            let is_told = head.contains("long for a reason") || head.contains("Generated by");
            assert!(is_told || text.lines().count() <= 500, "{}", path.display());
        }
    }
}
