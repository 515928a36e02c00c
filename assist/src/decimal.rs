//! Exact decimal numbers, parsed as people write them.

/// Decimal number: `digits`, with the decimal point `places` from the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    digits: i64,
    places: u32,
    /// True if the number was multiplied by a word or letter such as `k`.
    pub(crate) is_scaled: bool,
}

impl Decimal {
    /// Creates a whole number.
    pub(crate) fn of(digits: i64) -> Self {
        Self {
            digits,
            places: 0,
            is_scaled: false,
        }
    }

    /// Parses `1234.50`, `1,234.50` or `12,34,567`; `None` for other groupings, which
    /// could be meant differently.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let is_plain = decimals.bytes().all(|b| b.is_ascii_digit());
        if !is_plain || !is_grouped(whole) {
            return None;
        }
        let digits: String = whole.chars().filter(char::is_ascii_digit).collect();
        Some(Self {
            digits: format!("{digits}{decimals}").parse().ok()?,
            places: decimals.len().try_into().ok()?,
            is_scaled: false,
        })
    }

    /// Converts to minor units with `exponent` decimals; `None` if the result is not
    /// whole or out of range.
    pub(crate) fn in_units(self, exponent: u32) -> Option<i64> {
        let more = exponent.checked_sub(self.places)?;
        self.digits.checked_mul(10_i64.checked_pow(more)?)
    }

    /// Returns the number if it has no decimals.
    pub(crate) fn whole(self) -> Option<i64> {
        (self.places == 0).then_some(self.digits)
    }

    pub(crate) fn times(self, scale: i64) -> Option<Self> {
        let mut number = Self {
            digits: self.digits.checked_mul(scale)?,
            is_scaled: true,
            ..self
        };
        while number.places > 0 && number.digits % 10 == 0 {
            number.digits /= 10;
            number.places -= 1;
        }
        Some(number)
    }
}

/// Returns whether digits are grouped by three, or in the Indian style: by two, and
/// the last group by three.
fn is_grouped(whole: &str) -> bool {
    let lengths: Vec<usize> = whole.split(',').map(str::len).collect();
    match lengths.as_slice() {
        [_] => true,
        [first, between @ .., 3] => {
            let all = |length: usize| between.iter().all(|l| *l == length) && *first <= length;
            *first > 0 && (all(3) || all(2))
        }
        _ => false,
    }
}
