//! Short texts of bounded length.

use serde::{Deserialize, Serialize};

/// Text of 1 to `MAX` bytes without control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MAX: usize>(Box<str>);

/// Reason why a text is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The text is empty. A field is cleared with `null`, not with an empty
    /// text.
    #[error("must not be empty (null clears a field)")]
    Empty,
    /// The text is too long: the limit and the actual length, in bytes.
    #[error("must have at most {0} bytes, has {1}")]
    TooLong(usize, usize),
    /// The name is too long: the limit and the actual length, in characters.
    #[error("must have at most {0} characters, has {1}")]
    TooManyCharacters(usize, usize),
    /// The text contains a control character.
    #[error("must not contain control characters")]
    Control,
    /// The text is not an email address. The message does not repeat it, since
    /// it is personal data.
    #[error("is not an email address")]
    Email,
    /// The text is not a name that can be part of a field.
    #[error("must be made of letters, digits, _ and -")]
    Name,
    /// The text has no letter and no digit that a name could be made of.
    #[error("must contain a letter or a digit")]
    NoWord,
}

pub(crate) fn check(text: &str, max: usize) -> Result<(), TextError> {
    if text.is_empty() {
        Err(TextError::Empty)
    } else if text.len() > max {
        Err(TextError::TooLong(max, text.len()))
    } else if text.chars().any(char::is_control) {
        Err(TextError::Control)
    } else {
        Ok(())
    }
}

/// Returns the beginning of a text, of at most this many bytes and of whole
/// characters.
pub fn beginning(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rfind(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or_default()]
}

impl<const MAX: usize> Text<MAX> {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns as much of a text as fits, without its control characters;
    /// `None` if nothing remains.
    pub fn cut(text: &str) -> Option<Self> {
        let mut kept = String::new();
        for character in text.chars().filter(|c| !c.is_control()) {
            if kept.len() + character.len_utf8() > MAX {
                break;
            }
            kept.push(character);
        }
        Self::try_from(kept).ok()
    }
}

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        check(&text, MAX).map(|()| Self(text.into_boxed_str()))
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> Self {
        text.0.into_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        let cut = |text: &str| Text::<5>::cut(text).map(String::from);
        assert_eq!(cut("a\u{0}b\nc").as_deref(), Some("abc"));
        assert_eq!(cut("ääää").as_deref(), Some("ää"));
        assert_eq!(cut("\n"), None);
        assert_eq!(cut(""), None);
    }
}
