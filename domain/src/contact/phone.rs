//! Phone numbers.

use phonenumber::metadata::{DATABASE, Descriptors, Metadata};
use phonenumber::{Mode, PhoneNumber, country};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::Country;
use crate::text::check;
use crate::{Text, TextError};

/// Longest phone number as a shop writes it, in bytes.
const MAX_LEN: usize = 64;

/// Phone number in the form of E.164: `+442079460958`. Parsing takes every
/// number that the log may have; older events have numbers in the shop's
/// notation. [`Self::from_shop`] makes the form of E.164.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(Text<32>);

/// Reason why a customer's phone number is refused. No message repeats the
/// number, since it is personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// The text breaks a rule of all texts.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A spreadsheet replaced the number by a rounded one.
    #[error(
        "looks like a number that a spreadsheet shortened; format its column as text and export \
         it again"
    )]
    Shortened,
    /// The text has an extension.
    #[error("has an extension, which messages cannot reach; write the number without it")]
    Extension,
    /// The text has characters that phone numbers do not have.
    #[error(
        "is not a phone number: write digits, and at most spaces, hyphens, dots, slashes and \
         parentheses between them"
    )]
    Characters,
    /// The number has no country code.
    #[error(
        "has no country code, and the deployment has no country: set PATRON_COUNTRY, or write + \
         and the country code before the number"
    )]
    NoCountry,
    /// No country has the country code.
    #[error("begins with a country code that does not exist")]
    CountryCode,
    /// No number of the country has these digits.
    #[error("is not a phone number: no number of its country has these digits, or as many")]
    Digits,
}

impl Phone {
    /// Parses a customer's number as the shop writes it. A number without a
    /// country code is one of `country`.
    ///
    /// The number has to be possible in its country. It need not be assigned,
    /// since numbering plans change.
    ///
    /// # Errors
    /// [`PhoneError`] for a text that is not one number.
    pub fn from_shop(text: &str, country: Option<Country>) -> Result<Self, PhoneError> {
        check(text, MAX_LEN)?;
        let dialed = dialed(text)?;
        let number = parse(&dialed, country)?;
        let code = number.country().code();
        let e164 = number.format().mode(Mode::E164).to_string();
        // The parser takes a first digit for a trunk prefix even if the number is
        // complete with it, as in +7 800.
        let as_dialed = dialed.strip_prefix('+').unwrap_or_default();
        let as_dialed = as_dialed.strip_prefix(&code.to_string());
        if let Some(national) = as_dialed.filter(|national| is_possible(code, national)) {
            return Ok(Self(Text::try_from(format!("+{code}{national}"))?));
        }
        let national = e164.strip_prefix(&format!("+{code}")).unwrap_or_default();
        match is_possible(code, national) {
            true => Ok(Self(Text::try_from(e164)?)),
            false => Err(PhoneError::Digits),
        }
    }

    /// Returns the number.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl TryFrom<String> for Phone {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        Text::try_from(text).map(Self)
    }
}

impl From<Phone> for String {
    fn from(phone: Phone) -> Self {
        phone.0.into()
    }
}

/// Returns the digits of a number, with a `+` if it begins with one.
fn dialed(text: &str) -> Result<String, PhoneError> {
    // Full-width digits and signs become ASCII.
    let text: String = text.nfkc().collect();
    let text = text.trim();
    let text = match text.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("tel:") => &text[4..],
        _ => text,
    };
    if is_shortened(text) {
        return Err(PhoneError::Shortened);
    }
    if has_extension(text) {
        return Err(PhoneError::Extension);
    }
    let mut dialed = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '0'..='9' => dialed.push(character),
            '+' if dialed.is_empty() => dialed.push(character),
            ' ' | '-' | '.' | '/' | '(' | ')' | '\u{2010}'..='\u{2015}' | '\u{2212}' => {}
            _ => return Err(PhoneError::Characters),
        }
    }
    match dialed.trim_start_matches('+').is_empty() {
        true => Err(PhoneError::Characters),
        false => Ok(dialed),
    }
}

/// Returns whether the text is a number in scientific notation.
fn is_shortened(text: &str) -> bool {
    let is_number = text.parse::<f64>().is_ok();
    is_number && text.contains(['e', 'E']) && text.starts_with(|c: char| c.is_ascii_digit())
}

/// Returns whether digits follow a mark of an extension: `x12`, `ext. 12`,
/// `#12`, `;ext=12`.
fn has_extension(text: &str) -> bool {
    let lower = text.to_lowercase();
    let (Some(first), Some(mark)) = (
        lower.find(|c: char| c.is_ascii_digit()),
        lower.rfind(|c: char| c.is_alphabetic() || matches!(c, '#' | ';' | ',' | '=')),
    ) else {
        return false;
    };
    let word = lower[..mark].trim_end_matches(|c: char| c.is_alphabetic() || c == ';');
    let word = &lower[word.len()..];
    let marks = [
        "x",
        "ext",
        "extn",
        "extension",
        "#",
        ",",
        ";",
        "ext=",
        ";ext=",
        "durchwahl",
    ];
    let word = word
        .split(|c: char| c.is_ascii_digit())
        .next()
        .unwrap_or_default();
    let word = word.trim_matches(|c: char| c.is_whitespace() || matches!(c, '.' | ':'));
    first < mark && marks.contains(&word)
}

