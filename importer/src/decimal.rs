//! Exact conversion of decimal text to minor units, without floating point.

use thiserror::Error;

/// Error for a text that is not an amount. The message is the rest of a sentence that begins with
/// the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum DecimalError {
    #[error(
        "is not a plain decimal number such as 1234.50 \
         (thousands separators and decimal commas are not supported)"
    )]
    NotDecimal,
    #[error("is not a whole number of minor units such as 123450")]
    NotWhole,
    #[error("has more decimals than the currency's {0}")]
    TooManyDecimals(u16),
    #[error("is too large")]
    TooLarge,
}

/// Parses an amount and returns it in minor units: `1234.5` is 123450 in a currency with two
/// decimals (`exponent`).
///
/// More decimals than the exponent are an error even if they are zeros, because `12.000` is twelve
/// in some countries and twelve thousand in others.
pub(super) fn minor_units(text: &str, exponent: u16) -> Result<i64, DecimalError> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(decimals) || whole.len() + decimals.len() == 0 {
        return Err(DecimalError::NotDecimal);
    }
    let missing = usize::from(exponent)
        .checked_sub(decimals.len())
        .ok_or(DecimalError::TooManyDecimals(exponent))?;
    let padding = std::iter::repeat_n(b'0', missing);
    let value = whole
        .bytes()
        .chain(decimals.bytes())
        .chain(padding)
        .try_fold(0_i64, |value, digit| {
            value.checked_mul(10)?.checked_add(i64::from(digit - b'0'))
        })
        .ok_or(DecimalError::TooLarge)?;
    Ok(if negative { -value } else { value })
}

/// Parses an amount that is in minor units already.
pub(super) fn whole_minor_units(text: &str) -> Result<i64, DecimalError> {
    match minor_units(text, 0) {
        Ok(_) if text.contains('.') => Err(DecimalError::NotWhole),
        Err(DecimalError::NotDecimal | DecimalError::TooManyDecimals(_)) => {
            Err(DecimalError::NotWhole)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::DecimalError::*;
    use super::*;

    #[test]
    fn conversion_is_exact_for_every_exponent() {
        assert_eq!(minor_units("11.77", 2), Ok(1177));
        assert_eq!(minor_units("12", 2), Ok(1200));
        assert_eq!(minor_units("12.5", 2), Ok(1250));
        assert_eq!(minor_units(" .5 ", 2), Ok(50));
        assert_eq!(minor_units("5.", 2), Ok(500));
        assert_eq!(minor_units("-0.01", 2), Ok(-1));
        assert_eq!(minor_units("0.29", 2), Ok(29));
        assert_eq!(minor_units("1500", 0), Ok(1500));
        assert_eq!(minor_units("1.234", 3), Ok(1234));
        assert_eq!(minor_units("92233720368547758.07", 2), Ok(i64::MAX));
    }

    #[test]
    fn ambiguous_amounts_are_errors() {
        for text in [
            "", ".", "-", "1,234.50", "12,50", "1 000", "1e3", "$5", "+5", "--5", "٣",
        ] {
            assert_eq!(minor_units(text, 2), Err(NotDecimal), "{text}");
        }
        assert_eq!(minor_units("11.770", 2), Err(TooManyDecimals(2)));
        assert_eq!(minor_units("12.000", 2), Err(TooManyDecimals(2)));
        assert_eq!(minor_units("12.0", 0), Err(TooManyDecimals(0)));
        assert_eq!(minor_units("92233720368547758.08", 2), Err(TooLarge));
    }

    #[test]
    fn minor_units_are_whole() {
        assert_eq!(whole_minor_units("0042"), Ok(42));
        for text in ["1.0", "1.", "x", ""] {
            assert_eq!(whole_minor_units(text), Err(NotWhole), "{text}");
        }
    }

    proptest! {
        #[test]
        fn formatted_amounts_parse_back(value in 0..i64::MAX, exponent in 0_u16..5) {
            let unit = 10_i64.pow(exponent.into());
            let text = match exponent {
                0 => value.to_string(),
                _ => format!("{}.{:0width$}", value / unit, value % unit, width = exponent.into()),
            };
            prop_assert_eq!(minor_units(&text, exponent), Ok(value));
        }
    }
}
