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

/// Symbols of currencies in ISO 4217 that are words.
const SYMBOL_WORDS: [&str; 8] = ["kr", "zł", "Kč", "Ft", "R", "lei", "лв", "KM"];

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
    let exponent = match decimals {
        Decimals::Minor => 0,
        Decimals::Of { exponent, .. } => usize::from(exponent),
    };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = exponent + 1);
    let (whole, fraction) = digits.split_at(digits.len() - exponent);
    let minus = if value < 0 { "-" } else { "" };
    let dot = if exponent > 0 { "." } else { "" };
    Some(format!(
        "--decimal {} reads it as {minus}{whole}{dot}{fraction}",
        sign.name()
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

/// Returns true for `€`, `US$`, `EUR`, `kr.` and the like, but not for other words such as `pcs`.
fn is_currency_sign(text: &str) -> bool {
    let is_symbol = |one: char| {
        matches!(
            one,
            '$' | '¢' | '£' | '¤' | '¥' | '\u{20A0}'..='\u{20CF}' | '￥' | '￡' | '؋' | '฿'
        )
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    let symbols = name.chars().filter(|one| is_symbol(*one)).count();
    let letters = name.chars().filter(|one| one.is_alphabetic()).count();
    let is_short = || SHORT_NAMES.iter().any(|(short, _)| *short == name);
    match symbols {
        0 => is_short() || SYMBOL_WORDS.contains(&name) || currency(name).is_ok(),
        1 => letters <= 3 && letters + 1 == name.chars().count(),
        _ => false,
    }
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
#[path = "money_tests.rs"]
mod tests;
