//! Amounts as files have them: currencies, signs and thousands.

use iso_currency::Currency;

use super::decimal::{DecimalError, minor_units, whole_minor_units};
use super::options::DecimalSign;

/// Short names of currencies that ISO 4217 and its symbols do not have.
const SHORT_NAMES: [(&str, Currency); 9] = [
    ("Fr", Currency::CHF),
    ("SFr", Currency::CHF),
    ("Rs", Currency::INR),
    ("Rs", Currency::PKR),
    ("Rs", Currency::LKR),
    ("TL", Currency::TRY),
    ("元", Currency::CNY),
    ("円", Currency::JPY),
    ("RM", Currency::MYR),
];

/// Number of decimals of an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decimals {
    /// The amount is in minor units already.
    Minor,
    /// The amount is in units of a currency with this number of decimals.
    Of {
        exponent: u16,
        /// Currency that a sign in the amount must agree with. `None` if an option states the
        /// currency, which outranks the sign.
        of_line: Option<Currency>,
    },
}

impl Decimals {
    /// Returns the decimals of the currency that an option states for all lines.
    ///
    /// # Errors
    /// Returns the rest of a sentence that begins with the code.
    pub(super) fn stated(code: &str) -> Result<Self, String> {
        let exponent = exponent(currency(code)?)?;
        let of_line = None;
        Ok(Self::Of { exponent, of_line })
    }

    /// Returns the decimals of the currency in a cell.
    ///
    /// # Errors
    /// Returns the rest of a sentence that begins with the code.
    pub(super) fn of_line(code: &str) -> Result<Self, String> {
        let currency = currency(code)?;
        let exponent = exponent(currency)?;
        let of_line = Some(currency);
        Ok(Self::Of { exponent, of_line })
    }
}

/// Parses a currency code in any case.
///
/// # Errors
/// Returns the rest of a sentence that begins with the code.
pub(super) fn currency(code: &str) -> Result<Currency, String> {
    let upper = code.trim().to_ascii_uppercase();
    Currency::from_code(&upper).ok_or_else(|| "is not an ISO 4217 currency code".into())
}

fn exponent(currency: Currency) -> Result<u16, String> {
    currency.exponent().ok_or_else(|| {
        "has no minor unit in ISO 4217, so a decimal amount cannot be converted".into()
    })
}

/// Parses an amount and returns it in minor units, which may be negative.
///
/// Without a stated decimal sign only plain numbers are read. With it an amount may be written for
/// people: thousands separators, a currency sign or code on either side, a minus on either side,
/// and parentheses for a negative amount.
///
/// # Errors
/// Returns the rest of a sentence that begins with the text. It names the option that would read
/// the amount, and the result.
pub(super) fn amount(
    text: &str,
    decimals: Decimals,
    stated: Option<DecimalSign>,
) -> Result<i64, String> {
    parse(text, decimals, stated).map_err(|error| {
        let other = |sign| (stated != Some(sign)).then(|| reading(text, decimals, sign))?;
        let readings = [other(DecimalSign::Point), other(DecimalSign::Comma)];
        let readings: Vec<_> = readings.into_iter().flatten().collect();
        match readings.is_empty() {
            true => error,
            false => format!("{error}; {}", readings.join(", ")),
        }
    })
}

/// Describes how the amount is read with a decimal sign, if it is.
fn reading(text: &str, decimals: Decimals, sign: DecimalSign) -> Option<String> {
    let value = parse(text, decimals, Some(sign)).ok()?;
    let name = match sign {
        DecimalSign::Point => "point",
        DecimalSign::Comma => "comma",
    };
    let exponent = match decimals {
        Decimals::Minor => 0,
        Decimals::Of { exponent, .. } => usize::from(exponent),
    };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = exponent + 1);
    let (whole, fraction) = digits.split_at(digits.len() - exponent);
    let minus = if value < 0 { "-" } else { "" };
    let dot = if exponent > 0 { "." } else { "" };
    Some(format!(
        "--decimal {name} reads it as {minus}{whole}{dot}{fraction}"
    ))
}

