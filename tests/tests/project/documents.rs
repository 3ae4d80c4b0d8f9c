//! What people look up in the documents is what the code says.

use serde_json::{Value, json};
use shared::observe::{Emf, JobFigures, line};
use shared::store::meter::Readings;
use std::collections::BTreeSet;
use std::fs;
use tests::workspace::root;

fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The words in backticks in the first cells of a document's tables.
fn first_cells(text: &str) -> Vec<String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    rows.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned)).collect()
}

#[test]
fn the_page_about_the_log_tells_of_every_member_of_a_line_and_of_no_other() {
    let page = document("docs/log.md");
    let (fields, _) = page.split_once("## Outcomes").unwrap();
    let mut line = line("background", "jobs", "ok", "text", &Readings::default(), Emf::of_job("N", 7));
    line.job = Some(JobFigures::default());
    (line.request_id, line.invocation_id, line.cause) = (Some("a".into()), Some("b".into()), Some("c".into()));
    let Value::Object(members) = json!(line) else { panic!("a line is no object") };
    let members: BTreeSet<String> = members.into_iter().map(|(name, _)| name).collect();
    let told: BTreeSet<String> = first_cells(fields).into_iter().collect();
    assert_eq!(told, members);
}

#[test]
fn each_word_of_the_glossary_stands_once_in_its_order_and_is_used() {
    let glossary = document("docs/glossary.md");
    let rows = glossary.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let words: Vec<&str> = rows.filter(|word| !matches!(*word, "Word") && !word.starts_with("--")).collect();
    let mut sorted = words.clone();
    sorted.sort_unstable_by_key(|word| word.to_lowercase());
    sorted.dedup();
    assert_eq!(words, sorted);
    assert!(words.len() <= 40, "nobody reads {} words", words.len());
    let mut others = document("README.md");
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "md") && !path.ends_with("glossary.md") {
            others.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    let others = others.to_lowercase();
    for word in words.iter().flat_map(|word| word.split(", ")) {
        assert!(others.contains(&word.to_lowercase()), "no document uses {word:?}");
    }
}

#[test]
fn both_readmes_have_the_same_parts_and_the_same_commands() {
    let [english, russian] = ["README.md", "README.ru.md"].map(document);
    let headings = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
    let commands = |text: &str| -> Vec<String> {
        let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
        let lines = blocks.flat_map(str::lines).filter(|line| !line.starts_with("# "));
        // What stands in names and remarks is each language's own.
        lines.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
    };
    assert_eq!(headings(&english), headings(&russian));
    assert_eq!(commands(&english), commands(&russian));
}

/// A screen and a half, as far as one can count it.
#[test]
fn the_readme_is_short() {
    assert!(document("README.md").lines().count() <= 120);
}

#[test]
fn the_readmes_say_what_a_month_costs_as_the_page_of_costs_does() {
    let costs = document("docs/costs.md");
    let (_, cells) = costs.split_once("| **in all** |").unwrap();
    let ten_thousand: f64 = cells.split('|').nth(1).unwrap().trim().parse().unwrap();
    let (_, nobody) = costs.split_once("**nobody calls** costs **").unwrap();
    let nobody: f64 = nobody.split('*').next().unwrap().parse().unwrap();
    for (name, about) in [("README.md", "about"), ("README.ru.md", "около")] {
        let text = document(name);
        let said: Vec<f64> = text
            .split_whitespace()
            .zip(text.split_whitespace().skip(1))
            .filter(|(word, _)| *word == about)
            .filter_map(|(_, number)| number.trim_end_matches(',').parse().ok())
            .collect();
        assert_eq!(said, [nobody.round(), ten_thousand.round()], "{name}");
    }
}
