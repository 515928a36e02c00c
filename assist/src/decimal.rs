//! Decimal numbers as people write them, exactly.

/// A number with decimals: `digits` with the point so many places from the
/// right, and whether something like `k` followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    digits: i64,
    places: u32,
    pub(crate) is_scaled: bool,
}

impl Decimal {
    /// A whole number.
    pub(crate) fn of(digits: i64) -> Self {
        Self {
            digits,
            places: 0,
            is_scaled: false,
        }
    }

    /// `1234.50`, `1,234.50`, `12,34,567`; not what could be grouped otherwise.
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

    /// How many decimals it was written with.
    pub(crate) fn places(self) -> u32 {
        self.places
    }
    /// The number of units of which so many decimal places make one; `None` if
    /// that is not a whole one or out of range.
    pub(crate) fn in_units(self, exponent: u32) -> Option<i64> {
        let more = exponent.checked_sub(self.places)?;
        self.digits.checked_mul(10_i64.checked_pow(more)?)
    }

    /// The number, if it is whole.
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

/// Groups of three, or as in India of two and a last one of three.
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
