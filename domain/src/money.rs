//! Money: an integer number of minor units, and an ISO 4217 currency.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Maximum amount of one order, in minor units. The sum of nine million such
/// orders still fits into an `i64`, and realistic sums are exact in a
/// JavaScript number.
pub const MAX_AMOUNT: i64 = 1_000_000_000_000;

/// Amount of an order in minor units, 0 to [`MAX_AMOUNT`]; 0 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(into = "i64")]
pub struct Amount(i64);

/// Error for a number that is not an [`Amount`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an amount is an integer of minor units from 0 to {MAX_AMOUNT}, not {0}")]
pub struct AmountError(i64);

impl Amount {
    /// Returns the number of minor units.
    pub fn minor(self) -> i64 {
        self.0
    }

    /// Returns whether the amount is 0.
    pub fn is_zero(&self) -> bool {
        self.0 == 0
    }
}

impl TryFrom<i64> for Amount {
    type Error = AmountError;

    fn try_from(minor: i64) -> Result<Self, AmountError> {
        if (0..=MAX_AMOUNT).contains(&minor) {
            Ok(Self(minor))
        } else {
            Err(AmountError(minor))
        }
    }
}

impl From<Amount> for i64 {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(AmountVisitor)
    }
}

/// Visitor whose errors describe a valid amount, for example when it gets a
/// fraction.
struct AmountVisitor;

impl Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an integer of minor units from 0 to {MAX_AMOUNT}")
    }

    fn visit_i64<E: de::Error>(self, minor: i64) -> Result<Amount, E> {
        Amount::try_from(minor).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, minor: u64) -> Result<Amount, E> {
        match i64::try_from(minor) {
            Ok(minor) => self.visit_i64(minor),
            Err(_) => Err(E::invalid_value(de::Unexpected::Unsigned(minor), &self)),
        }
    }
}

/// ISO 4217 currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(iso_currency::Currency);

/// Error for a text that is not a [`Currency`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an ISO 4217 currency code such as USD")]
pub struct CurrencyError(String);

impl Currency {
    /// Returns the three-letter code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Formats an amount of minor units in major units, without the code:
    /// `1234.50`.
    pub fn major(self, minor: i64) -> String {
        let digits = usize::from(self.exponent().unwrap_or_default());
        let sign = if minor < 0 { "-" } else { "" };
        let text = format!("{:0width$}", minor.unsigned_abs(), width = digits + 1);
        let (whole, rest) = text.split_at(text.len() - digits);
        match rest {
            "" => format!("{sign}{whole}"),
            rest => format!("{sign}{whole}.{rest}"),
        }
    }

    /// Returns the number of decimals of a major unit; `None` for currencies
    /// without a minor unit, such as gold (XAU).
    pub fn exponent(self) -> Option<u16> {
        self.0.exponent()
    }
}

impl TryFrom<&str> for Currency {
    type Error = CurrencyError;

    fn try_from(code: &str) -> Result<Self, CurrencyError> {
        iso_currency::Currency::from_code(code)
            .map(Self)
            .ok_or_else(|| CurrencyError(code.to_owned()))
    }
}

impl TryFrom<String> for Currency {
    type Error = CurrencyError;

    fn try_from(code: String) -> Result<Self, CurrencyError> {
        Self::try_from(code.as_str())
    }
}

impl std::str::FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(code: &str) -> Result<Self, CurrencyError> {
        Self::try_from(code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_formatted_in_major_units() {
        let written = |minor, code| Currency::try_from(code).unwrap().major(minor);
        assert_eq!(written(10_001, "USD"), "100.01");
        assert_eq!(written(5, "USD"), "0.05");
        assert_eq!(written(-5, "USD"), "-0.05");
        assert_eq!(written(1_200, "JPY"), "1200");
        assert_eq!(written(1_200, "KWD"), "1.200");
        assert_eq!(written(0, "USD"), "0.00");
        assert_eq!(written(i64::MIN, "USD"), "-92233720368547758.08");
    }
}
