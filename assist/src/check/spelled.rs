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
    let (mut total, mut current, mut length) = (0_i64, 0_i64, 0);
    let mut sum = Some(());
    for (index, word) in words.iter().enumerate() {
        let next_counts = words
            .get(index + 1)
            .is_some_and(|word| small(word).is_some());
        if word == "and" && next_counts && current % 100 == 0 {
            continue;
        } else if let Some(number) = small(word) {
            let has_room =
                current % 100 == 0 || (current % 10 == 0 && number < 10 && current % 100 >= 20);
            if length > 0 && !has_room {
                break;
            }
            current += number;
        } else if let Some(scale) = large(word) {
            let base = current.max(i64::from(current == 0));
            match base.checked_mul(scale) {
                Some(scaled) if scale == 100 => current = scaled,
                Some(scaled) => {
                    sum = sum.and(total.checked_add(scaled).map(|sum| total = sum));
                    current = 0;
                }
                None => sum = None,
            }
        } else {
            break;
        }
        length = index + 1;
    }
    let number = sum.and_then(|()| total.checked_add(current));
    Some((number.map(Decimal::of), length))
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
