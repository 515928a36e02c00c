//! Columns of a table by name, with hints for names that do not fit.

use super::options::Delimiter;
use super::quoted::shown;

/// Reason why a name is not that of one column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ColumnError {
    #[error("the file has no column {name}; {hint}")]
    Missing { name: String, hint: String },
    #[error(
        "the file has {count} columns named {name}; choose one by its number: {name}#1, {name}#2"
    )]
    Ambiguous { name: String, count: usize },
    #[error("the file has {count} columns named {name}, no number {number}")]
    NoNumber {
        name: String,
        count: usize,
        number: usize,
    },
}

impl ColumnError {
    /// Returns true if the file lacks the column.
    pub(super) fn is_missing(&self) -> bool {
        !matches!(self, Self::Ambiguous { .. })
    }
}

/// Names of a table's columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns<'a> {
    names: &'a [String],
    delimiter: Delimiter,
}

impl<'a> Columns<'a> {
    pub(super) fn new(names: &'a [String], delimiter: Delimiter) -> Self {
        Self { names, delimiter }
    }

    pub(super) fn names(self) -> &'a [String] {
        self.names
    }

    pub(super) fn has(self, name: &str) -> bool {
        self.names.iter().any(|column| column == name)
    }

    /// Returns the index of the column with this name. `NAME#2` is the second of the columns named
    /// `NAME`, unless a column has that very name.
    ///
    /// # Errors
    /// Returns an error if there is no such column, or there are several. It names the likely one.
    pub(super) fn index(self, name: &str) -> Result<usize, ColumnError> {
        match self.all(name)[..] {
            [index] => return Ok(index),
            [] => {}
            [_, _, ..] => {
                return Err(ColumnError::Ambiguous {
                    name: name.into(),
                    count: self.all(name).len(),
                });
            }
        }
        let numbered = name.rsplit_once('#');
        let numbered = numbered.and_then(|(name, number)| Some((name, number.parse().ok()?)));
        if let Some((name, number)) = numbered {
            let all = self.all(name);
            let index = usize::checked_sub(number, 1).and_then(|index| all.get(index));
            match index {
                Some(index) => return Ok(*index),
                None if !all.is_empty() => {
                    return Err(ColumnError::NoNumber {
                        name: name.into(),
                        count: all.len(),
                        number,
                    });
                }
                None => {}
            }
        }
        Err(ColumnError::Missing {
            name: name.into(),
            hint: self.hint(name),
        })
    }

    /// Describes how to find a column that is missing: one with a similar name, another delimiter,
    /// or the list of columns.
    pub(super) fn hint(self, name: &str) -> String {
        let alike = self.names.iter().find(|column| fold(column) == fold(name));
        if let Some(column) = alike {
            return format!("did you mean the column {column}?");
        }
        if let Some(delimiter) = self.likely_delimiter() {
            let cause = match self.names {
                [_] => "the header has one column; ",
                _ => "",
            };
            return format!("{cause}did you mean --delimiter {delimiter}?");
        }
        if let [only] = self.names
            && self.delimiter != Delimiter::Whitespace
            && (only.contains("  ") || only.split_whitespace().count() > 2)
        {
            return "the header has one column; did you mean --delimiter whitespace?".into();
        }
        let names: Vec<_> = self.names.iter().map(|name| shown(name)).collect();
        format!("the file's columns are {}", names.join(", "))
    }

    fn all(self, name: &str) -> Vec<usize> {
        let named = self
            .names
            .iter()
            .enumerate()
            .filter(|(_, column)| *column == name);
        named.map(|(index, _)| index).collect()
    }

    /// Returns the delimiter that would split the header into more columns, for a message. Names may
    /// have a comma, as in `Amount, EUR`.
    fn likely_delimiter(self) -> Option<&'static str> {
        let candidates = [(b';', "';'"), (b'\t', "tab"), (b'|', "'|'"), (b',', "','")];
        let others = candidates
            .iter()
            .filter(|(byte, _)| self.delimiter != Delimiter::Byte(*byte));
        let header = || self.names.iter().flat_map(|name| name.bytes());
        let count = |byte: u8| header().filter(|one| *one == byte).count();
        others
            .map(|&(byte, name)| (count(byte), name))
            .filter(|(count, _)| *count >= self.names.len())
            .max_by_key(|(count, _)| *count)
            .map(|(_, name)| name)
    }
}

/// Folds case, blanks and the signs that exports use in place of blanks.
fn fold(name: &str) -> String {
    let letters = name
        .chars()
        .filter(|one| !one.is_whitespace() && !matches!(one, '_' | '-'));
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(names: &[&str], name: &str) -> Result<usize, String> {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let columns = Columns::new(&names, Delimiter::Byte(b','));
        columns.index(name).map_err(|error| error.to_string())
    }

    #[test]
    fn a_header_of_words_alone_hints_at_whitespace() {
        for header in ["id date sum", "id  sum"] {
            let message = index(&[header], "id").unwrap_err();
            assert!(
                message.ends_with("did you mean --delimiter whitespace?"),
                "{message}"
            );
        }
        let message = index(&["Customer ID"], "id").unwrap_err();
        assert!(
            message.ends_with("the file's columns are Customer ID"),
            "{message}"
        );
    }

    #[test]
    fn a_number_chooses_one_of_several_columns_of_a_name() {
        let names = ["id", "REASON", "REASON", "REASON#2", "A#7"];
        assert_eq!(index(&names, "REASON#1"), Ok(1));
        assert_eq!(
            index(&names, "REASON#2"),
            Ok(3),
            "a real name outranks a number"
        );
        assert_eq!(index(&names[..3], "REASON#2"), Ok(2));
        assert_eq!(index(&names, "A#7"), Ok(4));
        assert_eq!(index(&names, "id#1"), Ok(0));
        assert_eq!(
            index(&names, "REASON").unwrap_err(),
            "the file has 2 columns named REASON; choose one by its number: REASON#1, REASON#2"
        );
        let message = index(&names, "REASON#3").unwrap_err();
        assert_eq!(message, "the file has 2 columns named REASON, no number 3");
        assert!(index(&names, "REASON#0").is_err());
    }

    #[test]
    fn a_missing_column_comes_with_the_likely_reason() {
        let message = |names: &[&str], name| index(names, name).unwrap_err();
        assert_eq!(
            message(&["Customer_ID", "Name"], "customer id"),
            "the file has no column customer id; did you mean the column Customer_ID?"
        );
        assert_eq!(
            message(&["customer_id;name;city, region"], "customer_id"),
            "the file has no column customer_id; the header has one column; did you mean \
             --delimiter ';'?"
        );
        assert_eq!(
            message(&["Nr;Betrag", "EUR;Kunde"], "Nr"),
            "the file has no column Nr; did you mean --delimiter ';'?"
        );
        assert!(message(&["a", "b;c", "d"], "x").ends_with("the file's columns are a, b;c, d"));
        assert!(message(&["a\tb"], "a").ends_with("--delimiter tab?"));
        assert!(message(&["a|b"], "a").ends_with("--delimiter '|'?"));
        assert!(message(&["a", "b"], "c").ends_with("the file's columns are a, b"));
    }
}
