//! Amounts of money: `₹10,000`, `10k`, `2.5 lakh rupees`.

use domain::Currency;

use super::numbers::number;
use super::quantities::{Readings, comparisons};
use super::words::{TokenCursor, TokenKind};
use crate::money;

/// Reads comparisons with amounts, in minor units. A number without a sign is in the
/// store's currency; amounts in other currencies are not read.
pub(super) fn amounts(cursor: TokenCursor<'_>, currency: Currency) -> Readings {
    comparisons(cursor, &|cursor| amount(cursor, currency))
}

/// Reads an exact amount. Returns it in minor units, and whether it was scaled, as in
/// `10k`.
pub(super) fn amount(cursor: &mut TokenCursor<'_>, currency: Currency) -> Option<(i64, bool)> {
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

/// Skips the sign or the name of the store's currency. Returns whether it was there.
fn sign(cursor: &mut TokenCursor<'_>, currency: Currency) -> bool {
    let is_own = match cursor.peek() {
        Some(TokenKind::Word(word)) => money::means(word, currency),
        Some(TokenKind::Sign(sign)) => money::means(sign.encode_utf8(&mut [0; 4]), currency),
        _ => false,
    };
    if is_own && matches!(cursor.next(), Some(TokenKind::Word(word)) if word == "rs") {
        cursor.take(".");
    }
    is_own
}
