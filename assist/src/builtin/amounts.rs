//! Amounts of money: `₹10,000`, `10k`, `2.5 lakh rupees`.

use domain::Currency;

use super::numbers::number;
use super::quantities::{Readings, comparisons};
use super::words::{Cursor, Kind};
use crate::money;

/// Comparisons with amounts, in minor units. A number without a sign is of
/// the store's money; another currency is none.
pub(super) fn amounts(cursor: Cursor<'_>, currency: Currency) -> Readings {
    comparisons(cursor, &|cursor| amount(cursor, currency))
}

/// An amount in minor units that is exact, and whether it is scaled.
pub(super) fn amount(cursor: &mut Cursor<'_>, currency: Currency) -> Option<(i64, bool)> {
    let mut ahead = *cursor;
    let signed = sign(&mut ahead, currency);
    let decimal = number(&mut ahead)?;
    if !signed {
        sign(&mut ahead, currency);
    }
    // As in `₹5,000/-`.
    ahead.take("/ -");
    let exponent = currency.exponent().unwrap_or_default();
    let minor = decimal.in_units(exponent.into())?;
    *cursor = ahead;
    Some((minor, decimal.is_scaled))
}

/// Goes beyond the sign or the name of the store's money.
fn sign(cursor: &mut Cursor<'_>, currency: Currency) -> bool {
    let is_own = match cursor.peek() {
        Some(Kind::Word(word)) => money::means(word, currency),
        Some(Kind::Sign(sign)) => money::means(sign.encode_utf8(&mut [0; 4]), currency),
        _ => false,
    };
    if is_own && matches!(cursor.next(), Some(Kind::Word(word)) if word == "rs") {
        cursor.take(".");
    }
    is_own
}
