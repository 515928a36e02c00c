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

    /// Returns the name in the option `--decimal`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Point => "point",
            Self::Comma => "comma",
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

/// Returns a number with this decimal sign, and perhaps separators of thousands, as JSON writes it.
/// `None` if the text is no such number.
pub(super) fn json_number(text: &str, sign: DecimalSign) -> Option<String> {
    let (minus, digits) = match text.trim().strip_prefix(['-', '\u{2212}']) {
        Some(digits) => ("-", digits),
        None => ("", text.trim()),
    };
    let (whole, decimals) = digits.split_once(sign.character()).unwrap_or((digits, ""));
    let whole = ungroup(whole, sign)?;
    if !is_digits(&whole) || !is_digits(decimals) || whole.len() + decimals.len() == 0 {
        return None;
    }
    let whole = if whole.is_empty() { "0" } else { &*whole };
    Some(match decimals {
        "" => format!("{minus}{whole}"),
        _ => format!("{minus}{whole}.{decimals}"),
    })
}

/// Removes the separators of thousands. Returns `None` if the groups are irregular: all but the
/// first have three digits, or, as in India, all between the first and the last have two. The first
/// one does not begin with 0: `0,500` is half of one.
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
    if first.starts_with('0') {
        return None;
    }
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
#[path = "decimal_tests.rs"]
mod tests;
