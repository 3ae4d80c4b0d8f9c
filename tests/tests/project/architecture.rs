//! Arrows run one way: runtime → wire and auth → store → domain; and nothing is linked twice.

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

fn assert_never(modules: &[&str], forbidden: &[&str]) {
    let mut found = Vec::new();
    for module in modules {
        let path = root().join("shared/src").join(module);
        let files = if path.is_dir() { sources(&path) } else { vec![path.with_extension("rs")] };
        for file in files {
            let code = code(&file);
            let used = forbidden.iter().filter(|word| code.contains(**word));
            found.extend(used.map(|word| format!("{} uses {word}", file.strip_prefix(root()).unwrap().display())));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_domain_knows_no_sdk_no_clock_no_wire() {
    assert_never(
        &["stepchat", "voximplant", "ledger", "grams", "ids", "text", "timestamp"],
        &[
            "aws_",
            "lambda_",
            "tokio",
            "crate::store",
            "crate::wire",
            "crate::auth",
            "crate::runtime",
            "crate::clock",
            "SystemTime",
            "Instant",
        ],
    );
}

#[test]
fn the_store_knows_no_wire_no_auth_and_no_runtime() {
    assert_never(
        &["store"],
        &["crate::wire", "crate::auth", "crate::runtime", "crate::context", "crate::method", "lambda_"],
    );
}

#[test]
fn wire_and_auth_never_call_the_runtime() {
    assert_never(&["wire", "auth"], &["crate::runtime", "lambda_"]);
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
fn one_tls_stack_and_one_http_client_are_locked() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let versions = |name: &str| lock.matches(&format!("name = \"{name}\"\n")).count();
    for forbidden in
        ["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "native-tls", "s2n-tls", "reqwest", "ureq", "isahc"]
    {
        assert_eq!(versions(forbidden), 0, "{forbidden}");
    }
    for once in ["rustls", "ring", "hyper", "http", "tokio", "aws-smithy-http-client", "axum", "serde_json"] {
        assert_eq!(versions(once), 1, "{once}");
    }
}
