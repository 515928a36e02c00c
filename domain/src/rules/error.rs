//! Errors of rules.

use std::fmt;

/// Error of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    /// JSON pointer of the node within the rules: `/rules/0`. Empty for the
    /// outermost group, and for rules given as text.
    pub pointer: String,
    /// Position of the error in a text, in characters from 1.
    pub column: Option<usize>,
    /// Message for the user.
    pub reason: String,
}

/// Errors of rules, at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RuleErrors(pub Vec<RuleError>);

impl RuleError {
    pub(super) fn new(reason: String) -> Self {
        Self {
            pointer: String::new(),
            column: None,
            reason,
        }
    }

    pub(super) fn at(self, pointer: &str) -> Self {
        Self {
            pointer: pointer.to_owned(),
            ..self
        }
    }

    pub(super) fn in_column(self, column: usize) -> Self {
        Self {
            column: Some(column),
            ..self
        }
    }
}

/// Quotes a text for an error message, shortened if it is long.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((cut, _)) => format!("{:?}…", &text[..cut]),
        None => format!("{text:?}"),
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "column {column}: {}", self.reason),
            None if self.pointer.is_empty() => f.write_str(&self.reason),
            None => write!(f, "{}: {}", self.pointer, self.reason),
        }
    }
}

impl fmt::Display for RuleErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let joint = if index == 0 { "" } else { "; " };
            write!(f, "{joint}{error}")?;
        }
        Ok(())
    }
}

impl From<RuleError> for RuleErrors {
    fn from(error: RuleError) -> Self {
        Self(vec![error])
    }
}