/// Parses a number of digits, with or without a `+`.
fn parse(dialed: &str, country: Option<Country>) -> Result<PhoneNumber, PhoneError> {
    if dialed.starts_with('+') {
        return international(dialed);
    }
    let Some(Country(id)) = country else {
        return Err(PhoneError::NoCountry);
    };
    // The parser would apply the country's own rules to numbers of others that
    // begin with an international prefix, such as 00.
    let prefix = DATABASE
        .by_id(id.as_ref())
        .and_then(Metadata::international_prefix);
    let prefix = prefix.and_then(|prefix| prefix.find(dialed));
    if let Some(prefix) = prefix.filter(|prefix| prefix.start() == 0) {
        return international(&format!("+{}", &dialed[prefix.end()..]));
    }
    parsed(Some(id), dialed)
}

fn international(dialed: &str) -> Result<PhoneNumber, PhoneError> {
    parsed(None, dialed)
}

fn parsed(id: Option<country::Id>, dialed: &str) -> Result<PhoneNumber, PhoneError> {
    use phonenumber::ParseError;
    phonenumber::parse(id, dialed).map_err(|error| match error {
        ParseError::InvalidCountryCode => PhoneError::CountryCode,
        _ => PhoneError::Digits,
    })
}

/// Returns whether a country with this code has numbers of this form.
fn is_possible(code: u16, national: &str) -> bool {
    let plans = DATABASE.by_code(&code).unwrap_or_default();
    plans.iter().any(|plan| {
        let forms = plan.descriptors();
        forms.general().is_match(national) && has_length(forms, national.len())
    })
}

/// Returns whether any kind of number of a country has this length. A form says
/// only how a number begins.
fn has_length(forms: &Descriptors, length: usize) -> bool {
    let kinds = [
        forms.fixed_line(),
        forms.mobile(),
        forms.toll_free(),
        forms.premium_rate(),
        forms.shared_cost(),
        forms.personal_number(),
        forms.voip(),
        forms.pager(),
        forms.uan(),
        forms.voicemail(),
    ];
    let mut lengths = kinds.into_iter().flatten();
    lengths.any(|kind| {
        let possible = kind.possible_length();
        possible
            .iter()
            .any(|possible| usize::from(*possible) == length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_country(text: &str, country: &str) -> Result<String, PhoneError> {
        Phone::from_shop(text, Some(country.parse().unwrap())).map(String::from)
    }

    fn anywhere(text: &str) -> Result<String, PhoneError> {
        Phone::from_shop(text, None).map(String::from)
    }

    #[test]
    fn every_spelling_of_a_number_is_one_number() {
        for text in [
            "+44 20 7946 0958",
            "020 7946 0958",
            "0044 (0)20 7946 0958",
            "+44 (0)20 7946 0958",
            "(020) 7946-0958",
            "020.7946.0958",
            "020/79460958",
            "tel:+44-20-7946-0958",
            "\u{ff0b}\u{ff14}\u{ff14} 20 7946 0958",
            " +44\u{a0}20\u{a0}7946\u{a0}0958",
            "020 7946\u{2011}0958",
        ] {
            assert_eq!(
                in_country(text, "GB").as_deref(),
                Ok("+442079460958"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_country_code_decides_whatever_the_deployments_country_is() {
        for country in ["DE", "US", "IT", "GB"] {
            for (text, number) in [
                ("+39 06 1234 5678", "+390612345678"),
                ("+49 (0)30 123456", "+4930123456"),
                ("+1 (202) 555-0123", "+12025550123"),
                ("+7 800 123-45-67", "+78001234567"),
                ("+800 1234 5678", "+80012345678"),
            ] {
                assert_eq!(in_country(text, country).as_deref(), Ok(number), "{text}");
                assert_eq!(anywhere(text).as_deref(), Ok(number), "{text}");
            }
        }
        assert_eq!(
            in_country("0039 06 1234 5678", "DE").as_deref(),
            Ok("+390612345678")
        );
        assert_eq!(
            in_country("011 39 06 1234 5678", "US").as_deref(),
            Ok("+390612345678")
        );
        assert_eq!(
            in_country("06 1234 5678", "IT").as_deref(),
            Ok("+390612345678")
        );
        assert_eq!(
            in_country("(202) 555-0123", "US").as_deref(),
            Ok("+12025550123")
        );
    }

    #[test]
    fn what_is_no_number_is_refused_with_the_reason() {
        use PhoneError::{Characters, CountryCode, Digits, Extension, Shortened};
        for (text, reason) in [
            ("4.42079E+11", Shortened),
            ("020 7946 0958 ext. 12", Extension),
            ("020 7946 0958 x12", Extension),
            ("020 7946 0958#12", Extension),
            ("tel:+44-20-7946-0958;ext=12", Extension),
            ("n/a", Characters),
            ("none", Characters),
            ("-", Characters),
            ("+", Characters),
            ("call me", Characters),
            ("555-CALL-NOW", Characters),
            ("020 7946 0958 or 020 7946 0959", Characters),
            ("+44+20", Characters),
            ("0", Digits),
            ("112", Digits),
            ("+44 20 7946 095", Digits),
            ("+44 20 7946 09581", Digits),
            ("+999 123 456 789", CountryCode),
            ("", TextError::Empty.into()),
        ] {
            assert_eq!(in_country(text, "GB"), Err(reason), "{text}");
        }
        for national in ["020 7946 0958", "0044 20 7946 0958", "12345"] {
            assert_eq!(anywhere(national), Err(PhoneError::NoCountry), "{national}");
        }
    }
}
