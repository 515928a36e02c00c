//! Numbers in words.

use crate::decimal::Decimal;

const UNITS: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

const TENS: [&str; 8] = [
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];

/// What tells a quantity, and none that could be checked.
const VAGUE: [&str; 37] = [
    "half",
    "halves",
    "third",
    "thirds",
    "quarter",
    "quarters",
    "fourth",
    "fourths",
    "fifth",
    "fifths",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "tenths",
    "twice",
    "thrice",
    "double",
    "doubled",
    "triple",
    "tripled",
    "quadruple",
    "quadrupled",
    "dozen",
    "dozens",
    "couple",
    "pair",
    "hundreds",
    "thousands",
    "millions",
    "lakhs",
    "crores",
    "billions",
    "tens",
    "twofold",
    "tenfold",
];

/// The number that words begin with, and how many of them it takes. There is
/// none in what tells a quantity otherwise.
pub(super) fn spelled(words: &[String]) -> Option<(Option<Decimal>, usize)> {
    let first = words.first()?;
    if VAGUE.contains(&first.as_str()) {
        return Some((None, 1));
    }
    small(first).or_else(|| large(first))?;
    let mut sum = Sum::default();
    let mut length = 0;
    for (index, word) in words.iter().enumerate() {
        let next = words.get(index + 1).and_then(|word| small(word));
        if word == "and" && next.is_some_and(|next| sum.has_room(next)) {
            continue;
        }
        if !sum.take(word) {
            break;
        }
        length = index + 1;
    }
    Some((sum.number(), length))
}

/// A number as far as it has been read: `one thousand` and then `two hundred`.
struct Sum {
    total: Option<i64>,
    current: i64,
    is_empty: bool,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            total: Some(0),
            current: 0,
            is_empty: true,
        }
    }
}

impl Sum {
    /// Whether the next word goes on with the number.
    fn take(&mut self, word: &str) -> bool {
        match (small(word), large(word)) {
            (Some(number), _) if self.is_empty || self.has_room(number) => self.current += number,
            (None, Some(scale)) => self.scale(scale),
            _ => return false,
        }
        self.is_empty = false;
        true
    }

    /// `five` after `twenty` or `hundred`, not after `six`.
    fn has_room(&self, number: i64) -> bool {
        let rest = self.current % 100;
        rest == 0 || (rest % 10 == 0 && rest >= 20 && number < 10)
    }

    fn scale(&mut self, scale: i64) {
        let base = if self.current == 0 { 1 } else { self.current };
        match base.checked_mul(scale) {
            Some(scaled) if scale == 100 => self.current = scaled,
            scaled => {
                let sum = |total: i64| total.checked_add(scaled?);
                self.total = self.total.and_then(sum);
                self.current = 0;
            }
        }
    }

    fn number(&self) -> Option<Decimal> {
        let sum = |total: i64| total.checked_add(self.current);
        self.total.and_then(sum).map(Decimal::of)
    }
}

fn small(word: &str) -> Option<i64> {
    let index = |words: &[&str]| words.iter().position(|number| *number == word);
    let unit = index(&UNITS).map(|index| index as i64);
    unit.or_else(|| index(&TENS).map(|index| (index as i64 + 2) * 10))
}

fn large(word: &str) -> Option<i64> {
    match word {
        "hundred" => Some(100),
        word => scale(word).filter(|_| word.len() > 2),
    }
}

/// What a number before it is multiplied with.
pub(super) fn scale(word: &str) -> Option<i64> {
    match word {
        "k" | "thousand" => Some(1_000),
        "lakh" | "lac" | "l" => Some(100_000),
        "m" | "mn" | "million" => Some(1_000_000),
        "crore" | "cr" => Some(10_000_000),
        "bn" | "billion" => Some(1_000_000_000),
        _ => None,
    }
}
