//! What can come of asking a model other than an answer.

use std::time::Duration;

use crate::builtin::NotUnderstood;

/// The most characters of what is wrong with an answer that are kept.
const LONGEST_REASON: usize = 300;

/// Why a model gave no answer that can be used. None of this says what it was
/// asked, with which key, or what it said: that may be about somebody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The key is not taken.
    #[error("the model's server does not take the key")]
    Unauthorized,
    /// It has too much to do, or was asked too often.
    #[error("the model's server is busy")]
    Busy {
        /// When to ask again, if it says so.
        retry_after: Option<Duration>,
    },
    /// It answered with this status.
    #[error("the model's server answered {0}")]
    Failed(u16),
    /// There is no connection, or it broke.
    #[error("the model's server is away")]
    Away,
    /// What came is no answer, or not a whole one.
    #[error("the model gave no answer: {0}")]
    Malformed(&'static str),
    /// The answer is not what was asked for, also after it was told why.
    #[error("the model's answer is not valid: {0}")]
    Invalid(String),
}

/// Why there are no rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRules {
    /// The request is not understood.
    #[error(transparent)]
    NotUnderstood(#[from] NotUnderstood),
    /// The model gave no answer.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// What is wrong with what a model said.
#[derive(Debug)]
pub(super) enum Wrong {
    /// It is not JSON.
    NoJson,
    /// It is not what was asked for: why, for the model and for people.
    Answer { told: String, reason: String },
}

impl Wrong {
    /// For a reason that may be told to both.
    pub(super) fn because(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Answer {
            told: reason.clone(),
            reason,
        }
    }

    /// JSON that is none, or has another shape. Which one, and where, is for
    /// the model alone: it quotes what it said.
    pub(super) fn shape(error: &serde_json::Error) -> Self {
        if !error.is_data() {
            return Self::NoJson;
        }
        let (line, column) = (error.line(), error.column());
        Self::Answer {
            told: error.to_string(),
            reason: format!("another shape than was asked for, at {line}:{column}"),
        }
    }
}

impl From<Wrong> for ModelError {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::NoJson => Self::Malformed("its text is not JSON"),
            Wrong::Answer { reason, .. } => {
                Self::Invalid(cut(&without_quotes(&reason), LONGEST_REASON))
            }
        }
    }
}

/// A reason without what it quotes of the answer.
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

/// No more than so many characters.
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
    fn a_reason_does_not_repeat_what_it_quotes() {
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
        let long = Wrong::because("é".repeat(1_000));
        let expected = format!("{}…", "é".repeat(300));
        assert_eq!(ModelError::from(long), ModelError::Invalid(expected));
    }
}