fn parse(text: &str, decimals: Decimals, stated: Option<DecimalSign>) -> Result<i64, String> {
    let read = |number: &str| match decimals {
        Decimals::Minor => whole_minor_units(number, stated),
        Decimals::Of { exponent, .. } => minor_units(number, exponent, stated),
    };
    let Some(sign) = stated else {
        return read(text).map_err(|error| error.to_string());
    };
    let parts =
        Parts::of(text.trim(), sign).ok_or_else(|| DecimalError::NotDecimal(sign).to_string())?;
    if let Decimals::Of {
        of_line: Some(currency),
        ..
    } = decimals
    {
        let stranger = parts.signs.iter().find(|sign| !is_sign_of(sign, currency));
        if let Some(stranger) = stranger {
            return Err(format!(
                "has the sign {stranger}, but the line's currency is {}",
                currency.code()
            ));
        }
    }
    let value = read(parts.number).map_err(|error| error.to_string())?;
    Ok(if parts.is_negative { -value } else { value })
}

/// Amount without what is around its number.
struct Parts<'a> {
    number: &'a str,
    is_negative: bool,
    /// Currency signs and codes.
    signs: Vec<&'a str>,
}

impl<'a> Parts<'a> {
    /// Returns `None` if something else than currency signs and one sign of a negative amount is
    /// around the number.
    fn of(text: &'a str, decimal: DecimalSign) -> Option<Self> {
        let in_parentheses = text
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'));
        let text = in_parentheses.unwrap_or(text).trim();
        let is_digit = |one: char| one.is_ascii_digit();
        let mut start = text.find(is_digit)?;
        let mut end = text.rfind(is_digit)? + 1;
        // A decimal sign without digits before or after it belongs to the number, unless it ends
        // an abbreviation, as in "Rs.50" and "kr.50".
        let before = &text[..start];
        if before.ends_with(decimal.character())
            && !before.trim_end_matches('.').ends_with(char::is_alphabetic)
        {
            start -= 1;
        }
        if text[end..].starts_with(decimal.character()) {
            end += 1;
        }
        let mut minuses = usize::from(in_parentheses.is_some());
        let mut signs = Vec::new();
        for around in [&text[..start], &text[end..]] {
            let is_minus = |one: char| matches!(one, '-' | '\u{2212}');
            minuses += around.chars().filter(|one| is_minus(*one)).count();
            let sign = around.trim_matches(|one: char| is_minus(one) || one.is_whitespace());
            if !sign.is_empty() {
                signs.push(sign);
            }
        }
        let are_signs = signs.iter().all(|sign| is_currency_sign(sign));
        (are_signs && minuses <= 1).then_some(Self {
            number: &text[start..end],
            is_negative: minuses == 1,
            signs,
        })
    }
}

