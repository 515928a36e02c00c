//! Protection against formulas in CSV (CSV injection).

use std::borrow::Cow;

/// Escapes the parts of a cell that a spreadsheet would evaluate as a formula: each gets an
/// apostrophe in front.
///
/// Every part counts that may become a cell of its own. Quotes do not prevent that: where a
/// semicolon or a tab separates cells, a spreadsheet finds the quote of a cell in the
/// middle of its own, and divides the text at semicolons, tabs and line breaks. A comma
/// separates only where the quotes have their meaning.
pub(crate) fn escape_formulas(cell: &str) -> Cow<'_, str> {
    let mut escaped = String::new();
    // Start of the text that is not yet in `escaped`.
    let mut copied = 0;
    // Start of the current part, until a character decides whether it is a formula.
    let mut part = Some(0);
    for (at, character) in cell.char_indices() {
        let start = match character {
            ';' | '\t' | '\r' | '\n' => {
                part = Some(at + 1);
                continue;
            }
            _ if is_ignored(character) => continue,
            _ => part.take(),
        };
        if let Some(start) = start
            && begins_formula(character)
        {
            escaped.push_str(&cell[copied..start]);
            escaped.push('\'');
            copied = start;
        }
    }
    escaped.push_str(&cell[copied..]);
    // A spreadsheet may ignore white space before a formula.
    if cell.starts_with(['\t', '\r', '\n']) {
        escaped.insert(0, '\'');
    }
    match escaped.len() == cell.len() {
        true => cell.into(),
        false => escaped.into(),
    }
}

/// Returns whether a spreadsheet may ignore the character at the start of a cell.
fn is_ignored(character: char) -> bool {
    let is_invisible = |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    character == '"'
        || character.is_whitespace()
        || character.is_control()
        || is_invisible(character)
}

/// Returns whether a formula may begin with the character: `=`, `+`, `-` or `@`, also in
/// their wide and small forms.
fn begins_formula(character: char) -> bool {
    matches!(
        character,
        '=' | '+'
            | '-'
            | '@'
            | '\u{ff1d}'
            | '\u{ff0b}'
            | '\u{ff0d}'
            | '\u{ff20}'
            | '\u{fe66}'
            | '\u{fe62}'
            | '\u{fe63}'
            | '\u{fe6b}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_begins_a_formula_is_escaped() {
        for formula in [
            "=1+1",
            "+49 30 1",
            "-1",
            "@SUM(A1)",
            "\tx",
            " =1",
            "\u{a0}\u{feff}=1",
            "\"=1",
            "\u{ff1d}1",
            "\u{ff0b}1",
            "\u{ff0d}1",
            "\u{ff20}SUM(A1)",
            "\u{fe66}1",
        ] {
            assert_eq!(escape_formulas(formula), format!("'{formula}"));
        }
        for text in ["", "Ada", "a=b", "1-1", "'=1", "a, -5", "x;y", "; ;"] {
            assert_eq!(escape_formulas(text), text);
        }
    }

    #[test]
    fn a_part_that_begins_a_formula_is_escaped() {
        for (cell, escaped) in [
            ("x;=1+1|cmd", "x;'=1+1|cmd"),
            ("x;\u{ff1d}1", "x;'\u{ff1d}1"),
            ("x; \"=1", "x;' \"=1"),
            ("x\t@A1", "x\t'@A1"),
            ("Hi\n-1\r\n+2", "Hi\n'-1\r\n'+2"),
            ("=1;=2;3", "'=1;'=2;3"),
            (";=1", ";'=1"),
            ("\t=1", "'\t'=1"),
            ("\r=1", "'\r'=1"),
            ("x;;=1", "x;;'=1"),
        ] {
            assert_eq!(escape_formulas(cell), escaped, "{cell:?}");
        }
    }
}
