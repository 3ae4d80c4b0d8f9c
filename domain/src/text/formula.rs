//! Cells of CSV files that no spreadsheet program takes for a formula (OWASP, "CSV Injection"), and the way back.
//!
//! A program with a decimal comma splits at `;` and ignores quotes that begin inside a cell: for it, each `;`, tab and
//! line break begins a new cell.

/// Characters at the beginning of a cell by which a program may take it for a formula, including their full-width
/// forms.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
/// Characters that some programs skip at the beginning of a cell.
const BLANK: [char; 3] = ['\t', '\r', '\n'];
/// Invisible characters that a program may skip before it looks: marks of direction, of width and of byte order.
const UNSEEN: [char; 16] = [
    '\u{ad}', '\u{61c}', '\u{180e}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}', '\u{202a}',
    '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2060}', '\u{feff}', '\0',
];
/// Characters after which some programs begin a new cell or line.
const SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];

/// The cell with a quote before everything that a program may take for a formula. A plain phone number gets no quote.
#[must_use]
pub fn guard(cell: &str) -> String {
    let mut guarded = String::with_capacity(cell.len());
    for (at_start, part) in parts(cell) {
        if is_formula(part, at_start) {
            guarded.push('\'');
        }
        guarded.push_str(part);
    }
    guarded
}

/// The cell as it was before [`guard`]. A quote that another program put before a plain phone number is removed too.
#[must_use]
pub fn unguard(cell: &str) -> String {
    let mut bare = String::with_capacity(cell.len());
    for (at_start, part) in parts(cell) {
        let rest = part.strip_prefix('\'').filter(|rest| is_formula(rest, at_start) || is_phone(rest));
        bare.push_str(rest.unwrap_or(part));
    }
    bare
}

/// The parts of a cell, each with the separator that ends it, and whether it begins the cell.
fn parts(cell: &str) -> impl Iterator<Item = (bool, &str)> {
    cell.split_inclusive(SEPARATORS).enumerate().map(|(place, part)| (place == 0, part))
}

fn is_formula(part: &str, at_start: bool) -> bool {
    // Skipped, so that quotes that were there before stay distinct from the one that [`guard`] adds.
    let seen = part.trim_start_matches(|letter| letter == '\'' || UNSEEN.contains(&letter));
    (seen.starts_with(FORMULA) || at_start && seen.starts_with(BLANK)) && !is_phone(part)
}

fn is_phone(part: &str) -> bool {
    let digits = part.strip_prefix('+').map(|rest| rest.trim_end_matches(SEPARATORS));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formulas_are_guarded_and_phone_numbers_are_not() {
        for cell in [
            "=1+1",
            "+1+1",
            "-1",
            "@SUM(A1)",
            "\t",
            "\rx",
            "+",
            "+7 919",
            "=cmd|' /C calc'!A0",
            "＝1",
            "＠x",
            "\u{feff}=1",
            "\u{202e}+1",
            "'=1",
            "''+7919",
        ] {
            assert_eq!(guard(cell), format!("'{cell}"));
        }
        for cell in ["", "+79191234567", "a=1", " =1", "1-1", "'a", "+7;+8"] {
            assert_eq!(guard(cell), cell);
        }
    }

    #[test]
    fn each_cell_that_another_program_would_see_is_guarded() {
        for (cell, guarded) in [
            ("x;=1+1", "x;'=1+1"),
            ("x\t=1", "x\t'=1"),
            ("x\n-1\r@y", "x\n'-1\r'@y"),
            ("x;＝1", "x;'＝1"),
            ("\t=1", "'\t'=1"),
            ("x;'=1", "x;''=1"),
            ("a\n\nb; c", "a\n\nb; c"),
        ] {
            assert_eq!(guard(cell), guarded);
            assert_eq!(unguard(guarded), cell);
        }
    }

    #[test]
    fn a_quote_that_another_program_put_before_a_phone_number_goes() {
        assert_eq!(unguard("'+79191234567"), "+79191234567");
        assert_eq!(unguard("'twas"), "'twas");
    }

    proptest! {
        #[test]
        fn what_is_guarded_comes_back(cell in "[=+@;'0-9a\t\r\n＝\u{200b} -]{0,12}|\\PC{0,12}") {
            prop_assert_eq!(unguard(&guard(&cell)), cell);
        }

        #[test]
        fn nothing_guarded_begins_like_a_formula(cell in "[=+@;'0-9a\t\r\n＝\u{200b} -]{0,12}") {
            for (_, part) in parts(&guard(&cell)) {
                prop_assert!(!part.trim_start_matches(UNSEEN).starts_with(FORMULA) || is_phone(part), "{part:?}");
            }
        }
    }
}
