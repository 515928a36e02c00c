//! Expressions of columns, as in `--map FIELD=EXPRESSION`: a column, its negation, or a text made
//! of several columns.

use std::borrow::Cow;

use super::cells::Cells;
use super::columns::{ColumnError, Columns};

/// Value made of a row's cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// Text of one column.
    Column(usize),
    /// Flag of one column, negated.
    Not(usize),
    /// Text made of columns and literal text.
    Template(Vec<Part>),
}

/// Reason why a text is not an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ExpressionError {
    #[error(transparent)]
    Column(#[from] ColumnError),
    #[error("{0}")]
    Malformed(&'static str),
}

/// Part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Column(usize),
}

impl ExpressionError {
    /// Returns true if the file lacks a column.
    pub(super) fn is_missing_column(&self) -> bool {
        matches!(self, Self::Column(error) if error.is_missing())
    }
}

impl Expression {
    /// Parses an expression.
    ///
    /// - `NAME` is the column of that name, also if the name has signs of the other forms;
    ///   `NAME#2` is the second column of that name.
    /// - `!NAME` is its negation.
    /// - `{NAME} {NAME}` is a text made of columns. `{{` and `}}` are literal braces there. A text
    ///   of one column and nothing else is the column.
    /// - `!!` at the beginning is a literal exclamation mark.
    ///
    /// # Errors
    /// Returns an error if the expression is malformed or names a column that does not exist.
    pub(super) fn parse(text: &str, columns: Columns) -> Result<Self, ExpressionError> {
        if columns.has(text) {
            return Ok(Self::Column(columns.index(text)?));
        }
        let literal = match text.strip_prefix('!') {
            Some(rest) if rest.starts_with('!') => rest,
            Some(name) => {
                let name = name
                    .strip_prefix('{')
                    .and_then(|name| name.strip_suffix('}'))
                    .unwrap_or(name);
                return Ok(Self::Not(columns.index(name)?));
            }
            None => text,
        };
        if !literal.contains(['{', '}']) {
            return Ok(Self::Column(columns.index(literal)?));
        }
        let parts = template(literal, columns)?;
        Ok(match parts[..] {
            [Part::Column(index)] => Self::Column(index),
            _ => Self::Template(parts),
        })
    }

    /// Returns the indices of the columns.
    pub(super) fn columns(&self) -> Vec<usize> {
        match self {
            Self::Column(index) | Self::Not(index) => vec![*index],
            Self::Template(parts) => {
                let column = |part: &Part| match part {
                    Part::Column(index) => Some(*index),
                    Part::Text(_) => None,
                };
                parts.iter().filter_map(column).collect()
            }
        }
    }

    /// Returns the value's text. It is empty if all its columns are.
    pub(super) fn text<'a>(&self, cells: &'a Cells) -> Cow<'a, str> {
        match self {
            Self::Column(index) | Self::Not(index) => Cow::Borrowed(cells.get(*index)),
            Self::Template(parts) => Cow::Owned(join(parts, cells)),
        }
    }
}

fn template(text: &str, columns: Columns) -> Result<Vec<Part>, ExpressionError> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        literal += &rest[..at];
        let (brace, after) = rest[at..].split_at(1);
        if let Some(after) = after.strip_prefix(brace) {
            literal += brace;
            rest = after;
            continue;
        }
        if brace == "}" {
            return Err(ExpressionError::Malformed(
                "a } has no { before it; write }} for a literal brace",
            ));
        }
        let (name, after) = after.split_once('}').ok_or(ExpressionError::Malformed(
            "a { has no } after it; write {{ for a literal brace",
        ))?;
        if !literal.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut literal)));
        }
        parts.push(Part::Column(columns.index(name)?));
        rest = after;
    }
    literal += rest;
    if !literal.is_empty() {
        parts.push(Part::Text(literal));
    }
    let has_column = parts.iter().any(|part| matches!(part, Part::Column(_)));
    has_column
        .then_some(parts)
        .ok_or(ExpressionError::Malformed(
            "has no {COLUMN}; --set gives a field the same text on every line",
        ))
}

