//! Names of activities and keys of attributes, which can be part of a field.

use std::borrow::{Borrow, Cow};
use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::TextError;

/// Maximum length of a name, in characters.
const MAX_LEN: usize = 64;

/// Maximum length of a name as people write it, in characters.
const MAX_WRITTEN: usize = 256;

/// Name that can be part of a field's path (`events.<name>.count`,
/// `attributes.<name>`): 1 to 64 letters and digits of any script, `_` and `-`,
/// in Unicode's normalization form C.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Box<str>);

impl Name {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name under which an activity is recorded, for a name as a
    /// person or a tool writes it: `Order Completed`, `orderCompleted` and
    /// ` Order-Completed ` are all `order_completed`.
    ///
    /// 1. Words are runs of letters and digits of any script, with their
    ///    combining marks; everything else separates words.
    /// 2. A word is also divided before an uppercase letter that follows a
    ///    lowercase letter or a digit (`orderCompleted`), and before the last of
    ///    several uppercase letters if a lowercase one follows (`HTTPError`).
    /// 3. Words are written in lowercase and joined by `_`.
    ///
    /// # Errors
    /// [`TextError::NoWord`] for a text without a letter or a digit,
    /// [`TextError::TooManyCharacters`] for one of more than 256 characters, or of
    /// more than 64 after folding.
    pub fn folded(text: &str) -> Result<Self, TextError> {
        check_length(text, MAX_WRITTEN)?;
        Self::try_from(fold(text)).map_err(|error| match error {
            TextError::Empty => TextError::NoWord,
            other => other,
        })
    }

    /// Returns the name in the form of [`folded`](Self::folded). Names that were
    /// recorded before names were folded may differ from it.
    pub fn as_folded(&self) -> Cow<'_, str> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_folded = self
            .0
            .split('_')
            .all(|word| !word.is_empty() && word.bytes().all(is_plain));
        match is_folded {
            true => Cow::Borrowed(&self.0),
            false => match fold(&self.0) {
                // A name of `_` and `-` alone was allowed before.
                empty if empty.is_empty() => Cow::Borrowed(&self.0),
                folded => Cow::Owned(folded),
            },
        }
    }
}

/// Writes the words of a text in lowercase, joined by `_`.
fn fold(text: &str) -> String {
    let chars: Vec<char> = text.nfc().collect();
    let mut folded = String::with_capacity(text.len());
    let mut is_within_word = false;
    for (index, &c) in chars.iter().enumerate() {
        let is_mark = is_within_word && is_combining_mark(c);
        if !c.is_alphanumeric() && !is_mark {
            is_within_word = false;
            continue;
        }
        let before = index.checked_sub(1).map(|before| chars[before]);
        let after = chars.get(index + 1);
        let begins_word = !is_within_word
            || is_capital(c)
                && before.is_some_and(|before| {
                    !is_capital(before) || after.is_some_and(|after| after.is_lowercase())
                });
        if begins_word && !folded.is_empty() {
            folded.push('_');
        }
        folded.extend(c.to_lowercase());
        is_within_word = true;
    }
    folded.nfc().collect()
}

/// Returns whether a letter is uppercase and has a lowercase form. Letters
/// without one stay as they are, so they must not divide words the second time.
fn is_capital(c: char) -> bool {
    c.is_uppercase() && !c.to_lowercase().eq([c])
}

fn check_length(text: &str, max: usize) -> Result<(), TextError> {
    // Counting the bytes suffices for almost all texts.
    match text.len() > max && text.chars().count() > max {
        true => Err(TextError::TooManyCharacters(max, text.chars().count())),
        false => Ok(()),
    }
}

impl TryFrom<String> for Name {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        let text = match text.is_ascii() {
            true => text,
            false => text.nfc().collect(),
        };
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        check_length(&text, MAX_LEN)?;
        let belongs =
            |c: char| c.is_alphanumeric() || matches!(c, '_' | '-') || is_combining_mark(c);
        match text.chars().all(belongs) {
            true => Ok(Self(text.into_boxed_str())),
            false => Err(TextError::Name),
        }
    }
}

// The derived order and hash are those of the text.
impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0.into_string()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_people_write_are_folded() {
        for (written, recorded) in [
            ("visit", "visit"),
            ("order_completed", "order_completed"),
            ("Order Completed", "order_completed"),
            ("orderCompleted", "order_completed"),
            ("OrderCompleted", "order_completed"),
            ("ORDER COMPLETED", "order_completed"),
            (" Email-Opened ", "email_opened"),
            ("add-to-cart", "add_to_cart"),
            ("HTTPError", "http_error"),
            ("Viewed URL", "viewed_url"),
            ("Step 2: Paid!", "step_2_paid"),
            ("step2Paid", "step2_paid"),
            ("__a__b__", "a_b"),
            ("$pageview", "pageview"),
            (
                "Checkout → Zahlung Übermittelt",
                "checkout_zahlung_übermittelt",
            ),
            ("Zahlung U\u{308}bermittelt", "zahlung_übermittelt"),
            ("注文 完了", "注文_完了"),
            ("ऑर्डर पूर्ण", "ऑर्डर_पूर्ण"),
        ] {
            let folded = Name::folded(written).map(String::from);
            assert_eq!(folded.as_deref(), Ok(recorded), "{written}");
        }
    }

    #[test]
    fn a_text_without_a_word_or_with_too_much_is_no_name() {
        for nothing in ["", " ", "->", "🎉", "\u{308}"] {
            assert_eq!(Name::folded(nothing), Err(TextError::NoWord), "{nothing}");
        }
        let too_long = |max, count| Err(TextError::TooManyCharacters(max, count));
        assert_eq!(Name::folded(&"x".repeat(65)), too_long(64, 65));
        assert_eq!(Name::folded(&" x".repeat(129)), too_long(256, 258));
        assert!(Name::folded(&format!(" {} ", "ü".repeat(64))).is_ok());
    }

    #[test]
    fn a_name_recorded_before_names_were_folded_has_a_folded_form() {
        for (name, folded) in [
            ("visit", "visit"),
            ("a_1", "a_1"),
            ("Email-Opened", "email_opened"),
            ("_a", "a"),
            ("a__b", "a_b"),
            ("-_", "-_"),
        ] {
            let name = Name::try_from(name.to_owned()).unwrap();
            assert_eq!(name.as_folded(), folded);
        }
    }

    #[test]
    fn letters_of_any_script_belong_to_a_name() {
        let name = |text: &str| Name::try_from(text.to_owned()).map(String::from);
        assert_eq!(name("größe").as_deref(), Ok("größe"));
        assert_eq!(name("gro\u{308}ße").as_deref(), Ok("größe"));
        for other in ["a b", "a.b", "$a", "a/b", "🎉"] {
            assert_eq!(name(other), Err(TextError::Name), "{other}");
        }
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
            if let Ok(once) = Name::folded(&text) {
                let twice = Name::folded(once.as_str());
                prop_assert_eq!(twice.as_ref(), Ok(&once));
                prop_assert_eq!(once.as_folded(), once.as_str());
            }
        }
    }
}
