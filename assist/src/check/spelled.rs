//! Numbers spelled out in words.

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

/// Words for quantities that cannot be checked.
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

/// Parses the number with which the words begin. Returns the number and how many words
/// it takes; the number is `None` for a vague quantity.
pub(super) fn spelled(words: &[String]) -> Option<(Option<Decimal>, usize)> {
    let first = words.first()?;
    if VAGUE.contains(&first.as_str()) {
        return Some((None, 1));
    }
    small(first).or_else(|| large(first))?;
    let mut sum = SpelledNumber::default();
    let mut length = 0;
    for (index, word) in words.iter().enumerate() {
        let next = words.get(index + 1).and_then(|word| small(word));
        if word == "and" && next.is_some_and(|next| sum.has_room(next)) {
            continue;
        }
        if !sum.add_word(word) {
            break;
        }
        length = index + 1;
    }
    Some((sum.number(), length))
}

/// Number under construction: `one thousand`, then `two hundred`.
struct SpelledNumber {
    total: Option<i64>,
    current: i64,
    is_empty: bool,
}

impl Default for SpelledNumber {
    fn default() -> Self {
        Self {
            total: Some(0),
            current: 0,
            is_empty: true,
        }
    }
}

impl SpelledNumber {
    /// Adds a word to the number. Returns false if the word does not continue it.
    fn add_word(&mut self, word: &str) -> bool {
        match (small(word), large(word)) {
            (Some(number), _) if self.is_empty || self.has_room(number) => self.current += number,
            (None, Some(scale)) => self.scale(scale),
            _ => return false,
        }
        self.is_empty = false;
        true
    }

    /// Returns whether a small number may follow: `five` after `twenty` or `hundred`,
    /// not after `six`.
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

/// Returns the factor by which a word multiplies the number before it.
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
