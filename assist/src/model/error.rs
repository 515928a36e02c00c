//! Errors of calls to a model.

use std::time::Duration;

use crate::builtin::NotUnderstood;

/// Maximum length of the reason for an invalid answer, in characters.
const LONGEST_REASON: usize = 300;

/// Reason why a model gave no usable answer. It contains neither the request, the key
/// nor the answer, since these may be secret or about a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The server rejected the API key.
    #[error("the model's server rejected the API key")]
    Unauthorized,
    /// The server answered 429: its rate limit or quota is exceeded.
    #[error("the model's server is busy")]
    Busy {
        /// Time after which to retry, if the server says so.
        retry_after: Option<Duration>,
    },
    /// The server answered with this HTTP status.
    #[error("the model's server answered with status {0}")]
    Failed(u16),
    /// The connection could not be established, or was lost.
    #[error("the model's server is unavailable")]
    Away,
    /// The response contains no complete answer.
    #[error("the model gave no usable answer: {0}")]
    Malformed(&'static str),
    /// The answer is invalid, even after one attempt to repair it.
    #[error("the model's answer is not valid: {0}")]
    Invalid(String),
}

/// Reason why a request yielded no rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRules {
    /// The request is not understood.
    #[error(transparent)]
    NotUnderstood(#[from] NotUnderstood),
    /// The model gave no usable answer.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Error in a model's answer.
#[derive(Debug)]
pub(super) enum AnswerError {
    /// The answer is not JSON.
    NoJson,
    /// The answer is invalid. `told` is the explanation for the model, `reason` the one
    /// for people.
    Answer { told: String, reason: String },
}

impl AnswerError {
    /// Creates the error for a reason that both the model and people may read.
    pub(super) fn because(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Answer {
            told: reason.clone(),
            reason,
        }
    }

    /// Creates the error for an answer that is not JSON or does not match the schema.
    /// Only the model gets the parser's message, since that quotes the answer.
    pub(super) fn shape(error: &serde_json::Error) -> Self {
        if !error.is_data() {
            return Self::NoJson;
        }
        let (line, column) = (error.line(), error.column());
        Self::Answer {
            told: error.to_string(),
            reason: format!("the answer does not match the schema, at {line}:{column}"),
        }
    }
}

impl From<AnswerError> for ModelError {
    fn from(wrong: AnswerError) -> Self {
        match wrong {
            AnswerError::NoJson => Self::Malformed("the answer is not JSON"),
            AnswerError::Answer { reason, .. } => {
                // Quotations of the answer are removed, since they may be about a person.
                Self::Invalid(cut(&without_quotes(&reason), LONGEST_REASON))
            }
        }
    }
}

/// Removes quoted parts of the answer from a reason.
fn without_quotes(reason: &str) -> String {
    let mut kept = String::new();
    let mut chars = reason.chars();
    let mut is_quoted = false;
    while let Some(c) = chars.next() {
        match (c, is_quoted) {
            ('"', _) => {
                kept.push_str(if is_quoted { "…\"" } else { "\"" });
                is_quoted = !is_quoted;
            }
            ('\\', true) => {
                chars.next();
            }
            (_, true) => {}
            (c, false) => kept.push(c),
        }
    }
    kept
}

/// Truncates a text to at most `most` characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotations_are_removed_from_reasons() {
        for (reason, kept) in [
            ("all is well", "all is well"),
            (
                r#"field "jo@x.com", value "a\"b\\" no"#,
                r#"field "…", value "…" no"#,
            ),
            (r#"it begins "and never ends"#, "it begins \""),
        ] {
            assert_eq!(without_quotes(reason), kept);
        }
        let long = AnswerError::because("é".repeat(1_000));
        let expected = format!("{}…", "é".repeat(300));
        assert_eq!(ModelError::from(long), ModelError::Invalid(expected));
    }
}
