//! Conversion of a cell's text to a JSON value.

use std::io::Write;

use iso_currency::Currency;
use serde::Serialize;
use serde_json::value::RawValue;

use super::dates::DateFormat;
use super::decimal::{minor_units, whole_minor_units};
use super::fields::FieldKind;

/// Number of decimals of an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decimals {
    /// The amount is in minor units already.
    Minor,
    /// The currency has this number of decimals.
    Of(u16),
}

/// Appends `text`, which must not be empty, as JSON.
///
/// # Errors
/// Returns the rest of a sentence that begins with the text. `out` may then end in a partial
/// value.
pub(super) fn write_value(
    kind: FieldKind,
    text: &str,
    decimals: Decimals,
    dates: &DateFormat,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    match kind {
        FieldKind::Text => write_json(text, out),
        FieldKind::Amount => write_json(&amount(text, decimals)?, out),
        FieldKind::Time => write_json(&dates.to_rfc3339(text)?, out),
        FieldKind::Flag => write_json(&flag(text)?, out),
        FieldKind::Tags => {
            let tags = text.split(';').map(str::trim);
            write_json(&tags.filter(|tag| !tag.is_empty()).collect::<Vec<_>>(), out);
        }
        FieldKind::Json => out.extend_from_slice(json(text)?.as_bytes()),
        FieldKind::Number => out.extend_from_slice(number(text)?.as_bytes()),
    }
    Ok(())
}

/// Returns the number of decimals of a currency, or the rest of a sentence that begins with its
/// code.
pub(super) fn decimals_of(code: &str) -> Result<Decimals, String> {
    let currency = Currency::from_code(code).ok_or("is not an ISO 4217 currency code")?;
    currency.exponent().map(Decimals::Of).ok_or_else(|| {
        "has no minor unit in ISO 4217, so a decimal amount cannot be converted".into()
    })
}

fn amount(text: &str, decimals: Decimals) -> Result<i64, String> {
    match decimals {
        Decimals::Minor => whole_minor_units(text),
        Decimals::Of(exponent) => minor_units(text, exponent),
    }
    .map_err(|error| error.to_string())
}

fn flag(text: &str) -> Result<bool, String> {
    let text = text.trim();
    let is = |word: &&str| text.eq_ignore_ascii_case(word);
    if ["true", "yes", "1"].iter().any(is) {
        Ok(true)
    } else if ["false", "no", "0"].iter().any(is) {
        Ok(false)
    } else {
        Err("is none of true, false, yes, no, 1 and 0".into())
    }
}

fn json(text: &str) -> Result<&str, String> {
    let value: &RawValue =
        serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
    // A line end between two tokens would split the object, which is sent as one line.
    if value.get().contains(['\r', '\n']) {
        return Err("is JSON that contains line ends".into());
    }
    Ok(value.get())
}

fn number(text: &str) -> Result<&str, String> {
    let text = text.trim();
    let number: Result<serde_json::Number, _> = serde_json::from_str(text);
    number.map(|_| text).map_err(|_| "is not a number".into())
}

fn write_json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let written = serde_json::to_writer(out.by_ref(), value);
    debug_assert!(written.is_ok(), "texts, numbers and flags always serialize");
}
