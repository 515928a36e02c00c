//! Exact conversion of decimal text to minor units, without floating point.

use std::borrow::Cow;

use thiserror::Error;

use super::options::DecimalSign;

/// Characters that group the digits of a whole number: also no-break and thin spaces, and both
/// apostrophes.
const GROUPING: [char; 8] = [
    ',', '.', ' ', '\u{A0}', '\u{202F}', '\u{2009}', '\'', '\u{2019}',
];

/// Error for a text that is not an amount. The message is the rest of a sentence that begins with
/// the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum DecimalError {
    #[error("is not a plain decimal number such as 1234.50")]
    NotPlain,
    #[error("is not an amount such as {}", .0.example())]
    NotDecimal(DecimalSign),
    #[error("is not a whole number of minor units such as 123450")]
    NotWhole,
    #[error("has more decimals than the currency's {0}")]
    TooManyDecimals(u16),
    #[error("has three decimals, which may be thousands")]
    Ambiguous,
    #[error("is too large")]
    TooLarge,
}

impl DecimalSign {
    pub(super) fn character(self) -> char {
        match self {
            Self::Point => '.',
            Self::Comma => ',',
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Point => "1,234.50",
            Self::Comma => "1.234,50",
        }
    }
}

/// Parses an amount and returns it in minor units: `1234.5` is 123450 in a currency with two
/// decimals (`exponent`).
///
/// Digits may be grouped in thousands if the decimal sign is stated. Zeros beyond the currency's
/// decimals are ignored; other digits there are an error. If the sign is not stated, three decimals
/// beyond the currency's are an error even if they are zeros, because `12.000` is twelve in some
/// countries and twelve thousand in others. No grouping has four digits.
pub(super) fn minor_units(
    text: &str,
    exponent: u16,
    stated: Option<DecimalSign>,
) -> Result<i64, DecimalError> {
    let text = text.trim();
    let (is_negative, digits) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let sign = stated.unwrap_or(DecimalSign::Point);
    let (whole, decimals) = digits.split_once(sign.character()).unwrap_or((digits, ""));
    let whole = match stated {
        Some(sign) => ungroup(whole, sign).ok_or(DecimalError::NotDecimal(sign))?,
        None => Cow::Borrowed(whole),
    };
    if !is_digits(&whole) || !is_digits(decimals) || whole.len() + decimals.len() == 0 {
        return Err(stated.map_or(DecimalError::NotPlain, DecimalError::NotDecimal));
    }
    let (decimals, beyond) = decimals.split_at(decimals.len().min(exponent.into()));
    if beyond.bytes().any(|digit| digit != b'0') {
        return Err(DecimalError::TooManyDecimals(exponent));
    }
    if stated.is_none() && !beyond.is_empty() && decimals.len() + beyond.len() == 3 {
        return Err(DecimalError::Ambiguous);
    }
    let padding = std::iter::repeat_n(b'0', usize::from(exponent) - decimals.len());
    let value = whole
        .bytes()
        .chain(decimals.bytes())
        .chain(padding)
        .try_fold(0_i64, |value, digit| {
            value.checked_mul(10)?.checked_add(i64::from(digit - b'0'))
        })
        .ok_or(DecimalError::TooLarge)?;
    Ok(if is_negative { -value } else { value })
}

/// Parses an amount that is in minor units already.
pub(super) fn whole_minor_units(
    text: &str,
    stated: Option<DecimalSign>,
) -> Result<i64, DecimalError> {
    let sign = stated.unwrap_or(DecimalSign::Point).character();
    match minor_units(text, 0, stated) {
        Ok(_) if text.contains(sign) => Err(DecimalError::NotWhole),
        Ok(value) => Ok(value),
        Err(DecimalError::TooLarge) => Err(DecimalError::TooLarge),
        Err(_) => Err(DecimalError::NotWhole),
    }
}

