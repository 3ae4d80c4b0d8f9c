//! `cargo xtask bless`: writes the answers that the golden cases get now into their `cases.json`. Read the diff: it must
//! show the change of the wire that was meant, and nothing else.

mod ordered;

use crate::workspace;
use ::tests::App;
use ::tests::cases::{self, Case, Kept};
use anyhow::{Context, Result, anyhow, ensure};
use ordered::Ordered;
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::entry::MethodEntry;
use std::ops::Range;
use std::path::{Path, PathBuf};
use switchboard::methods::families;

/// A story as it stands in its file.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    steps: Vec<WrittenStep<'a>>,
}

#[derive(Deserialize)]
struct WrittenStep<'a> {
    #[serde(borrow)]
    answer: &'a RawValue,
}

/// Runs the stories of all methods, or of the one with this wire name; returns the files whose answers were other than
/// before, and how many were. The stories themselves are not changed.
pub fn run(root: &Path, only: Option<&str>) -> Result<Vec<(PathBuf, usize)>> {
    let wanted = |entry: &&MethodEntry| only.is_none_or(|name| entry.name == name);
    let entries: Vec<&MethodEntry> = families().into_iter().flat_map(|family| family.methods).filter(wanted).collect();
    ensure!(!entries.is_empty(), "no method has this name: docs/methods.md lists them");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let mut changed = Vec::new();
    for entry in entries {
        let path = cases::path(entry);
        let file = root.join(&path);
        let text = workspace::read(&file)?;
        let answers = runtime.block_on(answers(entry, &text)).with_context(|| path.display().to_string())?;
        if !answers.is_empty() {
            workspace::write(&file, &replaced(&text, &answers))?;
            changed.push((path, answers.len()));
        }
    }
    Ok(changed)
}

/// The answers that are other than written down: where they stand in the file, and what they are now.
async fn answers(entry: &MethodEntry, text: &str) -> Result<Vec<(Range<usize>, String)>> {
    let cases: Vec<Case> = serde_json::from_str(text)?;
    let written: Vec<Written<'_>> = serde_json::from_str(text)?;
    let mut found = Vec::new();
    for (case, written) in cases.iter().zip(&written) {
        let app = App::new().await;
        let mut kept = Kept::new();
        for (step, written) in case.steps.iter().zip(&written.steps) {
            let answer = Box::pin(step.call(&app, entry.family, &kept)).await;
            if step.difference(&answer, &kept).is_some() {
                let now: Ordered = serde_json::from_str(&answer.text).with_context(|| case.promise.clone())?;
                let place = place(text, written.answer.get());
                let indent = indent(text, place.start);
                found.push((place, now.like(Some(&step.answer), &kept).pretty(indent)?));
            }
            let missing = |pointer| anyhow!("{}: nothing at {pointer}", case.promise);
            step.keep_of(&answer.json(), &mut kept).map_err(missing)?;
        }
    }
    Ok(found)
}

/// Where a part of the text stands in it.
fn place(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    start..start.saturating_add(part.len())
}

/// How far the line of a place is indented.
fn indent(text: &str, place: usize) -> usize {
    let line = text.get(..place).and_then(|before| before.rsplit('\n').next()).unwrap_or_default();
    line.len().saturating_sub(line.trim_start().len())
}

/// The text with other parts in some places, which are in the order of the text.
fn replaced(text: &str, parts: &[(Range<usize>, String)]) -> String {
    let mut done = String::with_capacity(text.len());
    let mut from = 0;
    for (place, part) in parts {
        done.push_str(text.get(from..place.start).unwrap_or_default());
        done.push_str(part);
        from = place.end;
    }
    done.push_str(text.get(from..).unwrap_or_default());
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> &'static MethodEntry {
        families()[0].methods.iter().find(|entry| entry.name == "get-user").unwrap()
    }

    #[tokio::test]
    async fn answers_that_are_as_written_down_are_left_alone() {
        let text = workspace::read(&workspace::root().join(cases::path(entry()))).unwrap();
        assert_eq!(answers(entry(), &text).await.unwrap(), []);
    }

    #[tokio::test]
    async fn another_answer_is_written_in_its_place_and_what_cannot_be_written_down_stays() {
        let right = workspace::read(&workspace::root().join(cases::path(entry()))).unwrap();
        let wrong = right.replacen("\"department\": null,", "\"department\": \"7\",", 1);
        assert_ne!(right, wrong);
        let answers = answers(entry(), &wrong).await.unwrap();
        assert_eq!(answers.len(), 1);
        assert_eq!(replaced(&wrong, &answers), right);
    }
}
