//! Free text in request bodies.

use assist::builtin::MAX_PROMPT;
use serde::Deserialize;

/// Request in plain words: 1 to 2,000 characters, at least one of them not
/// whitespace.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Prompt(String);

impl Prompt {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Prompt {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let length = text.chars().count();
        match length {
            _ if text.trim().is_empty() => Err("must not be empty".to_owned()),
            0..=MAX_PROMPT => Ok(Self(text)),
            _ => Err(format!(
                "must have at most {MAX_PROMPT} characters, has {length}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_neither_blank_nor_too_long() {
        let read = |text: String| Prompt::try_from(text).is_ok();
        assert!(read("ä".repeat(MAX_PROMPT)) && read(" x\n".to_owned()));
        assert!(!read("ä".repeat(MAX_PROMPT + 1)));
        assert!(!read(String::new()) && !read(" \n\t".to_owned()));
    }
}