/// Removes the separators of thousands. Returns `None` if the groups are irregular: all but the
/// first have three digits, or, as in India, all between the first and the last have two.
fn ungroup(whole: &str, sign: DecimalSign) -> Option<Cow<'_, str>> {
    let Some(separator) = whole.chars().find(|one| !one.is_ascii_digit()) else {
        return Some(Cow::Borrowed(whole));
    };
    if !GROUPING.contains(&separator) || separator == sign.character() {
        return None;
    }
    let groups: Vec<_> = whole.split(separator).collect();
    let [first, middle @ .., last] = &groups[..] else {
        return None;
    };
    let have = |length: usize| middle.iter().all(|group| group.len() == length);
    let is_regular = match first.len() {
        1..=2 => have(3) || have(2),
        3 => have(3),
        _ => false,
    };
    (is_regular && last.len() == 3).then(|| Cow::Owned(groups.concat()))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::DecimalError::*;
    use super::*;

    const POINT: Option<DecimalSign> = Some(DecimalSign::Point);
    const COMMA: Option<DecimalSign> = Some(DecimalSign::Comma);

    #[test]
    fn conversion_is_exact_for_every_exponent() {
        let ok = |text, exponent, wanted| {
            assert_eq!(minor_units(text, exponent, None), Ok(wanted), "{text}");
        };
        ok("11.77", 2, 1177);
        ok("12", 2, 1200);
        ok("12.5", 2, 1250);
        ok(" .5 ", 2, 50);
        ok("5.", 2, 500);
        ok("-0.01", 2, -1);
        ok("0.29", 2, 29);
        ok("1500", 0, 1500);
        ok("1.234", 3, 1234);
        ok("92233720368547758.07", 2, i64::MAX);
    }

    #[test]
    fn amounts_that_are_not_plain_are_errors() {
        for text in [
            "", ".", "-", "1,234.50", "12,50", "1 000", "1e3", "$5", "+5", "--5", "٣", "５.00",
        ] {
            assert_eq!(minor_units(text, 2, None), Err(NotPlain), "{text}");
        }
        assert_eq!(minor_units("92233720368547758.08", 2, None), Err(TooLarge));
    }

    #[test]
    fn zeros_beyond_the_decimals_count_unless_they_may_be_thousands() {
        assert_eq!(minor_units("59.9500", 2, None), Ok(5995));
        assert_eq!(minor_units("12.0", 0, None), Ok(12));
        assert_eq!(minor_units("12.00000", 2, None), Ok(1200));
        assert_eq!(minor_units("19.9950", 2, None), Err(TooManyDecimals(2)));
        assert_eq!(minor_units("11.777", 2, None), Err(TooManyDecimals(2)));
        assert_eq!(minor_units("11.770", 2, None), Err(Ambiguous));
        assert_eq!(minor_units("12.000", 2, None), Err(Ambiguous));
        assert_eq!(minor_units("12.000", 0, None), Err(Ambiguous));
        assert_eq!(minor_units("12.000", 2, POINT), Ok(1200));
        assert_eq!(minor_units("12.000", 2, COMMA), Ok(1_200_000));
    }

    #[test]
    fn thousands_are_read_when_the_decimal_sign_is_stated() {
        for text in [
            "1.234,56",
            "1 234,56",
            "1\u{A0}234,56",
            "1\u{202F}234,56",
            "1'234,56",
            "1234,56",
        ] {
            assert_eq!(minor_units(text, 2, COMMA), Ok(123_456), "{text}");
        }
        assert_eq!(minor_units("1,234,567.5", 2, POINT), Ok(123_456_750));
        assert_eq!(minor_units("12,34,567.50", 2, POINT), Ok(123_456_750));
        assert_eq!(minor_units("-5,00", 2, COMMA), Ok(-500));
        for text in [
            "1.23,00",
            "1.2345,00",
            "1234.567,00",
            "1.234 567,00",
            ".234,00",
            "1..234",
            "1,2,3",
            "1,234.56",
            "1.234,56 €",
        ] {
            let error = minor_units(text, 2, COMMA);
            assert_eq!(error, Err(NotDecimal(DecimalSign::Comma)), "{text}");
        }
    }

    #[test]
    fn minor_units_are_whole() {
        assert_eq!(whole_minor_units("0042", None), Ok(42));
        assert_eq!(whole_minor_units("1.177", COMMA), Ok(1177));
        for text in ["1.0", "1.", "x", "", "1,177"] {
            assert_eq!(whole_minor_units(text, None), Err(NotWhole), "{text}");
        }
    }

    /// Formats minor units with this grouping character and decimal sign.
    fn format(value: i64, exponent: u16, group: &str, sign: DecimalSign) -> String {
        let unit = 10_i64.pow(exponent.into());
        let whole = (value / unit).to_string();
        let groups: Vec<_> = whole.as_bytes().rchunks(3).rev().collect();
        let groups: Vec<_> = groups
            .iter()
            .map(|part| str::from_utf8(part).unwrap())
            .collect();
        let whole = groups.join(group);
        match exponent {
            0 => whole,
            _ => format!(
                "{whole}{}{:0width$}",
                sign.character(),
                value % unit,
                width = exponent.into()
            ),
        }
    }

    proptest! {
        #[test]
        fn formatted_amounts_parse_back(
            value in 0..i64::MAX,
            exponent in 0_u16..5,
            zeros in prop::sample::select(vec!["", "0", "00"]),
            stated in prop::sample::select(vec![None, POINT]),
        ) {
            let mut text = format(value, exponent, "", DecimalSign::Point);
            if exponent > 0 && usize::from(exponent) + zeros.len() != 3 {
                text += zeros;
            }
            prop_assert_eq!(minor_units(&text, exponent, stated), Ok(value));
        }

        #[test]
        fn grouped_amounts_parse_back_in_the_stated_form_only(
            value in 0..i64::MAX,
            exponent in 0_u16..5,
            group in prop::sample::select(vec!["", ".", " ", "'", "\u{A0}", "\u{202F}"]),
        ) {
            let text = format(value, exponent, group, DecimalSign::Comma);
            prop_assert_eq!(minor_units(&text, exponent, COMMA), Ok(value));
            // Unstated, a comma or a separator is never guessed to mean something.
            if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
                prop_assert!(minor_units(&text, exponent, None).is_err());
            }
        }

        #[test]
        fn no_text_is_read_as_two_amounts(text in "[0-9., ]{1,12}") {
            // What is taken without a stated sign means the same with a stated point.
            if let Ok(value) = minor_units(&text, 2, None) {
                prop_assert_eq!(minor_units(&text, 2, POINT), Ok(value));
            }
        }
    }
}
