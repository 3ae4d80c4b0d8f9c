//! A generated part of a file that is otherwise written by hand: the lines between two marker comments.

use thiserror::Error;

/// The marker comments of a part are not there, or not in this order.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the lines `# BEGIN generated: {name}` and `# END generated: {name}` are missing")]
pub(super) struct MissingMarkers {
    name: String,
}

/// The text with `lines` between the markers of the part `name`; each marker is a whole line.
pub(super) fn replaced(text: &str, name: &str, lines: &str) -> Result<String, MissingMarkers> {
    let missing = || MissingMarkers { name: name.to_owned() };
    let (begin, end) = (format!("# BEGIN generated: {name}\n"), format!("# END generated: {name}\n"));
    let (before, rest) = text.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}{lines}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let text = "a\n# BEGIN generated: x\nold\n# END generated: x\nb\n";
        let fresh = replaced(text, "x", "new\n").unwrap();
        assert_eq!(fresh, "a\n# BEGIN generated: x\nnew\n# END generated: x\nb\n");
        assert_eq!(replaced(&fresh, "x", "new\n").unwrap(), fresh);
    }

    #[test]
    fn a_file_without_the_markers_is_not_guessed_at() {
        let error = replaced("# END generated: x\n# BEGIN generated: x\n", "x", "").unwrap_err();
        assert!(error.to_string().contains("BEGIN generated: x"), "{error}");
    }
}
