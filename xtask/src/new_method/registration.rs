//! The one line a method has in its family's front door.

use super::method::NewMethod;
use crate::names::{pascal, snake};
use anyhow::{Context, Result};

const LIST: &str = "pub static METHODS: &[MethodEntry] = &[\n";
const END: &str = "];\n";

/// The line of a method.
pub(super) fn line(method: &NewMethod) -> String {
    format!("    MethodEntry::of::<{}::{}>(),\n", snake(&method.package()), pascal(&method.name))
}

/// The front door's source with one line more in its list, which stays sorted.
pub(super) fn with_line(source: &str, line: &str) -> Result<String> {
    let (before, rest) = source.split_once(LIST).context("the front door has no list `METHODS`")?;
    let (lines, after) = rest.split_once(END).context("the front door's list `METHODS` does not end")?;
    let mut lines: Vec<&str> = lines.split_inclusive('\n').chain([line]).collect();
    lines.sort_unstable();
    Ok([before, LIST, &lines.concat(), END, after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::new_method::method::Style;

    #[test]
    fn the_list_stays_sorted() {
        let method = NewMethod { style: Style::Stepchat, name: "get-user".into() };
        let source = "//! All.\n\npub static METHODS: &[MethodEntry] = &[\n    MethodEntry::of::<stepchat_add_user::AddUser>(),\n    \
                      MethodEntry::of::<stepchat_get_user_by::GetUserBy>(),\n];\n";
        let listed = with_line(source, &line(&method)).unwrap();
        let expected = "//! All.\n\npub static METHODS: &[MethodEntry] = &[\n    MethodEntry::of::<stepchat_add_user::AddUser>(),\n    \
                        MethodEntry::of::<stepchat_get_user::GetUser>(),\n    \
                        MethodEntry::of::<stepchat_get_user_by::GetUserBy>(),\n];\n";
        assert_eq!(listed, expected);
    }

    #[test]
    fn a_front_door_without_a_list_is_not_guessed_at() {
        assert!(with_line("pub static METHODS: [MethodEntry; 0] = [];\n", "x\n").is_err());
    }
}
