//! `cargo run --release --package xtask -- bench`: what each method costs in a deployment of a thousand users and in one of a hundred thousand.

pub mod functions;
mod page;
mod scenario;
mod stepchat;
mod transfers;
mod voximplant;
mod world;

use crate::seed::Family;
use crate::workspace;
use anyhow::{Context, Result};
use page::Page;
use scenario::{Measured, Scenario};
use serde_json::Value;
use shared::entry::MethodEntry;
use std::path::Path;
use std::time::Instant;
use switchboard::methods::families;
use tests::cases;
use world::World;

/// The file that the numbers are written into.
pub const FILE: &str = "docs/benchmarks.md";

/// The heading of the figures under load.
const LOAD: &str = "## Under load\n";

/// What is measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// Numbers of users.
    pub sizes: Vec<u64>,
    /// One protocol only.
    pub family: Option<Family>,
    /// One method only.
    pub only: Option<String>,
}

impl Options {
    /// Whether everything is measured: only then the numbers are written to the file.
    fn is_whole(&self) -> bool {
        self.family.is_none() && self.only.is_none() && self.sizes == DEFAULT_SIZES
    }

    fn wants(&self, family: Family) -> bool {
        self.family.is_none_or(|only| only == family)
    }

    fn wants_method(&self, method: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == method)
    }
}

/// The numbers of users that are compared.
pub const DEFAULT_SIZES: [u64; 2] = [1_000, 100_000];

/// Measures and prints; a release build writes the numbers to the file if nothing was left out. Returns whether every target is met.
pub fn run(root: &Path, options: &Options) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let page = runtime.context("no runtime")?.block_on(Box::pin(measure(options)))?;
    let text = page.text();
    println!("{text}");
    if options.is_whole() && cfg!(debug_assertions) {
        println!("{FILE} is not written: it tells of a release build, `cargo run --release --package xtask -- bench`");
    } else if options.is_whole() {
        let file = root.join(FILE);
        let before = std::fs::read_to_string(&file).unwrap_or_default();
        // The figures of `tests/load/run.py` are kept.
        let load = before.split_once(LOAD).map_or_else(String::new, |(_, load)| format!("\n{LOAD}{load}"));
        workspace::write(&file, &format!("{text}{load}"))?;
        println!("wrote {FILE}");
    }
    Ok(page.is_met())
}

async fn measure(options: &Options) -> Result<Page> {
    let started = Instant::now();
    let mut page = Page::new(&options.sizes);
    for family in families() {
        let kind = if family.name == "stepchat" { Family::Stepchat } else { Family::Voximplant };
        if !options.wants(kind) {
            continue;
        }
        let scenarios = match kind {
            Family::Stepchat => stepchat::scenarios(),
            Family::Voximplant => voximplant::scenarios(),
        };
        page.family(family.name);
        for size in &options.sizes {
            let world = Box::pin(World::new(kind, *size)).await?;
            page.seeded(family.name, *size, world.seconds);
            eprintln!("{} with {size} users: made after {:.0?}", family.name, started.elapsed());
            for scenario in scenarios.iter().filter(|scenario| options.wants_method(scenario.method)) {
                let measured = Box::pin(scenario.measure(&world, kind)).await;
                page.row(family.name, scenario, measured);
            }
            for entry in family.methods {
                let told = scenarios.iter().any(|scenario| scenario.method == entry.name);
                if !told && options.wants_method(entry.name) {
                    let scenario = Scenario::of_story(entry.name);
                    page.row(family.name, &scenario, Box::pin(story(&world, entry)).await);
                }
            }
            eprintln!("{} with {size} users: measured after {:.0?}", family.name, started.elapsed());
        }
    }
    if options.wants(Family::Voximplant) && options.wants_method("TransferMoneyToUser") {
        page.transfers(Box::pin(transfers::bulk()).await?, Box::pin(transfers::throughput()).await?);
        eprintln!("transfers: measured after {:.0?}", started.elapsed());
    }
    Ok(page)
}

/// What a method's first golden story costs with all these users; for methods that have no scenario of their own.
async fn story(world: &World, entry: &MethodEntry) -> Measured {
    let Some(case) = cases::of(entry).into_iter().next() else { return Measured::failed("no story") };
    let mut kept = cases::Kept::new();
    let mut measured = Measured::failed("no call");
    for step in &case.steps {
        if !step.with.values().all(|value| is_known(value, &kept)) {
            return Measured::failed("its story needs an empty deployment");
        }
        let started = Instant::now();
        let answer = Box::pin(step.call(&world.app, entry.family, &kept)).await;
        let elapsed = started.elapsed();
        if step.call == entry.name {
            measured = Measured::of(&world.app.last_line(), elapsed);
        }
        let body = serde_json::from_str(&answer.text).unwrap_or(Value::Null);
        // What is missing ends the story at the step that needs it.
        let _ = step.keep_of(&body, &mut kept);
    }
    measured
}

/// Whether everything that a parameter refers to has been kept.
fn is_known(value: &Value, kept: &cases::Kept) -> bool {
    match value {
        Value::String(text) => text.strip_prefix('$').is_none_or(|name| kept.contains_key(name)),
        Value::Array(items) => items.iter().all(|item| is_known(item, kept)),
        Value::Object(members) => members.values().all(|member| is_known(member, kept)),
        _ => true,
    }
}