/// Returns true for `€`, `US$`, `EUR`, `kr.` and the like.
fn is_currency_sign(text: &str) -> bool {
    let is_symbol = |one: char| {
        matches!(
            one,
            '$' | '¢' | '£' | '¤' | '¥' | '\u{20A0}'..='\u{20CF}' | '￥' | '￡' | '؋' | '฿'
        )
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    let symbols = name.chars().filter(|one| is_symbol(*one)).count();
    name.chars().count() <= 4
        && symbols <= 1
        && name
            .chars()
            .all(|one| is_symbol(one) || one.is_alphabetic())
}

/// Returns true if the sign may stand for the currency. Many currencies share `$`, `kr` and `Rs`.
fn is_sign_of(sign: &str, currency: Currency) -> bool {
    let sign = sign.strip_suffix('.').unwrap_or(sign);
    let code = currency.code();
    let symbol = currency.symbol().symbol;
    let short = || {
        SHORT_NAMES
            .iter()
            .any(|&(name, of)| of == currency && name == sign)
    };
    // "US$", "CA$" and "C$".
    let of_country = || {
        let country = sign.strip_suffix('$').or_else(|| sign.strip_prefix('$'));
        country.is_some_and(|country| symbol.ends_with('$') && code.starts_with(country))
    };
    sign.eq_ignore_ascii_case(code)
        || symbol.strip_suffix('.').unwrap_or(&symbol) == sign
        || (sign == "￥" && symbol == "¥")
        || short()
        || of_country()
}

#[cfg(test)]
mod tests {
    use DecimalSign::{Comma, Point};

    use super::*;

    fn usd(text: &str, stated: Option<DecimalSign>) -> Result<i64, String> {
        amount(text, Decimals::stated("usd").unwrap(), stated)
    }

    fn of_line(text: &str, code: &str, stated: DecimalSign) -> Result<i64, String> {
        amount(text, Decimals::of_line(code).unwrap(), Some(stated))
    }

    #[test]
    fn amounts_written_for_people_are_read_when_the_decimal_sign_is_stated() {
        for text in [
            "$12.50",
            "$ 12.50",
            "12.50 $",
            "US$12.50",
            "12.50 USD",
            "usd 12.50",
            "12.5",
        ] {
            assert_eq!(usd(text, Some(Point)), Ok(1250), "{text}");
        }
        for text in ["12,50 €", "€12,50", "12,50\u{A0}€", "EUR 12,50", "12,5"] {
            assert_eq!(of_line(text, "EUR", Comma), Ok(1250), "{text}");
        }
        for text in [
            "(5.00)", "($5.00)", "$(5.00)", "-$5.00", "$-5.00", "5.00-", "- 5.00", "−5.00",
        ] {
            let wanted = if text == "$(5.00)" { None } else { Some(-500) };
            assert_eq!(usd(text, Some(Point)).ok(), wanted, "{text}");
        }
        assert_eq!(of_line("1.234,56 €", "eur", Comma), Ok(123_456));
        assert_eq!(of_line("kr. 1.234,50", "DKK", Comma), Ok(123_450));
        assert_eq!(of_line("Rs.50", "INR", Point), Ok(5000));
        assert_eq!(of_line("$.50", "USD", Point), Ok(50));
        assert_eq!(of_line("¥1,500", "JPY", Point), Ok(1500));
        assert_eq!(amount("1.177", Decimals::Minor, Some(Comma)), Ok(1177));
    }

    #[test]
    fn other_texts_stay_refused() {
        for text in [
            "(-5.00)",
            "--5",
            "5.00 per month",
            "$5 $6",
            "five",
            "",
            "$",
            "５.00",
            "1e3",
            "+5",
        ] {
            assert!(usd(text, Some(Point)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_sign_must_agree_with_the_currency_of_the_line() {
        let refused = of_line("12,50 €", "USD", Comma).unwrap_err();
        assert_eq!(refused, "has the sign €, but the line's currency is USD");
        for (sign, code) in [
            ("C$", "CAD"),
            ("CA$", "CAD"),
            ("$", "MXN"),
            ("HK$", "HKD"),
            ("Fr.", "CHF"),
        ] {
            assert_eq!(
                of_line(&format!("{sign} 5"), code, Point),
                Ok(500),
                "{sign}"
            );
        }
        assert!(of_line("US$5", "CAD", Point).is_err());
        assert!(of_line("£5", "USD", Point).is_err());
        assert_eq!(
            usd("12,50 €", Some(Comma)),
            Ok(1250),
            "the stated currency outranks the sign"
        );
    }

    #[test]
    fn a_refusal_names_the_option_that_reads_the_amount() {
        let message = |text| usd(text, None).unwrap_err();
        assert_eq!(
            message("12,5"),
            "is not a plain decimal number such as 1234.50; --decimal comma reads it as 12.50"
        );
        assert_eq!(
            message("12.000"),
            "has three decimals, which may be thousands; --decimal point reads it as 12.00, \
             --decimal comma reads it as 12000.00"
        );
        assert!(message("$1,234.56").ends_with("; --decimal point reads it as 1234.56"));
        assert!(message("-5,00").ends_with("; --decimal comma reads it as -5.00"));
        assert!(message("(0.05)").ends_with("; --decimal point reads it as -0.05"));
        assert_eq!(
            message("ten"),
            "is not a plain decimal number such as 1234.50"
        );
        let other = usd("1,234.56", Some(Comma)).unwrap_err();
        assert_eq!(
            other,
            "is not an amount such as 1.234,50; --decimal point reads it as 1234.56"
        );
    }

    #[test]
    fn currency_codes_have_any_case() {
        assert_eq!(currency("usd"), Ok(Currency::USD));
        assert_eq!(currency(" Eur "), Ok(Currency::EUR));
        assert!(currency("dollars").is_err());
        assert!(Decimals::stated("XAU").unwrap_err().contains("minor unit"));
    }
}