/// Joins the parts. Blanks around an empty column collapse. A text of literals alone is empty.
fn join(parts: &[Part], cells: &Cells) -> String {
    let mut text = String::new();
    let mut has_content = false;
    let mut skips_blanks = false;
    for part in parts {
        match part {
            Part::Text(literal) if skips_blanks => text += literal.trim_start(),
            Part::Text(literal) => text += literal,
            Part::Column(index) => {
                let cell = cells.get(*index).trim();
                text += cell;
                has_content |= !cell.is_empty();
            }
        }
        let is_after_blank = text.is_empty() || text.ends_with(char::is_whitespace);
        skips_blanks = matches!(part, Part::Column(_)) && is_after_blank;
    }
    match has_content {
        true => text.trim().to_owned(),
        false => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Delimiter;

    const NAMES: [&str; 7] = [
        "First Name",
        "Last Name",
        "Accepts",
        "!odd",
        "{x}",
        "R",
        "R",
    ];

    fn parse(text: &str) -> Result<Expression, String> {
        let names = NAMES.map(str::to_owned);
        let columns = Columns::new(&names, Delimiter::Byte(b','));
        Expression::parse(text, columns).map_err(|error| error.to_string())
    }

    fn text(expression: &str, cells: [&str; 7]) -> String {
        let mut row = Cells::default();
        cells.iter().for_each(|cell| row.push(cell.as_bytes()));
        parse(expression).unwrap().text(&row).into_owned()
    }

    #[test]
    fn expressions_are_columns_negations_and_templates() {
        assert_eq!(parse("First Name"), Ok(Expression::Column(0)));
        assert_eq!(parse("!Accepts"), Ok(Expression::Not(2)));
        assert_eq!(parse("!{Accepts}"), Ok(Expression::Not(2)));
        assert_eq!(
            parse("!odd"),
            Ok(Expression::Column(3)),
            "a real name is taken first"
        );
        assert_eq!(parse("!!odd"), Ok(Expression::Column(3)));
        assert_eq!(parse("!!!odd").map_err(|_| ()), Err(()));
        assert_eq!(parse("{x}"), Ok(Expression::Column(4)));
        assert_eq!(parse("R#2"), Ok(Expression::Column(6)));
        assert_eq!(
            parse("{Accepts}"),
            Ok(Expression::Column(2)),
            "a text of one column is the column"
        );
        assert_eq!(
            parse("{First Name} {R#2}"),
            Ok(Expression::Template(vec![
                Part::Column(0),
                Part::Text(" ".into()),
                Part::Column(6)
            ]))
        );
    }

    #[test]
    fn malformed_expressions_are_errors() {
        for (expression, wanted) in [
            ("{First Name", "a { has no } after it"),
            ("First Name}", "a } has no { before it"),
            ("{{First Name}}", "has no {COLUMN}"),
            ("{First} x", "has no column First"),
            ("{R} x", "2 columns named R"),
            ("!First", "has no column First"),
        ] {
            let message = parse(expression).unwrap_err();
            assert!(message.contains(wanted), "{expression}: {message}");
        }
    }

    #[test]
    fn blanks_collapse_around_an_empty_column() {
        let name = "{First Name} {Accepts} {Last Name}";
        assert_eq!(
            text(name, ["Teo", "Brandt", "B.", "", "", "", ""]),
            "Teo B. Brandt"
        );
        assert_eq!(
            text(name, ["Teo", "Brandt", " ", "", "", "", ""]),
            "Teo Brandt"
        );
        assert_eq!(text(name, ["", "Brandt", "", "", "", "", ""]), "Brandt");
        assert_eq!(text(name, ["Teo ", "", "", "", "", "", ""]), "Teo");
        assert_eq!(text(name, ["", " ", "", "", "", "", ""]), "");
        assert_eq!(
            text("No. {R#1}", ["", "", "", "", "", "", ""]),
            "",
            "literals alone are empty"
        );
        assert_eq!(text("{{{R#1}}}", ["", "", "", "", "", "7", ""]), "{7}");
        assert_eq!(text("!!{R#1}", ["", "", "", "", "", "7", ""]), "!7");
    }
}
