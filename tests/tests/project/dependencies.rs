//! What comes in with the dependencies: `deny.toml` says what may.

use serde::Deserialize;
use spdx::{Expression, ParseMode};
use std::collections::{BTreeMap, BTreeSet};
use tests::workspace::root;

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    name: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// `None`: one of ours.
    source: Option<String>,
}

fn deny() -> Deny {
    toml::from_str(&std::fs::read_to_string(root().join("deny.toml")).unwrap()).unwrap()
}

/// All that is in Cargo.lock, for every system and with every feature, and is not ours.
fn dependencies() -> Vec<Package> {
    let asked = ["metadata", "--format-version", "1", "--all-features", "--locked"];
    let answer = deploy::cargo::cargo().args(asked).current_dir(root()).output().unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let all: Metadata = serde_json::from_slice(&answer.stdout).unwrap();
    all.packages.into_iter().filter(|package| package.source.is_some()).collect()
}

#[test]
fn every_licence_is_one_that_is_allowed_and_there_is_one_registry() {
    let allowed = deny().licenses.allow;
    let dependencies = dependencies();
    assert!(dependencies.len() > 100);
    let mut sources = BTreeSet::new();
    let is_allowed = |licence: &str| {
        let expression = Expression::parse_mode(licence, ParseMode::LAX).unwrap();
        let has = |name: &str| allowed.iter().any(|allowed| allowed == name);
        expression.evaluate(|wanted| wanted.addition.is_none() && wanted.license.id().is_some_and(|id| has(id.name)))
    };
    for Package { name, version, license, source } in dependencies {
        let licence = license.unwrap_or_default();
        assert!(!licence.is_empty() && is_allowed(&licence), "{name} {version}: {licence:?}");
        let source = source.unwrap();
        assert!(source.starts_with("registry+"), "{name} {version}: {source}");
        sources.insert(source);
    }
    assert_eq!(sources.len(), 1, "{sources:?}");
}

#[test]
fn one_tls_stack_and_one_http_client_are_locked() {
    let mut versions: BTreeMap<String, usize> = BTreeMap::new();
    for package in dependencies() {
        *versions.entry(package.name).or_default() += 1;
    }
    for Banned { name } in deny().bans.deny {
        assert_eq!(versions.get(&name), None, "{name}");
    }
    for once in ["rustls", "ring", "hyper", "http", "tokio", "axum", "serde_json"] {
        assert_eq!(versions.get(once), Some(&1), "{once}");
    }
}
