//! A method's description: the module comment of its source, for readers outside the project.

/// The text of the comment, without the method's name in front and without the notes on its sources.
pub(super) fn of(source: &str) -> Option<String> {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let lines: Vec<&str> = lines.collect();
    let paragraphs = lines.split(|line| line.is_empty()).map(|paragraph| without_sources(&paragraph.join(" ")));
    let text = paragraphs.filter(|paragraph| !paragraph.is_empty()).collect::<Vec<_>>().join("\n\n");
    let text = without_name(&text).trim();
    (!text.is_empty()).then(|| capitalised(text))
}

/// The text without `(page "add-user"; reference/stepchat.md §3.4)` and similar notes on sources, which readers do not
/// have.
pub(super) fn without_sources(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, inside, after)) = parenthesis(rest) {
        let is_source = inside.starts_with("page ") || inside.contains("reference/") || inside.starts_with("decision");
        if is_source {
            kept.push_str(before.trim_end());
        } else {
            kept.extend([before, "(", inside, ")"]);
        }
        rest = after;
    }
    kept + rest
}

fn parenthesis(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('(')?;
    let (inside, after) = rest.split_once(')')?;
    Some((before, inside, after))
}

/// The text without `` `add-user`: `` in front.
fn without_name(text: &str) -> &str {
    match text.split_once("`: ") {
        Some((name, rest)) if name.starts_with('`') && !name.contains(' ') => rest,
        _ => text,
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_get_the_contract_without_the_project_s_own_notes() {
        let source = "//! `get-user-by`: the first user (not a bot) with this value; `false` if there is none\n\
                      //! (page \"get-user-by\"; reference/stepchat.md §3.1).\n\nuse shared::prelude::*;\n";
        let expected = "The first user (not a bot) with this value; `false` if there is none.";
        assert_eq!(of(source).as_deref(), Some(expected));
    }

    #[test]
    fn a_source_without_a_comment_has_no_description() {
        assert_eq!(of("use shared::prelude::*;\n"), None);
    }
}
