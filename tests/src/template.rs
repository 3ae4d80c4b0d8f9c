//! The template, read as far as a function's environment needs it: which variables it gets, and what each of
//! them refers to.

use std::collections::BTreeMap;

/// The environment of each function: variable to value, as the template spells it (`!Ref StepchatTable`).
pub fn environments(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let globals = variables(section(text, "Globals"));
    let mut environments = BTreeMap::new();
    for resource in resources(section(text, "Resources")) {
        if let Some(code) = resource.lines().find_map(|line| line.trim().strip_prefix("CodeUri: target/lambda/")) {
            let own = variables(resource);
            let all = globals.iter().chain(&own).map(|(name, value)| (name.clone(), value.clone())).collect();
            environments.insert(code.trim_end_matches('/').to_owned(), all);
        }
    }
    environments
}

/// The default of each parameter.
pub fn defaults(text: &str) -> BTreeMap<String, String> {
    let default = |resource: &str| {
        let (name, _) = resource.trim_start().split_once(':')?;
        let value = resource.lines().find_map(|line| line.trim().strip_prefix("Default: "))?;
        Some((name.to_owned(), scalar(value)))
    };
    resources(section(text, "Parameters")).into_iter().filter_map(default).collect()
}

/// The names of the parameters.
pub fn parameters(text: &str) -> Vec<String> {
    let parameters = resources(section(text, "Parameters"));
    parameters.iter().filter_map(|parameter| Some(parameter.trim_start().split_once(':')?.0.to_owned())).collect()
}

/// The names of the outputs.
pub fn outputs(text: &str) -> Vec<String> {
    let outputs = resources(section(text, "Outputs"));
    outputs.iter().filter_map(|output| Some(output.trim_start().split_once(':')?.0.to_owned())).collect()
}

/// A top-level section.
fn section<'a>(text: &'a str, name: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("\n{name}:\n")).unwrap();
    let end = rest.match_indices('\n').find(|(at, _)| rest[at + 1..].starts_with(|next: char| next.is_alphabetic()));
    end.map_or(rest, |(at, _)| &rest[..at])
}

/// The entries of a section: each begins with a name two columns in.
fn resources(section: &str) -> Vec<&str> {
    let is_name = |line: &str| line.starts_with("  ") && line[2..].starts_with(|first: char| first.is_alphabetic());
    let mut starts: Vec<usize> = Vec::new();
    let mut at = 0;
    for line in section.split_inclusive('\n') {
        if is_name(line) {
            starts.push(at);
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([section.len()]);
    starts.iter().zip(ends).map(|(start, end)| &section[*start..end]).collect()
}

/// The lines below `Variables:`, deeper than it.
fn variables(text: &str) -> BTreeMap<String, String> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip_while(|line| line.trim() != "Variables:");
    let Some(head) = lines.next() else { return BTreeMap::new() };
    let inside = lines.take_while(|line| depth(line) > depth(head));
    let named = inside.filter(|line| !line.trim().starts_with('#')).map(|line| line.trim().split_once(": "));
    named.map(|pair| pair.unwrap()).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A scalar as YAML means it: double quotes are those of JSON here.
fn scalar(value: &str) -> String {
    if value.starts_with('"') { serde_json::from_str(value).unwrap() } else { value.to_owned() }
}
