//! Flags: the words of yes and no, and those of consent.

use std::borrow::Cow;

use anyhow::ensure;
use chrono::NaiveDate;

use super::options::ImportOptions;

const YES: [&str; 6] = ["true", "yes", "y", "t", "on", "1"];
const NO: [&str; 6] = ["false", "no", "n", "f", "off", "0"];
/// Words that mean the same in every column of consent.
const SUBSCRIBED: [&str; 2] = ["subscribed", "opted in"];
const UNSUBSCRIBED: [&str; 4] = [
    "unsubscribed",
    "opted out",
    "not subscribed",
    "never subscribed",
];

/// Reader of flags.
#[derive(Debug, Default)]
pub(super) struct FlagReader {
    /// Words of `--yes-word`, in lower case.
    yes: Vec<String>,
    no: Vec<String>,
}

impl FlagReader {
    /// # Errors
    /// Returns an error if a word means both yes and no.
    pub(super) fn new(options: &ImportOptions) -> anyhow::Result<Self> {
        let folded = |words: &[String]| words.iter().map(|word| fold(word)).collect();
        let reader = Self {
            yes: folded(&options.yes_word),
            no: folded(&options.no_word),
        };
        let is_known = |words: &[&str], word: &String| words.contains(&&**word);
        for (option, words, contrary, known) in [
            ("--yes-word", &reader.yes, &reader.no, &NO),
            ("--no-word", &reader.no, &reader.yes, &YES),
        ] {
            for word in words {
                ensure!(!word.is_empty(), "{option}: must not be empty");
                ensure!(
                    !contrary.contains(word) && !is_known(known, word),
                    "{option} {word}: this word also means the contrary"
                );
            }
        }
        Ok(reader)
    }

    /// Reads a yes or no.
    ///
    /// # Errors
    /// Returns the rest of a sentence that begins with the text.
    pub(super) fn flag(&self, text: &str) -> Result<bool, String> {
        self.known(text).ok_or_else(|| self.misfit(&[]))
    }

    /// Returns true if the text says that a person refuses messages. Words such as `subscribed`
    /// mean the same in every column; the others follow the column's meaning. A time is a yes since
    /// then, as in `UNSUB_TIME`.
    ///
    /// # Errors
    /// Returns the rest of a sentence that begins with the text.
    pub(super) fn is_refusal(&self, text: &str, is_negated: bool) -> Result<bool, String> {
        if let Some(flag) = self.known(text) {
            return Ok(flag != is_negated);
        }
        let words = fold(text).replace(['_', '-'], " ");
        if SUBSCRIBED.contains(&&*words) {
            return Ok(false);
        }
        if UNSUBSCRIBED.contains(&&*words) {
            return Ok(true);
        }
        match begins_with_a_date(text.trim()) {
            true => Ok(!is_negated),
            false => Err(self.misfit(&["subscribed, unsubscribed", "a time"])),
        }
    }

    fn known(&self, text: &str) -> Option<bool> {
        let word = fold(text);
        let is_one =
            |known: &[&str], told: &[String]| known.contains(&&*word) || told.contains(&word);
        match (is_one(&YES, &self.yes), is_one(&NO, &self.no)) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }

    fn misfit(&self, more: &[&str]) -> String {
        let pairs = "true/false, yes/no, y/n, t/f, on/off, 1/0";
        let told = self.yes.iter().chain(&self.no);
        let told = told.map(|word| Cow::Owned(format!("{word:?}")));
        let more = told.chain(more.iter().map(|text| Cow::Borrowed(*text)));
        let more: String = more.map(|text| format!(", {text}")).collect();
        format!(
            "is none of {pairs}{more}; name another word of yes with --yes-word WORD, one of no \
             with --no-word WORD"
        )
    }
}

fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

fn begins_with_a_date(text: &str) -> bool {
    let date = text.get(..10);
    date.is_some_and(|date| NaiveDate::parse_from_str(date, "%Y-%m-%d").is_ok())
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn reader(yes: &[&str], no: &[&str]) -> anyhow::Result<FlagReader> {
        FlagReader::new(&from_value(json!({"yes_word": yes, "no_word": no})).unwrap())
    }

    #[test]
    fn words_of_other_languages_are_told() {
        let told = reader(&["Ja", "\u{c9}T\u{c9}"], &["nein"]).unwrap();
        assert_eq!(told.flag(" JA "), Ok(true));
        assert_eq!(told.flag("\u{e9}t\u{e9}"), Ok(true));
        assert_eq!(told.flag("Nein"), Ok(false));
        assert_eq!(told.flag("off"), Ok(false), "the usual words stay");
        assert_eq!(told.is_refusal("ja", false), Ok(true));
        assert_eq!(told.is_refusal("ja", true), Ok(false));
        let silent = FlagReader::default().is_refusal("ja", true).unwrap_err();
        assert_eq!(
            silent,
            "is none of true/false, yes/no, y/n, t/f, on/off, 1/0, subscribed, unsubscribed, a \
             time; name another word of yes with --yes-word WORD, one of no with --no-word WORD"
        );
    }

    #[test]
    fn a_word_has_one_meaning() {
        for (yes, no) in [(vec!["ja"], vec!["JA"]), (vec!["no"], vec![])] {
            let message = reader(&yes, &no).unwrap_err().to_string();
            assert!(message.contains("also means the contrary"), "{message}");
        }
        let message = reader(&[" "], &[]).unwrap_err().to_string();
        assert_eq!(message, "--yes-word: must not be empty");
    }
}
